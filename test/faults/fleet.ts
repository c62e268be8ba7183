/** A queue of jobs whose workers are killed all the time. Every choice follows from a seed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveConfig } from '../../src/config.ts';
import type { Job } from '../../src/job/job.ts';
import type { JobRequest } from '../../src/job/request.ts';
import { createLog } from '../../src/log.ts';
import { isTerminal } from '../../src/job/status.ts';
import { openRunner } from '../../src/runner/open.ts';
import type { Runner } from '../../src/runner/runner.ts';
import { sampleRequest } from '../store/sample.ts';
import type { Running } from '../e2e/cli.ts';
import { numbersFrom } from './deaths.ts';
import { brokenPromises, type Stage } from './stage.ts';

export interface FleetPlan {
  readonly jobs: number;
  readonly workers: number;
  readonly seed: number;
}

/** What came of a fleet. */
export interface FleetFate {
  readonly acknowledged: number;
  readonly kills: number;
  /** Jobs that went on in another process than the one that began them. */
  readonly takenOver: number;
  readonly held: number;
  /** What did not hold, by job. */
  readonly broken: readonly string[];
}

/** Writes one file with a name of its own. */
const AGENT =
  '#!/bin/sh\ncat > /dev/null\necho work > "work-$(od -An -N6 -tx1 /dev/urandom | tr -d " \\n").txt"\nsleep 0.2\n';
/** Longest time for a fleet without any job ending: then something hangs. */
const STUCK_MS = 120_000;

async function openHome(stage: Stage): Promise<Runner> {
  const env = { AGENT_RUNNER_HOME: stage.bench.home, HOME: stage.bench.root, PATH: process.env['PATH'] };
  return openRunner(await resolveConfig({ flags: {}, env, cwd: stage.bench.root, projectFile: null }));
}

/** Submits jobs of mixed priorities, some of them in sessions, as many callers would. */
async function submitAll(
  runner: Runner,
  stage: Stage,
  plan: FleetPlan,
  next: () => number,
): Promise<string[]> {
  const request = (at: number): JobRequest => ({
    ...sampleRequest(),
    repo: stage.remote,
    task: `write a file (${at})`,
    agent: 'command',
    sandbox: 'auto',
    allow_host: true,
    checks: [{ name: 'sum', kind: 'other', command: 'test -s src/sum.js', timeout_s: 60 }],
    priority: Math.floor(next() * 3),
  });
  const made = Array.from({ length: plan.jobs }, (_, at) => {
    const once = { key: `fleet-${at}`, digest: String(at) };
    // Sent twice, as by a caller whose first answer was lost.
    return [runner.submit(request(at), { once }), runner.submit(request(at), { once })];
  });
  const ids = await Promise.all(
    made.map(async (twice) => (await Promise.all(twice)).map(({ job }) => job.job_id)),
  );
  if (ids.some(([first, second]) => first !== second)) throw new Error('one key made two jobs');
  return ids.map(([first]) => first ?? '');
}

async function unfinished(runner: Runner, ids: readonly string[]): Promise<string[]> {
  const jobs = await Promise.all(ids.map((id) => runner.store.getJob(id)));
  return jobs.flatMap((job, at) => (job !== null && isTerminal(job.status) ? [] : [ids[at] ?? '']));
}

/** Kills a worker every so often, and starts another in its place, until all jobs have ended. */
async function killUntilDone(
  runner: Runner,
  ids: readonly string[],
  next: () => number,
  workers: readonly { start(): Running }[],
): Promise<number> {
  const alive = workers.map((one) => one.start());
  let [kills, left, progressedMs] = [0, [...ids], Date.now()];
  try {
    while (left.length > 0) {
      await sleep(400 + next() * 1600);
      const now = await unfinished(runner, left);
      if (now.length < left.length) progressedMs = Date.now();
      if (Date.now() - progressedMs > STUCK_MS) throw new Error(`stuck with ${now.join(', ')}`);
      left = now;
      const at = Math.floor(next() * alive.length);
      alive[at]?.child.kill('SIGKILL');
      await alive[at]?.done;
      kills++;
      const fresh = workers[at]?.start();
      if (fresh !== undefined) alive[at] = fresh;
    }
  } finally {
    for (const worker of alive) worker.child.kill('SIGKILL');
    await Promise.all(alive.map((worker) => worker.done));
  }
  return kills;
}

async function brokenOf(stage: Stage, job: Job | null, id: string): Promise<string[]> {
  if (job?.result == null) return [`the accepted job ${id} has no result`];
  return brokenPromises(stage, id, job.result, { outcomes: ['proposed'], works: [] });
}

/** Runs a fleet on a stage and looks at every job afterwards. */
export async function runFleet(stage: Stage, plan: FleetPlan): Promise<FleetFate> {
  const next = numbersFrom(plan.seed);
  const script = join(stage.bench.root, 'fleet.sh');
  if (!existsSync(script)) stage.bench.script('fleet.sh', AGENT);
  const start = (): Running =>
    stage.bench.start(['worker', '--concurrency', '2', '--interval', '1'], { AGENT_CMD: script });
  const runner = await openHome(stage);
  try {
    const ids = await submitAll(runner, stage, plan, next);
    const kills = await killUntilDone(
      runner,
      ids,
      next,
      Array.from({ length: plan.workers }, () => ({ start })),
    );
    // The worker that a job was killed with may have ended it and not lived to tell; another one does that.
    await runner.work({
      mode: 'once',
      pollMs: 1000,
      stop: new AbortController().signal,
      log: createLog({ level: 'error', format: 'text', write: () => {} }),
    });
    const broken: string[] = [];
    let [takenOver, held] = [0, 0];
    for (const id of ids) {
      const job = await runner.store.getJob(id);
      if (job?.result?.resumed_from_checkpoint === true) takenOver++;
      const sentences = await brokenOf(stage, job, id);
      if (sentences.length === 0) held++;
      else broken.push(`${id}: ${sentences.join('; ')}`);
    }
    const counts = await runner.store.countQueue();
    if (counts.ready + counts.held + counts.parked + counts.blocked > 0)
      broken.push(`the queue is not empty: ${JSON.stringify(counts)}`);
    return { acknowledged: ids.length, kills, takenOver, held, broken };
  } finally {
    await runner.close();
  }
}
