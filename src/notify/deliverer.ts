/**
 * Sends what is due. Each delivery is claimed before it is sent, so that of several processes one sends it; a process
 * that dies between sending and recording leaves a claim that ends, and another sends the same id again.
 */
import type { AfterTry, Delivery, DeliveryClaim, DeliveryTry } from '../job/delivery/delivery.ts';
import type { Log } from '../log.ts';
import { createAlarm } from './alarm.ts';
import { decideAfterTry, errorOfAnswer } from './schedule.ts';
import { SEND_TIMEOUT_MS, type Send } from './send.ts';
import { standardKey, webhookHeaders } from './sign.ts';

/** Where deliveries wait; the runner hands it in. */
export interface DeliveryLog {
  /** Claims deliveries that are due and that nobody has claimed, the longest due first. */
  claim(options: {
    readonly now: Date;
    readonly limit: number;
    readonly leaseMs: number;
    /** Only those of this job. */
    readonly jobId?: string;
  }): Promise<readonly DeliveryClaim[]>;
  /** Stores a try and what follows it; rejects where the claim was lost. */
  record(claim: DeliveryClaim, tried: Omit<DeliveryTry, 'number'>, after: AfterTry): Promise<Delivery>;
}

/** What a deliverer works with. */
export interface DelivererOptions {
  readonly deliveries: DeliveryLog;
  readonly send: Send;
  /** `WEBHOOK_SECRET`; `null` sends unsigned. */
  readonly secret: string | null;
  readonly log?: Log;
  /** The clock of the schedule; the real one unless given. */
  readonly now?: () => Date;
  /** From 0 to 1 (exclusive), for the jitter. */
  readonly chance?: () => number;
}

/** Sends deliveries. */
export interface Deliverer {
  /**
   * Sends what is due once and resolves when it is recorded.
   *
   * @param jobId only the deliveries of this job
   * @returns how each of them stands now
   */
  sendDue(jobId?: string): Promise<readonly Delivery[]>;
  /** Sends whatever becomes due, until the signal; then waits for what is on its way. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Looks at once for what is due, instead of at the next poll. */
  wake(): void;
}

/** A claim is longer than the longest try, with time to record it. */
const LEASE_MS = SEND_TIMEOUT_MS + 45_000;
/** Tries at once, so that a slow receiver holds up others only where it has this many due itself. */
const MAX_AT_ONCE = 32;
/** How often the store is asked for what is due; the shortest wait of the schedule is 5 s. */
const POLL_MS = 1000;

/** Sends one claimed delivery; `null` where somebody else holds it by now. */
async function sendClaimed(options: DelivererOptions, claim: DeliveryClaim): Promise<Delivery | null> {
  const { deliveries, send, secret, log, now = () => new Date(), chance = Math.random } = options;
  const { delivery } = claim;
  const { delivery_id: id, url, body } = delivery;
  const startedAt = now();
  const answer = await send(url, { headers: webhookHeaders(secret, id, startedAt, body), body });
  const endedAt = now();
  const tried = {
    started_at: startedAt.toISOString(),
    duration_ms: Math.max(0, endedAt.getTime() - startedAt.getTime()),
    http_status: answer.kind === 'answered' ? answer.httpStatus : null,
    error: errorOfAnswer(answer),
  };
  const after = decideAfterTry(delivery.round + 1, answer, endedAt, chance());
  try {
    return await deliveries.record(claim, tried, after);
  } catch (error) {
    // What was sent is sent: the claim ends, and the same id goes out again.
    log?.error('a try of a delivery could not be recorded', { delivery_id: id, error });
    return null;
  }
}

/** Makes a deliverer. @throws JobError `bad_configuration` for a secret that can be none */
export function createDeliverer(options: DelivererOptions): Deliverer {
  const { deliveries, log, now = () => new Date() } = options;
  if (options.secret !== null) standardKey(options.secret);
  const alarm = createAlarm();
  const claim = (limit: number, jobId?: string): Promise<readonly DeliveryClaim[]> =>
    deliveries.claim({
      now: now(),
      limit,
      leaseMs: LEASE_MS,
      ...(jobId === undefined ? {} : { jobId }),
    });

  return {
    async sendDue(jobId) {
      const claims = await claim(MAX_AT_ONCE, jobId);
      const sent = await Promise.all(claims.map((one) => sendClaimed(options, one)));
      return sent.filter((one) => one !== null);
    },
    async run(signal) {
      const underWay = new Set<Promise<unknown>>();
      signal.addEventListener('abort', () => alarm.ring(), { once: true });
      while (!signal.aborted) {
        const free = MAX_AT_ONCE - underWay.size;
        const claims =
          free === 0
            ? []
            : await claim(free).catch((error: unknown) => {
                log?.error('deliveries can not be read', { error });
                return [];
              });
        for (const one of claims) {
          const sending = sendClaimed(options, one).finally(() => {
            underWay.delete(sending);
            alarm.ring();
          });
          underWay.add(sending);
        }
        // Where all that could be taken was taken, there may be more.
        if (claims.length === 0 || underWay.size === MAX_AT_ONCE) await alarm.wait(POLL_MS);
      }
      await Promise.all(underWay);
    },
    wake: () => alarm.ring(),
  };
}
