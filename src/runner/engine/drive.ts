/** Opens a job, and takes it to its end: its lease, its journal, its engine, and the procedure over its steps. */
import { JobError, Cancelled } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { runJob } from '../../job/procedure.ts';
import type { JobResult } from '../../job/result.ts';
import type { Lease } from '../../store/store.ts';
import type { JobContext, RunnerParts } from '../context.ts';
import type { EndWatch } from '../pipeline/walk/watch.ts';
import type { CancelWatch } from '../queue/cancel.ts';
import { endUnopened, openPatiently } from '../queue/unopened.ts';
import type { RunEnd, Runner, RunOptions } from '../runner.ts';
import { keptFor } from '../session/home.ts';
import type { JobSteps } from '../steps/steps.ts';
import { createEngine } from './engine.ts';
import { createJournal, type Journal } from './journal.ts';
import { letGo, takeLease, type HeldLease } from './lease.ts';
import { restartIfOther } from './restart.ts';
import { tidyJob } from './settle.ts';
import { contextOf, maskOf } from './wire.ts';

/** What a run of a pipeline needs to start jobs and to wait for them. */
export interface Walk {
  readonly runner: Pick<Runner, 'run' | 'cancel'>;
  readonly watch: EndWatch;
}

/** Everything one run of one job needs, and how it is put away again. */
export interface Opened {
  readonly context: JobContext;
  readonly lease: HeldLease;
  readonly journal: Journal;
  readonly cancelled: CancelWatch;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Opens a job, or ends it where it can't be opened and nobody is there who could mend what is missing. */
export async function openJob(
  parts: RunnerParts,
  job: Job,
  claimed: Lease | undefined,
  options: RunOptions,
): Promise<Opened | Job> {
  const { store, cancels, config } = parts;
  const lease = await takeLease(store, job.job_id, { claimed, handBack: options.handBack });
  const { sealed_token: sealed } = job.request;
  const token = sealed == null ? undefined : await parts.seals.open(job.job_id, sealed).catch(asError);
  const own = typeof token === 'string' ? token : undefined;
  const mask = maskOf(parts, own);
  const show = options.onEvent ?? ((): void => {});
  const journal = createJournal(store, job.job_id, { attempt: job.attempt, mask, show });
  const cancelled = await cancels.watch(job.job_id);
  const signal = AbortSignal.any([options.signal, lease.lost, cancelled.signal]);
  const open = async (): Promise<Opened> => {
    if (token instanceof Error) throw token;
    const models = await parts.models.open(job, journal);
    const context = await contextOf(parts, job, { journal, mask, signal, models }, own);
    return { context, lease, journal, cancelled };
  };
  const isWatched = options.lease === undefined;
  try {
    return isWatched ? await open() : await openPatiently(open, config.retry, signal);
  } catch (error) {
    cancelled.stop();
    try {
      if (isWatched && !signal.aborted) throw error;
      const why = signal.aborted ? new Cancelled() : error;
      const ended = await endUnopened({ store, lease, journal, mask }, job, why);
      await lease.release();
      return ended;
    } catch (thrown) {
      await letGo(lease, !isWatched);
      throw thrown;
    }
  }
}

/** Drives an opened job to its end, and lets go of it whatever happens: a claim that is kept is renewed for ever. */
export async function drive(
  parts: RunnerParts,
  opened: Opened,
  options: RunOptions,
  walk: Walk,
): Promise<RunEnd> {
  const { lease } = opened;
  try {
    const end = await driveHeld(parts, opened, options, walk);
    await lease.release();
    return end;
  } catch (error) {
    await letGo(lease, options.lease !== undefined);
    throw error;
  } finally {
    opened.cancelled.stop();
  }
}

async function driveHeld(
  parts: RunnerParts,
  opened: Opened,
  options: RunOptions,
  walk: Walk,
): Promise<RunEnd> {
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
  const lack = parts.callbacks.lack(job);
  if (lack !== null) journal.emit('error', null, { message: lack });

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
  // Loaded with the first job: gate, guard and prompts are a third of all code, and an idle server needs none of it.
  const { createSteps } = await import('../steps/steps.ts');
  const jobSteps = createSteps({ context: { ...context, job: running }, engine, lease, park });
  steps = jobSteps;
  const ended = async (): Promise<RunEnd> => {
    await restartIfOther(store, opened, jobSteps);
    if (job.request.pipeline === undefined) await runJob(running, jobSteps);
    else {
      const [{ runPipeline }, { createRunSteps }, { createPlaces }] = await Promise.all([
        import('../../job/pipeline/procedure.ts'),
        import('../pipeline/walk/run-steps.ts'),
        import('../pipeline/walk/children.ts'),
      ]);
      const of = { ...walk, parts, job, context, engine, lease, jobSteps, park };
      const place = options.place ?? null;
      const places = place === null ? createPlaces(config.worker.concurrency) : null;
      await runPipeline(running, createRunSteps({ ...of, place, places }));
    }
    const stored = await store.getJob(job.job_id);
    if (stored?.result == null) throw new JobError('bug', `job ${job.job_id} ended without a stored result`);
    if (jobSteps.isSaved()) await tidyJob(context.paths, sessionFolder(parts, job, stored.result));
    return { kind: 'ended', result: stored.result, savedIn: savedIn(parts, job, stored.result) };
  };
  try {
    return await Promise.race([ended(), parked.promise]);
  } finally {
    await jobSteps.stop();
  }
}

/** Where what is kept of a job's session lies; `null` where nothing is. */
export function sessionFolder({ layout }: RunnerParts, job: Job, result: JobResult): string | null {
  const session = keptFor(job, result);
  return session === null ? null : layout.session(session);
}

export function savedIn({ layout }: RunnerParts, job: Job, result: JobResult): string | null {
  return result.wip_ref === null ? null : layout.repo(job.request.repo).saved;
}
