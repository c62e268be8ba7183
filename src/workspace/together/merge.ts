/**
 * Git's own three-way merge of one change, for what touches the same paths as others did. `merge-tree --write-tree`
 * (git 2.38) finds the base by history and takes none before 2.40, so what is merged into is given a history that says
 * so: a commit of its files on top of the change's base.
 */
import { randomBytes } from 'node:crypto';
import { JobError } from '../../job/error.ts';
import type { Git, GitTarget } from '../git.ts';
import { splitBytes } from '../staging.ts';
import type { RawCommit } from './commits.ts';
import { writeCommits } from './write.ts';

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
  /** Whose author the helping commit gets, so that it is the same one each time. */
  readonly like: RawCommit;
  /** What markers call the two sides. */
  readonly ours: string;
  readonly theirs: string;
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

function label(prefix: string, name: string): string {
  const plain = name.replace(/[^\w+-]+/g, '-').slice(0, MAX_LABEL_CHARS);
  return prefix + (plain === '' ? 'before' : plain);
}

/**
 * Merges one change into a tree. Nothing but objects is written, and names for the time of the merge: git labels
 * conflict markers with what its sides were called by.
 *
 * @throws JobError `bad_configuration` where git is older than 2.38
 */
export async function mergeChange(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  input: MergeInput,
): Promise<Merged> {
  const { base, into, head, like } = input;
  const ours = label(OURS, input.ours);
  const theirs = label(THEIRS, input.theirs);
  const own = `refs/agent-runner/merging/${randomBytes(6).toString('hex')}`;
  const [made] = await writeCommits(git, { dir }, base, own, [{ like, content: { tree: into } }]);
  const names = [`refs/heads/${ours}`, `refs/heads/${theirs}`];
  const set = `update ${names[0]} ${made?.commit ?? ''}\nupdate ${names[1]} ${head}\ndelete ${own}\n`;
  await git({ dir }, ['update-ref', '--stdin'], { stdin: set });
  try {
    const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', ours, theirs];
    const { code, stdout, stderr } = await git({ dir }, args, { okCodes: [0, 1, 128, 129] });
    const [tree = '', ...conflicts] = splitBytes(stdout);
    if (code > 1 || !/^[0-9a-f]{40}$/.test(tree)) throw tooOld(stderr);
    return { tree, conflicts: [...new Set(conflicts)] };
  } finally {
    const stdin = names.map((name) => `delete ${name}\n`).join('');
    await git({ dir }, ['update-ref', '--stdin'], { stdin, okCodes: [0, 1, 128] });
  }
}
