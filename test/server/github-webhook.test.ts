/** The door for what GitHub tells: who may come in, what is stored of it, and what never is. */
import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openedServer, type OpenedServer } from './opened.ts';

const SECRET = 'correct horse battery staple';
const OLD = 'the secret that was before it';

let opened: OpenedServer;
beforeAll(async () => {
  opened = await openedServer(
    { requests_per_minute: 600 },
    { env: { GITHUB_WEBHOOK_SECRET: `${SECRET}, ${OLD}` } },
  );
});
afterAll(() => opened.close());

function signed(body: string, secret = SECRET): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

let count = 0;

/** A payload about a comment that nobody told of before. */
function payload(at = new Date().toISOString()): string {
  return JSON.stringify({
    action: 'created',
    repository: { full_name: 'Octo/Shop' },
    issue: { number: 3 },
    comment: {
      id: ++count,
      body: '/agent do it',
      created_at: at,
      updated_at: at,
      user: { login: 'ann', type: 'User' },
    },
  });
}

function send(
  body: string,
  over: Readonly<Record<string, string | null>> = {},
  to = opened,
): Promise<Response> {
  const headers = new Headers({
    'content-type': 'application/json',
    'x-github-event': 'issue_comment',
    'x-github-delivery': randomUUID(),
    'x-hub-signature-256': signed(body),
  });
  for (const [name, value] of Object.entries(over)) {
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  return to.ask('/webhooks/github', { method: 'POST', as: null, headers, body });
}

async function stored(): Promise<number> {
  return (await opened.runner.triggers.list({ limit: 10_000 })).length;
}

describe('what is signed', () => {
  it('is too old once it may be forgotten: signed then, it would count again under another delivery', async () => {
    const days = opened.runner.config.keep.jobsDays;
    const old = payload(new Date(Date.now() - (days * 24 + 1) * 3600_000).toISOString());
    const answer = await send(old);
    expect([answer.status, await answer.json()]).toEqual([202, { status: 'accepted', events: 0 }]);
  });

  it('is stored and accepted, and once more it is a duplicate', async () => {
    const body = payload();
    const delivery = randomUUID();
    const first = await send(body, { 'x-github-delivery': delivery });
    expect([first.status, await first.json()]).toEqual([202, { status: 'accepted', events: 1 }]);
    const replayed = await send(body, { 'x-github-delivery': delivery });
    expect([replayed.status, await replayed.json()]).toEqual([200, { status: 'duplicate', events: 0 }]);
    // GitHub sends one happening under another id where several webhooks tell of it.
    const other = await send(body);
    expect([other.status, await other.json()]).toEqual([202, { status: 'accepted', events: 0 }]);
    const [entry] = await opened.runner.store.listAudit(null, 9);
    expect(entry).toMatchObject({ actor: 'github', action: 'githubWebhook', status: 202 });
    const listed = (await (await opened.ask('/api/triggers?repo=Octo/Shop')).json()) as {
      triggers: unknown[];
    };
    expect(listed.triggers[0]).toMatchObject({
      repo: 'octo/shop',
      kind: 'comment',
      actor: 'ann',
      state: 'due',
    });
    expect(JSON.stringify(listed)).not.toContain('do it');
  });

  it('by the secret that was before is taken, too', async () => {
    const body = payload();
    expect((await send(body, { 'x-hub-signature-256': signed(body, OLD) })).status).toBe(202);
  });

  it('but tells of nothing that counts, is taken and stored nowhere', async () => {
    const before = await stored();
    for (const [event, body] of [
      ['ping', '{"zen":"x"}'],
      ['issue_comment', payload().replace('created"', 'edited"')],
      ['toString', '[]'],
      ['issue_comment', '{"repository":{"full_name":"../x"},"action":"constructor"}'],
    ] as const) {
      const answer = await send(body, { 'x-github-event': event });
      expect([answer.status, await answer.json()]).toEqual([202, { status: 'accepted', events: 0 }]);
    }
    expect(await stored()).toBe(before);
  });

  it.each<[string, Readonly<Record<string, string | null>>, string]>([
    ['without the name of a delivery', { 'x-github-delivery': null }, 'x-github-delivery'],
    ['with a name that is none', { 'x-github-delivery': '../x' }, 'x-github-delivery'],
    ['without what happened', { 'x-github-event': null }, 'x-github-event'],
  ])('%s is refused', async (_name, over, said) => {
    const before = await stored();
    const answer = await send(payload(), over);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(said)]);
    expect(await stored()).toBe(before);
  });

  it('in a storm is taken whole: nobody sends it again', async () => {
    const before = await stored();
    const answers: number[] = [];
    for (let round = 0; round < 20; round++)
      answers.push(
        ...(await Promise.all(Array.from({ length: 50 }, () => send(payload())))).map(({ status }) => status),
      );
    expect(new Set(answers)).toEqual(new Set([202]));
    expect(await stored()).toBe(before + 1000);
  });
});

describe('what is not', () => {
  it.each<[string, string | null]>([
    ['no signature', null],
    ['an empty one', ''],
    ['that of another secret', signed('{}', 'guessed guessed guessed')],
    ['that of another body', signed('{}')],
    ['one of SHA-1', `sha1=${'0'.repeat(40)}`],
    ['half of one', 'sha256=00'],
  ])('%s', async (_name, signature) => {
    const before = await stored();
    const answer = await send(payload(), { 'x-hub-signature-256': signature });
    expect([answer.status, await answer.json()]).toMatchObject([401, { code: 'bad_signature' }]);
    expect(await stored()).toBe(before);
    expect(await (await opened.ask('/metrics')).text()).toMatch(
      /requests_total\{operation="githubWebhook",status="401"\} [1-9]/,
    );
  });

  it('a replay of a delivery with other words is forged', async () => {
    const body = payload();
    const answer = await send(body.replace('do it', 'do evil'), { 'x-hub-signature-256': signed(body) });
    expect(answer.status).toBe(401);
  });

  it('a body that is too large, of another type or compressed', async () => {
    const large = JSON.stringify({ x: 'y'.repeat(5 * 1024 * 1024) });
    expect((await send(large)).status).toBe(413);
    const almost = JSON.stringify({ x: 'y'.repeat(2 * 1024 * 1024) });
    expect((await send(almost)).status).toBe(202);
    expect(
      (await send('payload=%7B%7D', { 'content-type': 'application/x-www-form-urlencoded' })).status,
    ).toBe(415);
    expect((await send('{}', { 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await send('no json')).status).toBe(400);
    expect((await send('['.repeat(1_000_000))).status).toBe(400);
  });
});

describe('a server without a secret', () => {
  it('takes nothing, and says what to set', async () => {
    const bare = await openedServer();
    const answer = await send('{}', { 'x-hub-signature-256': signed('{}', '') }, bare);
    expect([answer.status, await answer.json()]).toMatchObject([
      404,
      { code: 'not_configured', hint: expect.stringContaining('GITHUB_WEBHOOK_SECRET') },
    ]);
    await bare.close();
  });

  it('does not start with one that can be guessed', async () => {
    await expect(openedServer({}, { env: { GITHUB_WEBHOOK_SECRET: 'short' } })).rejects.toThrow(
      /GITHUB_WEBHOOK_SECRET.*shorter than 16/,
    );
  });
});
