/**
 * What goes into an index of the runner's, and out of it. Names are bytes to a file system; here each travels as a
 * string of one character a byte (latin1), so that none is lost.
 */
import { copyFile, lstat, readlink, stat, utimes } from 'node:fs/promises';
import { codeOf, JobError } from '../job/error.ts';
import type { Git, GitTarget } from './git.ts';

/** A path below the root of a checkout, one character a byte. */
export type ByteName = string;

/** A name as the file system and git have it. */
export function bytes(name: ByteName): Buffer {
  return Buffer.from(name, 'latin1');
}

/** The path of a name below an absolute folder. */
export function below(root: string, name: ByteName): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), bytes(name)]);
}

/** Splits NUL-separated names. */
export function splitBytes(output: Buffer): ByteName[] {
  return output
    .toString('latin1')
    .split('\0')
    .filter((name) => name !== '');
}

/** Whether a path is deeper than the system can name. */
export function isTooLong(error: unknown): boolean {
  return codeOf(error) === 'ENAMETOOLONG';
}

/** The line of `update-index --index-info` that takes a path out. Mode 0 does so whatever lies in its place now. */
export function removalOf(path: string): string {
  return `0 ${'0'.repeat(40)}\t${path}\0`;
}

/**
 * Copies an index together with its time: git compares whole seconds and sizes, and looks into a file that was written
 * in the second of its index or later (`Documentation/technical/racy-git`). A copy that seems younger hides edits.
 */
export async function copyIndex(from: string, to: string): Promise<void> {
  // Read first: should the index be replaced meanwhile, its copy seems older than it is, and more is looked into.
  const { atimeMs, mtimeMs } = await stat(from);
  await copyFile(from, to);
  await utimes(to, Math.floor(atimeMs / 1000), Math.floor(mtimeMs / 1000));
}

/** Takes files out of an index. */
export async function removeFromIndex(
  git: Git,
  target: GitTarget,
  names: readonly ByteName[],
): Promise<void> {
  if (names.length === 0) return;
  const stdin = bytes(names.map(removalOf).join(''));
  await git(target, ['update-index', '-z', '--index-info'], { stdin });
}

/** What git says when an attribute tells it to read a file in an encoding that it does not have (`convert.c`). */
const REFUSED_ENCODING =
  /failed to encode |encoding '|BOM is (?:prohibited|required) in |are no valid working-tree-encodings/;

/** For `hash-object --stdin-paths`, which reads lines: every byte as git's octal escape. */
function quotedLine(name: ByteName): string {
  return `"${[...bytes(name)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}"\n`;
}

/** Brings files into the index byte by byte, without asking any attribute how to read them. */
async function indexRaw(
  git: Git,
  target: GitTarget,
  tree: string,
  names: readonly ByteName[],
): Promise<void> {
  const entries: string[] = [];
  const files: { readonly name: ByteName; readonly mode: string }[] = [];
  for (const name of names) {
    const info = await lstat(below(tree, name)).catch(() => null);
    if (info?.isFile() === true) files.push({ name, mode: (info.mode & 0o100) === 0 ? '100644' : '100755' });
    else if (info?.isSymbolicLink() === true) {
      const stdin = await readlink(below(tree, name), 'buffer');
      const id = (await git(target, ['hash-object', '-w', '--no-filters', '--stdin'], { stdin })).text;
      entries.push(`120000 ${id}\t${name}\0`);
    } else entries.push(removalOf(name));
  }
  const stdin = files.map(({ name }) => quotedLine(name)).join('');
  const hashed = await git(target, ['hash-object', '-w', '--no-filters', '--stdin-paths'], { stdin });
  const ids = hashed.text.split('\n');
  entries.push(...files.map(({ name, mode }, at) => `${mode} ${ids[at] ?? ''}\t${name}\0`));
  const args = ['update-index', '-z', '--replace', '--index-info'];
  await git(target, args, { stdin: bytes(entries.join('')) });
}

/**
 * Brings an index up to the files and links of a work tree, and writes it as a tree object.
 *
 * @param tree absolute path of the target's work tree
 * @returns the tree's id
 */
export async function indexFiles(
  git: Git,
  target: GitTarget,
  tree: string,
  names: readonly ByteName[],
): Promise<string> {
  const write = { args: ['write-tree'] };
  if (names.length === 0) return (await git(target, write.args)).text;
  // `--replace`: a file may have become a folder, and a folder a file or a link.
  const args = ['update-index', '-z', '--add', '--remove', '--replace', '--stdin'];
  try {
    const stdin = bytes(names.map((name) => `${name}\0`).join(''));
    return (await git(target, args, { stdin, next: [write] })).text;
  } catch (error) {
    if (!(error instanceof JobError && REFUSED_ENCODING.test(error.message))) throw error;
    // An attribute makes git refuse a file (`working-tree-encoding=UTF-16` on plain text). The work counts more.
    await indexRaw(git, target, tree, names);
    return (await git(target, write.args)).text;
  }
}
