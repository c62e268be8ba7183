/** Results of the base: computed once, however many ask, and stored where they are reproducible. */
import { createHash } from 'node:crypto';
import { Cancelled } from '../job/error.ts';
import type { Check } from '../job/gate.ts';
import { MAX_ERROR_LINES, MAX_FAILING_TESTS, MAX_FAILURE_CHARS, type Failures } from './failures/failures.ts';
import { CHECK_ENV } from './attempt.ts';
import { MAX_TEST_NAME_CHARS, MAX_TEST_NAMES, type RanTests } from './reports/ran.ts';
import { runSide, type GateSide, type SideOptions, type SideRun } from './side.ts';
import type { SideResult } from './verdict.ts';

/** Where baselines are stored; the runner hands in the store. What comes out is checked before it is believed. */
export interface BaselineCache {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
}

/** What a baseline is asked for. */
export interface BaselineOptions extends Omit<SideOptions, 'name'> {
  readonly checks: readonly Check[];
  readonly base: GateSide;
  /** Everything of machine, dependencies, environment and network that a result depends on. */
  readonly fingerprint: string;
}

/** Version of what is stored; raise it whenever failures are read or normalised differently. */
const STORED_VERSION = 3;
/** Rounds in which a baseline is awaited that somebody else computes, before it is computed here. */
const MAX_ROUNDS = 3;

/** The key of one check's baseline: base tree, command, the builds before it, and the fingerprint. */
export function baselineKey(options: BaselineOptions, check: Check): string {
  const before = options.checks
    .slice(0, options.checks.indexOf(check))
    .filter((other) => other.kind === 'build');
  const parts = [
    'baseline',
    STORED_VERSION,
    CHECK_ENV,
    options.base.tree,
    check.command,
    check.report ?? null,
    before.map((build) => build.command),
    options.fingerprint,
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function toStored(result: SideResult): unknown {
  return {
    version: STORED_VERSION,
    state: result.state,
    exit_code: result.exitCode,
    failures: result.failures,
    ran: result.ran,
  };
}

function names(value: unknown, most: number, maxChars: number): readonly string[] | null {
  if (!Array.isArray(value) || value.length > most) return null;
  return value.every((name): name is string => typeof name === 'string' && name.length <= maxChars)
    ? value
    : null;
}

function countOf(counts: unknown, state: string): number {
  const value = (counts as Readonly<Record<string, unknown>> | null | undefined)?.[state];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : Number.NaN;
}

/** The stored tests of a run; `undefined` when they are not what this version wrote. */
function ranFromStored(value: unknown): RanTests | null | undefined {
  if (value === null) return null;
  if (typeof value !== 'object') return undefined;
  const { source, named, ...lists } = value as Readonly<Record<keyof RanTests, unknown>>;
  if ((source !== 'report' && source !== 'output') || typeof named !== 'boolean') return undefined;
  const read = (list: unknown): readonly string[] | null => names(list, MAX_TEST_NAMES, MAX_TEST_NAME_CHARS);
  const [passed, failed, skipped] = [read(lists.passed), read(lists.failed), read(lists.skipped)];
  const counts = {
    passed: countOf(lists.counts, 'passed'),
    failed: countOf(lists.counts, 'failed'),
    skipped: countOf(lists.counts, 'skipped'),
  };
  if (passed === null || failed === null || skipped === null) return undefined;
  if (Object.values(counts).some((count) => Number.isNaN(count))) return undefined;
  return { source, named, passed, failed, skipped, counts };
}

/** A stored baseline, or `null` when it is not one that this version wrote. */
export function fromStored(value: unknown): SideResult | null {
  if (typeof value !== 'object' || value === null) return null;
  const {
    version,
    state,
    exit_code: exitCode,
    failures,
    ran: stored,
  } = value as Readonly<Record<string, unknown>>;
  if (version !== STORED_VERSION || (state !== 'passed' && state !== 'failed')) return null;
  if (
    typeof exitCode !== 'number' ||
    !Number.isInteger(exitCode) ||
    (exitCode === 0) !== (state === 'passed')
  )
    return null;
  if (typeof failures !== 'object' || failures === null) return null;
  const { tests, errors } = failures as Readonly<Record<keyof Failures, unknown>>;
  const read = {
    tests: names(tests, MAX_FAILING_TESTS, MAX_FAILURE_CHARS),
    errors: names(errors, MAX_ERROR_LINES, MAX_FAILURE_CHARS),
  };
  const ran = ranFromStored(stored);
  if (read.tests === null || read.errors === null || ran === undefined) return null;
  return { state, exitCode, failures: { tests: read.tests, errors: read.errors }, ran, note: null };
}

interface Waiting {
  readonly promise: Promise<SideResult>;
  readonly resolve: (result: SideResult) => void;
  readonly reject: (error: unknown) => void;
}

function createWaiting(): Waiting {
  const { promise, resolve, reject } = Promise.withResolvers<SideResult>();
  // Nobody may be waiting when it is rejected.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw new Cancelled();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new Cancelled());
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Baselines over a store, shared by everybody who asks through it. */
export interface BaselineSource {
  /** The base's result of every check. Throws `Cancelled` when the signal is aborted. */
  results(options: BaselineOptions): Promise<ReadonlyMap<Check, SideResult>>;
}

/** Baselines over `cache`. The same key is computed once, even when it is asked for twice at a time. */
export function createBaselineSource(cache: BaselineCache): BaselineSource {
  const running = new Map<string, Waiting>();

  /** Runs checks that nobody else runs; each is passed on as soon as it is known. */
  async function compute(
    options: BaselineOptions,
    mine: ReadonlyMap<Check, string>,
  ): Promise<ReadonlyMap<Check, SideResult>> {
    const own = new Map([...mine].map(([check, key]) => [check, { key, waiting: createWaiting() }] as const));
    for (const { key, waiting } of own.values()) running.set(key, waiting);
    const found = new Map<Check, SideResult>();
    const stored: Promise<void>[] = [];
    const onRun = (check: Check, run: SideRun): void => {
      found.set(check, run.result);
      const entry = own.get(check);
      if (entry === undefined) return;
      // A base that can't be stored is computed again next time: no reason to fail this gate.
      if (run.reproducible) stored.push(cache.put(entry.key, toStored(run.result)).catch(() => {}));
      entry.waiting.resolve(run.result);
    };
    try {
      await runSide(options.base, options.checks, [...mine.keys()], { ...options, name: 'base' }, onRun);
      await Promise.all(stored);
    } catch (error) {
      for (const { waiting } of own.values()) waiting.reject(error);
      throw error;
    } finally {
      for (const { key, waiting } of own.values()) if (running.get(key) === waiting) running.delete(key);
    }
    return found;
  }

  /** What the store or somebody else's run has of one check; `null` when it must be computed here. */
  async function known(key: string, options: BaselineOptions): Promise<SideResult | null> {
    const other = running.get(key);
    if (other === undefined) return fromStored(await cache.get(key).catch(() => null));
    try {
      return await unlessAborted(other.promise, options.signal);
    } catch {
      // Another's cancellation or broken sandbox is no reason to stop here.
      if (options.signal.aborted) throw new Cancelled();
      return null;
    }
  }

  return {
    async results(options) {
      const found = new Map<Check, SideResult>();
      for (let round = 0; round < MAX_ROUNDS && found.size < options.checks.length; round++) {
        const missing = new Map<Check, string>();
        for (const check of options.checks) {
          if (found.has(check)) continue;
          const key = baselineKey(options, check);
          // It runs elsewhere: whoever waits here wants to know for what.
          if (running.has(key)) options.onCheck?.('base', check.name, 'running', null);
          const result = await known(key, options);
          if (result === null) missing.set(check, key);
          else {
            found.set(check, result);
            options.onCheck?.('base', check.name, result.state, null);
          }
        }
        // Between the look and here somebody may have begun: what runs elsewhere is awaited in the next round.
        const last = round === MAX_ROUNDS - 1;
        const mine = new Map([...missing].filter(([, key]) => last || !running.has(key)));
        if (mine.size > 0)
          for (const [check, result] of await compute(options, mine)) found.set(check, result);
      }
      return found;
    },
  };
}
