/** Bringing a branch of one remote to where another's default branch is, and only forward. */
import { join } from 'node:path';
import { JobError } from '../../job/error.ts';
import { fetchCommit, isAncestor } from '../commits.ts';
import type { Git } from '../git.ts';
import { findBase, type Source } from './listing.ts';
import { readRemoteBranch } from './publish.ts';

/** Where the branch stands now. */
export interface Synced {
  readonly branch: string;
  readonly sha: string;
  /** Where it was; `null` where it was not there. */
  readonly was: string | null;
}

async function countBetween(git: Git, dir: string, from: string, to: string): Promise<number> {
  return Number((await git({ dir }, ['rev-list', '--count', `${from}..${to}`])).text);
}

/**
 * Pushes the commits of `from`'s default branch to the branch of that name on `to`. Done twice, it has the effect of
 * once; nothing is ever overwritten.
 *
 * @param folder an empty folder, for the objects on their way
 * @throws JobError `conflict` where the branch has commits of its own, with how many
 */
export async function syncBranch(git: Git, folder: string, from: Source, to: Source): Promise<Synced> {
  const { name: branch, sha, isBranch } = await findBase(git, join(folder, 'listed'), from, null);
  if (!isBranch) {
    throw new JobError('repo_unusable', `sync: ${from.url} has no default branch`, { hint: 'set one there' });
  }
  const was = await readRemoteBranch(git, to, branch);
  if (was === sha) return { branch, sha, was };
  const dir = join(folder, 'objects.git');
  await git(null, ['init', '--quiet', '--bare', '--', dir]);
  const ref = `refs/heads/${branch}`;
  if (was !== null) await fetchCommit(git, { dir }, to, `+${ref}:refs/agent-runner/to`);
  await fetchCommit(git, { dir }, from, `+${ref}:refs/agent-runner/from`);
  if (was !== null && !(await isAncestor(git, { dir }, was, sha))) {
    const [own, lacking] = [await countBetween(git, dir, sha, was), await countBetween(git, dir, was, sha)];
    throw new JobError(
      'conflict',
      `sync: ${branch} of ${to.url} went its own way: it has ${own} commits that ${from.url} has not, and lacks ${lacking}`,
      { hint: `nothing was changed; put those commits on another branch there, and reset ${branch}` },
    );
  }
  // Without force: where somebody was faster, it is refused.
  const args = ['push', '--quiet', '--no-verify', '--', to.url, `${sha}:${ref}`];
  await git({ dir }, args, { config: 'user' });
  return { branch, sha, was };
}
