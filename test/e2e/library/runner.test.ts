/** The library as a program uses it: embedded with its own worker, and over a server that dies meanwhile. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AgentRunner,
  JobError,
  JobStatus,
  type AgentRunnerOptions,
  type JobEvent,
} from '../../../src/index.ts';
import { openReceiver } from '../../notify/receiver.ts';
import { HAS_BUBBLEWRAP, openBench, type Bench } from '../cli.ts';
import { makeTarget, startUp, type Started } from '../server/started.ts';

const SECRET = 'a secret that both sides know';
let bench: Bench;
let repo: string;
beforeAll(() => {
  bench = openBench();
  repo = makeTarget(bench);
});
afterAll(() => bench.remove());

async function all(events: AsyncIterable<JobEvent>): Promise<readonly JobEvent[]> {
  const seen: JobEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

/** The same story for both ways to have a runner. */
function story(open: () => Promise<{ runner: AgentRunner; close(): Promise<void> }>): void {
  let runner: AgentRunner;
  let opened: { runner: AgentRunner; close(): Promise<void> };
  let jobId: string;
  beforeAll(async () => {
    opened = await open();
    ({ runner } = opened);
  });
  afterAll(() => opened.close());

  it('submits a job, follows it, waits for it, and is called back', async () => {
    const receiver = await openReceiver();
    const job = await runner.submitJob({
      upstreamRepo: repo,
      prompt: 'Write two',
      callbackUrl: receiver.url,
      userId: 'ada',
    });
    jobId = job.jobId;
    expect(job).toMatchObject({ status: JobStatus.PENDING, upstreamRepo: repo, prUrl: null, error: null });
    const events = await all(runner.events(jobId));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
    const done = await runner.waitForJob(jobId);
    expect(done).toMatchObject({ jobId, status: JobStatus.COMPLETED, outcome: 'proposed', userId: 'ada' });
    expect(JSON.parse(JSON.stringify(done))).toMatchObject({
      job_id: jobId,
      status: 'completed',
      upstream_repo: repo,
      fork_repo: null,
      branch: `bot/${jobId}`,
      pr_url: null,
      error: null,
    });
    expect(await runner.getResult(jobId)).toMatchObject({ job_id: jobId, gate: { verdict: 'green' } });
    expect(await runner.getDiff(jobId)).toContain('+two');
    for (let waited = 0; receiver.received.length === 0 && waited < 20_000; waited += 20)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const [received] = receiver.received;
    if (received === undefined) throw new Error('nobody called back');
    const { body, headers } = received;
    const signature = headers['x-signature-256'] as string;
    expect(runner.verifyWebhookSignature(body, signature)).toBe(true);
    expect(runner.verifyWebhookSignature(`${body} `, signature)).toBe(false);
    const said = JSON.parse(body) as { job_id: string; status: string; pr_url: string | null };
    const update = { jobId: said.job_id, status: said.status, prUrl: said.pr_url };
    expect((await runner.updateJobFromCallback(update)).outcome).toBe('proposed');
    expect((await runner.listDeliveries(jobId)).map(({ status }) => status)).toEqual(['delivered']);
    await receiver.close();
  });

  it('refuses what a callback can not know', async () => {
    const forged = { jobId, status: 'completed', prUrl: 'https://git.example.org/pull/1' };
    await expect(runner.updateJobFromCallback(forged)).rejects.toMatchObject({ code: 'conflict' });
    await expect(runner.updateJobFromCallback({ jobId, status: 'failed', error: 'x' })).rejects.toThrow(
      /status failed, it is completed; an error, it has none/,
    );
    await expect(runner.updateJobFromCallback({ jobId, status: 'merged' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(runner.getJob(undefined as unknown as string)).rejects.toMatchObject({ code: 'not_found' });
    await expect(runner.updateJobFromCallback({ jobId: 'job-0', status: 'failed' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('lists jobs, and makes one job of what is asked twice under one key', async () => {
    const ask = { upstreamRepo: repo, prompt: 'Write two', idempotencyKey: 'order-7' };
    const [first, second] = [await runner.submitJob(ask), await runner.submitJob(ask)];
    expect(second.jobId).toBe(first.jobId);
    await expect(runner.submitJob({ ...ask, prompt: 'Other' })).rejects.toMatchObject({ code: 'conflict' });
    await runner.waitForJob(first.jobId);
    const listed = await runner.listJobs({ status: JobStatus.COMPLETED, upstreamRepo: repo });
    expect(listed.map((job) => job.jobId)).toEqual([first.jobId, jobId]);
    expect((await runner.listJobs({ before: first.jobId, limit: 1 })).map((job) => job.jobId)).toEqual([
      jobId,
    ]);
    const again = await runner.retryJob(jobId);
    expect((await runner.waitForJob(again.jobId)).status).toBe(JobStatus.COMPLETED);
    expect((await runner.cancelJob(again.jobId).catch((error: unknown) => error)) as JobError).toMatchObject({
      code: 'conflict',
    });
  });

  it('cancels what runs, and stops waiting without stopping the job', async () => {
    const { jobId: slow } = await runner.submitJob({ upstreamRepo: repo, prompt: 'sleep' });
    for await (const event of runner.events(slow)) if (String(event.data['text']).includes('working')) break;
    await expect(runner.waitForJob(slow, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'timed_out' });
    const stop = new AbortController();
    const waiting = runner.waitForJob(slow, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect((await runner.getJob(slow)).status).toBe(JobStatus.RUNNING);
    await runner.cancelJob(slow);
    expect(await runner.waitForJob(slow)).toMatchObject({ status: JobStatus.CANCELLED });
  });

  it('hears a question, answers it, and waits for what comes of that', async () => {
    const { jobId: asking } = await runner.submitJob({ upstreamRepo: repo, prompt: 'choose' });
    const asked = await runner.waitForJob(asking);
    expect(asked).toMatchObject({
      status: JobStatus.NEEDS_INPUT,
      question: expect.stringMatching(/^Which/) as string,
    });
    // Asked again before anybody answers, it is the same question.
    expect((await runner.waitForJob(asking)).status).toBe(JobStatus.NEEDS_INPUT);
    await runner.sendMessage(asking, 'blue');
    expect(await runner.waitForJob(asking)).toMatchObject({ outcome: 'proposed' });
  });

  it('takes no more calls once it is closed', async () => {
    await runner.close();
    await expect(runner.getJob(jobId)).rejects.toMatchObject({ code: 'conflict' });
    await runner.close();
  });
}

/** Slow when it is asked to be. */
const AGENT = `#!/bin/sh
case "$(cat)" in
*sleep*) echo working; sleep 600 ;;
*blue*) echo blue > a.txt ;;
*choose*) echo "Which colour?" > "$AGENT_RUNNER_OUT/question.md" ;;
*) echo two > a.txt ;;
esac
`;

describe.skipIf(!HAS_BUBBLEWRAP)('an embedded runner', () => {
  story(async () => {
    const runner = new AgentRunner({
      home: join(bench.root, 'embedded'),
      webhookSecret: SECRET,
      allowInsecureWebhooks: true,
      settings: {
        agent: 'command',
        agent_cmd: bench.script('agent.sh', AGENT),
        webhook_allow: ['127.0.0.1'],
        drain_s: 0,
      },
    });
    return { runner, close: () => runner.close() };
  });
});

const SERVER_ENV = {
  WEBHOOK_SECRET: SECRET,
  WEBHOOK_ALLOW: '127.0.0.1',
  ALLOW_INSECURE_WEBHOOKS: '1',
};

describe.skipIf(!HAS_BUBBLEWRAP)('a remote runner', () => {
  story(async () => {
    const server = await startUp(bench, { AGENT_CMD: bench.script('agent.sh', AGENT), ...SERVER_ENV });
    const runner = new AgentRunner({ url: server.url, token: server.key, webhookSecret: SECRET });
    return {
      runner,
      async close() {
        await runner.close();
        await server.kill();
      },
    };
  });
});

describe.skipIf(!HAS_BUBBLEWRAP)('a server that is killed and started again', () => {
  it('loses and repeats no event for who follows', async () => {
    const count = 'for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.3; done; echo two > a.txt';
    const own = openBench();
    const env = { AGENT_CMD: count };
    let server: Started = await startUp(own, env);
    const runner = new AgentRunner({ url: server.url, token: server.key });
    const { jobId } = await runner.submitJob({ upstreamRepo: makeTarget(own), prompt: 'count' });
    const seen: JobEvent[] = [];
    let kills = 0;
    const restart = async (): Promise<void> => {
      await server.kill();
      server = await startUp(own, env, server);
    };
    let restarting: Promise<void> | null = null;
    for await (const event of runner.events(jobId)) {
      seen.push(event);
      const { text } = event.data;
      if (kills >= 2 || typeof text !== 'string' || !text.includes('line 2')) continue;
      kills++;
      restarting = restart();
    }
    await restarting;
    expect(kills).toBe(2);
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, at) => at + 1));
    const { stdout } = await own.run(['logs', jobId, '--json']);
    const stored = stdout.trim().split('\n');
    expect(seen).toEqual(stored.map((line) => JSON.parse(line) as JobEvent));
    expect((await runner.waitForJob(jobId)).outcome).toBe('proposed');
    await runner.close();
    await server.kill();
    own.remove();
  });
});

describe('options', () => {
  it.each<[AgentRunnerOptions, RegExp]>([
    [{ forkTimeout: 0 }, /^forkTimeout: 0 is not allowed \(allowed: seconds, above 0, at most 3600\)/],
    [{ forkTimeout: 10, forkPollInterval: 11 }, /^forkPollInterval: 11 .* no more than forkTimeout, 10/],
    [{ runnerRepo: 'no' }, /^runnerRepo: "no" .*owner\/name/],
    [{ url: 'http://127.0.0.1:1', home: '/x' }, /^home: .*nothing beside url/],
    [{ token: 'x' }, /^token: string is not allowed \(allowed: a key only beside url\)/],
    [{ botToken: '' }, /^botToken: string is not allowed/],
    [{ hom: '/x' } as AgentRunnerOptions, /^options: "hom" is not allowed/],
  ])('%j are refused at once', (options, message) => {
    expect(() => new AgentRunner(options)).toThrow(message);
  });

  it('of forges are taken', () => {
    const options = {
      botToken: 't',
      botUsername: 'bot',
      runnerRepo: 'a/b',
      forkTimeout: 60,
      forkPollInterval: 2,
    };
    expect(new AgentRunner(options)).toBeInstanceOf(AgentRunner);
  });

  it('name what can not be opened when it is first needed, and again', async () => {
    const runner = new AgentRunner({ home: '/proc/nothing/here' });
    for (let tries = 0; tries < 2; tries++) await expect(runner.listJobs()).rejects.toBeInstanceOf(JobError);
    await runner.close();
    await expect(
      new AgentRunner({ home: join(bench.root, 'x'), settings: { no_such: 1 } }).listJobs(),
    ).rejects.toMatchObject({ code: 'bad_configuration' });
  });

  it('without a secret nothing can be verified', () => {
    expect(() => new AgentRunner().verifyWebhookSignature('x', 'sha256=00')).toThrow(/^webhookSecret: /);
  });
});
