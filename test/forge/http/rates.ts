/** Rate limits: counted for everybody, enforced as a test wishes. */

const WINDOW_MS = 3_600_000;

export interface Rate {
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  /** Seconds of the epoch. */
  readonly reset: number;
}

export interface Rates {
  /** Counts one request; `remaining` below zero: refused. */
  count(who: string): Rate;
  look(who: string): Rate;
}

/**
 * @param clock milliseconds of the epoch
 */
export function createRates(clock: () => number, limit: number): Rates {
  const windows = new Map<string, { used: number; until: number }>();
  const windowOf = (who: string): { used: number; until: number } => {
    const old = windows.get(who);
    if (old !== undefined && clock() < old.until) return old;
    const made = { used: 0, until: clock() + WINDOW_MS };
    windows.set(who, made);
    return made;
  };
  const look = (who: string): Rate => {
    const { used, until } = windowOf(who);
    return { limit, used, remaining: limit - used, reset: Math.ceil(until / 1000) };
  };
  return {
    look,
    count(who) {
      windowOf(who).used += 1;
      return look(who);
    },
  };
}

export function rateHeaders(rate: Rate): Record<string, string> {
  return {
    'x-ratelimit-limit': String(rate.limit),
    'x-ratelimit-remaining': String(Math.max(0, rate.remaining)),
    'x-ratelimit-used': String(Math.min(rate.used, rate.limit)),
    'x-ratelimit-reset': String(rate.reset),
    'x-ratelimit-resource': 'core',
  };
}
