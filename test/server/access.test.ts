/** Who may do what: every route of the document with every kind of visitor. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROLES, type Role } from '../../src/job/access/access.ts';
import { createRateLimit } from '../../src/server/access/limit.ts';
import { checkExposure } from '../../src/server/server.ts';
import { documentOf, openedServer, operationsOf, playJob, type OpenedServer } from './opened.ts';

let opened: OpenedServer;
let jobId: string;
beforeAll(async () => {
  opened = await openedServer();
  ({ jobId } = await playJob(opened));
});
afterAll(async () => {
  await opened.close();
});

/** Routes that take no key. A new one is a decision, and comes here. */
const OPEN: readonly string[] = [
  'getHealth',
  'getReadiness',
  'shortHealth',
  'openLogin',
  'logIn',
  'getDocument',
  'getPage',
  'getStart',
  'githubWebhook',
];
/** Those that ask for no key, but for a signature: nobody is let in by a key, either. */
const SIGNED: readonly string[] = ['workflowCallback'];

/** Sends a request to a route, with a body where it takes one. */
async function visit(
  method: string,
  path: string,
  as: Role | null,
  headers: Record<string, string> = {},
): Promise<Response> {
  const response = await opened.ask(path.replace('{job_id}', jobId), {
    method: method.toUpperCase(),
    as,
    headers: { ...(method === 'post' ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(method === 'post' ? { body: '{"not":"valid"}' } : {}),
  });
  await response.body?.cancel();
  return response;
}

/** What of a key nobody but its holder knows. */
function secretOf(key: string): string {
  return key.slice('ar_0123456789ab_'.length);
}

describe('every route of the document', () => {
  test('says which role it takes, and only those known as open take none', async () => {
    const operations = operationsOf(await documentOf(opened));
    const open = operations.filter(({ operation }) => operation['x-role'] === null);
    expect(open.map(({ operation }) => operation.operationId).toSorted()).toEqual(
      [...OPEN, ...SIGNED].toSorted(),
    );
    expect(operations.length).toBeGreaterThan(20);
  });

  test('lets nobody in without a key that holds', async () => {
    const revoked = await opened.runner.store
      .listKeys()
      .then((keys) => keys.find(({ role }) => role === 'submit'));
    const secret = opened.keys.submit;
    const almost = `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`;
    const visitors: readonly Record<string, string>[] = [
      {},
      { authorization: '' },
      { authorization: `Bearer ${almost}` },
      { authorization: `Basic ${btoa(`x:${secret}`)}` },
      { authorization: `Bearer ar_000000000000_${'0'.repeat(43)}` },
      { authorization: secret },
      { cookie: `agent_runner_login=${secret}` },
      { cookie: `agent_runner_login=${revoked?.key_id}.99999999999.${'A'.repeat(43)}` },
      { 'x-api-key': secret },
      { 'x-forwarded-user': 'admin', host: 'localhost' },
    ];
    for (const { path, method, operation } of operationsOf(await documentOf(opened))) {
      for (const headers of visitors) {
        const { status } = await visit(method, path, null, headers);
        const what = `${method} ${path} ${JSON.stringify(headers)}`;
        const isOpen = operation['x-role'] === null && !SIGNED.includes(operation.operationId);
        if (isOpen) expect([401, 403], what).not.toContain(status);
        else expect(status, what).toBe(401);
      }
    }
  });

  test.each(ROLES)('asks a key of the role %s for no more than it says, and no less', async (role) => {
    for (const { path, method, operation } of operationsOf(await documentOf(opened))) {
      const needs = operation['x-role'];
      const { status } = await visit(method, path, role);
      if (SIGNED.includes(operation.operationId)) {
        expect(status, `${method} ${path}`).toBe(401);
        continue;
      }
      const isLet = needs === null || ROLES.indexOf(role) >= ROLES.indexOf(needs);
      if (isLet) expect([401, 403], `${method} ${path}`).not.toContain(status);
      else expect(status, `${method} ${path}`).toBe(403);
    }
  });
});

test('a key that is revoked opens nothing from then on, and neither does a login by it', async () => {
  const { createKey } = await import('../../src/server/access/keys.ts');
  const made = await createKey(opened.runner.store, { name: 'short-lived', role: 'read' });
  if (made === null) throw new Error('no key');
  const login = await opened.ask(`/login?token=${made.secret}`, { as: null });
  const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const look = async (headers: Record<string, string>): Promise<number> =>
    (await opened.ask('/api/jobs', { as: null, headers })).status;
  const authorization = `Bearer ${made.secret}`;
  expect([await look({ authorization }), await look({ cookie })]).toEqual([200, 200]);
  await opened.runner.store.revokeKey(made.key.key_id, new Date().toISOString());
  expect([await look({ authorization }), await look({ cookie })]).toEqual([401, 401]);
});

describe('a login', () => {
  test('that is refused asks a person again, by a page, and a programme by a problem', async () => {
    const ask = (accept: string): Promise<Response> =>
      opened.ask('/login?token=%3Cimg%20src=x%3E', { as: null, headers: { accept } });
    const page = await ask('text/html,*/*');
    expect([page.status, page.headers.get('content-type')]).toEqual([401, 'text/html; charset=utf-8']);
    expect(await page.text()).toMatch(/This is no key[^]*name="token"/);
    expect((await ask('*/*')).headers.get('content-type')).toBe('application/problem+json');
  });

  const cookieOf = async (role: Role): Promise<string> => {
    const response = await opened.ask(`/login?token=${opened.keys[role]}`, { as: null });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/docs');
    return response.headers.get('set-cookie') ?? '';
  };

  test('is a cookie that no script reads, no other page sends and that does not hold the key', async () => {
    const cookie = await cookieOf('submit');
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/; Max-Age=\d+$/);
    expect(cookie).not.toContain(secretOf(opened.keys.submit));
  });

  test('works by a form too, and a wrong key is refused', async () => {
    const post = (body: string): Promise<Response> =>
      opened.ask('/login', {
        method: 'POST',
        as: null,
        body,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
    expect((await post(`token=${opened.keys.read}`)).status).toBe(303);
    expect((await post('token=wrong')).status).toBe(401);
    expect((await post('')).status).toBe(400);
    expect((await opened.ask('/login?token=wrong', { as: null })).status).toBe(401);
    expect(await (await opened.ask('/login', { as: null })).text()).toContain('<form method="post"');
  });

  test('lets no page of somebody else act or look', async () => {
    const cookie = (await cookieOf('submit')).split(';')[0] ?? '';
    const own = new URL(opened.server.url).origin;
    const act = async (headers: Record<string, string>): Promise<number> =>
      (
        await opened.ask(`/api/jobs/${jobId}/messages`, {
          method: 'POST',
          as: null,
          body: '{"text":"hello"}',
          headers: { 'content-type': 'application/json', cookie, ...headers },
        })
      ).status;
    expect(await act({ origin: own })).toBe(202);
    expect(await act({ origin: own, 'sec-fetch-site': 'same-origin' })).toBe(202);
    expect(await act({ origin: 'https://evil.example' })).toBe(403);
    expect(await act({ origin: 'null' })).toBe(403);
    expect(await act({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await act({ origin: own, 'sec-fetch-site': 'same-site' })).toBe(403);
  });

  test('changed by a letter, or after its time, it is none', async () => {
    const value = (await cookieOf('admin')).split(';')[0]?.split('=')[1] ?? '';
    const [keyId = '', until = '', signature = ''] = value.split('.');
    const reader = (await cookieOf('read')).split(';')[0]?.split('=')[1]?.split('.') ?? [];
    const forged = [
      `${keyId}.${until}0.${signature}`,
      `${keyId}.1.${signature}`,
      `${keyId}.${until}.${reader[2]}`,
      `${reader[0]}.${until}.${signature}`,
    ];
    for (const one of forged) {
      const { status } = await opened.ask('/api/jobs', {
        as: null,
        headers: { cookie: `agent_runner_login=${one}` },
      });
      expect(status, one).toBe(401);
    }
  });
});

test('behind a proxy, pages of the public address are its own', async () => {
  const proxied = await openedServer({ public_url: 'https://runner.example.org' });
  try {
    const { port } = proxied.server;
    const look = async (origin: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { origin } })).status;
    expect(proxied.server.url).toBe('https://runner.example.org');
    expect(await look('https://runner.example.org')).toBe(200);
    expect(await look('https://evil.example.org')).toBe(403);
    const login = await fetch(`http://127.0.0.1:${port}/login?token=${proxied.keys.read}`, {
      redirect: 'manual',
    });
    expect(login.headers.get('set-cookie')).toContain('; Secure;');
  } finally {
    await proxied.close();
  }
});

test('what was done is written down with who did it, and no key is ever logged or written', async () => {
  await opened.post(`/api/jobs/${jobId}/messages`, { text: 'noted' });
  await opened.post(`/api/jobs/job-none/cancel`, {}, 'admin');
  const { entries } = (await (await opened.ask('/api/audit?limit=2', { as: 'admin' })).json()) as {
    entries: readonly Record<string, unknown>[];
  };
  expect(entries).toMatchObject([
    { action: 'cancelJob', role: 'admin', target: 'job-none', status: 404 },
    {
      action: 'sendMessage',
      role: 'submit',
      target: jobId,
      status: 202,
      actor: opened.keys.submit.slice(3, 15),
    },
  ]);
  const written =
    opened.logged.join('') + JSON.stringify(await opened.runner.store.listKeys()) + JSON.stringify(entries);
  for (const key of Object.values(opened.keys)) expect(written.includes(secretOf(key))).toBe(false);
});

describe('without authentication', () => {
  let free: OpenedServer;
  beforeAll(async () => {
    free = await openedServer({}, { auth: false });
  });
  afterAll(async () => {
    await free.close();
  });

  test('only what names this machine is let in, from no page of somebody else', async () => {
    // fetch sets Host by itself, so this one is written by hand.
    const { request } = await import('node:http');
    const look = (headers: Record<string, string>, method = 'GET'): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const sent = request(`${free.server.url}/api/jobs`, { method, headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        sent.on('error', reject);
        sent.end();
      });
    const { port } = free.server;
    expect(await look({ host: `localhost:${port}` })).toBe(200);
    expect(await look({ host: `127.0.0.1:${port}` })).toBe(200);
    expect(await look({ host: `[::1]:${port}` })).toBe(200);
    expect(await look({ host: `evil.example:${port}` })).toBe(421);
    expect(await look({ host: `localhost.evil.example:${port}` })).toBe(421);
    expect(await look({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(200);
    expect(await look({ host: `localhost:${port}`, origin: 'http://evil.example' })).toBe(403);
    expect(await look({ host: `localhost:${port}`, 'sec-fetch-site': 'cross-site' })).toBe(403);
  });

  test('it is refused where others could come in', () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.4', 'build.example.org', '127.0.0.1.example.org'])
      expect(() => checkExposure(host, false), host).toThrow('can be reached from other machines');
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) checkExposure(host, false);
    checkExposure('0.0.0.0', true);
  });
});

describe('the rate limit', () => {
  test('takes a burst, then as many as the rate, each sender by itself', () => {
    let nowMs = 0;
    const limit = createRateLimit(60, () => nowMs);
    const taken = (sender: string, times: number): number => {
      let count = 0;
      for (let at = 0; at < times; at++) {
        try {
          limit.take(sender);
          count++;
        } catch {
          // Refused.
        }
      }
      return count;
    };
    expect(taken('a', 100)).toBe(10);
    expect(taken('b', 3)).toBe(3);
    nowMs += 3000;
    expect(taken('a', 100)).toBe(3);
    nowMs += 3_600_000;
    expect(taken('a', 100)).toBe(10);
  });

  test('is told with when to come again, and no flood of guesses gets through', async () => {
    const slow = await openedServer({ requests_per_minute: 60 });
    try {
      const statuses: number[] = [];
      for (let at = 0; at < 12; at++) {
        const response = await slow.ask('/api/jobs', { as: null });
        statuses.push(response.status);
        if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 401));
      expect(statuses.at(-1)).toBe(429);
      expect((await slow.ask('/api/jobs')).status).toBe(200);
    } finally {
      await slow.close();
    }
  });
});
