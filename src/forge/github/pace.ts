/**
 * How fast changes are asked for. GitHub takes 80 in a minute and 500 in an hour of one account, and wants a second
 * between two of many ("Best practices for using the REST API", "Rate limits for the REST API": secondary limits).
 * The few that one job asks for in a row are no many: they need not wait for each other.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const PER_MINUTE = 80;
const PER_HOUR = 500;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Changes that may follow each other at once; of more, each waits until the gaps of all before it have passed. */
const BURST = 8;
/** A wait of this length is told. */
const LONG_MS = 5000;

/** What is known of the changes of one account, in milliseconds of the epoch. */
export interface Changes {
  /** When they were or will be asked for, in order. */
  readonly times: readonly number[];
  /** None is asked for before: the server said so. */
  readonly heldUntilMs: number;
}

/** Where the changes of accounts are written down for all who must keep one pace. */
export interface PaceBook {
  /** Puts another state in the place of what is known, with nobody in between. */
  change(account: string, next: (known: Changes) => Changes): Promise<void>;
}

/** The pace of one account. */
export interface Pace {
  /** Tells accounts apart. */
  readonly account: string;
  /**
   * Resolves when the next change may be asked for; rejects when `signal` is aborted first.
   *
   * @param onWait told of a long wait, in milliseconds
   */
  next(signal: AbortSignal, onWait?: (waitMs: number) => void): Promise<void>;
  /** Asks for no change for so many milliseconds: a limit was met. */
  hold(forMs: number): Promise<void>;
}

/** Milliseconds until another change may follow those at `times`, which are in order. */
export function waitFor(times: readonly number[], now: number, gapMs: number): number {
  const after = (count: number, windowMs: number): number => {
    const oldest = times.at(-count);
    return oldest === undefined ? 0 : oldest + windowMs - now;
  };
  return Math.max(0, after(BURST, BURST * gapMs), after(PER_MINUTE, MINUTE_MS), after(PER_HOUR, HOUR_MS));
}

/** A book of this process alone. */
export function createPaceBook(): PaceBook {
  const known = new Map<string, Changes>();
  return {
    change(account, next) {
      known.set(account, next(known.get(account) ?? { times: [], heldUntilMs: 0 }));
      return Promise.resolve();
    },
  };
}

/** Where a pace is written down, and what tells it the time; the machine's own clock unless told. */
export interface PaceOptions {
  readonly book?: PaceBook;
  /** Milliseconds of the epoch. */
  readonly now?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/**
 * Makes the pace of an account.
 *
 * @param gapMs least milliseconds a change, on the average; 0 sets no pace, for servers of one's own without limits
 */
export function createPace(account: string, gapMs: number, options: PaceOptions = {}): Pace {
  const { book = createPaceBook(), now: clock = Date.now } = options;
  const { wait = (ms, signal) => sleep(ms, undefined, { signal }) } = options;
  /** Takes the next turn, and says when it is. A turn whose owner gives up is not given to another. */
  const take = async (): Promise<number> => {
    let turn = 0;
    await book.change(account, ({ times, heldUntilMs }) => {
      const now = clock();
      // A clock that was set back must not let everybody wait for what never happened.
      const sane = times.filter((time) => time <= now + HOUR_MS);
      const held = heldUntilMs <= now + HOUR_MS ? heldUntilMs : 0;
      turn = Math.max(now + waitFor(sane, now, gapMs), held);
      return { times: [...sane, turn].slice(-PER_HOUR), heldUntilMs: held };
    });
    return turn;
  };
  return {
    account,
    async next(signal, onWait) {
      if (gapMs === 0) return;
      signal.throwIfAborted();
      const waitMs = (await take()) - clock();
      if (waitMs > LONG_MS) onWait?.(waitMs);
      if (waitMs > 0) await wait(waitMs, signal);
    },
    async hold(forMs) {
      if (gapMs === 0) return;
      await book.change(account, ({ times, heldUntilMs }) => {
        return { times, heldUntilMs: Math.max(heldUntilMs, clock() + forMs) };
      });
    },
  };
}
