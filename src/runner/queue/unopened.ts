/** Jobs that nobody watches and that can't even begin here: they end with the reason, instead of waiting for ever. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cancelled, errorInfo, errorInfoOf, JobError, outcomeOf, type ErrorInfo } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { toResult } from '../../job/result.ts';
import { OUTCOMES } from '../../job/status.ts';
import type { Store } from '../../store/store.ts';
import { deliveryAtEnd } from '../callbacks/callbacks.ts';
import type { RetryPolicy } from '../engine/engine.ts';
import type { Journal } from '../engine/journal.ts';
import type { HeldLease } from '../engine/lease.ts';

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
    await sleep(retry.baseMs * 2 ** (attempt - 1), undefined, { signal }).catch(() => {
      throw new Cancelled();
    });
  }
}

function whyOf(error: unknown): ErrorInfo {
  if (error instanceof Cancelled) return errorInfo('cancelled', error.message);
  const info = errorInfoOf(error);
  return info.code === 'conflict' || info.code === 'not_found'
    ? { ...info, code: 'bad_configuration' }
    : info;
}

/** What a job has that could not be opened. */
interface Unopened {
  readonly store: Store;
  readonly lease: HeldLease;
  readonly journal: Journal;
  /** Takes secrets out of a text. */
  readonly mask: (text: string) => string;
}

/**
 * Ends a job that could not be opened. Where an earlier process had begun it, its working copy stays where it is.
 *
 * @throws JobError `conflict` when the lease was lost meanwhile
 */
export async function endUnopened(
  { store, lease, journal, mask }: Unopened,
  job: Job,
  thrown: unknown,
): Promise<Job> {
  if (lease.lost.aborted && lease.lost.reason instanceof JobError) throw lease.lost.reason;
  const error = whyOf(thrown);
  const outcome = outcomeOf(error.code);
  const now = new Date().toISOString();
  const saved = { ok: true, wip_ref: null, started_at: now, ended_at: now, usage: null } as const;
  const result = toResult(job, [], { outcome, error }, saved);
  const { status } = OUTCOMES[outcome];
  journal.emit('error', null, { message: error.message, hint: error.hint });
  await journal.flush();
  const end = { status, outcome, result, finished_at: now, question: null };
  const ended = await store.updateJob(lease.current(), end, deliveryAtEnd(job, result, mask));
  journal.emit('status', 'notify', { status, outcome, job_id: job.job_id });
  await journal.flush();
  return ended;
}
