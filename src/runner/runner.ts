/** Runs jobs on this machine: accepts a request, holds the lease, drives the procedure, resumes after a death. */
import { randomBytes } from 'node:crypto';
import { selectSandbox } from '../sandbox/select.ts';
import { JobError } from '../job/error.ts';
import type { JobEvent } from '../job/job.ts';
import { PROCEDURE_VERSION, type Job } from '../job/job.ts';
import { runJob } from '../job/procedure.ts';
import type { JobRequest } from '../job/request.ts';
import type { JobResult } from '../job/result.ts';
import { isTerminal } from '../job/status.ts';
import type { StepResult } from '../job/step.ts';
import type { Store } from '../store/store.ts';
import type { Layout } from '../workspace/layout.ts';
import type { Config } from '../config.ts';
import { createMask } from '../log.ts';
import { agentOf, checkCommand, lookingAgents } from './agents.ts';
import type { JobContext, PreparedDetail, RunnerParts } from './context.ts';
import { createEngine } from './engine/engine.ts';
import { createJournal, type Journal } from './engine/journal.ts';
import { holdLease, type HeldLease } from './engine/lease.ts';
import { settleEnded, tidyJob } from './engine/settle.ts';
import { readDiff } from './look/diff.ts';
import { judge, type JudgeInput, type Judgement } from './look/judge.ts';
import { inspectRepository, type Inspection } from './look/inspect.ts';
import { findBase, findForkPoint, findRevision } from '../workspace/remote/listing.ts';
import { checkOutWork, type CheckedOut, type CheckoutRequest } from './look/checkout.ts';
import { recoverWork, type Recovered, type RecoverTarget } from './look/recover.ts';
import { backUpDaily } from './keep/database.ts';
import { collectDaily, collectGarbage, type GcReport } from './keep/gc.ts';
import { sweep, type Swept } from './keep/sweep.ts';
import { checkInPlace } from './in-place/begin.ts';
import { readHandover, requestPlace, type InPlaceRepository } from './in-place/place.ts';
import type { Handover } from '../job/in-place/handover.ts';
import { createReplays, type Replays } from './record/replay.ts';
import { checkModel } from './models/resolve.ts';
import { createSteps, type JobSteps } from './steps/steps.ts';

/** How a run ended: with a result, or parked until a person answers. */
export type RunEnd =
  | { readonly kind: 'ended'; readonly result: JobResult; readonly savedIn: string | null }
  | { readonly kind: 'parked'; readonly job: Job; readonly question: string; readonly wipRef: string | null };

export interface RunOptions {
  /** Aborted when a person cancels. */
  readonly signal: AbortSignal;
  /** Called with every event after it is stored; must not throw. */
  readonly onEvent?: (event: JobEvent) => void;
}

/** Runs jobs, and reads what is known of them. */
export interface Runner {
  readonly config: Config;
  readonly store: Store;
  readonly layout: Layout;
  /** Accepts a request; the job is durable when it resolves. */
  accept(request: JobRequest): Promise<Job>;
  /** Takes an accepted job to its end, or on from where a dead process left it. */
  run(jobId: string, options: RunOptions): Promise<RunEnd>;
  /**
   * Looks whether a request can start here, before it becomes a job: repository and base readable, agent and
   * sandbox usable. Rejects with what is wrong and what to do.
   */
  preflight(request: JobRequest): Promise<void>;
  /** The unified diff of a job's latest state; `not_found` before there is any. */
  diff(jobId: string): Promise<string>;
  inspect(repo: string): Promise<Inspection>;
  /** Brings a job's saved work back as a branch or a bundle. */
  recover(jobId: string, target: RecoverTarget): Promise<Recovered>;
  /** Brings a job's work into a person's clone and switches to it. */
  checkOut(jobId: string, request: CheckoutRequest): Promise<CheckedOut>;
  /** Frees what is no longer kept; `dryRun` only shows it. */
  collectGarbage(dryRun: boolean, signal: AbortSignal): Promise<GcReport>;
  /** At most once a day: backs up the database, and frees for half a minute at most; never fails. */
  tidyDaily(): Promise<void>;
  /** Cleans up after processes that died, for a few seconds at most; never fails. */
  sweep(): Promise<Swept | null>;
  /** Judges a branch without an agent; `base: null` in the request is where it left the default branch. */
  judge(input: JudgeInput, options: RunOptions): Promise<Judgement>;
  /** Recorded jobs, to be played back. */
  readonly replays: Replays;
  /** The repository or folder a person stands in, as a request for `issue-to-pr` or `self-heal` names it. */
  standIn(path: string): Promise<InPlaceRepository>;
  /** What the person needs who takes over a job of `issue-to-pr` or `self-heal`. */
  handover(jobId: string): Promise<Handover>;
  close(): Promise<void>;
}

/** Longest clean-up at the end of a run; what is left is for the next day. */
const DAILY_TIMEOUT_MS = 30_000;
/** Longest clean-up after dead processes. */
const SWEEP_TIMEOUT_MS = 5000;

/** A job id: random, so that ids of several machines never meet. */
function newJobId(): string {
  return `job-${randomBytes(6).toString('hex')}`;
}

function branchOf(template: string, jobId: string): string {
  return template.replaceAll('<job_id>', jobId);
}

/** Everything one run of one job needs, and how it is put away again. */
interface Opened {
  readonly context: JobContext;
  readonly lease: HeldLease;
  readonly journal: Journal;
}

/** Wires what every step of a job works with. */
async function contextOf(
  parts: RunnerParts,
  job: Job,
  run: Pick<JobContext, 'journal' | 'signal' | 'mask' | 'models'>,
): Promise<JobContext> {
  const { config, store, layout, git, forge, baselines } = parts;
  const agent = await agentOf(config, job.request);
  const looking = await lookingAgents(config, job.request, agent);
  const chosen = await selectSandbox(job.request.sandbox, { allowHost: job.request.allow_host });
  const { adapter, warning: sandboxNotice, why } = chosen;
  run.journal.emit('sandbox', 'prepare', { adapter: adapter.name, isolation: adapter.isolation, why });
  const paths = layout.job(job.job_id);
  return {
    job,
    config,
    store,
    git,
    forge,
    adapter,
    sandboxNotice,
    agent,
    looking,
    layout,
    paths,
    baselines,
    ...run,
  };
}

/** Masks what the agent was given, and the keys that it never is. */
function maskOf({ config, models }: RunnerParts): (text: string) => string {
  return createMask([...Object.values(config.agentEnv), ...models.models.keys]);
}

async function openJob(parts: RunnerParts, job: Job, options: RunOptions): Promise<Opened> {
  const { store } = parts;
  const lease = await holdLease(store, job.job_id);
  const mask = maskOf(parts);
  const show = options.onEvent ?? ((): void => {});
  const journal = createJournal(store, job.job_id, { attempt: job.attempt, mask, show });
  const signal = AbortSignal.any([options.signal, lease.lost]);
  try {
    const models = await parts.models.open(job, journal);
    return { context: await contextOf(parts, job, { journal, mask, signal, models }), lease, journal };
  } catch (error) {
    await lease.release();
    throw error;
  }
}

/** Judges a branch with the context of a job that is never stored. */
async function judgeBranch(parts: RunnerParts, input: JudgeInput, options: RunOptions): Promise<Judgement> {
  const remote = await parts.forge.resolve(input.request.repo);
  const head = await findRevision(parts.git, remote, input.head);
  const forkPoint = async (): Promise<string | null> =>
    (await findForkPoint(parts.git, remote, head)) ??
    (remote.kind === 'url' ? null : findRevision(parts.git, remote, 'HEAD'));
  const { base: wanted } = input.request;
  const base = wanted === null ? await forkPoint() : await findRevision(parts.git, remote, wanted);
  const request = { ...input.request, base };
  const open = (job: Job, journal: Journal): Promise<JobContext> =>
    contextOf(parts, job, { journal, signal: options.signal, mask: (text) => text, models: null });
  const judged = await judge({ request, head: input.head }, open, options.onEvent ?? (() => {}));
  // People know revisions by the names they gave.
  return { ...judged, base: wanted ?? judged.base };
}

/** A job stored by another procedure starts again from its last saved tree; nothing is replayed over other code. */
async function restartIfOther(parts: RunnerParts, opened: Opened, jobSteps: JobSteps): Promise<void> {
  const { context, lease, journal } = opened;
  const steps = await parts.store.readSteps(context.job.job_id);
  const other = steps.find((step) => step.procedure_version !== PROCEDURE_VERSION);
  if (other === undefined) return;
  journal.emit('message', null, {
    text: `stored under procedure ${other.procedure_version}, this is ${PROCEDURE_VERSION}: the job starts again from its last saved tree`,
  });
  const prepared = steps.find((step) => step.key === 'prepare-1')?.result as
    | StepResult<PreparedDetail>
    | null
    | undefined;
  if (prepared?.ok === true) await jobSteps.rescue(prepared);
  await parts.store.clearSteps(lease.current());
}

async function drive(parts: RunnerParts, opened: Opened): Promise<RunEnd> {
  const { context, lease, journal } = opened;
  const { store, config } = parts;
  const { job } = context;
  const started = job.started_at ?? new Date().toISOString();
  const running = await store.updateJob(lease.current(), {
    status: 'running',
    started_at: started,
    question: null,
  });
  journal.emit('status', null, { status: 'running' });

  let steps: JobSteps | null = null;
  const parked = Promise.withResolvers<RunEnd>();
  const park = async (question: string): Promise<never> => {
    const wipRef = (await steps?.saveNow()) ?? null;
    const asked = await store.updateJob(lease.current(), { status: 'needs_input', question });
    journal.emit('status', 'build', { status: 'needs_input', question });
    await journal.flush();
    parked.resolve({ kind: 'parked', job: asked, question, wipRef });
    // The procedure waits for an answer that only another run can bring; this process forgets it here.
    return new Promise<never>(() => {});
  };
  const engine = createEngine({
    store,
    lease,
    journal,
    retry: config.retry,
    signal: context.signal,
    onRetry: async (state, attempt) => {
      await store.updateJob(lease.current(), {
        status: state === 'waiting' ? 'retrying' : 'running',
        attempt,
      });
    },
  });
  const jobSteps = createSteps({ context: { ...context, job: running }, engine, lease, park });
  steps = jobSteps;
  await restartIfOther(parts, opened, jobSteps);
  const ended = runJob(running, jobSteps).then(async (): Promise<RunEnd> => {
    const stored = await store.getJob(job.job_id);
    if (stored?.result == null) throw new JobError('bug', `job ${job.job_id} ended without a stored result`);
    if (jobSteps.isSaved()) await tidyJob(context.paths);
    return { kind: 'ended', result: stored.result, savedIn: savedIn(parts, job, stored.result) };
  });
  try {
    return await Promise.race([ended, parked.promise]);
  } finally {
    await jobSteps.stop();
    await lease.release();
  }
}

function savedIn({ layout }: RunnerParts, job: Job, result: JobResult): string | null {
  return result.wip_ref === null ? null : layout.repo(job.request.repo).saved;
}

/** Stores a request as a job, under the name of its repository. */
async function accept(parts: RunnerParts, request: JobRequest): Promise<Job> {
  // Kept under the name that its saved work is found by, also when the repository is gone one day.
  const { url: repo } = await parts.forge.resolve(request.repo);
  const jobId = newJobId();
  const now = new Date().toISOString();
  const job: Job = {
    job_id: jobId,
    request: { ...request, repo },
    status: 'queued',
    outcome: null,
    procedure_version: PROCEDURE_VERSION,
    attempt: 1,
    branch: request.in_place?.branch ?? branchOf(parts.config.branchTemplate, jobId),
    created_at: now,
    updated_at: now,
    started_at: null,
    finished_at: null,
    question: null,
    result: null,
  };
  await parts.store.createJob(job);
  return job;
}

/** Makes a runner from its parts; `open.ts` is the one place that does. */
export function createRunner(parts: RunnerParts): Runner {
  const { config, store, layout } = parts;
  const find = async (jobId: string): Promise<Job> => {
    const job = await store.getJob(jobId);
    if (job !== null) return job;
    throw new JobError('not_found', `job: there is no ${jobId}`, { hint: 'see `agent-runner list`' });
  };
  return {
    config,
    store,
    layout,
    replays: createReplays(parts, find, (request) => accept(parts, request)),
    accept: (request) => accept(parts, request),
    async run(jobId, options) {
      const job = await find(jobId);
      if (isTerminal(job.status) && job.result !== null) {
        const mask = maskOf(parts);
        const show = options.onEvent ?? ((): void => {});
        await settleEnded(store, job, layout.job(jobId), { attempt: job.attempt, mask, show });
        return { kind: 'ended', result: job.result, savedIn: savedIn(parts, job, job.result) };
      }
      return drive(parts, await openJob(parts, job, options));
    },
    async preflight(request) {
      await checkCommand(config, request);
      const agent = await agentOf(config, request);
      const { explore, plan } = await lookingAgents(config, request, agent);
      for (const one of new Set([agent, explore.agent, plan.agent])) {
        const { ready, detail, fix } = await one.check();
        if (ready) continue;
        throw new JobError(
          'bad_configuration',
          `agent: ${one.name} can't start: ${detail}`,
          fix === null ? {} : { hint: fix },
        );
      }
      for (const one of [{ agent, model: request.model }, explore, plan]) {
        const use = { ...one, maxCostUsd: request.budget.max_cost_usd };
        checkModel(parts.models.models, use, config.models.allowUnpriced);
      }
      await selectSandbox(request.sandbox, { allowHost: request.allow_host });
      const remote = await parts.forge.resolve(request.repo);
      await findBase(parts.git, layout.repo(remote.url).listed, remote, request.base);
      if (request.in_place !== undefined) await checkInPlace(parts.git, remote, request.in_place);
    },
    diff: async (jobId) => readDiff(parts, await find(jobId)),
    recover: async (jobId, target) => recoverWork(parts, await find(jobId), target),
    checkOut: async (jobId, request) => checkOutWork(parts, await find(jobId), request),
    collectGarbage: (dryRun, signal) => collectGarbage(parts, { dryRun, now: new Date(), signal }),
    async tidyDaily() {
      await backUpDaily(layout);
      await collectDaily(parts, DAILY_TIMEOUT_MS);
    },
    sweep: () => sweep(parts, SWEEP_TIMEOUT_MS).catch(() => null),
    inspect: (repo) => inspectRepository(parts, repo),
    judge: (input, options) => judgeBranch(parts, input, options),
    standIn: (path) => requestPlace(parts, path),
    handover: async (jobId) => readHandover(parts, await find(jobId)),
    async close() {
      await parts.models.close();
      await store.close();
    },
  };
}
