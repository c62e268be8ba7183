/**
 * How fast changes are asked for. GitHub wants a second between two, and takes 80 in a minute and 500 in an hour
 * of one account ("Best practices for using the REST API", "Rate limits for the REST API": secondary limits).
 */
import { setTimeout as sleep } from 'node:timers/promises';

const PER_MINUTE = 80;
const PER_HOUR = 500;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** The pace of one account in this process. */
export interface Pace {
  /** Tells accounts apart. */
  readonly account: string;
  /** Resolves when the next change may be asked for; rejects when `signal` is aborted first. */
  next(signal: AbortSignal): Promise<void>;
}

/** Milliseconds until another change may follow those at `times`, which are in order. */
export function waitFor(times: readonly number[], now: number, gapMs: number): number {
  const after = (count: number, windowMs: number): number => {
    const oldest = times.at(-count);
    return oldest === undefined ? 0 : oldest + windowMs - now;
  };
  return Math.max(0, after(1, gapMs), after(PER_MINUTE, MINUTE_MS), after(PER_HOUR, HOUR_MS));
}

/**
 * Makes the pace of an account.
 *
 * @param gapMs least milliseconds between two changes; 0 sets no pace, for servers of one's own without limits
 */
export function createPace(account: string, gapMs: number): Pace {
  const times: number[] = [];
  let last: Promise<void> = Promise.resolve();
  const turn = async (signal: AbortSignal): Promise<void> => {
    const waitMs = waitFor(times, Date.now(), gapMs);
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    times.push(Date.now());
    if (times.length > PER_HOUR) times.shift();
  };
  return {
    account,
    next(signal) {
      if (gapMs === 0) return Promise.resolve();
      const mine = last.then(() => turn(signal));
      // Who gives up holds up nobody.
      last = mine.catch(() => {});
      return mine;
    },
  };
}
