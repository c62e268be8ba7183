/** The parts that a line is drawn in: its colours, and which words of it differ from what it was before. */
import type { Run, Scope } from './colour.ts';
import type { Change } from '../parse.ts';

/** Where a line differs: characters from and to. */
export type Mark = readonly [from: number, to: number];

/** Longest line whose words are compared, in characters. */
const MAX_COMPARED_CHARS = 1000;
/** From this share of both lines on they are two lines, and not one that was changed. */
const MAX_SHARE = 0.7;

/** Longest row of changed lines whose words are compared: a whole new file has none to compare with. */
const MAX_ROW_LINES = 200;

const WORD = /[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu;

/**
 * Where two lines differ, to whole words: what is between their common beginning and their common end.
 *
 * @returns one mark for each line; `null` where they are equal, too long, or have too little in common
 */
export function marksOf(before: string, after: string): readonly [Mark, Mark] | null {
  if (before === after || Math.max(before.length, after.length) > MAX_COMPARED_CHARS) return null;
  const [old, now] = [before.match(WORD) ?? [], after.match(WORD) ?? []];
  const least = Math.min(old.length, now.length);
  let [start, end] = [0, 0];
  let [from, tail] = [0, 0];
  while (start < least && old[start] === now[start]) from += old[start++]?.length ?? 0;
  while (end < least - start && old.at(-1 - end) === now.at(-1 - end))
    tail += old.at(-1 - end++)?.length ?? 0;
  const marks = [
    [from, before.length - tail],
    [from, after.length - tail],
  ] as const;
  const blanks = before.length - before.trimStart().length;
  const share = (text: string, [a, b]: Mark): number => (b - a) / Math.max(1, text.length - blanks);
  return share(before, marks[0]) > MAX_SHARE && share(after, marks[1]) > MAX_SHARE ? null : marks;
}

/** The line that a changed line was before, or has become: those removed in a row and those added after them, one by one. */
export function partnerOf(changes: readonly Change[], at: number): Change | null {
  const change = changes[at];
  if (change === undefined || change.type === 'normal') return null;
  const isKind = (index: number, type: Change['type']): boolean => changes[index]?.type === type;
  let first = at;
  while (at - first < MAX_ROW_LINES && isKind(first - 1, change.type)) first--;
  let last = at;
  while (last - at < MAX_ROW_LINES && isKind(last + 1, change.type)) last++;
  const count = last - first + 1;
  if (count > MAX_ROW_LINES) return null;
  const other = change.type === 'delete' ? 'insert' : 'delete';
  const begin = change.type === 'delete' ? last + 1 : first - count;
  const partner = begin + (at - first);
  // As many on both sides, or nobody knows which became which.
  for (let index = begin; index < begin + count; index++) if (!isKind(index, other)) return null;
  const beyond = change.type === 'delete' ? begin + count : begin - 1;
  return isKind(beyond, other) ? null : (changes[partner] ?? null);
}

/** The mark of a changed line; `null` where it has none. */
export function markOf(changes: readonly Change[], at: number): Mark | null {
  const change = changes[at];
  const partner = partnerOf(changes, at);
  if (change === undefined || partner === null) return null;
  return change.type === 'delete'
    ? (marksOf(change.content, partner.content)?.[0] ?? null)
    : (marksOf(partner.content, change.content)?.[1] ?? null);
}

/** A part of a line. */
export interface Piece {
  readonly text: string;
  readonly scope: Scope;
  readonly isMarked: boolean;
}

/** A line as parts that have one colour each and are marked or not; together they are the line. */
export function piecesOf(
  text: string,
  runs: readonly Run[] | undefined,
  mark: Mark | null,
): readonly Piece[] {
  const pieces: Piece[] = [];
  const add = (from: number, to: number, scope: Scope): void => {
    const cuts = mark === null ? [] : mark.filter((cut) => cut > from && cut < to);
    let at = from;
    for (const cut of [...cuts, to]) {
      if (cut <= at) continue;
      const isMarked = mark !== null && at >= mark[0] && at < mark[1];
      pieces.push({ text: text.slice(at, cut), scope, isMarked });
      at = cut;
    }
  };
  let at = 0;
  for (const [chars, scope] of runs ?? []) {
    const to = Math.min(text.length, at + chars);
    add(at, to, scope);
    at = to;
  }
  add(at, text.length, '');
  return pieces;
}
