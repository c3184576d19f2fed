// Numbers, times and documents as text.

export const grouped = (number) => Number(number).toLocaleString("en-US");
export const events = (count) => `${grouped(count)} ${count === 1 ? "event" : "events"}`;

export function bytes(count) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) [count, unit] = [count / 1000, unit + 1];
  return `${unit === 0 ? count : count.toFixed(1)} ${units[unit]}`;
}

/** `2026-11-22 10:00:00` in UTC; with milliseconds if there are any. */
export function time(ms) {
  const at = new Date(Number(ms));
  if (Number.isNaN(at.getTime())) return "";
  return at.toISOString().replace("T", " ").replace(/(\.000)?Z$/, "");
}

/**
 * JSON with one member a line. It is never parsed, since a number may have more digits than JavaScript keeps, and a document that was
 * cut is not complete.
 */
export function indented(json) {
  let [out, depth, before] = ["", 0, ""];
  const line = () => `\n${"  ".repeat(Math.max(0, depth))}`;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s{}[\],:"]+/gs)) {
    const isFirst = before === "{" || before === "[";
    const closes = token === "}" || token === "]";
    if (closes) depth -= 1;
    if (closes ? !isFirst : isFirst || before === ",") out += line();
    out += token === ":" ? ": " : token;
    if (token === "{" || token === "[") depth += 1;
    before = token;
  }
  return out;
}
