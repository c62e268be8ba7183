/** The queue on the real schema: what submitting, claiming and ending a job costs, and what a backlog does to it. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NewEvent } from '../src/job/job.ts';
import { createLog } from '../src/log.ts';
import { createBell, withBell } from '../src/runner/queue/bell.ts';
import { work } from '../src/runner/queue/worker.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { sampleJob, sampleRequest } from '../test/store/sample.ts';
import { startPeers, type Peer } from './peers.ts';
import { machine, median } from './place.ts';

const JOBS = 2000;
/** Callers that submit at once, and jobs that are in work at once. */
const CALLERS = 100;
const AT_ONCE = 10;
const ROUNDS = 3;
const MIN_JOBS_A_SECOND = 1000;
const SMALL_BACKLOG = 1000;
const LARGE_BACKLOG = 100_000;
const MAX_BACKLOG_RATIO = 1.2;
const PICKUPS = 200;
const MAX_PICKUP_MS = 5;
const EVENTS = 1_000_000;
const PAGES = 200;
const MAX_PAGE_MS = 10;
const MAX_SEARCH_MS = 50;
/** What is searched for: a word of every job, of a tenth, of one, and what words begin with. */
const SEARCHES = ['rounding', 'area7 discounts', 'job-77777', 'disc*'] as const;
const LEASE_MS = 30_000;

const REQUEST = sampleRequest({
  repo: '/srv/repositories/shop.git',
  task: 'Mend the rounding of discounts, and add a test that would have caught it.',
  agent: 'command',
});

function event(text: string): NewEvent {
  return { type: 'status', phase: null, attempt: 1, time: new Date().toISOString(), data: { status: text } };
}

async function submit(store: Store, id: string, at = Date.now()): Promise<void> {
  const time = new Date(at).toISOString();
  const request = { ...REQUEST, task: `${REQUEST.task} In area${id.slice(-1)}.` };
  await store.createJob(sampleJob(id, { request, created_at: time, updated_at: time }));
}

/** Claims a job and takes it to its end, as a worker does whose job costs nothing; `false` when there is none. */
async function workOne(store: Store): Promise<boolean> {
  const claimed = await store.claimNext({
    owner: 'bench/1/1',
    leaseMs: LEASE_MS,
    now: new Date(),
    perRepo: null,
  });
  if (claimed === null) return false;
  const { lease } = claimed;
  await store.updateJob(lease, { status: 'running', started_at: new Date().toISOString() });
  await store.appendEvents(lease.job_id, [event('running')]);
  await store.updateJob(lease, {
    status: 'completed',
    outcome: 'no_change',
    finished_at: new Date().toISOString(),
  });
  await store.appendEvents(lease.job_id, [event('completed')]);
  await store.releaseLease(lease);
  return true;
}

/** Runs `count` pieces of work, so many at once. */
async function many(count: number, atOnce: number, one: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

async function timed(run: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

/** Ours as the peers are: what is accepted and what has ended is flushed to the disk, and so is theirs. */
function ours(folder: string): Peer {
  let round = 0;
  return {
    name: 'agent-runner',
    async run(jobs, callers, atOnce) {
      const store = await openSqliteStore({ path: join(folder, `ours-${round++}.db`) });
      const submitted = await timed(() => many(jobs, callers, (at) => submit(store, `job-${at}`)));
      const worked = await timed(() => many(jobs, atOnce, () => workOne(store)));
      await store.close();
      return { submitS: submitted, workS: worked };
    },
    close: async () => {},
  };
}

async function throughput(folder: string): Promise<void> {
  const peers = [ours(folder), ...(await startPeers(join(folder, 'peers')))];
  const taken = new Map(peers.map((peer) => [peer.name, { submit: [] as number[], work: [] as number[] }]));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const peer of peers) {
        const { submitS, workS } = await peer.run(JOBS, CALLERS, AT_ONCE);
        taken.get(peer.name)?.submit.push(submitS);
        taken.get(peer.name)?.work.push(workS);
      }
    }
  } finally {
    for (const peer of peers) await peer.close();
  }
  console.log(
    `${JOBS} jobs, ${CALLERS} callers, ${AT_ONCE} in work at once, flushed to the disk; medians of ${ROUNDS}`,
  );
  for (const [name, { submit: submits, work: works }] of taken) {
    const [submitS, workS] = [median(submits), median(works)];
    const whole = JOBS / (submitS + workS);
    const goal = name === 'agent-runner' ? ` (goal: at least ${MIN_JOBS_A_SECOND})` : '';
    const figures = `submit ${Math.round(JOBS / submitS)}/s, claim and end ${Math.round(JOBS / workS)}/s`;
    console.log(`${name.padStart(16)}: ${figures}, both ${Math.round(whole)}/s${goal}`);
  }
}

async function fill(store: Store, from: number, to: number): Promise<void> {
  await many(to - from, 1000, (at) => submit(store, `job-${from + at}`));
}

async function backlog(folder: string): Promise<Store> {
  const small = await openSqliteStore({ path: join(folder, 'small.db') });
  const large = await openSqliteStore({ path: join(folder, 'large.db') });
  await fill(small, 0, SMALL_BACKLOG);
  await fill(large, 0, LARGE_BACKLOG);
  const taken = { small: [] as number[], large: [] as number[] };
  for (let round = 0; round < 15; round++) {
    for (const [name, store] of [
      ['small', small],
      ['large', large],
    ] as const) {
      taken[name].push(await timed(() => many(50, AT_ONCE, () => workOne(store))));
      // What was taken comes back, so that the backlogs stay as they are.
      const first = 1e6 + round * 50;
      await fill(store, first, first + 50);
    }
  }
  await small.close();
  const [few, lots] = [median(taken.small), median(taken.large)];
  const figures = `${SMALL_BACKLOG} waiting ${(few * 20).toFixed(2)} ms a job, ${LARGE_BACKLOG} ${(lots * 20).toFixed(2)} ms`;
  console.log(`backlog: ${figures}, ratio ${(lots / few).toFixed(2)} (goal: at most ${MAX_BACKLOG_RATIO})`);
  return large;
}

/** From the moment that a caller has its answer until an idle worker of the same process begins. */
async function pickup(folder: string): Promise<void> {
  const bell = createBell(join(folder, 'bell'));
  const store = withBell(await openSqliteStore({ path: join(folder, 'pickup.db') }), bell);
  const stop = new AbortController();
  const begun = new Map<string, PromiseWithResolvers<number>>();
  const working = work(
    {
      store,
      bell,
      async run({ job, lease }) {
        begun.get(job.job_id)?.resolve(performance.now());
        const ended = { status: 'completed', outcome: 'no_change' } as const;
        await store.updateJob(lease, ended);
        await store.releaseLease(lease);
        throw new Error('nothing to run');
      },
      settle: async () => {},
      deliverer: null,
      dispatcher: null,
    },
    {
      mode: 'loop',
      concurrency: 4,
      perRepo: null,
      pollMs: 60_000,
      drainMs: 0,
      stop: stop.signal,
      hindrance: async () => null,
      log: createLog({ level: 'error', format: 'text', write: () => {} }),
    },
  );
  const taken: number[] = [];
  for (let at = 0; at < PICKUPS; at++) {
    const id = `job-${at}`;
    const seen = Promise.withResolvers<number>();
    begun.set(id, seen);
    await submit(store, id);
    const answered = performance.now();
    taken.push(Math.max(0, (await seen.promise) - answered));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  stop.abort();
  await working;
  bell.close();
  await store.close();
  console.log(`idle pickup: p50 ${median(taken).toFixed(2)} ms (goal: at most ${MAX_PICKUP_MS})`);
}

async function pages(store: Store): Promise<void> {
  const each = 1000;
  const made = EVENTS / each;
  await many(made, 20, (at) =>
    store.appendEvents(
      `job-${at}`,
      Array.from({ length: each }, (_, n) => event(`line ${n} of a log`)),
    ),
  );
  const lists: number[] = [];
  const logs: number[] = [];
  let before: string | undefined;
  for (let at = 0; at < PAGES; at++) {
    const started = performance.now();
    const page = await store.listJobs({ limit: 50, ...(before === undefined ? {} : { before }) });
    lists.push(performance.now() - started);
    before = page.at(-1)?.job_id;
    const asked = performance.now();
    await store.readEvents(`job-${at % made}`, at * 4, 100);
    logs.push(performance.now() - asked);
  }
  const searches = new Map<string, number[]>(SEARCHES.map((search) => [search, []]));
  for (let at = 0; at < PAGES; at++) {
    for (const [search, taken] of searches) {
      const started = performance.now();
      await store.listJobs({ search, limit: 50 });
      taken.push(performance.now() - started);
    }
  }
  const p95 = (all: readonly number[]): string =>
    (all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.95)] ?? 0).toFixed(2);
  const what = `among ${LARGE_BACKLOG} jobs and ${EVENTS} events`;
  console.log(
    `pages ${what}: 50 jobs p95 ${p95(lists)} ms, 100 events p95 ${p95(logs)} ms (goal: at most ${MAX_PAGE_MS})`,
  );
  const found = [...searches].map(([search, taken]) => `${search} ${p95(taken)} ms`).join(', ');
  console.log(`searches ${what}: p95 ${found} (goal: at most ${MAX_SEARCH_MS})`);
}

/** Prints what the queue does, beside other queues where they can be had. */
export async function benchQueue(): Promise<void> {
  // On the disk, because what is flushed to it is what is compared.
  const folder = mkdtempSync(join(tmpdir(), 'agent-runner-bench-'));
  chmodSync(folder, 0o755);
  try {
    await throughput(folder);
    await pickup(folder);
    const large = await backlog(folder);
    await pages(large);
    await large.close();
    console.log(machine());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
