/** The receiver's side: whether a webhook is genuine, fresh, and came for the first time. */
import { timingSafeEqual } from 'node:crypto';
import { hexSignature, standardSignature } from './sign.ts';

/** Largest difference of the clocks, in milliseconds; Standard Webhooks' own. */
const TOLERANCE_MS = 5 * 60_000;
/** Signatures that one memory of messages holds; more genuine ones within ten minutes push out the oldest. */
const MAX_REMEMBERED = 100_000;
/** Signatures of one header that are looked at: a sender gives one for each of its secrets. */
const MAX_SIGNATURES = 20;

/** Headers as `fetch` (of whatever package) or as Node gives them; names in any case. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** Remembers which messages came. */
export interface ReplayStore {
  /**
   * Notes a message.
   *
   * @param key names the message: one try of one delivery under one secret
   * @param untilMs milliseconds since 1970 after which it is too old to be accepted anyway
   * @param nowMs milliseconds since 1970
   * @returns whether it is new
   */
  remember(key: string, untilMs: number, nowMs: number): boolean;
}

/** How strictly a webhook is checked. */
export interface VerifyOptions {
  /** Where messages are remembered; the memory of this process unless given. */
  readonly replays?: ReplayStore;
  /** How far `webhook-timestamp` may be from now, in milliseconds; five minutes unless given. */
  readonly toleranceMs?: number;
  readonly now?: () => Date;
}

/** A memory of messages in this process, bounded. */
export function createReplayMemory(maxEntries: number = MAX_REMEMBERED): ReplayStore {
  const known = new Map<string, number>();
  return {
    remember(key, untilMs, nowMs) {
      const until = known.get(key);
      if (until !== undefined && until >= nowMs) return false;
      // In the order of their coming, so about in the order of their end.
      for (const [old, end] of known) {
        if (end >= nowMs && known.size < maxEntries) break;
        known.delete(old);
      }
      known.set(key, untilMs);
      return true;
    },
  };
}

const REPLAYS = createReplayMemory();

/** One header's text; `null` where it is missing or came more than once. */
function headerOf(headers: WebhookHeaders, name: string): string | null {
  if (typeof headers.get === 'function') return headers.get(name);
  let found: string | null = null;
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() !== name || value === undefined) continue;
    const text = typeof value === 'string' ? value : value.length === 1 ? value[0] : undefined;
    if (found !== null || typeof text !== 'string') return null;
    found = text;
  }
  return found;
}

/** Compares without telling by its time where two texts differ. */
function equalText(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * Whether a webhook is genuine by its Standard Webhooks headers, not older or newer than the tolerance, and not the
 * repetition of a message that was accepted. A sender's own retry carries the same `webhook-id` with a fresh timestamp
 * and is accepted: what must be done once is done once for each `webhook-id`.
 *
 * @param body the body as it came, before anything parses it
 * @param secret `WEBHOOK_SECRET` of the sender
 * @returns `true` for a message to be trusted; whatever body and headers hold, nothing is thrown for them
 * @throws JobError `bad_configuration` for a secret that can be none
 */
export function verifyWebhook(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secret: string,
  options: VerifyOptions = {},
): boolean {
  const { replays = REPLAYS, toleranceMs = TOLERANCE_MS, now = () => new Date() } = options;
  const id = headerOf(headers, 'webhook-id') ?? '';
  const timestamp = headerOf(headers, 'webhook-timestamp') ?? '';
  const signatures = headerOf(headers, 'webhook-signature') ?? '';
  const isTold = id !== '' && !id.includes('.') && /^\d{1,11}$/.test(timestamp);
  // Signed in any case, so that a secret that can be none is found by the first message and not by the first good one.
  const expected = standardSignature(secret, id, isTold ? Number(timestamp) : 0, body);
  if (!isTold) return false;
  const [sentMs, nowMs] = [Number(timestamp) * 1000, now().getTime()];
  if (Math.abs(nowMs - sentMs) > toleranceMs) return false;
  const given = signatures.split(' ', MAX_SIGNATURES);
  if (!given.some((signature) => equalText(signature, expected))) return false;
  return replays.remember(expected, sentMs + toleranceMs, nowMs);
}

/**
 * Whether `X-Signature-256` belongs to a body. It knows neither time nor id, so an old message passes again: where the
 * other headers can be read, use `verifyWebhook`.
 *
 * @param signature the header's value, `sha256=<hex>`; missing is `false`
 */
export function verifyWebhookSignature(
  body: string | Uint8Array,
  signature: string | null | undefined,
  secret: string,
): boolean {
  return equalText(signature ?? '', hexSignature(secret, body));
}
