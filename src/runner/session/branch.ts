/** The branch of a session where it lies: what people pushed to it since the job before is taken in, never overwritten. */
import type { Remote } from '../../forge/forge.ts';
import { JobError } from '../../job/error.ts';
import { oneLine } from '../../prompt/untrusted.ts';
import { commitTree, treeOf } from '../../workspace/change.ts';
import { fetchCommit, isAncestor, listCommits, rebaseTree } from '../../workspace/commits.ts';
import type { Git, GitTarget } from '../../workspace/git.ts';
import { readRemoteBranch } from '../../workspace/remote/publish.ts';
import type { JobContext } from '../context.ts';
import { changeCommit } from '../steps/commit.ts';
import type { SessionStart } from './start.ts';

/** What somebody pushed to the branch since. */
export interface Pushed {
  /** Where the branch stands now. */
  readonly tip: string;
  readonly notice: string;
}

/** Commits that a notice names; the rest is counted. */
const MAX_COMMITS_NAMED = 5;
/** Commits that are counted. */
const MAX_COMMITS = 100;
/** In the job's own repository: what the job before left unpublished, on the commits that came since. */
const CARRIED_REF = 'refs/agent-runner/carried';

async function noticeOf(
  git: Git,
  target: GitTarget,
  branch: string,
  from: string,
  to: string,
): Promise<string> {
  const commits = await listCommits(git, target, from, to, MAX_COMMITS);
  const named = commits
    .slice(0, MAX_COMMITS_NAMED)
    .map(({ sha, title }) => `${sha.slice(0, 12)} ${oneLine(title, 80)}`);
  const left = commits.length - named.length;
  const more = left === 0 ? '' : ` and ${left} more`;
  return `${branch} went on since the job before, and this job with it: ${named.join('; ')}${more}`;
}

/**
 * Looks where a session's branch stands.
 *
 * @param at.remote where the branch lies
 * @param at.ours a commit that this job itself may have left there
 * @param at.target the job's repository, to which what came since is brought
 * @returns `null` where nobody pushed anything
 * @throws JobError `conflict` where the branch was rewritten or is gone
 */
export async function lookAtBranch(
  context: JobContext,
  at: {
    readonly git: Git;
    readonly remote: Remote;
    readonly target: GitTarget;
    readonly ours: string | null;
  },
  { tip, job_id: before }: SessionStart,
): Promise<Pushed | null> {
  if (tip === null) return null;
  const { branch } = context.job;
  const there = await readRemoteBranch(at.git, at.remote, branch);
  if (there === tip || (there !== null && there === at.ours)) return null;
  if (there === null) {
    throw new JobError('conflict', `branch: ${branch} of ${before} is gone from ${at.remote.display}`, {
      hint: `push ${tip.slice(0, 12)} there again (\`agent-runner checkout ${before}\` brings it), or ask for a new job`,
    });
  }
  await fetchCommit(at.git, at.target, at.remote, there);
  if (await isAncestor(context.git, at.target, tip, there))
    return { tip: there, notice: await noticeOf(context.git, at.target, branch, tip, there) };
  throw new JobError(
    'conflict',
    `branch: ${branch} was rewritten on ${at.remote.display}: it is at ${there.slice(0, 12)}, which does not go on from ${tip.slice(0, 12)} of ${before}`,
    {
      hint: `what is there stays as it is: ask for a new job with --base ${branch}, or put ${tip.slice(0, 12)} back below it`,
    },
  );
}

/**
 * The commit whose files a job begins with where its branch went on.
 *
 * @param left what the job before had in its working copy; `null` where that was the base
 * @param tip where the branch was then
 * @param onto where it is now
 * @returns `onto`, with what was left unpublished on top where it fits; `fits: false` where it does not
 */
export async function carryOver(
  context: JobContext,
  target: GitTarget,
  { left, tip, onto }: { readonly left: string | null; readonly tip: string; readonly onto: string },
): Promise<{ readonly commit: string; readonly fits: boolean }> {
  const { git } = context;
  const tree = left === null ? null : await treeOf(git, target, left);
  if (tree === null || tree === (await treeOf(git, target, tip))) return { commit: onto, fits: true };
  const info = changeCommit(context);
  const change = await commitTree(git, target, tree, tip, CARRIED_REF, info);
  const carried = await rebaseTree(git, target, onto, change);
  if (carried === null) return { commit: onto, fits: false };
  return { commit: await commitTree(git, target, carried, onto, CARRIED_REF, info), fits: true };
}
