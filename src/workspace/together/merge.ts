/**
 * Git's own three-way merge of one change, for what touches the same paths as others did. `merge-tree --write-tree`
 * (git 2.38) finds the base by history and takes none before 2.40, so what is merged into is given a history that says
 * so: a commit of its files on top of the change's base.
 */
import { join } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { Git, GitTarget } from '../git.ts';
import { withLock } from '../keep/owner.ts';
import { splitBytes } from '../staging.ts';
import type { RawCommit } from './commits.ts';
import { FAST_IMPORT, streamOf } from './write.ts';

/** What conflict markers are labelled with, before the names of steps. */
export const OURS = 'steps/';
export const THEIRS = 'step/';

/** Longest label; git's names have at most 255 bytes a part. */
const MAX_LABEL_CHARS = 120;

/** One merge. */
export interface MergeInput {
  /** Commit the change was made on, the tree it is merged into, and the commit with the change. */
  readonly base: string;
  readonly into: string;
  readonly head: string;
  /** Whose author the helping commit gets. */
  readonly like: RawCommit;
  /** A ref for the helping commit, which nobody else uses at this time. */
  readonly ref: string;
}

/** The tree, with conflict markers in the files of `conflicts` where there are any; their paths are bytes. */
export interface Merged {
  readonly tree: string;
  readonly conflicts: readonly string[];
}

function tooOld(said: string): JobError {
  const why = said.trim().split('\n')[0] ?? '';
  return new JobError(
    'bad_configuration',
    `git: this version can't merge without a working copy (${why.slice(0, 200)})`,
    {
      hint: 'two steps touch the same files, and bringing their work together takes git 2.38 or newer',
    },
  );
}

/**
 * A folder that moved is not followed: what is new in the old one stays there. So a merge writes nothing but what either
 * side touched, and carries a change over as it would be where it met nobody.
 */
const MERGE = [
  '-c',
  'merge.directoryRenames=false',
  'merge-tree',
  '--write-tree',
  '-z',
  '--name-only',
  '--no-messages',
];

/**
 * Merges one change into a tree. Nothing but objects and `ref` is written.
 *
 * @param names what the sides are called by, by refs below `refs/heads/`; without them by ids
 * @throws JobError `bad_configuration` where git is older than 2.38
 */
export async function mergeChange(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  { base, into, head, like, ref }: MergeInput,
  names: readonly [ours: string, theirs: string] = [ref, head],
): Promise<Merged> {
  const stdin = streamOf(base, ref, [{ like, content: { tree: into } }]);
  const call = { args: [...MERGE, ...names] };
  const { code, stdout, stderr } = await git({ dir }, FAST_IMPORT, {
    stdin,
    next: [call],
    okCodes: [0, 1, 128, 129],
  });
  // First what the import says: the helping commit and its tree.
  const rest = stdout.subarray(stdout.indexOf('\t\n') + 2);
  const [tree = '', ...conflicts] = splitBytes(rest);
  if (code > 1 || !/^[0-9a-f]{40}$/.test(tree)) throw tooOld(stderr);
  return { tree, conflicts: [...new Set(conflicts)] };
}

function label(prefix: string, name: string): string {
  const plain = name.replace(/[^\w+-]+/g, '-').slice(0, MAX_LABEL_CHARS);
  return prefix + (plain === '' ? 'before' : plain);
}

/** The same with names in the conflict markers: git writes there what its sides were called by. */
export async function mergeNamed(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  input: Omit<MergeInput, 'ref'>,
  ours: string,
  theirs: string,
): Promise<Merged> {
  const names = [label(OURS, ours), label(THEIRS, theirs)] as const;
  const [ref, other] = names.map((name) => `refs/heads/${name}`);
  // Two that are brought together at once may have the same names.
  return withLock(join(dir, 'merging.lock'), async () => {
    await git({ dir }, ['update-ref', other ?? '', input.head]);
    try {
      return await mergeChange(git, { dir }, { ...input, ref: ref ?? '' }, names);
    } finally {
      await deleteRefs(git, { dir }, [ref ?? '', other ?? '']);
    }
  });
}

/** Forgets refs, those that are not there too. */
export async function deleteRefs(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  refs: readonly string[],
): Promise<void> {
  const stdin = refs.map((ref) => `delete ${ref}\n`).join('');
  await git({ dir }, ['update-ref', '--stdin'], { stdin, okCodes: [0, 1, 128] });
}
