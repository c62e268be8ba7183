/** Callbacks of jobs as a person meets them: processes of their own, a real receiver. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/job/delivery/delivery.ts';
import type { JobEvent } from '../../src/job/job.ts';
import { createDeliverer } from '../../src/notify/deliverer.ts';
import { createDestinations } from '../../src/notify/destination.ts';
import { createSender } from '../../src/notify/send.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { openReceiver, type Receiver } from '../notify/receiver.ts';
import { makeRepository } from '../workspace/scene.ts';
import { openBench, type Bench, type Ran } from './cli.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const ENV = { WEBHOOK_SECRET: SECRET, WEBHOOK_ALLOW: '127.0.0.1', AGENT_CMD: 'echo two > a.txt' };

let bench: Bench;
let receiver: Receiver;
let repo: string;
beforeEach(async () => {
  bench = openBench();
  receiver = await openReceiver();
  repo = makeRepository(join(bench.root, 'repo'), { 'a.txt': 'one\n' });
});
afterEach(async () => {
  await receiver.close();
  bench.remove();
});

function runJob(env: Readonly<Record<string, string>> = {}, ...args: readonly string[]): Promise<Ran> {
  const words = ['run', 'Do it', '--repo', repo, '--check', 'ok=true', '--json'];
  return bench.run([...words, '--callback-url', receiver.url, ...args], { ...ENV, ...env });
}

function jobOf({ stderr }: Ran): string {
  const id = /job (job-[0-9a-f]{12})/.exec(stderr)?.[1];
  if (id === undefined) throw new Error(`no job was begun:\n${stderr}`);
  return id;
}

function deliveriesOf(jobId: string): Promise<readonly Delivery[]> {
  return bench.read((store) => store.listDeliveries(jobId));
}

function byText(a: string, b: string): number {
  return a.localeCompare(b);
}

/** Waits for something that happens in other processes, a minute at most. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; !(await isSo()); waitedMs += 50) {
    if (waitedMs > 60_000) throw new Error('it never came to be');
    await sleep(50);
  }
}

/** The last request, as the package `standardwebhooks` reads it. */
function lastBody(): unknown {
  const request = receiver.received.at(-1);
  if (request === undefined) throw new Error('nothing came');
  return new Webhook(SECRET).verify(request.body, request.headers as Record<string, string>);
}

describe('run --callback-url', () => {
  it('tells the end of the job, signed, and its events say so', async () => {
    const ran = await runJob();
    expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining('callback delivered')]);
    const jobId = jobOf(ran);
    const branch = `bot/${jobId}`;
    expect(lastBody()).toMatchObject({ job_id: jobId, status: 'completed', outcome: 'proposed', branch });
    const told = await bench.run(['deliveries', jobId, '--json']);
    expect((JSON.parse(told.stdout) as { deliveries: unknown }).deliveries).toMatchObject([
      { delivery_id: `delivery-${jobId}-proposed`, status: 'delivered', tries: [{ http_status: 204 }] },
    ]);
    const logs = await bench.run(['logs', jobId, '--json']);
    const events = logs.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as JobEvent);
    expect(events.at(-1)).toMatchObject({ type: 'delivery', data: { status: 'delivered', try: 1 } });
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
    for (const said of [ran, logs]) expect(said.stdout + said.stderr).not.toContain(SECRET.slice(6));
  });

  it('tells a failure by its error', async () => {
    const ran = await runJob({ AGENT_CMD: 'exit 3' });
    expect(ran.code).toBe(3);
    expect(lastBody()).toMatchObject({
      status: 'failed',
      outcome: 'agent_failed',
      error: expect.any(String),
      error_detail: { code: 'agent_failed', blame: 'operator' },
    });
  });

  it('ends as the job does where the receiver is down, and says what is left', async () => {
    receiver.answer(503);
    const ran = await runJob();
    expect([ran.code, ran.stderr]).toEqual([
      0,
      expect.stringContaining('callback not delivered yet: HTTP 503'),
    ]);
    const jobId = jobOf(ran);
    expect(await deliveriesOf(jobId)).toMatchObject([{ status: 'pending', tries: [{ http_status: 503 }] }]);

    const failed = await bench.run(['deliveries', jobId, '--redeliver'], ENV);
    expect([failed.code, failed.stdout]).toEqual([69, expect.stringContaining('2. ')]);
    receiver.answer(200);
    const again = await bench.run(['deliveries', jobId, '--redeliver'], ENV);
    expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/delivered .*\n.*\n.*\n {2}3\. /)]);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    lastBody();
  });

  it.each([
    ['without a secret', { WEBHOOK_SECRET: '' }, [], 64, /WEBHOOK_SECRET is not set/],
    ['with a secret that can be none', { WEBHOOK_SECRET: 'whsec_?' }, [], 78, /no base64/],
    ['to a private address', { WEBHOOK_ALLOW: '' }, [], 64, /no public address/],
    ['that is no URL', {}, ['--callback-url', 'here'], 64, /callback_url: "here" is no absolute/],
  ])('%s is refused before the job begins', async (_, env, args, code, said) => {
    const ran = await runJob(env, ...args);
    expect([ran.code, ran.stderr]).toEqual([code, expect.stringMatching(said)]);
    expect(JSON.parse((await bench.run(['list', '--json'])).stdout)).toEqual({ jobs: [] });
    expect(receiver.connections()).toBe(0);
  });

  it('goes unsigned where that is allowed', async () => {
    const ran = await runJob({ WEBHOOK_SECRET: '', ALLOW_INSECURE_WEBHOOKS: '1' });
    expect(ran.code).toBe(0);
    expect(Object.keys(receiver.received[0]?.headers ?? {})).not.toContain('x-signature-256');
  });
});

describe('kill -9', () => {
  it('between the end of the job and its callback: --resume sends it', async () => {
    const dead = await runJob({ AGENT_RUNNER_FAIL_AT: 'job-ended' });
    expect([dead.signal, receiver.received]).toEqual(['SIGKILL', []]);
    const jobId = jobOf(dead);
    expect(await deliveriesOf(jobId)).toMatchObject([{ status: 'pending', tries: [] }]);
    const resumed = await bench.run(['run', '--resume', jobId], ENV);
    expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining('callback delivered')]);
    expect(receiver.received).toHaveLength(1);
  });

  it('before the end is stored: there is no callback of it, and one when the job has ended', async () => {
    const dead = await runJob({ AGENT_RUNNER_FAIL_AT: 'job-ending' });
    const jobId = jobOf(dead);
    expect([dead.signal, await deliveriesOf(jobId)]).toEqual(['SIGKILL', []]);
    await bench.run(['run', '--resume', jobId], ENV);
    expect(receiver.received).toHaveLength(1);
  });

  it.each([
    ['delivery-claimed', 0],
    ['delivery-sent', 1],
  ])('at %s: another process sends the same id once the claim has ended', async (point, sent) => {
    const dead = await runJob({ AGENT_RUNNER_FAIL_AT: point });
    expect([dead.signal, receiver.received.length]).toEqual(['SIGKILL', sent]);
    const jobId = jobOf(dead);
    expect((await bench.run(['run', '--resume', jobId], ENV)).code).toBe(0);
    expect(receiver.received).toHaveLength(sent);

    const store = await openSqliteStore({ path: join(bench.home, 'agent-runner.db') });
    try {
      const later = createDeliverer({
        deliveries: {
          claim: (claims) => store.claimDeliveries(claims),
          record: (claim, tried, after) => store.recordDeliveryTry(claim, tried, after),
        },
        send: createSender(createDestinations({ allow: ['127.0.0.1'], allowHttp: false })),
        secret: SECRET,
        now: () => new Date(Date.now() + 61_000),
      });
      expect(await later.sendDue()).toMatchObject([{ status: 'delivered', tries: [{ number: 1 }] }]);
    } finally {
      await store.close();
    }
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual(Array.from({ length: sent + 1 }, () => `delivery-${jobId}-proposed`));
  });
});

describe('a worker', () => {
  const submit = async (...args: readonly string[]): Promise<string> => {
    const words = ['submit', 'Do it', '--repo', repo, '--check', 'ok=true', '--json', ...args];
    const ran = await bench.run([...words, '--callback-url', receiver.url], ENV);
    expect([ran.code, ran.stderr]).toEqual([0, '']);
    return (JSON.parse(ran.stdout) as { job_id: string }).job_id;
  };

  it('sends the callbacks of the jobs it runs, and of those that others ended', async () => {
    const [done, cancelled] = [await submit(), await submit()];
    await bench.run(['cancel', cancelled], ENV);
    expect(receiver.received).toEqual([]);
    const ran = await bench.run(['worker', '--once'], ENV);
    expect(ran.code, ran.stderr).toBe(0);
    expect(receiver.received.map(({ headers }) => String(headers['webhook-id'])).toSorted(byText)).toEqual(
      [`delivery-${done}-proposed`, `delivery-${cancelled}-cancelled`].toSorted(byText),
    );
  });

  it('tries again by the schedule, until the receiver is back', async () => {
    receiver.answer(503);
    const jobId = await submit();
    const worker = bench.start(['worker', '--loop'], ENV);
    await until(() => receiver.received.length === 1);
    receiver.answer(204);
    await until(async () => (await deliveriesOf(jobId))[0]?.status === 'delivered');
    worker.child.kill('SIGTERM');
    expect((await worker.done).code).toBe(0);
    expect(await deliveriesOf(jobId)).toMatchObject([
      { tries: [{ http_status: 503 }, { http_status: 204 }] },
    ]);
  });

  it('that is quicker than a person who asks again sends it in their place', async () => {
    receiver.answer(503);
    const jobId = await submit();
    const worker = bench.start(['worker', '--loop'], ENV);
    await until(async () => (await deliveriesOf(jobId))[0]?.tries.length === 1);
    receiver.answer(204);
    const again = await bench.run(['deliveries', jobId, '--redeliver', '--json'], ENV);
    worker.child.kill('SIGTERM');
    await worker.done;
    expect([again.code, JSON.parse(again.stdout)]).toMatchObject([
      0,
      { deliveries: [{ status: 'delivered' }] },
    ]);
    expect((await deliveriesOf(jobId))[0]?.tries).toHaveLength(receiver.received.length);
  });

  it('that can not sign leaves the callback to one that can, and the job says so', async () => {
    const jobId = await submit();
    const ran = await bench.run(['worker', '--once'], { ...ENV, WEBHOOK_SECRET: '' });
    expect([ran.code, receiver.received]).toEqual([0, []]);
    const logs = await bench.run(['logs', jobId]);
    expect(logs.stdout).toContain(
      'its callback will not be sent by this process: callback_url: nothing can sign it',
    );
    expect(await deliveriesOf(jobId)).toMatchObject([{ status: 'pending', tries: [] }]);
    await bench.run(['worker', '--once'], ENV);
    expect(await deliveriesOf(jobId)).toMatchObject([{ status: 'delivered' }]);
  });

  it('tells of a job that could not even begin', async () => {
    const jobId = await submit();
    rmSync(repo, { recursive: true });
    await bench.run(['worker', '--once'], ENV);
    expect(lastBody()).toMatchObject({ job_id: jobId, status: 'failed', error: expect.any(String) });
  });
});

describe('callback', () => {
  const call = (env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> =>
    bench.run(['callback', '--url', receiver.url, '--job-id', '42', ...args], { ...ENV, ...env });

  it('sends one signed callback without a home or a database', async () => {
    const ran = await call({}, '--status', 'failed', '--error', 'tests are red', '--pr-url', '');
    expect(ran).toMatchObject({ code: 0, stdout: 'delivered delivery-42-failed (HTTP 204)\n' });
    expect(lastBody()).toMatchObject({
      job_id: '42',
      status: 'failed',
      pr_url: null,
      error: 'tests are red',
    });
    expect(existsSync(bench.home)).toBe(false);

    const named = ['--status', 'failed', '--outcome', 'gate_failed'] as const;
    expect(await call({}, ...named)).toMatchObject({ code: 0 });
    expect(lastBody()).toMatchObject({ status: 'failed', outcome: 'gate_failed' });
    const wrong = await call({}, '--status', 'completed', '--outcome', 'gate_failed');
    expect(wrong.stderr).toContain('outcome: "gate_failed" is none of status completed');
  });

  it('ends with 69 where the receiver is gone, and tries no more', async () => {
    receiver.answer(410);
    const ran = await call({}, '--status', 'completed', '--json');
    expect(ran.code).toBe(69);
    expect(JSON.parse(ran.stdout)).toMatchObject({ delivered: false, tries: 1, http_status: 410 });
  });

  it('tries again, with the same id', async () => {
    let answers = 0;
    receiver.answer((response) => response.writeHead(answers++ === 0 ? 500 : 204).end());
    const ran = await call({}, '--status', 'completed', '--json');
    expect([ran.code, JSON.parse(ran.stdout)]).toMatchObject([0, { delivered: true, tries: 2 }]);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  }, 20_000);

  it.each([
    ['an unknown status', {}, ['--status', 'running'], 64, /allowed: completed, failed, cancelled/],
    ['no status', {}, [], 64, /--status/],
    ['a job id that is none', {}, ['--status', 'completed', '--job-id', 'a.b'], 64, /no job id/],
    ['no secret', { WEBHOOK_SECRET: '' }, ['--status', 'completed'], 78, /WEBHOOK_SECRET/],
    ['a private address', { WEBHOOK_ALLOW: '' }, ['--status', 'completed'], 64, /no public address/],
  ])('refuses %s', async (_, env, args, code, said) => {
    const ran = await call(env, ...args);
    expect([ran.code, ran.stderr]).toEqual([code, expect.stringMatching(said)]);
    expect(receiver.connections()).toBe(0);
  });
});
