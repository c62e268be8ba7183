/** The tree of a repository as a few hundred lines: what lies near the root first, what matters before the rest. */
import { oneLine } from '../untrusted.ts';
import { byRank, partsOf, type MapFile } from './rank.ts';

/** Levels of folders that are shown, the root's own entries being the first. */
const MAX_DEPTH = 5;
const MAX_ENTRIES = 300;
/** A folder with more files than the first shows the second. */
const MANY_FILES = 15;
const SHOWN_FILES = 10;
const MAX_NAME_CHARS = 80;
/** Files that say what their folder is. */
const TELLS = /^(?:README(?:\.\w+)?|index\.\w+|mod\.rs|__init__\.py|package\.json|doc\.go)$/i;

interface Folder {
  readonly name: string;
  readonly parent: Folder | null;
  readonly folders: Map<string, Folder>;
  /** Places of its own files. */
  readonly files: number[];
  /** Files in it and below it. */
  count: number;
  /** The file in it or below it that matters most. */
  best: number;
}

/** Files, and how two of them compare. */
interface Ranking {
  readonly files: readonly MapFile[];
  readonly compare: (a: number, b: number) => number;
}

function grow({ files, compare }: Ranking): Folder {
  const open = (name: string, parent: Folder | null): Folder => ({
    name,
    parent,
    folders: new Map(),
    files: [],
    count: 0,
    best: -1,
  });
  const root = open('', null);
  const all = [root];
  // Files come in git's order, so those of a folder come together.
  let [folder, path] = [root, ''];
  for (let at = 0; at < files.length; at++) {
    const file = files[at]?.path ?? '';
    const end = file.lastIndexOf('/') + 1;
    if (end !== path.length || !file.startsWith(path)) {
      path = file.slice(0, end);
      folder = root;
      for (const part of path.split('/').slice(0, -1)) {
        const next = folder.folders.get(part) ?? open(part, folder);
        if (!folder.folders.has(part)) all.push(next);
        folder.folders.set(part, next);
        folder = next;
      }
    }
    folder.files.push(at);
  }
  const better = (a: number, b: number): number => (a < 0 || (b >= 0 && compare(b, a) < 0) ? b : a);
  // From the leaves up: what lies in a folder was made after it.
  for (const one of all.toReversed()) {
    one.count += one.files.length;
    for (const at of one.files) one.best = better(one.best, at);
    if (one.parent === null) continue;
    one.parent.count += one.count;
    one.parent.best = better(one.parent.best, one.best);
  }
  return root;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function summaryOf({ files: own }: Folder, { files, compare }: Ranking): string {
  const telling = own.filter((at) => TELLS.test(nameOf(files[at]?.path ?? '')));
  for (const at of telling.sort(compare)) {
    const summary = summaryAt(files, at);
    if (summary !== '') return summary;
  }
  return '';
}

function summaryAt(files: readonly MapFile[], at: number): string {
  const file = files[at];
  return file === undefined ? '' : partsOf(file).summary;
}

/** A line that will be shown, with its place in the tree. */
interface Row {
  readonly name: string;
  readonly summary: string;
  readonly rows: Row[];
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/**
 * Chooses rows level by level, so that a deep folder never hides a shallow one; a folder gets its files only while
 * entries are left.
 */
function choose(root: Folder, ranking: Ranking): readonly Row[] {
  const { files, compare } = ranking;
  const top: Row = { name: '', summary: '', rows: [] };
  let left = MAX_ENTRIES;
  let level: [Folder, Row][] = [[root, top]];
  for (let depth = 1; depth <= MAX_DEPTH && level.length > 0 && left > 0; depth++) {
    const next: [Folder, Row][] = [];
    for (const [folder, row] of level) {
      // In the order of the file in them that matters most.
      const folders = [...folder.folders.values()].sort((a, b) => compare(a.best, b.best));
      for (const inner of folders) {
        if (left <= 0) break;
        left--;
        const held = inner.count === 1 ? '1 file' : `${inner.count} files`;
        const shown = {
          name: `${oneLine(inner.name, MAX_NAME_CHARS)}/ (${held})`,
          summary: summaryOf(inner, ranking),
          rows: [],
        };
        row.rows.push(shown);
        next.push([inner, shown]);
      }
      const most = folder.files.length > MANY_FILES ? SHOWN_FILES : folder.files.length;
      const shown = folder.files.toSorted(compare).slice(0, Math.min(most, left));
      left -= shown.length;
      const rows = shown.map((one) => ({
        name: oneLine(nameOf(files[one]?.path ?? ''), MAX_NAME_CHARS),
        summary: summaryAt(files, one),
        rows: [],
      }));
      row.rows.push(...rows.toSorted(byName));
      const more = folder.files.length - shown.length;
      if (more > 0 && left > 0)
        row.rows.push({ name: `… ${more} more ${more === 1 ? 'file' : 'files'}`, summary: '', rows: [] });
    }
    level = next;
  }
  return top.rows;
}

function print(rows: readonly Row[], indent: string): string[] {
  const isFolder = (row: Row): boolean => row.name.includes('/ (');
  const sorted = [...rows.filter(isFolder).sort(byName), ...rows.filter((row) => !isFolder(row))];
  return sorted.flatMap(({ name, summary, rows: inner }) => [
    `${indent}${name}${summary === '' ? '' : ` — ${oneLine(summary, 120)}`}`,
    ...print(inner, `${indent}  `),
  ]);
}

/**
 * Renders the tree: at most 5 levels and 300 entries; a folder of more than 15 files shows the 10 that matter most.
 *
 * @param files all files, those of a folder together
 * @param scores how much each of them matters
 */
export function renderTree(files: readonly MapFile[], scores: Float64Array): readonly string[] {
  const ranking = { files, compare: byRank(files, scores) };
  return print(choose(grow(ranking), ranking), '');
}
