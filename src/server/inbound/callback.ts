/** `POST /webhook/agent-runner`: the callbacks of workflows, which end the jobs that they executed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { isElsewhere } from '../../job/elsewhere/executor.ts';
import type { Said } from '../../job/elsewhere/ending.ts';
import { ERROR_CODES, errorInfoOf, JobError, type ErrorCode } from '../../job/error.ts';
import { verifyWebhook, verifyWebhookSignature } from '../../notify/verify.ts';
import type { Runner } from '../../runner/runner.ts';
import { parseSigned } from '../check.ts';
import { json, type Endpoint } from '../endpoint.ts';
import { findJob } from '../jobs/read.ts';
import { jobPath, outcome } from '../jobs/schema.ts';
import type { Define, Parts } from '../parts.ts';
import { Refused } from '../problem.ts';

/** Largest callback, in bytes; an error in it has at most 4,000 characters. */
const MAX_BYTES = 64 * 1024;
const MAX_ERROR_CHARS = 10_000;
/** Longest wait for a job that is just being dispatched, and the pauses between two looks, in milliseconds. */
const WAIT_MS = 5000;
const PAUSE_MS = 100;

const amount = z.number().min(0).nullable().optional();
const codes = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];
/** What is told is read by its names; newer senders may say more. */
const callbackBody = z
  .looseObject({
    job_id: jobPath.shape.job_id,
    status: z.enum(['completed', 'failed', 'cancelled']),
    outcome: outcome.nullable().optional(),
    pr_url: z.string().max(2048).nullable().optional(),
    error: z.string().max(MAX_ERROR_CHARS).nullable().optional(),
    error_detail: z
      .looseObject({ code: z.enum(codes) })
      .nullable()
      .optional(),
    total_cost: amount,
    total_tokens_in: amount,
    total_tokens_out: amount,
  })
  .meta({
    id: 'Callback',
    description: 'What `agent-runner callback` sends, and the body of every callback',
  });

function refused(detail: string, hint: string): Refused {
  return new Refused({ status: 401, code: 'unauthenticated', detail, hint });
}

/**
 * Refuses what nobody signed who knows the secret. Of the two kinds of signatures each that came must be good. A message
 * that comes again is good as well: a job ends once, so that it has no second effect.
 *
 * @throws Refused 401
 */
export function checkSigned(
  { secret, allowInsecure }: { readonly secret: string | null; readonly allowInsecure: boolean },
  bytes: Uint8Array,
  headers: Headers,
): void {
  const hex = headers.get('x-signature-256');
  const hasStandard = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].some((name) =>
    headers.has(name),
  );
  const isSigned = hex !== null || headers.has('webhook-signature');
  if (!isSigned && allowInsecure) return;
  if (secret === null) {
    if (allowInsecure) return;
    throw refused(
      'signature: this server has no WEBHOOK_SECRET, so it takes no callbacks',
      'set WEBHOOK_SECRET',
    );
  }
  if (!isSigned)
    throw refused('x-signature-256: nothing came, and callbacks are signed', 'sign it with WEBHOOK_SECRET');
  if (hex !== null && !verifyWebhookSignature(bytes, hex, secret))
    throw refused(
      'x-signature-256: it does not belong to this body',
      'check that both sides have the same WEBHOOK_SECRET, and sign the bytes that are sent',
    );
  const replays = { remember: () => true };
  if (hasStandard && !verifyWebhook(bytes, headers, secret, { replays }))
    throw refused(
      'webhook-signature: it does not belong to this body and time',
      'check WEBHOOK_SECRET and the clock: a callback may be five minutes old',
    );
}

function saidOf(body: z.output<typeof callbackBody>): Said {
  return {
    status: body.status,
    outcome: body.outcome ?? null,
    pr_url: body.pr_url ?? null,
    error: body.error ?? null,
    code: body.error_detail?.code ?? null,
    total_cost: body.total_cost ?? null,
    total_tokens_in: body.total_tokens_in ?? null,
    total_tokens_out: body.total_tokens_out ?? null,
  };
}

/**
 * Ends the job. A run may be quicker than the answer to its dispatch, so a job that is just being dispatched is waited for.
 *
 * @throws JobError `infra_failed` where that takes too long: the sender tries again, and the run is looked at besides
 */
async function end(runner: Runner, jobId: string, said: Said): Promise<void> {
  const until = performance.now() + WAIT_MS;
  for (;;) {
    try {
      await runner.endElsewhere(jobId, { kind: 'said', said });
      return;
    } catch (error) {
      if (errorInfoOf(error).code !== 'conflict') throw error;
      if (performance.now() > until) {
        const { message } = errorInfoOf(error);
        throw new JobError('infra_failed', `callback: ${message}`, { hint: 'send it again in a moment' });
      }
    }
    await sleep(PAUSE_MS);
  }
}

/** The endpoint. */
export function callbackEndpoint({ runner, config }: Parts, define: Define): Endpoint {
  const { webhooks } = config;
  return define({
    method: 'post',
    path: '/webhook/agent-runner',
    id: 'workflowCallback',
    tag: 'inbound',
    summary: 'Takes the callback of a workflow that executed a job',
    description:
      'Signed with `WEBHOOK_SECRET` by `X-Signature-256`, by the headers of Standard Webhooks, or both; unsigned only with `ALLOW_INSECURE_WEBHOOKS=1`. What it says of a pull request is looked up at the forge. A job that has ended stays as it is: told again, or late, the answer is the same and nothing happens.',
    role: null,
    headers: {
      'x-signature-256': '`sha256=` and the HMAC-SHA256 of the body, in hexadecimal digits',
      'webhook-id': 'Standard Webhooks: id of the message',
      'webhook-timestamp': 'Standard Webhooks: seconds since 1970, at most five minutes from now',
      'webhook-signature': 'Standard Webhooks: `v1,` and the signature',
    },
    refuses: {
      401: 'It is not signed, or not by this secret',
      404: 'There is no such job',
      409: 'No workflow executes that job',
      503: 'The job is just being dispatched, or the forge can not be asked; send it again',
    },
    body: {
      schema: callbackBody,
      rawBytes: MAX_BYTES,
      examples: {
        opened: {
          job_id: 'job-0123456789ab',
          status: 'completed',
          outcome: 'pr_opened',
          pr_url: 'https://git.example.org/octo/shop/pull/7',
        },
      },
    },
    answers: {
      200: {
        description: 'Taken',
        content: {
          'application/json': { schema: z.object({ status: z.literal('ok') }), example: { status: 'ok' } },
        },
      },
    },
    async handle({ body: came, request, about, sentBy }) {
      // What `rawBytes` asks for.
      const bytes = came as unknown as Uint8Array;
      checkSigned(webhooks, bytes, request.headers);
      const body = parseSigned(callbackBody, bytes);
      sentBy('workflow');
      about(body.job_id);
      const job = await findJob(runner, body.job_id);
      if (!isElsewhere(job.request) || job.status === 'queued') {
        const why = isElsewhere(job.request) ? 'was not dispatched yet' : 'is executed by this server';
        throw new JobError('conflict', `callback: ${job.job_id} ${why}, and is not ended by callbacks`);
      }
      await end(runner, job.job_id, saidOf(body));
      return json({ status: 'ok' });
    },
  });
}
