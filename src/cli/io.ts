/** The terminal: streams, colour, and what Ctrl-C means. */
import { programName, readEnvironment, resolveConfig, showsUnicode, wantsColour } from '../config.ts';
import { stopEverything } from '../runner/stop.ts';
import type { Io } from './command.ts';

/** An `Io` on the process's own streams, with its signal handlers. */
export interface ProcessIo extends Io {
  close(): void;
}

/** One Ctrl-C arrives twice under `npm run`: from the terminal, and passed on by npm. */
const SAME_PRESS_MS = 300;

const DEFAULT_COLUMNS = 80;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a command line says of how it runs. */
export interface IoOptions {
  /** See `Io`. */
  readonly homeFlags: string;
  /** Whether an agent may be at work, whose change is saved when it is cancelled. */
  readonly startsAgent: boolean;
}

/**
 * Opens the process's streams. The first Ctrl-C cancels and lets the work be saved; the second one kills
 * everything that was started and ends at once, leaving the job to `run --resume`.
 */
export function openIo({ homeFlags, startsAgent }: IoOptions): ProcessIo {
  const env = readEnvironment();
  const cancel = new AbortController();
  let firstAt = 0;
  const onSignal = (): void => {
    if (cancel.signal.aborted) {
      if (performance.now() - firstAt < SAME_PRESS_MS) return;
      stopEverything();
      process.exit(130);
    }
    const saved = startsAgent ? ': the agent is stopped and what it changed is saved' : '';
    process.stderr.write(`\ncancelling${saved} (once more to stop at once)\n`);
    firstAt = performance.now();
    cancel.abort();
  };
  // A reader that went away (`| head`) is no error, and there is nobody left to tell.
  const onBroken = (): void => {};
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.stdout.on('error', onBroken);
  process.stderr.on('error', onBroken);
  process.on('exit', stopEverything);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    isLive: process.stderr.isTTY && env['CI'] === undefined && env['TERM'] !== 'dumb',
    canAsk: process.stdin.isTTY && process.stderr.isTTY,
    colour: wantsColour(env, process.stderr.isTTY),
    unicode: showsUnicode(env),
    // Some terminals say 0 for "unknown".
    columns: () => (process.stderr.columns > 0 ? process.stderr.columns : DEFAULT_COLUMNS),
    program: programName(env),
    homeFlags,
    signal: cancel.signal,
    resolve: (flags) => resolveConfig({ flags, env, cwd: process.cwd() }),
    close() {
      for (const signal of SIGNALS) process.off(signal, onSignal);
      process.off('exit', stopEverything);
    },
  };
}
