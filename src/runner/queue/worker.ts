/**
 * The worker: takes queued jobs and those that a dead process left, runs them, and goes on until it is told to stop.
 * Any number of workers may share a home; a job is claimed by one of them.
 */
import { errorInfoOf } from '../../job/error.ts';
import type { Log } from '../../log.ts';
import { createAlarm } from '../../notify/alarm.ts';
import type { Deliverer } from '../../notify/deliverer.ts';
import { isTerminal } from '../../job/status.ts';
import type { Claimed, Store } from '../../store/store.ts';
import { isDead, ownName } from '../../workspace/keep/owner.ts';
import { createCrew, NOTHING, type Counts, type Crew } from './crew.ts';
import { LEASE_MS } from '../engine/lease.ts';
import type { Dispatcher } from '../triggers/dispatch.ts';
import type { RunEnd } from '../runner.ts';
import type { Place } from '../pipeline/walk/run-steps.ts';
import type { Bell } from './bell.ts';

/** What a worker did, as `worker --once` prints it. */
export interface WorkerSummary {
  /** Whether the worker may work at all (`AGENT_RUNNER_ENABLED`). */
  readonly enabled: boolean;
  readonly tasks_started: number;
  readonly tasks_completed: number;
  readonly tasks_failed: number;
  /** Jobs that somebody else had meanwhile, or whose state did not allow it. */
  readonly tasks_skipped: number;
  /** RFC 3339 UTC. */
  readonly timestamp: string;
}

export interface WorkerOptions {
  /** `once`: until nothing is left to take. `loop`: until `stop`. */
  readonly mode: 'once' | 'loop';
  /** Jobs at once in this process. */
  readonly concurrency: number;
  /** Jobs of one repository at once, in all processes; `null` is no limit. */
  readonly perRepo: number | null;
  /** How often the queue is looked at without a ring, in milliseconds. */
  readonly pollMs: number;
  /** How long running jobs may go on after `stop`, in milliseconds; then they are handed back. */
  readonly drainMs: number;
  /** Ends claiming. */
  readonly stop: AbortSignal;
  /** Why nothing may be claimed at the moment; `null` when it may. */
  readonly hindrance: () => Promise<string | null>;
  readonly log: Log;
}

/** What a worker needs of the runner. */
export interface WorkerParts {
  readonly store: Store;
  readonly bell: Bell;
  /** Runs a claimed job to its end. A run of a pipeline leaves its place while it waits for its steps. */
  readonly run: (claimed: Claimed, handBack: AbortSignal, place: Place) => Promise<RunEnd>;
  /** Does what a process that ended a job did not live to do. */
  readonly settle: (jobId: string) => Promise<void>;
  /** What goes on beside the jobs in mode `loop`, until the signal; never rejects. */
  readonly beside?: (signal: AbortSignal) => Promise<void>;
  /** Sends callbacks; `null` where nothing can sign them. */
  readonly deliverer: Deliverer | null;
  /** Decides what comes of events of the forge; `null` where there is none. */
  readonly dispatcher: Dispatcher | null;
}

function summaryOf(
  { started, completed, failed, skipped }: Readonly<Counts>,
  enabled: boolean,
): WorkerSummary {
  return {
    enabled,
    tasks_started: started,
    tasks_completed: completed,
    tasks_failed: failed,
    tasks_skipped: skipped,
    timestamp: new Date().toISOString(),
  };
}

/** How often jobs of dead processes are looked for, in milliseconds. */
const RECONCILE_MS = 5000;

/** Frees the jobs of processes of this machine that died, instead of waiting for their leases to end. */
export async function reconcile({ store, settle }: Pick<WorkerParts, 'store' | 'settle'>): Promise<number> {
  let freed = 0;
  for (const lease of await store.listHeld()) {
    if (!(await isDead(lease.owner))) continue;
    const job = await store.getJob(lease.job_id);
    if (job !== null && isTerminal(job.status)) await settle(lease.job_id);
    else await store.releaseLease(lease);
    freed++;
  }
  return freed;
}

/** What a worker knows from round to round. */
interface Rounds {
  readonly owner: string;
  reconciledMs: number;
  hindrance: string | null;
  /** When the last round began, by the wall clock, in milliseconds. */
  begunMs: number;
  /** Before that, by the clock of this process, nothing is claimed. */
  claimFromMs: number;
}

/**
 * Whether time was lost since the last round: the machine slept, this process was stopped, the clock was set forward.
 * Then leases have ended of jobs whose processes live, this one's own among them, and they get the time to renew them.
 */
function hasStoodStill(rounds: Rounds, pollMs: number): boolean {
  const nowMs = Date.now();
  if (nowMs - rounds.begunMs > pollMs + LEASE_MS / 3) rounds.claimFromMs = performance.now() + LEASE_MS / 2;
  rounds.begunMs = nowMs;
  return performance.now() < rounds.claimFromMs;
}

/** Claims as many jobs as there is room for. @returns why none may be claimed, or `null` */
async function fill(
  parts: WorkerParts,
  options: WorkerOptions,
  crew: Crew,
  rounds: Rounds,
): Promise<string | null> {
  const { store } = parts;
  const { owner } = rounds;
  const stoodStill = hasStoodStill(rounds, options.pollMs);
  const hindrance = (await store.isPaused()) ? 'paused' : await options.hindrance();
  if (hindrance !== null) return hindrance;
  if (stoodStill) return 'time was lost; who holds a job may renew its lease first';
  while (crew.free() > 0 && !options.stop.aborted) {
    const { perRepo } = options;
    const withoutRuns = !crew.hasRoomForRuns();
    const claim = { owner, leaseMs: LEASE_MS, now: new Date(), perRepo, withoutRuns };
    const claimed = await store.claimNext(claim);
    if (claimed === null) break;
    crew.start(claimed);
  }
  return null;
}

/** A round of the loop; an error of the store is logged, and the next round tries again. */
async function round(parts: WorkerParts, options: WorkerOptions, crew: Crew, state: Rounds): Promise<void> {
  try {
    if (performance.now() - state.reconciledMs >= RECONCILE_MS) {
      state.reconciledMs = performance.now();
      const freed = await reconcile(parts);
      if (freed > 0) options.log.info('jobs of dead processes freed', { count: freed });
    }
    const hindrance = await fill(parts, options, crew, state);
    if (hindrance !== state.hindrance) {
      options.log.info(hindrance === null ? 'claiming again' : 'not claiming', { why: hindrance });
      state.hindrance = hindrance;
    }
  } catch (error) {
    if (options.mode === 'once') throw error;
    options.log.error('the queue could not be read', { message: errorInfoOf(error).message });
  }
}

/** Lets running jobs end, and hands back those that take longer than they may. */
async function drain(options: WorkerOptions, crew: Crew): Promise<void> {
  crew.drain();
  if (crew.size() === 0) return;
  options.log.info('draining', { jobs: crew.size(), at_most_ms: options.drainMs });
  const timer = setTimeout(() => crew.handBack(), options.drainMs);
  await crew.idle();
  clearTimeout(timer);
}

/**
 * Works until told to stop (`loop`), or until nothing is left that may be taken (`once`).
 *
 * @throws JobError `infra_failed` when the queue can't be read at the start, or ever in mode `once`
 */
export async function work(parts: WorkerParts, options: WorkerOptions): Promise<WorkerSummary> {
  const alarm = createAlarm();
  const crew = createCrew(parts, options, () => alarm.ring());
  const off = parts.bell.on('queue', () => alarm.ring());
  const onStop = (): void => alarm.ring();
  options.stop.addEventListener('abort', onStop);
  const state: Rounds = {
    owner: await ownName(),
    reconciledMs: -RECONCILE_MS,
    hindrance: null,
    begunMs: Date.now(),
    claimFromMs: 0,
  };
  const gone = new AbortController();
  // Tries go on while jobs are drained: their ends are told as well.
  const delivering = options.mode === 'loop' ? parts.deliverer?.run(gone.signal) : undefined;
  const beside = options.mode === 'loop' ? parts.beside?.(gone.signal) : undefined;
  const dispatchingEnds = AbortSignal.any([options.stop, gone.signal]);
  const dispatching = options.mode === 'loop' ? parts.dispatcher?.run(dispatchingEnds) : undefined;
  try {
    if (options.mode === 'once') await parts.dispatcher?.round();
    while (!options.stop.aborted) {
      await round(parts, options, crew, state);
      if (options.mode === 'once' && (crew.size() === 0 || crew.isStuck())) break;
      await alarm.wait(options.pollMs);
    }
    await drain(options, crew);
    await parts.deliverer?.sendDue().catch((error: unknown) => {
      // The jobs have ended, and another worker sends what is left.
      options.log.error('the last callbacks could not be sent', { error });
    });
  } finally {
    // Where the queue can't be read any more, jobs in work go to whoever can.
    if (crew.size() > 0) crew.handBack();
    await crew.idle();
    gone.abort();
    await Promise.all([delivering, beside, dispatching]);
    off();
    options.stop.removeEventListener('abort', onStop);
  }
  return summaryOf(crew.counts, true);
}

/** The summary of a worker that is switched off. */
export function disabledSummary(): WorkerSummary {
  return summaryOf(NOTHING, false);
}
