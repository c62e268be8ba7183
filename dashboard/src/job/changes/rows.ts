/** A unified diff as rows to draw: files, hunks and lines in one list, because one list can be drawn in parts. */
import parser, { type Change, type File } from 'gitdiff-parser';

/** A file of the change. */
export interface ChangedFile {
  readonly path: string;
  /** Where it was before, if elsewhere. */
  readonly from: string | null;
  readonly type: File['type'];
  readonly isBinary: boolean;
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

/** Reads a diff. What git wrote is never executed and never HTML. */
export function filesOf(diff: string): readonly ChangedFile[] {
  if (diff.trim() === '') return [];
  return parser.parse(diff).map((file) => {
    const changes = file.hunks.flatMap(({ changes }) => changes);
    const isGone = file.type === 'delete';
    return {
      path: isGone ? file.oldPath : file.newPath,
      from: file.type === 'rename' || file.type === 'copy' ? file.oldPath : null,
      type: file.type,
      isBinary: file.isBinary === true,
      added: changes.filter(({ type }) => type === 'insert').length,
      removed: changes.filter(({ type }) => type === 'delete').length,
      hunks: file.hunks,
    };
  });
}

function lineRow(path: string, change: Change): DiffRow {
  const [old, next] =
    change.type === 'normal'
      ? [change.oldLineNumber, change.newLineNumber]
      : change.type === 'delete'
        ? [change.lineNumber, null]
        : [null, change.lineNumber];
  const id = next === null ? `${path}:-${old}` : `${path}:${next}`;
  return { kind: 'line', id, path, type: change.type, old, new: next, text: change.content };
}

/** The rows of all files, of closed ones their headings alone. */
export function rowsOf(files: readonly ChangedFile[], closed: ReadonlySet<string>): readonly DiffRow[] {
  const rows: DiffRow[] = [];
  for (const [number, file] of files.entries()) {
    const { path } = file;
    rows.push({ kind: 'file', id: `file ${path}`, file, number });
    if (closed.has(path)) continue;
    if (file.isBinary) rows.push({ kind: 'note', id: `note ${path}`, text: 'A binary file' });
    else if (file.hunks.length === 0)
      rows.push({
        kind: 'note',
        id: `note ${path}`,
        text: file.from === null ? 'No line differs' : `Moved from ${file.from}`,
      });
    for (const [at, hunk] of file.hunks.entries()) {
      rows.push({ kind: 'hunk', id: `hunk ${path} ${at}`, text: hunk.content });
      for (const change of hunk.changes) rows.push(lineRow(path, change));
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
