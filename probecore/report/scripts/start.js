// Addresses: #experiment/network/epoch/layer/filter is a filter, with /network/epoch after it beside another,
// #experiment/removable/layer those that may go.
async function follow() {
  const parts = location.hash.slice(1).split("/").map(decodeURIComponent);
  const study = [3, 5, 7].includes(parts.length) && byName.get(parts[0]);
  if (!study) return place("one").replaceChildren();
  if (parts.length === 3 && parts[1] === "removable") return showRemovable(study, parts[2]);
  await show(study);
  const [network, epoch, layer, filter, ...other] = parts.slice(1);
  const row = find(study, [network, epoch, layer, filter]);
  const beside = other.length ? find(study, [...other, layer, filter]) : -1;
  if (row < 0 || (other.length && beside < 0)) place("one").replaceChildren(element("p", `No filter ${parts.join("/")} in this study.`, { className: "note" }));
  else view(study, row, beside);
}

place("experiment").addEventListener("change", (event) => show(byName.get(event.target.value)));
for (const axis of ["x", "y"]) place(axis).addEventListener("change", scatter);
place("compare").addEventListener("toggle", () => place("compare").open && scatter());
place("all").addEventListener("click", () => table.clearHeaderFilter());
place("save").addEventListener("click", () => table.download("csv", `${shown.experiment}-filters.csv`));
document.querySelectorAll("#study\\.filters, .scripted").forEach((hidden) => (hidden.hidden = false));
window.addEventListener("hashchange", follow);
await show(studies[0]);
window.addEventListener("resize", lookFurther);
follow();
