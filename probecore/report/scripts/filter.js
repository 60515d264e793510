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

// `beside` is the row of the same filter in another network or at another checkpoint, or -1.
function view(study, row, beside = -1) {
  const { rows } = study;
  const first = before(study, row);
  const other = beside < 0 ? [] : [whose(study, beside)];
  const head = ["Measure", "Quantity", "Site", "Value", ...other, "Over training", "95 % interval", "For nothing", "Corrected p", "Rank in layer", "Before training"];
  const lines = study.columns
    .filter((column) => numbers(column, "value")[row] !== null)
    .map((column) => {
      const at = (name, which = row) => written(which < 0 ? null : numbers(column, name)[which]);
      const value = element("button", at("value"), { type: "button", className: "number", title: "Where it comes from" });
      value.addEventListener("click", () => source(study, column, row));
      const cells = [column.measure, element("span", words(column.quantity), { title: column.says }), column.site, value];
      if (other.length) cells.push(at("value", beside));
      cells.push(history(study, column, row), at("low") === "–" ? "–" : `${at("low")} to ${at("high")}`, at("null"), at("p_bh"));
      cells.push(rank(study, column, row), first === row ? "–" : at("value", first));
      return cells;
    });
  const title = `Filter ${rows.filter[row]} of ${rows.layer[row]}, ${whose(study, row)}`;
  place("one").replaceChildren(
    element("h3", title),
    ...safe(study, row),
    choice(study, row, beside),
    ...[row, ...(other.length ? [beside] : [])].flatMap((one) => pictured(study, one, other.length)),
    table_of(head, lines, title),
    element("p", neighbours(study, row), { className: "note" }),
  );
  place("one").scrollIntoView();
  place("one").focus({ preventScroll: true });
}

const whose = (study, row) => `${study.rows.network[row]}, epoch ${study.rows.epoch[row]}`;

function pictured(study, row, named) {
  const pictures = element("div", [...kernel(study, row), ...exciting(study, row), ...profiles(study, row)], { className: "figures" });
  return named ? [element("h4", whose(study, row)), pictures] : [pictures];
}

// Leads to the address at which another network or checkpoint stands beside this one.
function choice(study, row, beside) {
  const options = [-1, ...same(study, row)].map((other) =>
    element("option", other < 0 ? "nothing" : whose(study, other), { value: other, selected: other === beside }),
  );
  const list = element("select", options);
  list.addEventListener("change", () => {
    const other = Number(list.value);
    location.hash = other < 0 ? address(study, row) : [address(study, row), study.rows.network[other], study.rows.epoch[other]].join("/");
  });
  return element("p", element("label", ["Beside it: ", list]), { className: "bar" });
}

// The same place in other networks, and at other checkpoints of this one.
function same(study, row) {
  const { rows } = study;
  return rows.network
    .map((_, other) => other)
    .filter((other) => other !== row && rows.layer[other] === rows.layer[row] && rows.filter[other] === rows.filter[row]);
}

function neighbours(study, row) {
  const links = same(study, row).map((other) => element("a", whose(study, other), { href: address(study, other) }));
  return ["The same place in other networks and at other checkpoints: ", ...links.flatMap((link, index) => (index ? [" · ", link] : [link]))];
}
