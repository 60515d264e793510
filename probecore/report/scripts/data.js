// What filters.py wrote into the page, a line each, read when it is asked for.
const lines = document.getElementById("filters.data").content.children;
const decoded = (text) => Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const bytesOf = (line) => fflate.unzlibSync(decoded(lines[line].textContent));
const textOf = (line) => new TextDecoder().decode(bytesOf(line));
const studies = JSON.parse(textOf(0));
const KEYS = ["network", "condition", "epoch", "layer", "filter"];
const byName = new Map(studies.map((study) => [study.experiment, study]));
const place = (id) => document.getElementById(`filters.${id}`);
const element = (tag, text, attributes = {}) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...(Array.isArray(text) ? text : [text]));
  return made;
};
const svg = (tag, attributes, text = "") => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(text);
  return made;
};

const numbersIn = (text) => text.split(",").map((cell) => (cell === "" ? null : Number(cell)));
const numbers = (column, cell) => {
  column.read ??= {};
  return (column.read[cell] ??= numbersIn(textOf(column.cells[cell])));
};
const written = (value) => (value === null || value === undefined ? "–" : String(value).replace("-", "−"));
const words = (name) => name.replaceAll("_", " ");
const named = (column) => `${words(column.quantity)} (${column.site})`;
const field = (index) => `c${index}`;
const address = (study, row) =>
  `#${[study.experiment, study.rows.network[row], study.rows.epoch[row], study.rows.layer[row], study.rows.filter[row]]
    .map(encodeURIComponent)
    .join("/")}`;

// What the table shows now.
let table, shown;

function find(study, [network, epoch, layer, filter]) {
  const { rows } = study;
  return rows.network.findIndex(
    (name, row) =>
      name === network && rows.layer[row] === layer && String(rows.epoch[row]) === epoch && String(rows.filter[row]) === filter,
  );
}

// The same filter at the first checkpoint.
function before(study, row) {
  const { rows } = study;
  study.first ??= {};
  const name = rows.network[row];
  study.first[name] ??= Math.min(...rows.epoch.filter((_, other) => rows.network[other] === name));
  return find(study, [name, String(study.first[name]), rows.layer[row], String(rows.filter[row])]);
}

// What the network loses without a filter, as the columns of importance say with their intervals.
function losses(study, row) {
  return study.columns
    .filter((column) => column.importance && numbers(column, "value")[row] !== null)
    .map((column) => ({ column, low: numbers(column, "low")[row] }));
}

const REMOVAL = { none: "not measured", open: "no interval", shown: "loss shown", not: "no loss shown" };
const removal = (study, row) => REMOVAL[study.removal[row]];
