/** Signatures, judged by the package `standardwebhooks`: what we sign it verifies, what it signs we verify. */
import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { createReplayMemory, verifyWebhook, verifyWebhookSignature } from '../../src/notify/verify.ts';
import { hexSignature, standardSignature, webhookHeaders } from '../../src/notify/sign.ts';

/** A secret as we take it, and the package's own reading of it. */
const secrets = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => {
    const secret = `whsec_${Buffer.from(bytes).toString('base64')}`;
    return { secret, oracle: new Webhook(secret) };
  }),
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: 64 })
    .filter((secret) => !secret.startsWith('whsec_'))
    .map((secret) => ({ secret, oracle: new Webhook(secret, { format: 'raw' }) })),
);
const bodies = fc.string({ unit: 'grapheme', maxLength: 200 });
const ids = fc.stringMatching(/^[\w-]{1,40}$/);
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NOW = new Date('2026-11-20T10:00:00Z');

describe('what we sign', () => {
  it('is what the package signs, for every secret, id, time and body', () => {
    fc.assert(
      fc.property(
        secrets,
        ids,
        fc.integer({ min: 0, max: 4e9 }),
        bodies,
        ({ secret, oracle }, id, timeS, body) => {
          const theirs = oracle.sign(id, new Date(timeS * 1000), body);
          expect(standardSignature(secret, id, timeS, body)).toBe(theirs);
          expect(standardSignature(secret, id, timeS, Buffer.from(body))).toBe(theirs);
        },
      ),
    );
  });

  it('is verified by the package, and so is what it signs by us', () => {
    fc.assert(
      fc.property(secrets, ids, fc.json(), ({ secret, oracle }, id, body) => {
        const now = new Date();
        expect(oracle.verify(body, webhookHeaders(secret, id, now, body))).toEqual(JSON.parse(body));
        const headers = {
          'Webhook-Id': id,
          'Webhook-Timestamp': String(Math.floor(now.getTime() / 1000)),
          'Webhook-Signature': `v1,other v2,x ${oracle.sign(id, now, body)}`,
        };
        const options = { replays: createReplayMemory(), now: () => now };
        expect(verifyWebhook(body, headers, secret, options)).toBe(true);
      }),
    );
  });

  it('carries the plain HMAC of the body too, by the secret as it stands', () => {
    fc.assert(
      fc.property(secrets, bodies, ({ secret }, body) => {
        const wanted = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
        expect(webhookHeaders(secret, 'x', NOW, body)['x-signature-256']).toBe(wanted);
        expect(verifyWebhookSignature(body, wanted, secret)).toBe(true);
        expect(verifyWebhookSignature(Buffer.from(body), wanted, secret)).toBe(true);
        expect(verifyWebhookSignature(`${body} `, wanted, secret)).toBe(false);
        expect(verifyWebhookSignature(body, wanted, `${secret}x`)).toBe(false);
      }),
    );
  });

  it('matches the example of GitHub’s documentation', () => {
    expect(hexSignature("It's a Secret to Everybody", 'Hello, World!')).toBe(
      'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    );
  });

  it('has no signature where there is no secret', () => {
    expect(webhookHeaders(null, 'x', NOW, '{}')).toEqual({
      'content-type': 'application/json',
      'webhook-id': 'x',
      'webhook-timestamp': String(NOW.getTime() / 1000),
    });
  });

  it.each(['', 'whsec_', 'whsec_a', 'whsec_ä', 'whsec_a-b_', 'whsec_aaa=aaaa', 'whsec_ aaa'])(
    'refuses %j as a secret',
    (secret) => {
      expect(() => standardSignature(secret, 'x', 0, '')).toThrow(/WEBHOOK_SECRET/);
      expect(() => verifyWebhook('', {}, secret)).toThrow(/WEBHOOK_SECRET/);
    },
  );
});

describe('verifyWebhook', () => {
  const headersOf = (over: Readonly<Record<string, string | undefined>> = {}, body = '{"a":1}') => ({
    ...webhookHeaders(SECRET, 'delivery-1', NOW, body),
    ...over,
  });
  const verify = (
    headers: Parameters<typeof verifyWebhook>[1],
    body: string | Uint8Array = '{"a":1}',
    now = NOW,
  ): boolean => verifyWebhook(body, headers, SECRET, { replays: createReplayMemory(), now: () => now });

  it('takes headers in every form that servers give them', () => {
    expect(verify(headersOf())).toBe(true);
    expect(verify(new Headers(headersOf()))).toBe(true);
    expect(verify(headersOf(), Buffer.from('{"a":1}'))).toBe(true);
    const { 'webhook-id': id, ...others } = headersOf();
    expect(verify({ ...others, 'WEBHOOK-ID': [String(id)] })).toBe(true);
    expect(verify({ ...others, 'webhook-id': [String(id), 'other'] })).toBe(false);
    expect(verify({ ...others, 'webhook-id': id, 'Webhook-Id': 'other' })).toBe(false);
  });

  it.each([
    ['no id', { 'webhook-id': undefined }],
    ['an empty id', { 'webhook-id': '' }],
    ['another id', { 'webhook-id': 'delivery-2' }],
    ['no timestamp', { 'webhook-timestamp': undefined }],
    ['another timestamp', { 'webhook-timestamp': String(NOW.getTime() / 1000 + 1) }],
    ['a timestamp with more behind it', { 'webhook-timestamp': `${NOW.getTime() / 1000}x` }],
    ['a timestamp that is none', { 'webhook-timestamp': 'now' }],
    ['no signature', { 'webhook-signature': undefined }],
    ['an empty signature', { 'webhook-signature': 'v1,' }],
    ['a signature of another version', { 'webhook-signature': 'v1a,AAAA' }],
    ['a signature without its version', { 'webhook-signature': headersOf()['webhook-signature']?.slice(3) }],
    ['only X-Signature-256', { 'webhook-signature': undefined, 'webhook-id': undefined }],
  ])('refuses %s', (_, over) => {
    expect(verify(headersOf(over))).toBe(false);
  });

  it('refuses another body, and a boundary between id and time that was moved', () => {
    expect(verify(headersOf(), '{"a":2}')).toBe(false);
    const timeS = NOW.getTime() / 1000;
    const signature = standardSignature(SECRET, 'a', 1, `${timeS}.x`);
    const moved = {
      'webhook-id': 'a.1',
      'webhook-timestamp': String(timeS),
      'webhook-signature': signature,
    };
    expect(verify(moved, 'x')).toBe(false);
  });

  it('accepts five minutes of difference either way and no more', () => {
    const shifted = (s: number): boolean =>
      verify(headersOf(), '{"a":1}', new Date(NOW.getTime() + s * 1000));
    expect([-300, 0, 300].map(shifted)).toEqual([true, true, true]);
    expect([-301, 301].map(shifted)).toEqual([false, false]);
  });

  it('accepts a message once, and the sender’s own retry of it', () => {
    const options = { now: () => NOW };
    const body = JSON.stringify({ unique: Math.random() });
    const first = webhookHeaders(SECRET, 'd', NOW, body);
    expect(verifyWebhook(body, first, SECRET, options)).toBe(true);
    expect(verifyWebhook(body, first, SECRET, options)).toBe(false);
    const twice = { ...first, 'webhook-signature': `v1,AAAA ${first['webhook-signature']}` };
    expect(verifyWebhook(body, twice, SECRET, options)).toBe(false);
    const retry = webhookHeaders(SECRET, 'd', new Date(NOW.getTime() + 5000), body);
    expect(verifyWebhook(body, retry, SECRET, options)).toBe(true);
  });

  it('remembers only what was genuine, as long as it could come again, in a store that is given', () => {
    const asked: (readonly [number, number])[] = [];
    const replays = {
      remember: (_key: string, untilMs: number, nowMs: number) =>
        asked.push([untilMs - NOW.getTime(), nowMs]) > 0,
    };
    const options = { replays, now: () => NOW };
    expect(verifyWebhook('x', headersOf(), SECRET, options)).toBe(false);
    expect(asked).toEqual([]);
    expect(verifyWebhook('{"a":1}', headersOf(), SECRET, options)).toBe(true);
    expect(asked).toEqual([[300_000, NOW.getTime()]]);
  });

  it('never throws for what a stranger sends', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.dictionary(
          fc.constantFrom('webhook-id', 'webhook-timestamp', 'webhook-signature', 'Webhook-Id', '__proto__'),
          fc.oneof(text, fc.array(text), fc.constant(undefined)),
        ),
        text,
        (body, headers, signature) => {
          expect(verify(headers, body)).toBe(false);
          expect(verifyWebhookSignature(body, signature, SECRET)).toBe(false);
        },
      ),
    );
    expect(verifyWebhookSignature('', null, SECRET)).toBe(false);
    expect(verifyWebhookSignature('', undefined, SECRET)).toBe(false);
  });
});

describe('the memory of messages', () => {
  it('is bounded, forgets what is too old anyway, and the oldest first', () => {
    const memory = createReplayMemory(3);
    expect(['a', 'b', 'a', 'c'].map((key) => memory.remember(key, 100, 0))).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(memory.remember('d', 100, 0)).toBe(true);
    expect(memory.remember('b', 100, 0)).toBe(false);
    expect(memory.remember('a', 100, 0)).toBe(true);
    expect(memory.remember('d', 300, 101)).toBe(true);
  });
});
