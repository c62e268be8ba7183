/** Where a person's checkout stands: its branch, its commit, what is not committed. Looked at, never changed. */
import { JobError } from '../../job/error.ts';
import { parseRef } from '../../job/request.ts';
import { splitNul, type Git } from '../git.ts';

/** A person's checkout at one moment. */
export interface Position {
  /** The branch that is checked out; `null` when HEAD is detached. */
  readonly branch: string | null;
  readonly head: string;
  /** Paths that differ from HEAD: changed, staged, or new and not ignored. */
  readonly dirty: readonly string[];
}

/** Longest look at a person's files. */
const LOOK_TIMEOUT_MS = 60_000;
const SHA = /^[0-9a-f]{40}$/;

async function revision(git: Git, checkout: string, name: string): Promise<string | null> {
  const args = ['-C', checkout, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`];
  const answer = await git(null, args, { okCodes: [0, 1, 128], timeoutMs: LOOK_TIMEOUT_MS });
  return answer.code === 0 && SHA.test(answer.text) ? answer.text : null;
}

/** The branch that is checked out, or `null`. */
export async function currentBranch(git: Git, checkout: string): Promise<string | null> {
  const args = ['-C', checkout, 'symbolic-ref', '--quiet', '--short', 'HEAD'];
  const answer = await git(null, args, { okCodes: [0, 1] });
  return answer.code === 0 && answer.text !== '' ? answer.text : null;
}

/** The commit of a branch of the checkout, or `null` where there is no such branch. */
export async function branchTip(git: Git, checkout: string, branch: string): Promise<string | null> {
  return revision(git, checkout, `refs/heads/${parseRef(branch, 'branch')}`);
}

/** Where two commits of the checkout meet; `null` when they have no common past. */
export async function meetingPoint(git: Git, checkout: string, a: string, b: string): Promise<string | null> {
  const args = ['-C', checkout, 'merge-base', '--end-of-options', a, b];
  const answer = await git(null, args, { okCodes: [0, 1, 128], timeoutMs: LOOK_TIMEOUT_MS });
  return answer.code === 0 && SHA.test(answer.text) ? answer.text : null;
}

/**
 * Looks where a checkout stands.
 *
 * @param checkout root of the working tree
 * @throws JobError `repo_unusable` when it has no commit yet
 */
export async function readPosition(git: Git, checkout: string): Promise<Position> {
  const head = await revision(git, checkout, 'HEAD');
  if (head === null) {
    throw new JobError('repo_unusable', `repo: ${checkout} has no commits`, { hint: 'make a first commit' });
  }
  const args = ['-C', checkout, 'status', '--porcelain=v1', '-z', '--no-renames', '--ignore-submodules=all'];
  const status = await git(null, args, { config: 'user', timeoutMs: LOOK_TIMEOUT_MS });
  const dirty = splitNul(status.stdout).map((line) => line.slice(3));
  return { branch: await currentBranch(git, checkout), head, dirty };
}

/** Branches that others start from, in the order in which they are asked for. */
const MAIN_BRANCHES = ['refs/remotes/origin/HEAD', 'refs/heads/main', 'refs/heads/master'];

/** Where the branch that is checked out left the main one; HEAD itself where that can't be told. */
export async function forkOfHead(git: Git, checkout: string, head: string): Promise<string> {
  for (const main of MAIN_BRANCHES) {
    const point = await meetingPoint(git, checkout, main, head);
    if (point !== null) return point;
  }
  return head;
}
