// Requests to the server of this page. The token is in the fragment of the URL, which no browser sends.

const token = location.hash.slice(1);
const PATIENCE_MS = 30000;

/** Why there is no answer. `column`: the place in the query, from 1. `isOfQuery`: the same query is refused again. */
export class Refused extends Error {
  constructor(message, status, column) {
    super(message);
    this.status = status;
    this.column = column;
    this.isOfQuery = status === 400;
  }
}

/** GET, or POST with a body as JSON. */
export async function ask(path, body) {
  const options = { headers: { "x-millrace-token": token }, signal: AbortSignal.timeout(PATIENCE_MS) };
  if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    const why = error.name === "TimeoutError" ? "did not answer in time" : "does not answer; it may have ended";
    throw new Refused(`millrace ${why}.`);
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(said.error || `The answer has the status ${answer.status}.`, answer.status, said.column);
  return said;
}
