// The heat map: cells of a grid, and lines of latitude and longitude. The projection and the shades are those of `millrace picture`.

import { byId, element, numbers, say, shape } from "./element.js";
import { events, grouped } from "./text.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [600, 420, 52, 8, 8, 26];
const SHADES = 7;
const WIDE = 100;
const STEPS = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];
const MAX_NUMBERS = 50;

export function show(points) {
  const cells = points?.cells ?? [];
  say("map-field", points ? `by ${points.field}` : "");
  byId("map-none").hidden = cells.length > 0;
  const name = (cell) => `${degree((cell.south + cell.north) / 2, 2, "N", "S")}, ${degree((cell.west + cell.east) / 2, 2, "E", "W")}`;
  byId("map").replaceChildren(...(cells.length ? drawn(cells, name) : []));
  const most = cells.toSorted((a, b) => b.count - a.count).slice(0, MAX_NUMBERS);
  byId("map-numbers").replaceChildren(
    numbers(`The ${most.length} cells with the most events`, ["middle", "events"], most.map((cell) => [name(cell), grouped(cell.count)])));
}

function drawn(cells, name) {
  const view = projection(cells);
  const counts = cells.map((cell) => cell.count);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const isLogarithmic = most / Math.max(1, least) > WIDE;
  const on = (count) => (isLogarithmic ? Math.log(Math.max(1, count)) : count);
  const shade = (count) =>
    most > least ? Math.min(SHADES - 1, Math.floor(((on(count) - on(least)) / (on(most) - on(least))) * SHADES)) : SHADES - 1;
  const label = `Heat map of ${cells.length} cells, with ${grouped(least)} to ${grouped(most)} events each. The numbers are in a table below.`;
  const map = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  map.append(shape("rect", { class: "sea", x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM }));
  for (const cell of cells) {
    const [x, y] = [view.x(cell.west), view.y(cell.north)];
    const at = { x, y, width: view.x(cell.east) - x, height: view.y(cell.south) - y };
    map.append(shape("rect", { class: `c${shade(cell.count)}`, ...at }, shape("title", {}, `${name(cell)}: ${events(cell.count)}`)));
  }
  map.append(...lines(view));
  const ramp = Array.from({ length: SHADES }, (_, number) => element("i", { class: `s${number}` }));
  const scale = isLogarithmic ? ", on a logarithmic scale" : "";
  const key = element("p", { class: "key" }, element("span", {}, grouped(least)),
    element("span", { class: "ramp", "aria-hidden": "true" }, ...ramp), element("span", {}, `${grouped(most)} events a cell${scale}`));
  return [map, key];
}

/** From degrees to the picture: equirectangular, true to scale in the middle. */
function projection(cells) {
  const fold = (side, least) => cells.reduce((found, cell) => least(found, cell[side]), cells[0][side]);
  const [west, east, south, north] = [fold("west", Math.min), fold("east", Math.max), fold("south", Math.min), fold("north", Math.max)];
  const [lon, lat] = [(west + east) / 2, (south + north) / 2];
  const shrink = Math.max(0.2, Math.cos((lat * Math.PI) / 180));
  const [wide, high] = [WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
  const scaleY = Math.min(wide / (Math.max(1e-4, east - west) * 1.12 * shrink), high / (Math.max(1e-4, north - south) * 1.12));
  const scaleX = scaleY * shrink;
  return {
    x: (degrees) => LEFT + wide / 2 + (degrees - lon) * scaleX,
    y: (degrees) => TOP + high / 2 - (degrees - lat) * scaleY,
    west: Math.max(-180, lon - wide / 2 / scaleX),
    east: Math.min(180, lon + wide / 2 / scaleX),
    south: Math.max(-90, lat - high / 2 / scaleY),
    north: Math.min(90, lat + high / 2 / scaleY),
  };
}

function lines(view) {
  const extent = Math.max(view.east - view.west, view.north - view.south);
  const step = STEPS.findLast((step) => extent / step <= 7) ?? STEPS[0];
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const made = [];
  for (const at of marks(view.west, view.east, step)) {
    const x = view.x(at);
    made.push(shape("line", { class: "line", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }));
    made.push(shape("text", { class: "tick", x, y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, degree(at, digits, "E", "W")));
  }
  for (const at of marks(view.south, view.north, step)) {
    const y = view.y(at);
    made.push(shape("line", { class: "line", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }));
    made.push(shape("text", { class: "tick", x: LEFT - 7, y: y + 4, "text-anchor": "end" }, degree(at, digits, "N", "S")));
  }
  return made;
}

function marks(from, to, step) {
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.max(0, Math.floor(to / step) - first + 1) }, (_, number) => (first + number) * step);
}

function degree(value, digits, positive, negative) {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? "0°" : `${text}°${value < 0 ? negative : positive}`;
}
