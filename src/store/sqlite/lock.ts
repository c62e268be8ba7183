/** Waiting for another process's lock without stopping the event loop. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isLocked } from './failure.ts';

/** Milliseconds that a read or a transaction waits for a lock in all. */
const LOCK_TIMEOUT_MS = 5000;
/**
 * A try costs about 10 µs, and a process that writes all the time lets others in between two transactions for no longer
 * than this: who looks less often waits for many of them.
 */
const LONGEST_PAUSE_MS = 2;

/**
 * Runs `attempt` until no lock is in its way, for at most `LOCK_TIMEOUT_MS`.
 *
 * @param attempt must leave nothing behind when it throws because of a lock
 * @throws what `attempt` threw last
 */
export async function whileLocked<T>(attempt: () => T): Promise<T> {
  const deadline = performance.now() + LOCK_TIMEOUT_MS;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return attempt();
    } catch (thrown) {
      if (!isLocked(thrown) || performance.now() >= deadline) throw thrown;
    }
    // A random part, so that two processes that collided don't collide again in step.
    await sleep(pauseMs * (0.5 + Math.random()));
  }
}
