// The part of time that is shown. `null` is no limit.

import { byId } from "./element.js";

/** The last millisecond that JavaScript has a date for. */
const MOST_MS = 8.64e15;

const part = { from: null, to: null };
/** The first and the last time in the chart, and the length of its last bar. */
const shown = { from: null, to: null };
let changed = () => {};
/** Whether a time was typed and not used yet. */
let isTyped = false;

export const range = () => ({ ...part });

/** Calls `then` after each change. */
export function listen(then) {
  changed = then;
  byId("zoom").addEventListener("input", () => (isTyped = true));
  byId("zoom").addEventListener("submit", (event) => {
    event.preventDefault();
    zoom(read("from"), read("to"));
  });
  byId("zoom-in").addEventListener("click", () => scale(0.5));
  byId("zoom-out").addEventListener("click", () => scale(2));
  byId("zoom-all").addEventListener("click", () => zoom(null, null));
  document.addEventListener("keydown", (event) => {
    const isZoomed = part.from !== null || part.to !== null;
    // In an input, Escape has another meaning.
    if (event.key === "Escape" && isZoomed && !event.target.closest("input")) zoom(null, null);
  });
}

/** Shows the events from one time to before another, in milliseconds. */
export function zoom(from, to) {
  if (from !== null && to !== null && from >= to) [from, to] = [to, from + (from === to ? 1 : 0)];
  Object.assign(part, { from, to });
  isTyped = false;
  write(from, to);
  changed();
}

/** The chart shows this part. */
export function showing(from, to) {
  Object.assign(shown, { from, to });
  if (!isTyped) write(part.from ?? from, part.to ?? to);
  byId("zoom-in").disabled = byId("zoom-out").disabled = from === null;
}

function scale(factor) {
  const [from, to] = [part.from ?? shown.from, part.to ?? shown.to];
  if (from === null || to === null) return;
  const [middle, half] = [(from + to) / 2, Math.max(1, ((to - from) * factor) / 2)];
  zoom(Math.max(-MOST_MS, Math.floor(middle - half)), Math.min(MOST_MS, Math.ceil(middle + half)));
}

/** The inputs have no zone: the page reads and writes UTC. */
function read(id) {
  const value = byId(id).value;
  const ms = value === "" ? NaN : Date.parse(`${value}Z`);
  return Number.isNaN(ms) ? null : ms;
}

function write(...limits) {
  ["from", "to"].forEach((id, number) => {
    const ms = limits[number];
    byId(id).value = ms === null || Math.abs(ms) > MOST_MS ? "" : new Date(ms).toISOString().slice(0, 19);
  });
}
