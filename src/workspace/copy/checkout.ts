/**
 * Clean checkouts of one commit, each with a GIT_DIR of the runner's that lies outside of it and, inside, a
 * disposable `.git` for agents and tests: history readable, no remote, no hook, and never read by us again.
 */
// Small files in new folders, dozens of them a job: by way of promises each takes ten times as long.
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git, GitTarget } from '../git.ts';
import { copyIndex } from '../staging.ts';
import type { JobPaths } from '../layout.ts';
import type { History } from './history.ts';

/** A repository whose objects are borrowed from the mirror. */
export interface JobRepository {
  readonly dir: string;
  readonly mirror: string;
}

function copyShallow(fromDir: string, toDir: string): void {
  const shallow = join(fromDir, 'shallow');
  if (existsSync(shallow)) copyFileSync(shallow, join(toDir, 'shallow'));
}

function makeFolders(dir: string, names: readonly string[]): void {
  for (const name of names) mkdirSync(join(dir, name), { recursive: true });
}

/** A folder for a clean checkout that no other process has or will have, so that each removes only its own. */
export function checkoutFolder({ checkouts }: Pick<JobPaths, 'checkouts'>, name: string): string {
  return join(checkouts, `${name}-${randomBytes(4).toString('hex')}`);
}

const GIT_FOLDERS = ['objects/info', 'objects/pack', 'refs/heads', 'info'];

/**
 * Makes the runner's GIT_DIR of a job. Objects come from the mirror (which the job pins), new ones stay here.
 *
 * @param exclude patterns that are never part of the change (dependency folders)
 */
export function createJobRepository(dir: string, mirror: string, exclude: readonly string[]): JobRepository {
  makeFolders(dir, GIT_FOLDERS);
  writeFileSync(
    join(dir, 'config'),
    '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tlogallrefupdates = false\n',
  );
  writeFileSync(join(dir, 'objects', 'info', 'alternates'), `${join(mirror, 'objects')}\n`);
  writeFileSync(join(dir, 'HEAD'), 'ref: refs/heads/agent-runner\n');
  // A `.gitattributes` of the agent's could declare its files binary and so hide them from diff, limits and scan.
  writeFileSync(join(dir, 'info', 'attributes'), '* !diff\n');
  writeFileSync(join(dir, 'info', 'exclude'), exclude.map((pattern) => `${pattern}\n`).join(''));
  copyShallow(mirror, dir);
  return { dir, mirror };
}

/** Fills an empty directory with the files of `commit`, by an index of its own. */
export async function checkOut(
  git: Git,
  repository: JobRepository,
  tree: string,
  index: string,
  commit: string,
): Promise<GitTarget> {
  await mkdir(tree, { recursive: true });
  const target = { dir: repository.dir, workTree: tree, index };
  await git(target, ['read-tree', '--reset', '-u', '--end-of-options', commit]);
  return target;
}

/** What the disposable `.git` shows. */
export interface InnerGit {
  readonly branch: string;
  readonly commit: string;
  /** Object directories as the sandbox sees them. */
  readonly objects: readonly string[];
  readonly author: { readonly name: string; readonly email: string };
}

/**
 * Writes the disposable `.git` of a checkout. Its index is the runner's, so `git status` is clean and quick;
 * user ids differ inside a sandbox, therefore only size and time count as changes.
 *
 * @param index the runner's index of the same checkout
 */
export async function writeInnerGit(
  repository: JobRepository,
  tree: string,
  index: string,
  inner: InnerGit,
): Promise<void> {
  const dir = join(tree, '.git');
  rmSync(dir, { recursive: true, force: true });
  makeFolders(dir, GIT_FOLDERS);
  const config = [
    '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true',
    '\tcheckStat = minimal\n\ttrustctime = false',
    `[user]\n\tname = ${JSON.stringify(inner.author.name)}\n\temail = ${JSON.stringify(inner.author.email)}`,
    '[gc]\n\tauto = 0',
  ];
  writeFileSync(join(dir, 'config'), `${config.join('\n')}\n`);
  writeFileSync(
    join(dir, 'objects', 'info', 'alternates'),
    inner.objects.map((path) => `${path}\n`).join(''),
  );
  writeFileSync(
    join(dir, 'packed-refs'),
    `# pack-refs with: peeled fully-peeled sorted \n${inner.commit} refs/heads/${inner.branch}\n`,
  );
  writeFileSync(join(dir, 'HEAD'), `ref: refs/heads/${inner.branch}\n`);
  copyFileSync(join(repository.dir, 'info', 'exclude'), join(dir, 'info', 'exclude'));
  await copyIndex(index, join(dir, 'index'));
  copyShallow(repository.dir, dir);
}

/** Object directories of a history as a sandbox shows them, and the mounts that put them there. */
export function innerObjects(
  history: History,
  canMount: boolean,
): {
  readonly objects: readonly string[];
  readonly mounts: readonly { readonly source: string; readonly target: string; readonly mode: 'ro' }[];
} {
  if (!canMount) return { objects: history, mounts: [] };
  const mounts = history.map((source, at) => ({ source, target: `/history/${at}`, mode: 'ro' as const }));
  return { objects: mounts.map((mount) => mount.target), mounts };
}
