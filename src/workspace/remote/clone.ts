/**
 * A person's own clone, when they ask for a job's work in it: their configuration counts, but no hook runs, since
 * the work may have changed the very hook that a switch would start.
 */
import { JobError } from '../../job/error.ts';
import { parseRef } from '../../job/request.ts';
import type { Git, GitOutput } from '../git.ts';

/** How the work is wanted in the clone. */
export interface TakeOptions {
  /** The local branch to make; `null` detaches HEAD. */
  readonly branch: string | null;
  /** Moves a branch of that name that is elsewhere. Uncommitted changes are never overwritten. */
  readonly force: boolean;
}

/** Exit codes with which git says no to a person's repository; what it says is passed on. */
const ANSWERS = [0, 1, 128] as const;

async function resolve(git: Git, root: string, revision: string): Promise<string | null> {
  const args = ['-C', root, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  const answer = await git(null, args, { okCodes: ANSWERS, config: 'user' });
  return answer.code === 0 ? answer.text : null;
}

/** Whether a clone has a commit, which tells a clone of the same repository from any other. */
export async function hasCommit(git: Git, root: string, sha: string): Promise<boolean> {
  return (await resolve(git, root, sha)) !== null;
}

/** What stands in the way of a switch in git's own words, or `null`. */
function refusal(answer: GitOutput): string | null {
  return answer.code === 0 ? null : answer.stderr.trim().slice(0, 2000) || `exit code ${answer.code}`;
}

/**
 * Fetches a commit into a clone and switches to it, as a branch or detached. Done twice, it has the effect of once.
 *
 * @param root the clone's top folder
 * @param from repository that has the work
 * @param work its ref there, and the commit that ref points at
 * @returns the commit the branch was at before, where `force` moved it
 * @throws JobError `conflict` when the branch is elsewhere, or uncommitted changes would be overwritten
 */
export async function takeIntoClone(
  git: Git,
  root: string,
  from: string,
  work: { readonly ref: string; readonly commit: string },
  options: TakeOptions,
): Promise<string | null> {
  const branch = options.branch === null ? null : parseRef(options.branch, 'branch');
  const before = branch === null ? null : await resolve(git, root, `refs/heads/${branch}`);
  if (before !== null && before !== work.commit && !options.force) {
    throw new JobError('conflict', `branch: ${branch ?? ''} exists in ${root} at ${before.slice(0, 12)}`, {
      hint: 'name another by --branch, or move it by --force',
    });
  }
  const fetch = ['-C', root, 'fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--', from, work.ref];
  await git(null, fetch, { config: 'user' });
  const how =
    branch === null
      ? ['--detach', work.commit]
      : before === work.commit
        ? [branch]
        : ['-C', branch, work.commit];
  const args = ['-C', root, 'switch', '--quiet', '--no-guess', '--no-recurse-submodules', ...how];
  const why = refusal(await git(null, args, { okCodes: ANSWERS, config: 'user' }));
  if (why !== null) {
    throw new JobError('conflict', `${root} can't be switched to the work: ${why}`, {
      hint: 'commit or stash your changes, then try again; nothing was changed',
    });
  }
  return before === work.commit ? null : before;
}
