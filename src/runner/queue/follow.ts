/**
 * A job's log as it grows. Everybody who follows a job in this process shares one reader, and each takes from it at
 * its own pace: who is slow delays nobody, and memory does not grow with the number of followers.
 */
import { JobError } from '../../job/error.ts';
import type { JobEvent } from '../../job/job.ts';
import { isTerminal } from '../../job/status.ts';
import type { Store } from '../../store/store.ts';
import { isHeldAlive } from '../engine/lease.ts';
import type { Bell } from './bell.ts';

/** Events in one page of the store, and the most that a follower is given at once. */
const PAGE = 500;
/** Latest events that are kept for all followers of a job; who is further behind reads the store. */
const MAX_RECENT = 2000;
/** How long a follower waits for a ring before it looks by itself, in milliseconds. */
const POLL_MS = 1000;

/** How a log is followed. */
export interface FollowOptions {
  /** The number of the last event that is known; 0 begins with the first. */
  readonly after: number;
  readonly signal: AbortSignal;
}

/** What has been read of one job's log, for everybody who follows it. */
interface Tail {
  readonly recent: JobEvent[];
  /** The number of the last event that was read. */
  last: number;
  /** Whether something may have been written since the last read. */
  isStale: boolean;
  /** Whether the job had ended before the last read, so that nothing can follow it. */
  isWhole: boolean;
  followers: number;
  reading: Promise<void> | null;
  /** Resolved, and replaced, when there may be something new. */
  changed: PromiseWithResolvers<void>;
  readonly poll: NodeJS.Timeout;
}

/** Whether nothing will be added any more: the job has ended, and nobody is about to tell of it. */
async function hasEnded(store: Store, jobId: string): Promise<boolean> {
  const job = await store.getJob(jobId);
  if (job === null) throw new JobError('not_found', `job: there is no ${jobId}`);
  return isTerminal(job.status) && !(await isHeldAlive(store, jobId, new Date()));
}

/** Reads what is new into a tail, once for all that wait for it. */
function refresh(store: Store, jobId: string, tail: Tail): Promise<void> {
  const read = async (): Promise<void> => {
    tail.isStale = false;
    // Asked before the log is read, so that what was written before the end is read.
    const ended = await hasEnded(store, jobId);
    // A log is bounded by its job, and a page that is not full is the last one.
    for (;;) {
      const page = await store.readEvents(jobId, tail.last, PAGE);
      tail.recent.push(...page);
      tail.last = page.at(-1)?.seq ?? tail.last;
      if (tail.recent.length > MAX_RECENT) tail.recent.splice(0, tail.recent.length - MAX_RECENT);
      if (page.length < PAGE) break;
    }
    tail.isWhole = ended;
  };
  if (!tail.isStale) return tail.reading ?? Promise.resolve();
  tail.reading ??= read().finally(() => {
    tail.reading = null;
  });
  return tail.reading;
}

function wake(tail: Tail): void {
  tail.isStale = true;
  const { changed } = tail;
  tail.changed = Promise.withResolvers();
  changed.resolve();
}

/** At most a page of what comes after `after`: from the shared tail, or from the store where that begins later. */
async function pageAfter(
  store: Store,
  jobId: string,
  tail: Tail,
  after: number,
): Promise<readonly JobEvent[]> {
  if (tail.last <= after) return [];
  const first = tail.recent[0]?.seq ?? Infinity;
  if (after + 1 < first) return store.readEvents(jobId, after, PAGE);
  const from = after + 1 - first;
  return tail.recent.slice(from, from + PAGE);
}

/** Follows logs. */
export interface Followers {
  /**
   * The events after a number, in order, each once, in lists of at most 500; ends when the job has ended and all was
   * given, or when `signal` is aborted.
   *
   * @throws JobError `not_found`
   */
  follow(jobId: string, options: FollowOptions): AsyncGenerator<readonly JobEvent[], void, undefined>;
}

/** Makes the followers of one process. */
export function createFollowers(store: Store, bell: Bell): Followers {
  const tails = new Map<string, Tail>();
  let off: (() => void) | null = null;
  const rung = (jobId: string | null): void => {
    const meant = jobId === null ? tails.values() : [tails.get(jobId)];
    for (const tail of meant) if (tail !== undefined) wake(tail);
  };
  const begin = (jobId: string, after: number): Tail => {
    const tail: Tail = {
      recent: [],
      last: after,
      isStale: true,
      isWhole: false,
      followers: 0,
      reading: null,
      changed: Promise.withResolvers(),
      poll: setInterval(() => {
        wake(tail);
      }, POLL_MS),
    };
    tails.set(jobId, tail);
    off ??= bell.on('log', rung);
    return tail;
  };
  const leave = (jobId: string, tail: Tail): void => {
    tail.followers--;
    if (tail.followers > 0) return;
    clearInterval(tail.poll);
    tails.delete(jobId);
    if (tails.size > 0) return;
    off?.();
    off = null;
  };

  return {
    async *follow(jobId, { after, signal }) {
      const tail = tails.get(jobId) ?? begin(jobId, after);
      tail.followers++;
      let stopWaiting = (): void => {};
      const onAbort = (): void => stopWaiting();
      signal.addEventListener('abort', onAbort);
      let seen = after;
      try {
        while (!signal.aborted) {
          const changed = tail.changed.promise;
          await refresh(store, jobId, tail);
          const { isWhole, last } = tail;
          for (;;) {
            const page = await pageAfter(store, jobId, tail, seen);
            if (page.length === 0 || signal.aborted) break;
            seen = page.at(-1)?.seq ?? seen;
            yield page;
          }
          if (isWhole && seen >= last) return;
          if (tail.isStale) continue;
          // No race with a promise that lives as long as the follower: it would keep what every wait left, 400 bytes
          // an event and follower.
          await new Promise<void>((resolve) => {
            stopWaiting = resolve;
            void changed.then(resolve);
            if (signal.aborted) resolve();
          });
        }
      } finally {
        signal.removeEventListener('abort', onAbort);
        leave(jobId, tail);
      }
    },
  };
}
