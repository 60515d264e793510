// Small pictures of one filter. Colour says the sign, opacity the size: both hold on a light page and a dark one.
const MOST_BARS = 20;

function squares(cells, across, side, names) {
  const largest = Math.max(...cells.map(Math.abs), 0);
  const picture = svg("svg", { width: across * side, height: Math.ceil(cells.length / across) * side, class: "squares" });
  cells.forEach((value, index) => {
    const square = svg("rect", {
      x: (index % across) * side,
      y: Math.floor(index / across) * side,
      width: side,
      height: side,
      class: value < 0 ? "below" : "above",
      "fill-opacity": largest ? Math.abs(value ?? 0) / largest : 0,
    });
    square.append(svg("title", {}, `${names(index)}: ${written(value)}`));
    picture.append(square);
  });
  return picture;
}

const titled = (title, note, pictures) =>
  element("figure", [...pictures, element("figcaption", [element("strong", `${title}. `), note])], { className: "small" });

function kernel(study, row) {
  const { rows } = study;
  const found = study.kernels[`${rows.network[row]}/${rows.epoch[row]}/${rows.layer[row]}`];
  if (!found) return [];
  const [channels, height, width] = found.shape;
  const size = channels * height * width;
  found.weights ??= Int8Array.from(bytesOf(found.bytes));
  const filter = rows.filter[row];
  const weights = [...found.weights.subarray(filter * size, (filter + 1) * size)].map((step) =>
    Number(((step * found.scale[filter]) / 127).toPrecision(2)),
  );
  const panels = Array.from({ length: channels }, (_, channel) => {
    const cells = weights.slice(channel * height * width, (channel + 1) * height * width);
    return squares([...cells], width, channels > 1 ? 6 : 14, (at) => `row ${Math.floor(at / width)}, column ${at % width}`);
  });
  const of = found.mean ? "mean over input channels" : channels > 1 ? "one square per input channel" : "one input channel";
  return [titled("Kernel", `Weights, ${of}; the largest is ${written(found.scale[filter])} in size.`, panels)];
}

// Test images on which the filter is largest, with a frame around what it sees there.
const ZOOM = 2;

function exciting(study, row) {
  const found = study.exciting;
  if (!found) return [];
  found.images ??= JSON.parse(textOf(found.of));
  const own = found.images[row];
  if (!own) return [];
  const pictures = own.map(([thumbnail, image, value, box]) => {
    const picture = thumbnailOf(found, thumbnail);
    framed(picture, box.map((side) => (side * ZOOM) / found.step));
    const says = `test image ${image}, ${found.labels[thumbnail]}: ${written(value)}`;
    return Object.assign(picture, { title: says, role: "img", ariaLabel: says });
  });
  const values = own.map(([, , value]) => written(value)).join(", ");
  return [titled("Images that excite it", `Its largest values, of the test images that the atlas has seen: ${values}. Framed: pixels that move them. ${found.file}.`, pictures)];
}

function thumbnailOf(found, index) {
  const [height, width, channels] = found.shape;
  found.bytes ??= bytesOf(found.pixels);
  const picture = element("canvas", [], { width: width * ZOOM, height: height * ZOOM });
  const context = picture.getContext("2d");
  const start = index * height * width * channels;
  for (let at = 0; at < height * width; at++) {
    const pixel = start + at * channels;
    const colour = Array.from({ length: 3 }, (_, part) => found.bytes[pixel + (channels === 3 ? part : 0)]);
    context.fillStyle = `rgb(${colour.join(",")})`;
    context.fillRect((at % width) * ZOOM, Math.floor(at / width) * ZOOM, ZOOM, ZOOM);
  }
  return picture;
}

function framed(picture, [top, left, bottom, right]) {
  if (bottom <= top) return;
  const context = picture.getContext("2d");
  context.lineWidth = ZOOM;
  context.strokeStyle = "#e69f00";
  context.strokeRect(left + 1, top + 1, right - left - ZOOM, bottom - top - ZOOM);
}

function profiles(study, row) {
  return study.profiles
    .filter((profile) => profile.rows.includes(row))
    .map((profile) => {
      profile.read ??= textOf(profile.cells).split("\n");
      const values = numbersIn(profile.read[profile.rows.indexOf(row)]);
      const [down, across] = profile.levels;
      const picture = across
        ? squares(values, across.length, 14, (at) => `${down[Math.floor(at / across.length)]}, ${across[at % across.length]}`)
        : bars(down, values);
      return titled(profile.title, `${profile.caption} ${profile.measure}, ${profile.file}.`, [picture]);
    });
}

// How the numbers of a column are distributed, all rows together, from the least to the largest.
const BINS = 20;

const histogram = () => svg("svg", { width: 4 * BINS, height: 16, class: "histogram", "aria-hidden": "true" });

function outline(values) {
  const known = values.filter((value) => value !== null);
  const across = scale(known);
  const counts = new Array(BINS).fill(0);
  for (const value of known) counts[Math.min(BINS - 1, Math.floor(BINS * across.to(value)))] += 1;
  const most = Math.max(...counts, 1);
  const steps = counts.map((count, bin) => `V${16 - (15 * count) / most}H${4 * (bin + 1)}`);
  return svg("path", { d: `M0,16${steps.join("")}V16Z` });
}

function bars(names, values) {
  const order = values.map((_, index) => index);
  if (order.length > MOST_BARS) order.sort((a, b) => values[b] - values[a]).splice(MOST_BARS);
  const largest = Math.max(...order.map((index) => Math.abs(values[index])), 0);
  const picture = svg("svg", { width: 260, height: 16 * order.length, class: "bars" });
  order.forEach((index, line) => {
    const length = largest ? (100 * Math.abs(values[index] ?? 0)) / largest : 0;
    picture.append(svg("text", { x: 96, y: 16 * line + 12, "text-anchor": "end" }, names[index].slice(0, 14)));
    picture.append(svg("rect", { x: 102, y: 16 * line + 3, width: length, height: 11, class: values[index] < 0 ? "below" : "above" }));
    picture.append(svg("text", { x: 108 + length, y: 16 * line + 12 }, written(values[index])));
  });
  return picture;
}

// Value by checkpoint: a line, and its numbers for who cannot see it.
function history(study, column, row) {
  const first = before(study, row);
  const points = [[study.rows.epoch[first], numbers(column, "value")[first]]];
  for (const [epoch, line] of Object.entries(column.history)) {
    column.between ??= {};
    points.push([Number(epoch), (column.between[epoch] ??= numbersIn(textOf(line)))[row]]);
  }
  points.push([study.rows.epoch[row], numbers(column, "value")[row]]);
  const known = points.filter(([, value]) => value !== null && value !== undefined);
  if (first < 0 || first === row || known.length < 2) return "–";
  const says = known.map(([epoch, value]) => `epoch ${epoch}: ${written(value)}`).join(", ");
  const up = scale(known.map(([, value]) => value));
  const at = known.map(([, value], index) => `${3 + (54 * index) / (known.length - 1)},${17 - 14 * up.to(value)}`);
  const picture = svg("svg", { width: 60, height: 20, class: "line", role: "img" });
  picture.setAttribute("aria-label", says);
  picture.append(svg("title", {}, says), svg("polyline", { points: at.join(" ") }));
  return picture;
}
