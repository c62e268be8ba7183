/** The working copy of a job: files for the agent, a GIT_DIR of ours beside it, and clean checkouts of it. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mount } from '../../sandbox/sandbox.ts';
import {
  checkOut,
  createJobRepository,
  innerObjects,
  writeInnerGit,
  type JobRepository,
} from './checkout.ts';
import { snapshotTree } from '../change.ts';
import type { Git, GitTarget } from '../git.ts';
import { openHistory, type History } from './history.ts';
import type { JobPaths, RepoPaths } from '../layout.ts';

/** A checkout that a sandbox can be opened on. */
export interface Checkout {
  readonly tree: string;
  readonly home: string;
  readonly mounts: readonly Mount[];
}

/** The working copy and what can be done with it. */
export interface WorkingCopy extends Checkout {
  /** The runner's GIT_DIR with the working copy as its work tree. */
  readonly target: GitTarget;
  /** Throws the files away and lays `commit` or a tree again. */
  reset(treeish: string): Promise<void>;
  /** The present state as a tree object. */
  snapshot(): Promise<string>;
  /** Lays the files of a commit into `tree`, with a trusted `.git`, and nothing else. */
  checkOutAt(tree: string, commit: string): Promise<void>;
  /** A clean checkout of a commit in a folder of its own, with a trusted `.git`. */
  checkOutClean(name: string, commit: string): Promise<Checkout & { remove(): Promise<void> }>;
}

export interface WorkingCopyOptions {
  readonly git: Git;
  readonly paths: JobPaths;
  readonly repo: RepoPaths;
  readonly baseSha: string;
  readonly branch: string;
  readonly author: { readonly name: string; readonly email: string };
  /** Whether sandboxes can show paths elsewhere. */
  readonly canMount: boolean;
}

/**
 * What tools leave behind and nobody means to propose, unless the repository tracks it. A repository's own
 * `.gitignore` usually says the same; those without one get it from here.
 */
const LITTER = [
  '__pycache__/',
  '*.pyc',
  '.pytest_cache/',
  '.mypy_cache/',
  '.ruff_cache/',
  '*.egg-info/',
  '.DS_Store',
  '.nyc_output/',
];

/** Folders that never hold anybody's own work; `.yarn` and the like may (patches, releases). */
const ONLY_DEPENDENCIES = ['node_modules', '.venv', 'bower_components', '.tox', '.nox'];

function excludes(): string[] {
  return [...ONLY_DEPENDENCIES.map((name) => `${name}/`), ...LITTER];
}

async function open(
  options: WorkingCopyOptions,
  repository: JobRepository,
  history: History,
): Promise<WorkingCopy> {
  const { git, paths, baseSha, branch, author } = options;
  const inner = innerObjects(history, options.canMount);
  const index = join(paths.git, 'index');
  const target: GitTarget = { dir: paths.git, workTree: paths.tree, index };
  const writeGit = (tree: string, indexFile: string, commit: string): Promise<void> =>
    writeInnerGit(repository, tree, indexFile, { branch, commit, objects: inner.objects, author });
  const checkOutAt = async (tree: string, commit: string): Promise<void> => {
    const own = join(paths.git, `index.${randomBytes(6).toString('hex')}`);
    await checkOut(git, repository, tree, own, commit);
    await writeGit(tree, own, commit);
    // What base's history lacks comes along in a pack of its own.
    if (commit !== baseSha) {
      const pack = join(tree, '.git', 'objects', 'pack', 'pack');
      await git({ dir: paths.git }, ['pack-objects', '--revs', '--quiet', pack], {
        stdin: `${commit}\n^${baseSha}\n`,
      });
    }
    await rm(own, { force: true });
  };
  return {
    tree: paths.tree,
    home: paths.home,
    mounts: inner.mounts,
    target,
    async reset(treeish) {
      await rm(paths.tree, { recursive: true, force: true });
      await rm(index, { force: true });
      await checkOut(git, repository, paths.tree, index, treeish);
      if (treeish === baseSha) return writeGit(paths.tree, index, baseSha);
      // The inner index shows base, so that the agent's own diff has all its objects.
      const own = `${index}.inner`;
      await git({ ...target, index: own }, ['read-tree', '--reset', baseSha]);
      await writeGit(paths.tree, own, baseSha);
      await rm(own, { force: true });
    },
    snapshot: () => snapshotTree(git, target),
    checkOutAt,
    async checkOutClean(name, commit) {
      const root = join(paths.checkouts, name);
      await rm(root, { recursive: true, force: true });
      const [tree, home] = [join(root, 'tree'), join(root, 'home')];
      await mkdir(home, { recursive: true });
      await checkOutAt(tree, commit);
      return { tree, home, mounts: inner.mounts, remove: () => rm(root, { recursive: true, force: true }) };
    },
  };
}

/** Makes the working copy of a job anew, at its base. */
export async function createWorkingCopy(options: WorkingCopyOptions): Promise<WorkingCopy> {
  const { git, paths, repo, baseSha } = options;
  await rm(paths.root, { recursive: true, force: true });
  await mkdir(paths.home, { recursive: true });
  await mkdir(paths.logs, { recursive: true });
  const repository = await createJobRepository(paths.git, repo.mirror, excludes());
  const history = await openHistory(git, repo.mirror, repo.history, baseSha);
  const copy = await open(options, repository, history);
  await copy.reset(baseSha);
  return copy;
}

/** Opens the working copy that an earlier process made. */
export async function reopenWorkingCopy(options: WorkingCopyOptions): Promise<WorkingCopy> {
  const { git, paths, repo, baseSha } = options;
  const history = await openHistory(git, repo.mirror, repo.history, baseSha);
  return open(options, { dir: paths.git, mirror: repo.mirror }, history);
}
