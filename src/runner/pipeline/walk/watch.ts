/**
 * Waits for jobs of others to end: one watch for all jobs that the runs of a process wait for. Within the process a ring
 * tells which job it is about; of others it is only known that something happened, and a few jobs are looked at.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cancelled, errorInfoOf } from '../../../job/error.ts';
import type { Job } from '../../../job/job.ts';
import type { Store } from '../../../store/store.ts';
import type { Bell } from '../../queue/bell.ts';

/** How often jobs are looked at without a ring, in milliseconds. */
const POLL_MS = 1000;
/** Least pause between two looks after rings of other processes, in milliseconds. */
const PAUSE_MS = 100;
/**
 * Jobs of one look: those that have waited longest, which the queue gives out first, and as many of the others in turn. A
 * run of a thousand steps that others work on costs no more than one of sixty.
 */
const MAX_LOOKED = 32;

/** Waits for ends. */
export interface EndWatch {
  /**
   * Resolves with a job when it has ended.
   *
   * @throws `Cancelled` when `signal` is aborted; what the store says of a job that is not there
   */
  ended(jobId: string, signal: AbortSignal): Promise<Job>;
  /**
   * Resolves at the next ring about a job, or after a second: whoever waits for something else of it looks then.
   *
   * @throws `Cancelled` when `signal` is aborted
   */
  pause(jobId: string, signal: AbortSignal): Promise<void>;
}

async function pause(bell: Bell, jobId: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, POLL_MS);
  const off = bell.on('queue', (rung) => {
    if (rung === null || rung === jobId) resolve();
  });
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) resolve();
  await promise;
  clearTimeout(timer);
  off();
  signal.removeEventListener('abort', onAbort);
  if (signal.aborted) throw new Cancelled();
}

/** Makes the watch of one process. */
export function createEndWatch(store: Store, bell: Bell): EndWatch {
  const watched = new Map<string, PromiseWithResolvers<Job>>();
  let close: (() => void) | null = null;
  let turn = 0;
  let looking: Promise<void> | null = null;

  const lookAt = async (jobId: string): Promise<void> => {
    const job = await store.getJob(jobId);
    if (job?.result != null) watched.get(jobId)?.resolve(job);
  };
  const lookAtSome = async (): Promise<void> => {
    const ids = [...watched.keys()];
    const first = ids.slice(0, MAX_LOOKED);
    const rest = ids.slice(MAX_LOOKED);
    turn = rest.length === 0 ? 0 : (turn + MAX_LOOKED) % rest.length;
    for (const jobId of [...first, ...rest.slice(turn, turn + MAX_LOOKED)]) await lookAt(jobId);
  };
  const lookSoon = (): void => {
    looking ??= lookAtSome()
      // The store fails for a moment under a lock; the next look comes soon.
      .catch(() => {})
      .then(() => sleep(PAUSE_MS, undefined, { ref: false }))
      .finally(() => {
        looking = null;
      });
  };
  const open = (): void => {
    if (close !== null) return;
    const timer = setInterval(lookSoon, POLL_MS);
    const off = bell.on('queue', (jobId) => {
      if (jobId === null) lookSoon();
      else if (watched.has(jobId)) lookAt(jobId).catch(() => {});
    });
    close = () => {
      clearInterval(timer);
      off();
      close = null;
    };
  };

  return {
    async ended(jobId, signal) {
      const waiting = watched.get(jobId) ?? Promise.withResolvers<Job>();
      watched.set(jobId, waiting);
      open();
      const onAbort = (): void => waiting.reject(new Cancelled());
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      // What cannot be read now is looked for again.
      lookAt(jobId).catch((error: unknown) => {
        if (errorInfoOf(error).code === 'not_found') waiting.reject(error);
      });
      try {
        return await waiting.promise;
      } finally {
        signal.removeEventListener('abort', onAbort);
        watched.delete(jobId);
        if (watched.size === 0) close?.();
      }
    },
    pause: (jobId, signal) => pause(bell, jobId, signal),
  };
}
