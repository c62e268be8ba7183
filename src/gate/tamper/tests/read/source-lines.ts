/** Lines, blocks and statements of a source file. */
import type { Range } from './dead-code.ts';

const MAX_STATEMENT_LINES = 40;
const MAX_BODY_LINES = 2000;
const MAX_BODY_CHARS = 20_000;
/** Longest part of a line that is read as part of a statement, in characters. */
export const MAX_STATEMENT_CHARS = 2000;

/** Looks up lines of offsets in ascending order of use. */
export function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

export function lineAt(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}

export function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Last line of a block that begins at `start`: everything indented deeper, and what closes it. */
export function blockEnd(lines: readonly string[], start: number, limit: number): number {
  const indent = indentOf(lines[start - 1] ?? '');
  let end = start;
  for (let line = start + 1; line <= Math.min(limit, start + MAX_BODY_LINES); line++) {
    const text = lines[line - 1] ?? '';
    if (text.trim() === '') continue;
    // `}, () => {` closes options and opens the body.
    if (/^\s*\}.{0,200}[({]\s*$/.test(text) && indentOf(text) === indent) {
      end = line;
      continue;
    }
    const same = indentOf(text) <= indent;
    // A brace or bracket at the same depth belongs to the signature; a closing brace ends the block.
    if (same && !/^\s*[)\]{]/.test(text)) return /^\s*(?:\}|end\b)/.test(text) ? line : end;
    end = line;
    if (same && /^\s*\)\s*;?\s*$/.test(text)) return end;
  }
  return end;
}

function depthOf(text: string): number {
  return (text.match(/[([{]/g)?.length ?? 0) - (text.match(/[)\]}]/g)?.length ?? 0);
}

/** Up to the bracket that closes more than this text opens; `null` when there is none. */
export function cutAt(bare: string, depth: number): number | null {
  let open = depth;
  for (let at = 0; at < bare.length; at++) {
    const char = bare.charAt(at);
    if (char === '(' || char === '[' || char === '{') open++;
    else if ((char === ')' || char === ']' || char === '}') && --open < 0) return at;
  }
  return null;
}

/** The statement that begins in a line at a column: over more lines while brackets are open or a chain goes on. */
export function statementAt(lines: Lines, line: number, column: number): string {
  const { code, bare } = lines;
  let text = '';
  let depth = 0;
  for (let next = line; next < line + MAX_STATEMENT_LINES && next <= code.length; next++) {
    if (text.length > MAX_STATEMENT_CHARS) break;
    const from = next === line ? column : 0;
    const more = (code[next - 1] ?? '').slice(from, from + MAX_STATEMENT_CHARS);
    const seen = (bare[next - 1] ?? '').slice(from, from + MAX_STATEMENT_CHARS);
    if (next > line && depth <= 0 && !/^\s*\.\w/.test(more)) break;
    const cut = cutAt(seen, depth);
    text += `\n${more.slice(0, cut ?? more.length)}`;
    if (cut !== null) break;
    depth += depthOf(seen);
  }
  return text;
}

/** A statement in a form that formatters do not change. */
export function compact(statement: string): string {
  return statement
    .replaceAll(/["'`]/g, '"')
    .replaceAll(/\s+/g, '')
    .replaceAll(/,(?=[)\]}])/g, '')
    .replace(/[;,{:]+$/, '');
}

export interface Lines {
  readonly code: readonly string[];
  readonly bare: readonly string[];
  /** As `bare`, with what can't be reached blank too. */
  readonly live: readonly string[];
  readonly raw: readonly string[];
}

/** Lines `from` to `to` as one text, up to `MAX_BODY_CHARS`: minified files have lines of a megabyte. */
export function textOf(lines: readonly string[], from: number, to: number): string {
  const parts: string[] = [];
  let left = MAX_BODY_CHARS;
  for (let line = from; line <= to && left > 0; line++) {
    const part = (lines[line - 1] ?? '').slice(0, left);
    parts.push(part);
    left -= part.length + 1;
  }
  return parts.join('\n');
}

/** The assertions of some lines, found by halving: a file may have thousands of each. */
export function within<T extends { readonly line: number }>(
  sorted: readonly T[],
  from: number,
  to: number,
): readonly T[] {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.line ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < sorted.length && (sorted[end]?.line ?? 0) <= to) end++;
  return sorted.slice(low, end);
}

/** `text` with some ranges blank, sorted or overlapping; lines stay. */
export function blanked(text: string, ranges: readonly Range[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const [from, to] of ranges) {
    if (to <= at) continue;
    parts.push(
      text.slice(at, Math.max(at, from)),
      text.slice(Math.max(at, from), to).replaceAll(/[^\n]/g, ' '),
    );
    at = to;
  }
  return parts.join('') + text.slice(at);
}
