/** Putting a branch on a remote. The base branch is never named here, and nothing is ever merged. */
import { JobError } from '../../job/error.ts';
import { parseRef } from '../../job/request.ts';
import type { Git } from '../git.ts';
import type { Source } from './listing.ts';

/** The commit a branch of the remote points at, or `null` when there is no such branch. */
export async function readRemoteBranch(git: Git, source: Source, branch: string): Promise<string | null> {
  const args = ['ls-remote', '--', source.url, `refs/heads/${parseRef(branch, 'branch')}`];
  const line =
    (await git(null, args, { config: source.kind === 'url' ? 'user' : 'none' })).text.split('\n')[0] ?? '';
  return /^[0-9a-f]{40}\t/.test(line) ? line.slice(0, 40) : null;
}

/**
 * Pushes a commit to the job's own branch. Done twice, it has the effect of once. A branch that somebody
 * else made or moved is never overwritten.
 *
 * @param ours commits that this job pushed to the branch before; only those may be replaced
 * @throws JobError `conflict` when the branch holds somebody else's commit
 */
export async function pushBranch(
  git: Git,
  from: string,
  source: Source,
  branch: string,
  commit: string,
  ours: readonly string[],
): Promise<void> {
  const ref = `refs/heads/${parseRef(branch, 'branch')}`;
  // A person's own repository gets a ref and nothing else: its hooks are not run for a branch it did not ask for,
  // nor the command that its configuration may name to list the refs of repositories it borrows from.
  const quiet = '-c core.hooksPath=/dev/null -c core.alternateRefsCommand=true';
  const quietly = source.kind === 'checkout' ? [`--receive-pack=git ${quiet} receive-pack`] : [];
  const push = async (expected: string): Promise<void> => {
    const lease = `--force-with-lease=${ref}:${expected}`;
    const args = ['push', '--quiet', '--no-verify', lease, ...quietly, '--', source.url, `${commit}:${ref}`];
    await git({ dir: from }, args, { config: source.kind === 'url' ? 'user' : 'none' });
  };
  try {
    // Nearly always there is no such branch yet, and a lease on nothing makes that certain.
    return await push('');
  } catch (error) {
    const there = await readRemoteBranch(git, source, branch);
    if (there === commit) return;
    if (there === null) throw error;
    if (ours.includes(there)) return push(there);
    throw new JobError(
      'conflict',
      `branch: ${branch} exists on ${source.url} at ${there.slice(0, 12)}, which is not this job's work`,
      {
        hint: 'delete or rename that branch, or choose another branch_template',
      },
    );
  }
}

/**
 * The remote of a person's own repository that a branch of it is published to: `origin`, else the only one.
 * `null` where there is none, where there is a choice, and for what is no working repository.
 */
export async function publishingRemote(git: Git, source: Source): Promise<string | null> {
  if (source.kind !== 'checkout') return null;
  const { text, code } = await git(null, ['-C', source.url, 'remote'], { okCodes: [0, 1, 128] });
  const names = code === 0 ? text.split('\n').filter((name) => name !== '') : [];
  return names.includes('origin') ? 'origin' : names.length === 1 ? (names[0] ?? null) : null;
}
