/** A unified diff as rows to draw: files, hunks and lines in one list, because one list can be drawn in parts. */
import { parseDiff, type Change, type File } from './parse.ts';

/** A file of the change. */
export interface ChangedFile {
  readonly path: string;
  /** Where it was before, if elsewhere. */
  readonly from: string | null;
  readonly type: File['type'];
  readonly isBinary: boolean;
  /** What it is besides its lines: whether it may be run, whether it is a link; most often nothing. */
  readonly nature: string | null;
  readonly added: number;
  readonly removed: number;
  /** Place of its heading among the rows, were every file open. */
  readonly hunks: File['hunks'];
}

/** One row. */
export type DiffRow =
  | { readonly kind: 'file'; readonly id: string; readonly file: ChangedFile; readonly number: number }
  | { readonly kind: 'hunk'; readonly id: string; readonly text: string }
  | { readonly kind: 'note'; readonly id: string; readonly text: string }
  | {
      readonly kind: 'line';
      readonly id: string;
      readonly path: string;
      readonly type: Change['type'];
      readonly old: number | null;
      readonly new: number | null;
      readonly text: string;
    };

const MODES: Readonly<Record<string, string>> = {
  '100755': 'It may be executed',
  '120000': 'A symbolic link: its text is where it leads',
  '160000': 'A submodule: its text is the commit',
};

/** What no line of a file shows, and a change may be about. */
function natureOf({ oldMode, newMode }: File): string | null {
  if (oldMode !== null && newMode !== null)
    return `Mode ${oldMode} → ${newMode}${newMode === '100755' ? ': it may be executed now' : ''}`;
  return MODES[newMode ?? oldMode ?? ''] ?? null;
}

/** Reads a diff. What git wrote is never executed and never HTML. */
export function filesOf(diff: string): readonly ChangedFile[] {
  if (diff.trim() === '') return [];
  return parseDiff(diff).map((file) => {
    const changes = file.hunks.flatMap(({ changes }) => changes);
    const isGone = file.type === 'delete';
    return {
      path: isGone ? file.oldPath : file.newPath,
      from: file.type === 'rename' || file.type === 'copy' ? file.oldPath : null,
      type: file.type,
      isBinary: file.isBinary,
      nature: natureOf(file),
      added: changes.filter(({ type }) => type === 'insert').length,
      removed: changes.filter(({ type }) => type === 'delete').length,
      hunks: file.hunks,
    };
  });
}

function lineRow(name: string, path: string, change: Change): DiffRow {
  const { type, old, new: next, content } = change;
  const id = `line ${name}:${next ?? `-${old}`}`;
  return { kind: 'line', id, path, type, old, new: next, text: content };
}

function noteOf({ isBinary, hunks, from, nature }: ChangedFile): string | null {
  if (isBinary) return 'A binary file';
  if (hunks.length > 0 || nature !== null) return null;
  return from === null ? 'No line differs' : `Moved from ${from}`;
}

/** The rows of all files, of closed ones their headings alone. */
export function rowsOf(files: readonly ChangedFile[], closed: ReadonlySet<string>): readonly DiffRow[] {
  const rows: DiffRow[] = [];
  const known = new Set<string>();
  for (const [number, file] of files.entries()) {
    const { path, nature } = file;
    // A file that becomes a link is in a diff twice: as what went, and as what came.
    const name = known.has(path) ? `${path} ${number}` : path;
    known.add(path);
    rows.push({ kind: 'file', id: `file ${name}`, file, number });
    if (closed.has(path)) continue;
    const note = noteOf(file);
    if (nature !== null) rows.push({ kind: 'note', id: `nature ${name}`, text: nature });
    if (note !== null) rows.push({ kind: 'note', id: `note ${name}`, text: note });
    for (const [at, hunk] of file.hunks.entries()) {
      rows.push({ kind: 'hunk', id: `hunk ${name} ${at}`, text: hunk.content });
      for (const change of hunk.changes) {
        const line = lineRow(name, path, change);
        rows.push(line);
        if (change.isCut) rows.push({ kind: 'note', id: `cut ${line.id}`, text: 'No newline at its end' });
      }
    }
  }
  return rows;
}

/** A folder of the change, with what lies in it. */
export interface Folder {
  readonly name: string;
  readonly folders: readonly Folder[];
  readonly files: readonly { readonly name: string; readonly file: ChangedFile }[];
}

/** Files by folder; a folder that holds nothing but one folder is one with it. */
export function treeOf(files: readonly ChangedFile[]): Folder {
  const build = (name: string, inside: readonly { rest: readonly string[]; file: ChangedFile }[]): Folder => {
    const here = inside.filter(({ rest }) => rest.length === 1);
    const below = Map.groupBy(
      inside.filter(({ rest }) => rest.length > 1),
      ({ rest }) => rest[0] ?? '',
    );
    const folders = [...below].map(([child, list]) =>
      build(
        child,
        list.map(({ rest, file }) => ({ rest: rest.slice(1), file })),
      ),
    );
    const [only] = folders;
    if (name !== '' && here.length === 0 && folders.length === 1 && only !== undefined)
      return { ...only, name: `${name}/${only.name}` };
    return { name, folders, files: here.map(({ rest, file }) => ({ name: rest[0] ?? '', file })) };
  };
  return build(
    '',
    files.map((file) => ({ rest: file.path.split('/'), file })),
  );
}
