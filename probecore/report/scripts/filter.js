// The view of one filter, and where a number comes from.
const table_of = (head, lines, label) => {
  const grid = element("table", [
    element("thead", element("tr", head.map((name) => element("th", name, { scope: "col" })))),
    element("tbody", lines.map((cells) => element("tr", cells.map((cell) => element("td", cell))))),
  ]);
  const around = element("div", grid, { className: "scroll", tabIndex: 0, role: "region" });
  around.setAttribute("aria-label", label);
  return around;
};

function source(study, column, row) {
  const from = study.sources[column.measure];
  const line = numbers(column, "line")[row];
  if (line === null) return;
  const exact = (name) => written(numbers(column, name)[row]);
  const facts = [
    ["Number", `${named(column)} = ${exact("value")}, to four digits: ${column.says}`],
    ["File", element("code", from.file)],
    ["Row", `line ${line}: ${KEYS.map((key) => `${key} ${study.rows[key][row]}`).join(", ")}`],
    ["SHA-256 of the file", element("code", from.sha256, { className: "hash" })],
    ["Parameters", element("pre", from.parameters)],
    ["Command", element("pre", from.command)],
  ];
  place("source").replaceChildren(
    element("h3", "Where this number comes from"),
    element("dl", facts.flatMap(([name, what]) => [element("dt", name), element("dd", what)]), { className: "facts" }),
  );
  place("source").focus();
}

// How many filters of its layer, network and checkpoint have a larger value, plus one.
function rank(study, column, row) {
  const { rows } = study;
  const values = numbers(column, "value");
  const peers = values.filter(
    (value, other) =>
      value !== null &&
      rows.network[other] === rows.network[row] &&
      rows.epoch[other] === rows.epoch[row] &&
      rows.layer[other] === rows.layer[row],
  );
  return `${1 + peers.filter((value) => value > values[row]).length} of ${peers.length}`;
}

const SAFE = {
  [REMOVAL.none]: "Not measured here: no measure of this study removes it.",
  [REMOVAL.open]: "Undecided: what the network loses without it is measured, but without an interval.",
  [REMOVAL.shown]: "No: the network loses by its removal.",
  [REMOVAL.not]: "No loss is shown when it alone is removed; what several cost together is another question.",
};

function safe(study, row) {
  const lines = losses(study, row).map(({ column, low }) => {
    const at = (name) => written(numbers(column, name)[row]);
    const judged = low === null ? "no interval" : low > 0 ? "loss shown" : "no loss shown";
    return [column.measure, column.says, at("value"), low === null ? "–" : `${at("low")} to ${at("high")}`, judged];
  });
  const answer = element("p", [element("strong", "Safe to prune? "), SAFE[removal(study, row)]]);
  if (!lines.length) return [answer];
  const evidence = table_of(["Measure", "What is lost", "Value", "95 % interval", "Judged"], lines, "Evidence on removal");
  return [answer, element("details", [element("summary", `Evidence: ${lines.length} ablations`), evidence])];
}

function view(study, row) {
  const { rows } = study;
  const first = before(study, row);
  const head = ["Measure", "Quantity", "Site", "Value", "95 % interval", "For nothing", "Corrected p", "Rank in layer", "Before training", "Over training"];
  const lines = study.columns
    .filter((column) => numbers(column, "value")[row] !== null)
    .map((column) => {
      const at = (name, which = row) => written(which < 0 ? null : numbers(column, name)[which]);
      const value = element("button", at("value"), { type: "button", className: "number", title: "Where it comes from" });
      value.addEventListener("click", () => source(study, column, row));
      const cells = [column.measure, element("span", words(column.quantity), { title: column.says }), column.site, value];
      cells.push(at("low") === "–" ? "–" : `${at("low")} to ${at("high")}`, at("null"), at("p_bh"));
      cells.push(rank(study, column, row), first === row ? "–" : at("value", first), history(study, column, row));
      return cells;
    });
  const title = `Filter ${rows.filter[row]} of ${rows.layer[row]}, ${rows.network[row]}, epoch ${rows.epoch[row]}`;
  place("one").replaceChildren(
    element("h3", title),
    ...safe(study, row),
    element("div", [...kernel(study, row), ...profiles(study, row)], { className: "figures" }),
    table_of(head, lines, title),
    element("p", neighbours(study, row), { className: "note" }),
  );
  place("one").scrollIntoView();
  place("one").focus({ preventScroll: true });
}

function neighbours(study, row) {
  const { rows } = study;
  const same = rows.network
    .map((_, other) => other)
    .filter(
      (other) =>
        other !== row &&
        rows.layer[other] === rows.layer[row] &&
        rows.filter[other] === rows.filter[row] &&
        (rows.network[other] === rows.network[row] || rows.epoch[other] === rows.epoch[row]),
    );
  const links = same.map((other) =>
    element("a", `${rows.network[other]}, epoch ${rows.epoch[other]}`, { href: address(study, other) }),
  );
  return ["The same place in other networks: ", ...links.flatMap((link, index) => (index ? [" · ", link] : [link]))];
}
