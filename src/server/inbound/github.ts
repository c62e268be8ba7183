/** What GitHub tells: taken in, answered, and decided on afterwards. */
import { z } from 'zod';
import type { Received } from '../../runner/triggers/triggers.ts';
import { json, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { Refused } from '../problem.ts';

/** GitHub cuts payloads at 25 MB; what is acted on here takes a few ten thousand bytes. */
const MAX_BYTES = 5 * 1024 * 1024;

const payload = z
  .record(z.string(), z.unknown())
  .meta({ id: 'GithubPayload', description: "A payload of GitHub's webhooks, signed as it came" });
const received = z
  .object({
    status: z.enum(['accepted', 'duplicate']),
    events: z.int().min(0).meta({ description: 'Events that are new, and are decided on now' }),
  })
  .meta({ id: 'Received' });

function refuse(status: number, code: string, detail: string, hint?: string): never {
  throw new Refused({ status, code, detail, ...(hint === undefined ? {} : { hint }) });
}

function answerOf(came: Received): Response {
  switch (came.status) {
    case 'unconfigured':
      return refuse(
        404,
        'not_configured',
        'webhooks of GitHub: no secret is set, so none can be verified',
        'set GITHUB_WEBHOOK_SECRET to the secret of the webhook, and start the server again',
      );
    case 'forged':
      return refuse(
        401,
        'bad_signature',
        'header.x-hub-signature-256: the body is not signed by a secret that is known here',
        'the secret of the webhook and GITHUB_WEBHOOK_SECRET must be the same',
      );
    case 'malformed':
      return refuse(400, 'invalid_request', came.why);
    case 'duplicate':
      return json({ status: 'duplicate', events: 0 });
    case 'accepted':
      return json(came, 202);
  }
}

/** Webhooks of forges. */
export function inboundEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  const answer = (description: string, example: z.output<typeof received>): Endpoint['answers'][number] => ({
    description,
    content: { 'application/json': { schema: received, example } },
  });
  return [
    define({
      method: 'post',
      path: '/webhooks/github',
      id: 'githubWebhook',
      tag: 'inbound',
      summary: 'What happened on GitHub',
      description:
        'The webhook of a repository, an organisation or an App, with the content type `application/json`. Its signature is the key.',
      role: null,
      isStormy: true,
      headers: {
        'x-github-event': 'What happened',
        'x-github-delivery': 'Names the delivery: one that came before changes nothing',
        'x-hub-signature-256': 'The HMAC of the body by the secret, `sha256=` and hex',
      },
      body: {
        schema: payload,
        rawBytes: MAX_BYTES,
        examples: { ping: { zen: 'Keep it logically awesome.', hook_id: 1 } },
      },
      refuses: {
        401: 'The signature is none of a known secret',
        404: 'No secret is set',
        503: 'Too many events wait, or the database can not be written',
      },
      answers: {
        200: answer('It came before', { status: 'duplicate', events: 0 }),
        202: answer('It is stored, and will be decided on', { status: 'accepted', events: 1 }),
      },
      async handle({ body, request, about, sentBy }) {
        const delivery = request.headers.get('x-github-delivery');
        const came = await runner.triggers.receive({
          event: request.headers.get('x-github-event'),
          delivery,
          signature: request.headers.get('x-hub-signature-256'),
          // What `rawBytes` asks for.
          body: body as unknown as Uint8Array,
        });
        if (came.status === 'accepted' || came.status === 'duplicate') {
          sentBy('github');
          if (delivery !== null) about(delivery);
        }
        return answerOf(came);
      },
    }),
  ];
}
