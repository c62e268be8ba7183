/** What a command of the CLI is: one file each below `commands/`, loaded only when it is asked for. */
import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { shellWord, type Config } from '../config.ts';

/** Where a command reads from and writes to. stdout is data, stderr is progress. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Whether stderr is a terminal that can be redrawn. */
  readonly isLive: boolean;
  /** Whether a person can be asked: stdin and stderr are terminals. */
  readonly canAsk: boolean;
  readonly colour: boolean;
  /** Whether drawings may be of more than ASCII. */
  readonly unicode: boolean;
  /** Width of stderr's terminal in characters; 80 where it has none. */
  columns(): number;
  /** How a person calls this program; see `asCalled`. */
  readonly program: string;
  /** `--home` and `--db-path` as they were given, to be repeated by the commands that hints name; or `''`. */
  readonly homeFlags: string;
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

/** Commands that know no `--home`. */
const HOMELESS = 'pipeline schema|demo|config|completion|callback|fork|pr';
/** Commands on jobs wherever they are kept, which know `--url`. */
const REACHING: ReadonlySet<string> = new Set(
  'keys list session pipeline triggers trace status logs result usage diff message submit wait cancel retry deliveries'.split(
    ' ',
  ),
);
const URL_FLAG = / --url (?:'(?:[^']|'\\'')*'|\S+)/;
const COMMANDS_NAMED = new RegExp(
  `\\bagent-runner (?:(${HOMELESS})|(run|issue-to-pr|self-heal|gate|init|list|session(?: (?:list|show))?|pipeline(?: (?:create|list|show|delete|runs|run|approve|reject|retry))?|triggers|trace|status|logs|result|usage|diff|recover|checkout|replay|message|submit|wait|cancel|retry|worker|up|keys(?: (?:create|list|revoke|audit))?|pause|deliveries|actions|export|import|gc|backup|restore-db|agents|doctor))(?![\\w-])`,
  'g',
);

/**
 * Advice of ours with the commands in it as this person has to call them: through npm where they came through npm,
 * and for the same home. Never for foreign text.
 */
export function asCalled(io: Pick<Io, 'program' | 'homeFlags'>, advice: string): string {
  return advice.replace(COMMANDS_NAMED, (_, homeless?: string, named?: string) =>
    homeless === undefined
      ? `${io.program} ${named ?? ''}${REACHING.has(named?.split(' ')[0] ?? '') ? io.homeFlags : io.homeFlags.replace(URL_FLAG, '')}`
      : `${io.program} ${homeless}`,
  );
}

/** Flags that say where jobs are kept. */
const KEPT_IN = ['--home', '--db-path', '--url'] as const;

/** The flags that say where jobs are kept, as a person gave them: ` --home <folder>`, ` --url <server>`, or `''`. */
export function homeFlagsOf(argv: readonly string[]): string {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  // The one of `callback` is where a callback goes.
  const flags = words.find((word) => !word.startsWith('-')) === 'callback' ? [] : KEPT_IN;
  return flags
    .map((flag) => {
      const at = words.findLastIndex((word) => word === flag || word.startsWith(`${flag}=`));
      const value = words[at] === flag ? words[at + 1] : words[at]?.slice(flag.length + 1);
      return value === undefined || value === '' ? '' : ` ${flag} ${shellWord(value)}`;
    })
    .join('');
}

/** The version of this program. */
export function programVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const known: unknown = JSON.parse(text);
  return typeof known === 'object' && known !== null && 'version' in known
    ? String(known.version)
    : 'unknown';
}

/** Prints a value as one JSON document. */
export function printJson(io: Io, value: unknown): void {
  // In a text of it, and there alone, may be what a CI takes for a command to itself.
  io.out(`${JSON.stringify(value, null, 2).replaceAll('##[', '#\\u0023[')}\n`);
}
