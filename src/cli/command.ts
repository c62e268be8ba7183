/** What a command of the CLI is: one file each below `commands/`, loaded only when it is asked for. */
import type { Command } from 'commander';
import type { Config } from '../config.ts';

/** Where a command reads from and writes to. stdout is data, stderr is progress. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Whether stderr is a terminal that can be redrawn. */
  readonly isLive: boolean;
  /** Whether a person can be asked: stdin and stderr are terminals. */
  readonly canAsk: boolean;
  readonly colour: boolean;
  /** Width of stderr's terminal in characters; 80 where it has none. */
  columns(): number;
  /** How a person calls this program; see `asCalled`. */
  readonly program: string;
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  /** Resolves settings: `flags` by setting name, see `config.ts`. */
  resolve(flags: Readonly<Record<string, unknown>>): Promise<Config>;
}

/** Adds a command to the program; its action resolves to the exit code. */
export interface CliCommand {
  define(command: Command, io: Io): void;
  /** At least two examples, each a line after `agent-runner`. */
  readonly examples: readonly string[];
}

/** The actions of commands resolve to exit codes; commander itself knows none. */
export function action<A extends unknown[]>(
  io: Io,
  run: (...args: A) => Promise<number>,
): (...args: A) => Promise<void> {
  return async (...args) => {
    exitCodes.set(io, await run(...args));
  };
}

const exitCodes = new WeakMap<Io, number>();

/** The exit code of the command that ran with `io`. */
export function exitCodeOf(io: Io): number {
  return exitCodes.get(io) ?? 0;
}

const COMMANDS_NAMED =
  /\bagent-runner (?=(?:demo|run|gate|init|list|status|logs|result|diff|recover|message|agents|doctor|config|completion)\b)/g;

/** Advice of ours with the commands in it as this person has to call them. Never for foreign text. */
export function asCalled(io: Pick<Io, 'program'>, advice: string): string {
  return advice.replace(COMMANDS_NAMED, () => `${io.program} `);
}

/** Prints a value as one JSON document. */
export function printJson(io: Io, value: unknown): void {
  io.out(`${JSON.stringify(value, null, 2)}\n`);
}
