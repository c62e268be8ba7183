/**
 * Clean checkouts of one commit, each with a GIT_DIR of the runner's that lies outside of it and, inside, a
 * disposable `.git` for agents and tests: history readable, no remote, no hook, and never read by us again.
 */
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git, GitTarget } from '../git.ts';
import type { History } from './history.ts';

/** A repository whose objects are borrowed from the mirror. */
export interface JobRepository {
  readonly dir: string;
  readonly mirror: string;
}

async function copyShallow(fromDir: string, toDir: string): Promise<void> {
  const shallow = await readFile(join(fromDir, 'shallow')).catch(() => null);
  if (shallow !== null) await writeFile(join(toDir, 'shallow'), shallow);
}

/**
 * Makes the runner's GIT_DIR of a job. Objects come from the mirror (which the job pins), new ones stay here.
 *
 * @param exclude patterns that are never part of the change (dependency folders)
 */
export async function createJobRepository(
  dir: string,
  mirror: string,
  exclude: readonly string[],
): Promise<JobRepository> {
  await mkdir(join(dir, 'objects', 'info'), { recursive: true });
  await mkdir(join(dir, 'objects', 'pack'), { recursive: true });
  await mkdir(join(dir, 'refs', 'heads'), { recursive: true });
  await mkdir(join(dir, 'info'), { recursive: true });
  await writeFile(
    join(dir, 'config'),
    '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tlogallrefupdates = false\n',
  );
  await writeFile(join(dir, 'objects', 'info', 'alternates'), `${join(mirror, 'objects')}\n`);
  await writeFile(join(dir, 'HEAD'), 'ref: refs/heads/agent-runner\n');
  // A `.gitattributes` of the agent's could declare its files binary and so hide them from diff, limits and scan.
  await writeFile(join(dir, 'info', 'attributes'), '* !diff\n');
  await writeFile(join(dir, 'info', 'exclude'), exclude.map((pattern) => `${pattern}\n`).join(''));
  await copyShallow(mirror, dir);
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
  await rm(dir, { recursive: true, force: true });
  await mkdir(join(dir, 'objects', 'info'), { recursive: true });
  await mkdir(join(dir, 'objects', 'pack'), { recursive: true });
  await mkdir(join(dir, 'refs', 'heads'), { recursive: true });
  await mkdir(join(dir, 'info'), { recursive: true });
  const config = [
    '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true',
    '\tcheckStat = minimal\n\ttrustctime = false',
    `[user]\n\tname = ${JSON.stringify(inner.author.name)}\n\temail = ${JSON.stringify(inner.author.email)}`,
    '[gc]\n\tauto = 0',
  ];
  await writeFile(join(dir, 'config'), `${config.join('\n')}\n`);
  await writeFile(
    join(dir, 'objects', 'info', 'alternates'),
    inner.objects.map((path) => `${path}\n`).join(''),
  );
  await writeFile(
    join(dir, 'packed-refs'),
    `# pack-refs with: peeled fully-peeled sorted \n${inner.commit} refs/heads/${inner.branch}\n`,
  );
  await writeFile(join(dir, 'HEAD'), `ref: refs/heads/${inner.branch}\n`);
  await copyFile(join(repository.dir, 'info', 'exclude'), join(dir, 'info', 'exclude'));
  await copyFile(index, join(dir, 'index'));
  await copyShallow(repository.dir, dir);
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
