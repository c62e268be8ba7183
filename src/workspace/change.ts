/** What the agent did: the tree it left, as git objects of the runner's own repository. */
import { randomBytes } from 'node:crypto';
import { chmod, lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess } from '../sandbox/process.ts';
import { splitNul, type Git, type GitTarget } from './git.ts';
import { setRef } from './remote/refs.ts';
import {
  below,
  bytes,
  indexFiles,
  isTooLong,
  removalOf,
  removeFromIndex,
  splitBytes,
  type ByteName,
} from './staging.ts';

/** How large a change is. */
export interface ChangeSize {
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
}

/** Nested repositories are searched this deep; an agent that nests deeper hides its own work only from itself. */
const MAX_NESTED_DEPTH = 4;

/** Paths of a working copy that differ from the index. */
interface Touched {
  /** Changed, new and not ignored. */
  readonly present: ByteName[];
  /** Also what lies behind a folder that became a link. */
  readonly gone: ByteName[];
}

/**
 * New paths of a working copy that are not ignored. A repository that the agent made inside the working copy is
 * listed file by file, without its `.git`: scaffolding tools leave such repositories behind, and their files
 * are the work.
 */
async function listNew(git: Git, target: GitTarget, prefix = '', depth = 0): Promise<ByteName[]> {
  const others = splitBytes((await git(target, ['ls-files', '-z', '--others', '--exclude-standard'])).stdout);
  const paths: ByteName[] = [];
  for (const other of others) {
    if (!other.endsWith('/')) {
      paths.push(prefix + other);
      continue;
    }
    if (depth >= MAX_NESTED_DEPTH || target.workTree === undefined) continue;
    const nested = {
      dir: target.dir,
      workTree: join(target.workTree, bytes(other).toString('utf8')),
      index: `${target.index ?? ''}.empty`,
    };
    paths.push(...(await listNew(git, nested, prefix + other, depth + 1)));
  }
  return paths;
}

async function listTouched(git: Git, target: GitTarget): Promise<Touched> {
  const args = ['diff-files', '-z', '--name-status', '--ignore-submodules=all'];
  const fields = splitBytes((await git(target, args)).stdout);
  const touched: Touched = { present: [], gone: [] };
  for (let at = 0; at + 1 < fields.length; at += 2)
    (fields[at] === 'D' ? touched.gone : touched.present).push(fields[at + 1] ?? '');
  touched.present.push(...(await listNew(git, target)));
  return touched;
}

/** What of some names can be read: the right to is given back, and what lies too deep to be named git can't keep. */
async function makeReadable(tree: string, names: readonly ByteName[]): Promise<readonly ByteName[]> {
  const readable: ByteName[] = [];
  for (const name of names) {
    const path = below(tree, name);
    const info = await lstat(path).catch((error: unknown) => (isTooLong(error) ? 'too long' : null));
    if (info === 'too long') continue;
    readable.push(name);
    if (info?.isFile() === true && (info.mode & 0o400) === 0) await chmod(path, info.mode | 0o600);
  }
  return readable;
}

/** A walk over a million files ends within this. */
const WALK_TIMEOUT_MS = 5 * 60 * 1000;

/**
 * Removes pipes, sockets and devices from a working copy before git looks at it. Git can't keep them, and would
 * wait for ever to read a `.gitignore` or `.gitattributes` that is a pipe.
 */
async function removeSpecialFiles(tree: string): Promise<void> {
  const types = ['-type', 'p', '-o', '-type', 's', '-o', '-type', 'b', '-o', '-type', 'c'];
  // Exit codes are no answer here: find says 1 when a folder can't be read, which git then says too.
  await runProcess(['find', tree, '(', ...types, ')', '-exec', 'rm', '-f', '--', '{}', '+'], {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    timeoutMs: WALK_TIMEOUT_MS,
    maxBytes: 4096,
    isOwn: true,
  });
}

/**
 * Writes the working copy's present state as a tree object and brings the index up to it.
 *
 * @param target the runner's GIT_DIR, with the working copy as its work tree
 * @returns the tree's id
 */
export async function snapshotTree(git: Git, target: GitTarget): Promise<string> {
  if (target.workTree !== undefined) await removeSpecialFiles(target.workTree);
  const { present, gone } = await listTouched(git, target);
  await removeFromIndex(git, target, gone);
  if (target.workTree === undefined) return (await git(target, ['write-tree'])).text;
  const readable = await makeReadable(target.workTree, present);
  return indexFiles(git, target, target.workTree, readable);
}

/** Who a commit is by, and when: given, never the clock, so that the same change is the same commit. */
export interface CommitInfo {
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  /** RFC 3339 UTC. */
  readonly date: string;
}

/** Trees of commits that are remembered: a commit's never changes. */
const MAX_REMEMBERED = 1000;
const trees = new Map<string, string>();

/** The tree of a commit. */
export async function treeOf(git: Git, target: GitTarget, commit: string): Promise<string> {
  const known = trees.get(commit);
  if (known !== undefined) return known;
  const args = ['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`];
  const tree = (await git(target, args)).text;
  if (trees.size >= MAX_REMEMBERED) trees.clear();
  trees.set(commit, tree);
  return tree;
}

/** Makes a commit of `tree` on top of `parent` (a first commit without one) and points `ref` at it. Made twice, it is the same commit. */
export async function commitTree(
  git: Git,
  target: GitTarget,
  tree: string,
  parent: string | null,
  ref: string,
  info: CommitInfo,
): Promise<string> {
  const env = {
    GIT_AUTHOR_NAME: info.author.name,
    GIT_AUTHOR_EMAIL: info.author.email,
    GIT_AUTHOR_DATE: info.date,
    GIT_COMMITTER_NAME: info.author.name,
    GIT_COMMITTER_EMAIL: info.author.email,
    GIT_COMMITTER_DATE: info.date,
  };
  const args = ['commit-tree', tree, ...(parent === null ? [] : ['-p', parent]), '-F', '-'];
  const id = (await git(target, args, { env, stdin: info.message })).text;
  await setRef(git, target.dir, ref, id);
  return id;
}

/** The change as a patch that `git am` takes. */
export async function formatPatch(git: Git, target: GitTarget, base: string, head: string): Promise<Buffer> {
  const args = [
    'format-patch',
    '--stdout',
    '--binary',
    '--full-index',
    '--no-signature',
    '--no-ext-diff',
    '--no-textconv',
    `${base}..${head}`,
  ];
  return (await git(target, args)).stdout;
}

/** A file that a change touches, with its lines; `null` for one that is not text. */
export interface ChangedFile {
  readonly path: string;
  readonly insertions: number | null;
  readonly deletions: number | null;
}

/** What a change touches, file by file. */
export async function listChanged(
  git: Git,
  target: GitTarget,
  from: string,
  to: string,
): Promise<readonly ChangedFile[]> {
  const args = [
    'diff-tree',
    '-r',
    '-z',
    '--numstat',
    '--no-renames',
    '--no-ext-diff',
    '--no-textconv',
    from,
    to,
  ];
  return splitNul((await git(target, args)).stdout).map((row) => {
    const [added = '', removed = '', ...path] = row.split('\t');
    const isText = added !== '-';
    return {
      path: path.join('\t'),
      insertions: isText ? Number.parseInt(added, 10) : null,
      deletions: isText ? Number.parseInt(removed, 10) : null,
    };
  });
}

/** Counts what a change touches. */
export async function measureChange(
  git: Git,
  target: GitTarget,
  from: string,
  to: string,
): Promise<ChangeSize> {
  const files = await listChanged(git, target, from, to);
  return {
    files: files.length,
    insertions: files.reduce((sum, file) => sum + (file.insertions ?? 0), 0),
    deletions: files.reduce((sum, file) => sum + (file.deletions ?? 0), 0),
  };
}

/**
 * A tree like `head`, but with some paths as they are in `base`; paths that base does not have are left out.
 *
 * @param target the runner's GIT_DIR; neither its index nor its work tree is touched
 */
export async function restorePaths(
  git: Git,
  target: GitTarget,
  head: string,
  base: string,
  paths: readonly string[],
): Promise<string> {
  const index = join(target.dir, `index.restore-${randomBytes(6).toString('hex')}`);
  const own = { dir: target.dir, index };
  try {
    await git(own, ['read-tree', head]);
    const wanted = new Set(paths);
    const rows = splitNul((await git(own, ['ls-tree', '-r', '-z', '--full-tree', base])).stdout);
    const kept = rows.filter((row) => wanted.has(row.slice(row.indexOf('\t') + 1)));
    // Base's entries come back after all are out.
    const gone = paths.map(removalOf);
    const back = kept.map((row) => `${row.replace(/^(\d+) \w+ (\w+)\t/, '$1 $2\t')}\0`);
    await git(own, ['update-index', '-z', '--index-info'], { stdin: [...gone, ...back].join('') });
    return (await git(own, ['write-tree'])).text;
  } finally {
    await rm(index, { force: true });
  }
}
