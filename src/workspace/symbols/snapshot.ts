/**
 * All files of the commit that was looked at last, with what they say of themselves, a line each; behind them, what
 * later commits changed. A commit that differs from the last in a few files is known without listing the others. It is
 * a copy; where it is missing or damaged, the listing and the rows tell the same.
 */
import { appendFile, readFile, stat } from 'node:fs/promises';
import type { Git, GitTarget } from '../git.ts';
import { splitNul } from '../git.ts';
import { EXTRACT_VERSION } from './extract.ts';
import { writeLines } from './write-lines.ts';

/** A tracked file and what it says of itself. */
export interface FileSymbols {
  readonly path: string;
  /** Summary, what it uses and what it defines, separated by tabs (`Extract`): most are never taken apart. */
  readonly about: string;
}

/** The files of one commit, in git's order. */
export interface Snapshot {
  readonly commit: string;
  readonly files: readonly FileSymbols[];
}

/** What a path is in the later of two commits; `null`: gone, or no plain file. */
export interface PathChange {
  readonly path: string;
  readonly id: string | null;
  /** What it was in the earlier one: what is moved has been read under another name. */
  readonly before: string;
}

/** What a path says of itself after a change; `null`: it is gone. */
export interface AboutChange {
  readonly path: string;
  readonly about: string | null;
}

/** A larger one was not written by us. */
const MAX_BYTES = 128 * 1024 * 1024;
/** Changed lines behind the files; with more, all is written anew. */
const MAX_CHANGED_LINES = 1000;
const HEADER = /^agent-runner files (\d+) ([0-9a-f]{40}) (\d+)\n/;
const CHANGE = /\tfrom ([0-9a-f]{40}) to ([0-9a-f]{40}) (\d+)\n/y;
const ID = /^[0-9a-f]{40}$/;
/** In the place of what a file says, which has two tabs in it: the path is gone. */
const GONE = '-';
/** Modes of plain files; links and submodules are left out of a map. */
const PLAIN = /^100/;

/** Reads `count` lines from a place on; `null` where there are fewer. */
function readLines(
  text: string,
  from: number,
  count: number,
): { readonly lines: readonly FileSymbols[]; readonly end: number } | null {
  const lines: FileSymbols[] = [];
  let at = from;
  while (lines.length < count) {
    const end = text.indexOf('\n', at);
    const tab = text.indexOf('\t', at);
    if (end < 0 || tab < 0 || tab > end) return null;
    lines.push({ path: text.slice(at, tab), about: text.slice(tab + 1, end) });
    at = end + 1;
  }
  return { lines, end: at };
}

/** Reads a snapshot; `null` where there is none, or none of ours, or not all of it, or much has changed since. */
export async function readSnapshot(path: string): Promise<Snapshot | null> {
  const found = await stat(path).catch(() => null);
  if (found === null || found.size > MAX_BYTES) return null;
  const text = await readFile(path, 'utf8').catch(() => '');
  const [header = '', version, first = '', count] = HEADER.exec(text) ?? [];
  if (version !== String(EXTRACT_VERSION)) return null;
  const base = readLines(text, header.length, Number(count));
  if (base === null) return null;
  let [commit, files, at, changed] = [first, base.lines, base.end, 0];
  while (at < text.length) {
    CHANGE.lastIndex = at;
    const [line = '', from, to = '', lines] = CHANGE.exec(text) ?? [];
    changed += Number(lines);
    const next =
      line === '' || changed > MAX_CHANGED_LINES ? null : readLines(text, at + line.length, Number(lines));
    if (next === null) return null;
    at = next.end;
    // Two processes may have gone on from the same commit: the later one's lines are about a commit that is not here.
    if (from !== commit) continue;
    const changes = next.lines.map((one) => ({
      path: one.path,
      about: one.about === GONE ? null : one.about,
    }));
    [commit, files] = [to, withChanges(files, changes)];
  }
  return { commit, files };
}

function isOneLine(path: string): boolean {
  return !/[\t\n]/.test(path);
}

/** Writes a snapshot by a rename; none where a path could not be told from the rest of its line. */
export async function writeSnapshot(path: string, { commit, files }: Snapshot): Promise<void> {
  if (!ID.test(commit) || !files.every((one) => isOneLine(one.path))) return;
  const head = `agent-runner files ${EXTRACT_VERSION} ${commit} ${files.length}\n`;
  await writeLines(
    path,
    head,
    files.values().map((one) => `${one.path}\t${one.about}\n`),
  );
}

/** The paths in which two commits differ, a rename as two of them; `null` where git does not have them both. */
export async function pathChanges(
  git: Git,
  target: GitTarget,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<readonly PathChange[] | null> {
  const args = [
    'diff-tree',
    '-r',
    '-z',
    '--raw',
    '--no-abbrev',
    '--no-renames',
    '--end-of-options',
    from,
    to,
  ];
  const { stdout, code } = await git(target, args, { signal, okCodes: [0, 128] });
  if (code !== 0) return null;
  const fields = splitNul(stdout);
  const changes: PathChange[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = '', before = '', id = ''] = (fields[at] ?? '').split(' ');
    changes.push({ path: fields[at + 1] ?? '', id: PLAIN.test(mode) ? id : null, before });
  }
  return changes;
}

/** Notes behind a snapshot what has changed since its last commit, in one write. */
export async function appendChanges(
  path: string,
  from: string,
  to: string,
  changes: readonly AboutChange[],
): Promise<void> {
  if (!ID.test(to) || !changes.every((one) => isOneLine(one.path))) return;
  const lines = changes.map((one) => `${one.path}\t${one.about ?? GONE}\n`);
  await appendFile(path, `\tfrom ${from} to ${to} ${lines.length}\n${lines.join('')}`);
}

/** Files after some paths changed, in git's order, in which they come. */
export function withChanges(
  files: readonly FileSymbols[],
  changes: readonly AboutChange[],
): readonly FileSymbols[] {
  const all = [...files];
  for (const { path, about } of changes) {
    const at = placeOf(all, path);
    const isThere = all[at]?.path === path;
    all.splice(at, isThere ? 1 : 0, ...(about === null ? [] : [{ path, about }]));
  }
  return all;
}

/** Where a path is among files in git's order, or would be. */
function placeOf(files: readonly FileSymbols[], path: string): number {
  let [low, high] = [0, files.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((files[middle]?.path ?? '') < path) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What changed texts said of themselves before, by the id of their blob. */
export function aboutBefore(
  { files }: Snapshot,
  changes: readonly PathChange[],
): ReadonlyMap<string, string> {
  return new Map(
    changes.flatMap(({ path, before }) => {
      const file = files[placeOf(files, path)];
      return file?.path === path ? [[before, file.about] as const] : [];
    }),
  );
}
