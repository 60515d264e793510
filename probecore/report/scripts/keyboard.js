// Headings are one stop of the Tab key: arrows go from one to the next, Enter sorts, down is the field below.
const TITLE = ".tabulator-col[tabulator-field] > .tabulator-col-content .tabulator-col-title";

function reach() {
  const grid = place("table");
  const headings = [...grid.querySelectorAll(TITLE)];
  headings.forEach((heading, index) => {
    heading.setAttribute("role", "button");
    heading.tabIndex = index ? -1 : 0;
  });
  grid.setAttribute("aria-label", "Filters");
  // Tabulator's roles, where they are none that a screen reader knows.
  for (const inner of grid.querySelectorAll(".tabulator-header-contents, .tabulator-table, .tabulator-col-group")) {
    inner.setAttribute("role", "presentation");
    inner.removeAttribute("aria-title");
    inner.removeAttribute("aria-sort");
  }
  const rows = grid.querySelector(".tabulator-tableholder");
  rows.setAttribute("role", "rowgroup");
  rows.setAttribute("aria-label", "Rows");
}

function step(heading, by) {
  const headings = [...place("table").querySelectorAll(TITLE)].filter((one) => one.offsetParent);
  const next = headings[headings.indexOf(heading) + by];
  if (!next) return;
  heading.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
  place("table").querySelector(".tabulator-tableholder").scrollLeft = next.closest(".tabulator-header-contents").scrollLeft;
}

function pressed(event) {
  const column = event.target.closest(".tabulator-col[tabulator-field]");
  if (!column) return;
  const [heading, asked] = [column.querySelector(TITLE.split(" > ").pop()), column.querySelector("input")];
  const moves = {
    ArrowRight: () => step(heading, 1),
    ArrowLeft: () => step(heading, -1),
    ArrowDown: () => asked.focus(),
    Enter: () => heading.click(),
    " ": () => heading.click(),
  };
  const leave = { Escape: () => heading.focus(), ArrowUp: () => heading.focus() };
  const move = (event.target === heading ? moves : event.target === asked ? leave : {})[event.key];
  if (!move) return;
  event.preventDefault();
  event.stopPropagation();
  move();
}

place("table").addEventListener("keydown", pressed, true);
