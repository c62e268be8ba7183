/** Runs checks on one side: each in the root of a clean checkout, a red one once more in a fresh sandbox. */
import { mkdir, open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Cancelled } from '../job/error.ts';
import type { Check, SideState } from '../job/gate.ts';
import type { ExecResult, Sandbox } from '../sandbox/sandbox.ts';
import { readEnding } from './ending.ts';
import { readFailures, type Failures } from './failures/failures.ts';
import type { SideResult } from './verdict.ts';

/** Output of a check that is kept in memory, in bytes for each stream. */
const MAX_OUTPUT_BYTES = 256 * 1024;
/** Output of a check that is kept on disk, in bytes. */
const MAX_LOG_BYTES = 64 * 1024 * 1024;
/** Part of a log that is read for failures when the kept output was cut, in bytes. */
const MAX_LOG_READ_BYTES = 16 * 1024 * 1024;
const NO_FAILURES: Failures = { tests: [], errors: [] };

/** A sandbox that is open on a clean checkout. */
export interface OpenSide {
  readonly sandbox: Sandbox;
  readonly env: Readonly<Record<string, string>>;
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

/** Head and tail of a log, up to `MAX_LOG_READ_BYTES`. */
async function readLog(path: string): Promise<string> {
  const file = await openFile(path, 'r');
  try {
    const { size } = await file.stat();
    const half = MAX_LOG_READ_BYTES / 2;
    const read = async (from: number, length: number): Promise<string> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
      return buffer.toString('utf8', 0, bytesRead);
    };
    if (size <= MAX_LOG_READ_BYTES) return await read(0, size);
    return `${await read(0, half)}\n${await read(size - half, half)}`;
  } finally {
    await file.close();
  }
}

interface Attempt {
  readonly state: SideState;
  readonly exitCode: number | null;
  readonly failures: Failures;
  readonly note: string | null;
  readonly output: string;
  readonly durationMs: number;
  readonly log: string;
}

/** Where a checkout lies differs between sides and machines; failures have to compare. */
function withoutPlaces(text: string, sandbox: Sandbox): string {
  const [workspace, home] = [sandbox.workspacePath.replace(/\/+$/, ''), sandbox.homePath.replace(/\/+$/, '')];
  // Either may be the beginning of the other's path: a place ends where no further name character follows.
  const replace = (whole: string, place: string, by: string): string =>
    place === '' ? whole : whole.replaceAll(new RegExp(`${RegExp.escape(place)}(?![\\w.-])`, 'g'), by);
  const plain = replace(workspace === '' ? text : text.replaceAll(`${workspace}/`, ''), home, '~');
  return replace(plain, workspace, '.');
}

async function outputOf(result: ExecResult, log: string): Promise<string> {
  const whole =
    result.stdout + (result.stdout === '' || result.stdout.endsWith('\n') ? '' : '\n') + result.stderr;
  if (result.stdoutBytes <= MAX_OUTPUT_BYTES && result.stderrBytes <= MAX_OUTPUT_BYTES) return whole;
  // The dropped middle may name failures: the log has them.
  return readLog(log).catch(() => whole);
}

/** What every check runs with; part of a baseline's identity, because tests read it. */
export const CHECK_ENV: Readonly<Record<string, string>> = { CI: 'true', FORCE_COLOR: '0' };

async function runCheck(side: OpenSide, check: Check, log: string, options: SideOptions): Promise<Attempt> {
  if (options.signal.aborted) throw new Cancelled();
  const result = await side.sandbox.exec(['sh', '-c', check.command], {
    env: { ...CHECK_ENV, ...side.env },
    timeoutMs: Math.round(check.timeout_s * 1000),
    maxBytes: MAX_OUTPUT_BYTES,
    logPath: log,
    maxLogBytes: MAX_LOG_BYTES,
    signal: options.signal,
  });
  const output = withoutPlaces(await outputOf(result, log), side.sandbox);
  const failures = result.end === 'exited' && result.exitCode === 0 ? NO_FAILURES : readFailures(output);
  const { state, note } = readEnding(result, check, failures.tests.length > 0);
  return {
    state,
    note,
    exitCode: result.exitCode,
    failures: state === 'failed' ? failures : NO_FAILURES,
    output,
    durationMs: result.durationMs,
    log,
  };
}

/** A sandbox that opens when the first check runs, and knows which checks have run in it. */
function createSession(
  side: GateSide,
  checks: readonly Check[],
  options: SideOptions,
  suffix: string,
): {
  run(check: Check): Promise<Attempt>;
  close(): Promise<void>;
} {
  let opened: OpenSide | null = null;
  const ran = new Set<Check>();
  const attempt = async (check: Check): Promise<Attempt> => {
    opened ??= await side.open();
    ran.add(check);
    return runCheck(
      opened,
      check,
      join(options.logDir, `${options.name}-${logName(checks, check)}${suffix}.log`),
      options,
    );
  };
  return {
    async run(check) {
      // Tests may need what the build made: whatever is run alone gets the builds before it, their result is not used.
      for (const build of checks.slice(0, checks.indexOf(check)))
        if (build.kind === 'build' && !ran.has(build)) await attempt(build);
      return attempt(check);
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
  const { output, durationMs, log, ...result } = attempt;
  return { result, output, durationMs, log, reproducible: attempt.state === 'passed' };
}

function rerun(name: 'base' | 'head', first: Attempt, second: Attempt): SideRun {
  const run = firstRun(first);
  if (second.state === 'passed') {
    return {
      ...run,
      result: { state: 'passed', exitCode: 0, failures: NO_FAILURES, note: null, flaky: true },
    };
  }
  if (second.state === 'inconclusive') {
    return {
      ...run,
      result: { ...run.result, note: `when it was run again: ${second.note ?? 'inconclusive'}` },
    };
  }
  const joined = joinRuns(name, first.failures, second.failures);
  return { ...run, result: { ...run.result, failures: joined.failures }, reproducible: joined.same };
}

function notSetUp(side: GateSide): SideRun {
  const note = `its dependencies could not be prepared: ${(side.setupError ?? '').slice(0, 500)}`;
  const result: SideResult = {
    state: 'inconclusive',
    exitCode: null,
    failures: NO_FAILURES,
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
      const attempt = await session.run(check);
      if (attempt.state === 'failed') red.push([check, attempt]);
      else finish(check, firstRun(attempt));
    }
  } finally {
    await session.close();
  }
  const again = createSession(side, checks, options, '.again');
  try {
    for (const [check, first] of red) finish(check, rerun(options.name, first, await again.run(check)));
  } finally {
    await again.close();
  }
}
