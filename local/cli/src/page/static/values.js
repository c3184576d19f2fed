// Top values per field. A value is a button that adds it to the query.

import { byId, element } from "./element.js";
import { grouped } from "./text.js";

/** `add` takes the condition for a value. The embedded domain compares the texts themselves, and has no subfields such as `name.keyword`. */
export function show(values, total, hasSubfields, add) {
  const fields = (values ?? []).filter((field) => field.top.length > 0);
  byId("values-none").hidden = fields.length > 0;
  const focused = document.activeElement?.dataset?.condition;
  byId("values").replaceChildren(...fields.map((field) => table(field, total, hasSubfields, add)));
  if (focused) [...byId("values").querySelectorAll("button")].find((button) => button.dataset.condition === focused)?.focus();
}

function table({ field, top, other }, total, hasSubfields, add) {
  const searched = hasSubfields ? field : field.replace(/\.keyword$/, "");
  const rows = top.map(([value, count]) => {
    const condition = `${escaped(searched)}:"${value.replace(/["\\]/g, "\\$&")}"`;
    const button = element("button", { type: "button", title: `Search ${condition}`, "data-condition": condition }, value === "" ? "(empty)" : value);
    button.addEventListener("click", () => add(condition));
    return row(button, count, total);
  });
  if (other > 0) rows.push(row("(all others)", other, total));
  return element("table", {}, element("caption", {}, field), element("tbody", {}, ...rows));
}

function row(name, count, total) {
  const part = element("i");
  part.style.width = `${Math.min(100, (100 * count) / Math.max(1, total))}%`;
  const share = element("div", { class: "share", "aria-hidden": "true" }, part);
  return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, share), element("td", { class: "count" }, grouped(count)));
}

const escaped = (field) => field.replace(/[\s+\-!(){}[\]^"~*?:\\/&|<>=]/g, "\\$&");
