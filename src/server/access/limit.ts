/** How many requests one sender may send: a bucket of tokens each, refilled as time goes by. */
import { Refused } from '../problem.ts';

/** Senders that are remembered; who sent nothing for longest is forgotten first. */
const MAX_SENDERS = 10_000;
/** A bucket holds what comes in this many seconds. */
const BURST_S = 10;

/** Counts requests. */
export interface RateLimit {
  /** Takes a token of a sender. @throws Refused 429 with `retry-after` where there is none */
  take(sender: string): void;
}

/**
 * Makes the limit.
 *
 * @param perMinute requests of one sender in a minute; 0 is no limit
 * @param now milliseconds of a clock that only goes forward
 */
export function createRateLimit(perMinute: number, now: () => number = () => performance.now()): RateLimit {
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  const perMs = perMinute / 60_000;
  const most = Math.max(1, perMs * 1000 * BURST_S);
  return {
    take(sender) {
      if (perMinute === 0) return;
      const nowMs = now();
      const known = buckets.get(sender);
      const tokens = known === undefined ? most : Math.min(most, known.tokens + (nowMs - known.atMs) * perMs);
      // Taken out and put back, so that the map is in the order of the last request.
      buckets.delete(sender);
      buckets.set(sender, { tokens: Math.max(0, tokens - (tokens >= 1 ? 1 : 0)), atMs: nowMs });
      for (const [oldest] of buckets) {
        if (buckets.size <= MAX_SENDERS) break;
        buckets.delete(oldest);
      }
      if (tokens >= 1) return;
      throw new Refused({
        status: 429,
        code: 'too_many_requests',
        detail: `more than ${perMinute} requests a minute came from one sender`,
        hint: 'wait for what retry-after says; requests_per_minute sets the limit',
        headers: { 'retry-after': String(Math.max(1, Math.ceil((1 - tokens) / perMs / 1000))) },
      });
    },
  };
}
