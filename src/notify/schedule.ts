/** When a delivery is tried again. Pure: time and chance are given. */
import type { AfterTry } from '../job/delivery/delivery.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Waits after the first try, the second, and so on; after the last wait comes the last try. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  HOUR_MS,
  6 * HOUR_MS,
  24 * HOUR_MS,
];
/** The longest that a receiver may put off the next try by `Retry-After`. */
export const MAX_RETRY_AFTER_MS: number = 24 * HOUR_MS;
/** A wait grows by up to this share, so that receivers that come back don't meet everything at once. */
const JITTER = 0.2;

/** What came of a try. */
export type Answer =
  | { readonly kind: 'answered'; readonly httpStatus: number; readonly retryAfter: string | null }
  /** No answer came: no name, no connection, no time left. */
  | { readonly kind: 'unreachable'; readonly why: string }
  /** The destination may not be connected to; nothing was sent. */
  | { readonly kind: 'refused'; readonly why: string };

/** Whether a status says that the message was taken. A redirect is not followed and says no. */
function isTaken(httpStatus: number): boolean {
  return httpStatus >= 200 && httpStatus < 300;
}

/**
 * How long `Retry-After` asks to wait, in milliseconds, between none and a day; `null` for what is neither seconds nor
 * a date (RFC 9110, 10.2.3).
 */
export function retryAfterMs(header: string | null, now: Date): number | null {
  const text = header?.trim() ?? '';
  if (/^\d{1,15}$/.test(text)) return Math.min(Number(text) * SECOND_MS, MAX_RETRY_AFTER_MS);
  // A date of HTTP has a weekday and GMT; `Date.parse` alone would read far more than that.
  const at = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, .+ GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) return null;
  return Math.min(Math.max(0, at - now.getTime()), MAX_RETRY_AFTER_MS);
}

/** Why an answer is no success, in words; `null` where it is one. */
export function errorOfAnswer(answer: Answer): string | null {
  if (answer.kind !== 'answered') return answer.why;
  const { httpStatus } = answer;
  if (isTaken(httpStatus)) return null;
  if (httpStatus >= 300 && httpStatus < 400) return `HTTP ${httpStatus}: redirects are not followed`;
  if (httpStatus === 410) return 'HTTP 410: the receiver is gone for good';
  return `HTTP ${httpStatus}`;
}

/**
 * Decides what follows a try.
 *
 * @param round tries so far, this one included: 1 for the first
 * @param now when the try ended
 * @param chance from 0 to 1 (exclusive): where in the jitter the next try falls
 */
export function decideAfterTry(round: number, answer: Answer, now: Date, chance: number): AfterTry {
  if (answer.kind === 'refused') return { status: 'failed' };
  if (answer.kind === 'answered') {
    if (isTaken(answer.httpStatus)) return { status: 'delivered' };
    if (answer.httpStatus === 410) return { status: 'disabled' };
  }
  const delayMs = RETRY_DELAYS_MS[round - 1];
  if (delayMs === undefined) return { status: 'failed' };
  const asked = answer.kind === 'answered' ? retryAfterMs(answer.retryAfter, now) : null;
  const waitMs = Math.max(Math.round(delayMs * (1 + JITTER * chance)), asked ?? 0);
  return { status: 'pending', due_at: new Date(now.getTime() + waitMs).toISOString() };
}
