/**
 * The local engine: makes the procedure durable. A step's result is stored before the next step begins; after
 * a crash the procedure is replayed and finished steps return what they returned before. A step that throws
 * for reasons of infrastructure is tried again here, so that the procedure only sees the last throw.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cancelled, errorInfoOf, JobError, toErrorInfo } from '../../job/error.ts';
import { PROCEDURE_VERSION } from '../../job/job.ts';
import { durationMs, type Phase, type StepResult, type StepTimes, type Usage } from '../../job/step.ts';
import type { Durability, Store } from '../../store/store.ts';
import type { Journal } from './journal.ts';
import type { HeldLease } from './lease.ts';

/** What a step sees of its own past. */
export interface StepContext {
  readonly key: string;
  /** How often the step was begun, this time included. */
  readonly tries: number;
  /** What earlier tries noted before their effects. */
  readonly notes: Readonly<Record<string, unknown>>;
  /** Stores a note; resolves when it is as durable as asked. */
  note(note: Readonly<Record<string, unknown>>, durability: Durability): Promise<void>;
  readonly signal: AbortSignal;
}

/** A step's value, with what it spent where it spent anything. */
export type StepValue<T> = T & { readonly usage?: Usage | null };

/** How infrastructure failures are tried again. */
export interface RetryPolicy {
  readonly attempts: number;
  /** First wait in milliseconds; it doubles with every attempt. */
  readonly baseMs: number;
}

/** Runs steps durably. */
export interface Engine {
  step<T extends object>(
    name: string,
    phase: Phase,
    run: (context: StepContext) => Promise<StepValue<T>>,
    options?: {
      readonly durability?: Durability;
      readonly signal?: AbortSignal;
      /** Waits for others: begun again by every process that takes the job on, and no sign of one that kills them. */
      readonly isWait?: boolean;
    },
  ): Promise<StepResult<T>>;
  /** Whether a stored result stood in for a step: the job was resumed. */
  readonly replayed: () => boolean;
}

interface EngineOptions {
  readonly store: Store;
  readonly lease: HeldLease;
  readonly journal: Journal;
  readonly retry: RetryPolicy;
  readonly signal: AbortSignal;
  /** Called when an attempt failed and another will follow, and when that one begins. */
  readonly onRetry: (state: 'waiting' | 'again', attempt: number) => Promise<void>;
}

/** A `JobError` is the step's answer, unless it is ours or the machine's fault. */
function isAnswer(thrown: unknown): thrown is JobError {
  return (
    thrown instanceof JobError &&
    thrown.code !== 'infra_failed' &&
    thrown.code !== 'bug' &&
    thrown.code !== 'conflict'
  );
}

/** Whether trying again can help: not where a person must act first (there is a hint), nor where we are wrong. */
function isTransient(thrown: unknown): boolean {
  if (thrown instanceof Cancelled || thrown instanceof TypeError || thrown instanceof ReferenceError)
    return false;
  return !(thrown instanceof JobError) || (thrown.code !== 'bug' && thrown.hint === null);
}

/**
 * Waits before attempt `n + 1`: base · 2ⁿ⁻¹ with up to a quarter of jitter, so that many jobs do not return at once.
 *
 * @throws `Cancelled` when `signal` is aborted
 */
export async function backOff(retry: RetryPolicy, attempt: number, signal: AbortSignal): Promise<void> {
  const waitMs = retry.baseMs * 2 ** (attempt - 1) * (1 + Math.random() / 4);
  await sleep(waitMs, undefined, { signal }).catch(() => {
    throw new Cancelled();
  });
}

/** Runs a step's body once and turns how it ended into a result. Only cancelled and infrastructure throw. */
async function runBody<T extends object>(
  run: (context: StepContext) => Promise<StepValue<T>>,
  context: StepContext,
): Promise<StepResult<T>> {
  const startedAt = new Date().toISOString();
  const times = (usage: Usage | null): StepTimes => {
    return { started_at: startedAt, ended_at: new Date().toISOString(), usage };
  };
  try {
    const { usage = null, ...value } = await run(context);
    return { ok: true, ...(value as unknown as T), ...times(usage) };
  } catch (thrown) {
    if (context.signal.aborted && !(thrown instanceof Cancelled)) throw new Cancelled();
    if (!isAnswer(thrown)) throw thrown;
    const usage = 'usage' in thrown ? (thrown.usage as Usage | null) : null;
    return { ok: false, error: toErrorInfo(thrown), ...times(usage) };
  }
}

/**
 * Times that a step is begun at most, over all attempts and processes: a job that kills its worker each time must
 * not kill them for ever.
 */
const MAX_TRIES = 30;

function triedTooOften(key: string, tries: number): JobError {
  return new JobError('infra_failed', `step ${key} was begun ${tries - 1} times and never ended`, {
    hint: 'look for what kills the runner at this step (memory, disk) before the job is tried again',
  });
}

function endOf(key: string, result: StepResult<object>): Record<string, unknown> {
  const failure = result.ok ? {} : { code: result.error.code, message: result.error.message };
  return { step: key, state: result.ok ? 'done' : 'failed', ...failure, duration_ms: durationMs(result) };
}

/** Makes the engine of one job. */
export function createEngine(options: EngineOptions): Engine {
  const { store, lease, journal, retry } = options;
  const occurrences = new Map<string, number>();
  let replayed = false;
  let failures = 0;

  /** One try at a step: its stored result, or its body's, stored before it is returned. */
  const attempt = async <T extends object>(
    step: {
      readonly key: string;
      readonly phase: Phase;
      readonly durability: Durability;
      readonly signal: AbortSignal;
      readonly isWait: boolean;
    },
    run: (context: StepContext) => Promise<StepValue<T>>,
  ): Promise<StepResult<T>> => {
    const { key, phase, signal, isWait } = step;
    const begun = await store.beginStep(lease.current(), key, PROCEDURE_VERSION);
    if (begun.result === null && begun.tries > MAX_TRIES && !isWait) throw triedTooOften(key, begun.tries);
    if (begun.result !== null) {
      replayed = true;
      journal.emit('phase', phase, { step: key, state: 'replayed' });
      // Only this engine writes step results, and only under the same procedure version.
      return begun.result as StepResult<T>;
    }
    journal.emit('phase', phase, { step: key, state: 'started', try: begun.tries });
    const note: StepContext['note'] = (what, durability) =>
      store.noteStep(lease.current(), key, what, durability);
    const result = await runBody(run, { key, tries: begun.tries, notes: begun.note, note, signal });
    await store.finishStep(lease.current(), key, result, step.durability);
    journal.emit('phase', phase, endOf(key, result));
    await journal.flush();
    return result;
  };

  /** Waits before another try, or throws what can't be helped by one. */
  const beforeNextTry = async (
    thrown: unknown,
    key: string,
    phase: Phase,
    signal: AbortSignal,
  ): Promise<void> => {
    failures++;
    if (!isTransient(thrown) || lease.lost.aborted || failures >= retry.attempts) throw thrown;
    journal.emit('error', phase, { step: key, message: errorInfoOf(thrown).message, attempt: failures });
    await options.onRetry('waiting', failures);
    await backOff(retry, failures, signal);
    await options.onRetry('again', failures + 1);
  };

  return {
    replayed: () => replayed,
    async step(name, phase, run, { durability = 'normal', signal = options.signal, isWait = false } = {}) {
      const count = (occurrences.get(name) ?? 0) + 1;
      occurrences.set(name, count);
      const key = `${name}-${count}`;
      // Bounded by `retry.attempts`: `beforeNextTry` throws when they are used up.
      for (;;) {
        if (signal.aborted) throw new Cancelled();
        if (lease.lost.aborted) throw lease.lost.reason;
        try {
          return await attempt({ key, phase, durability, signal, isWait }, run);
        } catch (thrown) {
          await beforeNextTry(thrown, key, phase, signal);
        }
      }
    },
  };
}
