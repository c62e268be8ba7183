/**
 * Reads a unified diff as git writes it. Lines of a hunk are counted, never guessed by what they begin with: a change
 * may hold lines that look like a diff, and nothing of it may hide from who reads it.
 */

/** A line of a hunk, with its numbers in the file before and after. */
export interface Change {
  readonly type: 'insert' | 'delete' | 'normal';
  readonly content: string;
  readonly old: number | null;
  readonly new: number | null;
  /** The file ends here, without a newline. */
  readonly isCut: boolean;
}

/** A piece of a file that was changed. */
export interface Hunk {
  /** The line that begins it. */
  readonly content: string;
  readonly changes: readonly Change[];
}

/** A file of a diff. */
export interface File {
  readonly oldPath: string;
  readonly newPath: string;
  readonly type: 'add' | 'delete' | 'modify' | 'rename' | 'copy';
  /** As git writes them (`100755`); `null` where it says nothing of them. */
  readonly oldMode: string | null;
  readonly newMode: string | null;
  readonly isBinary: boolean;
  readonly hunks: readonly Hunk[];
}

type Draft = { -readonly [Name in keyof File]: File[Name] };

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };
const QUOTED = /^"((?:[^"\\]|\\.)*)"/;

/** A name as it is: git puts one between quotes, like a string of C, that holds more than plain characters. */
function nameOf(written: string): string {
  const quoted = QUOTED.exec(written)?.[1];
  // A name with spaces in it is followed by a tab, so that patch(1) finds its end.
  if (quoted === undefined) return written.replace(/\t$/, '');
  const parts = quoted.match(/\\[0-7]{1,3}|\\.|[^\\]+/gu) ?? [];
  const bytes = parts.flatMap((part) => {
    if (!part.startsWith('\\')) return [...new TextEncoder().encode(part)];
    const rest = part.slice(1);
    if (/^[0-7]/.test(rest)) return [Number.parseInt(rest, 8) & 0xff];
    return [ESCAPES[rest] ?? rest.charCodeAt(0)];
  });
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function withoutSide(name: string): string {
  return name.replace(/^[ab]\//, '');
}

/** Both names of a file by the first line of it, which is all there is where no line was changed. */
function namesOf(line: string): readonly [before: string, after: string] {
  const told = line.slice('diff --git '.length);
  const first = QUOTED.exec(told)?.[0];
  // Without quotes nothing says where one ends; but where they differ, other lines tell them.
  const middle = first === undefined ? (told.length - 1) / 2 : first.length;
  const beginsQuoted = first === undefined ? / "b\/(?:[^"\\]|\\.)*"$/.exec(told)?.index : undefined;
  const at = beginsQuoted ?? Math.floor(middle);
  return [withoutSide(nameOf(told.slice(0, at))), withoutSide(nameOf(told.slice(at + 1)))];
}

/** What a line between the first one of a file and its hunks tells. */
function tell(file: Draft, line: string): void {
  const [, what = '', value = ''] =
    /^(old mode|new mode|new file mode|deleted file mode|(?:rename|copy) (?:from|to)|---|\+\+\+) (.*)$/s.exec(
      line,
    ) ?? [];
  if (/^(Binary files |GIT binary patch)/.test(line)) file.isBinary = true;
  else if (what === 'old mode') file.oldMode = value;
  else if (what === 'new mode') file.newMode = value;
  else if (what === 'new file mode') [file.type, file.newMode] = ['add', value];
  else if (what === 'deleted file mode') [file.type, file.oldMode] = ['delete', value];
  else if (what.endsWith(' from'))
    [file.type, file.oldPath] = [what.startsWith('copy') ? 'copy' : 'rename', nameOf(value)];
  else if (what.endsWith(' to')) file.newPath = nameOf(value);
  else if (what === '---' && value !== '/dev/null') file.oldPath = withoutSide(nameOf(value));
  else if (what === '+++' && value !== '/dev/null') file.newPath = withoutSide(nameOf(value));
}

/** Reads a hunk. @returns it, and the place of the line behind it; `null` where none begins there */
function hunkAt(lines: readonly string[], at: number): readonly [Hunk, number] | null {
  const content = lines[at] ?? '';
  const head = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(content);
  if (head === null) return null;
  let [old, next] = [Number(head[1]), Number(head[3])];
  const [oldEnd, nextEnd] = [old + Number(head[2] ?? 1), next + Number(head[4] ?? 1)];
  const changes: Change[] = [];
  let place = at + 1;
  for (; place < lines.length; place++) {
    const line = lines[place] ?? '';
    const sign = line.charAt(0);
    const last = changes.at(-1);
    if (sign === '\\' && last !== undefined) {
      changes[changes.length - 1] = { ...last, isCut: true };
      continue;
    }
    if (old >= oldEnd && next >= nextEnd) break;
    const text = { content: line.slice(1), isCut: false };
    if (sign === '+') changes.push({ ...text, type: 'insert', old: null, new: next++ });
    else if (sign === '-') changes.push({ ...text, type: 'delete', old: old++, new: null });
    else if (sign === ' ' || line === '') changes.push({ ...text, type: 'normal', old: old++, new: next++ });
    else break;
  }
  return [{ content, changes }, place];
}

/** Reads a diff; what is none is passed over. */
export function parseDiff(text: string): readonly File[] {
  const lines = text.split('\n');
  const files: File[] = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at++] ?? '';
    if (!line.startsWith('diff --git ')) continue;
    const [oldPath, newPath] = namesOf(line);
    const hunks: Hunk[] = [];
    const file: Draft = {
      oldPath,
      newPath,
      type: 'modify',
      oldMode: null,
      newMode: null,
      isBinary: false,
      hunks,
    };
    files.push(file);
    while (at < lines.length && lines[at]?.startsWith('diff --git ') === false) {
      const read = hunkAt(lines, at);
      if (read === null) {
        // Behind hunks nothing is told of the file any more.
        if (hunks.length === 0) tell(file, lines[at] ?? '');
        at++;
      } else {
        hunks.push(read[0]);
        at = read[1];
      }
    }
  }
  return files;
}
