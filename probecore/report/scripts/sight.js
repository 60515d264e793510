// Cells are made, and columns read, as far to the right as has been looked: most of a wide table never are.
const AHEAD = 3;
let made;

// How many columns begin left of the right edge of what is seen; the keys are always among them.
function inSight(widths) {
  const grid = place("table");
  const edge = grid.clientWidth + (grid.querySelector(".tabulator-tableholder")?.scrollLeft ?? 0);
  let [count, right] = [0, 0];
  while (count < widths.length && (right < edge || count <= KEYS.length)) right += widths[count++];
  grid.style.setProperty("--wide", `${widths.reduce((a, b) => a + b, 0)}px`);
  return count;
}

// Of columns that are about to be drawn.
function begin(definitions) {
  made = inSight(definitions.flatMap((one) => one.columns ?? [one]).map(({ width }) => width));
  return definitions;
}

function lookFurther() {
  const count = inSight(table.getColumns().map((column) => column.getWidth()));
  if (count <= made) return;
  made = count + AHEAD;
  for (const row of table.rowManager.rows) if (row.element) row.reinitialize(true);
  drawHistograms();
}

const cellsInSight = (row) => table.columnManager.columnsByIndex.slice(0, made).map((column) => column.generateCell(row));

function drawHistograms() {
  for (const column of table.getColumns().slice(0, made)) {
    const picture = column.getElement().querySelector(".histogram:empty");
    picture?.append(outline(valuesOf(shown, column.getField())));
  }
}
