/** Callbacks of jobs: whether a URL may be named, and how what is due gets sent and asked for again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import { deliveryIdOf, type Delivery, type NewDelivery } from '../../job/delivery/delivery.ts';
import { errorInfoOf, JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { JobResult } from '../../job/result.ts';
import type { Log } from '../../log.ts';
import { callbackBody } from '../../notify/body.ts';
import { createDeliverer, type Deliverer } from '../../notify/deliverer.ts';
import { createDestinations, type Destinations } from '../../notify/destination.ts';
import { createSender, SEND_TIMEOUT_MS } from '../../notify/send.ts';
import { standardKey } from '../../notify/sign.ts';
import type { Store } from '../../store/store.ts';

/** How webhooks are signed and where they may go. */
export type WebhookConfig = Config['webhooks'];

/** The callbacks of a runner's jobs. */
export interface Callbacks {
  /** Refuses a URL that no callback may be sent to, before it becomes part of a job. @throws JobError */
  check(url: string): void;
  /** Why this process could not send a job's callback, in words; `null` where it can, or the job names none. */
  lack(job: Job): string | null;
  /** Tries what is due of one job once, and tells how each stands. Takes as long as one try at most. */
  sendDue(jobId: string): Promise<readonly Delivery[]>;
  list(jobId: string): Promise<readonly Delivery[]>;
  /** Makes every delivery of a job due again, and tries each once. */
  redeliver(jobId: string): Promise<readonly Delivery[]>;
  /** A deliverer for a worker, which sends what is due of all jobs. @throws JobError without a secret */
  deliverer(log: Log): Deliverer;
}

/** How often a try that another process makes is looked for, in milliseconds. */
const LOOK_MS = 100;
const SECRET_HINT =
  'set WEBHOOK_SECRET to a random text that the receiver knows too; ALLOW_INSECURE_WEBHOOKS=1 sends unsigned ones';

/** The rules of destinations that a configuration means. */
export function destinationsOf({ allow, allowInsecure }: WebhookConfig): Destinations {
  return createDestinations({ allow, allowHttp: allowInsecure });
}

/**
 * The secret that webhooks are signed with; `null` where they may go unsigned.
 *
 * @throws JobError `bad_configuration` where there is none and there must be, or it can be none
 */
export function secretOf({ secret, allowInsecure }: WebhookConfig): string | null {
  if (!canSign({ secret, allowInsecure })) {
    throw new JobError('bad_configuration', 'WEBHOOK_SECRET: it is not set, so callbacks can not be signed', {
      hint: SECRET_HINT,
    });
  }
  if (secret !== null) standardKey(secret);
  return secret;
}

/** Whether callbacks can be sent: signed, or allowed to go unsigned. */
export function canSign({ secret, allowInsecure }: Pick<WebhookConfig, 'secret' | 'allowInsecure'>): boolean {
  return secret !== null || allowInsecure;
}

/** Refuses a URL by its form. @throws JobError `invalid_request` that names what is wrong with it */
export function checkUrl(destinations: Destinations, url: string): void {
  const why = destinations.refusal(url);
  if (why === null) return;
  throw new JobError('invalid_request', `callback_url: ${JSON.stringify(url.slice(0, 200))}: ${why}`, {
    hint: 'give an https URL of a public host; for one of your own network, name its host in webhook_allow (WEBHOOK_ALLOW)',
  });
}

/**
 * What the end of a job leaves to be delivered; `undefined` where it names no callback.
 *
 * @param mask takes secrets out of what the error says; nothing else of the body is anybody's text
 */
export function deliveryAtEnd(
  job: Job,
  result: JobResult,
  mask: (text: string) => string,
): NewDelivery | undefined {
  const { callback_url: url, step } = job.request;
  // Of a step its run tells.
  if (url === undefined || step !== undefined) return undefined;
  const { error } = result;
  const masked =
    error === null
      ? null
      : {
          ...error,
          message: mask(error.message),
          hint: error.hint === null ? null : mask(error.hint),
        };
  return {
    delivery_id: deliveryIdOf(job.job_id, result.outcome ?? result.status),
    url,
    body: JSON.stringify(callbackBody({ ...result, error: masked })),
    created_at: result.finished_at,
  };
}

function lastNumber({ tries }: Delivery): number {
  return tries.at(-1)?.number ?? 0;
}

/** The deliveries of a job once each was tried after `before`, be it by a worker that was quicker. */
async function triedAgain(
  store: Store,
  jobId: string,
  before: readonly Delivery[],
): Promise<readonly Delivery[]> {
  const numbers = new Map(before.map((one) => [one.delivery_id, lastNumber(one)]));
  const until = performance.now() + SEND_TIMEOUT_MS;
  for (;;) {
    const now = await store.listDeliveries(jobId);
    const isTried = now.every((one) => lastNumber(one) > (numbers.get(one.delivery_id) ?? 0));
    if (isTried || performance.now() > until) return now;
    await sleep(LOOK_MS);
  }
}

/** The callbacks over a store. */
export function createCallbacks(config: WebhookConfig, store: Store): Callbacks {
  const destinations = destinationsOf(config);
  const open = (log?: Log): Deliverer =>
    createDeliverer({
      deliveries: {
        claim: (claims) => store.claimDeliveries(claims),
        record: (claim, tried, after) => store.recordDeliveryTry(claim, tried, after),
      },
      send: createSender(destinations),
      secret: secretOf(config),
      ...(log === undefined ? {} : { log }),
    });
  const check = (url: string): void => {
    checkUrl(destinations, url);
    if (canSign(config)) {
      secretOf(config);
      return;
    }
    throw new JobError(
      'invalid_request',
      'callback_url: nothing can sign it, for WEBHOOK_SECRET is not set',
      {
        hint: SECRET_HINT,
      },
    );
  };
  return {
    check,
    lack(job) {
      const { callback_url: url } = job.request;
      if (url === undefined) return null;
      try {
        check(url);
        return null;
      } catch (error) {
        return `its callback will not be sent by this process: ${errorInfoOf(error).message}`;
      }
    },
    async sendDue(jobId) {
      const known = await store.listDeliveries(jobId);
      // Most jobs name no callback, and need no secret.
      return known.some(({ status }) => status === 'pending') ? open().sendDue(jobId) : [];
    },
    list: (jobId) => store.listDeliveries(jobId),
    async redeliver(jobId) {
      const known = await store.listDeliveries(jobId);
      if (known.length === 0) return [];
      const deliverer = open();
      for (const { delivery_id: id } of known) await store.redeliver(id, new Date());
      await deliverer.sendDue(jobId);
      return await triedAgain(store, jobId, known);
    },
    deliverer: (log) => open(log),
  };
}
