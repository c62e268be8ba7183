/**
 * The local engine: makes the procedure durable. A step's result is stored before the next step begins; after
 * a crash the procedure is replayed and finished steps return what they returned before. A step that throws
 * for reasons of infrastructure is tried again here, so that the procedure only sees the last throw.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cancelled, errorInfoOf, JobError, toErrorInfo } from '../../job/error.ts';
import { PROCEDURE_VERSION } from '../../job/job.ts';
import type { Phase, StepResult, Usage } from '../../job/step.ts';
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
    options?: { readonly durability?: Durability; readonly signal?: AbortSignal },
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
  readonly onRetry: (state: 'waiting' | 'again', attempt: number, error: JobError | Error) => Promise<void>;
}

/** A `JobError` is the step's answer, unless it is ours or the machine's fault. */
function isAnswer(thrown: unknown): thrown is JobError {
  return thrown instanceof JobError && thrown.code !== 'infra_failed' && thrown.code !== 'bug' && thrown.code !== 'conflict';
}

/** Whether trying again can help: not where a person must act first (there is a hint), nor where we are wrong. */
function isTransient(thrown: unknown): boolean {
  if (thrown instanceof Cancelled || thrown instanceof TypeError || thrown instanceof ReferenceError) return false;
  return !(thrown instanceof JobError) || (thrown.code !== 'bug' && thrown.hint === null);
}

/** Wait before attempt `n + 1`: base · 2ⁿ⁻¹ with up to a quarter of jitter, so that many jobs do not return at once. */
function backoffMs(retry: RetryPolicy, attempt: number): number {
  return retry.baseMs * 2 ** (attempt - 1) * (1 + Math.random() / 4);
}

/** Makes the engine of one job. */
export function createEngine(options: EngineOptions): Engine {
  const { store, lease, journal, retry } = options;
  const occurrences = new Map<string, number>();
  let replayed = false;
  let failures = 0;

  const attempt = async <T extends object>(
    key: string,
    phase: Phase,
    run: (context: StepContext) => Promise<StepValue<T>>,
    signal: AbortSignal,
  ): Promise<{ readonly result: StepResult<T>; readonly stored: boolean }> => {
    const begun = await store.beginStep(lease.current(), key, PROCEDURE_VERSION);
    if (begun.result !== null) {
      replayed = true;
      journal.emit('phase', phase, { step: key, state: 'replayed' });
      // Only this engine writes step results, and only under the same procedure version.
      return { result: begun.result as StepResult<T>, stored: true };
    }
    const startedAt = new Date().toISOString();
    journal.emit('phase', phase, { step: key, state: 'started', try: begun.tries });
    const context: StepContext = {
      key,
      tries: begun.tries,
      notes: begun.note,
      note: (note, durability) => store.noteStep(lease.current(), key, note, durability),
      signal,
    };
    try {
      const { usage = null, ...value } = await run(context);
      const times = { started_at: startedAt, ended_at: new Date().toISOString(), usage };
      return { result: { ok: true, ...(value as unknown as T), ...times }, stored: false };
    } catch (thrown) {
      if (signal.aborted && !(thrown instanceof Cancelled)) throw new Cancelled();
      if (!isAnswer(thrown)) throw thrown;
      const usage = 'usage' in thrown ? (thrown.usage as Usage | null) : null;
      const times = { started_at: startedAt, ended_at: new Date().toISOString(), usage };
      return { result: { ok: false, error: toErrorInfo(thrown), ...times }, stored: false };
    }
  };

  return {
    replayed: () => replayed,
    async step(name, phase, run, { durability = 'normal', signal = options.signal } = {}) {
      const count = (occurrences.get(name) ?? 0) + 1;
      occurrences.set(name, count);
      const key = `${name}-${count}`;
      for (;;) {
        if (signal.aborted) throw new Cancelled();
        if (lease.lost.aborted) throw lease.lost.reason;
        try {
          const { result, stored } = await attempt(key, phase, run, signal);
          if (stored) return result;
          await store.finishStep(lease.current(), key, result, durability);
          journal.emit('phase', phase, {
            step: key,
            state: result.ok ? 'done' : 'failed',
            ...(result.ok ? {} : { code: result.error.code, message: result.error.message }),
            duration_ms: Date.parse(result.ended_at) - Date.parse(result.started_at),
          });
          await journal.flush();
          return result;
        } catch (thrown) {
          failures++;
          const error = thrown instanceof Error ? thrown : new Error(errorInfoOf(thrown).message);
          if (!isTransient(thrown) || lease.lost.aborted || failures >= retry.attempts) throw thrown;
          journal.emit('error', phase, { step: key, message: error.message, attempt: failures });
          await options.onRetry('waiting', failures, error);
          await sleep(backoffMs(retry, failures), undefined, { signal }).catch(() => {
            throw new Cancelled();
          });
          await options.onRetry('again', failures + 1, error);
        }
      }
    },
  };
}
