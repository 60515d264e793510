// The order of rows. A column is ranked once and ranks are sorted as numbers: Tabulator would ask both rows of each
// comparison for their values.
const LAST = 0xffffffff;
const byText = (a, b) => a.toLowerCase().localeCompare(b.toLowerCase());

function valuesOf(study, name) {
  if (name in study.rows) return study.rows[name];
  if (name === "removal") return (study.removed ??= study.removal.map((one) => REMOVAL[one]));
  return numbers(study.columns[Number(name.slice(1))], "value");
}

// The place of each row's value among all different ones, upwards and downwards; where there is none is last in both.
function ranks(study, name) {
  study.ranks ??= {};
  return (study.ranks[name] ??= ranked(valuesOf(study, name)));
}

function ranked(values) {
  const known = values.filter((value) => value !== null);
  const different = typeof known[0] === "number" ? Float64Array.from(new Set(known)).sort() : [...new Set(known)].sort(byText);
  const places = new Map();
  different.forEach((value, place) => places.set(value, place));
  const asc = Uint32Array.from(values, (value) => places.get(value) ?? LAST);
  return { asc, desc: asc.map((rank) => (rank === LAST ? LAST : different.length - rank)) };
}

// Stands for Tabulator's own. Of several columns the last decides first; rows that are equal in it stay as they were.
function sortItems(rows, sorters) {
  for (const { column, dir } of sorters) {
    const rank = ranks(shown, column.getField())[dir];
    const before = rows.slice();
    const order = Float64Array.from(before, (row, at) => rank[row.data.row] * before.length + at).sort();
    order.forEach((one, at) => (rows[at] = before[one % before.length]));
  }
}
