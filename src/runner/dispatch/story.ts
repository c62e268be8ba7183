/**
 * The engine of jobs that a workflow executes: fork, dispatch, and then nobody holds the job until its state comes back,
 * by a signed callback or by looking at the run (`end.ts`). Both steps are durable as those of the local engine are.
 */
import { Cancelled, errorInfo, errorInfoOf, JobError, outcomeOf, type ErrorInfo } from '../../job/error.ts';
import { PROCEDURE_VERSION, type Job } from '../../job/job.ts';
import type { Lease } from '../../store/store.ts';
import type { RunnerParts } from '../context.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import { createJournal, type Journal } from '../engine/journal.ts';
import { letGo, takeLease, type HeldLease } from '../engine/lease.ts';
import { endJob } from '../engine/settle.ts';
import { maskOf } from '../engine/wire.ts';
import type { RunEnd, RunOptions } from '../runner.ts';
import { resultElsewhere } from './end.ts';
import {
  callbackUrlOf,
  inputsOf,
  parseAsked,
  runsOf,
  whereIs,
  type Dispatched,
  type Forked,
} from './workflow.ts';

/** Longest time for stopping a run whose job was cancelled. */
const STOP_TIMEOUT_MS = 60_000;

/** One job in the hands of this process. */
interface Held {
  readonly parts: RunnerParts;
  readonly job: Job;
  readonly lease: HeldLease;
  readonly journal: Journal;
  readonly mask: (text: string) => string;
  readonly signal: AbortSignal;
}

function takeFork(
  { parts, job, journal, signal }: Held,
  engine: Engine,
): ReturnType<typeof engine.step<Forked>> {
  const run = async (): Promise<Forked> => {
    const remote = await parts.forge.resolve(job.request.repo);
    const onNotice = (notice: string): void => journal.emit('message', 'prepare', { notice });
    const { open } = parts.forge.access(remote, { jobId: job.job_id, signal, onNotice });
    if (open === undefined || remote.name === undefined) {
      throw new JobError('bad_configuration', `repo: nobody is configured to fork ${remote.display}`, {
        hint: 'set BOT_TOKEN to the token of an account there',
      });
    }
    const { fork } = await open(job.request.fork ?? 'auto');
    return { upstream: remote.name, fork: fork ?? remote.name };
  };
  return engine.step('fork', 'prepare', run, { durability: 'full' });
}

function takeDispatch(
  { parts, job, journal, signal, mask }: Held,
  engine: Engine,
  forked: Forked,
): ReturnType<typeof engine.step<Dispatched>> {
  const { elsewhere } = parts.config;
  const { runnerRepo } = elsewhere;
  return engine.step(
    'dispatch',
    'prepare',
    async (step) => {
      const before = parseAsked(step.notes);
      if (runnerRepo === null && before === null) {
        throw new JobError('bad_configuration', 'runner_repo: it is not set', {
          hint: 'set RUNNER_REPO to owner/name of the repository that has the workflow',
        });
      }
      const callbackUrl = callbackUrlOf(parts);
      // What was asked for before is looked for where it was asked for, whatever is configured by now.
      const asked = before ?? {
        runner_repo: runnerRepo ?? '',
        workflow: elsewhere.workflow,
        asked_at: new Date().toISOString(),
        calls_back: callbackUrl !== null,
      };
      const onNotice = (notice: string): void => journal.emit('message', 'prepare', { notice });
      const workflows = await runsOf(parts, asked, { jobId: job.job_id, signal, onNotice });
      const run = await workflows.dispatch({
        jobId: job.job_id,
        ref: elsewhere.ref,
        inputs: inputsOf(job, forked, callbackUrl, mask),
        askedAt: before?.asked_at ?? null,
        onAsk: () => step.note({ ...asked }, 'full'),
      });
      return { ...asked, run_id: run?.id ?? null, run_url: run?.url ?? null };
    },
    { durability: 'full' },
  );
}

/** Ends a job that no callback has ended. */
async function end(held: Held, error: ErrorInfo, notices: readonly string[]): Promise<RunEnd> {
  const { parts, lease, journal, mask } = held;
  const { store } = parts;
  const { job_id: jobId } = held.job;
  const job = (await store.getJob(jobId)) ?? held.job;
  const masked = { ...error, message: mask(error.message) };
  const at = await whereIs(store, jobId);
  const result = resultElsewhere(job, at, { outcome: outcomeOf(error.code), error: masked, notices }, null);
  journal.emit('error', null, { message: masked.message, hint: masked.hint });
  // By it whoever comes after a death here knows that the end is to be told.
  await store.beginStep(lease.current(), 'save-1', PROCEDURE_VERSION);
  await endJob({ store, lease, journal, mask }, job, result);
  return { kind: 'ended', result, savedIn: null };
}

/** Stops the run of a job that was cancelled. @returns what a person should know of that */
async function stopRun({ parts, job, lease }: Held): Promise<readonly string[]> {
  const { dispatched } = await whereIs(parts.store, job.job_id);
  if (dispatched === null) return [];
  // The job's own signal is aborted: that is why we are here.
  const signal = AbortSignal.any([AbortSignal.timeout(STOP_TIMEOUT_MS), lease.lost]);
  try {
    const workflows = await runsOf(parts, dispatched, { jobId: job.job_id, signal });
    const id = dispatched.run_id ?? (await workflows.find(job.job_id, dispatched.asked_at))?.id;
    if (id !== undefined) await workflows.cancel(id);
    return [];
  } catch (error) {
    const where = dispatched.run_url ?? `a run of ${dispatched.workflow} in ${dispatched.runner_repo}`;
    return [`${where} could not be stopped, and may go on: ${errorInfoOf(error).message}`];
  }
}

/** Fork and dispatch. @returns why the job ends, or `null` where a run has it */
async function begin(held: Held): Promise<ErrorInfo | null> {
  const { parts, job, lease, journal, signal } = held;
  const { store, config } = parts;
  const forking = async (attempt?: number): Promise<void> => {
    await store.updateJob(lease.current(), {
      status: 'forking',
      ...(attempt === undefined ? {} : { attempt }),
    });
  };
  const engine = createEngine({
    store,
    lease,
    journal,
    retry: config.retry,
    signal,
    onRetry: async (state, attempt) => {
      if (state === 'again') await forking(attempt);
      else await store.updateJob(lease.current(), { status: 'retrying', attempt });
    },
  });
  await store.updateJob(lease.current(), {
    status: 'forking',
    started_at: job.started_at ?? new Date().toISOString(),
  });
  journal.emit('status', null, { status: 'forking' });
  const lack = parts.callbacks.lack(job);
  if (lack !== null) journal.emit('error', null, { message: lack });
  const forked = await takeFork(held, engine);
  if (!forked.ok) return forked.error;
  const dispatched = await takeDispatch(held, engine, forked);
  if (!dispatched.ok) return dispatched.error;
  const { runner_repo, run_id, run_url } = dispatched;
  journal.emit('status', null, { status: 'triggered', runner_repo, run_id, run_url, fork_repo: forked.fork });
  await journal.flush();
  await store.updateJob(lease.current(), { status: 'triggered' });
  return null;
}

async function drive(held: Held): Promise<RunEnd> {
  const { parts, job, signal, lease } = held;
  const triggered = async (): Promise<RunEnd> => {
    return { kind: 'triggered', job: (await parts.store.getJob(job.job_id)) ?? job };
  };
  let thrown: unknown = new Cancelled();
  if (!signal.aborted) {
    // Somebody held it who died, or was late: its run has it.
    if (job.status === 'triggered') return triggered();
    try {
      const error = await begin(held);
      return error === null ? await triggered() : await end(held, error, []);
    } catch (error) {
      thrown = error;
    }
  }
  if (lease.lost.aborted) throw lease.lost.reason;
  if (!signal.aborted) return end(held, errorInfoOf(thrown), []);
  return end(held, errorInfo('cancelled', new Cancelled().message), await stopRun(held));
}

/**
 * Takes a job that a workflow executes on: to its dispatch, or where a person cancels it to its end.
 *
 * @param claimed the claim on it, where there is one
 * @throws JobError `conflict` when somebody else has it
 */
export async function runElsewhere(
  parts: RunnerParts,
  found: Job,
  claimed: Lease | undefined,
  options: RunOptions,
): Promise<RunEnd> {
  const { store, cancels } = parts;
  const { job_id: jobId } = found;
  const lease = await takeLease(store, jobId, { claimed, handBack: options.handBack });
  // Read again: whoever had it may have taken it further since.
  const job = (await store.getJob(jobId)) ?? found;
  const mask = maskOf(parts);
  const show = options.onEvent ?? ((): void => {});
  const journal = createJournal(store, jobId, { attempt: job.attempt, mask, show });
  const cancelled = await cancels.watch(jobId);
  const signal = AbortSignal.any([options.signal, lease.lost, cancelled.signal]);
  try {
    const ended: RunEnd | null =
      job.result === null ? null : { kind: 'ended', result: job.result, savedIn: null };
    const end = ended ?? (await drive({ parts, job, lease, journal, mask, signal }));
    await lease.release();
    return end;
  } catch (error) {
    await letGo(lease, options.lease !== undefined);
    throw error;
  } finally {
    cancelled.stop();
  }
}
