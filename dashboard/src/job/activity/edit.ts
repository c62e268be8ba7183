/** A small edit as lines: what went and what came between what stayed. */

/** A line of it. */
export interface EditLine {
  readonly sign: '+' | '−' | ' ';
  readonly text: string;
}

/** Lines that are shown of an edit, and of what stayed around it. */
const MAX_LINES = 60;
const AROUND = 2;

/**
 * The lines of an edit: the beginning and the end that both have in common are left out but for two lines each.
 *
 * @param before `null`: all of it is new
 * @returns at most sixty lines, and how many are left out
 */
export function editLines(
  before: string | null,
  after: string,
): { readonly lines: readonly EditLine[]; readonly left: number } {
  const linesOf = (text: string): readonly string[] =>
    text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const [old, now] = [before === null ? [] : linesOf(before), linesOf(after)];
  const least = Math.min(old.length, now.length);
  let [start, end] = [0, 0];
  while (start < least && old[start] === now[start]) start++;
  while (end < least - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const as = (sign: EditLine['sign'], texts: readonly string[]): readonly EditLine[] =>
    texts.map((text) => ({ sign, text }));
  const all = [
    ...as(' ', now.slice(Math.max(0, start - AROUND), start)),
    ...as('−', old.slice(start, old.length - end)),
    ...as('+', now.slice(start, now.length - end)),
    ...as(' ', now.slice(now.length - end, now.length - end + AROUND)),
  ];
  return { lines: all.slice(0, MAX_LINES), left: Math.max(0, all.length - MAX_LINES) };
}
