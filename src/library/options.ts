/** What a program says when it makes an `AgentRunner`, and what is made of that: checked once, at this edge. */
import { JobError } from '../job/error.ts';
import type { Place } from '../client/http/call.ts';

/** Options as a program gives them; all may be left out. What is not given is as the environment and your settings file say. */
export interface AgentRunnerOptions {
  /** URL of a server (`agent-runner up`) that keeps and runs the jobs. Without it they are kept and run here. */
  readonly url?: string;
  /** Its key; `agent-runner keys create` makes one. */
  readonly token?: string;

  /** Embedded: the folder where jobs, mirrors and logs are kept. */
  readonly home?: string;
  /** Embedded: the database file. */
  readonly dbPath?: string;
  /** Embedded: whether jobs are run in this process; `false` leaves them to other workers of the same home. */
  readonly worker?: boolean;
  /** Embedded: any other setting by its name, see docs/configuration.md: `{ agent: 'codex', 'budget.max_turns': 8 }`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Embedded: receives lines of the log, one call each; standard error, from warnings on, unless given. */
  readonly onLog?: (line: string) => void;

  /** Signs callbacks (embedded), and checks those that come (`verifyWebhookSignature`). */
  readonly webhookSecret?: string;
  /** Embedded: lets callbacks go unsigned where there is no secret, and to plain http. */
  readonly allowInsecureWebhooks?: boolean;

  /** Embedded: token of the account that forks and proposes on the forge. Beside `url`: sent with each job, as its own. */
  readonly botToken?: string;
  /** Embedded: that account's name; asked of the forge unless given. */
  readonly botUsername?: string;
  /** Embedded: repository (`owner/name`) whose workflow executes jobs. Beside `url` the server's own counts. */
  readonly runnerRepo?: string;
  /** Embedded: longest wait for a fork, in seconds; 120 unless given. */
  readonly forkTimeout?: number;
  /** Embedded: pause between two looks at a fork, in seconds; 5 unless given. */
  readonly forkPollInterval?: number;
}

/** Options that hold, whatever was given. */
export interface ResolvedOptions {
  /** A server; `null` keeps and runs the jobs here. */
  readonly place: Place | null;
  readonly embedded: {
    /** By setting name, as flags give them. */
    readonly settings: Readonly<Record<string, unknown>>;
    readonly worker: boolean;
    readonly onLog: ((line: string) => void) | null;
    /** For the forge; `null` leaves it to the environment. */
    readonly botToken: string | null;
  };
  readonly webhookSecret: string | null;
  /** Sent with each job, where a server runs them. */
  readonly jobToken: string | null;
}

const EMBEDDED = [
  'home',
  'dbPath',
  'worker',
  'settings',
  'onLog',
  'allowInsecureWebhooks',
  'botUsername',
  'forkTimeout',
  'forkPollInterval',
] as const;
const TEXTS = ['url', 'token', 'home', 'dbPath', 'webhookSecret', 'botToken', 'botUsername'] as const;
const FLAGS = ['worker', 'allowInsecureWebhooks'] as const;
const KNOWN: readonly string[] = [
  ...TEXTS,
  ...FLAGS,
  'settings',
  'onLog',
  'runnerRepo',
  'forkTimeout',
  'forkPollInterval',
];

/** Longest wait for a fork that may be asked for, in seconds: an hour. */
const MAX_FORK_S = 3600;

function refuse(name: string, came: unknown, allowed: string): never {
  // What a secret is never shows, not even when it is wrong.
  const shown = /token|secret/i.test(name)
    ? typeof came
    : (JSON.stringify(came) ?? typeof came).slice(0, 200);
  throw new JobError('bad_configuration', `${name}: ${shown} is not allowed (allowed: ${allowed})`);
}

function secondsOf(
  given: AgentRunnerOptions,
  name: 'forkTimeout' | 'forkPollInterval',
  fallback: number,
): number {
  const value: unknown = given[name] ?? fallback;
  if (typeof value === 'number' && value > 0 && value <= MAX_FORK_S) return value;
  return refuse(name, value, `seconds, above 0, at most ${MAX_FORK_S}`);
}

/** Settings of the forge, where they are given. */
function forgeSettings(given: AgentRunnerOptions): Readonly<Record<string, unknown>> {
  const forkTimeout = secondsOf(given, 'forkTimeout', 120);
  const forkPollInterval = secondsOf(given, 'forkPollInterval', Math.min(5, forkTimeout));
  if (forkPollInterval > forkTimeout)
    refuse('forkPollInterval', forkPollInterval, `no more than forkTimeout, ${forkTimeout}`);
  const { botUsername } = given;
  const isTold = given.forkTimeout !== undefined || given.forkPollInterval !== undefined;
  return {
    ...(botUsername === undefined ? {} : { bot_username: botUsername }),
    ...(isTold ? { fork_timeout_s: forkTimeout, fork_poll_s: forkPollInterval } : {}),
  };
}

function checkForms(given: AgentRunnerOptions): void {
  for (const name of Object.keys(given)) if (!KNOWN.includes(name)) refuse('options', name, KNOWN.join(', '));
  for (const name of TEXTS) {
    const value: unknown = given[name];
    if (value !== undefined && (typeof value !== 'string' || value.trim() === ''))
      refuse(name, value, 'text that is not empty');
  }
  for (const name of FLAGS) {
    const value: unknown = given[name];
    if (value !== undefined && typeof value !== 'boolean') refuse(name, value, 'true or false');
  }
  const { onLog, runnerRepo, settings } = given as Readonly<Record<string, unknown>>;
  if (onLog !== undefined && typeof onLog !== 'function') refuse('onLog', onLog, 'a function');
  if (settings !== undefined && (typeof settings !== 'object' || settings === null))
    refuse('settings', settings, 'an object of settings by their names');
  const isRepo = typeof runnerRepo === 'string' && /^[\w.-]+\/[\w.-]+$/.test(runnerRepo);
  if (runnerRepo !== undefined && !isRepo) refuse('runnerRepo', runnerRepo, 'owner/name');
}

/**
 * Checks options and fills in what is not given. Nothing is opened, read or reached.
 *
 * @throws JobError `bad_configuration` that names the option, what came and what is allowed
 */
export function resolveOptions(given: AgentRunnerOptions): ResolvedOptions {
  checkForms(given);
  const { url, token, home, dbPath, allowInsecureWebhooks, settings, worker = true } = given;
  const misplaced = url === undefined ? undefined : EMBEDDED.find((name) => given[name] !== undefined);
  if (misplaced !== undefined)
    refuse(misplaced, given[misplaced], 'nothing beside url: the server has its own');
  if (url === undefined && token !== undefined) refuse('token', token, 'a key only beside url');
  const { botToken = null } = given;
  return {
    place: url === undefined ? null : { url, token: token ?? null },
    embedded: {
      settings: {
        ...settings,
        ...forgeSettings(given),
        ...(given.runnerRepo === undefined ? {} : { runner_repo: given.runnerRepo }),
        ...(home === undefined ? {} : { home }),
        ...(dbPath === undefined ? {} : { db_path: dbPath }),
        ...(allowInsecureWebhooks === undefined ? {} : { allow_insecure_webhooks: allowInsecureWebhooks }),
      },
      worker,
      onLog: given.onLog ?? null,
      botToken: url === undefined ? botToken : null,
    },
    webhookSecret: given.webhookSecret ?? null,
    jobToken: url === undefined ? null : botToken,
  };
}
