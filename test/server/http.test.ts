/** Requests as clients send them, right and wrong. */
import { request } from 'node:http';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '../../src/job/job.ts';
import type { Problem } from '../../src/server/problem.ts';
import { openedServer, playJob, type OpenedServer } from './opened.ts';

const REPO = 'https://git.example.org/shop.git';

let opened: OpenedServer;
beforeAll(async () => {
  opened = await openedServer();
});
afterAll(async () => {
  await opened.close();
});

async function problemOf(response: Promise<Response>, status: number): Promise<Problem> {
  const answered = await response;
  const problem = (await answered.json()) as Problem;
  expect([answered.status, problem.status], JSON.stringify(problem)).toEqual([status, status]);
  expect(answered.headers.get('content-type')).toBe('application/problem+json');
  expect(problem.type).toBe(`urn:agent-runner:problem:${problem.code}`);
  return problem;
}

async function submitted(body: unknown, headers: Record<string, string> = {}): Promise<Job> {
  const response = await opened.post('/api/jobs', body, 'admin', headers);
  const answer = (await response.json()) as { job_id: string };
  expect(response.status, JSON.stringify(answer)).toBe(201);
  const job = await opened.runner.store.getJob(answer.job_id);
  if (job === null) throw new Error('the job is not stored');
  return job;
}

describe('submitting', () => {
  test('answers with the job, which is stored as it was asked for', async () => {
    const response = await opened.post('/api/jobs', { repo: REPO, task: 'x', user_id: 'ada', priority: 7 });
    expect(response.status).toBe(201);
    const accepted = (await response.json()) as { job_id: string; branch: string };
    expect(accepted).toEqual({
      job_id: expect.stringMatching(/^job-[0-9a-f]{12}$/) as string,
      status: 'queued',
      upstream_repo: null,
      fork_repo: null,
      branch: `bot/${accepted.job_id}`,
    });
    expect(response.headers.get('location')).toBe(`/api/jobs/${accepted.job_id}`);
    const { request: stored } = (await opened.runner.store.getJob(accepted.job_id)) as Job;
    expect(stored).toMatchObject({ repo: REPO, task: 'x', user_id: 'ada', priority: 7, agent: 'simulated' });
  });

  test('knows the other names of its fields, and takes one of each', async () => {
    const job = await submitted({ upstream_repo: REPO, instruction: 'x', provider: 'simulated:noop' });
    expect(job.request).toMatchObject({ repo: REPO, task: 'x', agent: 'simulated:noop' });
    await submitted({ repo_url: REPO, prompt: 'x' });
    const problem = await problemOf(opened.post('/api/jobs', { repo: REPO, repo_url: REPO, task: 'x' }), 400);
    expect(problem.errors[0]).toMatchObject({ field: 'repo_url' });
  });

  const wrong: readonly (readonly [what: string, body: unknown, field: string, status?: number])[] = [
    ['no task', { repo: REPO }, 'task'],
    ['no repository', { task: 'x' }, 'repo'],
    ['a blank task', { repo: REPO, task: ' \n' }, 'task'],
    ['an unknown field', { repo: REPO, task: 'x', tsak: 1 }, 'tsak'],
    ['a field that is not there yet', { repo: REPO, task: 'x', github_token: 'ghp_x' }, 'github_token'],
    ['a number as task', { repo: REPO, task: 5 }, 'task'],
    ['a list', [], 'body'],
    ['null', null, 'body'],
    ['an unknown agent', { repo: REPO, task: 'x', agent: 'nobody' }, 'agent'],
    ['an agent that is not configured', { repo: REPO, task: 'x', agent: 'command' }, 'agent'],
    ['a repository that is an option', { repo: '--upload-pack=x', task: 'x' }, 'repo'],
    ['an owner/name', { repo: 'octo/shop', task: 'x' }, 'repo'],
    ['a transport of git', { repo: 'ext::sh -c true', task: 'x' }, 'repo'],
    ['a password in a URL', { repo: 'https://me:secret@git.example.org/x', task: 'x' }, 'repo'],
    ['a base that is an option', { repo: REPO, task: 'x', base: '--all' }, 'base'],
    ['half a surrogate pair', { repo: REPO, task: 'x', user_id: '\ud800' }, 'user_id'],
    ['half a surrogate pair in a repository', { repo: 'https://a.example/\ud800', task: 'x' }, 'repo'],
    ['too much priority', { repo: REPO, task: 'x', priority: 1001 }, 'priority'],
    [
      'more than the server spends',
      { repo: REPO, task: 'x', budget: { max_cost_usd: 6 } },
      'budget.max_cost_usd',
    ],
    ['an unknown limit', { repo: REPO, task: 'x', budget: { max_cots: 6 } }, 'budget.max_cots'],
    ['another executor', { repo: REPO, task: 'x', executor: 'temporal' }, 'executor'],
    [
      'a callback that nothing can sign',
      { repo: REPO, task: 'x', callback_url: 'https://a.example/' },
      'callback_url',
    ],
    [
      'a callback to this machine',
      { repo: REPO, task: 'x', callback_url: 'https://127.0.0.1/' },
      'callback_url',
    ],
    [
      'a callback that is no URL',
      { repo: REPO, task: 'x', callback_url: 'file:///etc/passwd' },
      'callback_url',
    ],
    ['no isolation', { repo: REPO, task: 'x', sandbox: 'host' }, 'sandbox', 403],
    ['a gate of its own', { repo: REPO, task: 'x', gate: [{ name: 'a', command: 'true' }] }, 'gate', 403],
    ['a setup of its own', { repo: REPO, task: 'x', setup: 'true' }, 'setup', 403],
    ['a path of this machine', { repo: '/etc', task: 'x' }, 'repo', 403],
    ['a file URL', { repo: 'file:///etc', task: 'x' }, 'repo', 403],
  ];
  test.each(wrong.map(([what, body, field, status = 400]) => ({ what, body, field, status })))(
    'refuses $what by its name',
    async ({ body, field, status }) => {
      const problem = await problemOf(opened.post('/api/jobs', body), status);
      const named = problem.errors.map((error) => error.field);
      expect(named.join() || problem.detail).toContain(field);
      expect(JSON.stringify(problem)).not.toContain('secret@');
    },
  );

  test('an administrator may bring a gate and a setup', async () => {
    const job = await submitted({ repo: REPO, task: 'x', setup: '', gate: [{ name: 'a', command: 'true' }] });
    expect(job.request).toMatchObject({
      setup: '',
      checks: [{ name: 'a', kind: 'other', command: 'true', timeout_s: 600 }],
    });
  });

  test('with a key for it, once and never twice; another request under it is a conflict', async () => {
    const headers = { 'idempotency-key': 'mine-1' };
    const body = { repo: REPO, task: 'once', user_id: 'a' };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => opened.post('/api/jobs', body, 'submit', headers)),
    );
    const ids = await Promise.all(
      answers.map(async (one) => ((await one.json()) as { job_id: string }).job_id),
    );
    expect(new Set(ids).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    expect(answers.filter((one) => one.headers.get('idempotent-replayed') === 'true')).toHaveLength(4);
    const reordered = await opened.post(
      '/api/jobs',
      { user_id: 'a', task: 'once', repo: REPO },
      'submit',
      headers,
    );
    expect(((await reordered.json()) as { job_id: string }).job_id).toBe(ids[0]);
    await problemOf(opened.post('/api/jobs', { ...body, task: 'other' }, 'submit', headers), 409);
    const other = await opened.post('/api/jobs', body, 'admin', headers);
    expect(((await other.json()) as { job_id: string }).job_id).not.toBe(ids[0]);
    await problemOf(opened.post('/api/jobs', body, 'submit', { 'idempotency-key': 'x'.repeat(256) }), 400);
  });
});

describe('paths of this machine', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'agent-runner-paths-')));
  const shared = join(folder, 'shared');
  mkdirSync(join(shared, 'shop', '.git'), { recursive: true });
  mkdirSync(join(folder, 'shared-not', '.git'), { recursive: true });
  mkdirSync(join(folder, 'private', '.git'), { recursive: true });
  symlinkSync(join(folder, 'private'), join(shared, 'link'));
  let fenced: OpenedServer;
  beforeAll(async () => {
    fenced = await openedServer({ repo_paths: [shared] });
  });
  afterAll(async () => {
    await fenced.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('below a configured folder they are taken from anybody who may submit', async () => {
    const statusOf = async (repo: string): Promise<number> =>
      (await fenced.post('/api/jobs', { repo, task: 'x' })).status;
    expect(await statusOf(join(shared, 'shop'))).toBe(201);
    expect(await statusOf(`file://${shared}/shop`)).toBe(201);
    for (const outside of [
      join(folder, 'private'),
      join(shared, 'link'),
      join(folder, 'shared-not'),
      `${shared}/../private`,
      join(shared, 'missing'),
      `file://${shared}/%2e%2e/private`,
    ])
      expect(await statusOf(outside), outside).toBe(403);
  });

  test('from an administrator they are taken anywhere, while the server listens on loopback alone', async () => {
    const repo = join(folder, 'private');
    expect((await fenced.post('/api/jobs', { repo, task: 'x' }, 'admin')).status).toBe(201);
    const open = await openedServer({ host: '0.0.0.0' });
    try {
      expect((await open.post('/api/jobs', { repo, task: 'x' }, 'admin')).status).toBe(403);
    } finally {
      await open.close();
    }
  });
});

describe('what is no request', () => {
  test('a path that is not there, and a method that a path does not know', async () => {
    await problemOf(opened.ask('/api/nothing'), 404);
    for (const method of ['DELETE', 'PUT', 'PATCH', 'OPTIONS']) {
      const response = await opened.ask('/api/jobs', { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'HEAD, POST, GET']);
    }
    expect((await opened.ask('/api/jobs/job-1/cancel')).headers.get('allow')).toBe('POST');
    const head = await opened.ask('/api/jobs', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('a job that is not there', async () => {
    for (const path of ['', '/result', '/events', '/log', '/diff']) {
      const problem = await problemOf(opened.ask(`/api/jobs/job-none${path}`), 404);
      expect(problem.detail).toContain('job-none');
    }
    for (const verb of ['cancel', 'retry', 'approve'])
      await problemOf(opened.post(`/api/jobs/job-none/${verb}`, {}), 404);
    await problemOf(opened.ask('/api/jobs/job%20none'), 400);
  });

  test('a body that is no JSON, too deep, too large, no text, of another type or compressed', async () => {
    await problemOf(opened.post('/api/jobs', '{"repo": '), 400);
    await problemOf(opened.post('/api/jobs', ''), 400);
    await problemOf(opened.post('/api/jobs', `${'['.repeat(100_000)}${']'.repeat(100_000)}`), 400);
    await problemOf(opened.post('/api/jobs', JSON.stringify({ task: 'x'.repeat(1024 * 1024) })), 413);
    await problemOf(opened.post('/api/jobs', '{}', 'submit', { 'content-type': 'text/plain' }), 415);
    await problemOf(
      opened.post('/api/jobs', '{}', 'submit', { 'content-type': 'application/json; charset=latin1' }),
      415,
    );
    await problemOf(opened.post('/api/jobs', '{}', 'submit', { 'content-encoding': 'gzip' }), 415);
    const bytes = await opened.ask('/api/jobs', {
      method: 'POST',
      as: 'submit',
      body: new Uint8Array([0x7b, 0xff, 0x7d]),
      headers: { 'content-type': 'application/json' },
    });
    expect(bytes.status).toBe(400);
  });

  test('a body without a length ends at the limit, and not later', async () => {
    const url = new URL('/api/jobs', opened.server.url);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sent = request(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${opened.keys.submit}`, 'content-type': 'application/json' },
      });
      sent.on('response', (response) => {
        clearInterval(timer);
        response.resume();
        resolve(response.statusCode);
        sent.destroy();
      });
      sent.on('error', reject);
      const timer = setInterval(() => sent.write(' '.repeat(256 * 1024)), 5);
    });
    expect(status).toBe(413);
  });

  test('a query that is out of bounds, unknown or twice there', async () => {
    for (const query of [
      'limit=0',
      'limit=201',
      'limit=1e1',
      'limit=',
      'nope=1',
      'limit=1&limit=2',
      'status=done',
    ])
      await problemOf(opened.ask(`/api/jobs?${query}`), 400);
    await problemOf(opened.ask('/api/jobs?cursor=job-none'), 400);
    const problem = await problemOf(opened.ask('/api/jobs?status=done'), 400);
    expect(problem.errors[0]).toMatchObject({ field: 'query.status', came: '"done"' });
    expect(problem.errors[0]?.allowed).toContain('needs_input');
  });
});

describe('lists', () => {
  test('come page by page, each job once, newest first, by any filter', async () => {
    const mine: string[] = [];
    for (let at = 0; at < 7; at++) {
      const { job_id: jobId } = await submitted({
        repo: REPO,
        task: `t${at}`,
        user_id: 'lists',
        session_id: `s${at % 2}`,
      });
      mine.unshift(jobId);
    }
    interface Page {
      readonly jobs: readonly { readonly job_id: string }[];
      readonly next_cursor: string | null;
    }
    const walk = async (query: string): Promise<readonly string[]> => {
      const ids: string[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const from: string = cursor === '' ? '' : `&cursor=${cursor}`;
        const page = (await (await opened.ask(`/api/jobs?${query}${from}`)).json()) as Page;
        ids.push(...page.jobs.map((job) => job.job_id));
        cursor = page.next_cursor;
      }
      return ids;
    };
    expect(await walk('user=lists&limit=2')).toEqual(mine);
    expect(await walk('user=lists&limit=7')).toEqual(mine);
    expect(await walk('user=lists&session=s1&limit=2')).toEqual(mine.filter((_, at) => at % 2 === 1));
    expect(await walk(`repo=${encodeURIComponent(REPO)}&user=lists`)).toEqual(mine);
    expect(await walk('user=lists&status=pending')).toEqual(mine);
    expect(await walk('user=lists&status=completed')).toEqual([]);
    expect(await walk('user=nobody')).toEqual([]);
  });
});

describe('what can be done to a job', () => {
  test('one that waits is cancelled, and retried as a new one', async () => {
    const { job_id: jobId } = await submitted({ repo: REPO, task: 'x' });
    await problemOf(opened.post(`/api/jobs/${jobId}/retry`, {}), 409);
    await problemOf(opened.ask(`/api/jobs/${jobId}/result`), 409);
    const cancelled = await opened.post(`/api/jobs/${jobId}/cancel`, {});
    expect([cancelled.status, await cancelled.json()]).toMatchObject([202, { status: 'cancelled' }]);
    await problemOf(opened.post(`/api/jobs/${jobId}/cancel`, {}), 409);
    const retried = await opened.post(`/api/jobs/${jobId}/retry`, {});
    expect(retried.status).toBe(201);
    const result = (await (await opened.ask(`/api/jobs/${jobId}/result`)).json()) as { outcome: string };
    expect(result.outcome).toBe('cancelled');
  });

  test('one that asks is answered and approved, and nothing else is approved', async () => {
    const job = await playJob(opened);
    await problemOf(opened.post(`/api/jobs/${job.jobId}/approve`, {}), 409);
    await job.ask('Really?');
    const asked = (await (await opened.ask(`/api/jobs/${job.jobId}`)).json()) as { question: string };
    expect(asked.question).toBe('Really?');
    const bare = await opened.ask(`/api/jobs/${job.jobId}/approve`, { method: 'POST', as: 'submit' });
    expect(bare.status).toBe(202);
    expect((await opened.post(`/api/jobs/${job.jobId}/approve`, { text: 'yes' })).status).toBe(202);
    expect((await opened.post(`/api/jobs/${job.jobId}/messages`, { text: 'and quickly' })).status).toBe(202);
    await problemOf(opened.post(`/api/jobs/${job.jobId}/messages`, { text: '' }), 400);
    await job.end();
    await problemOf(opened.post(`/api/jobs/${job.jobId}/messages`, { text: 'late' }), 409);
  });
});

describe('the short dialect', () => {
  test('submits, and shows the job under its own names', async () => {
    const response = await opened.post('/submit', { repo_url: REPO, task: 'short', user_id: 'short' });
    const accepted = (await response.json()) as { job_id: string };
    expect([response.status, accepted]).toMatchObject([200, { status: 'queued' }]);
    expect(Object.keys(accepted)).toEqual(['job_id', 'status']);
    const status = (await (await opened.ask(`/status/${accepted.job_id}`)).json()) as object;
    expect(status).toMatchObject({
      repo_url: REPO,
      task: 'short',
      status: 'queued',
      pr_url: null,
      error: null,
    });
    const { jobs } = (await (await opened.ask('/jobs')).json()) as { jobs: readonly { job_id: string }[] };
    expect(jobs[0]?.job_id).toBe(accepted.job_id);
    await problemOf(opened.ask(`/result/${accepted.job_id}`), 409);
    await opened.post(`/api/jobs/${accepted.job_id}/cancel`, {});
    const result = (await (await opened.ask(`/result/${accepted.job_id}`)).json()) as { error: unknown };
    expect(result).toMatchObject({
      job_id: accepted.job_id,
      status: 'cancelled',
      iterations: 0,
      pr_url: null,
    });
    expect(typeof result.error === 'string' || result.error === null).toBe(true);
    expect(await (await opened.ask('/health', { as: null })).json()).toEqual({ status: 'ok' });
  });
});

describe('what was spent', () => {
  test('is summed by what is asked for, since when it is asked for', async () => {
    interface Usage {
      readonly by: string;
      readonly since: string | null;
      readonly rows: readonly { readonly key: string; readonly jobs: number }[];
      readonly total: { readonly jobs: number } | null;
    }
    const look = async (query: string): Promise<Usage> =>
      (await (await opened.ask(`/api/usage${query}`)).json()) as Usage;
    await submitted({ repo: REPO, task: 'spend', agent: 'simulated:noop' });
    const byAgent = await look('?by=agent&since=all');
    expect(byAgent.since).toBeNull();
    expect(byAgent.rows.find(({ key }) => key === 'simulated:noop')?.jobs).toBeGreaterThan(0);
    expect(byAgent.total?.jobs).toBe(byAgent.rows.reduce((all, { jobs }) => all + jobs, 0));
    expect(await look('?since=2199-01-01')).toMatchObject({ by: 'day', rows: [], total: null });
    expect((await look('')).total?.jobs).toBe(byAgent.total?.jobs);
    for (const query of ['?since=yesterday', '?since=2026-13-45', '?by=user', '?limit=0'])
      await problemOf(opened.ask(`/api/usage${query}`), 400);
  });
});

describe('the figures', () => {
  test('count jobs by status and agent, and requests by operation', async () => {
    const job = await playJob(opened);
    await job.end();
    const text = await (await opened.ask('/metrics')).text();
    expect(text).toMatch(/^agent_runner_jobs\{status="queued",agent="simulated"\} [1-9]/m);
    expect(text).toMatch(/^agent_runner_jobs_ended_total\{outcome="cancelled",agent="patch"\} [1-9]/m);
    expect(text).toMatch(/^agent_runner_queue_jobs\{state="ready"\} [1-9]/m);
    expect(text).toMatch(/^agent_runner_http_requests_total\{operation="submitJob",status="201"\} [1-9]/m);
    expect(text).toContain('\n# TYPE agent_runner_deliveries_ended_total counter\n');
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(
        /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [\d.e+-]+)$/,
      );
  });

  test('readiness tells what is missing', async () => {
    expect(await (await opened.ask('/readyz', { as: null })).json()).toEqual({
      status: 'ready',
      checks: { database: 'ok', disk: 'ok', worker: 'none' },
    });
    const full = await openedServer({ min_free_bytes: 1e15 });
    try {
      const response = await full.ask('/readyz', { as: null });
      expect([response.status, await response.json()]).toMatchObject([503, { checks: { disk: 'full' } }]);
      const refused = await problemOf(full.post('/api/jobs', { repo: REPO, task: 'x' }), 503);
      expect(refused.detail).toContain('disk');
    } finally {
      await full.close();
    }
  });
});
