/** The tree of a repository as a few hundred lines: what lies near the root first, what matters before the rest. */
import { oneLine } from '../untrusted.ts';
import { partsOf, type Ranked } from './rank.ts';

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
  /** In the order of the file in them that matters most. */
  readonly folders: Map<string, Folder>;
  readonly files: Ranked[];
  /** Files in it and below it. */
  count: number;
}

function emptyFolder(): Folder {
  return { folders: new Map(), files: [], count: 0 };
}

/** A folder below another one, made with the folders above it where it is not there yet. */
function folderAt(path: string, known: Map<string, Folder>): Folder {
  const found = known.get(path);
  if (found !== undefined) return found;
  const made = emptyFolder();
  known.set(path, made);
  const slash = path.lastIndexOf('/');
  folderAt(path.slice(0, Math.max(0, slash)), known).folders.set(path.slice(slash + 1), made);
  return made;
}

function countBelow(folder: Folder): number {
  folder.count = folder.files.length;
  for (const inner of folder.folders.values()) folder.count += countBelow(inner);
  return folder.count;
}

function grow(ranked: readonly Ranked[]): Folder {
  const root = emptyFolder();
  const known = new Map([['', root]]);
  for (const one of ranked) {
    const slash = one.file.path.lastIndexOf('/');
    folderAt(one.file.path.slice(0, Math.max(0, slash)), known).files.push(one);
  }
  countBelow(root);
  return root;
}

function nameOf({ file }: Ranked): string {
  return file.path.slice(file.path.lastIndexOf('/') + 1);
}

function summaryOf(folder: Folder): string {
  for (const one of folder.files) {
    if (!TELLS.test(nameOf(one))) continue;
    const { summary } = partsOf(one.file);
    if (summary !== '') return summary;
  }
  return '';
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
function choose(root: Folder): readonly Row[] {
  const top: Row = { name: '', summary: '', rows: [] };
  let left = MAX_ENTRIES;
  let level: [Folder, Row][] = [[root, top]];
  for (let depth = 1; depth <= MAX_DEPTH && level.length > 0 && left > 0; depth++) {
    const next: [Folder, Row][] = [];
    for (const [folder, row] of level) {
      for (const [name, inner] of folder.folders) {
        if (left <= 0) break;
        left--;
        const files = inner.count === 1 ? '1 file' : `${inner.count} files`;
        const shown = {
          name: `${oneLine(name, MAX_NAME_CHARS)}/ (${files})`,
          summary: summaryOf(inner),
          rows: [],
        };
        row.rows.push(shown);
        next.push([inner, shown]);
      }
      const most = folder.files.length > MANY_FILES ? SHOWN_FILES : folder.files.length;
      const shown = folder.files.slice(0, Math.min(most, left));
      left -= shown.length;
      const rows = shown.map((one) => ({
        name: oneLine(nameOf(one), MAX_NAME_CHARS),
        summary: partsOf(one.file).summary,
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
 * @param ranked all files, the most telling first
 */
export function renderTree(ranked: readonly Ranked[]): readonly string[] {
  return print(choose(grow(ranked)), '');
}
