/**
 * Signatures of a webhook: `X-Signature-256`, as GitHub signs, and those of Standard Webhooks 1.0
 * (`webhook-id`, `webhook-timestamp`, `webhook-signature`). Pure.
 */
import { createHmac } from 'node:crypto';
import { JobError } from '../job/error.ts';

const PREFIX = 'whsec_';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

function badSecret(why: string): JobError {
  return new JobError('bad_configuration', `WEBHOOK_SECRET: ${why}`, {
    hint: 'give a random text of 32 characters or more, or whsec_ and base64, such as "whsec_$(openssl rand -base64 32)"',
  });
}

/**
 * The key of a Standard Webhooks signature, as the package `standardwebhooks` makes it: base64 after `whsec_`, and of
 * any other text one byte of each character, which for ASCII is the text itself (its `format: 'raw'`).
 *
 * @throws JobError `bad_configuration` for an empty secret, or one whose base64 is none
 */
export function standardKey(secret: string): Uint8Array {
  if (!secret.startsWith(PREFIX)) {
    if (secret === '') throw badSecret('it is empty');
    return Uint8Array.from(secret, (character) => character.charCodeAt(0));
  }
  const encoded = secret.slice(PREFIX.length);
  if (encoded === '' || !BASE64.test(encoded)) throw badSecret(`what follows ${PREFIX} is no base64`);
  return Buffer.from(encoded, 'base64');
}

/**
 * The value of `X-Signature-256`. Its key is the secret's text as it stands, so that one line of any language checks it.
 *
 * @param body the bytes as they are sent; text is taken as UTF-8
 * @returns `sha256=` and 64 lower-case hexadecimal digits
 */
export function hexSignature(secret: string, body: string | Uint8Array): string {
  if (secret === '') throw badSecret('it is empty');
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/**
 * The value of `webhook-signature`.
 *
 * @param timestampS seconds since 1970, as they stand in `webhook-timestamp`
 * @returns `v1,` and base64
 */
export function standardSignature(
  secret: string,
  id: string,
  timestampS: number,
  body: string | Uint8Array,
): string {
  const hmac = createHmac('sha256', standardKey(secret));
  return `v1,${hmac.update(`${id}.${timestampS}.`).update(body).digest('base64')}`;
}

/** What a delivery's request says of itself; unsigned where there is no secret. */
export function webhookHeaders(
  secret: string | null,
  id: string,
  time: Date,
  body: string,
): Record<string, string> {
  const timestampS = Math.floor(time.getTime() / 1000);
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
  };
  if (secret === null) return headers;
  return {
    ...headers,
    'webhook-signature': standardSignature(secret, id, timestampS, body),
    'x-signature-256': hexSignature(secret, body),
  };
}
