/** One run of one check in an open sandbox: how it ended, what failed, and which tests ran. */
import { open as openFile } from 'node:fs/promises';
import { Cancelled } from '../job/error.ts';
import type { Check, SideState } from '../job/gate.ts';
import type { ExecResult, Sandbox } from '../sandbox/sandbox.ts';
import { readEnding } from './ending.ts';
import { readFailures, type Failures } from './failures/failures.ts';
import { linesOf } from './failures/text.ts';
import { expectReports, type Folders, type Reports } from './reports/collect.ts';
import { readPrinted } from './reports/printed.ts';
import { mapNames, type RanTests } from './reports/ran.ts';

/** Output of a check that is kept in memory, in bytes for each stream. */
const MAX_OUTPUT_BYTES = 256 * 1024;
/** Output of a check that is kept on disk, in bytes. */
const MAX_LOG_BYTES = 64 * 1024 * 1024;
/** Part of a log that is read for failures when the kept output was cut, in bytes. */
const MAX_LOG_READ_BYTES = 16 * 1024 * 1024;
const NO_FAILURES: Failures = { tests: [], errors: [] };

/** Where a check runs. */
export interface AttemptPlace {
  readonly sandbox: Sandbox;
  readonly env: Readonly<Record<string, string>>;
  readonly folders: Folders;
}

/** How a check is run once. */
export interface AttemptOptions {
  /** File on the host for the full output. */
  readonly log: string;
  readonly signal: AbortSignal;
  /** Without `CI` and `FORCE_COLOR`, which can themselves turn a test red. */
  readonly plain: boolean;
}

/** How one run ended. */
export interface Attempt {
  readonly state: SideState;
  readonly exitCode: number | null;
  readonly failures: Failures;
  /** Which tests ran; `null` when neither a report nor the output tells. */
  readonly ran: RanTests | null;
  /** It ran without `CI` and `FORCE_COLOR`. */
  readonly plain: boolean;
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

// A repository that switches pytest's reports off has no such option.
const NO_REPORTS = /unrecognized arguments: .*--junitxml/;

/**
 * Runs a check once.
 *
 * @throws Cancelled when the signal is aborted
 */
export async function runCheck(place: AttemptPlace, check: Check, options: AttemptOptions): Promise<Attempt> {
  const env = { ...(options.plain ? {} : CHECK_ENV), ...place.env };
  const reports = await expectReports(place.folders, place.sandbox.homePath, env, check.report);
  const attempt = await runWith(place, check, options, { ...env, ...reports.env }, reports);
  if (!NO_REPORTS.test(attempt.output)) return attempt;
  return runWith(place, check, options, env, reports);
}

async function runWith(
  { sandbox }: AttemptPlace,
  check: Check,
  { log, signal, plain }: AttemptOptions,
  env: Readonly<Record<string, string>>,
  reports: Reports,
): Promise<Attempt> {
  if (signal.aborted) throw new Cancelled();
  const result = await sandbox.exec(['sh', '-c', check.command], {
    env,
    timeoutMs: Math.round(check.timeout_s * 1000),
    maxBytes: MAX_OUTPUT_BYTES,
    logPath: log,
    maxLogBytes: MAX_LOG_BYTES,
    signal,
  });
  const output = withoutPlaces(await outputOf(result, log), sandbox);
  const passed = result.end === 'exited' && result.exitCode === 0;
  const failures = passed ? NO_FAILURES : readFailures(output);
  const reported = await reports.read();
  const ran =
    reported === null
      ? readPrinted(linesOf(output), failures.tests)
      : mapNames(reported, (name) => withoutPlaces(name, sandbox));
  const { state, note } = readEnding(result, check, failures.tests);
  return {
    state,
    note,
    plain,
    exitCode: result.exitCode,
    failures: state === 'failed' ? failures : NO_FAILURES,
    ran: state === 'inconclusive' ? null : ran,
    output,
    durationMs: result.durationMs,
    log,
  };
}
