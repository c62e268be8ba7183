/** Queued jobs, and those that a dead or stopped worker left: each is run to one end, by one worker at a time. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import {
  HAS_BUBBLEWRAP,
  openBench,
  processesWith,
  readAllEvents,
  type Bench,
  type Ran,
  type Running,
} from './cli.ts';

let bench: Bench;
let repo: string;
const workers: Running[] = [];
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    '.agent-runner.yml': 'gate:\n  checks:\n    - name: check\n      command: "! grep -q wrong a.txt"\n',
    'a.txt': 'one\n',
  });
});
afterEach(async () => {
  for (const worker of workers.splice(0)) {
    worker.child.kill('SIGKILL');
    await worker.done;
  }
  bench.remove();
});

/** First turn wrong, second right; each takes long enough to be killed in. */
const SLOW =
  '#!/bin/sh\nprompt=$(cat)\necho half >> a.txt\nsleep 0.6\ncase "$prompt" in *"This turn: fix"*) echo right > a.txt;; *) echo wrong > a.txt;; esac\n';
const QUICK = '#!/bin/sh\ncat >/dev/null\necho right >> a.txt\n';
const HANGING = '#!/bin/sh\ncat >/dev/null\necho half >> a.txt\nsleep 300\n';

function agentOf(text: string): Record<string, string> {
  return { AGENT_CMD: bench.script('agent.sh', text) };
}

async function submit(env: Record<string, string>, ...more: string[]): Promise<string> {
  const ran = await bench.run(['submit', 'Do it', '--repo', repo, '--json', ...more], env);
  expect(ran.code, ran.stderr).toBe(0);
  return (JSON.parse(ran.stdout) as { job_id: string }).job_id;
}

function startWorker(env: Record<string, string>, ...more: string[]): Running {
  const worker = bench.start(['worker', ...more], env);
  workers.push(worker);
  return worker;
}

async function result(jobId: string): Promise<JobResult> {
  const ran = await bench.run(['result', jobId, '--json']);
  return JSON.parse(ran.stdout) as JobResult;
}

async function statusOf(jobId: string): Promise<string> {
  const ran = await bench.run(['status', jobId, '--json']);
  return (JSON.parse(ran.stdout) as { status: string }).status;
}

function events(jobId: string): Promise<JobEvent[]> {
  return bench.read((store) => readAllEvents(store, jobId));
}

/** Waits until an event of a job says so. */
async function untilEvent(jobId: string, says: (event: JobEvent) => boolean): Promise<void> {
  for (let waitedMs = 0; !(await events(jobId)).some(says); waitedMs += 100) {
    if (waitedMs > 30_000) throw new Error(`never said: ${JSON.stringify(await events(jobId))}`);
    await sleep(100);
  }
}

const agentWorks = (event: JobEvent): boolean => event.type === 'message' && event.data['turn'] === 'task';

function summaryOf(ran: Ran): Record<string, unknown> {
  return JSON.parse(ran.stdout) as Record<string, unknown>;
}

/** One end, one branch, and a log without gaps. */
async function expectWhole(jobId: string): Promise<void> {
  const all = await events(jobId);
  expect(all.map((event) => event.seq)).toEqual(all.map((_, at) => at + 1));
  expect(all.filter((event) => event.type === 'status' && event.phase === 'notify')).toHaveLength(1);
  expect(sh(repo, 'branch', '--list', `bot/${jobId}`).split('\n')).toHaveLength(1);
}

describe('worker --once', () => {
  it('runs what is queued, the highest priority first, and sums up', async () => {
    const env = agentOf(QUICK);
    const ids = [await submit(env), await submit(env, '--priority', '5'), await submit(env)];
    const ran = await bench.run(['worker', '--once', '--concurrency', '1'], env);
    expect(ran.code, ran.stderr).toBe(0);
    expect(summaryOf(ran)).toMatchObject({
      enabled: true,
      tasks_started: 3,
      tasks_completed: 3,
      tasks_failed: 0,
      tasks_skipped: 0,
    });
    const started = [...ran.stderr.matchAll(/"job_id":"(job-\w+)".*"job started"/g)].map((found) => found[1]);
    expect(started).toEqual([ids[1], ids[0], ids[2]]);
    for (const id of ids) {
      expect(await result(id)).toMatchObject({ outcome: 'proposed' });
      await expectWhole(id);
    }
    const again = await bench.run(['worker', '--once'], env);
    expect(summaryOf(again)).toMatchObject({ tasks_started: 0 });
  });

  it('exits 1 where a job failed, and ends one whose agent is not here with the reason', async () => {
    const failing = await submit(agentOf('#!/bin/sh\nexit 3\n'));
    const gone = await submit(agentOf(QUICK));
    const ran = await bench.run(['worker', '--once'], agentOf('#!/bin/sh\nexit 3\n'));
    expect(ran.code).toBe(1);
    expect(summaryOf(ran)).toMatchObject({ tasks_started: 2, tasks_failed: 2 });
    expect(await result(failing)).toMatchObject({ outcome: 'agent_failed' });
    expect(await result(gone)).toMatchObject({ outcome: 'agent_failed' });

    const orphan = await submit(agentOf(QUICK));
    const without = await bench.run(['worker', '--once'], {});
    expect(without.code).toBe(1);
    expect(await result(orphan)).toMatchObject({
      outcome: 'refused',
      error: { code: 'bad_configuration', blame: 'user' },
    });
    await expectWhole(orphan);
  });

  it('is switched off by AGENT_RUNNER_ENABLED, and paused for all', async () => {
    const env = agentOf(QUICK);
    const id = await submit(env);
    const off = await bench.run(['worker', '--once'], { ...env, AGENT_RUNNER_ENABLED: 'false' });
    expect(summaryOf(off)).toMatchObject({ enabled: false, tasks_started: 0 });
    await bench.run(['pause']);
    const paused = await bench.run(['worker', '--once'], env);
    expect(summaryOf(paused)).toMatchObject({ enabled: true, tasks_started: 0 });
    expect(await statusOf(id)).toBe('queued');
    await bench.run(['pause', '--off']);
    expect(summaryOf(await bench.run(['worker', '--once'], env))).toMatchObject({ tasks_completed: 1 });
  });

  it('refuses new jobs and takes none while the disk is too full', async () => {
    const env = agentOf(QUICK);
    const id = await submit(env);
    const settings = join(bench.root, 'config/agent-runner');
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, 'config.yml'), 'min_free_bytes: 1000000000000000\n');
    const ran = await bench.run(['worker', '--once'], env);
    expect(summaryOf(ran)).toMatchObject({ tasks_started: 0 });
    expect(ran.stderr).toContain('min_free_bytes');
    const refused = await bench.run(['submit', 'Do it', '--repo', repo], env);
    expect(refused.stderr).toContain('min_free_bytes');
    expect(refused.code).toBe(5);
    expect(await statusOf(id)).toBe('queued');
  });
});

describe('several workers on one home', () => {
  it('run each job once', async () => {
    const env = agentOf(QUICK);
    const ids = await Promise.all(Array.from({ length: 6 }, () => submit(env)));
    const ran = await Promise.all([1, 2, 3].map(() => bench.run(['worker', '--once'], env)));
    const counts = ran.map((one) => Number(summaryOf(one)['tasks_started']));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(6);
    for (const id of ids) {
      expect(await result(id)).toMatchObject({ outcome: 'proposed', attempts: 1 });
      await expectWhole(id);
    }
  });

  it('take over from one that is killed, and nothing it started is left', async () => {
    const env = agentOf(SLOW);
    const id = await submit(env);
    const first = startWorker(env);
    await untilEvent(id, agentWorks);
    first.child.kill('SIGKILL');
    await first.done;
    const ran = await bench.run(['worker', '--once'], env);
    expect(summaryOf(ran), ran.stderr).toMatchObject({ tasks_started: 1, tasks_completed: 1 });
    expect(await result(id)).toMatchObject({
      outcome: 'proposed',
      iterations: 2,
      resumed_from_checkpoint: true,
    });
    await expectWhole(id);
    if (HAS_BUBBLEWRAP) expect(processesWith(bench.root)).toEqual([]);
  });

  it('go on with a job whose foreground process was killed', async () => {
    const env = agentOf(SLOW);
    const running = bench.start(['run', 'Do it', '--repo', repo], env);
    await running.seen(/agent: command \(task\)/);
    running.child.kill('SIGKILL');
    const id = /job (job-[0-9a-f]{12})/.exec((await running.done).stderr)?.[1] ?? '';
    const ran = await bench.run(['worker', '--once'], env);
    expect(summaryOf(ran), ran.stderr).toMatchObject({ tasks_completed: 1 });
    expect(await result(id)).toMatchObject({ outcome: 'proposed' });
    await expectWhole(id);
  });

  it('leave alone what a foreground process runs', async () => {
    const env = agentOf(SLOW);
    const running = bench.start(['run', 'Do it', '--repo', repo], env);
    await running.seen(/agent: command \(task\)/);
    const ran = await bench.run(['worker', '--once'], env);
    expect(summaryOf(ran)).toMatchObject({ tasks_started: 0 });
    expect((await running.done).code).toBe(0);
  });
});

describe('a worker that is stopped', () => {
  it('lets its job end within the time it has', async () => {
    const env = agentOf(SLOW);
    const id = await submit(env);
    const worker = startWorker(env);
    await untilEvent(id, agentWorks);
    worker.child.kill('SIGTERM');
    const ran = await worker.done;
    expect(ran.code, ran.stderr).toBe(0);
    expect(summaryOf(ran)).toMatchObject({ tasks_completed: 1 });
    expect(await result(id)).toMatchObject({ outcome: 'proposed' });
  });

  it('hands its job back when that takes too long, and another goes on with it', async () => {
    const settings = join(bench.root, 'config/agent-runner');
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, 'config.yml'), 'drain_s: 0\n');
    const id = await submit(agentOf(HANGING));
    const worker = startWorker(agentOf(HANGING));
    await untilEvent(id, agentWorks);
    worker.child.kill('SIGTERM');
    const ran = await worker.done;
    expect(ran.code, ran.stderr).toBe(0);
    expect(summaryOf(ran)).toMatchObject({
      tasks_started: 1,
      tasks_completed: 0,
      tasks_failed: 0,
      tasks_skipped: 0,
    });
    expect(ran.stderr).toContain('job handed back');
    if (HAS_BUBBLEWRAP) expect(processesWith(bench.root)).toEqual([]);
    expect(await statusOf(id)).toBe('running');
    const next = await bench.run(['worker', '--once'], agentOf(QUICK));
    expect(summaryOf(next), next.stderr).toMatchObject({ tasks_completed: 1 });
    expect(await result(id)).toMatchObject({ outcome: 'proposed' });
    expect(sh(repo, 'show', `bot/${id}:a.txt`)).toBe('one\nright');
    await expectWhole(id);
  });
});

describe('cancel', () => {
  it('reaches a job in another process, whose work is saved', async () => {
    const env = agentOf(HANGING);
    const id = await submit(env);
    const worker = startWorker(env);
    await untilEvent(id, agentWorks);
    await sleep(300);
    const ran = await bench.run(['cancel', id, '--json']);
    expect(JSON.parse(ran.stdout), ran.stderr).toMatchObject({ status: 'cancelled', outcome: 'cancelled' });
    const ended = await result(id);
    expect(ended.wip_ref).toBe(`refs/agent-runner/wip/${id}`);
    if (HAS_BUBBLEWRAP) expect(processesWith(join(bench.root, 'agent.sh'))).toEqual([]);
    const recovered = await bench.run(['recover', id, '--branch', 'saved'], {}, repo);
    expect(recovered.code, recovered.stderr).toBe(0);
    await expectWhole(id);
    expect(worker.child.exitCode).toBeNull();
  });

  it('ends a job that waits, without any worker', async () => {
    const id = await submit(agentOf(QUICK));
    const ran = await bench.run(['cancel', id]);
    expect(ran.stdout, ran.stderr).toContain('cancelled');
    expect(await statusOf(id)).toBe('cancelled');
    const again = await bench.run(['cancel', id]);
    expect(again.code).toBe(64);
    expect(again.stderr).toContain('has ended');
    expect(summaryOf(await bench.run(['worker', '--once'], agentOf(QUICK)))).toMatchObject({
      tasks_started: 0,
    });
  });

  it('reaches a foreground run from another terminal', async () => {
    const running = bench.start(['run', 'Do it', '--repo', repo], agentOf(HANGING));
    await running.seen(/agent: command \(task\)/);
    const id = (await bench.run(['list', '--json'])).stdout.match(/job-[0-9a-f]{12}/)?.[0] ?? '';
    await bench.run(['cancel', id]);
    expect((await running.done).code).toBe(130);
  });
});

describe('a job that asks', () => {
  const ASKING =
    '#!/bin/sh\nprompt=$(cat)\ncase "$prompt" in *"the answer is blue"*) echo blue > a.txt;; *) echo "Which colour?" > "$AGENT_RUNNER_OUT/question.md";; esac\n';

  it('waits without a worker, and goes on when it is answered', async () => {
    const env = agentOf(ASKING);
    const id = await submit(env);
    expect(summaryOf(await bench.run(['worker', '--once'], env))).toMatchObject({
      tasks_started: 1,
      tasks_completed: 0,
      tasks_failed: 0,
    });
    expect(await statusOf(id)).toBe('needs_input');
    expect((await bench.run(['wait', id], env)).code).toBe(6);
    expect(summaryOf(await bench.run(['worker', '--once'], env))).toMatchObject({ tasks_started: 0 });
    await bench.run(['message', id, 'the answer is blue']);
    expect(summaryOf(await bench.run(['worker', '--once'], env))).toMatchObject({ tasks_completed: 1 });
    expect(sh(repo, 'show', `bot/${id}:a.txt`)).toBe('blue');
  });

  it('is picked up at once by a worker that waits', async () => {
    const env = agentOf(ASKING);
    const worker = startWorker(env, '--interval', '3600');
    const id = await submit(env);
    const waiting = await bench.run(['wait', id], env);
    expect(waiting.code, waiting.stderr).toBe(6);
    await bench.run(['message', id, 'the answer is blue']);
    const ended = await bench.run(['wait', id, '--json'], env);
    expect(JSON.parse(ended.stdout), ended.stderr).toMatchObject({ outcome: 'proposed' });
    expect(worker.child.exitCode).toBeNull();
  });
});

describe('retry', () => {
  it('asks the same once more, as a new job', async () => {
    const id = await submit(agentOf(QUICK));
    expect((await bench.run(['retry', id])).stderr).toContain('has not ended');
    await bench.run(['worker', '--once'], agentOf(QUICK));
    const ran = await bench.run(['retry', id, '--json']);
    const { job_id: second } = JSON.parse(ran.stdout) as { job_id: string };
    expect(second).not.toBe(id);
    await bench.run(['worker', '--once'], agentOf(QUICK));
    expect(await result(second)).toMatchObject({ outcome: 'proposed', task: 'Do it' });
  });
});

describe('a message to a job that runs', () => {
  const OBEDIENT =
    '#!/bin/sh\nprompt=$(cat)\ncase "$prompt" in *"also write b"*) echo b > b.txt;; *) echo right > a.txt; sleep 1.5;; esac\n';

  it('is done before the change is proposed', async () => {
    const env = agentOf(OBEDIENT);
    const id = await submit(env);
    startWorker(env);
    await untilEvent(id, agentWorks);
    const sent = await bench.run(['message', id, 'also write b']);
    expect(sent.stdout, sent.stderr).toContain('with its next turn');
    const ended = await bench.run(['wait', id, '--json'], env);
    expect(JSON.parse(ended.stdout), ended.stderr).toMatchObject({
      outcome: 'proposed',
      iterations: 2,
      gate: { runs: [{ verdict: 'green' }, { verdict: 'green' }] },
    });
    expect(sh(repo, 'show', `bot/${id}:b.txt`)).toBe('b');
  });
});
