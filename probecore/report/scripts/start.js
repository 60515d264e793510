// Addresses: #experiment/network/epoch/layer/filter is a filter, #experiment/removable/layer those that may go.
async function follow() {
  const parts = location.hash.slice(1).split("/").map(decodeURIComponent);
  const study = [3, 5].includes(parts.length) && byName.get(parts[0]);
  if (!study) return place("one").replaceChildren();
  if (parts.length === 3 && parts[1] === "removable") return showRemovable(study, parts[2]);
  await show(study);
  const row = find(study, parts.slice(1));
  if (row < 0) place("one").replaceChildren(element("p", `No filter ${parts.join("/")} in this study.`, { className: "note" }));
  else view(study, row);
}

place("experiment").addEventListener("change", (event) => show(byName.get(event.target.value)));
for (const axis of ["x", "y"]) place(axis).addEventListener("change", scatter);
place("compare").addEventListener("toggle", () => place("compare").open && scatter());
place("save").addEventListener("click", () => table.download("csv", `${shown.experiment}-filters.csv`));
document.querySelectorAll("#study\\.filters, .scripted").forEach((hidden) => (hidden.hidden = false));
window.addEventListener("hashchange", follow);
await show(studies[0]);
follow();
