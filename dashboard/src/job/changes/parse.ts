/**
 * Reads the diffs that git writes (https://git-scm.com/docs/diff-format): what became of each file, and its lines. A hunk is
 * as long as its header says, so that no line of a file is ever taken for something else.
 */

/** A line of a hunk, with its numbers on both sides. */
export interface Change {
  readonly type: 'insert' | 'delete' | 'normal';
  readonly content: string;
  readonly old: number | null;
  readonly new: number | null;
}

/** Lines that stand together. */
export interface Hunk {
  /** Its header as it is. */
  readonly content: string;
  readonly changes: readonly Change[];
}

/** A file of a diff. */
export interface ParsedFile {
  readonly type: 'add' | 'delete' | 'modify' | 'rename' | 'copy';
  readonly oldPath: string;
  readonly newPath: string;
  /** Modes where they are told: of a file that is new, gone, or may be used otherwise. */
  readonly oldMode: string | null;
  readonly newMode: string | null;
  /** How much of a file that was moved or copied is as it was, in percent. */
  readonly similarity: number | null;
  readonly isBinary: boolean;
  /** Whether the last line has an end, on each side. */
  readonly oldEnds: boolean;
  readonly newEnds: boolean;
  readonly hunks: readonly Hunk[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '"': 34,
  '\\': 92,
};

/** A path as it is: git quotes those with unusual characters, byte by byte. */
export function unquoted(text: string): string {
  const inside = /^"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  if (inside === undefined) return text.replace(/\t$/, '');
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const [, octal, letter, plain] of inside.matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/g)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 255);
    else if (letter !== undefined) bytes.push(ESCAPES[letter] ?? letter.charCodeAt(0) & 255);
    else bytes.push(...encoder.encode(plain));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

/** Both paths of a file's first line; only asked of files that have no other: then they are equal. */
function pathsOf(rest: string): readonly [string, string] {
  const quoted = /^("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|.+)$/.exec(rest);
  const half = (rest.length - 1) / 2;
  const [one, other] =
    rest.startsWith('"') || rest.endsWith('"')
      ? [quoted?.[1] ?? rest, quoted?.[2] ?? rest]
      : [rest.slice(0, half), rest.slice(half + 1)];
  return [unquoted(one).slice(2), unquoted(other).slice(2)];
}

/** A side's path after its sign; `null` for none. */
function sidePath(text: string): string | null {
  const path = unquoted(text);
  return path === '/dev/null' ? null : path.slice(2);
}

type Building = Mutable<Omit<ParsedFile, 'hunks'>> & {
  readonly hunks: { content: string; changes: Change[] }[];
};

function begin(rest: string): Building {
  const [oldPath, newPath] = pathsOf(rest);
  const unknown = { oldMode: null, newMode: null, similarity: null, isBinary: false };
  return { type: 'modify', oldPath, newPath, ...unknown, oldEnds: true, newEnds: true, hunks: [] };
}

/** What each line of a file's head says. */
const HEAD: readonly (readonly [start: string, take: (file: Building, rest: string) => void])[] = [
  ['new file mode ', (file, rest) => Object.assign(file, { type: 'add', newMode: rest })],
  ['deleted file mode ', (file, rest) => Object.assign(file, { type: 'delete', oldMode: rest })],
  ['old mode ', (file, rest) => Object.assign(file, { oldMode: rest })],
  ['new mode ', (file, rest) => Object.assign(file, { newMode: rest })],
  ['similarity index ', (file, rest) => Object.assign(file, { similarity: Number.parseInt(rest, 10) })],
  ['rename from ', (file, rest) => Object.assign(file, { type: 'rename', oldPath: unquoted(rest) })],
  ['rename to ', (file, rest) => Object.assign(file, { type: 'rename', newPath: unquoted(rest) })],
  ['copy from ', (file, rest) => Object.assign(file, { type: 'copy', oldPath: unquoted(rest) })],
  ['copy to ', (file, rest) => Object.assign(file, { type: 'copy', newPath: unquoted(rest) })],
  ['Binary files ', (file) => Object.assign(file, { isBinary: true })],
  ['GIT binary patch', (file) => Object.assign(file, { isBinary: true })],
  ['--- ', (file, rest) => Object.assign(file, { oldPath: sidePath(rest) ?? file.oldPath })],
  ['+++ ', (file, rest) => Object.assign(file, { newPath: sidePath(rest) ?? file.newPath })],
];

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/** Takes the lines of a hunk. @returns the place of the first line behind it */
function takeHunk(file: Building, lines: readonly string[], from: number, header: RegExpExecArray): number {
  const [content, changes] = [lines[from] ?? '', [] as Change[]];
  file.hunks.push({ content, changes });
  let [old, next] = [Number(header[1]), Number(header[3])];
  let [oldLeft, newLeft] = [Number(header[2] ?? 1), Number(header[4] ?? 1)];
  let at = from + 1;
  for (; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const sign = line[0] ?? ' ';
    if (sign === '\\') {
      const last = changes.at(-1)?.type;
      if (last !== 'insert') file.oldEnds = false;
      if (last !== 'delete') file.newEnds = false;
      continue;
    }
    const isOld = sign === ' ' || sign === '-';
    const isNew = sign === ' ' || sign === '+';
    if ((!isOld && !isNew) || (isOld && oldLeft === 0) || (isNew && newLeft === 0)) break;
    changes.push({
      type: sign === '+' ? 'insert' : sign === '-' ? 'delete' : 'normal',
      content: line.slice(1),
      old: isOld ? old : null,
      new: isNew ? next : null,
    });
    if (isOld) [old, oldLeft] = [old + 1, oldLeft - 1];
    if (isNew) [next, newLeft] = [next + 1, newLeft - 1];
  }
  return at;
}

/** The files of a diff, in their order. What is no diff is passed over. */
export function parseDiff(text: string): readonly ParsedFile[] {
  const lines = text.split('\n');
  const files: Building[] = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at] ?? '';
    const file = files.at(-1);
    const header = file === undefined ? null : HUNK.exec(line);
    if (file !== undefined && header !== null) {
      at = takeHunk(file, lines, at, header);
      continue;
    }
    if (line.startsWith('diff --git ')) files.push(begin(line.slice('diff --git '.length)));
    else if (file !== undefined && file.hunks.length === 0) {
      const known = HEAD.find(([start]) => line.startsWith(start));
      known?.[1](file, line.slice(known[0].length));
    }
    at++;
  }
  return files;
}
