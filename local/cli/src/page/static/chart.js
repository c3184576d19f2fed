// Events over time, as bars that can be dragged over (uPlot), and as numbers.

import { byId, element, numbers, say } from "./element.js";
import { events, grouped, time } from "./text.js";
import { range, showing, zoom } from "./time.js";

const HEIGHT = 210;
const UNITS = { ms: 1, s: 1000, m: 60000, h: 3600000, d: 86400000, M: 2592000000, y: 31536000000 };

let plot = null;
let last = null;
let total = 0;
/** What is drawn, and whether it is being dragged over: a new chart would end the drag. */
let drawn = "";
let isHeld = false;

export function show(times, all) {
  [last, total] = [times, all];
  const buckets = times?.buckets ?? [];
  const timed = buckets.reduce((sum, [, count]) => sum + count, 0);
  const others = buckets.length > 0 && all > timed ? ` (not in ${events(all - timed)})` : "";
  say("times-field", times ? `by ${times.field}${others}${times.interval ? `, bars of ${times.interval}` : ""}` : "");
  byId("times-none").hidden = buckets.length > 0;
  byId("chart").hidden = buckets.length === 0;
  const width = step(times);
  showing(buckets.length ? buckets[0][0] : null, buckets.length ? buckets[buckets.length - 1][0] + width : null);
  byId("chart").setAttribute("aria-label", buckets.length
    ? `${events(timed)} from ${time(buckets[0][0])} to ${time(buckets[buckets.length - 1][0] + width)} UTC, in ${buckets.length} bars`
    : "Events over time");
  const now = JSON.stringify([buckets, range()]);
  if (isHeld || now === drawn) return;
  drawn = now;
  byId("times-numbers").replaceChildren(
    numbers("Events over time", ["from", "events"], buckets.map(([at, count]) => [time(at), grouped(count)])));
  draw(buckets, width);
}

/** The length of a bar. */
function step(times) {
  const buckets = times?.buckets ?? [];
  if (buckets.length > 1) return buckets[1][0] - buckets[0][0];
  const [, count, unit] = /^(\d+)([a-zA-Z]+)$/.exec(times?.interval ?? "") ?? [null, 1, "s"];
  return count * (UNITS[unit] ?? 1000);
}

function draw(buckets, width) {
  const data = [buckets.map(([at]) => (at + width / 2) / 1000), buckets.map(([, count]) => count)];
  const { from, to } = range();
  const first = from ?? buckets[0]?.[0] ?? 0;
  const end = to ?? (buckets[buckets.length - 1]?.[0] ?? 0) + width;
  plot?.destroy();
  plot = null;
  if (buckets.length === 0) return;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const options = {
    width: byId("chart").clientWidth,
    height: HEIGHT,
    tzDate: (seconds) => globalThis.uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
    legend: { show: false },
    scales: { x: { time: true, range: [first / 1000, end / 1000] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
    axes: [{ ...axis, grid: { show: false }, size: 30, space: 90, values: marks }, { ...axis, size: 62, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8, 1e9], values: (_, ticks) => ticks.map(grouped) }],
    series: [{}, { fill: color("--bar"), stroke: color("--bar"), width: 0, points: { show: false }, paths: globalThis.uPlot.paths.bars({ size: [0.86, 60] }) }],
    hooks: { setSelect: [selected], setCursor: [hover] },
  };
  plot = new globalThis.uPlot(options, data, byId("chart"));
  byId("chart").append(tip);
}

/** The day at midnight and at the first mark, else the time of the day; with seconds where marks are closer than a minute. */
function marks(_, seconds, __, ___, step) {
  return seconds.map((at, number) => {
    const [day, clock] = time(at * 1000).split(" ");
    const isDay = clock.startsWith("00:00:00");
    const hours = clock.slice(0, step < 1 ? 12 : step < 60 ? 8 : 5);
    if (isDay) return day;
    return number === 0 ? `${day.slice(5)} ${hours}` : hours;
  });
}

const tip = element("p", { class: "tip", "aria-hidden": "true" });

function selected(chart) {
  const { left, width } = chart.select;
  if (width < 3) return;
  const at = (x) => Math.round(chart.posToVal(x, "x") * 1000);
  zoom(at(left), at(left + width));
}

function hover(chart) {
  const bucket = last?.buckets[chart.cursor.idx ?? -1];
  tip.textContent = bucket ? `${time(bucket[0])}: ${events(bucket[1])}` : "";
}

new ResizeObserver(() => {
  const width = byId("chart").clientWidth;
  if (plot && width > 0 && width !== plot.width) plot.setSize({ width, height: HEIGHT });
}).observe(byId("chart"));
byId("chart").addEventListener("pointerdown", () => (isHeld = true));
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (isHeld = false));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  drawn = "";
  if (last) show(last, total);
});
