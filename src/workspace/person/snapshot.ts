/**
 * The state of a person's folder as a commit, uncommitted changes included. Made with a GIT_DIR and an index of
 * the runner's: nothing in the folder is touched, not even the index.
 */
import { appendFile, lstat, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError } from '../../job/error.ts';
import { commitTree, type CommitInfo } from '../change.ts';
import { createJobRepository } from '../copy/checkout.ts';
import { splitNul, type Git, type GitTarget } from '../git.ts';
import { copyIndex } from '../staging.ts';

/** What nobody means to have judged or committed, where the folder itself ignores nothing. */
const IGNORED = ['node_modules/', '.venv/', '__pycache__/', '*.pyc', '.DS_Store'];
/** Most files of a folder without git, and most bytes of them: a project fits, somebody's home does not. */
const MAX_FILES = 20_000;
const MAX_TOTAL_BYTES = 1024 ** 3;
/** Hashing a large tree on a slow disk ends within this. */
const ADD_TIMEOUT_MS = 5 * 60 * 1000;

/** What a person ignores for themselves, in no file of the project. */
async function ownExcludes(gitDir: string | null, home: string): Promise<string> {
  const files = [
    join(home, '.config', 'git', 'ignore'),
    ...(gitDir === null ? [] : [join(gitDir, 'info', 'exclude')]),
  ];
  const texts = await Promise.all(files.map(async (file) => readFile(file, 'utf8').catch(() => '')));
  return texts.join('\n');
}

async function gitDirOf(git: Git, checkout: string): Promise<{ dir: string; common: string }> {
  const args = ['-C', checkout, 'rev-parse', '--path-format=absolute', '--git-dir', '--git-common-dir'];
  const [dir = '', common = ''] = (await git(null, args)).text.split('\n');
  return { dir, common };
}

/** Adds everything that is not ignored to the index and writes it as a tree. */
async function writeFolder(git: Git, target: GitTarget): Promise<string> {
  await git(target, ['add', '--all', '--', '.'], { timeoutMs: ADD_TIMEOUT_MS });
  return (await git(target, ['write-tree'])).text;
}

/**
 * Commits the present state of a checkout on top of its HEAD, into the mirror under `ref`.
 *
 * @param own folder for a GIT_DIR of ours; removed again
 * @returns the commit, or `head` itself when nothing differs from it
 */
export async function snapshotCheckout(
  git: Git,
  from: { readonly checkout: string; readonly head: string; readonly home: string },
  into: { readonly mirror: string; readonly ref: string; readonly own: string },
  info: CommitInfo,
): Promise<string> {
  const { dir, common } = await gitDirOf(git, from.checkout);
  await rm(into.own, { recursive: true, force: true });
  createJobRepository(into.own, into.mirror, IGNORED);
  await appendFile(join(into.own, 'info', 'exclude'), await ownExcludes(common, from.home));
  // What is staged is an object of the person's repository, and the copied index takes it as known.
  await appendFile(join(into.own, 'objects', 'info', 'alternates'), `${join(common, 'objects')}\n`);
  const index = join(into.own, 'index');
  const target = { dir: into.own, workTree: from.checkout, index };
  try {
    // The person's index knows which files are unchanged; without it everything is hashed anew.
    await copyIndex(join(dir, 'index'), index).catch(() => {});
    await git(target, ['ls-files', '--stage', '-z']).catch(async () => {
      await rm(index, { force: true });
      await git(target, ['read-tree', from.head]);
    });
    const tree = await writeFolder(git, target);
    if (tree === (await git(target, ['rev-parse', `${from.head}^{tree}`])).text) return from.head;
    const commit = await commitTree(git, target, tree, from.head, 'refs/heads/agent-runner', info);
    await git({ dir: into.mirror }, [
      'fetch',
      '--quiet',
      '--no-tags',
      '--',
      into.own,
      `+${commit}:${into.ref}`,
    ]);
    return commit;
  } finally {
    await rm(into.own, { recursive: true, force: true });
  }
}

async function requireSmall(git: Git, target: GitTarget, folder: string): Promise<void> {
  const listed = await git(target, ['ls-files', '-z', '--others', '--exclude-standard']);
  const paths = splitNul(listed.stdout);
  let bytes = 0;
  for (const path of paths.slice(0, MAX_FILES))
    bytes += (await lstat(join(folder, path)).catch(() => null))?.size ?? 0;
  if (paths.length <= MAX_FILES && bytes <= MAX_TOTAL_BYTES) return;
  throw new JobError(
    'repo_unusable',
    `folder: ${folder} holds ${paths.length} files with ${bytes} bytes (at most ${MAX_FILES} and ${MAX_TOTAL_BYTES})`,
    { hint: 'stand in the folder of one project, or make it a repository with `git init`' },
  );
}

/**
 * Makes a bare repository whose one commit on `main` is the present state of a folder without git.
 *
 * @param repository path of the repository; what is there is replaced
 */
export async function snapshotFolder(
  git: Git,
  folder: string,
  repository: string,
  home: string,
  info: CommitInfo,
): Promise<void> {
  await rm(repository, { recursive: true, force: true });
  await mkdir(repository, { recursive: true });
  createJobRepository(repository, repository, IGNORED);
  await rm(join(repository, 'objects', 'info', 'alternates'), { force: true });
  await appendFile(join(repository, 'info', 'exclude'), await ownExcludes(null, home));
  const target = { dir: repository, workTree: folder, index: join(repository, 'index') };
  await requireSmall(git, target, folder);
  const tree = await writeFolder(git, target);
  await commitTree(git, target, tree, null, 'refs/heads/main', info);
  await git(target, ['symbolic-ref', 'HEAD', 'refs/heads/main']);
}
