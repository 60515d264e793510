// The order of rows. A column is ranked once, and ranks are compared: Tabulator would ask both rows of each comparison
// for their values.
const LAST = 0xffffffff;
const byValue = (a, b) => (typeof a === "number" ? a - b : a.toLowerCase().localeCompare(b.toLowerCase()));

function valuesOf(study, name) {
  if (name in study.rows) return study.rows[name];
  if (name === "removal") return study.removal.map((one) => REMOVAL[one]);
  return numbers(study.columns[Number(name.slice(1))], "value");
}

// The place of each row's value among all different ones, upwards and downwards; where there is none is last in both.
function ranks(study, name) {
  study.ranks ??= {};
  return (study.ranks[name] ??= ranked(valuesOf(study, name)));
}

function ranked(values) {
  const different = [...new Set(values)].filter((value) => value !== null).sort(byValue);
  const place = new Map(different.map((value, index) => [value, index]));
  const asc = Uint32Array.from(values, (value) => place.get(value) ?? LAST);
  return { asc, desc: asc.map((rank) => (rank === LAST ? LAST : different.length - rank)) };
}

// Stands for Tabulator's own: of several columns the last is asked first.
function sortItems(rows, sorters) {
  const keys = sorters.map(({ column, dir }) => ranks(shown, column.getField())[dir]).reverse();
  rows.sort((a, b) => {
    for (const key of keys) {
      const by = key[a.data.row] - key[b.data.row];
      if (by) return by;
    }
    return 0;
  });
}
