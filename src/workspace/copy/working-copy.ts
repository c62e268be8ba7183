/**
 * The working copy of a job: files for the agent, a GIT_DIR of ours beside it, and clean checkouts of it.
 * Copy-on-write over the warm tree of its base where the machine allows it, else a checkout of its own.
 */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layers, Mount, OverlayMode } from '../../sandbox/sandbox.ts';
import type { Layer } from '../dependencies.ts';
import { openChangedFiles, openCommitFiles, type CommitFiles } from '../files.ts';
import type { Git, GitTarget } from '../git.ts';
import { removeFolder } from '../keep/folders.ts';
import type { JobPaths, RepoPaths } from '../layout.ts';
import { createJobRepository, innerObjects, writeInnerGit, type JobRepository } from './checkout.ts';
import { borrowObjects } from '../remote/packs.ts';
import { openHistory } from './history.ts';
import { createLayeredCopy, reopenLayeredCopy } from './layered.ts';
import { openPlainCopy, checkOutWithGit } from './plain.ts';

/** A checkout that a sandbox can be opened on. */
export interface Checkout {
  readonly tree: string;
  readonly home: string;
  readonly mounts: readonly Mount[];
  /** What `tree` and `home` are made of, where they are copy-on-write. */
  layers(): { readonly workspaceLayers?: Layers; readonly homeLayers?: Layers };
  /** Puts prepared dependencies below or into it; what the commit tracks is never hidden or overwritten. */
  lay(dependencies: Layer): Promise<void>;
}

/** The working copy and what can be done with it. */
export interface WorkingCopy extends Checkout {
  /** The runner's GIT_DIR, with its index of the working copy. */
  readonly target: GitTarget;
  /** Where a person finds the files that an agent wrote. */
  readonly where: string;
  /** The tracked files of base, or of a commit of this job. */
  files(commit: string): Promise<CommitFiles>;
  /** Throws the files away and lays `commit` or a tree again. */
  reset(treeish: string): Promise<void>;
  /** The present state as a tree object. */
  snapshot(): Promise<string>;
  /** Forgets the last snapshot: a sandbox that stayed open may have written since. */
  touched(): void;
  /** Lays the files of a commit into `tree`, with a trusted `.git`, and nothing else. */
  checkOutAt(tree: string, commit: string): Promise<void>;
  /**
   * A clean checkout of a commit in a folder of its own, with a trusted `.git`. No two share a folder, be they of the same
   * name: a process that was thought dead may still remove its own.
   *
   * @param name what its folder's name begins with
   * @param tree the commit's tree where that is known: then its files are laid while the commit is still made
   */
  checkOutClean(
    name: string,
    commit: string | Promise<string>,
    tree?: string,
  ): Promise<Checkout & { remove(): Promise<void> }>;
}

export interface WorkingCopyOptions {
  readonly git: Git;
  readonly paths: JobPaths;
  readonly repo: RepoPaths;
  readonly baseSha: string;
  /** A commit that jobs of this repository likely began with, and that differs little from the base. */
  readonly nearSha?: string;
  readonly branch: string;
  readonly author: { readonly name: string; readonly email: string };
  /** Whether sandboxes can show paths elsewhere. */
  readonly canMount: boolean;
  /** How copy-on-write folders can be made below the home folder, if they can. */
  readonly overlay: OverlayMode | null;
}

/** What both kinds of working copy are made with. */
export interface CopyParts extends WorkingCopyOptions {
  readonly repository: JobRepository;
  readonly mounts: readonly Mount[];
  /** Packs what `commit` has and base's history lacks into an empty folder. */
  packNew(folder: string, commit: string): Promise<void>;
  /**
   * Writes the disposable `.git` that shows `commit`, with a copy of `index`, into a folder.
   *
   * @param packs folder that `packNew` filled, which is moved there; without it that is done now
   */
  writeGit(folder: string, index: string, commit: string, packs?: string): Promise<void>;
  /** Lays a commit into a plain folder, with a trusted `.git`. */
  checkOutAt(tree: string, commit: string): Promise<void>;
  /** Reads a commit; `warm` is a folder with base's files that nobody but the runner can write. */
  readFiles(commit: string, warm: string | null): Promise<CommitFiles>;
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

/** Commits of a job whose files are kept in memory once they were read. */
const MAX_KNOWN = 2;

/** Folders that never hold anybody's own work; `.yarn` and the like may (patches, releases). */
const ONLY_DEPENDENCIES = ['node_modules', '.venv', 'bower_components', '.tox', '.nox'];

function excludes(): string[] {
  return [...ONLY_DEPENDENCIES.map((name) => `${name}/`), ...LITTER];
}

async function partsOf(options: WorkingCopyOptions, repository: JobRepository): Promise<CopyParts> {
  const { git, repo, baseSha, branch, author } = options;
  const history = await openHistory(git, repo.mirror, repo.history, baseSha);
  const inner = innerObjects(history, options.canMount);
  const packNew = async (folder: string, commit: string): Promise<void> => {
    const args = ['pack-objects', '--revs', '--quiet', join(folder, 'pack')];
    await git({ dir: repository.dir }, args, { stdin: `${commit}\n^${baseSha}\n` });
  };
  const writeGit: CopyParts['writeGit'] = async (folder, index, commit, packs) => {
    await writeInnerGit(repository, folder, index, { branch, commit, objects: inner.objects, author });
    const own = join(folder, '.git', 'objects', 'pack');
    if (packs !== undefined) await rename(packs, own);
    else if (commit !== baseSha) await packNew(own, commit);
  };
  const parts = { ...options, repository, mounts: inner.mounts, packNew, writeGit };
  const target = { dir: repository.dir };
  const read = async (commit: string, warm: string | null): Promise<CommitFiles> =>
    commit === baseSha
      ? openCommitFiles(git, target, commit, warm)
      : openChangedFiles(git, target, baseSha, commit, warm);
  // Base and the commit under judgement, asked for by several steps: what was read of them is kept.
  const known = new Map<string, Promise<CommitFiles>>();
  return {
    ...parts,
    checkOutAt: (tree, commit) => checkOutWithGit(parts, tree, commit),
    readFiles(commit, warm) {
      const files = known.get(commit) ?? read(commit, warm);
      known.delete(commit);
      known.set(commit, files);
      for (const oldest of known.keys()) if (known.size > MAX_KNOWN) known.delete(oldest);
      files.catch(() => known.delete(commit));
      return files;
    },
  };
}

/** Makes the working copy of a job anew, at its base. */
export async function createWorkingCopy(options: WorkingCopyOptions): Promise<WorkingCopy> {
  const { paths, repo, baseSha } = options;
  await removeFolder(paths.root);
  await mkdir(paths.home, { recursive: true });
  await mkdir(paths.logs, { recursive: true });
  const repository = createJobRepository(paths.git, repo.mirror, excludes());
  // With its base's own packs, the job goes on also when the mirror is lost, pruned by somebody, or never had it.
  await borrowObjects(paths.git, await openHistory(options.git, repo.mirror, repo.history, baseSha));
  const parts = await partsOf(options, repository);
  const layered = options.overlay === null ? null : await createLayeredCopy(parts, options.overlay);
  if (layered !== null) return layered;
  const copy = openPlainCopy(parts);
  await copy.reset(baseSha);
  return copy;
}

/** Opens the working copy that an earlier process made. */
export async function reopenWorkingCopy(options: WorkingCopyOptions): Promise<WorkingCopy> {
  const parts = await partsOf(options, { dir: options.paths.git, mirror: options.repo.mirror });
  return (await reopenLayeredCopy(parts)) ?? openPlainCopy(parts);
}
