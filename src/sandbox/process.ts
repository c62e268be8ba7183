/**
 * The only way to start a process in the whole project. A command gets its own process group, a complete
 * environment and a bound on everything; when it has ended, its group has ended too.
 */
import type { Server } from 'node:net';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { isAnyAlive, signalGroups, waitUntilGone, type Groups } from './process/groups.ts';
import {
  createOutputBuffer,
  DEFAULT_MAX_LOG_BYTES,
  openBoundedLog,
  type BoundedLog,
  type OutputBuffer,
} from './process/output.ts';
import { launchProcess } from './process/launcher.ts';
import { describeSpawnError, startProcess, type Exit, type Started } from './process/spawn.ts';
import { leaveToWatchdog } from './process/watchdog.ts';
import type { ExecEnd, ExecOptions, ExecResult } from './sandbox.ts';

/** Time between SIGTERM and SIGKILL unless the caller names another. */
export const DEFAULT_GRACE_MS = 2_000;
/** How long a process that was sent SIGKILL may stay (a stuck disk) before we report without it. */
const KILL_WAIT_MS = 5_000;
/** After the command has ended: how long its output may be silent, and how long it may go on at all. */
const DRAIN_QUIET_MS = 250;
const DRAIN_MAX_MS = 5_000;
const DRAIN_STEP_MS = 50;
/** Children of a command that end with it get this long before they are told to. */
const FOLLOW_MS = 20;
const LOG_CLOSE_MS = 5_000;
/** setTimeout turns a longer delay into 1 ms. */
const MAX_TIMER_MS = 2_147_483_647;

/** A process that starts the command for us: what it reads and says, and the group that it made. */
export interface Control {
  /** Text that the process reads from descriptor 3. */
  readonly input: string;
  /** Called with every line that it writes to descriptor 4. */
  readonly onLine: (line: string) => void;
  /** Leader of the group that it made for the command, once known: SIGTERM goes there. */
  readonly innerGroup: () => number | null;
}

/** How a process is run: the bounds of `ExecOptions`, and what only callers on the host need. */
export interface ProcessOptions extends Omit<ExecOptions, 'cwd' | 'env' | 'stdin'> {
  /** Absolute path on the host. */
  readonly cwd: string;
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array | undefined;
  /** Milliseconds between SIGTERM and SIGKILL; `DEFAULT_GRACE_MS` when absent. */
  readonly graceMs?: number;
  /** `buffer`: `stdout` stays empty and is not decoded; read `stdoutBuffer`. */
  readonly encoding?: 'utf8' | 'buffer';
  /** Called with every piece of stdout as bytes; must not throw. */
  readonly onStdout?: (chunk: Buffer) => void;
  readonly control?: Control;
  /**
   * For short commands of the runner's own: started by the launcher (`process/launcher.ts`) where that can be, which
   * costs nothing here. Such a command ignores SIGINT and SIGQUIT, and an exit code of 130 or more counts as a signal.
   */
  readonly isOwn?: boolean;
  /** Takes the listening socket that the process hands over on descriptor 5. */
  readonly onServer?: ((server: Server) => void) | undefined;
}

/** `ExecResult` with the bytes. `message` also says when the log file is incomplete. */
export interface ProcessResult extends ExecResult {
  /** Kept bytes of stdout, without a marker; all of them unless `truncated`. */
  readonly stdoutBuffer: Buffer;
  /** Whether stdout had more than `maxBytes`. */
  readonly truncated: boolean;
}

interface Run {
  readonly started: Started;
  readonly groups: Groups;
  readonly options: ProcessOptions;
  readonly stdout: OutputBuffer;
  readonly stderr: OutputBuffer;
  log: BoundedLog | null;
  ending: ExecEnd | null;
  waitsForLog: boolean;
  lastOutputAt: number;
  callbackError: string | null;
  idleTimer: NodeJS.Timeout | undefined;
}

const liveRuns = new Set<Run>();

/**
 * Sends SIGKILL to every process that still runs. Synchronous, so that it works in an exit handler; what has left
 * its group meanwhile, the watchdog finds.
 */
export function killAllProcesses(): void {
  if (liveRuns.size > 0) leaveToWatchdog();
  for (const run of liveRuns) signalGroups(run.groups, 'SIGKILL');
}

/** How many commands run at this moment. */
export function countProcesses(): number {
  return liveRuns.size;
}

function emptyResult(end: ExecEnd, message: string, startedAt: number): ProcessResult {
  return {
    end,
    exitCode: null,
    signal: null,
    stdout: '',
    stderr: '',
    stdoutBytes: 0,
    stderrBytes: 0,
    stdoutBuffer: Buffer.alloc(0),
    truncated: false,
    durationMs: Math.round(performance.now() - startedAt),
    message,
  };
}

/** Calls a callback of the caller; one that throws is not called again and named in the result. */
function callSafely(run: Run, call: () => void): void {
  if (run.callbackError !== null) return;
  try {
    call();
  } catch (error) {
    run.callbackError = `an output callback threw, output went on without it: ${String(error)}`;
  }
}

/** Collects one stream; resolves when it is closed. */
function collect(run: Run, name: 'stdout' | 'stderr', stream: Readable): Promise<void> {
  const { onOutput, onStdout } = run.options;
  const decoder = onOutput === undefined ? null : new StringDecoder('utf8');
  const say = (text: string): void => {
    if (onOutput !== undefined && text !== '') callSafely(run, () => onOutput(name, text));
  };
  stream.on('data', (chunk: Buffer) => {
    run.lastOutputAt = performance.now();
    run.idleTimer?.refresh();
    run[name].push(chunk);
    if (decoder !== null) say(decoder.write(chunk));
    if (name === 'stdout' && onStdout !== undefined) callSafely(run, () => onStdout(chunk));
    if (run.log !== null && !run.log.write(chunk)) {
      run.waitsForLog = true;
      run.started.stdout.pause();
      run.started.stderr.pause();
    }
  });
  stream.on('error', () => undefined); // a broken pipe ends the stream; 'close' follows
  return new Promise((resolve) => {
    stream.once('close', () => {
      if (decoder !== null) say(decoder.end());
      resolve();
    });
  });
}

function openLog(run: Run): void {
  const { logPath, maxLogBytes } = run.options;
  if (logPath === undefined) return;
  run.log = openBoundedLog(logPath, maxLogBytes ?? DEFAULT_MAX_LOG_BYTES, () => {
    run.waitsForLog = false;
    run.started.stdout.resume();
    run.started.stderr.resume();
  });
}

/** Gives the control process its input and reads its lines; resolves when it has closed its end. */
async function talkToControl({ controlInput, controlOutput }: Started, control: Control): Promise<void> {
  controlInput?.on('error', () => undefined); // EPIPE: it ended before it read; its exit says why
  controlInput?.end(control.input);
  if (controlOutput === null) return;
  const closed = new Promise<void>((resolve) => controlOutput.once('close', resolve));
  let rest = '';
  controlOutput.on('error', () => undefined);
  controlOutput.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) control.onLine(line);
  });
  await closed;
}

/** Starts the clocks; resolves when the command itself has ended, or could not be ended. */
async function awaitExit(run: Run): Promise<Exit> {
  const { groups, options } = run;
  const { promise, resolve } = Promise.withResolvers<Exit>();
  void run.started.exited.then(resolve);
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, act: () => void): NodeJS.Timeout => {
    const timer = setTimeout(act, Math.min(ms, MAX_TIMER_MS));
    timers.push(timer);
    return timer;
  };
  const stop = (end: ExecEnd): void => {
    if (run.ending !== null) return;
    run.ending = end;
    run.idleTimer = undefined; // refresh() would start a timer that is over again
    signalGroups(groups, 'SIGTERM');
    after(options.graceMs ?? DEFAULT_GRACE_MS, () => {
      signalGroups(groups, 'SIGKILL');
      after(KILL_WAIT_MS, () => resolve({ code: null, signal: null, error: null }));
    });
  };
  const cancel = (): void => stop('cancelled');
  after(options.timeoutMs, () => stop('timeout'));
  if (options.idleTimeoutMs !== undefined)
    run.idleTimer = after(options.idleTimeoutMs, () => stop('idle_timeout'));
  if (options.signal?.aborted === true) cancel(); // while it was started
  options.signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await promise;
  } finally {
    run.idleTimer = undefined;
    options.signal?.removeEventListener('abort', cancel);
    for (const timer of timers) clearTimeout(timer);
  }
}

/** Waits for a promise, `maxMs` at most; returns whether it was resolved. Leaves no timer behind. */
async function within(promise: Promise<unknown>, maxMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), maxMs);
  const isDone = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return isDone;
}

/** Reads what is still in the pipes and ends what the command left behind; neither can take forever. */
async function windUp(run: Run, closed: Promise<unknown>): Promise<void> {
  const { groups, options } = run;
  const exitedAt = performance.now();
  let isClosed = await within(closed, DRAIN_STEP_MS);
  while (!isClosed && performance.now() - exitedAt < DRAIN_MAX_MS) {
    const silentMs = performance.now() - Math.max(exitedAt, run.lastOutputAt);
    if (silentMs >= DRAIN_QUIET_MS && !run.waitsForLog) break;
    isClosed = await within(closed, DRAIN_STEP_MS);
  }
  if (isAnyAlive(groups) && !(await waitUntilGone(groups, FOLLOW_MS))) {
    signalGroups(groups, 'SIGTERM');
    if (!(await waitUntilGone(groups, options.graceMs ?? DEFAULT_GRACE_MS))) {
      signalGroups(groups, 'SIGKILL');
      await waitUntilGone(groups, KILL_WAIT_MS);
    }
  }
  // What left the group (setsid) may still hold our pipes open: let go of them.
  isClosed ||= await within(closed, DRAIN_QUIET_MS);
  run.started.release(isClosed);
}

async function follow(run: Run, program: string, startedAt: number): Promise<ProcessResult> {
  const { started, options } = run;
  const exit = awaitExit(run);
  if (started.pid === undefined) {
    const { error } = await exit;
    started.release(false);
    return emptyResult('not_started', describeSpawnError(error, program, options.cwd), startedAt);
  }
  openLog(run);
  const streams = [collect(run, 'stdout', started.stdout), collect(run, 'stderr', started.stderr)];
  if (options.control !== undefined) streams.push(talkToControl(started, options.control));
  const { input } = started;
  if (input !== null) callSafely(run, () => options.onInput?.(input));
  const { code, signal } = await exit;
  await windUp(run, Promise.all(streams));
  const logTrouble = run.log === null ? null : await run.log.close(LOG_CLOSE_MS);
  const end = run.ending ?? (signal === null ? 'exited' : 'killed');
  return {
    end,
    exitCode: end === 'exited' ? code : null,
    signal,
    stdout: options.encoding === 'buffer' ? '' : run.stdout.toText(),
    stderr: run.stderr.toText(),
    stdoutBytes: run.stdout.totalBytes,
    stderrBytes: run.stderr.totalBytes,
    stdoutBuffer: run.stdout.toBuffer(),
    truncated: run.stdout.truncated,
    durationMs: Math.round(performance.now() - startedAt),
    message: logTrouble ?? run.callbackError,
  };
}

/**
 * Runs one program and waits until it and its process group have ended. Never throws: what can't be started
 * is `not_started` with a message. On a timeout or an abort the group gets SIGTERM, after `graceMs` SIGKILL.
 */
export async function runProcess(
  argv: readonly [string, ...string[]],
  options: ProcessOptions,
): Promise<ProcessResult> {
  const startedAt = performance.now();
  if (options.signal?.aborted === true)
    return emptyResult('cancelled', 'cancelled before it was started', startedAt);
  let started: Started;
  try {
    const { cwd, env, stdin, control, onInput, onServer, isOwn = false } = options;
    const [isInputLive, hasControl] = [onInput !== undefined, control !== undefined];
    const request = { argv, cwd, env, stdin, isInputLive, hasControl, onServer };
    started = (isOwn ? await launchProcess(request) : null) ?? startProcess(request);
  } catch (error) {
    return emptyResult('not_started', describeSpawnError(error, argv[0], options.cwd), startedAt);
  }
  const run: Run = {
    started,
    groups: { own: started.pid ?? 0, inner: () => options.control?.innerGroup() ?? null },
    options,
    stdout: createOutputBuffer(options.maxBytes),
    stderr: createOutputBuffer(options.maxBytes),
    log: null,
    ending: null,
    waitsForLog: false,
    lastOutputAt: startedAt,
    callbackError: null,
    idleTimer: undefined,
  };
  liveRuns.add(run);
  try {
    return await follow(run, argv[0], startedAt);
  } finally {
    liveRuns.delete(run);
  }
}
