/** How long a text is for a model, and how to make it shorter. */

/** Most tokens of failures that one turn is told. */
export const FEEDBACK_TOKENS = 2000;
/** Shares of a cut text that its head and its tail get; the rest is for the marker between them. */
const HEAD_SHARE = 0.4;
const TAIL_SHARE = 0.5;

/** Tokens that a model is taken to read at once where nobody knows. */
export const DEFAULT_WINDOW = 200_000;

/** Share of a model's window from which a history is replaced by a summary of it. */
const COMPACT_SHARE = 0.85;

/**
 * Whether a session is too full to go on with: then the agent shortens its history where it has a command for that,
 * else the next turn begins a new session, and is told the summary, the report, the plan and the map instead of the
 * history. An agent that shortens its history by itself in time never gets here.
 *
 * @param context tokens the session holds and can hold; `undefined` where the agent does not say
 * @param windowTokens what the model can read at once, where the agent does not know
 */
export function isFull(
  context: { readonly used: number; readonly size: number | null } | undefined,
  windowTokens: number,
): boolean {
  return context !== undefined && context.used >= COMPACT_SHARE * (context.size ?? windowTokens);
}

/** Quarters of a token for one code point; see `estimateTokens`. */
function quarters(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 4 : 8;
}

function quartersOf(text: string): number {
  let sum = 0;
  for (const char of text) sum += quarters(char.codePointAt(0) ?? 0);
  return sum;
}

/**
 * Tokens of a text, as an estimate and never as a count: every model has its own tokeniser, and none is
 * shipped here. Taken are four ASCII characters a token, two for alphabets of two UTF-8 bytes, one for other
 * scripts, and two tokens for a character beyond them, which errs on the long side.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(quartersOf(text) / 4);
}

/** The longest start of `text` within `budget` quarters, ended at a line end where that costs under a half. */
function headOf(text: string, budget: number): string {
  let [spent, end] = [0, 0];
  for (const char of text) {
    spent += quarters(char.codePointAt(0) ?? 0);
    if (spent > budget) break;
    end += char.length;
  }
  const lineEnd = text.lastIndexOf('\n', end - 1);
  return text.slice(0, end > 0 && lineEnd >= end / 2 ? lineEnd : end);
}

/** The longest end of `text` within `budget` quarters, begun at a line start where that costs under a half. */
function tailOf(text: string, budget: number): string {
  let [spent, start] = [0, text.length];
  while (start > 0) {
    const low = text.charCodeAt(start - 1);
    const isPair = low >= 0xdc00 && low <= 0xdfff && start > 1 && (text.codePointAt(start - 2) ?? 0) > 0xffff;
    const width = isPair ? 2 : 1;
    spent += quarters(text.codePointAt(start - width) ?? 0);
    if (spent > budget) break;
    start -= width;
  }
  const lineEnd = text.indexOf('\n', start);
  const mid = start + (text.length - start) / 2;
  return text.slice(lineEnd >= 0 && lineEnd < mid ? lineEnd + 1 : start);
}

function markerFor(lines: number, tokens: number): string {
  return `\n[… ${lines} lines, about ${tokens} tokens, left out here …]\n`;
}

/**
 * Cuts a text to `maxTokens` estimated tokens: 40 % from its head and 50 % from its tail, around a marker
 * that says how much was left out. Failures begin with what broke and end with the summary; the middle is
 * mostly repetition. Where not even the marker has room, the head alone is kept.
 */
export function cutToTokens(text: string, maxTokens: number): string {
  const budget = Math.max(0, Math.floor(maxTokens)) * 4;
  const total = quartersOf(text);
  if (total <= budget) return text;
  const lines = text.split('\n').length;
  // No number in the marker can get longer than these totals, so it fits where this one does.
  const markerCost = quartersOf(markerFor(lines, Math.ceil(total / 4)));
  if (markerCost >= budget) return headOf(text, budget);
  const shared = Math.min(budget, (budget - markerCost) / (HEAD_SHARE + TAIL_SHARE));
  const head = headOf(text, Math.floor(shared * HEAD_SHARE));
  const tail = tailOf(text, Math.floor(shared * TAIL_SHARE));
  const dropped = text.slice(head.length, text.length - tail.length);
  return `${head}${markerFor(dropped.split('\n').length, estimateTokens(dropped))}${tail}`;
}
