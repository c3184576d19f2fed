// How far the delivery is, and the receipts of each object.

import { byId, element, say } from "./element.js";
import { bytes, grouped } from "./text.js";

const FATES = ["read", "indexed", "duplicates", "dropped", "expired", "rejected", "undelivered", "attempts"];
/** Shown only where there are any. */
const RARE = ["expired", "undelivered"];

let shown = "";

export function show(state) {
  // A table that is made again loses what the reader has selected.
  const now = JSON.stringify([state.running, state.bytes_sent, state.totals, state.objects, state.balances]);
  if (now === shown) return;
  shown = now;
  const { totals } = state;
  const fates = FATES.filter((fate) => totals[fate] > 0 || !RARE.includes(fate));
  document.title = `${state.running ? "Reading" : "Read"} ${grouped(totals.read)} · Millrace`;
  byId("title").textContent = state.index;
  say("progress", progress(state));
  const head = element("tr", {}, ...["object", ...fates].map((name) => element("th", { scope: "col" }, name)));
  const row = (name, counts) => element("tr", {}, element("th", { scope: "row" }, name),
    ...fates.map((fate) => element("td", {}, grouped(counts[fate] ?? 0))));
  const table = byId("receipts");
  table.tHead.replaceChildren(head);
  table.tBodies[0].replaceChildren(...state.objects.map(({ key, counts }) => row(key, counts)));
  table.tFoot?.remove();
  table.append(element("tfoot", {}, row(`${grouped(state.object_count)} ${state.object_count === 1 ? "object" : "objects"}`, totals)));
  const more = state.object_count - state.objects.length;
  say("receipts-range", `${state.balances ? "every event has exactly one fate" : "THE RECEIPTS DO NOT BALANCE"}${more > 0 ? `; the latest ${state.objects.length}` : ""}`);
}

/** The numbers at the top. */
export function figures(state, total) {
  const pairs = [["found", total], ["indexed", state.totals.indexed], ["duplicates", state.totals.duplicates],
    ["dropped", state.totals.dropped + state.totals.expired], ["rejected", state.totals.rejected]];
  byId("figures").replaceChildren(...pairs.map(([name, count]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, count === null ? "…" : grouped(count)))));
}

function progress({ running, bytes: all, bytes_sent: sent, totals }) {
  if (running) return `Reading: ${bytes(Math.min(sent, all))} of ${bytes(all)}`;
  return totals.read > 0 ? "The delivery has ended; the terminal has its report." : "";
}
