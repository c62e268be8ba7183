/** The pull request that a job goes on with: that it is open, and what was asked on it so far. */
import type { Remote } from '../../../forge/forge.ts';
import { JobError } from '../../../job/error.ts';
import { firstOf, type Job } from '../../../job/job.ts';
import type { Store } from '../../../store/store.ts';
import type { JobContext } from '../../context.ts';
import { eachJob } from '../../keep/jobs.ts';

/** One job on a pull request, as its text tells of it. */
export interface PastTurn {
  readonly job_id: string;
  /** Logins; none where it was asked of the runner itself, or by checks alone. */
  readonly by: readonly string[];
  /** Whether checks that failed asked for it. */
  readonly isOfChecks: boolean;
  /** `null` for the job that tells of it. */
  readonly outcome: string | null;
  /** The commit that it left there; `null` where none. */
  readonly commit: string | null;
}

/** The story of a pull request: the job that opened it, and the jobs of its session. */
export interface PullStory {
  readonly root: Job;
  /** The oldest first. */
  readonly turns: readonly PastTurn[];
  /** Turns that are left out between the first and the others. */
  readonly left: number;
}

/** Jobs of a session that are told of, the newest and its first. */
const MAX_TURNS = 20;
/** Jobs that are looked through for the first. */
const MAX_JOBS = 1000;

/** `#12` of `owner/name#12` as a number. */
export function numberOfPull(pull: string): number {
  return Number(pull.slice(pull.lastIndexOf('#') + 1));
}

/**
 * Refuses a pull request that was closed: nothing is pushed to its branch, and no second one is opened.
 *
 * @throws JobError `conflict`
 */
export async function checkPull(context: JobContext, remote: Remote): Promise<void> {
  const { pull } = context.job.request;
  if (pull === undefined) return;
  const { conversation } = context.reach(remote).access;
  const found = await conversation?.readPull(numberOfPull(pull));
  if (found === undefined || found.isOpen) return;
  throw new JobError('conflict', `pull: ${pull} was closed, so that nothing is pushed to its branch`, {
    hint: 'open it again and ask once more, or ask for a new job',
  });
}

function turnOf(job: Job, head: string | null): PastTurn {
  const { job_id, outcome, result } = job;
  const commit = result === null ? head : result.branch === null ? null : result.head_sha;
  const { turn } = job.request;
  return {
    job_id,
    by: turn?.by ?? [],
    isOfChecks: turn?.kinds.includes('checks') === true,
    outcome,
    commit,
  };
}

/**
 * What was asked on the pull request of a job so far; `null` for a job that goes on with none.
 *
 * @param head the commit that the job itself is about to leave there
 */
export async function readStory(store: Store, job: Job, head: string): Promise<PullStory | null> {
  const { pull, session_id: sessionId } = job.request;
  const first = firstOf(sessionId ?? '');
  if (pull === undefined || sessionId === undefined || first === null) return null;
  const root = await store.getJob(first);
  if (root === null) return null;
  const later: Job[] = [];
  let left = 0;
  for await (const one of eachJob(store, { sessionId, before: job.job_id, limit: MAX_JOBS })) {
    if (one.job_id === first) continue;
    if (later.length < MAX_TURNS) later.push(one);
    else left++;
  }
  const before = [root, ...later.toReversed()].map((one) => turnOf(one, null));
  return { root, turns: [...before, turnOf({ ...job, outcome: null, result: null }, head)], left };
}
