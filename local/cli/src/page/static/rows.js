// The latest events, one page at a time. Each opens to its JSON.

import { byId, element, say } from "./element.js";
import { bytes, grouped, indented, time } from "./text.js";

const SUMMARY = 400;

let after = 0;
let ids = "";

export const position = () => after;

/** `changed` is called when another page is wanted. `limits` has the rows of a page, and the most that can be passed over. */
export function listen(limits, changed) {
  const move = (rows) => {
    after = Math.min(limits().most, Math.max(0, after + rows));
    ids = "";
    changed();
  };
  byId("newer").addEventListener("click", () => move(-limits().page));
  byId("older").addEventListener("click", () => move(limits().page));
}

/** The first page again, since the query or the time is another one. */
export function restart() {
  after = 0;
  ids = "";
}

/** Whether new rows would take away what is being read. */
export function isBeingRead() {
  const body = byId("rows").tBodies[0];
  return body.querySelector("tr.open") !== null || body.contains(document.activeElement) || after > 0;
}

export function show({ rows }, limits) {
  const found = rows.map((row) => `${row.index}/${row.id}`).join(" ");
  byId("newer").disabled = after === 0;
  byId("older").disabled = rows.length < limits.page || after >= limits.most;
  byId("rows-none").hidden = rows.length > 0;
  byId("rows").hidden = rows.length === 0;
  say("rows-range", rows.length ? `${grouped(after + 1)} to ${grouped(after + rows.length)}, the latest first` : "");
  if (found === ids && ids !== "") return;
  ids = found;
  byId("rows").tBodies[0].replaceChildren(...rows.map(line));
}

function line(row) {
  const button = element("button", { type: "button", "aria-expanded": "false" }, time(row.at ?? NaN) || row.id);
  const summary = row.source.slice(0, SUMMARY).replace(/\s+/g, " ");
  const made = element("tr", {}, element("td", {}, button), element("td", { title: row.index }, row.index),
    element("td", { class: "mono" }, summary));
  button.addEventListener("click", () => {
    const isOpen = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) made.nextElementSibling.remove();
    else made.after(opened(row));
  });
  return made;
}

function opened(row) {
  const pair = (name, value) => element("div", {}, element("dt", {}, name), element("dd", { class: "mono" }, value));
  const isCut = new TextEncoder().encode(row.source).length < row.bytes;
  const size = isCut ? `${bytes(row.bytes)}, of which the beginning is shown` : bytes(row.bytes);
  const facts = element("dl", {}, pair("_index", row.index), pair("_id", row.id), pair("size", size));
  const source = element("pre", { tabindex: "0" }, indented(row.source));
  return element("tr", { class: "open" }, element("td", { colspan: "3" }, facts, source));
}
