/** Runs jobs on this machine: accepts a request, holds the lease, drives the procedure, resumes after a death. */
import { isElsewhere } from '../job/elsewhere/executor.ts';
import { JobError } from '../job/error.ts';
import type { GateReport } from '../job/gate.ts';
import type { Job, JobEvent } from '../job/job.ts';
import type { Cause } from '../job/elsewhere/ending.ts';
import { jobOfRun } from '../job/pipeline/run.ts';
import type { JobRequest } from '../job/request.ts';
import type { JobResult } from '../job/result.ts';
import { isTerminal } from '../job/status.ts';
import type { Acceptance, Lease, Store } from '../store/store.ts';
import { ownName } from '../workspace/keep/owner.ts';
import type { Layout } from '../workspace/layout.ts';
import type { Config } from '../config.ts';
import type { Callbacks } from './callbacks/callbacks.ts';
import type { JobContext, RunnerParts } from './context.ts';
import { endElsewhere } from './dispatch/end.ts';
import { runElsewhere } from './dispatch/story.ts';
import { drive, openJob, savedIn, sessionFolder } from './engine/drive.ts';
import type { Journal } from './engine/journal.ts';
import { LEASE_MS } from './engine/lease.ts';
import { settleEnded } from './engine/settle.ts';
import { readIssue, type ReadIssue } from './forge/issue.ts';
import { readFailingPull, type FailingPull } from './forge/turn/heal.ts';
import { readDiff } from './look/diff.ts';
import { readOutput, readReports, type OutputWish } from './look/gate/output.ts';
import type { JudgeInput, Judgement } from './look/gate/judge.ts';
import { inspectRepository, type Inspection } from './look/inspect.ts';
import { readRepoPipelines, type RepoPipelines } from './look/pipelines.ts';
import { findForkPoint, findRevision } from '../workspace/remote/listing.ts';
import { checkOutWork, type CheckedOut, type CheckoutRequest } from './look/checkout.ts';
import { recoverWork, type Recovered, type RecoverTarget } from './look/recover.ts';
import { backUpDaily } from './keep/database.ts';
import { collectDaily, collectGarbage, type GcReport } from './keep/gc.ts';
import { sweep, type Swept } from './keep/sweep.ts';
import { readHandover, requestPlace, type InPlaceRepository } from './in-place/place.ts';
import type { Handover } from '../job/in-place/handover.ts';
import type { Changes } from './queue/changes.ts';
import type { Followers } from './queue/follow.ts';
import { createPipelines, type Pipelines } from './pipeline/pipelines.ts';
import type { Place } from './pipeline/walk/run-steps.ts';
import { createEndWatch } from './pipeline/walk/watch.ts';
import { accept, queueVerbs } from './queue/verbs.ts';
import type { WorkerOptions, WorkerSummary } from './queue/worker.ts';
import { createTriggers, type Triggers } from './triggers/triggers.ts';
import { contextOf, maskOf } from './engine/wire.ts';
import { preflight } from './request/preflight.ts';
import { createArchives, type Archives } from './archive/archives.ts';
import { createReplays, type Replays } from './record/replay.ts';

/** How a run ended: with a result, in the hands of a run elsewhere, or parked until a person answers. */
export type RunEnd =
  | { readonly kind: 'ended'; readonly result: JobResult; readonly savedIn: string | null }
  /** A run elsewhere has it. */
  | { readonly kind: 'triggered'; readonly job: Job }
  | { readonly kind: 'parked'; readonly job: Job; readonly question: string; readonly wipRef: string | null };

export interface RunOptions {
  /** Aborted when a person cancels. */
  readonly signal: AbortSignal;
  /** Called with every event after it is stored; must not throw. */
  readonly onEvent?: (event: JobEvent) => void;
  /** The claim under which a worker got the job; without one, the job is claimed. */
  readonly lease?: Lease;
  /** Aborted when somebody else shall go on with the job: it stays as it is, and `run` rejects with `conflict`. */
  readonly handBack?: AbortSignal;
  /**
   * The place among a worker's jobs that this one takes; a run of a pipeline leaves it to its steps. Without one, they are
   * run in this process, and not by workers.
   */
  readonly place?: Place;
}

/** How a request is submitted. */
export interface SubmitOptions {
  /** Accepted once under this key, within 24 hours. */
  readonly once?: { readonly key: string; readonly digest: string };
  /** Events that it comes of: settled with it, or there is no job. */
  readonly settles?: Acceptance['settles'];
  /** The job's own token for the forge; it is kept sealed, until the job has ended. */
  readonly token?: string | undefined;
  /** The job whose branch it goes on with; absent: the one that was asked the same, where there is one. */
  readonly follows?: JobRequest['follows'];
}

/** Runs jobs, and reads what is known of them. */
export interface Runner {
  readonly config: Config;
  readonly store: Store;
  readonly layout: Layout;
  readonly callbacks: Callbacks;
  /** Accepts a request that this process is about to run; the job is durable when it resolves. */
  accept(request: JobRequest, options?: Pick<SubmitOptions, 'token' | 'follows'>): Promise<Job>;
  /**
   * Accepts a request into the queue, for a worker of this or another process.
   *
   * @returns the job, or the one that was accepted under the same key before
   */
  submit(
    request: JobRequest,
    options?: SubmitOptions,
  ): Promise<{ readonly job: Job; readonly isNew: boolean }>;
  /**
   * Cancels a job. One that runs hears of it within a second and saves its work first; one that waits ends here.
   *
   * @returns the job as it is then, ended or about to
   * @throws JobError `conflict` when it has ended already
   */
  cancel(jobId: string): Promise<Job>;
  /**
   * Submits what an ended job was asked once more, as a new job.
   *
   * @param budget what is to be spent otherwise than before
   * @throws JobError `conflict` while it has not ended
   */
  retry(
    jobId: string,
    options?: SubmitOptions,
    budget?: Partial<JobRequest['budget']>,
  ): ReturnType<Runner['submit']>;
  /** Leaves a message for a job's agent. @throws JobError `conflict` when the job has ended */
  message(jobId: string, text: string): Promise<Job>;
  /** A job's events as they come; see `Followers`. */
  readonly follow: Followers['follow'];
  /** Jobs as they change; see `Changes`. */
  readonly followChanges: Changes['follow'];
  /** Runs queued jobs until there are no more, or until it is told to stop. */
  work(options: Pick<WorkerOptions, 'mode' | 'pollMs' | 'stop' | 'log'>): Promise<WorkerSummary>;
  /** Ends a job that a workflow executes; see `endElsewhere`. */
  readonly endElsewhere: (jobId: string, cause: Cause) => Promise<Job>;
  /** Takes an accepted job to its end, or on from where a dead process left it. */
  run(jobId: string, options: RunOptions): Promise<RunEnd>;
  /**
   * Looks whether a request can start here, before it becomes a job: repository and base readable, agent and
   * sandbox usable. Rejects with what is wrong and what to do.
   *
   * @param token the job's own for the forge
   */
  preflight(request: JobRequest, token?: string): Promise<void>;
  /** An issue on the forge, as the task of a job. @param token the job's own for the forge */
  readonly readIssue: (text: string, token?: string) => Promise<ReadIssue>;
  /** A pull request on the forge with the checks that failed on it, and the jobs of ours that it is of. */
  readonly readPull: (text: string) => Promise<FailingPull>;
  /** The unified diff of a job's latest state; `not_found` before there is any. */
  diff(jobId: string): Promise<string>;
  /** What the gate has said of a job so far, run by run. */
  gateReports(jobId: string): Promise<readonly GateReport[]>;
  /** What a check printed in a run of the gate; see `readOutput`. */
  checkOutput(jobId: string, wish: OutputWish): Promise<string>;
  inspect(repo: string): Promise<Inspection>;
  /** The pipelines that a repository brings along; `base: null` is its default branch, `token` the asker's own. */
  repoPipelines(repo: string, base: string | null, token?: string): Promise<RepoPipelines>;
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
  /** What happens on the forge, and what comes of it. */
  readonly triggers: Triggers;
  /** Recorded jobs, to be played back. */
  readonly replays: Replays;
  readonly archives: Archives;
  /** Pipelines and their runs. */
  readonly pipelines: Pipelines;
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
  const { judge } = await import('./look/gate/judge.ts');
  const judged = await judge({ request, head: input.head }, open, options.onEvent ?? (() => {}));
  // People know revisions by the names they gave.
  return { ...judged, base: wanted ?? judged.base };
}

/** What can be seen of a job's work, and got back. */
function lookVerbs(
  parts: RunnerParts,
  find: (jobId: string) => Promise<Job>,
): Pick<Runner, 'diff' | 'gateReports' | 'checkOutput' | 'recover' | 'checkOut'> {
  return {
    diff: async (jobId) => readDiff(parts, await find(jobId)),
    gateReports: async (jobId) => readReports(parts, await find(jobId)),
    checkOutput: async (jobId, wish) => readOutput(parts, await find(jobId), wish),
    recover: async (jobId, target) => recoverWork(parts, await find(jobId), target),
    checkOut: async (jobId, request) => checkOutWork(parts, await find(jobId), request),
  };
}

/** Makes a runner from its parts; `open.ts` is the one place that does. */
export function createRunner(parts: RunnerParts): Runner {
  const { config, store, layout, callbacks } = parts;
  const find = async (jobId: string): Promise<Job> => {
    // A run is known by two names.
    const job = await store.getJob(jobOfRun(jobId) ?? jobId);
    if (job !== null) return job;
    throw new JobError('not_found', `job: there is no ${jobId}`, { hint: 'see `agent-runner list`' });
  };
  // Jobs that were accepted to be run here, until they are.
  const begun = new Map<string, Lease>();
  const watch = createEndWatch(store, parts.bell);
  const acceptHere: Runner['accept'] = async (request, options = {}) => {
    const hold = { owner: await ownName(), leaseMs: LEASE_MS, now: new Date() };
    const { job, lease } = await accept(parts, request, { hold }, options);
    if (lease !== null) begun.set(job.job_id, lease);
    return job;
  };
  const runner: Runner = {
    config,
    store,
    layout,
    callbacks,
    ...queueVerbs(parts, () => runner, find),
    triggers: createTriggers(parts, () => runner),
    replays: createReplays(parts, find, acceptHere),
    archives: createArchives(parts, find),
    pipelines: createPipelines(parts, () => runner),
    accept: acceptHere,
    endElsewhere: (jobId, cause) => endElsewhere(parts, jobId, cause),
    async run(id, options) {
      const job = await find(id);
      const { job_id: jobId } = job;
      if (isTerminal(job.status) && job.result !== null) {
        const mask = maskOf(parts);
        const show = options.onEvent ?? ((): void => {});
        const told = { attempt: job.attempt, mask, show };
        await settleEnded(store, job, layout.job(jobId), sessionFolder(parts, job, job.result), told);
        return { kind: 'ended', result: job.result, savedIn: savedIn(parts, job, job.result) };
      }
      const claimed = options.lease ?? begun.get(jobId);
      begun.delete(jobId);
      if (isElsewhere(job.request)) return runElsewhere(parts, job, claimed, options);
      const opened = await openJob(parts, job, claimed, options);
      if ('lease' in opened) return drive(parts, opened, options, { runner, watch });
      if (opened.result === null) throw new JobError('bug', `job ${jobId} ended without a result`);
      return { kind: 'ended', result: opened.result, savedIn: null };
    },
    preflight: (request, token) => preflight(parts, request, token),
    readIssue: (text, token) => readIssue(parts, text, token),
    readPull: (text) => readFailingPull(parts, text),
    ...lookVerbs(parts, find),
    collectGarbage: (dryRun, signal) => collectGarbage(parts, { dryRun, now: new Date(), signal }),
    async tidyDaily() {
      await backUpDaily(layout);
      await collectDaily(parts, DAILY_TIMEOUT_MS);
    },
    sweep: () => sweep(parts, SWEEP_TIMEOUT_MS).catch(() => null),
    inspect: (repo) => inspectRepository(parts, repo),
    repoPipelines: (repo, base, token) => readRepoPipelines(parts, repo, base, token),
    judge: (input, options) => judgeBranch(parts, input, options),
    standIn: (path) => requestPlace(parts, path),
    handover: async (jobId) => readHandover(parts, await find(jobId)),
    async close() {
      parts.bell.close();
      await parts.models.close();
      await store.close();
    },
  };
  return runner;
}
