/** What a callback says of a job, held against what is known of it. */
import type { Said } from '../job/elsewhere/ending.ts';
import { JobError } from '../job/error.ts';
import { JOB_STATUSES, parseStatus, type JobStatus } from '../job/status.ts';
import type { Job } from './job.ts';

/** What a callback said. */
export interface CallbackUpdate {
  readonly jobId: string;
  /** A status as callbacks spell it; `pending` is `queued`. */
  readonly status: string;
  readonly prUrl?: string | null;
  /** Why it did not succeed, in words. */
  readonly error?: string | null;
}

function statusOf({ status }: CallbackUpdate): JobStatus {
  const said = typeof status === 'string' ? parseStatus(status) : null;
  if (said !== null) return said;
  throw new JobError(
    'invalid_request',
    `status: ${JSON.stringify(status).slice(0, 200)} is unknown (allowed: ${JOB_STATUSES.join(', ')})`,
  );
}

/**
 * What a callback says of a job that a workflow executes.
 *
 * @returns `null` where it does not say that the job has ended
 * @throws JobError `invalid_request` for a status that there is not
 */
export function saidBy(update: CallbackUpdate): Said | null {
  const status = statusOf(update);
  if (status !== 'completed' && status !== 'failed' && status !== 'cancelled') return null;
  const { prUrl = null, error = null } = update;
  const unknown = {
    outcome: null,
    code: null,
    total_cost: null,
    total_tokens_in: null,
    total_tokens_out: null,
  };
  return { status, pr_url: prUrl, error, ...unknown };
}

/**
 * Takes a callback's word for a job that is run here or by our server: it ends by its own gate and by nothing else, so
 * what a callback says of it is either what is known already, or refused.
 *
 * @throws JobError `invalid_request` for a status that there is not, `conflict` where it does not fit
 */
export function confirmed(job: Job, update: CallbackUpdate): Job {
  const { prUrl = null, error = null } = update;
  const said = statusOf(update);
  const differs = [
    ...(said === job.status ? [] : [`status ${said}, it is ${job.status}`]),
    ...(prUrl === null || prUrl === job.prUrl
      ? []
      : [`pr_url ${JSON.stringify(prUrl).slice(0, 200)}, it is ${job.prUrl ?? 'none'}`]),
    ...(error === null || job.error !== null ? [] : ['an error, it has none']),
  ];
  if (differs.length === 0) return job;
  throw new JobError('conflict', `callback: it says of ${job.jobId}: ${differs.join('; ')}`, {
    hint: 'its end is not taken from elsewhere; where a server has a job that a workflow executes, send the callback there, to /webhook/agent-runner',
  });
}
