/** The Steps of a run over the engine: its jobs, its questions, and the usual steps of a job for its pull request. */
import { setImmediate } from 'node:timers/promises';
import { Cancelled, JobError } from '../../../job/error.ts';
import type { Job } from '../../../job/job.ts';
import type {
  ApprovalDecision,
  Assembled,
  Begun,
  ChildEnd,
  ChildInput,
  RunSteps,
  StepEnd,
} from '../../../job/pipeline/run.ts';
import type { Saved, StepResult } from '../../../job/step.ts';
import type { Engine, StepContext } from '../../engine/engine.ts';
import type { HeldLease } from '../../engine/lease.ts';
import type { JobContext, RunnerParts } from '../../context.ts';
import type { Runner } from '../../runner.ts';
import type { JobSteps } from '../../steps/steps.ts';
import { assembleChanges, layAssembled } from '../assemble.ts';
import { createChildren, shareName, type Children, type Places } from './children.ts';
import { childrenOf, keyOf, readRecords } from './records.ts';
import { createShares, type Shares } from './shares.ts';
import { runRequestOf, type Origin } from './step-request.ts';
import { readDone, readEnded, type Done } from './retry.ts';
import type { EndWatch } from './watch.ts';

/** A place among the jobs that a worker works on at once. */
export interface Place {
  /** Gives it to others, while this job waits for them. */
  leave(): void;
  /** Resolves when there is one again, or when `signal` is aborted. */
  enter(signal: AbortSignal): Promise<void>;
}

export interface RunStepsOptions {
  readonly parts: RunnerParts;
  readonly runner: Pick<Runner, 'run' | 'cancel'>;
  readonly watch: EndWatch;
  /** As it was when this process took it on. */
  readonly job: Job;
  readonly context: JobContext;
  readonly engine: Engine;
  readonly lease: HeldLease;
  /** The steps that every job has, for the run's own working copy. */
  readonly jobSteps: JobSteps;
  readonly park: (question: string) => Promise<never>;
  /** `null` where the run was not claimed by a worker. */
  readonly place: Place | null;
  /** Places for the steps' jobs in this process; `null` where workers take them from the queue. */
  readonly places: Places | null;
}

/** What goes on in a run besides waiting for people, and who waits for them. */
interface Activity {
  /** Counts what goes on until it is settled. */
  during<T>(work: Promise<T>): Promise<T>;
  /** Something begins that is no promise yet. @returns what ends it */
  begin(): () => void;
  /** Whether nothing goes on, and nothing is about to. */
  isIdle(): Promise<boolean>;
  /** Called when that may have changed. */
  readonly wakes: Set<() => void>;
  /** All steps have ended: whoever still waits for a person waits for nothing. */
  close(): void;
  readonly isClosed: () => boolean;
}

function createActivity(): Activity {
  let going = 0;
  let closed = false;
  const wakes = new Set<() => void>();
  const tell = (): void => {
    for (const wake of wakes) wake();
  };
  const begin = (): (() => void) => {
    going++;
    return () => {
      going--;
      tell();
    };
  };
  return {
    begin,
    async during(work) {
      const end = begin();
      try {
        return await work;
      } finally {
        end();
      }
    },
    async isIdle() {
      // What ended a moment ago may be about to be followed by something.
      await setImmediate();
      return going === 0;
    },
    wakes,
    isClosed: () => closed,
    close() {
      closed = true;
      tell();
    },
  };
}

/** A run in this process. */
interface Work extends RunStepsOptions {
  /** Whether an earlier process began it. */
  readonly isResumed: boolean;
  readonly shares: Shares;
  readonly children: Children;
  /** What earlier runs did that this one tries again. */
  readonly done: () => Promise<Done>;
  readonly activity: Activity;
  /** Questions that are open, by step. */
  readonly asking: Map<string, string>;
  /** Parks the run once, however many questions are open. */
  readonly parkOnce: (question: string) => Promise<never>;
}

/** One question at a time stands in the job; the first that was asked. */
async function showQuestion({ lease, asking, parts }: Work): Promise<void> {
  const [question = null] = asking.values();
  await parts.store.updateJob(lease.current(), { question });
}

/** Waits until somebody may have decided, or something else of the run has ended. */
async function rest({ watch, job, activity: { wakes } }: Work, signal: AbortSignal): Promise<void> {
  const woken = new AbortController();
  const wake = (): void => woken.abort();
  wakes.add(wake);
  await watch.pause(job.job_id, AbortSignal.any([signal, woken.signal])).catch(() => {});
  wakes.delete(wake);
  if (signal.aborted) throw new Cancelled();
}

async function approve(
  work: Work,
  { step: name, approvers, message }: Parameters<RunSteps['approve']>[0],
): Promise<StepResult<ApprovalDecision>> {
  const { engine, parts, job, context, activity, asking } = work;
  const { store } = parts;
  // Until it is known that nobody has decided, and from then on when somebody has, this is going on: the run is not parked
  // for another question while an answered one is about to let something begin.
  let end: (() => void) | null = activity.begin();
  const asked = engine.step<ApprovalDecision>(
    keyOf('approve', name),
    'build',
    async (step) => {
      const decided = await store.getApproval(job.job_id, name);
      if (decided !== null) return decided;
      if (step.notes['message'] === undefined) await step.note({ approvers, message }, 'normal');
      asking.set(name, message);
      try {
        await showQuestion(work);
        const question = { step: name, state: 'needs_input', question: message, approvers };
        context.journal.emit('status', 'build', { status: 'needs_input', ...question });
        for (;;) {
          const decision = await store.getApproval(job.job_id, name);
          if (decision !== null) {
            end ??= activity.begin();
            return decision;
          }
          end?.();
          end = null;
          const isIdle = await activity.isIdle();
          if (activity.isClosed()) throw new Cancelled();
          if (isIdle) return await work.parkOnce([...asking.values()][0] ?? message);
          await rest(work, step.signal);
        }
      } finally {
        asking.delete(name);
        // A process that no longer has the run has nothing to say about it.
        await showQuestion(work).catch(() => {});
      }
    },
    { durability: 'full', isWait: true },
  );
  try {
    return await asked;
  } finally {
    end?.();
  }
}

/** Ends what still goes on of a run that ends, and saves its work. */
async function save(
  { lease, context, jobSteps, children }: Work,
  input: Parameters<RunSteps['save']>[0],
): Promise<StepResult<Saved>> {
  // Somebody else's run by now: its steps go on for them.
  if (!lease.lost.aborted) {
    const left = await children.end();
    if (left > 0)
      context.journal.emit('error', 'notify', {
        message: `${left} steps of this run were cancelled and have not ended yet`,
      });
  }
  return jobSteps.save(input);
}

const NOTHING_DONE: Done = { steps: new Map(), resolved: [] };

const NOTHING_SPENT: ChildEnd['spent'] = { cost_usd: 0, tokens_in: 0, tokens_out: 0, turns: 0, agent_ms: 0 };

/**
 * How the same conflict was solved in a run that this one tries again; `null` where it was not. The same work brought
 * together is the same commit, so a conflict is known by its own.
 */
async function solvedBefore(
  { done, parts: { store } }: Work,
  { kind, base_sha: base, start }: ChildInput,
): Promise<ChildEnd | null> {
  if (kind !== 'resolve') return null;
  for (const end of (await done()).resolved) {
    const job = await store.getJob(end.job_id);
    const { step } = job?.request ?? {};
    if (step === undefined || end.outcome !== 'proposed') continue;
    if (step.base_sha !== base || step.start !== start) continue;
    // It was paid for in that run.
    return { ...end, spent: NOTHING_SPENT };
  }
  return null;
}

function takeChild(work: Work, input: Parameters<RunSteps['child']>[0]): Promise<StepResult<ChildEnd>> {
  const { engine, activity, shares, children } = work;
  const name = shareName(input);
  shares.announce(name);
  const key = keyOf(input.kind === 'step' ? 'child' : 'resolve', input.name);
  const options = { durability: 'full', isWait: true } as const;
  const run = async (step: StepContext): Promise<ChildEnd> =>
    (await solvedBefore(work, input)) ?? children.run(input, step);
  const running = engine.step<ChildEnd>(key, 'build', run, options);
  const ended = running.then(
    (result) => {
      shares.end(name, result.ok ? result : null);
      return result;
    },
    (error: unknown) => {
      shares.end(name, null);
      throw error;
    },
  );
  return activity.during(ended);
}

function assemble(
  { engine, activity, context, jobSteps }: Work,
  input: Parameters<RunSteps['assemble']>[0],
): Promise<StepResult<Assembled>> {
  // All steps have ended where the whole is brought together.
  if (input.for === null) activity.close();
  const work = engine.step<Assembled>(keyOf('assemble', input.for ?? ''), 'build', async () => {
    const { detail, bench } = await jobSteps.ready();
    return assembleChanges(context, detail, bench, input);
  });
  return activity.during(work);
}

type Laid = Awaited<ReturnType<typeof layAssembled>>;

async function lay(
  { engine, activity, context, jobSteps, place }: Work,
  commit: string,
): Promise<StepResult<Laid>> {
  activity.close();
  await place?.enter(context.signal);
  return engine.step<Laid>('lay', 'build', async () => {
    const { detail, bench } = await jobSteps.ready();
    return layAssembled(context, detail, bench, commit);
  });
}

/** What an earlier process of this run went about. */
async function begun({ parts: { store }, job, isResumed }: Work): Promise<readonly Begun[]> {
  const stored = readRecords(await store.readSteps(job.job_id)).begun;
  const all = new Map(stored.map((one) => [one.name, one]));
  if (!isResumed) return stored;
  // Records that were forgotten, because another version of the procedure wrote them, leave the jobs behind.
  for await (const { request } of childrenOf(store, job.job_id)) {
    const { name } = request.step ?? {};
    if (name !== undefined) all.set(name, { name, results: all.get(name)?.results ?? 0, job: true });
  }
  return [...all.values()];
}

/** Puts together what a run's steps work on. */
function createWork(options: RunStepsOptions, origin: () => Origin | null): Work {
  const { job, lease, parts } = options;
  const { retries } = runRequestOf(job);
  let done: Promise<Done> | null = null;
  const isResumed = job.started_at !== null;
  const shares = createShares(job.request.budget);
  let parked: Promise<never> | null = null;
  const children = createChildren({
    ...options,
    isResumed,
    shares,
    lost: lease.lost,
    origin() {
      const known = origin();
      if (known === null) throw new JobError('bug', 'a step was begun before the run was prepared');
      return known;
    },
  });
  return {
    ...options,
    isResumed,
    shares,
    children,
    activity: createActivity(),
    asking: new Map(),
    done() {
      done ??= retries === null ? Promise.resolve(NOTHING_DONE) : readDone(parts.store, retries);
      return done;
    },
    parkOnce(question) {
      parked ??= options.park(question);
      return parked;
    },
  };
}

/** Wires the Steps of a run. */
export function createRunSteps(options: RunStepsOptions): RunSteps {
  const { context, jobSteps, lease, place } = options;
  let origin: Origin | null = null;
  const work = createWork(options, () => origin);
  const { activity } = work;
  return {
    async prepare() {
      const result = await jobSteps.prepare();
      if (!result.ok) return result;
      origin = { base: result.base, base_sha: result.base_sha };
      // Its steps need places, and it needs none until their work is judged.
      if (!activity.isClosed()) place?.leave();
      return result;
    },
    verify: () => jobSteps.verify(),
    rebase: () => jobSteps.rebase(),
    propose: (input) => jobSteps.propose(input),
    notify: (result) => jobSteps.notify(result),
    save(input) {
      activity.close();
      return save(work, input);
    },
    begun: () => begun(work),
    ended: () => readEnded(work.parts.store, work.job),
    async before(name) {
      return (await work.done()).steps.get(name) ?? null;
    },
    approve: (input) => approve(work, input),
    assemble: (input) => assemble(work, input),
    child: (input) => takeChild(work, input),
    lay: ({ commit }) => lay(work, commit),
    tell(step) {
      // Somebody else's run by now: what this process makes of being cut off is nothing to tell.
      if (!lease.lost.aborted) tell(context, step);
    },
  };
}

/** How a step stands, in the run's log. */
function tell(
  { journal }: JobContext,
  step: StepEnd | { readonly name: string; readonly status: 'running' | 'needs_input' },
): void {
  const { name, status } = step;
  if (!('outcome' in step)) {
    journal.emit('phase', 'build', { step: name, state: status });
    return;
  }
  const { job_id, outcome, reason, error } = step;
  const why = error === null ? {} : { code: error.code, message: error.message };
  journal.emit('phase', 'build', {
    step: name,
    state: 'ended',
    status,
    job_id,
    outcome,
    ...(reason === null ? {} : { reason }),
    ...why,
  });
}
