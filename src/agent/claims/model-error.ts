/**
 * Errors of a model that an agent reports as its answer. Some agents end "successfully" on a refused key or a rate
 * limit (measured: goose and pi exit with 0 on 401, 429 and 500), with the error as their only words.
 */

/** How agents begin the sentence in which they pass on an error: these words are never an answer to a task. */
const REPORTED = [
  /^[^\n]{0,80}\bAPI Error: *\d{3}\b/i,
  /^\s*\[?API Error\b/im,
  /\bRan into this error\b/i,
  /^\s*(?:Error|Request failed|Unexpected error)[^\n]{0,60}\b(?:40[0-9]|429|5\d\d)\b/i,
  /^\s*(?:unexpected status|stream error|exceeded retry limit)\b/i,
] as const;

/** Words of an error, believed only from an agent that did nothing and said little else. */
const SUSPICIOUS =
  /\b(?:401|403|429|50[0-4]|529)\b|rate.?limit|insufficient_quota|exceeded your current quota|(?:invalid|incorrect|missing) api key|authentication[ _]error|unauthori[sz]ed|overloaded_error|internal server error/i;

/** Longest text that may be nothing but an error, in characters, and how much of it is shown. */
const MAX_ERROR_CHARS = 1_500;
const SHOWN_CHARS = 1_000;

/**
 * The model's error in an agent's closing message, or `null` where it is an answer.
 *
 * @param hasWorked whether the agent used any tool in this turn
 */
export function modelErrorIn(message: string, hasWorked: boolean): string | null {
  const text = message.trim();
  const isReported = REPORTED.some((pattern) => pattern.test(text));
  const isSuspicious = !hasWorked && text.length <= MAX_ERROR_CHARS && SUSPICIOUS.test(text);
  return isReported || isSuspicious ? text.slice(0, SHOWN_CHARS).toWellFormed() : null;
}
