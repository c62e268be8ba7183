/**
 * The jobs of a run's steps: each chosen by its id before it is made, so that a process which goes on finds it again, and
 * waited for until it ends, wherever it runs.
 */
import { Cancelled, JobError } from '../../../job/error.ts';
import type { Job } from '../../../job/job.ts';
import type { ChildEnd, ChildInput } from '../../../job/pipeline/run.ts';
import { isTerminal, JOB_STATUSES } from '../../../job/status.ts';
import type { Lease } from '../../../store/store.ts';
import { ownName } from '../../../workspace/keep/owner.ts';
import type { RunnerParts } from '../../context.ts';
import type { StepContext } from '../../engine/engine.ts';
import { claimJob, LEASE_MS } from '../../engine/lease.ts';
import { branchOf, newJob, newJobId } from '../../queue/verbs.ts';
import type { Runner, RunOptions } from '../../runner.ts';
import { childrenOf, isFor } from './records.ts';
import { ownBudget, runRequestOf, stepOf, stepRequest, type Origin } from './step-request.ts';
import type { Shares } from './shares.ts';
import type { EndWatch } from './watch.ts';

/** Longest wait for the steps of a run that ends while they go on. They save their work meanwhile. */
const CANCEL_TIMEOUT_MS = 60_000;

/** What the jobs of steps need of their run. */
export interface ChildParts {
  readonly parts: RunnerParts;
  readonly runner: Pick<Runner, 'run' | 'cancel'>;
  readonly watch: EndWatch;
  /** The run. */
  readonly job: Job;
  /** Whether an earlier process began this run: it may have left jobs that nothing else tells of. */
  readonly isResumed: boolean;
  readonly shares: Shares;
  /** Places for the steps that this process runs itself; `null` where workers do. */
  readonly places: Places | null;
  /** Aborted when the run is somebody else's. */
  readonly lost: AbortSignal;
  readonly origin: () => Origin;
}

/** So many at once, the first come first. */
export interface Places {
  /** Runs something when there is a place; rejects with `Cancelled` where `signal` is aborted before. */
  within<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/** Makes places. */
export function createPlaces(count: number): Places {
  let free = count;
  const waiting = new Set<() => void>();
  const enter = async (signal: AbortSignal): Promise<void> => {
    if (signal.aborted) throw new Cancelled();
    if (free > 0) {
      free--;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      waiting.delete(resolve);
      reject(new Cancelled());
    };
    signal.addEventListener('abort', onAbort, { once: true });
    waiting.add(resolve);
    await promise;
    signal.removeEventListener('abort', onAbort);
  };
  const leave = (): void => {
    const [next] = waiting;
    if (next === undefined) {
      free++;
      return;
    }
    waiting.delete(next);
    next();
  };
  return {
    async within(signal, work) {
      await enter(signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}

const AGENT_PHASES: ReadonlySet<string> = new Set(['explore', 'plan', 'build']);

/** How a step's job ended. @throws JobError `bug` for one that has not */
export function childEndOf({ job_id: jobId, result }: Job): ChildEnd {
  if (result?.outcome == null) throw new JobError('bug', `job: ${jobId} has not ended`);
  const agentMs = result.phases
    .filter(({ name }) => AGENT_PHASES.has(name))
    .reduce((sum, phase) => sum + phase.duration_ms, 0);
  return {
    job_id: jobId,
    outcome: result.outcome,
    base_sha: result.base_sha,
    head_sha: result.head_sha,
    output: result.output ?? {},
    spent: {
      cost_usd: result.total_cost,
      tokens_in: result.total_tokens_in,
      tokens_out: result.total_tokens_out,
      turns: result.turns,
      agent_ms: agentMs,
    },
    error: result.error,
  };
}

/** The jobs of one run's steps. */
export interface Children {
  /** Takes the job of a step to its end: makes it, or goes on with the one that an earlier process made. */
  run(input: ChildInput, step: StepContext): Promise<ChildEnd>;
  /** Cancels what has not ended, and waits for it; never rejects. @returns how many did not end in time */
  end(): Promise<number>;
}

/** Asks for a step: made once, under an id that was noted before. */
async function asked(
  { parts, job: run, shares, origin }: ChildParts,
  jobId: string,
  input: ChildInput,
): Promise<Job> {
  const { definition } = runRequestOf(run);
  const step = input.kind === 'step' ? stepOf(definition, input.name) : null;
  const budget = await shares.take(shareName(input), ownBudget(step, parts.config.budget));
  const request = stepRequest({ run, step, origin: origin(), input, budget });
  const { sealed_token: sealed } = run.request;
  const token =
    sealed == null
      ? {}
      : { sealed_token: await parts.seals.seal(jobId, await parts.seals.open(run.job_id, sealed)) };
  return newJob(jobId, { ...request, ...token }, branchOf(parts.config.branchTemplate, jobId));
}

/** Runs a step's job in this process, and cancels it with its run. */
async function runHere(of: ChildParts, jobId: string, held: Lease | null, signal: AbortSignal): Promise<Job> {
  const { runner, lost } = of;
  const cancel = (): void => {
    // A run that is somebody else's goes on there. What has ended meanwhile is no longer to be cancelled.
    if (!lost.aborted) runner.cancel(jobId).catch(() => {});
  };
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    return await endHere(of, jobId, held, signal);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** Runs it until it has ended; a job that somebody else has, or that asks something, is looked at again. */
async function endHere(
  { parts: { store }, runner, watch, lost }: ChildParts,
  jobId: string,
  held: Lease | null,
  signal: AbortSignal,
): Promise<Job> {
  // Cancelled by its own name, as every job is, and not by a signal of the run.
  const options: RunOptions = { signal: new AbortController().signal, handBack: lost };
  for (let lease = held; ; lease = null) {
    const job = await store.getJob(jobId);
    if (job?.result != null) return job;
    const isAsking = job?.status === 'needs_input' && (await store.countMessages(jobId)) === 0;
    lease ??= isAsking ? null : await claimJob(store, jobId);
    if (lease === null) await watch.pause(jobId, signal);
    else
      await runner.run(jobId, { ...options, lease }).catch((error: unknown) => {
        // Somebody took it over meanwhile.
        if (!(error instanceof JobError && error.code === 'conflict')) throw error;
      });
    if (signal.aborted) throw new Cancelled();
  }
}

/** Wires them. */
export function createChildren(of: ChildParts): Children {
  const { runner, watch, job: run, places, shares } = of;
  const { store } = of.parts;
  let left: Promise<readonly Job[]> | null = null;
  // Of an earlier process that died, or of one whose records another version of the procedure may not read.
  const leftBehind = (): Promise<readonly Job[]> => {
    const found = left ?? (of.isResumed ? listAll(childrenOf(store, run.job_id)) : Promise.resolve([]));
    left = found;
    return found;
  };

  const find = async (input: ChildInput, noted: string | null): Promise<Job | null> =>
    noted === null ? ((await leftBehind()).find((job) => isFor(job, input)) ?? null) : store.getJob(noted);

  const takeToEnd = async (input: ChildInput, step: StepContext): Promise<Job> => {
    const { signal } = step;
    const noted = notedId(step);
    const found = await find(input, noted);
    if (found !== null) shares.takeOver(shareName(input), found.request.budget);
    const jobId = found?.job_id ?? noted ?? newJobId();
    if (noted !== jobId) await step.note({ job_id: jobId }, 'full');
    if (found?.result != null) return found;
    // Before there is a place: steps that begin together are to know of each other.
    const job = found ?? (await asked(of, jobId, input));
    if (signal.aborted) throw new Cancelled();
    const begin = async (isHeld: boolean): Promise<Lease | null> => {
      if (found !== null) return null;
      const hold = { owner: await ownName(), leaseMs: LEASE_MS, now: new Date() };
      return (await store.createJob(job, isHeld ? { hold } : {})).lease;
    };
    if (places !== null)
      return places.within(signal, async () => runHere(of, jobId, await begin(true), signal));
    await begin(false);
    return watch.ended(jobId, signal);
  };

  const live = async (): Promise<readonly Job[]> => {
    const lists = JOB_STATUSES.filter((status) => !isTerminal(status)).map((status) =>
      listAll(childrenOf(store, run.job_id, status)),
    );
    return (await Promise.all(lists)).flat();
  };

  return {
    async run(input, step) {
      return childEndOf(await takeToEnd(input, step));
    },
    async end() {
      const jobs = await live().catch(() => []);
      // All of them first: what there is no time to end here must not be run by whoever takes it from the queue.
      await Promise.allSettled(jobs.map(({ job_id: jobId }) => store.requestCancel(jobId)));
      const signal = AbortSignal.any([AbortSignal.timeout(CANCEL_TIMEOUT_MS), of.lost]);
      for (const { job_id: jobId } of jobs) {
        if (signal.aborted) break;
        // Ended meanwhile, or taken by somebody who hears of the wish.
        await runner.cancel(jobId).catch(() => {});
      }
      const ended = await Promise.allSettled(jobs.map((job) => watch.ended(job.job_id, signal)));
      return ended.filter(({ status }) => status === 'rejected').length;
    },
  };
}

async function listAll(jobs: AsyncIterable<Job>): Promise<readonly Job[]> {
  const all: Job[] = [];
  for await (const job of jobs) all.push(job);
  return all;
}

/** The id that an earlier try chose. */
function notedId({ notes }: StepContext): string | null {
  const { job_id: noted } = notes;
  return typeof noted === 'string' ? noted : null;
}

/** The name under which a job takes its share of the run's budget. */
export function shareName({ kind, name, start }: Pick<ChildInput, 'kind' | 'name' | 'start'>): string {
  return `${kind}:${name}:${start ?? ''}`;
}
