/** One callback by itself, without job or database: what a CI run sends to the server that started it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { JobError } from '../../job/error.ts';
import { deliveryIdOf } from '../../job/delivery/delivery.ts';
import { OUTCOMES, type JobStatus, type Outcome } from '../../job/status.ts';
import { callbackBody } from '../../notify/body.ts';
import { decideAfterTry, errorOfAnswer } from '../../notify/schedule.ts';
import { createSender } from '../../notify/send.ts';
import { webhookHeaders } from '../../notify/sign.ts';
import { checkUrl, destinationsOf, secretOf, type WebhookConfig } from './callbacks.ts';

/** Tries of a callback that no worker takes over: the schedule's first two waits lie between them. */
const MAX_TRIES = 3;
/** Longest wait for another try, also where the receiver asks for more: a CI run costs while it waits. */
const MAX_WAIT_MS = 60_000;
const STATUSES = ['completed', 'failed', 'cancelled'] as const;

/** What is told of a job that ran elsewhere. */
export interface CallbackInput {
  readonly url: string;
  readonly jobId: string;
  readonly status: string;
  /** How it ended, where that is known; it must be one of this status. */
  readonly outcome: string | null;
  readonly prUrl: string | null;
  readonly error: string | null;
}

/** How it went. */
export interface CallbackSent {
  readonly delivery_id: string;
  readonly delivered: boolean;
  readonly tries: number;
  readonly http_status: number | null;
  /** Of the last try. */
  readonly error: string | null;
}

/** @throws JobError `invalid_request` for an outcome that there is not, or not of this status */
function outcomeFor(status: JobStatus, given: string | null): Outcome | null {
  if (given === null) return null;
  const known = (Object.keys(OUTCOMES) as Outcome[]).filter((one) => OUTCOMES[one].status === status);
  const outcome = known.find((one) => one === given);
  if (outcome !== undefined) return outcome;
  throw new JobError(
    'invalid_request',
    `outcome: ${JSON.stringify(given.slice(0, 100))} is none of status ${status} (allowed: ${known.join(', ')})`,
  );
}

/**
 * Sends one callback, at most three times, with the same id.
 *
 * @param signal ends the waits
 * @throws JobError `invalid_request` or `bad_configuration` for what can't be sent
 */
export async function sendCallback(
  config: WebhookConfig,
  input: CallbackInput,
  signal: AbortSignal,
): Promise<CallbackSent> {
  const { url, jobId, prUrl, error } = input;
  const destinations = destinationsOf(config);
  const secret = secretOf(config);
  checkUrl(destinations, url);
  if (!/^[\w-]{1,200}$/.test(jobId))
    throw new JobError('invalid_request', `job-id: ${JSON.stringify(jobId.slice(0, 100))} is no job id`);
  const status = STATUSES.find((known) => known === input.status);
  if (status === undefined) {
    throw new JobError(
      'invalid_request',
      `status: ${JSON.stringify(input.status.slice(0, 100))} is unknown (allowed: ${STATUSES.join(', ')})`,
    );
  }
  const outcome = outcomeFor(status, input.outcome);
  const send = createSender(destinations);
  const id = deliveryIdOf(jobId, status);
  const body = JSON.stringify(callbackBody({ job_id: jobId, status, outcome, pr_url: prUrl, error }));
  for (let round = 1; ; round++) {
    const answer = await send(url, { headers: webhookHeaders(secret, id, new Date(), body), body });
    const now = new Date();
    const after = decideAfterTry(round, answer, now, Math.random());
    if (after.status !== 'pending' || round === MAX_TRIES || signal.aborted) {
      return {
        delivery_id: id,
        delivered: after.status === 'delivered',
        tries: round,
        http_status: answer.kind === 'answered' ? answer.httpStatus : null,
        error: errorOfAnswer(answer),
      };
    }
    const waitMs = Math.min(Date.parse(after.due_at) - now.getTime(), MAX_WAIT_MS);
    await sleep(waitMs, undefined, { signal }).catch(() => {});
  }
}
