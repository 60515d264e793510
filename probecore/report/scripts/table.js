// The table of all filters, drawn by Tabulator.
function rowsOf(study) {
  // What a row says of a column is read when the column is; Tabulator writes back what it has read.
  const says = {};
  for (const name of [...KEYS, "removal", ...study.columns.map((_, index) => field(index))])
    Object.defineProperty(says, name, {
      get() {
        return valuesOf(study, name)[this.row];
      },
      set() {},
    });
  return study.rows.network.map((_, row) => Object.assign(Object.create(says), { row }));
}

// ">0.3", "<=1", "0.2..0.5", "=conv1" or a number; anything else matches text.
function matches(asked, value) {
  const text = asked.trim().replaceAll("−", "-");
  const range = text.match(/^(-?[\d.e+-]+)\.\.(-?[\d.e+-]+)$/i);
  const bound = text.match(/^([<>]=?)\s*(.+)$/);
  if (range) return value !== null && value >= Number(range[1]) && value <= Number(range[2]);
  if (bound && !Number.isNaN(Number(bound[2]))) {
    if (value === null) return false;
    const limit = Number(bound[2]);
    return { "<": value < limit, ">": value > limit, "<=": value <= limit, ">=": value >= limit }[bound[1]];
  }
  if (text.startsWith("=")) return String(value) === text.slice(1).trim();
  if (typeof value === "number") return text === "" || value === Number(text);
  return String(value ?? "").toLowerCase().includes(text.toLowerCase());
}

const asking = (name) => ({
  headerFilter: "input",
  headerFilterFunc: matches,
  headerFilterPlaceholder: " ",
  headerFilterParams: { elementAttributes: { "aria-label": `Only rows with this ${name}`, tabindex: "-1" } },
});

// A few quantities of each measure; the others are one click away.
const AT_FIRST = 4;
const chosen = (study) =>
  (study.chosen ??= new Set(
    study.columns.filter(
      (column) => study.columns.filter((other) => other.measure === column.measure).indexOf(column) < AT_FIRST,
    ),
  ));

// No word of a heading is broken.
const NARROWEST = 108;
const PER_LETTER = 8.5;
const BESIDE = 40;
const widthOf = (column) =>
  Math.max(NARROWEST, BESIDE + PER_LETTER * Math.max(...words(column.quantity).split(" ").map((word) => word.length)));

const measured = (study, column) => ({
  title: named(column),
  titleFormatter: () =>
    element("span", [`${words(column.quantity)} `, element("small", column.site), histogram()]),
  width: widthOf(column),
  field: field(study.columns.indexOf(column)),
  headerTooltip: `${column.says} (${column.measure}, ${column.site})`,
  titleDownload: `${column.quantity} ${column.site}`,
  hozAlign: "right",
  formatter: (cell) => {
    const p = numbers(column, "p_bh")[cell.getData().row];
    const text = written(cell.getValue());
    return p !== null && p < 0.05 ? element("strong", text) : text;
  },
  tooltip: (event, cell) => {
    const at = (name) => written(numbers(column, name)[cell.getData().row]);
    return `${at("value")} [${at("low")}, ${at("high")}], null ${at("null")}, corrected p ${at("p_bh")}, n ${at("n")}`;
  },
  cellClick: (event, cell) => source(study, column, cell.getData().row),
  ...asking(named(column)),
});

function columnsOf(study) {
  const keys = [...KEYS, ...(study.removable.length ? ["removal"] : [])].map((key) => ({
    title: key,
    field: key,
    width: NARROWEST,
    frozen: key === "filter",
    ...asking(key),
    ...(key === "filter" && {
      formatter: (cell) => element("a", String(cell.getValue()), { href: address(study, cell.getData().row) }),
    }),
    ...(key === "removal" && {
      headerTooltip: "Whether any ablation of the filter alone shows a loss: the lower end of an interval above 0",
    }),
  }));
  const measures = [...new Set(study.columns.map((column) => column.measure))];
  const groups = measures.map((measure) => ({
    title: measure,
    columns: study.columns
      .filter((column) => column.measure === measure && chosen(study).has(column))
      .map((column) => measured(study, column)),
  }));
  return [...keys, ...groups.filter((group) => group.columns.length)];
}

// Tabulator saves copies of rows, which know their number alone.
const accessorDownload = (value, copy, type, params, column) => valuesOf(shown, column.getField())[copy.row];

// Every column has its width: Tabulator would measure each of them anew.
Tabulator.extendModule("layout", "modes", { asGiven: () => {} });

function show(study) {
  if (study === shown) return built;
  shown = study;
  table?.destroy();
  place("source").replaceChildren();
  place("experiment").value = study.experiment;
  table = new Tabulator(place("table"), {
    data: rowsOf(study),
    columns: begin(columnsOf(study)),
    height: "32rem",
    layout: "asGiven",
    index: "row",
    // Nothing is measured and little is drawn that is not seen: that is what a sort takes.
    rowHeight: 26,
    renderVerticalBuffer: 52,
    columnDefaults: { headerWordWrap: true, resizable: "header", accessorDownload },
    placeholder: "No filter matches",
  });
  table.modules.sort._sortItems = sortItems;
  table.columnManager.generateCells = cellsInSight;
  for (const event of ["scrollHorizontal", "columnResized"]) table.on(event, lookFurther);
  const refresh = () => {
    place("count").textContent = `${table.getDataCount("active")} of ${study.rows.network.length} rows`;
    if (place("compare").open) scatter();
  };
  choose(study);
  axes(study);
  built = new Promise((done) =>
    table.on("tableBuilt", () => {
      table.on("dataFiltered", () => setTimeout(refresh));
      refresh();
      drawHistograms();
      reach();
      done();
    }),
  );
  return built;
}
let built;

// Filters of a layer after training with true labels, of which no ablation shows a loss.
async function showRemovable(study, layer) {
  await show(study);
  table.clearHeaderFilter();
  table.setHeaderFilterValue("layer", `=${layer}`);
  table.setHeaderFilterValue("condition", "=trained");
  table.setHeaderFilterValue("removal", `=${REMOVAL.not}`);
  place("table").scrollIntoView();
}

// What was asked for below headings stays, and the order.
function drawColumns() {
  const [asked, order] = [table.getHeaderFilters(), table.getSorters()];
  table.setColumns(begin(columnsOf(shown)));
  const stands = (name) => shown.columns.every((column, index) => name !== field(index) || chosen(shown).has(column));
  for (const { field: name, value } of asked) if (stands(name)) table.setHeaderFilterValue(name, value);
  table.setSort(order.filter((one) => stands(one.field)).map((one) => ({ column: one.field, dir: one.dir })));
  drawHistograms();
  reach();
}

function choose(study) {
  const boxes = study.columns.map((column) => {
    const box = element("input", [], { type: "checkbox", checked: chosen(study).has(column) });
    box.addEventListener("change", () => {
      chosen(study)[box.checked ? "add" : "delete"](column);
      drawColumns();
    });
    return box;
  });
  const labels = boxes.map((box, index) => {
    const column = study.columns[index];
    return element("label", [box, ` ${named(column)}`], { title: column.says });
  });
  const all = element("input", [], { type: "checkbox", checked: boxes.every((box) => box.checked) });
  all.addEventListener("change", () => {
    study.chosen = new Set(all.checked ? study.columns : []);
    boxes.forEach((box) => (box.checked = all.checked));
    drawColumns();
  });
  place("columns").replaceChildren(element("label", [all, " all"]), ...labels);
}
