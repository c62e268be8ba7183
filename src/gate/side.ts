/** Runs checks on one side: each in the root of a clean checkout, a red one once more in a fresh sandbox. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check, SideState } from '../job/gate.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { runCheck, type Attempt } from './attempt.ts';
import type { Failures } from './failures/failures.ts';
import type { Folders } from './reports/collect.ts';
import { joinRan } from './reports/ran.ts';
import type { SideResult } from './verdict.ts';

const NO_FAILURES: Failures = { tests: [], errors: [] };

/** A sandbox that is open on a clean checkout. */
export interface OpenSide {
  readonly sandbox: Sandbox;
  /** What the repository's configuration gives to every check. */
  readonly env: Readonly<Record<string, string>>;
  /** Where on the host checks write, to read report files from. */
  readonly folders: Folders;
  close(): Promise<void>;
}

/** Base or head, as the runner hands it in. */
export interface GateSide {
  readonly commit: string;
  readonly tree: string;
  /** Opens a fresh sandbox on a clean checkout of the commit; called only when something has to run. */
  open(): Promise<OpenSide>;
  /** Why this side's dependencies could not be prepared; `null` when they are. */
  readonly setupError: string | null;
}

/** One check on one side, with what a report needs of it. */
export interface SideRun {
  readonly result: SideResult;
  /** What it printed, cut in the middle where it was long. */
  readonly output: string;
  readonly durationMs: number;
  /** The full output on disk; `null` when nothing ran. */
  readonly log: string | null;
  /** For a base: whether the same comes out again, so that it may be stored. */
  readonly reproducible: boolean;
}

/** How one side is run. */
export interface SideOptions {
  readonly name: 'base' | 'head';
  readonly logDir: string;
  readonly signal: AbortSignal;
  /** Checks that run without `CI` and `FORCE_COLOR`, because on the base they pass only so. */
  readonly plain?: ReadonlySet<Check>;
  /** Progress; must not throw. */
  readonly onCheck?:
    | ((side: 'base' | 'head', name: string, state: 'running' | SideState, durationMs: number | null) => void)
    | undefined;
}

/** A file name from a check's name: safe on every file system, and different for different checks. */
export function logName(checks: readonly Check[], check: Check): string {
  const clean = (name: string): string => name.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 60) || 'check';
  const at = checks.indexOf(check);
  const same = checks.some(
    (other, index) => index < at && clean(other.name).toLowerCase() === clean(check.name).toLowerCase(),
  );
  return same ? `${clean(check.name)}-${at}` : clean(check.name);
}

/** A sandbox that opens when the first check runs, and knows which checks have run in it. */
function createSession(
  side: GateSide,
  checks: readonly Check[],
  options: SideOptions,
  suffix: string,
): {
  /** Runs a check; `plain` leaves out `CI` and `FORCE_COLOR`. */
  run(check: Check, plain: boolean): Promise<Attempt>;
  close(): Promise<void>;
} {
  let opened: OpenSide | null = null;
  const ran = new Set<Check>();
  const attempt = async (check: Check, plain: boolean): Promise<Attempt> => {
    opened ??= await side.open();
    ran.add(check);
    const log = join(options.logDir, `${options.name}-${logName(checks, check)}${suffix}.log`);
    return runCheck(opened, check, { log, signal: options.signal, plain });
  };
  return {
    async run(check, plain) {
      // Tests may need what the build made: whatever is run alone gets the builds before it, their result is not used.
      for (const build of checks.slice(0, checks.indexOf(check)))
        if (build.kind === 'build' && !ran.has(build)) await attempt(build, plain);
      return attempt(check, plain);
    },
    close: async () => opened?.close(),
  };
}

function intersect(a: readonly string[], b: readonly string[]): readonly string[] {
  const other = new Set(b);
  return a.filter((name) => other.has(name));
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])].sort();
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && intersect(a, b).length === a.length;
}

/**
 * What two red runs of one check say together. Of head only what failed twice counts, of the base whatever
 * failed once: both readings keep flaky tests from looking like new failures.
 */
export function joinRuns(
  name: 'base' | 'head',
  first: Failures,
  second: Failures,
): { readonly failures: Failures; readonly same: boolean } {
  const equal = same(first.tests, second.tests) && same(first.errors, second.errors);
  const join = (a: readonly string[], b: readonly string[]): readonly string[] => {
    if (name === 'base') return union(a, b);
    const both = intersect(a, b);
    return both.length > 0 ? both : union(a, b);
  };
  const tests = join(first.tests, second.tests);
  return {
    failures: { tests, errors: tests.length > 0 ? [] : join(first.errors, second.errors) },
    same: equal,
  };
}

function firstRun(attempt: Attempt): SideRun {
  const { output, durationMs, log, plain, ...result } = attempt;
  return {
    result: { ...result, ...(plain ? { plain } : {}) },
    output,
    durationMs,
    log,
    reproducible: attempt.state === 'passed',
  };
}

function rerun(name: 'base' | 'head', first: Attempt, second: Attempt): SideRun {
  const run = firstRun(first);
  if (second.state === 'passed') {
    const { ran, plain } = second;
    const result: SideResult = {
      state: 'passed',
      exitCode: 0,
      failures: NO_FAILURES,
      ran,
      note: null,
      flaky: true,
    };
    return { ...run, result: plain ? { ...result, plain } : result };
  }
  if (second.state === 'inconclusive') {
    return {
      ...run,
      result: { ...run.result, note: `when it was run again: ${second.note ?? 'inconclusive'}` },
    };
  }
  const joined = joinRuns(name, first.failures, second.failures);
  const ran = joinRan(first.ran, second.ran, name);
  return { ...run, result: { ...run.result, failures: joined.failures, ran }, reproducible: joined.same };
}

function notSetUp(side: GateSide): SideRun {
  const note = `its dependencies could not be prepared: ${(side.setupError ?? '').slice(0, 500)}`;
  const result: SideResult = {
    state: 'inconclusive',
    exitCode: null,
    failures: NO_FAILURES,
    ran: null,
    note,
    setupFailed: true,
  };
  return { result, output: side.setupError ?? '', durationMs: 0, log: null, reproducible: false };
}

/**
 * Runs `wanted` (some or all of `checks`) on one side, in order, none short-circuited. Red ones are run once
 * more, in a fresh sandbox.
 *
 * @param checks all checks of the gate, in their order: builds among them run before what is run alone
 * @param onRun called with each check's result as soon as it is known
 * @throws Cancelled when the signal is aborted; what `open` throws is infrastructure and passes through
 */
export async function runSide(
  side: GateSide,
  checks: readonly Check[],
  wanted: readonly Check[],
  options: SideOptions,
  onRun: (check: Check, run: SideRun) => void,
): Promise<void> {
  const finish = (check: Check, run: SideRun): void => {
    options.onCheck?.(options.name, check.name, run.result.state, run.durationMs);
    onRun(check, run);
  };
  if (side.setupError !== null) {
    for (const check of wanted) finish(check, notSetUp(side));
    return;
  }
  await mkdir(options.logDir, { recursive: true });
  const red: [Check, Attempt][] = [];
  const session = createSession(side, checks, options, '');
  try {
    for (const check of wanted) {
      options.onCheck?.(options.name, check.name, 'running', null);
      const attempt = await session.run(check, options.plain?.has(check) ?? false);
      if (attempt.state === 'failed') red.push([check, attempt]);
      else finish(check, firstRun(attempt));
    }
  } finally {
    await session.close();
  }
  const again = createSession(side, checks, options, '.again');
  try {
    for (const [check, first] of red) {
      // What every check runs with can itself turn a test red: the base is asked without it too.
      const plain = options.name === 'base' || first.plain;
      finish(check, rerun(options.name, first, await again.run(check, plain)));
    }
  } finally {
    await again.close();
  }
}
