/** `up` as a person runs it: a process of its own, reached by HTTP, stopped by signals. */
import { createHmac } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { WebSocket } from 'ws';
import type { JobEvent } from '../../../src/job/job.ts';
import type { JobResult } from '../../../src/job/result.ts';
import { openReceiver } from '../../notify/receiver.ts';
import { makeRepository, sh } from '../../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, type Bench, type Ran, type Running } from '../cli.ts';

let bench: Bench;
let repo: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    '.agent-runner.yml': 'setup: false\ngate:\n  checks:\n    - name: check\n      command: test -f a.txt\n',
    'a.txt': 'one\n',
  });
});
afterEach(async () => {
  for (const one of ups.splice(0)) {
    one.running.child.kill('SIGKILL');
    await one.running.done;
  }
  bench.remove();
});

interface Up {
  readonly running: Running;
  /** Without the login. */
  readonly url: string;
  readonly key: string | null;
  ask(path: string, init?: RequestInit): Promise<Response>;
  submit(task: string, more?: Readonly<Record<string, unknown>>): Promise<string>;
  stop(signal?: NodeJS.Signals): Promise<Ran>;
}

const ups: Up[] = [];

/** Starts a server and waits until it takes requests. @param key one that is known from an earlier start */
async function up(
  args: readonly string[] = [],
  env: Record<string, string> = {},
  key: string | null = null,
): Promise<Up> {
  const running = bench.start(['up', '--port', '0', ...args], { AGENT_RUNNER_SANDBOX: 'auto', ...env });
  let stdout = '';
  running.child.stdout?.on('data', (text: string) => (stdout += text));
  await running.seen(/ready: http/);
  for (let waited = 0; !stdout.includes('\n') && waited < 5000; waited += 5) await sleep(5);
  const { origin, searchParams } = new URL(stdout.trim());
  const known = searchParams.get('token') ?? key;
  const ask: Up['ask'] = (path, init = {}) =>
    fetch(origin + path, {
      redirect: 'manual',
      ...init,
      headers: {
        ...(known === null ? {} : { authorization: `Bearer ${known}` }),
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(init.headers as Record<string, string>),
      },
    });
  const started: Up = {
    running,
    url: origin,
    key: known,
    ask,
    async submit(task, more = {}) {
      const response = await ask('/api/jobs', {
        method: 'POST',
        body: JSON.stringify({ repo, task, ...more }),
      });
      const answer = (await response.json()) as { job_id: string };
      expect([response.status, answer]).toMatchObject([201, { status: 'queued' }]);
      return answer.job_id;
    },
    async stop(signal = 'SIGTERM') {
      running.child.kill(signal);
      return running.done;
    },
  };
  ups.push(started);
  return started;
}

/** Opens a stream; what it returns reads it to its end. */
async function openStream(server: Up, jobId: string): Promise<() => Promise<readonly JobEvent[]>> {
  const response = await server.ask(`/api/jobs/${jobId}/events`, {
    headers: { accept: 'text/event-stream' },
  });
  expect(response.status).toBe(200);
  return async () =>
    [...(await response.text()).matchAll(/^data: (.*)$/gm)].map(
      ([, data]) => JSON.parse(data ?? '') as JobEvent,
    );
}

async function streamed(server: Up, jobId: string): Promise<readonly JobEvent[]> {
  return (await openStream(server, jobId))();
}

function heard(server: Up, jobId: string): Promise<readonly JobEvent[]> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws/${jobId}`, {
    headers: { authorization: `Bearer ${server.key}` },
  });
  const events: JobEvent[] = [];
  return new Promise((resolve, reject) => {
    socket.on('message', (data: Buffer) => events.push(JSON.parse(data.toString('utf8')) as JobEvent));
    socket.on('close', () => resolve(events));
    socket.on('error', reject);
  });
}

async function logged(jobId: string): Promise<readonly JobEvent[]> {
  const { stdout } = await bench.run(['logs', '-f', jobId, '--json']);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as JobEvent);
}

/** Waits until a job says so. */
async function until(server: Up, jobId: string, statuses: readonly string[]): Promise<string> {
  for (let waited = 0; waited < 50_000; waited += 50) {
    const job = (await (await server.ask(`/api/jobs/${jobId}`)).json()) as { status: string };
    if (statuses.includes(job.status)) return job.status;
    await sleep(50);
  }
  throw new Error(`${jobId} never was ${statuses.join(' or ')}`);
}

/** Where the agent is isolated, or by the person's own will not. */
const HOST = HAS_BUBBLEWRAP ? [] : ['--sandbox', 'host'];

describe('up', () => {
  it('runs what is submitted to a proposal; stream, socket and logs -f show the same events', async () => {
    const server = await up(['--agent', 'simulated', ...HOST]);
    const jobId = await server.submit('Write something');
    const [events, socket, log] = await Promise.all([
      streamed(server, jobId),
      heard(server, jobId),
      logged(jobId),
    ]);
    expect(events.length).toBeGreaterThan(10);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
    expect(socket).toEqual(events);
    expect(log).toEqual(events);
    const result = (await (await server.ask(`/api/jobs/${jobId}/result`)).json()) as JobResult;
    expect(result).toMatchObject({ outcome: 'proposed', branch: `bot/${jobId}` });
    expect(sh(repo, 'branch', '--list', `bot/${jobId}`)).toContain(jobId);
    expect(await (await server.ask(`/api/jobs/${jobId}/diff`)).text()).toContain('+++ b/');
    expect(await (await server.ask(`/result/${jobId}`)).json()).toMatchObject({
      status: 'completed',
      error: null,
    });
    const { code, stdout } = await server.stop();
    expect([code, stdout]).toEqual([0, `${server.url}/login?token=${server.key}\n`]);
  });

  it('prints the login once, and keeps no key that could be read', async () => {
    const first = await up(['--no-worker']);
    expect(first.key).toMatch(/^ar_[0-9a-f]{12}_[\w-]{43}$/);
    const login = await fetch(`${first.url}/login?token=${first.key}`, { redirect: 'manual' });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    await first.stop();
    const second = await up(['--no-worker'], {}, first.key);
    // Logins outlive the process, as keys do.
    expect((await fetch(`${second.url}/api/jobs`, { headers: { cookie } })).status).toBe(200);
    expect((await second.ask('/api/jobs')).status).toBe(200);
    const { stdout, stderr } = await second.stop();
    expect(stdout).toBe(`${second.url}/\n`);
    expect(stderr).not.toContain('token');
    expect(stderr).toMatch(/another needs a key: `.* keys create .*--role admin`/);
    const secret = first.key?.slice(16) ?? '';
    for (const name of ['agent-runner.db', 'agent-runner.db-wal', 'login-secret']) {
      const path = join(bench.home, name);
      if (existsSync(path)) expect(readFileSync(path).includes(secret), name).toBe(false);
    }
  });

  it('takes keys that another process makes, and no longer those that it revokes', async () => {
    const server = await up(['--no-worker']);
    const made = await bench.run(['keys', 'create', '--name', 'ci', '--role', 'read', '--json']);
    const { key, key_id: keyId } = JSON.parse(made.stdout) as { key: string; key_id: string };
    const look = async (method: string): Promise<number> =>
      (await fetch(`${server.url}/api/jobs`, { method, headers: { authorization: `Bearer ${key}` } })).status;
    expect([await look('GET'), await look('POST')]).toEqual([200, 403]);
    expect((await bench.run(['keys', 'list'])).stdout).toContain(keyId);
    expect((await bench.run(['keys', 'list'])).stdout).not.toContain(key);
    expect((await bench.run(['keys', 'revoke', keyId])).code).toBe(0);
    expect(await look('GET')).toBe(401);
    expect((await bench.run(['keys', 'revoke', 'nobody'])).code).toBe(64);
    expect((await bench.run(['keys', 'create', '--name', 'x', '--role', 'root'])).code).toBe(64);
    expect((await bench.run(['keys', 'audit'])).stdout).toMatch(/local\s+admin\s+revokeKey/);
  });

  it('says no where others could come in unasked, or somebody else listens', async () => {
    const open = await bench.run(['up', '--no-auth', '--host', '0.0.0.0', '--port', '0']);
    expect([open.code, open.stdout]).toEqual([78, '']);
    expect(open.stderr).toContain('can be reached from other machines');
    const server = await up(['--no-worker', '--no-auth']);
    expect((await server.ask('/api/jobs')).status).toBe(200);
    const { port } = new URL(server.url);
    const taken = await bench.run(['up', '--port', port]);
    expect([taken.code, taken.stdout]).toEqual([78, '']);
    expect(taken.stderr).toContain('it is in use');
    expect(taken.stderr).toContain(
      `perhaps it runs there already: open http://127.0.0.1:${port}; or take another`,
    );
    expect(server.running.stderr()).toContain('nobody is asked for a key');
  });
});

describe('a callback', () => {
  const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

  it('tells the end, verifies by two ways, is listed with its tries, and can be sent again', async () => {
    const receiver = await openReceiver();
    try {
      const env = { WEBHOOK_SECRET: SECRET, WEBHOOK_ALLOW: '127.0.0.1', ALLOW_INSECURE_WEBHOOKS: '1' };
      const server = await up(['--agent', 'simulated', ...HOST], env);
      const jobId = await server.submit('Tell me', { callback_url: receiver.url });
      await until(server, jobId, ['completed', 'failed']);
      for (let waited = 0; receiver.received.length === 0 && waited < 20_000; waited += 50) await sleep(50);
      const [came] = receiver.received;
      if (came === undefined) throw new Error('no callback came');
      const { headers, body } = came;
      expect(JSON.parse(body)).toMatchObject({ job_id: jobId, status: 'completed', outcome: 'proposed' });
      new Webhook(SECRET).verify(body, headers as Record<string, string>);
      const hmac = createHmac('sha256', SECRET).update(body).digest('hex');
      expect(headers['x-signature-256']).toBe(`sha256=${hmac}`);
      const list = async (): Promise<readonly Record<string, unknown>[]> => {
        const response = await server.ask(`/api/jobs/${jobId}/deliveries`);
        return ((await response.json()) as { deliveries: readonly Record<string, unknown>[] }).deliveries;
      };
      for (let waited = 0; (await list())[0]?.['status'] !== 'delivered' && waited < 20_000; waited += 50)
        await sleep(50);
      expect(await list()).toMatchObject([
        { job_id: jobId, status: 'delivered', tries: [{ http_status: 204 }] },
      ]);
      const again = await server.ask(`/api/jobs/${jobId}/redeliver`, { method: 'POST' });
      expect([again.status, await again.json()]).toMatchObject([
        200,
        { deliveries: [{ status: 'delivered' }] },
      ]);
      expect(receiver.received.map((one) => one.headers['webhook-id'])).toEqual([
        headers['webhook-id'],
        headers['webhook-id'],
      ]);
      const usage = (await (await server.ask('/api/usage?by=agent')).json()) as { total: { jobs: number } };
      expect(usage.total.jobs).toBe(1);
    } finally {
      await receiver.close();
    }
  });
});

describe('a server that ends', () => {
  const SLOW = '#!/bin/sh\ncat > /dev/null\ntouch started\nsleep 3\necho two >> a.txt\n';

  it('by SIGTERM hands its job back, and the next one goes on with it', async () => {
    const agent = bench.script('agent.sh', SLOW);
    const env = { AGENT_CMD: agent };
    const config = join(bench.root, 'config', 'agent-runner');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'config.yml'), 'drain_s: 0\n');
    const first = await up(HOST, env);
    const jobId = await first.submit('Slowly');
    await until(first, jobId, ['running']);
    const read = await openStream(first, jobId);
    const [before, { code }] = await Promise.all([read(), first.stop()]);
    expect(code).toBe(0);
    expect(before.length).toBeGreaterThan(0);
    const second = await up(HOST, env, first.key);
    expect(await until(second, jobId, ['completed', 'failed'])).toBe('completed');
    const events = await streamed(second, jobId);
    expect(events.slice(0, before.length)).toEqual(before);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
  });

  it('by SIGKILL loses nothing that it acknowledged', async () => {
    const first = await up(['--agent', 'simulated', ...HOST]);
    const jobIds = await Promise.all(['a', 'b', 'c'].map((task) => first.submit(task)));
    await first.stop('SIGKILL');
    const second = await up(['--agent', 'simulated', ...HOST], {}, first.key);
    for (const jobId of jobIds) expect(await until(second, jobId, ['completed', 'failed'])).toBe('completed');
    const { jobs } = (await (await second.ask('/jobs')).json()) as { jobs: readonly unknown[] };
    expect(jobs).toHaveLength(3);
  });
});
