/** What a callback says of a job, held against what is known of it. */
import { JobError } from '../job/error.ts';
import { JOB_STATUSES, parseStatus } from '../job/status.ts';
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

/**
 * Takes a callback's word for a job. A job that is run here or by our server ends by its own gate and by nothing else,
 * so what a callback says of it is either what is known already, or refused.
 *
 * @throws JobError `invalid_request` for a status that there is not, `conflict` where it does not fit
 */
export function confirmed(job: Job, update: CallbackUpdate): Job {
  const { status, prUrl = null, error = null } = update;
  const said = parseStatus(status);
  if (said === null)
    throw new JobError(
      'invalid_request',
      `status: ${JSON.stringify(status).slice(0, 200)} is unknown (allowed: ${JOB_STATUSES.join(', ')})`,
    );
  const differs = [
    ...(said === job.status ? [] : [`status ${said}, it is ${job.status}`]),
    ...(prUrl === null || prUrl === job.prUrl
      ? []
      : [`pr_url ${JSON.stringify(prUrl).slice(0, 200)}, it is ${job.prUrl ?? 'none'}`]),
    ...(error === null || job.error !== null ? [] : ['an error, it has none']),
  ];
  if (differs.length === 0) return job;
  throw new JobError('conflict', `callback: it says of ${job.jobId}: ${differs.join('; ')}`, {
    hint: 'the job is run by agent-runner itself, and its end is not taken from elsewhere; jobs that run elsewhere come with forges',
  });
}
