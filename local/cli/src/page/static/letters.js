// Dead letters: events that can never be indexed, with the reason and the bytes.

import { byId, element, say } from "./element.js";
import { bytes, grouped } from "./text.js";

let shown = "";

export function show({ count, letters }) {
  const now = JSON.stringify([count, letters]);
  if (now === shown) return;
  shown = now;
  byId("letters-none").hidden = letters.length > 0;
  say("letters-range", letters.length < count && letters.length > 0 ? `${letters.length} of ${grouped(count)}` : letters.length ? grouped(letters.length) : "");
  byId("letters").replaceChildren(...letters.map(article));
}

function article(letter) {
  const isCut = letter.length > new TextEncoder().encode(letter.bytes).length;
  const size = `${bytes(letter.length)}${isCut && !letter.escaped ? ", of which the beginning is shown" : ""}${letter.escaped ? ", not UTF-8: shown with escapes" : ""}`;
  const parts = [
    element("p", { class: "where mono" }, letter.place),
    element("p", {}, element("strong", {}, `${letter.stage}, ${letter.error_type}`), `: ${letter.reason} (${size})`),
  ];
  if (letter.bytes !== "") parts.push(element("pre", { tabindex: "0" }, letter.bytes));
  return element("article", {}, ...parts);
}
