/**
 * What was extracted, a line a blob: its id, the extract and a mark, separated by tabs. Lines are appended in one
 * write that begins with a line end, and count with their mark alone, so that a write that was cut off spoils its own
 * last line and no other.
 */
import { appendFile, readFile, stat } from 'node:fs/promises';
import { EXTRACT_VERSION } from './extract.ts';
import { writeLines } from './write-lines.ts';

const HEADER = `agent-runner symbols ${EXTRACT_VERSION}\n`;
/** A larger store was not written by us. */
const MAX_BYTES = 128 * 1024 * 1024;
const MARK = '\t;';
const ID_CHARS = 40;
const ID = /^[0-9a-f]{40}$/;
/** Lines behind the last one found in which the next is looked for first. */
const MAX_AHEAD = 8;
/** Ids that are searched for in the text before a table is made of all. */
const MAX_SEARCHES = 20;

function lineOf(id: string, about: string): string {
  return `\n${id}\t${about}${MARK}`;
}

/** What a store holds; nothing where it is absent, damaged or of another version. */
export interface Rows {
  readonly size: number;
  /**
   * The extract of a blob. Quick where blobs are asked for in the order they were written in, which is git's: making
   * a table of 27,000 ids takes longer than reading the store.
   */
  get(id: string): string | undefined;
}

/** Where every line of a store begins and ends. */
function linesOf(text: string): { readonly starts: readonly number[]; readonly ends: readonly number[] } {
  const [starts, ends]: [number[], number[]] = [[], []];
  for (let at = text.startsWith(HEADER) ? HEADER.length : text.length; at < text.length;) {
    const next = text.indexOf('\n', at);
    const end = next < 0 ? text.length : next;
    if (end > at + ID_CHARS && text.endsWith(MARK, end)) {
      starts.push(at);
      ends.push(end - MARK.length);
    }
    at = end + 1;
  }
  return { starts, ends };
}

/** Reads a store. Lines that were cut off do not count. */
export async function readRows(path: string): Promise<Rows> {
  const found = await stat(path).catch(() => null);
  const text = found === null || found.size > MAX_BYTES ? '' : await readFile(path, 'utf8').catch(() => '');
  const { starts, ends } = linesOf(text);
  const about = (line: number): string => text.slice((starts[line] ?? 0) + ID_CHARS + 1, ends[line]);
  let table: Map<string, number> | null = null;
  let misses = 0;
  const lookUp = (id: string): string | undefined => {
    if (misses++ < MAX_SEARCHES) {
      const start = text.indexOf(`\n${id}\t`, HEADER.length - 1) + 1;
      const end = text.indexOf('\n', start);
      const line = text.slice(start, end < 0 ? undefined : end);
      return start > 0 && line.endsWith(MARK) ? line.slice(ID_CHARS + 1, -MARK.length) : undefined;
    }
    table ??= new Map(starts.map((start, line) => [text.slice(start, start + ID_CHARS), line]));
    const line = table.get(id);
    return line === undefined ? undefined : about(line);
  };
  let next = 0;
  return {
    size: starts.length,
    get(id) {
      const last = Math.min(next + MAX_AHEAD, starts.length);
      for (let line = next; line < last; line++) {
        if (!text.startsWith(id, starts[line])) continue;
        next = line + 1;
        return about(line);
      }
      return starts.length > 0 && ID.test(id) ? lookUp(id) : undefined;
    },
  };
}

/** Adds rows to a store that is there. */
export async function appendRows(path: string, rows: ReadonlyMap<string, string>): Promise<void> {
  await appendFile(path, [...rows].map(([id, about]) => lineOf(id, about)).join(''));
}

/** Writes a store anew, by a rename. */
export async function writeRows(path: string, rows: Iterable<readonly [string, string]>): Promise<void> {
  await writeLines(
    path,
    HEADER,
    Iterator.from(rows).map(([id, about]) => lineOf(id, about)),
  );
}
