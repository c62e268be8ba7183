/** Where a job stands in the queue; pure, so that every store decides alike. */
import { JobError } from '../../job/error.ts';
import { sessionOf, type Job } from '../../job/job.ts';
import { MAX_PRIORITY } from '../../job/request.ts';
import type { Once, QueueCounts } from '../store.ts';
import { isRun } from './job.ts';
import { checkInteger, checkName } from './value.ts';

/**
 * `ready` to be claimed, `held` by somebody, `parked` until a person answers or a run elsewhere has ended, `blocked` by an
 * earlier job of its session.
 */
export const QUEUE_STATES = [
  'ready',
  'held',
  'parked',
  'blocked',
] as const satisfies readonly (keyof QueueCounts)[];
export type QueueState = (typeof QUEUE_STATES)[number];

/**
 * Stands for the repository of a run of a pipeline, which no limit of a repository holds for: it waits for its steps, and
 * they are jobs of that repository.
 */
export const RUNS = '';

/** Most rows that the lists of the queue return. */
export const MAX_QUEUE_ROWS = 10_000;

/** What the queue knows of a job. */
export interface QueueEntry {
  readonly priority: number;
  /** Whose limit of jobs in work it counts for; `RUNS` for a run. */
  readonly repo: string;
  /** The one that the job names, else the one that bears its id: whoever goes on with a job waits for it. */
  readonly session_id: string;
}

/**
 * What the queue keeps of a job; `null` for one that works for a checkout that a person stands in: only the command
 * that began it may go on with it.
 *
 * @throws JobError `bug` for what no caller may send
 */
export function queueEntry(job: Job): QueueEntry | null {
  const { in_place: inPlace, priority = 0 } = job.request;
  const repo = isRun(job) ? RUNS : job.request.repo;
  if (inPlace !== undefined || job.outcome !== null) return null;
  checkInteger(priority, 'priority', -MAX_PRIORITY);
  checkInteger(MAX_PRIORITY - priority, 'priority below its limit');
  return { priority, repo, session_id: checkName(sessionOf(job), 'session_id') };
}

/**
 * Where a job waits that nobody holds.
 *
 * @param of.isAnswered whether a message waits for it; of a run, whether something was decided since it was last taken up:
 *   it takes no messages, and one that lay there would wake it for ever
 * @param of.isCancelling whether it is to be cancelled
 * @param of.isBlocked whether an earlier job of its session has not ended
 */
export function waitingState(
  job: Pick<Job, 'status'>,
  of: { readonly isAnswered: boolean; readonly isCancelling: boolean; readonly isBlocked: boolean },
): QueueState {
  if (of.isCancelling) return 'ready';
  if (of.isBlocked) return 'blocked';
  if (job.status === 'triggered') return 'parked';
  return job.status === 'needs_input' && !of.isAnswered ? 'parked' : 'ready';
}

/**
 * Refuses a job that is to be run at once while an earlier job of its session has not ended.
 *
 * @param earlier id of that job, or `null`
 * @throws JobError `conflict`
 */
export function checkAlone(job: Job, isHeld: boolean, earlier: string | null): void {
  if (!isHeld || earlier === null) return;
  throw new JobError('conflict', `session_id: ${earlier} of ${job.request.session_id} has not ended`, {
    hint: 'wait for it, or submit the job: it runs after the others of its session',
  });
}

/** @throws JobError `conflict` when a key was used for something else */
export function checkSame(once: Once, digest: string): void {
  if (once.digest === digest) return;
  throw new JobError(
    'conflict',
    'idempotency key: it was used for another request within the last 24 hours',
    {
      hint: 'take a new key for a new request',
    },
  );
}

/** Checks an idempotency key. @throws JobError `bug` */
export function checkOnce(once: Once): Once {
  checkName(once.key, 'idempotency key');
  checkName(once.digest, 'digest');
  checkInteger(once.untilMs, 'untilMs');
  return once;
}
