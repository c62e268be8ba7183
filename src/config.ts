/**
 * Settings, resolved: flags, environment, project file, user file and defaults, in this order. The one door to
 * configuration and the only reader of `process.env`; `config/` holds the table, the files and the host.
 */
import { isAbsolute, join } from 'node:path';
import { readDeclaredAgents } from './config/agents.ts';
import { findProjectFile, readSettingsFile, type FoundSettings } from './config/file.ts';
import {
  providerAccess,
  type BudgetScope,
  type BudgetSetting,
  type PriceSetting,
  type ProviderAccess,
} from './config/models.ts';
import { elsewhereOf, githubOf, type ElsewhereConfig, type GithubConfig } from './config/github.ts';
import { triggersOf, type TriggersConfig } from './config/triggers.ts';
import type { AgentMount, Kind } from './config/kinds.ts';
import { hostEnvironment, programName, shellWord, type HostEnvironment } from './config/host.ts';
import {
  flagOf,
  isSettingName,
  SETTING_NAMES,
  SETTINGS,
  unknownSetting,
  type Found,
  type Origin,
  type SettingName,
  type Values,
} from './config/settings.ts';
import type { DeclaredAgent } from './job/agents/declared.ts';
import { JobError } from './job/error.ts';
import type { Budget, JobRequest, Policy, SandboxChoiceName } from './job/request.ts';

export { readToken } from './config/token.ts';
export {
  flagOf,
  programName,
  SETTING_NAMES,
  SETTINGS,
  shellWord,
  type HostEnvironment,
  type Origin,
  type SettingName,
};

/** How models are reached. It holds real keys: no part of it is shown. */
export interface ModelsConfig {
  readonly providers: Readonly<Record<string, ProviderAccess>>;
  /** `LLM_BASE_URL` and `LLM_API_KEY`: of the provider that the model names, or of one without a name. */
  readonly llm: { readonly baseUrl: string | null; readonly key: string | null };
  readonly prices: Readonly<Record<string, PriceSetting>>;
  readonly budgets: Readonly<Partial<Record<BudgetScope, BudgetSetting>>>;
  readonly allowUnpriced: boolean;
  readonly maxCalls: number | null;
  readonly guards: {
    readonly maxCallsPerMinute: number;
    readonly maxIdenticalCalls: number;
    readonly maxFailedCalls: number;
  };
}

/** Resolved settings. */
export interface Config {
  readonly home: string;
  readonly agent: string | null;
  readonly agentCmd: string | null;
  /** Agents that the user declared. */
  readonly declaredAgents: readonly DeclaredAgent[];
  readonly agentConfig: string | null;
  readonly agentIdleTimeoutS: number;
  /** What the user admits into the agent's sandbox for its own login. */
  readonly agentMounts: readonly AgentMount[];
  readonly agentEnv: Readonly<Record<string, string>>;
  readonly model: string | null;
  readonly models: ModelsConfig;
  /** Tokens the model can read at once, and those of the map; `null` is a share of the window. */
  readonly modelWindow: number | null;
  readonly mapTokens: number | null;
  /** Whether jobs are explored and planned first, and by whom. */
  readonly phases: NonNullable<JobRequest['phases']>;
  readonly sandbox: { readonly name: SandboxChoiceName; readonly roPaths: readonly string[] };
  readonly network: boolean;
  readonly budget: Budget;
  /** Only what was set; the repository's `.agent-runner.yml` and the defaults fill the rest. */
  readonly policy: Partial<Policy>;
  readonly maxGateRuns: number | null;
  readonly branchTemplate: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'json' | 'text' };
  readonly dbPath: string;
  readonly retry: { readonly attempts: number; readonly baseMs: number };
  /** Whether workers take jobs, how many, and how long they go on when they are stopped. */
  readonly worker: {
    readonly enabled: boolean;
    readonly concurrency: number;
    readonly perRepo: number | null;
    readonly drainMs: number;
    readonly minFreeBytes: number;
  };
  /** Where `up` listens, and what it takes. */
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly publicUrl: string | null;
    /** Requests of one key in a minute; 0 is no limit. */
    readonly requestsPerMinute: number;
    /** Folders whose repositories a request may name by their path. */
    readonly repoPaths: readonly string[];
  };
  /** The server that keeps the jobs, for commands and programs; `url` is `null` where the home folder does. */
  readonly remote: {
    readonly url: string | null;
    /** A key of that server. It is shown nowhere. */
    readonly token: string | null;
    readonly tokenFile: string | null;
  };
  /** How long what ended jobs left is kept, and how large the cache may grow. */
  readonly keep: { readonly jobsDays: number; readonly workDays: number; readonly maxCacheBytes: number };
  /** How callbacks are signed and where they may go. The secret is shown nowhere. */
  readonly webhooks: {
    readonly secret: string | null;
    readonly allowInsecure: boolean;
    readonly allow: readonly string[];
  };
  readonly github: GithubConfig;
  readonly elsewhere: ElsewhereConfig;
  readonly triggers: TriggersConfig;
  readonly task: string | null;
  readonly workspace: string | null;
  /** Fail-point at which the process kills itself, from `AGENT_RUNNER_FAIL_AT`: for tests, and no setting. */
  readonly failAt: string | null;
  readonly host: HostEnvironment;
  /** Every setting with its value and origin, in the order of the table. */
  readonly settings: readonly {
    readonly name: SettingName;
    readonly value: unknown;
    readonly origin: Origin;
  }[];
}

export interface ConfigInput {
  /** By setting name, dots and underscores as in the table; `undefined` is not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: NodeJS.ProcessEnv;
  /** Where the process stands. */
  readonly cwd: string;
  /** Project file to read instead of the one in the repository around `cwd`; `null` reads none. */
  readonly projectFile?: string | null;
}

/**
 * Resolves every setting: flags, then environment, project file, user file and defaults. An empty variable is
 * not set.
 *
 * @throws JobError `bad_configuration` that names setting, origin, what came and what is allowed
 */
export async function resolveConfig(input: ConfigInput): Promise<Config> {
  const host = hostEnvironment(input.env, input.cwd);
  const configHome = absoluteOr(input.env['XDG_CONFIG_HOME'], join(host.home, '.config'));
  const projectPath = input.projectFile === undefined ? await findProjectFile(host.cwd) : input.projectFile;
  const files = [
    projectPath === null ? (new Map() as FoundSettings) : await readSettingsFile(projectPath, 'project'),
    await readSettingsFile(join(configHome, 'agent-runner', 'config.yml'), 'user'),
  ];
  for (const given of Object.keys(input.flags)) {
    if (!isSettingName(given)) throw unknownSetting(given, 'a flag');
  }
  const settings = SETTING_NAMES.map((name) => {
    const found =
      fromFlags(name, input.flags, host.cwd) ??
      fromEnvironment(name, input.env, host.cwd) ??
      files.map((file) => file.get(name)).find((one) => one !== undefined);
    if (found === undefined) return { name, value: SETTINGS[name].fallback, origin: DEFAULT_ORIGIN };
    return { name, value: checked(name, found, host.home), origin: found.origin };
  });
  const values = Object.fromEntries(settings.map((one) => [one.name, one.value])) as Values;
  const home = homeOf(values, host, input.env);
  const where = settings.find(({ name }) => name === 'agents')?.origin.where ?? 'default';
  const declared = await readDeclaredAgents(values.agents, where, home);
  return { ...toConfig(values, home, settings, host, input.env), declaredAgents: declared };
}

function homeOf(values: Values, host: HostEnvironment, env: NodeJS.ProcessEnv): string {
  const dataHome = absoluteOr(env['XDG_DATA_HOME'], join(host.home, '.local', 'share'));
  return values.home ?? join(dataHome, 'agent-runner');
}

const DEFAULT_ORIGIN: Origin = { source: 'default', where: 'default' };

function fromFlags(name: SettingName, flags: ConfigInput['flags'], baseDir: string): Found | undefined {
  const value = Object.hasOwn(flags, name) ? flags[name] : undefined;
  return value === undefined
    ? undefined
    : { value, origin: { source: 'flag', where: flagOf(name) }, baseDir };
}

function fromEnvironment(name: SettingName, env: NodeJS.ProcessEnv, baseDir: string): Found | undefined {
  const variable: string | null = SETTINGS[name].env;
  const value = variable === null ? undefined : env[variable];
  if (variable === null || value === undefined || value === '') return undefined;
  // LOG_LEVEL=DEBUG and LOG_LEVEL=INFO are what most programs read.
  const known = name === 'log_level' ? value.toLowerCase().replace(/^warning$/, 'warn') : value;
  return { value: known, origin: { source: 'environment', where: variable }, baseDir };
}

function checked(name: SettingName, found: Found, home: string): unknown {
  const kind: Kind<unknown> = SETTINGS[name].kind;
  const value = kind.read(found.value, found.baseDir, home);
  if (value !== undefined) return value;
  const came = (JSON.stringify(found.value) ?? String(found.value)).slice(0, 200);
  const fault = kind.fault?.(found.value) ?? null;
  throw new JobError(
    'bad_configuration',
    `${name}: ${came} from ${found.origin.where} is not allowed${fault === null ? '' : `: ${fault}`} (allowed: ${kind.allowed})`,
    {
      // Most settings have no flag, and which have one is known to the command line alone.
      hint:
        found.origin.source === 'flag'
          ? `give ${flagOf(name)} one of what is allowed`
          : `change it in ${found.origin.where}`,
    },
  );
}

function toConfig(
  values: Values,
  home: string,
  settings: Config['settings'],
  host: HostEnvironment,
  env: NodeJS.ProcessEnv,
): Omit<Config, 'declaredAgents'> {
  const dbPath = values.db_path ?? join(home, 'agent-runner.db');
  return {
    home,
    agent: values.agent,
    agentCmd: values.agent_cmd,
    agentConfig: values.agent_config,
    agentIdleTimeoutS: values.agent_idle_timeout_s,
    agentMounts: values.agent_mounts,
    agentEnv: Object.fromEntries(values.agent_env.flatMap((name) => (env[name] ? [[name, env[name]]] : []))),
    model: values.model,
    models: modelsOf(values, env),
    modelWindow: values.model_window,
    mapTokens: values.map_tokens,
    phases: {
      mode: values.phases,
      explore: { agent: values.explore_agent, model: values.explore_model },
      plan: { agent: values.plan_agent, model: values.plan_model },
    },
    sandbox: { name: values.sandbox, roPaths: values['sandbox.ro_paths'] },
    network: values.network,
    budget: {
      max_cost_usd: values['budget.max_cost_usd'],
      max_tokens: values['budget.max_tokens'],
      max_turns: values['budget.max_turns'],
      timeout_s: values['budget.timeout_s'],
    },
    policy: policyOf(values),
    maxGateRuns: values.max_gate_runs,
    branchTemplate: values.branch_template,
    author: { name: values['author.name'], email: values['author.email'] },
    log: { level: values.log_level, format: values.log_format },
    dbPath,
    retry: { attempts: values['retry.attempts'], baseMs: values['retry.base_ms'] },
    worker: workerOf(values),
    server: serverOf(values),
    remote: {
      url: values.url,
      token: env['AGENT_RUNNER_TOKEN'] || null,
      tokenFile: values.token_file,
    },
    keep: {
      jobsDays: values.keep_jobs_days,
      workDays: values.keep_work_days,
      maxCacheBytes: values.max_cache_bytes,
    },
    webhooks: {
      secret: env['WEBHOOK_SECRET'] || null,
      allowInsecure: values.allow_insecure_webhooks,
      allow: values.webhook_allow,
    },
    github: githubOf(values, env),
    elsewhere: elsewhereOf(values),
    triggers: triggersOf(values, env),
    task: values.task,
    workspace: values.workspace,
    failAt: env['AGENT_RUNNER_FAIL_AT'] || null,
    host,
    settings: settings.map((one) => {
      // Two defaults follow from the environment; the list shows what is in force.
      if (one.name === 'home') return { ...one, value: home };
      return one.name === 'db_path' ? { ...one, value: dbPath } : one;
    }),
  };
}

/** Only what was set: the repository's own file fills the rest. */
function policyOf(values: Values): Config['policy'] {
  const policy = {
    on_red: values['policy.on_red'],
    on_inconclusive: values['policy.on_inconclusive'],
    on_none: values['policy.on_none'],
    on_tamper: values['policy.on_tamper'],
  };
  return Object.fromEntries(Object.entries(policy).filter(([, rule]) => rule !== null));
}

function workerOf(values: Values): Config['worker'] {
  return {
    enabled: values.enabled,
    concurrency: values.max_concurrent_jobs,
    perRepo: values.max_jobs_per_repo,
    drainMs: values.drain_s * 1000,
    minFreeBytes: values.min_free_bytes,
  };
}

function serverOf(values: Values): Config['server'] {
  return {
    host: values.host,
    port: values.port,
    publicUrl: values.public_url,
    requestsPerMinute: values.requests_per_minute,
    repoPaths: values.repo_paths,
  };
}

function modelsOf(values: Values, env: NodeJS.ProcessEnv): ModelsConfig {
  return {
    providers: providerAccess(values.providers, env),
    llm: { baseUrl: values.llm_base_url, key: env['LLM_API_KEY'] || null },
    prices: values.prices,
    budgets: values.budgets,
    allowUnpriced: values.allow_unpriced,
    maxCalls: values.max_calls,
    guards: {
      maxCallsPerMinute: values.max_calls_per_minute,
      maxIdenticalCalls: values.max_identical_calls,
      maxFailedCalls: values.max_failed_calls,
    },
  };
}

function absoluteOr(value: string | undefined, fallback: string): string {
  return value !== undefined && isAbsolute(value) ? value : fallback;
}

/** A copy of this process's environment: the one place that touches `process.env`. */
export function readEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env };
}

/** Whether output to a stream is coloured: `NO_COLOR` and `FORCE_COLOR` decide, else whether it is a terminal. */
export function wantsColour(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, TERM } = env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  if (CLICOLOR_FORCE !== undefined && CLICOLOR_FORCE !== '' && CLICOLOR_FORCE !== '0') return true;
  return isTerminal && TERM !== 'dumb';
}

/** Whether a terminal shows more than ASCII: a locale that names another character set says that it does not. */
export function showsUnicode({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): boolean {
  const locale = [LC_ALL, LC_CTYPE, LANG].find((one) => one !== undefined && one !== '');
  return locale === undefined || /utf-?8/i.test(locale);
}
