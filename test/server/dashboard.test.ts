/** How the dashboard is served, and what it asks for besides jobs. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GateReport } from '../../src/job/gate.ts';
import { agentNames } from '../../src/runner/agents.ts';
import { documentOf, openedServer, operationsOf, playJob, type OpenedServer } from './opened.ts';

const PAGE = '<!doctype html><title>x</title>';
const SCRIPT = `console.log(1);${' '.repeat(2000)}`;

let folder: string;
let opened: OpenedServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-runner-built-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), PAGE);
  writeFileSync(join(folder, 'assets/main-abc123.js'), SCRIPT);
  writeFileSync(join(folder, 'mark.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  // Neither is of the build.
  symlinkSync('/etc/hostname', join(folder, 'assets/link.js'));
  symlinkSync('/etc', join(folder, 'etc'));
  opened = await openedServer(
    { agent_env: ['AGENT_TOKEN'] },
    { dashboardFolder: folder, env: { AGENT_TOKEN: 'token-of-an-agent' } },
  );
});
afterAll(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

function visit(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return opened.ask(path, { as: null, headers: { accept: 'text/html,*/*', ...headers } });
}

describe('the page', () => {
  test('is shown to a browser wherever no endpoint answers, with a policy that lets nothing else in', async () => {
    for (const path of [
      '/',
      '/?status=failed&q=x',
      '/job/job-0123456789ab',
      '/login',
      '/login?next=%2Fcost',
      '/no/such',
    ]) {
      const response = await visit(path);
      expect([path, response.status, await response.text()]).toEqual([path, 200, PAGE]);
      const headers = Object.fromEntries(response.headers);
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
      expect(headers['content-security-policy']).toBe(
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'",
      );
    }
  });

  test('is not what a programme gets that errs in a path', async () => {
    const answers = await Promise.all([
      opened.ask('/no/such', { as: null }),
      visit('/api/no-such'),
      opened.ask('/no/such', { as: null, method: 'POST', headers: { accept: 'text/html' } }),
    ]);
    for (const response of answers)
      expect([response.status, response.headers.get('content-type')]).toEqual([
        404,
        'application/problem+json',
      ]);
  });

  test('is where a login leads', async () => {
    const response = await visit(`/login?token=${opened.keys.read}`);
    expect([response.status, response.headers.get('location')]).toEqual([303, '/']);
    expect((await opened.ask('/login?token=wrong', { as: null })).status).toBe(401);
    // A person gets a page, and the address no longer holds what may be half a key.
    const refused = await visit('/login?token=wrong');
    expect([refused.status, refused.headers.get('location')]).toEqual([303, '/login?refused=key']);
    expect(refused.headers.get('set-cookie')).toBeNull();
  });
});

describe('files', () => {
  test('with a hash in their names are kept for ever, others are asked for again', async () => {
    const script = await visit('/assets/main-abc123.js');
    expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    // Of a worker, which may load no more than scripts from here.
    expect(script.headers.get('content-security-policy')).toBe("default-src 'none'; script-src 'self'");
    const mark = await visit('/mark.svg');
    expect(mark.headers.get('cache-control')).toBe('no-cache');
    expect(mark.headers.get('content-type')).toBe('image/svg+xml');
    const again = await visit('/mark.svg', { 'if-none-match': mark.headers.get('etag') ?? '' });
    expect([again.status, await again.text()]).toEqual([304, '']);
    const proxied = await visit('/mark.svg', { 'if-none-match': `"x", W/${mark.headers.get('etag')}` });
    expect(proxied.status).toBe(304);
    expect((await visit('/mark.svg', { 'if-none-match': '"x"' })).status).toBe(200);
  });

  test('are compressed for who takes that', async () => {
    const { request } = await import('node:http');
    const body = await new Promise<Buffer>((resolve, reject) => {
      const parts: Buffer[] = [];
      request(
        `${opened.server.url}/assets/main-abc123.js`,
        { headers: { 'accept-encoding': 'gzip' } },
        (response) => {
          expect(response.headers['content-encoding']).toBe('gzip');
          response
            .on('data', (part: Buffer) => parts.push(part))
            .on('end', () => resolve(Buffer.concat(parts)));
        },
      )
        .on('error', reject)
        .end();
    });
    expect(body.length).toBeLessThan(200);
    expect(gunzipSync(body).toString()).toBe(SCRIPT);
  });

  test('are not compressed for who does not', async () => {
    const coding = async (accepted: string): Promise<unknown> => {
      const response = await visit('/assets/main-abc123.js', { 'accept-encoding': accepted });
      return [response.headers.get('content-encoding'), (await response.text()) === SCRIPT];
    };
    expect(await coding('br;q=1, GZIP;q=0.5')).toEqual(['gzip', true]);
    for (const accepted of ['identity', 'br', 'gzip;q=0', 'gzip; q=0.000, br'])
      expect(await coding(accepted)).toEqual([null, true]);
  });

  test('are those of the build and no others', async () => {
    for (const path of [
      '/assets/link.js',
      '/etc/hostname',
      '/assets/%2e%2e/%2e%2e/etc/hostname',
      '//etc/hostname',
      '/assets\\..\\index.html',
      '/assets/..%2f..%2fetc%2fpasswd',
      '/%2e%2e/agent-runner.db',
      '/assets/',
      '/index.html%00.js',
    ])
      expect(await (await visit(path)).text()).toBe(PAGE);
    for (const path of ['/assets/none.js', '/assets/link.js', '/etc/hostname'])
      expect((await opened.ask(path, { as: null })).status).toBe(404);
  });
});

test('every answer says who may show and keep it, and no other page is told that it may ask', async () => {
  const api = {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  };
  const other = { origin: 'https://evil.example', accept: 'text/html' };
  const answers: readonly (readonly [string, Response, Record<string, string>])[] = [
    ['page', await visit('/job/x', other), { 'cache-control': 'no-cache' }],
    [
      'head',
      await opened.ask('/', { as: null, method: 'HEAD', headers: other }),
      { 'cache-control': 'no-cache' },
    ],
    ['range', await visit('/mark.svg', { range: 'bytes=0-3' }), { 'cache-control': 'no-cache' }],
    ['answer', await opened.ask('/api/who'), api],
    ['stranger', await opened.ask('/api/who', { as: null }), api],
    ['not there', await opened.ask('/api/none', { as: null }), api],
    ['options', await opened.ask('/api/jobs', { method: 'OPTIONS', headers: other }), api],
    ['trace of a path', await opened.ask('/logout', { as: null, method: 'PATCH' }), api],
    ['login', await opened.ask(`/login?token=${opened.keys.read}`, { as: null }), api],
  ];
  for (const [name, response, special] of answers) {
    const headers = Object.fromEntries(response.headers);
    expect([name, headers]).toMatchObject([
      name,
      {
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        ...special,
      },
    ]);
    expect([name, Object.keys(headers).filter((one) => one.startsWith('access-control'))]).toEqual([
      name,
      [],
    ]);
  }
  expect(answers.map(([, { status }]) => status)).toEqual([200, 200, 200, 200, 401, 404, 405, 405, 303]);
});

test('a question that is longer than any is refused, and the next one answered', async () => {
  const long = await visit(`/?q=${'x'.repeat(100_000)}`).catch((error: unknown) => error);
  if (long instanceof Response) expect(long.status).toBe(431);
  expect((await visit('/')).status).toBe(200);
});

describe('what it asks', () => {
  test('who it is', async () => {
    const answer = await (await opened.ask('/api/who', { as: 'submit' })).json();
    expect(answer).toMatchObject({ name: 'submit', role: 'submit', auth: true, version: '1.2.3' });
  });

  test('of whom it may be asked: who looks asks for nothing that acts, and only administrators for keys and the machine', async () => {
    const document = await documentOf(opened);
    const roles = Object.fromEntries(
      operationsOf(document).map(({ method, path, operation }) => [`${method} ${path}`, operation['x-role']]),
    );
    expect(roles).toMatchObject({
      'get /api/who': 'read',
      'get /api/agents': 'read',
      'get /api/usage': 'read',
      'get /api/jobs': 'read',
      'get /api/jobs/{job_id}': 'read',
      'get /api/jobs/{job_id}/gate': 'read',
      'get /api/jobs/{job_id}/diff': 'read',
      'get /api/jobs/{job_id}/log': 'read',
      'get /api/jobs/{job_id}/events': 'read',
      'get /api/jobs/{job_id}/deliveries': 'submit',
      'post /api/jobs': 'submit',
      'post /api/jobs/{job_id}/cancel': 'submit',
      'post /api/jobs/{job_id}/retry': 'submit',
      'post /api/jobs/{job_id}/messages': 'submit',
      'post /api/jobs/{job_id}/redeliver': 'submit',
      'post /api/demo': 'admin',
      'get /api/doctor': 'admin',
      'get /api/keys': 'admin',
      'post /api/keys': 'admin',
      'post /api/keys/{key_id}/revoke': 'admin',
    });
  });

  test('who may edit: only what a request may name, and no command that nobody set', async () => {
    const { agents } = (await (await opened.ask('/api/agents')).json()) as { agents: { name: string }[] };
    const names = agents.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(2);
    expect(names.filter((name) => !agentNames.includes(name) || name === 'command')).toEqual([]);
  });

  test('a repository to try, made once, of an administrator', async () => {
    expect((await opened.post('/api/demo', '', 'submit')).status).toBe(403);
    const [first, second] = await Promise.all(
      [1, 2].map(async () => (await opened.post('/api/demo', '', 'admin')).json()),
    );
    expect(first).toEqual(second);
    const { repo, task, agent } = first as { repo: string; task: string; agent: string };
    const job = await opened.post('/api/jobs', { repo, task, agent }, 'admin');
    expect(job.status).toBe(201);
    const wrong = await opened.post('/api/jobs', { repo, task, agent: 'simulated:none' }, 'admin');
    expect(wrong.status).toBe(400);
  });

  test('what the gate said, while the job goes on too', async () => {
    const played = await playJob(opened);
    const { jobId } = played;
    const ask = async (): Promise<unknown> => (await opened.ask(`/api/jobs/${jobId}/gate`)).json();
    expect(await ask()).toEqual({ runs: [] });
    const { store } = opened.runner;
    const lease = await store.getLease(jobId);
    if (lease === null) throw new Error('the job is not held');
    const report: GateReport = {
      verdict: 'red',
      commit: 'c',
      tree: 't',
      checks: [],
      tamper: [],
      duration_ms: 5,
    };
    const times = {
      started_at: '2026-11-21T10:00:00.000Z',
      ended_at: '2026-11-21T10:00:01.000Z',
      usage: null,
    };
    await store.beginStep(lease, 'build-1', 1);
    await store.finishStep(lease, 'build-1', { ok: true, ...times }, 'normal');
    await store.beginStep(lease, 'verify-1', 1);
    await store.finishStep(
      lease,
      'verify-1',
      { ok: true, ...times, report, head_sha: 'c', failure: 'x' },
      'normal',
    );
    expect(await ask()).toEqual({ runs: [report] });
    await played.end();
    expect((await opened.ask('/api/jobs/job-000000000bad/gate')).status).toBe(404);
  });

  test('what a check printed, by its name and never by a path, with secrets masked and its middle left out', async () => {
    const played = await playJob(opened);
    const { jobId } = played;
    const { store, layout } = opened.runner;
    const { logs } = layout.job(jobId);
    mkdirSync(join(logs, 'gate-1'), { recursive: true });
    const log = (name: string): string => join(logs, 'gate-1', `head-${name}.log`);
    writeFileSync(log('test'), `not ok: token-of-an-agent\n`);
    writeFileSync(log('long'), `first\n${'x'.repeat(99)}\n`.repeat(120_000));
    const outside = join(layout.home, 'outside.log');
    writeFileSync(outside, 'nobody is to read it');
    symlinkSync(outside, log('linked'));
    // Whoever opens one waits for a writer.
    execFileSync('mkfifo', [log('pipe')]);
    mkdirSync(log('folder'));
    const lease = await store.getLease(jobId);
    if (lease === null) throw new Error('the job is not held');
    const check = (name: string, path: string | null) => ({
      name,
      kind: 'test' as const,
      command: 'x',
      base: 'passed' as const,
      head: 'failed' as const,
      verdict: 'failed' as const,
      duration_ms: 1,
      log: path,
      reason: 'x',
      new_failures: [],
      excerpt: '',
    });
    const checks = [
      ...['test', 'long', 'linked', 'gone', 'pipe', 'folder'].map((name) => check(name, log(name))),
      check('outside', outside),
      check('climbs', join(logs, '../../../outside.log')),
      check('none', null),
    ];
    const report = { verdict: 'red', commit: 'c', tree: 't', checks, tamper: [], duration_ms: 5 };
    const times = {
      started_at: '2026-11-22T10:00:00.000Z',
      ended_at: '2026-11-22T10:00:01.000Z',
      usage: null,
    };
    const result = { ok: true, ...times, report, head_sha: 'c', failure: 'x' };
    await store.beginStep(lease, 'verify-1', 1);
    await store.finishStep(lease, 'verify-1', result, 'normal');
    const ask = (name: string, more = ''): Promise<Response> =>
      opened.ask(`/api/jobs/${jobId}/output?check=${name}${more}`);
    const test = await ask('test');
    expect(test.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await test.text()).toMatch(/^not ok: (?!token)\S+\n$/);
    const long = await (await ask('long')).text();
    expect(long.length).toBeLessThan(8 * 1024 * 1024 + 1000);
    expect(long).toMatch(/^first\n[\s\S]*\n… \d+ bytes are left out here …\n[\s\S]*x\n$/);
    for (const name of ['linked', 'gone', 'pipe', 'folder', 'outside', 'climbs', 'none', 'unknown'])
      expect([name, (await ask(name)).status]).toEqual([name, 404]);
    expect((await ask('test', '&run=2')).status).toBe(404);
    expect((await ask('test', '&side=base')).status).toBe(404);
    writeFileSync(join(logs, 'gate-1/base-test.log'), 'ok\n');
    expect(await (await ask('test', '&side=base')).text()).toBe('ok\n');
    await played.end();
  });

  test('a job is asked for once more with more to spend, never more than the server allows; it says what it repeats', async () => {
    const made = (await (await opened.post('/api/demo', '', 'admin')).json()) as object;
    const asked = await opened.post('/api/jobs', made, 'admin');
    const { job_id: jobId } = (await asked.json()) as { job_id: string };
    await opened.post(`/api/jobs/${jobId}/cancel`, {}, 'submit');
    const again = (budget: object): Promise<Response> =>
      opened.post(`/api/jobs/${jobId}/retry`, { budget }, 'submit');
    const { most } = (await (await opened.ask('/api/who')).json()) as { most: { max_cost_usd: number } };
    expect((await again({ max_cost_usd: most.max_cost_usd + 1 })).status).toBe(400);
    const { job_id: id } = (await (await again({ max_turns: 7 })).json()) as { job_id: string };
    expect(await (await opened.ask(`/api/jobs/${id}`)).json()).toMatchObject({
      retry_of: jobId,
      budget: { max_cost_usd: most.max_cost_usd, max_turns: 7 },
    });
  });
});
