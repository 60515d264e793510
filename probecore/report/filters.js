"use strict";
// The table of all filters, and the view of one: what filters.py wrote into the page, shown by Tabulator.
(() => {
  const studies = JSON.parse(document.getElementById("filters.data").textContent);
  const KEYS = ["network", "condition", "epoch", "layer", "filter"];
  const byName = new Map(studies.map((study) => [study.experiment, study]));
  const place = (id) => document.getElementById(`filters.${id}`);
  const element = (tag, text, attributes = {}) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...(Array.isArray(text) ? text : [text]));
    return made;
  };
  let table, shown;

  const numbers = (column, cell) => {
    column.read ??= {};
    return (column.read[cell] ??= column.cells[cell].split(",").map((text) => (text === "" ? null : Number(text))));
  };
  const written = (value) => (value === null || value === undefined ? "–" : String(value).replace("-", "−"));
  const words = (name) => name.replaceAll("_", " ");
  const field = (index) => `c${index}`;
  const address = (study, row) =>
    `#${[study.experiment, study.rows.network[row], study.rows.epoch[row], study.rows.layer[row], study.rows.filter[row]]
      .map(encodeURIComponent)
      .join("/")}`;

  function rowsOf(study) {
    return study.rows.network.map((_, row) => {
      const made = { row };
      for (const key of KEYS) made[key] = study.rows[key][row];
      study.columns.forEach((column, index) => (made[field(index)] = numbers(column, "value")[row]));
      return made;
    });
  }

  // ">0.3", "<=1", "0.2..0.5" or a number; anything else matches text.
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
    if (typeof value === "number") return text === "" || value === Number(text);
    return String(value ?? "").toLowerCase().includes(text.toLowerCase());
  }

  const measured = (study, column) => ({
    title: `${words(column.quantity)} <small>${column.site}</small>`,
    field: field(study.columns.indexOf(column)),
    headerTooltip: `${column.says} (${column.measure}, ${column.site})`,
    titleDownload: `${column.quantity} ${column.site}`,
    hozAlign: "right",
    sorter: "number",
    sorterParams: { alignEmptyValues: "bottom" },
    formatter: (cell) => {
      const row = cell.getData().row;
      const p = numbers(column, "p_bh")[row];
      const text = written(cell.getValue());
      return p !== null && p < 0.05 ? element("strong", text) : text;
    },
    tooltip: (event, cell) => {
      const at = (name) => written(numbers(column, name)[cell.getData().row]);
      return `${at("value")} [${at("low")}, ${at("high")}], null ${at("null")}, corrected p ${at("p_bh")}, n ${at("n")}`;
    },
    headerFilter: "input",
    headerFilterFunc: matches,
    headerFilterPlaceholder: " ",
  });

  function columnsOf(study) {
    const keys = KEYS.map((key) => ({
      title: key,
      field: key,
      frozen: key === "filter",
      sorter: key === "epoch" || key === "filter" ? "number" : "string",
      headerFilter: "input",
      headerFilterFunc: matches,
      headerFilterPlaceholder: " ",
      ...(key === "filter" && {
        formatter: (cell) => element("a", String(cell.getValue()), { href: address(study, cell.getData().row) }),
      }),
    }));
    const measures = [...new Set(study.columns.map((column) => column.measure))];
    const groups = measures.map((measure) => ({
      title: measure,
      columns: study.columns.filter((column) => column.measure === measure).map((column) => measured(study, column)),
    }));
    return [...keys, ...groups];
  }

  function show(study) {
    if (study === shown) return;
    shown = study;
    table?.destroy();
    place("experiment").value = study.experiment;
    table = new Tabulator(place("table"), {
      data: rowsOf(study),
      columns: columnsOf(study),
      height: "32rem",
      index: "row",
      layout: "fitData",
      columnDefaults: { vertAlign: "middle" },
      placeholder: "No filter matches",
    });
    const count = (rows) => (place("count").textContent = `${rows.length} of ${study.rows.network.length} rows`);
    const refresh = () => {
      count(table.getRows("active"));
      if (place("compare").open) scatter();
    };
    table.on("dataFiltered", () => setTimeout(refresh));
    table.on("tableBuilt", refresh);
    choose(study);
    axes(study);
  }

  function choose(study) {
    const boxes = study.columns.map((column, index) => {
      const box = element("input", [], { type: "checkbox", checked: true });
      box.addEventListener("change", () => table[box.checked ? "showColumn" : "hideColumn"](field(index)));
      return element("label", [box, ` ${words(column.quantity)} (${column.site})`], { title: column.says });
    });
    place("columns").replaceChildren(...boxes);
  }

  // Two quantities of the rows that the table shows now, a mark per filter.
  function scatter() {
    const [x, y] = ["x", "y"].map((axis) => shown.columns[Number(place(axis).value)]);
    const active = table.getRows("active").map((row) => row.getData().row);
    const points = active
      .map((row) => ({ row, at: [numbers(x, "value")[row], numbers(y, "value")[row]] }))
      .filter(({ at }) => at.every((value) => value !== null));
    const [across, up] = [0, 1].map((axis) => scale(points.map(({ at }) => at[axis])));
    const picture = svg("svg", { viewBox: "0 0 560 400", role: "img" });
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
    label(`${words(x.quantity)} (${x.site})`, { x: 310, y: 385, "text-anchor": "middle" });
    label(`${words(y.quantity)} (${y.site})`, { transform: "translate(16 175) rotate(-90)", "text-anchor": "middle" });
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

  function svg(tag, attributes, text = "") {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(text);
    return made;
  }

  function scale(values) {
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    return { low, high, to: (value) => (high > low ? 0.02 + (0.96 * (value - low)) / (high - low) : 0.5) };
  }

  function axes(study) {
    for (const [axis, chosen] of [["x", 0], ["y", study.columns.length - 1]]) {
      const options = study.columns.map((column, index) =>
        element("option", `${words(column.quantity)} (${column.site})`, { value: index, selected: index === chosen }),
      );
      place(axis).replaceChildren(...options);
    }
  }

  function find(study, [network, epoch, layer, filter]) {
    const { rows } = study;
    return rows.network.findIndex(
      (name, row) =>
        name === network && rows.layer[row] === layer && String(rows.epoch[row]) === epoch && String(rows.filter[row]) === filter,
    );
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

  function before(study, row) {
    const { rows } = study;
    const epochs = rows.epoch.filter((_, other) => rows.network[other] === rows.network[row]);
    const first = String(Math.min(...epochs));
    return find(study, [rows.network[row], first, rows.layer[row], String(rows.filter[row])]);
  }

  function view(study, row) {
    const { rows } = study;
    const first = before(study, row);
    const head = ["Measure", "Quantity", "Site", "Value", "95 % interval", "For nothing", "Corrected p", "Rank in layer", "Before training", "From"];
    const lines = study.columns
      .filter((column) => numbers(column, "value")[row] !== null)
      .map((column) => {
        const at = (name, which = row) => written(which < 0 ? null : numbers(column, name)[which]);
        const cells = [column.measure, element("span", words(column.quantity), { title: column.says }), column.site];
        cells.push(at("value"), at("low") === "–" ? "–" : `${at("low")} to ${at("high")}`, at("null"), at("p_bh"));
        cells.push(rank(study, column, row), first === row ? "–" : at("value", first));
        cells.push(element("code", column.file, { title: `SHA-256 ${column.sha256}` }));
        return element("tr", cells.map((cell) => element("td", cell)));
      });
    const title = `Filter ${rows.filter[row]} of ${rows.layer[row]}, ${rows.network[row]}, epoch ${rows.epoch[row]}`;
    const grid = element("table", [
      element("thead", element("tr", head.map((name) => element("th", name, { scope: "col" })))),
      element("tbody", lines),
    ]);
    const around = element("div", grid, { className: "scroll", tabIndex: 0, role: "region" });
    around.setAttribute("aria-label", title);
    place("one").replaceChildren(element("h3", title), around, element("p", neighbours(study, row), { className: "note" }));
    place("one").scrollIntoView({ block: "nearest" });
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

  function follow() {
    const parts = location.hash.slice(1).split("/").map(decodeURIComponent);
    const study = parts.length === 5 && byName.get(parts[0]);
    if (!study) return place("one").replaceChildren();
    show(study);
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
  show(studies[0]);
  follow();
})();
