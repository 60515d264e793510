// Two quantities of the rows that the table shows now, a mark per filter.
function scatter() {
  const [x, y] = ["x", "y"].map((axis) => shown.columns[Number(place(axis).value)]);
  const active = table.getRows("active").map((row) => row.getData().row);
  const points = active
    .map((row) => ({ row, at: [numbers(x, "value")[row], numbers(y, "value")[row]] }))
    .filter(({ at }) => at.every((value) => value !== null));
  const [across, up] = [0, 1].map((axis) => scale(points.map(({ at }) => at[axis])));
  const picture = svg("svg", { viewBox: "0 0 560 400", role: "group" });
  picture.setAttribute("aria-label", `${words(y.quantity)} against ${words(x.quantity)}, ${points.length} filters`);
  picture.append(svg("rect", { x: 70, y: 10, width: 480, height: 330, class: "frame" }));
  for (const { row, at } of points) {
    const link = svg("a", { href: address(shown, row) });
    const mark = svg("circle", { cx: 70 + 480 * across.to(at[0]), cy: 340 - 330 * up.to(at[1]), r: 3.5 });
    mark.style.fill = shown.colours[shown.rows.condition[row]];
    mark.append(svg("title", {}, `${decodeURIComponent(address(shown, row).slice(1))}: ${written(at[0])}, ${written(at[1])}`));
    link.append(mark);
    picture.append(link);
  }
  const label = (text, at) => picture.append(svg("text", at, text));
  if (points.length) {
    label(written(across.low), { x: 70, y: 358 });
    label(written(across.high), { x: 550, y: 358, "text-anchor": "end" });
    label(written(up.low), { x: 64, y: 340, "text-anchor": "end" });
    label(written(up.high), { x: 64, y: 20, "text-anchor": "end" });
  }
  brush(picture, (from, to) => {
    select(x, [across.of((from.x - 70) / 480), across.of((to.x - 70) / 480)]);
    select(y, [up.of((340 - from.y) / 330), up.of((340 - to.y) / 330)]);
  });
  label(named(x), { x: 310, y: 385, "text-anchor": "middle" });
  label(named(y), { transform: "translate(16 175) rotate(-90)", "text-anchor": "middle" });
  place("scatter").replaceChildren(picture, legend(points));
}

function legend(points) {
  const conditions = [...new Set(points.map(({ row }) => shown.rows.condition[row]))];
  const names = conditions.flatMap((name) => {
    const dot = element("i", [], { className: "dot" });
    dot.style.background = shown.colours[name];
    return [dot, `${name} `];
  });
  return element("p", [`${points.length} filters that the table shows: `, ...names], { className: "note" });
}

function scale(values) {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const to = (value) => (high > low ? 0.02 + (0.96 * (value - low)) / (high - low) : 0.5);
  return { low, high, to, of: (place) => low + ((place - 0.02) / 0.96) * (high - low) };
}

// Calls `done` with two corners when a rectangle has been drawn with the pointer.
function brush(picture, done) {
  const at = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
  const area = svg("rect", { class: "area" });
  let from;
  picture.addEventListener("dragstart", (event) => event.preventDefault());
  picture.addEventListener("pointerdown", (event) => {
    from = at(event);
    picture.append(area);
  });
  picture.addEventListener("pointermove", (event) => {
    if (!from) return;
    const to = at(event);
    const drawn = { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(from.x - to.x), height: Math.abs(from.y - to.y) };
    for (const [name, value] of Object.entries(drawn)) area.setAttribute(name, value);
  });
  picture.addEventListener("pointerup", (event) => {
    const to = at(event);
    area.remove();
    if (from && Math.abs(from.x - to.x) > 3 && Math.abs(from.y - to.y) > 3) done(from, to);
    from = undefined;
  });
}

// The table shows rows with a quantity in this range alone, as if it had been typed below the heading.
function select(column, ends) {
  if (!chosen(shown).has(column)) {
    chosen(shown).add(column);
    choose(shown);
    drawColumns();
  }
  const [low, high] = ends.sort((a, b) => a - b).map((value) => value.toPrecision(4));
  table.setHeaderFilterValue(field(shown.columns.indexOf(column)), `${low}..${high}`);
}

function axes(study) {
  for (const [axis, chosen] of [["x", 0], ["y", study.columns.length - 1]]) {
    const options = study.columns.map((column, index) =>
      element("option", named(column), { value: index, selected: index === chosen }),
    );
    place(axis).replaceChildren(...options);
  }
}

