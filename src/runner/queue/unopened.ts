/** Jobs that nobody watches and that can't even begin here: they end with the reason, instead of waiting for ever. */
import { Cancelled, errorInfo, errorInfoOf, JobError, outcomeOf, type ErrorInfo } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { toResult } from '../../job/result.ts';
import { backOff, type RetryPolicy } from '../engine/engine.ts';
import { endJob, type EndParts } from '../engine/settle.ts';
import { readEnded } from '../pipeline/walk/retry.ts';

/**
 * Opens something, again after a while where infrastructure failed.
 *
 * @throws what `open` threw last; `Cancelled` when `signal` is aborted
 */
export async function openPatiently<T>(
  open: () => Promise<T>,
  retry: RetryPolicy,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open();
    } catch (error) {
      const { blame } = errorInfoOf(error);
      if (blame === 'user' || error instanceof Cancelled || attempt >= retry.attempts) throw error;
    }
    await backOff(retry, attempt, signal);
  }
}

function whyOf(error: unknown): ErrorInfo {
  if (error instanceof Cancelled) return errorInfo('cancelled', error.message);
  const info = errorInfoOf(error);
  return info.code === 'conflict' || info.code === 'not_found'
    ? { ...info, code: 'bad_configuration' }
    : info;
}

/**
 * Ends a job that could not be opened. Where an earlier process had begun it, its working copy stays where it is.
 *
 * @throws JobError `conflict` when the lease was lost meanwhile
 */
export async function endUnopened(parts: EndParts, job: Job, thrown: unknown): Promise<Job> {
  const { lease, journal } = parts;
  if (lease.lost.aborted && lease.lost.reason instanceof JobError) throw lease.lost.reason;
  const error = whyOf(thrown);
  const now = new Date().toISOString();
  const saved = { ok: true, wip_ref: null, started_at: now, ended_at: now, usage: null } as const;
  journal.emit('error', null, { message: error.message, hint: error.hint });
  const ends = job.request.pipeline === undefined ? [] : await readEnded(parts.store, job);
  return endJob(parts, job, toResult(job, [], { outcome: outcomeOf(error.code), error }, saved, ends));
}
