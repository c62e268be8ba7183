/** The Steps of a job over the rooms. Each is durable through the engine; what they share is found again on replay. */
import { OUTCOMES, type JobStatus } from '../../job/status.ts';
import type { Answered, Prepared, Proposed, Saved, StepResult, Steps, Verified, Built } from '../../job/step.ts';
import type { JobResult } from '../../job/result.ts';
import { errorInfoOf, JobError } from '../../job/error.ts';
import { commitTree } from '../../workspace/change.ts';
import { saveCommit, wipRef } from '../../workspace/remote/saved.ts';
import { build } from './build.ts';
import { changeCommit } from './commit.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { Engine } from '../engine/engine.ts';
import type { HeldLease } from '../engine/lease.ts';
import { reopenBench, type Bench } from '../place.ts';
import { prepare } from './prepare.ts';
import { propose } from './propose.ts';
import { baseSide, gateFingerprint, verify } from './verify.ts';

/** The Steps of one job, and what its engine needs of them. */
export interface JobSteps extends Steps {
  /** Saves the work now, whatever state it is in; `null` when there is none. */
  saveNow(): Promise<string | null>;
  /** Takes over what an earlier process prepared, and saves its work, before its steps are forgotten. */
  rescue(prepared: PreparedDetail): Promise<void>;
  /** Whether the last `save` succeeded: only then may the working copy be removed. */
  isSaved(): boolean;
  /** Stops what runs in the background. */
  stop(): Promise<void>;
}

interface StepsOptions {
  readonly context: JobContext;
  readonly engine: Engine;
  readonly lease: HeldLease;
  /** Parks the job until a person answers; the promise it returns never resolves in this process. */
  readonly park: (question: string) => Promise<never>;
}

/** What is known of a job in this process, filled by steps and by their replayed results alike. */
interface Memory {
  detail: PreparedDetail | null;
  bench: Bench | null;
  verified: Verified | null;
  built: Built | null;
  gateRuns: number;
  saved: boolean;
}

function createBaseline(context: JobContext): { start(detail: PreparedDetail, bench: Bench): void; stop(): Promise<void> } {
  const stopped = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  return {
    start(detail, bench) {
      const signal = AbortSignal.any([context.signal, stopped.signal]);
      running = (async () => {
        const base = await baseSide(context, detail, bench);
        const logDir = `${context.paths.logs}/baseline`;
        const fingerprint = gateFingerprint(detail, bench);
        await context.baselines.runBaseline({ checks: detail.rules.checks, base, fingerprint, logDir, signal });
        // What fails here fails again, and is reported, when the gate needs the baseline.
      })().catch(() => {});
    },
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

/** Wires the Steps of a job. */
export function createSteps(options: StepsOptions): JobSteps {
  const { context, engine, lease } = options;
  const { job, journal, store } = context;
  const memory: Memory = { detail: null, bench: null, verified: null, built: null, gateRuns: 0, saved: false };
  const baseline = createBaseline(context);
  const never = new AbortController().signal;

  const ready = async (): Promise<{ detail: PreparedDetail; bench: Bench }> => {
    const { detail } = memory;
    if (detail === null) throw new JobError('bug', 'a step was reached before prepare');
    if (memory.bench === null) {
      memory.bench = await reopenBench(context, detail.remote.url, detail.base_sha);
      if (memory.verified === null) baseline.start(detail, memory.bench);
    }
    return { detail, bench: memory.bench };
  };

  const saveNow = async (): Promise<string | null> => {
    if (memory.detail === null) return null;
    const { detail, bench } = await ready();
    const tree = await bench.copy.snapshot();
    const baseTree = (await context.git(bench.copy.target, ['rev-parse', `${detail.base_sha}^{tree}`])).text;
    if (tree === baseTree) return null;
    const ref = wipRef(job.job_id);
    const commit = await commitTree(context.git, bench.copy.target, tree, detail.base_sha, 'refs/agent-runner/wip', changeCommit(context));
    await saveCommit(context.git, context.layout.repo(detail.remote.url), context.paths.git, commit, ref);
    return ref;
  };

  return {
    async prepare(): Promise<StepResult<Prepared>> {
      const result = await engine.step<PreparedDetail>('prepare', 'prepare', async () => {
        const { bench, ...detail } = await prepare(context);
        memory.bench = bench;
        return detail;
      });
      if (result.ok) {
        memory.detail = result;
        if (memory.bench !== null) baseline.start(result, memory.bench);
      }
      return result;
    },
    async build(input): Promise<StepResult<Built>> {
      const result = await engine.step<Built>('build', 'build', async (step) => {
        const { detail, bench } = await ready();
        const { built, verified } = memory;
        const known = { failure: verified?.failure ?? '', summary: built?.summary ?? null, sessionId: built?.session_id ?? null };
        return build(context, detail, bench, input, known, step);
      });
      if (result.ok) memory.built = result;
      return result;
    },
    async message({ question }): Promise<StepResult<Answered>> {
      return engine.step<Answered>('message', 'build', async (step) => {
        const answer = await store.takeMessage(lease.current(), step.key);
        return answer === null ? options.park(question) : { answer };
      }, { durability: 'full' });
    },
    async verify(): Promise<StepResult<Verified>> {
      memory.gateRuns++;
      const result = await engine.step<Verified>('verify', 'verify', async () => {
        const { detail, bench } = await ready();
        return verify(context, detail, bench, memory.gateRuns);
      });
      if (result.ok) memory.verified = result;
      return result;
    },
    async propose(input): Promise<StepResult<Proposed>> {
      return engine.step<Proposed>('propose', 'propose', async (step) => {
        const { detail, bench } = await ready();
        const { verified } = memory;
        if (verified === null) throw new JobError('bug', 'propose was reached before verify');
        return propose(context, detail, bench, verified, input, memory.built?.summary ?? '', step);
      }, { durability: 'full' });
    },
    async save(): Promise<StepResult<Saved>> {
      await baseline.stop();
      const run = async (): Promise<Saved> => ({ wip_ref: await saveNow() });
      const startedAt = new Date().toISOString();
      try {
        const result = await engine.step<Saved>('save', 'notify', run, { durability: 'full', signal: never });
        memory.saved = result.ok;
        return result;
      } catch (thrown) {
        // The job still ends: with its outcome, and with the place where its work lies unsaved.
        const why = errorInfoOf(thrown);
        const hint = `the working copy is kept at ${context.paths.tree}`;
        const error = { ...why, message: `the work could not be saved: ${why.message}`, hint };
        journal.emit('error', 'notify', { message: error.message, hint });
        return { ok: false, error, started_at: startedAt, ended_at: new Date().toISOString(), usage: null };
      }
    },
    async notify(result): Promise<void> {
      await journal.flush();
      await finish(options, result);
    },
    saveNow,
    async rescue(prepared) {
      memory.detail = prepared;
      memory.bench = await reopenBench(context, prepared.remote.url, prepared.base_sha);
      await saveNow();
      memory.detail = null;
      memory.bench = null;
    },
    isSaved: () => memory.saved,
    stop: () => baseline.stop(),
  };
}

async function finish({ context, engine, lease }: StepsOptions, result: JobResult): Promise<void> {
  const { job, journal, store } = context;
  const { outcome } = result;
  if (outcome === null) throw new JobError('bug', 'a job ended without an outcome');
  const status: JobStatus = OUTCOMES[outcome].status;
  const final: JobResult = { ...result, resumed_from_checkpoint: engine.replayed() };
  await store.updateJob(lease.current(), { status, outcome, result: final, finished_at: result.finished_at, question: null });
  journal.emit('status', 'notify', { status, outcome, job_id: job.job_id });
  await journal.flush();
}

