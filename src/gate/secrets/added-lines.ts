/** The lines that a unified diff of git adds, with their line numbers in the new file. */

/** One line as it stands in the new file. */
export interface NumberedLine {
  /** Counted from 1. */
  readonly number: number;
  /** Without its line end. */
  readonly text: string;
}

/** What a change adds to one file. */
export interface AddedText {
  readonly path: string;
  readonly lines: readonly NumberedLine[];
}

const HUNK = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/** Git's escapes in quoted names; `\ooo` is a byte and handled apart. */
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

/** The name between git's quotes: C escapes, and octal bytes that together are UTF-8. */
function unquote(quoted: string): string {
  const bytes: Buffer[] = [];
  for (const part of quoted.matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gs)) {
    const [, octal, escape, plain] = part;
    if (octal !== undefined) bytes.push(Buffer.from([Number.parseInt(octal, 8) & 0xff]));
    else if (escape !== undefined) bytes.push(Buffer.from([ESCAPES[escape] ?? escape.charCodeAt(0) & 0xff]));
    else bytes.push(Buffer.from(plain ?? '', 'utf8'));
  }
  return Buffer.concat(bytes).toString('utf8');
}

/** The path of a `+++ ` line; `null` for a deleted file. Git ends a name with spaces by a tab. */
function pathOf(header: string): string | null {
  const text = header.slice(4).replace(/\r$/, '').replace(/\t$/, '');
  if (text === '/dev/null') return null;
  const name =
    text.length > 1 && text.startsWith('"') && text.endsWith('"') ? unquote(text.slice(1, -1)) : text;
  return name.startsWith('b/') ? name.slice(2) : name;
}

/**
 * Reads the added lines out of a unified diff as git writes it (`diff --git`, prefixes `a/` and `b/`).
 * Files that only lose lines, are renamed as they are, or are binary, add nothing and are left out.
 * A hunk is as long as its head says, so content that looks like a head is content. Lines keep every character
 * but their end (`\n` or `\r\n`). A diff that was cut gives what it holds. Never throws.
 *
 * @param diff at most what git gave; the work is linear in its length
 */
export function addedLines(diff: string): readonly AddedText[] {
  const files: { path: string; lines: NumberedLine[] }[] = [];
  let current: { path: string; lines: NumberedLine[] } | null = null;
  let [removedLeft, addedLeft, number] = [0, 0, 0];
  for (const line of diff.split('\n')) {
    if (removedLeft > 0 || addedLeft > 0) {
      const mark = line[0] ?? ' ';
      // "\ No newline at end of file" belongs to the line before it and is counted by no head.
      if (mark === '\\') continue;
      if (mark !== '+') removedLeft -= 1;
      if (mark === '-') continue;
      if (mark === '+') current?.lines.push({ number, text: line.slice(1).replace(/\r$/, '') });
      addedLeft -= 1;
      number += 1;
      continue;
    }
    if (line.startsWith('diff --git ')) current = null;
    else if (line.startsWith('+++ ')) {
      const path = pathOf(line);
      current = path === null ? null : { path, lines: [] };
      if (current !== null) files.push(current);
    } else if (current !== null) {
      const hunk = HUNK.exec(line);
      if (hunk === null) continue;
      removedLeft = Number(hunk[1] ?? 1);
      number = Number(hunk[2]);
      addedLeft = Number(hunk[3] ?? 1);
    }
  }
  return files.filter((file) => file.lines.length > 0);
}
