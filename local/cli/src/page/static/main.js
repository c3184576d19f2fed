// What is asked, and when: the state all the time, and searches only after something has changed. One request at a time.

import { ask } from "./ask.js";
import { byId, say } from "./element.js";
import * as chart from "./chart.js";
import * as letters from "./letters.js";
import * as map from "./map.js";
import * as receipts from "./receipts.js";
import * as rows from "./rows.js";
import { events } from "./text.js";
import * as time from "./time.js";
import * as values from "./values.js";

/** Between two rounds while events arrive, and afterwards. */
const [PAUSE_MS, IDLE_MS] = [1500, 4000];
/** A domain shows an event up to a second after it took it, so searches are repeated after the last change. */
const SETTLING = 2;

/** `isNew`: the user wants something else. `mustAsk`: the last round failed. `isRefused`: the query is sent again only after a change. */
const shown = { query: "", version: -1, rejected: -1, total: null, left: 0, isNew: true, mustAsk: false, isRefused: false };
let state = null;
let wake = () => {};
let isChanged = false;

function changed() {
  shown.isNew = isChanged = true;
  wake();
}

function search(query) {
  byId("query").value = query;
  shown.query = query;
  rows.restart();
  changed();
}

/** The query of the page is in its inputs only: a link to it would carry the token. */
function listen() {
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    search(byId("query").value);
  });
  // The cross of a search field empties it.
  byId("query").addEventListener("search", () => byId("query").value === "" && shown.query !== "" && search(""));
  rows.listen(limits, changed);
  time.listen(() => {
    rows.restart();
    changed();
  });
  document.addEventListener("visibilitychange", () => wake());
}

const and = (query, condition) => (["", "*", "*:*"].includes(query) ? condition : `(${query}) AND ${condition}`);
const limits = () => ({ page: state?.rows_per_page ?? 50, most: state?.max_after ?? 0 });
const view = () => ({ query: shown.query, ...time.range() });

async function round() {
  state = await ask("/state");
  receipts.show(state);
  receipts.figures(state, shown.total);
  const failures = [];
  if (state.totals.rejected !== shown.rejected) await part(failures, showLetters);
  if (state.version !== shown.version) shown.left = SETTLING;
  const isDue = shown.left > 0 || shown.mustAsk;
  if (shown.isNew || (isDue && !shown.isRefused)) {
    const [isNew, version] = [shown.isNew, state.version];
    [shown.isNew, shown.mustAsk, shown.isRefused] = [false, false, false];
    const before = failures.length;
    const [seen, after] = [view(), rows.position()];
    const data = await part(failures, () => ask("/data", seen));
    const found = isNew || !rows.isBeingRead() ? await part(failures, () => ask("/rows", { ...seen, after })) : null;
    // Shown together: a row that is opened after the data have changed is one of the new rows.
    if (data) await part(failures, () => showData(data, isNew));
    if (found && (isNew || !rows.isBeingRead())) rows.show(found, limits());
    shown.mustAsk = failures.length > before;
    if (!shown.mustAsk) {
      queryError(null);
      shown.left = version === shown.version ? Math.max(0, shown.left - 1) : SETTLING;
      shown.version = version;
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** A part that fails takes no other part away. A refused query is refused by all. */
async function part(failures, work) {
  try {
    return await work();
  } catch (error) {
    if (error.isOfQuery) throw error;
    failures.push(error);
    return null;
  }
}

async function showLetters() {
  letters.show(await ask("/letters"));
  shown.rejected = state.totals.rejected;
}

function showData(data, isNew) {
  chart.show(data.times, data.total);
  map.show(data.points);
  values.show(data.values, data.total, state.has_subfields, (condition) => search(and(shown.query.trim(), condition)));
  shown.total = data.total;
  receipts.figures(state, shown.total);
  if (isNew) byId("found").textContent = `${events(data.total)} found`;
}

function queryError(error) {
  const query = byId("query");
  query.setAttribute("aria-invalid", String(error !== null));
  say("query-error", error ? `${error.column ? `Column ${error.column}: ` : ""}${error.message}` : "");
  if (!error?.column || document.activeElement !== query) return;
  // A column counts characters, and a selection counts UTF-16 units.
  query.setSelectionRange([...query.value].slice(0, error.column - 1).join("").length, query.value.length);
}

const pause = (ms) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  wake = () => {
    clearTimeout(timer);
    resolve();
  };
});

async function attempt() {
  try {
    await round();
    say("trouble", "");
  } catch (error) {
    shown.isRefused = Boolean(error.isOfQuery);
    if (shown.isRefused) queryError(error);
    say("trouble", shown.isRefused ? "" : error.message);
  }
}

async function run() {
  listen();
  for (;;) {
    const started = performance.now();
    isChanged = false;
    if (!document.hidden) await attempt();
    // What was changed during a round need not wait.
    if (isChanged) continue;
    // A slow domain is asked less often.
    const took = performance.now() - started;
    await pause(Math.max(state?.running ? PAUSE_MS : IDLE_MS, 2 * took));
  }
}

run();
