/** A run of a pipeline as a worker drives it, with everything real but what its jobs do: no agent, no git, no gate. */
import { join } from 'node:path';
import type { GateReport } from '../src/job/gate.ts';
import { DEFAULT_BUDGET, DEFAULT_POLICY } from '../src/job/request.ts';
import { PROCEDURE_VERSION, type Job } from '../src/job/job.ts';
import type { Pipeline } from '../src/job/pipeline/definition.ts';
import { runPipeline } from '../src/job/pipeline/procedure.ts';
import type { Assembled, RunSteps } from '../src/job/pipeline/run.ts';
import type { JobResult } from '../src/job/result.ts';
import type { Prepared, Proposed, Rebased, StepResult, Verified } from '../src/job/step.ts';
import { createLog } from '../src/log.ts';
import type { JobContext, RunnerParts } from '../src/runner/context.ts';
import { createEngine } from '../src/runner/engine/engine.ts';
import { createJournal } from '../src/runner/engine/journal.ts';
import { keepLease, type HeldLease } from '../src/runner/engine/lease.ts';
import { createRunSteps } from '../src/runner/pipeline/walk/run-steps.ts';
import { keyOf } from '../src/runner/pipeline/walk/records.ts';
import { createEndWatch } from '../src/runner/pipeline/walk/watch.ts';
import { createBell, withBell } from '../src/runner/queue/bell.ts';
import { work } from '../src/runner/queue/worker.ts';
import type { RunEnd } from '../src/runner/runner.ts';
import type { JobSteps } from '../src/runner/steps/steps.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Claimed, Store } from '../src/store/store.ts';
import { sampleJob, sampleRequest } from '../test/store/sample.ts';

/** Jobs that the worker has at once, besides the run. */
const AT_ONCE = 8;

const NOWHERE = { pr_url: null, patch_path: null, push_command: null };

/** A commit by its number. */
function commit(number: number): string {
  return number.toString(16).padStart(40, '0');
}

const GREEN: GateReport = {
  verdict: 'green',
  commit: commit(1),
  tree: commit(2),
  checks: [],
  tamper: [],
  duration_ms: 0,
};

/** The result of a job that cost nothing. */
function resultOf(job: Job, over: Partial<JobResult>): JobResult {
  const { job_id, request, branch, created_at, started_at } = job;
  const none = { phases: [], gate: { verdict: 'green', runs: [] }, notices: [], error: null };
  const spent = { turns: 1, total_cost: 0.01, total_tokens_in: 100, total_tokens_out: 10 };
  const result = {
    job_id,
    repo: request.repo,
    task: request.task,
    branch,
    created_at,
    started_at,
    ...none,
    ...spent,
  };
  const said = { summary: 'Done.', tests_passed: true, status: 'completed', outcome: 'proposed', ...over };
  return { ...result, ...said, finished_at: new Date().toISOString() } as unknown as JobResult;
}

/** Ends the job of a step as soon as it is claimed. */
async function endStep(store: Store, { job, lease }: Claimed, head: string): Promise<JobResult> {
  const output = {
    summary: 'Done.',
    outcome: 'proposed',
    branch: job.branch,
    head_sha: head,
    files: [],
    tests_passed: true,
  };
  const result = resultOf(job, { base_sha: job.request.step?.base_sha ?? null, head_sha: head, output });
  await store.updateJob(lease, { status: 'running', started_at: new Date().toISOString() });
  await store.updateJob(lease, {
    status: 'completed',
    outcome: 'proposed',
    result,
    finished_at: result.finished_at,
  });
  await store.releaseLease(lease);
  return result;
}

async function done<T extends object>(value: T): Promise<StepResult<T>> {
  const time = new Date().toISOString();
  return { ok: true, ...value, started_at: time, ended_at: time, usage: null };
}

/** What every job does, without doing it. `ends`: the one thing that is stored. */
function jobSteps(store: Store, job: Job, lease: HeldLease): JobSteps {
  const steps = {
    prepare: () =>
      done<Prepared>({
        base: 'main',
        base_sha: commit(0),
        branch: job.branch,
        policy: DEFAULT_POLICY,
        max_gate_runs: 1,
        notices: [],
      }),
    verify: () => done<Verified>({ report: GREEN, head_sha: commit(1), failure: '' }),
    rebase: () => done<Rebased>({ moved: false, onto: null, fits: true }),
    propose: () => done<Proposed>({ outcome: 'proposed', head_sha: commit(1), ...NOWHERE }),
    save: () => done({ wip_ref: null }),
    async notify(result: JobResult) {
      const { status, outcome, finished_at } = result;
      if (outcome === null) throw new Error('the run has no outcome');
      await store.updateJob(lease.current(), { status, outcome, result, finished_at });
    },
  };
  return steps as unknown as JobSteps;
}

/** What a run came to. */
export interface BenchRun {
  readonly result: JobResult;
  readonly ms: number;
  /** Jobs of steps in the store, and how many of them have ended well. */
  readonly jobs: number;
  readonly completed: number;
}

/** Takes a run to its end over the real engine and coordinator; bringing together takes no git, and is as durable. */
async function drive(parts: RunnerParts, { job, lease: claimed }: Claimed): Promise<JobResult> {
  const { store, bell } = parts;
  const lease = keepLease(store, claimed);
  const started = { status: 'running', started_at: new Date().toISOString() } as const;
  await store.updateJob(lease.current(), started);
  const journal = createJournal(store, job.job_id, { attempt: 1, mask: (text) => text, show: () => {} });
  const { signal } = new AbortController();
  const retry = { attempts: 1, baseMs: 1 };
  const engine = createEngine({ store, lease, journal, retry, signal, onRetry: async () => {} });
  const steps: RunSteps = createRunSteps({
    parts,
    runner: { run: () => Promise.reject(new Error('no')), cancel: () => Promise.reject(new Error('no')) },
    watch: createEndWatch(store, bell),
    job,
    context: { job, store, journal, signal } as unknown as JobContext,
    engine,
    lease,
    jobSteps: jobSteps(store, job, lease),
    park: () => Promise.reject(new Error('nothing asks')),
    place: null,
    places: null,
  });
  let commits = 0x10_0000;
  const result = await runPipeline(job, {
    ...steps,
    assemble: (input) =>
      engine.step<Assembled>(keyOf('assemble', input.for ?? ''), 'build', async () => ({
        commit: commit(++commits),
        conflict: null,
      })),
    lay: () => done({ tree: commit(2), changed: true }),
  });
  await journal.flush();
  await lease.release();
  return result;
}

/** A run's job. */
function runJob(definition: Pipeline): Job {
  const time = new Date().toISOString();
  const pipeline = { pipeline_id: null, definition, retries: null };
  const count = definition.steps.length;
  const budget = { ...DEFAULT_BUDGET, max_cost_usd: 5 * count, timeout_s: 3600 * count };
  const request = sampleRequest({ pipeline, task: 'Run everything.', budget });
  return sampleJob('job-0123456789ab', { request, created_at: time, procedure_version: PROCEDURE_VERSION });
}

/** Submits a run and the worker's jobs of it, on a database of its own on the disk. */
export async function runOnce(folder: string, name: string, definition: Pipeline): Promise<BenchRun> {
  const bell = createBell(join(folder, name, 'bell'));
  const store = withBell(await openSqliteStore({ path: join(folder, name, 'runner.db') }), bell);
  const config = { budget: DEFAULT_BUDGET, branchTemplate: 'bot/{id}' };
  const parts = { store, bell, config } as unknown as RunnerParts;
  const stop = new AbortController();
  const ended = Promise.withResolvers<JobResult>();
  let heads = 0x20_0000;
  const run = async (claimed: Claimed): Promise<RunEnd> => {
    if (claimed.job.request.pipeline === undefined)
      return { kind: 'ended', result: await endStep(store, claimed, commit(++heads)), savedIn: null };
    const driven = drive(parts, claimed);
    driven.then(ended.resolve, ended.reject);
    return { kind: 'ended', result: await driven, savedIn: null };
  };
  const log = createLog({ level: 'warn', format: 'text', write: (line) => console.error(line) });
  const working = work(
    { store, bell, run, settle: async () => {}, deliverer: null, dispatcher: null },
    {
      mode: 'loop',
      concurrency: AT_ONCE + 1,
      perRepo: null,
      pollMs: 1000,
      drainMs: 0,
      stop: stop.signal,
      hindrance: async () => null,
      log,
    },
  );
  try {
    const job = runJob(definition);
    const began = performance.now();
    await store.createJob(job);
    const result = await ended.promise;
    const ms = performance.now() - began;
    let [jobs, completed, before] = [0, 0, {}];
    for (let page = await store.listJobs({ stepsOf: job.job_id, limit: 1000 }); page.length > 0;) {
      jobs += page.length;
      completed += page.filter(({ status }) => status === 'completed').length;
      before = { before: page.at(-1)?.job_id };
      page = await store.listJobs({ stepsOf: job.job_id, limit: 1000, ...before });
    }
    return { result, ms, jobs, completed };
  } finally {
    stop.abort();
    await working;
    bell.close();
    await store.close();
  }
}
