/** A queue of jobs whose server and workers are killed all the time. Every choice follows from a seed. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveConfig } from '../../src/config.ts';
import type { Job } from '../../src/job/job.ts';
import { isTerminal } from '../../src/job/status.ts';
import { openRunner } from '../../src/runner/open.ts';
import type { Runner } from '../../src/runner/runner.ts';
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
/** Callers that submit beside each other, and how often each asks before it gives up. */
const CALLERS = 4;
const MAX_TRIES = 1200;
/** Longest time for a fleet without any job ending: then something hangs. */
const STUCK_MS = 120_000;
/** Events that are shown of a job that did not hold. */
const SHOWN_EVENTS = 30;

async function openHome(stage: Stage): Promise<Runner> {
  const env = { AGENT_RUNNER_HOME: stage.bench.home, HOME: stage.bench.root, PATH: process.env['PATH'] };
  return openRunner(await resolveConfig({ flags: {}, env, cwd: stage.bench.root, projectFile: null }));
}

/** Takes callbacks, and remembers under which ids each job was told of. Every fifth is refused at first, as by a receiver that fails. */
async function openReceiver(): Promise<{
  readonly url: string;
  readonly told: ReadonlyMap<string, ReadonlySet<string>>;
  close(): void;
}> {
  const told = new Map<string, Set<string>>();
  const refused = new Set<string>();
  let count = 0;
  const server = createServer((incoming, response) => {
    let body = '';
    incoming.setEncoding('utf8').on('data', (text: string) => (body += text));
    incoming.on('end', () => {
      const { job_id: id } = JSON.parse(body) as { job_id: string };
      // Once a job: the third wait of the schedule is longer than anybody watches a test.
      if (!refused.has(id) && ++count % 5 === 0) {
        refused.add(id);
        response.writeHead(503).end();
        return;
      }
      told.set(id, (told.get(id) ?? new Set()).add(String(incoming.headers['webhook-id'])));
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/told`,
    told,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Where the server answers that lives at the moment; `null` while there is none. */
function addressOf(server: Running | undefined): string | null {
  return /ready: (http:\/\/[^ ]+) takes/.exec(server?.stderr() ?? '')?.[1] ?? null;
}

/** Sends a request until a server that lives long enough has answered it. */
async function sendUntilTaken(
  address: () => string | null,
  key: string,
  body: Readonly<Record<string, unknown>>,
): Promise<string> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const url = address();
    const answer =
      url === null
        ? null
        : await fetch(`${url}/api/jobs`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'idempotency-key': key },
            body: JSON.stringify(body),
            signal: AbortSignal.timeout(10_000),
          }).catch(() => null);
    if (answer?.status === 201) {
      const taken = (await answer.json().catch(() => null)) as { job_id: string } | null;
      if (taken !== null) return taken.job_id;
    } else if (answer !== null) throw new Error(`refused: ${answer.status} ${await answer.text()}`);
    await sleep(100);
  }
  throw new Error(`no server took ${key}`);
}

/** Submits jobs of mixed priorities as many callers would, each twice: as one whose first answer was lost. */
async function submitAll(
  stage: Stage,
  plan: FleetPlan,
  next: () => number,
  address: () => string | null,
  callbackUrl: string,
): Promise<string[]> {
  const ids: string[] = [];
  const lane = async (from: number): Promise<void> => {
    for (let at = from; at < plan.jobs; at += CALLERS) {
      const body = {
        repo: stage.remote,
        task: `write a file (${at})`,
        agent: 'command',
        gate: [{ name: 'sum', command: 'test -s src/sum.js', timeout_s: 60 }],
        priority: Math.floor(next() * 3),
        callback_url: callbackUrl,
      };
      const first = await sendUntilTaken(address, `fleet-${at}`, body);
      const second = await sendUntilTaken(address, `fleet-${at}`, body);
      if (first !== second) throw new Error(`one key made two jobs: ${first} and ${second}`);
      ids.push(first);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, from) => lane(from)));
  return ids;
}

async function unfinished(runner: Runner, ids: readonly string[]): Promise<string[]> {
  const jobs = await Promise.all(ids.map((id) => runner.store.getJob(id)));
  return jobs.flatMap((job, at) => (job !== null && isTerminal(job.status) ? [] : [ids[at] ?? '']));
}

/**
 * How much longer everybody lives, because the machine is busy with others: killed before they have begun a job, processes
 * end none. At a load of 23 on two cores no job of 270 ended within two minutes.
 */
function slowness(): number {
  const [load = 0] = loadavg();
  return Math.max(1, load / cpus().length / 4);
}

/** Kills a process every so often and starts another in its place, until it is told that all is done. */
async function keepKilling(
  alive: Running[],
  starts: readonly (() => Running)[],
  next: () => number,
  isDone: () => Promise<boolean>,
): Promise<number> {
  let kills = 0;
  while (!(await isDone())) {
    await sleep((1000 + next() * 2500) * slowness());
    const at = Math.floor(next() * alive.length);
    alive[at]?.child.kill('SIGKILL');
    await alive[at]?.done;
    kills++;
    const fresh = starts[at]?.();
    if (fresh !== undefined) alive[at] = fresh;
  }
  return kills;
}

/** Whether all jobs have ended. @throws when none has for too long */
function watchEnds(runner: Runner, ids: () => readonly string[] | null): () => Promise<boolean> {
  let [left, progressedMs]: [readonly string[] | null, number] = [null, Date.now()];
  return async () => {
    const all = ids();
    const now = all === null ? null : await unfinished(runner, left ?? all);
    if (all === null || now === null || left === null || now.length < left.length) progressedMs = Date.now();
    if (Date.now() - progressedMs > STUCK_MS) throw new Error(`stuck with ${(now ?? []).join(', ')}`);
    left = now;
    return now?.length === 0;
  };
}

/** Waits until every callback was delivered, with nobody killed any more. */
async function untilTold(runner: Runner, ids: readonly string[]): Promise<string[]> {
  const pending = async (): Promise<string[]> => {
    const all = await Promise.all(ids.map((id) => runner.store.listDeliveries(id)));
    return all.flatMap((some, at) =>
      some.length === 1 && some[0]?.status === 'delivered' ? [] : [ids[at] ?? ''],
    );
  };
  for (const until = Date.now() + STUCK_MS; Date.now() < until; await sleep(500)) {
    if ((await pending()).length === 0) return [];
  }
  return pending();
}

/** How a log ends, for whoever looks for the reason. */
async function lastEvents(stage: Stage, id: string): Promise<string> {
  const events = await stage.read((store) => store.readEvents(id, 0, 1000));
  const told = events
    .slice(-SHOWN_EVENTS)
    .map(({ type, time, data }) => `${time} ${type} ${JSON.stringify(data)}`);
  return `\n  ${told.join('\n  ')}`;
}

async function brokenOf(stage: Stage, job: Job | null, id: string): Promise<string[]> {
  if (job?.result == null) return [`the accepted job ${id} has no result`];
  const broken = await brokenPromises(stage, id, job.result, { outcomes: ['proposed'], works: [] });
  const { error } = job.result;
  if (broken.length === 0 || error === null) return broken;
  return [...broken, `its error: ${error.message}`, `its last events: ${await lastEvents(stage, id)}`];
}

/** Runs a fleet on a stage and looks at every job afterwards. */
export async function runFleet(stage: Stage, plan: FleetPlan): Promise<FleetFate> {
  const next = numbersFrom(plan.seed);
  const script = join(stage.bench.root, 'fleet.sh');
  if (!existsSync(script)) stage.bench.script('fleet.sh', AGENT);
  const receiver = await openReceiver();
  const env = { AGENT_CMD: script, WEBHOOK_SECRET: 'a secret of the fleet', WEBHOOK_ALLOW: '127.0.0.1' };
  const serve = (): Running => stage.bench.start(['up', '--port', '0', '--no-auth'], env);
  const workOn = (): Running => stage.bench.start(['worker', '--concurrency', '2', '--interval', '1'], env);
  const starts = [serve, ...Array.from({ length: plan.workers - 1 }, () => workOn)];
  const alive = starts.map((start) => start());
  const runner = await openHome(stage);
  try {
    let ids: readonly string[] | null = null;
    const submitting = submitAll(stage, plan, next, () => addressOf(alive[0]), receiver.url).then(
      (all) => (ids = all),
    );
    const [kills, all] = await Promise.all([
      keepKilling(
        alive,
        starts,
        next,
        watchEnds(runner, () => ids),
      ),
      submitting,
    ]);
    const untold = await untilTold(runner, all);
    const broken = untold.map((id) => `${id}: its callback was not delivered`);
    let [takenOver, held] = [0, 0];
    for (const id of all) {
      const job = await runner.store.getJob(id);
      if (job?.result?.resumed_from_checkpoint === true) takenOver++;
      const sentences = await brokenOf(stage, job, id);
      const names = receiver.told.get(id)?.size ?? 0;
      if (names !== 1) sentences.push(`its end was told under ${names} ids`);
      if (sentences.length === 0) held++;
      else broken.push(`${id}: ${sentences.join('; ')}`);
    }
    const counts = await runner.store.countQueue();
    if (counts.ready + counts.held + counts.parked + counts.blocked > 0)
      broken.push(`the queue is not empty: ${JSON.stringify(counts)}`);
    return { acknowledged: all.length, kills, takenOver, held, broken };
  } finally {
    for (const one of alive) one.child.kill('SIGKILL');
    await Promise.all(alive.map((one) => one.done));
    receiver.close();
    await runner.close();
  }
}
