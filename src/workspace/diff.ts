/** What differs between two commits: read once, since every step of a job asks for it. */
import { JobError } from '../job/error.ts';
import { MAX_OUTPUT_BYTES, splitNul, type Git, type GitTarget } from './git.ts';

/** One path that differs between two commits. */
export interface ChangedPath {
  readonly path: string;
  readonly oldPath: string | null;
  readonly status: 'added' | 'deleted' | 'modified' | 'renamed';
}

/** What a path is in the later commit. */
export interface ChangedEntry extends ChangedPath {
  /** Git's mode; `000000` for what is gone. */
  readonly mode: string;
  readonly id: string;
}

interface Difference {
  readonly entries: readonly ChangedEntry[];
  /** `null` where it is longer than git's output may be. */
  readonly diff: string | null;
}

const STATUS = { A: 'added', C: 'added', D: 'deleted', R: 'renamed' } as const;

function statusOf(letter: string): ChangedPath['status'] {
  return Object.hasOwn(STATUS, letter) ? STATUS[letter as keyof typeof STATUS] : 'modified';
}

/** Reads `--raw -z`: `:mode mode id id letter`, a path, and a second one for what was renamed or copied. */
function readEntries(raw: Buffer): ChangedEntry[] {
  const fields = splitNul(raw);
  const entries: ChangedEntry[] = [];
  for (let at = 0; at + 1 < fields.length;) {
    const [, mode = '', , id = '', letters = ''] = (fields[at] ?? '').split(' ');
    const letter = letters[0] ?? '';
    const hasTwo = letter === 'R' || letter === 'C';
    entries.push({
      path: fields[at + (hasTwo ? 2 : 1)] ?? '',
      oldPath: letter === 'R' ? (fields[at + 1] ?? '') : null,
      status: statusOf(letter),
      mode,
      id,
    });
    at += hasTwo ? 3 : 2;
  }
  return entries;
}

/** Where the raw listing ends and the diff begins: the first record that begins with no colon, which is empty. */
function endOfRaw(output: Buffer): number {
  let at = 0;
  while (output[at] === 0x3a) {
    // The record's own fields, then one or two paths.
    const end = output.indexOf(0, at);
    const letter = output.toString('latin1', at, end).split(' ')[4]?.[0];
    at = output.indexOf(0, end + 1) + 1;
    if (letter === 'R' || letter === 'C') at = output.indexOf(0, at) + 1;
    if (end < 0 || at <= end) return output.length;
  }
  return output[at] === 0 ? at + 1 : at;
}

/** A diff of two trees that no setting or attribute of anybody's changes. */
const DIFF = ['diff-tree', '-r', '-M', '--no-ext-diff', '--no-textconv', '--no-color'] as const;

async function read(git: Git, target: GitTarget, from: string, to: string): Promise<Difference> {
  const raw = [...DIFF, '-z', '--raw', '--no-abbrev'];
  const { stdout, isCut } = await git(target, [...raw, '-p', from, to], { mayCut: true });
  // Of a diff that nobody can read, the paths still count: rules judge by them.
  if (isCut) return { entries: readEntries((await git(target, [...raw, from, to])).stdout), diff: null };
  const end = endOfRaw(stdout);
  return { entries: readEntries(stdout.subarray(0, end)), diff: stdout.toString('utf8', end) };
}

/** The last one only: a job asks for the same one several times in a row, and a diff may be large. */
let last: { readonly key: string; readonly difference: Promise<Difference> } | null = null;

async function readOnce(git: Git, target: GitTarget, from: string, to: string): Promise<Difference> {
  const isFixed = [from, to].every((id) => /^[0-9a-f]{40}$/.test(id));
  if (!isFixed) return read(git, target, from, to);
  const key = `${from} ${to}`;
  if (last?.key === key) return last.difference;
  const difference = read(git, target, from, to);
  last = { key, difference };
  // A failure is not kept: the next one who asks tries again.
  difference.catch(() => {
    if (last?.difference === difference) last = null;
  });
  return difference;
}

/** The paths that differ between two commits or trees, renames found by content. */
export async function listChanges(
  git: Git,
  target: GitTarget,
  from: string,
  to: string,
): Promise<readonly ChangedEntry[]> {
  return (await readOnce(git, target, from, to)).entries;
}

/**
 * The unified diff between two commits; binary files are named, not shown.
 *
 * @throws JobError `diff_too_large` beyond what is read of git's output
 */
export async function showDiff(git: Git, target: GitTarget, from: string, to: string): Promise<string> {
  const { diff } = await readOnce(git, target, from, to);
  if (diff !== null) return diff;
  throw new JobError('diff_too_large', `the change's diff has more than ${MAX_OUTPUT_BYTES} bytes`, {
    hint: 'ask for a smaller change; the work itself is kept, and git can show it file by file',
  });
}

/** A line that a program wrote for itself: bytes that are no text, or control characters other than tab. */
// oxlint-disable-next-line no-control-regex -- control characters are what tells such a line
const NO_TEXT = /[\u0001-\u0008\u000b-\u001f\u007f\ufffd]/;

/**
 * The same diff with the text of files that git calls binary, which one NUL in them is enough for; lines of theirs that
 * are no text stay, emptied. Without such files it is the diff itself.
 *
 * @throws JobError `diff_too_large` beyond what is read of git's output
 */
export async function showAllText(git: Git, target: GitTarget, from: string, to: string): Promise<string> {
  const diff = await showDiff(git, target, from, to);
  if (!/^Binary files .* differ$/m.test(diff)) return diff;
  const args = [...DIFF, '-p', '--text', from, to];
  const { stdout, isCut } = await git(target, args, { mayCut: true });
  if (isCut)
    throw new JobError('diff_too_large', `the change's files have more than ${MAX_OUTPUT_BYTES} bytes`, {
      hint: 'so much can’t be searched for secrets; add large binary files apart, by hand',
    });
  const lines = stdout.toString('utf8').replaceAll('\0', '').split('\n');
  return lines.map((line) => (/^[+ -]/.test(line) && NO_TEXT.test(line) ? line.charAt(0) : line)).join('\n');
}
