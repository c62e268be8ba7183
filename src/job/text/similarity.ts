/** Whether two failures are the same failure: normalise what differs by chance, compare what is left. */

/** Word-set similarity from which two failures count as the same (measured by the predecessor that used it). */
export const SAME_FAILURE_JACCARD = 0.7;
const MAX_NORMALISED_CHARS = 500;
/** Characters that are looked at: enough for 500 after replacing, and a bound on the work. */
const MAX_READ_CHARS = 64 * 1024;

// The look-behinds keep both patterns linear: a match can't start in the middle of a word, so a long word
// without a slash is tried once and not once a character; and the apostrophe of "can't" opens no string.
const QUOTED = /"[^"\n]{0,300}"|(?<!\w\w)'[^'\n]{0,300}'|`[^`\n]{0,300}`/g;
const PATHS = /(?<![\w.@+-])(?:[A-Za-z]:)?[\\/]?(?:[\w.@+-]+[\\/])+[\w.@+-]*|[\\/][\w.@+-]+/g;
const NUMBERS = /\b0x[0-9a-f]+\b|\d+(?:\.\d+)?/gi;

/**
 * Replaces what changes from run to run (paths, numbers, quoted strings), lowers the case and keeps the
 * first 500 characters.
 */
export function normaliseError(text: string): string {
  return text
    .slice(0, MAX_READ_CHARS)
    .replace(QUOTED, '<str>')
    .replace(PATHS, '<path>')
    .replace(NUMBERS, '<n>')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_NORMALISED_CHARS);
}

/** Jaccard similarity of the word sets of two texts, from 0 to 1; two empty texts are equal. */
export function jaccard(a: string, b: string): number {
  const left = new Set(a.split(/\s+/).filter(Boolean));
  const right = new Set(b.split(/\s+/).filter(Boolean));
  if (left.size === 0 && right.size === 0) return 1;
  let shared = 0;
  for (const word of left) if (right.has(word)) shared++;
  return shared / (left.size + right.size - shared);
}

/** Whether two failures are the same one, by normalised words. */
export function isSameFailure(a: string, b: string): boolean {
  return jaccard(normaliseError(a), normaliseError(b)) >= SAME_FAILURE_JACCARD;
}
