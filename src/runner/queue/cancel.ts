/** Cancelling from anywhere: whoever runs a job hears of it within a second, by a ring or by looking. */
import { Cancelled } from '../../job/error.ts';
import type { Store } from '../../store/store.ts';
import type { Bell } from './bell.ts';

/** How often the wish to cancel is looked for without a ring, in milliseconds. */
const POLL_MS = 500;

/** One job that is watched. */
export interface CancelWatch {
  /** Aborted when a person cancels the job. */
  readonly signal: AbortSignal;
  stop(): void;
}

/** Watches the jobs of one process. */
export interface Cancels {
  /**
   * Begins to watch a job; resolves when it is known whether it is to be cancelled already, or where the store can't
   * say so at the moment: then the next look does.
   */
  watch(jobId: string): Promise<CancelWatch>;
}

/** Makes the watch of one process: one look for all its jobs. */
export function createCancels(store: Store, bell: Bell): Cancels {
  const watched = new Map<string, AbortController>();
  let timer: NodeJS.Timeout | null = null;
  let off: (() => void) | null = null;

  const look = async (): Promise<void> => {
    for (const jobId of await store.listCancelling()) watched.get(jobId)?.abort(new Cancelled());
  };
  const lookQuietly = (): void => {
    // The store fails for a moment under a lock; the next look comes soon.
    look().catch(() => {});
  };

  return {
    async watch(jobId) {
      const controller = new AbortController();
      watched.set(jobId, controller);
      if (timer === null) {
        timer = setInterval(lookQuietly, POLL_MS);
        timer.unref();
        off = bell.on('queue', lookQuietly);
      }
      await look().catch(() => {});
      return {
        signal: controller.signal,
        stop() {
          watched.delete(jobId);
          if (watched.size > 0 || timer === null) return;
          clearInterval(timer);
          off?.();
          timer = null;
          off = null;
        },
      };
    },
  };
}
