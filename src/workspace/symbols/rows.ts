/**
 * What was extracted, a line a blob: id, summary, what it uses, its symbols and a mark, separated by tabs. Lines are
 * appended in one write that begins with a line end, and count with their mark alone, so that a write that was cut
 * off spoils its own last line and no other.
 */
import { randomBytes } from 'node:crypto';
import { appendFile, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { EXTRACT_VERSION, type Extract } from './extract.ts';

const HEADER = `agent-runner symbols ${EXTRACT_VERSION}\n`;
/** A larger store was not written by us. */
const MAX_BYTES = 128 * 1024 * 1024;
const MARK = '\t;';
const ID_CHARS = 40;
const ID = /^[0-9a-f]{40}$/;

function lineOf(id: string, { summary, uses, defines }: Extract): string {
  return `\n${id}\t${summary.replace(/[\t\n]/g, ' ')}\t${uses}\t${defines}${MARK}`;
}

function extractOf(line: string): Extract | undefined {
  const uses = line.indexOf('\t', ID_CHARS + 1) + 1;
  const defines = line.indexOf('\t', uses) + 1;
  if (uses === 0 || defines === 0) return undefined;
  return {
    summary: line.slice(ID_CHARS + 1, uses - 1),
    uses: line.slice(uses, defines - 1),
    defines: line.slice(defines, -MARK.length),
  };
}

/** What a store holds, by blob; nothing where it is absent, damaged or of another version. */
export interface Rows {
  readonly size: number;
  has(id: string): boolean;
  get(id: string): Extract | undefined;
}

/** Reads a store. Lines that were cut off do not count. */
export async function readRows(path: string): Promise<Rows> {
  const lines = new Map<string, string>();
  const found = await stat(path).catch(() => null);
  const text = found === null || found.size > MAX_BYTES ? '' : await readFile(path, 'utf8').catch(() => '');
  for (let at = text.startsWith(HEADER) ? HEADER.length : text.length; at < text.length;) {
    const next = text.indexOf('\n', at);
    const end = next < 0 ? text.length : next;
    const id = text.slice(at, at + ID_CHARS);
    if (text.endsWith(MARK, end) && ID.test(id)) lines.set(id, text.slice(at, end));
    at = end + 1;
  }
  return {
    size: lines.size,
    has: (id) => lines.has(id),
    get: (id) => extractOf(lines.get(id) ?? ''),
  };
}

/** Adds rows to a store that is there. */
export async function appendRows(path: string, rows: ReadonlyMap<string, Extract>): Promise<void> {
  await appendFile(path, [...rows].map(([id, one]) => lineOf(id, one)).join(''));
}

/** Writes a store anew, by a rename. */
export async function writeRows(path: string, rows: ReadonlyMap<string, Extract>): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(temporary, HEADER + [...rows].map(([id, one]) => lineOf(id, one)).join(''));
  await rename(temporary, path);
}
