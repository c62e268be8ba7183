/** A unified diff as rows to draw: files, hunks and lines in one list, because one list can be drawn in parts. */

import { languageOf, type Language } from './colour/language.ts';
import { parseDiff, type Change, type Hunk, type ParsedFile } from './parse.ts';

/** A file of the change. */
export interface ChangedFile {
  readonly path: string;
  /** Where it was before, if elsewhere. */
  readonly from: string | null;
  readonly type: ParsedFile['type'];
  readonly isBinary: boolean;
  readonly added: number;
  readonly removed: number;
  readonly language: Language | null;
  /** What is to be said of it besides its lines. */
  readonly notes: readonly string[];
  readonly hunks: ParsedFile['hunks'];
}

/** A line of the change, in one of its hunks. */
export interface LineRow {
  readonly kind: 'line';
  readonly id: string;
  readonly path: string;
  readonly type: Change['type'];
  readonly old: number | null;
  readonly new: number | null;
  readonly text: string;
  readonly language: Language | null;
  readonly hunk: Hunk;
  /** Its place in the hunk. */
  readonly at: number;
}

/** One row. */
export type DiffRow =
  | { readonly kind: 'file'; readonly id: string; readonly file: ChangedFile; readonly number: number }
  | { readonly kind: 'hunk'; readonly id: string; readonly text: string }
  | { readonly kind: 'note'; readonly id: string; readonly text: string }
  | LineRow
  /** What a line was, beside what it is. */
  | {
      readonly kind: 'pair';
      readonly id: string;
      readonly left: LineRow | null;
      readonly right: LineRow | null;
    };

/** What a file's lines do not tell: that it was moved, what may be done with it, that it is binary or empty. */
function notesOf(file: ParsedFile): readonly string[] {
  const notes: string[] = [];
  const { type, oldMode, newMode, similarity, oldEnds, newEnds } = file;
  const alike = similarity === null || similarity >= 100 ? 'unchanged' : `${similarity}% alike`;
  if (type === 'rename') notes.push(`Moved from ${file.oldPath}, ${alike}`);
  if (type === 'copy') notes.push(`Copied from ${file.oldPath}, ${alike}`);
  if (oldMode !== null && newMode !== null) notes.push(`Mode changed from ${oldMode} to ${newMode}`);
  if (type === 'add' && newMode === '100755') notes.push('It can be executed');
  if (type === 'add' && newMode === '120000') notes.push('It is a symbolic link');
  if (file.isBinary) notes.push('A binary file: its content is not shown');
  else if (file.hunks.length === 0 && type === 'add') notes.push('A new file, empty');
  else if (file.hunks.length === 0 && type === 'delete') notes.push('It was empty');
  else if (file.hunks.length === 0 && notes.length === 0) notes.push('No line differs');
  if (type !== 'add' && type !== 'delete' && oldEnds !== newEnds)
    notes.push(newEnds ? 'Its last line has an end now' : 'Its last line has no end any more');
  return notes;
}

type Ends = 'CR LF' | 'LF' | 'both';

/** How the lines of a side end; `null` where it has none. The last line of a file may have no end. */
function endsOf(changes: readonly Change[], hasEnd: boolean): Ends | null {
  const lines = hasEnd ? changes : changes.slice(0, -1);
  if (lines.length === 0) return null;
  const returns = lines.filter(({ content }) => content.endsWith('\r')).length;
  return returns === 0 ? 'LF' : returns === lines.length ? 'CR LF' : 'both';
}

/** A file whose lines end alike on each side says so once, and not on every line; what is mixed stays as it is. */
function withoutReturns(file: ParsedFile): Pick<ChangedFile, 'hunks' | 'notes'> {
  const changes = file.hunks.flatMap((hunk) => hunk.changes);
  const old = endsOf(
    changes.filter(({ type }) => type !== 'insert'),
    file.oldEnds,
  );
  const now = endsOf(
    changes.filter(({ type }) => type !== 'delete'),
    file.newEnds,
  );
  const both = [old, now];
  if (both.includes('both') || !both.includes('CR LF')) return { hunks: file.hunks, notes: [] };
  const hunks = file.hunks.map((hunk) => ({
    ...hunk,
    changes: hunk.changes.map((change) => ({ ...change, content: change.content.replace(/\r$/, '') })),
  }));
  const isSame = old === null || now === null || old === now;
  return {
    hunks,
    notes: [isSame ? 'Its lines end with CR LF' : `Its lines end with ${now} now, and no more with ${old}`],
  };
}

/** Reads a diff. What git wrote is never executed and never HTML. */
export function filesOf(diff: string): readonly ChangedFile[] {
  if (diff.trim() === '') return [];
  return parseDiff(diff).map((file) => {
    const changes = file.hunks.flatMap(({ changes }) => changes);
    const isGone = file.type === 'delete';
    const { hunks, notes } = withoutReturns(file);
    return {
      path: isGone ? file.oldPath : file.newPath,
      from: file.type === 'rename' || file.type === 'copy' ? file.oldPath : null,
      type: file.type,
      isBinary: file.isBinary,
      added: changes.filter(({ type }) => type === 'insert').length,
      removed: changes.filter(({ type }) => type === 'delete').length,
      language: languageOf(isGone ? file.oldPath : file.newPath),
      notes: [...notesOf(file), ...notes],
      hunks,
    };
  });
}

function lineRow(
  { path, language }: ChangedFile,
  name: string,
  hunk: Hunk,
  change: Change,
  at: number,
): LineRow {
  const { type, content, old, new: next } = change;
  const id = next === null ? `${name}:-${old}` : `${name}:${next}`;
  return { kind: 'line', id, path, type, old, new: next, text: content, language, hunk, at };
}

/** Lines side by side: what was removed in a row beside what was added after it. */
function pairsOf(lines: readonly LineRow[]): readonly DiffRow[] {
  const pairs: DiffRow[] = [];
  let [left, right]: [LineRow[], LineRow[]] = [[], []];
  const flush = (): void => {
    for (let at = 0; at < Math.max(left.length, right.length); at++) {
      const [one, other] = [left[at] ?? null, right[at] ?? null];
      pairs.push({ kind: 'pair', id: `${one?.id ?? ''} | ${other?.id ?? ''}`, left: one, right: other });
    }
    [left, right] = [[], []];
  };
  for (const line of lines) {
    if (line.type === 'delete') {
      if (right.length > 0) flush();
      left.push(line);
    } else if (line.type === 'insert') right.push(line);
    else {
      flush();
      pairs.push({ kind: 'pair', id: `${line.id} |`, left: line, right: line });
    }
  }
  flush();
  return pairs;
}

/**
 * The rows of all files, of closed ones their headings alone.
 *
 * @param isSplit whether what was stands beside what is
 */
export function rowsOf(
  files: readonly ChangedFile[],
  closed: ReadonlySet<string>,
  isSplit = false,
): readonly DiffRow[] {
  const rows: DiffRow[] = [];
  const known = new Set<string>();
  for (const [number, file] of files.entries()) {
    const { path } = file;
    // A file that becomes a link is in a diff twice: as what went, and as what came.
    const name = known.has(path) ? `${path} ${number}` : path;
    known.add(path);
    rows.push({ kind: 'file', id: `file ${name}`, file, number });
    if (closed.has(path)) continue;
    for (const [at, text] of file.notes.entries())
      rows.push({ kind: 'note', id: `note ${name} ${at}`, text });
    for (const [at, hunk] of file.hunks.entries()) {
      rows.push({ kind: 'hunk', id: `hunk ${name} ${at}`, text: hunk.content });
      const lines = hunk.changes.map((change, place) => lineRow(file, name, hunk, change, place));
      for (const row of isSplit ? pairsOf(lines) : lines) rows.push(row);
    }
  }
  return rows;
}

/** The lines of a row. */
export function linesOfRow(row: DiffRow | undefined): readonly LineRow[] {
  if (row?.kind === 'line') return [row];
  if (row?.kind !== 'pair') return [];
  return [row.left, row.right].filter(
    (line, at, both) => line !== null && both.indexOf(line) === at,
  ) as LineRow[];
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
