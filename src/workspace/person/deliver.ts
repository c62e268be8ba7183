/** Bringing a commit into a person's checkout: onto its branch, never over anything of theirs. */
import { JobError } from '../../job/error.ts';
import { parseRef } from '../../job/request.ts';
import { pushBranch } from '../remote/publish.ts';
import type { Git } from '../git.ts';
import { branchTip, currentBranch } from './position.ts';

/** Where the commit is now, and what a person has to do for the rest. */
export interface Delivered {
  /** Whether the checkout shows the commit. */
  readonly isCheckedOut: boolean;
  readonly notices: readonly string[];
}

/** Writing a large tree to a slow disk ends within this. */
const SWITCH_TIMEOUT_MS = 5 * 60 * 1000;

/** The ref that brings a commit's objects along where its branch can't be moved by a push. */
function resultRef(jobId: string): string {
  return `refs/agent-runner/results/${jobId}`;
}

/** Git quotes what it refuses in several lines; the first says it. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').slice(0, 300);
}

/** Runs git in the checkout with the person's own configuration: filters of theirs make files as they expect them. */
async function inCheckout(git: Git, checkout: string, args: readonly string[]): Promise<string | null> {
  try {
    await git(null, ['-C', checkout, ...args], { config: 'user', timeoutMs: SWITCH_TIMEOUT_MS });
    return null;
  } catch (error) {
    return firstLine(error);
  }
}

/** The branch is checked out: it moves together with the files, or not at all. */
async function advance(
  git: Git,
  from: string,
  checkout: string,
  commit: string,
  jobId: string,
): Promise<Delivered> {
  const ref = resultRef(jobId);
  const push = [
    'push',
    '--quiet',
    '--no-verify',
    '--receive-pack=git -c core.hooksPath=/dev/null receive-pack',
  ];
  await git({ dir: from }, [...push, '--', checkout, `+${commit}:${ref}`]);
  // `--keep` stops before it touches anything where a file with changes of the person's would have to change.
  const refused = await inCheckout(git, checkout, ['reset', '--quiet', '--keep', commit]);
  if (refused === null) {
    await git(null, ['-C', checkout, 'update-ref', '-d', ref]);
    return { isCheckedOut: true, notices: [] };
  }
  const how = `commit or stash your changes, then: git reset --keep ${ref}`;
  return {
    isCheckedOut: false,
    notices: [
      `the checkout keeps your uncommitted changes, so its branch was not moved; the result is ${ref}: ${how}`,
    ],
  };
}

/** A commit and the branch it goes to. */
interface Destination {
  readonly branch: string;
  readonly commit: string;
  /** What the branch pointed at when the job began; `null` where it was not there. */
  readonly tip: string | null;
  readonly jobId: string;
}

/**
 * Puts a commit on a branch that is not checked out; no file is touched.
 *
 * @param from the job's GIT_DIR, which has the commit
 * @throws JobError `conflict` when the branch was moved meanwhile
 */
export async function placeBranch(
  git: Git,
  from: string,
  checkout: string,
  to: Destination,
): Promise<Delivered> {
  const branch = parseRef(to.branch, 'branch');
  const there = await branchTip(git, checkout, branch);
  if (there !== to.commit && there !== to.tip) {
    throw new JobError(
      'conflict',
      `branch: ${branch} was moved to ${there?.slice(0, 12) ?? 'nothing'} meanwhile`,
      {
        hint: `the work is saved: agent-runner recover ${to.jobId}`,
      },
    );
  }
  const ours = to.tip === null ? [] : [to.tip];
  await pushBranch(git, from, { url: checkout, kind: 'checkout' }, branch, to.commit, ours);
  return { isCheckedOut: false, notices: [] };
}

/**
 * Puts `commit` on `branch` of a checkout and switches to it where that keeps everything that is not committed.
 * Done twice, it has the effect of once.
 *
 * @param from the job's GIT_DIR, which has the commit
 * @throws JobError `conflict` when the branch was moved meanwhile
 */
export async function deliverCommit(
  git: Git,
  from: string,
  checkout: string,
  to: Destination,
): Promise<Delivered> {
  const branch = parseRef(to.branch, 'branch');
  if ((await currentBranch(git, checkout)) === branch) {
    const there = await branchTip(git, checkout, branch);
    if (there === to.tip || there === to.commit) return advance(git, from, checkout, to.commit, to.jobId);
  }
  await placeBranch(git, from, checkout, to);
  const refused = await inCheckout(git, checkout, ['switch', '--quiet', '--no-guess', branch]);
  if (refused === null) return { isCheckedOut: true, notices: [] };
  const how = `git stash && git switch ${branch}`;
  const why = 'the checkout was left as it is, because it has changes that are not committed';
  return { isCheckedOut: false, notices: [`${why}; go over with: ${how}`] };
}

/** Where a push to `origin` of the checkout goes; `null` where there is no such remote. */
export async function originOf(git: Git, checkout: string): Promise<string | null> {
  const args = ['-C', checkout, 'remote', 'get-url', '--push', 'origin'];
  const answer = await git(null, args, { config: 'user', okCodes: [0, 1, 2, 128] });
  return answer.code === 0 ? answer.text : null;
}

/**
 * Pushes a branch of a checkout to its `origin`, with the person's own configuration, never by force.
 *
 * @returns `null`, or why it could not be pushed
 */
export async function pushToOrigin(git: Git, checkout: string, branch: string): Promise<string | null> {
  const name = parseRef(branch, 'branch');
  const refspec = `refs/heads/${name}:refs/heads/${name}`;
  return inCheckout(git, checkout, ['push', '--quiet', '--no-verify', '--', 'origin', refspec]);
}
