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
    table.on("dataFiltered", (_, rows) => count(rows));
    table.on("tableBuilt", () => count(table.getRows("active")));
    choose(study);
  }

  function choose(study) {
    const boxes = study.columns.map((column, index) => {
      const box = element("input", [], { type: "checkbox", checked: true });
      box.addEventListener("change", () => table[box.checked ? "showColumn" : "hideColumn"](field(index)));
      return element("label", [box, ` ${words(column.quantity)} (${column.site})`], { title: column.says });
    });
    place("columns").replaceChildren(...boxes);
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
  place("copy").addEventListener("click", () => table.download("csv", `${shown.experiment}-filters.csv`));
  document.querySelectorAll("#study\\.filters, .scripted").forEach((hidden) => (hidden.hidden = false));
  window.addEventListener("hashchange", follow);
  show(studies[0]);
  follow();
})();
