/** The table of settings: what each may be, its default, and who may set it. Pure. */
import { JobError } from '../job/error.ts';
import { agentsKind } from './agents.ts';
import {
  budgetsKind,
  pricesKind,
  providersKind,
  type BudgetScope,
  type BudgetSetting,
  type PriceSetting,
  type ProviderSetting,
} from './models.ts';
import { repositoriesKind, rulesKind } from './triggers.ts';
import { hostsKind } from './webhooks.ts';
import {
  address,
  branchTemplate,
  flag,
  forgeAddress,
  identity,
  login,
  mounts,
  names,
  number,
  oneOf,
  optional,
  ownerName,
  path,
  paths,
  ref,
  setting,
  text,
  variables,
  webAddress,
  workflowFile,
  type AgentMount,
  type Setting,
} from './kinds.ts';
import { EXECUTORS } from '../job/elsewhere/executor.ts';
import type { TriggerRule } from '../job/trigger/rules.ts';
import { distance } from '../job/text/distance.ts';
import { PHASES_MODES } from '../job/phases/choose.ts';
import {
  DEFAULT_BUDGET,
  DEFAULT_MAX_GATE_RUNS,
  DEFAULT_POLICY,
  FORK_MODES,
  SANDBOX_NAMES,
} from '../job/request.ts';

/** Node's timers overflow after 24.8 days and then fire at once. */
const MAX_TIMEOUT_S = 14 * 24 * 3600;

/** Where a value came from; `where` is the flag, the variable, or `file:line`. */
export interface Origin {
  readonly source: 'flag' | 'environment' | 'project' | 'user' | 'default';
  readonly where: string;
}

const IN_PROJECT = { project: true } as const;
const NO_LIMIT = { project: true, unset: 'no limit' } as const;
/** What the repository's own file may say instead. */
const ownOr = (rule: string | number): { readonly project: true; readonly unset: string } => ({
  project: true,
  unset: `${rule}, unless .agent-runner.yml says otherwise`,
});
const block = optional(oneOf('block', 'draft'));
const blockOrOpen = optional(oneOf('block', 'draft', 'open'));

/** Every setting there is: the one table behind `config list`, the documentation and the errors. */
export const SETTINGS = {
  agent: setting(optional(text), null, 'agent that edits, by name', {
    unset: 'command, where agent_cmd is set',
  }),
  agents: setting<Readonly<Record<string, unknown>>>(agentsKind, {}, 'agents of your own, by name'),
  agent_cmd: setting(optional(text), null, 'shell command of an agent; {prompt_file} is replaced', {
    env: 'AGENT_CMD',
  }),
  agent_config: setting(optional(path), null, 'file with standing rules for the agent', {
    env: 'AGENT_CONFIG',
    unset: 'those of the repository, such as AGENTS.md',
  }),
  agent_idle_timeout_s: setting(number(1, 86_400), 600, 'longest silence of an agent, in seconds'),
  agent_mounts: setting<readonly AgentMount[]>(
    mounts,
    [],
    "files of the host that the agent's sandbox shows",
  ),
  agent_env: setting<readonly string[]>(variables, [], 'variables of yours that the agent is given, by name'),
  model: setting(optional(text), null, 'model the agent is asked to use', {
    env: 'LLM_MODEL',
    unset: "the agent's own",
  }),
  llm_base_url: setting(optional(text), null, 'where the model is served, instead of at its provider', {
    env: 'LLM_BASE_URL',
    unset: "the provider's own",
  }),
  providers: setting<Readonly<Record<string, ProviderSetting>>>(providersKind, {}, 'who serves models'),
  prices: setting<Readonly<Record<string, PriceSetting>>>(pricesKind, {}, 'dollars for a million tokens'),
  budgets: setting<Readonly<Partial<Record<BudgetScope, BudgetSetting>>>>(
    budgetsKind,
    {},
    'what all jobs may spend in a day (UTC), those on one repository in a day, and those of one session',
  ),
  allow_unpriced: setting(flag, false, 'whether a model may be used whose price nobody knows'),
  max_calls: setting(optional(number(1, 1e9)), null, 'calls to models that a job may make', {
    unset: 'no limit',
  }),
  max_calls_per_minute: setting(number(1, 1e6), 300, 'calls to models within a minute that stop an agent'),
  max_identical_calls: setting(number(2, 1e6), 4, 'identical tool calls in a row that stop an agent'),
  max_failed_calls: setting(number(1, 1e6), 12, 'failed calls to models in a row that stop an agent'),
  phases: setting(oneOf(...PHASES_MODES), 'auto', 'whether a job is explored and planned first', {
    env: 'AGENT_RUNNER_PHASES',
  }),
  explore_agent: setting(optional(text), null, 'agent that explores', { unset: 'the one that builds' }),
  explore_model: setting(optional(text), null, 'model it is asked to use', { unset: "the builder's" }),
  plan_agent: setting(optional(text), null, 'agent that plans', { unset: 'the one that builds' }),
  plan_model: setting(optional(text), null, 'model it is asked to use', { unset: "the builder's" }),
  model_window: setting(optional(number(1000, 1e8)), null, 'tokens the model can read at once', {
    unset: 'as the table of models says, else 200,000',
  }),
  map_tokens: setting(optional(number(0, 1e7)), null, 'tokens of the repository map in a prompt; 0 is none', {
    unset: '5 % of model_window, at most 10,000',
  }),
  sandbox: setting(oneOf(...SANDBOX_NAMES), 'auto', 'where agent and checks run', {
    env: 'AGENT_RUNNER_SANDBOX',
  }),
  'sandbox.ro_paths': setting<readonly string[]>(paths, [], 'further paths that can be read in the sandbox'),
  network: setting(flag, false, 'whether the agent reaches the network; checks stay offline'),
  home: setting(optional(path), null, 'where jobs, mirrors and logs are kept', {
    env: 'AGENT_RUNNER_HOME',
    unset: '~/.local/share/agent-runner',
  }),
  db_path: setting(optional(path), null, 'database file', {
    env: 'AGENT_RUNNER_DB_PATH',
    unset: 'agent-runner.db in home',
  }),
  max_gate_runs: setting(
    optional(number(1, 50)),
    null,
    'gate runs before a job ends as gate_failed',
    ownOr(DEFAULT_MAX_GATE_RUNS),
  ),
  'budget.max_cost_usd': setting(
    optional(number(0, 1_000_000, 'decimal')),
    DEFAULT_BUDGET.max_cost_usd,
    'dollars a job may spend',
    NO_LIMIT,
  ),
  'budget.max_tokens': setting(
    optional(number(1, 1e12)),
    DEFAULT_BUDGET.max_tokens,
    'tokens a job may use',
    NO_LIMIT,
  ),
  'budget.max_turns': setting(
    optional(number(1, 500)),
    DEFAULT_BUDGET.max_turns,
    'turns an agent may take',
    NO_LIMIT,
  ),
  'budget.timeout_s': setting(
    number(1, MAX_TIMEOUT_S),
    DEFAULT_BUDGET.timeout_s,
    'seconds the agent may work in all',
    IN_PROJECT,
  ),
  'policy.on_red': setting(
    block,
    null,
    'what happens to a change that stays red',
    ownOr(DEFAULT_POLICY.on_red),
  ),
  'policy.on_inconclusive': setting(
    blockOrOpen,
    null,
    'what happens when a check could not be judged',
    ownOr(DEFAULT_POLICY.on_inconclusive),
  ),
  'policy.on_none': setting(
    blockOrOpen,
    null,
    'what happens when there are no checks',
    ownOr(DEFAULT_POLICY.on_none),
  ),
  'policy.on_tamper': setting(
    optional(oneOf('block', 'draft', 'allow')),
    null,
    'what happens to a change that weakens its own judge',
    ownOr(DEFAULT_POLICY.on_tamper),
  ),
  branch_template: setting(branchTemplate, 'bot/<job_id>', 'name of the branch a job makes'),
  github_url: setting(forgeAddress, 'https://github.com', 'GitHub server where owner/name lives', {
    env: 'GITHUB_SERVER_URL',
  }),
  github_api_url: setting(optional(forgeAddress), null, 'its REST interface', {
    env: 'GITHUB_API_URL',
    unset: 'https://api.github.com, for other servers github_url with /api/v3',
  }),
  bot_username: setting(optional(login), null, 'account that BOT_TOKEN is of', {
    env: 'BOT_USERNAME',
    unset: 'asked of the server',
  }),
  github_app_id: setting(optional(text), null, 'GitHub App that proposes, instead of an account', {
    env: 'GITHUB_APP_ID',
  }),
  github_app_key_file: setting(optional(path), null, "file with the App's private key", {
    env: 'GITHUB_APP_KEY_FILE',
  }),
  fork: setting(
    oneOf(...FORK_MODES),
    'auto',
    'whether the branch goes to a fork; auto: where the account may not push',
  ),
  fork_timeout_s: setting(
    number(0, 3600, 'decimal'),
    120,
    'seconds until the branches of a new fork must be there',
  ),
  fork_poll_s: setting(number(0, 3600, 'decimal'), 5, 'seconds between two looks at a new fork'),
  github_pace_ms: setting(
    number(0, 60_000),
    1000,
    'milliseconds a change asked of GitHub on the average (eight may follow at once), with at most 80 a minute and 500 an hour, kept by all processes of a home together; 0 for a server of your own without limits',
  ),
  executor: setting(optional(oneOf(...EXECUTORS)), null, 'where jobs are executed', {
    env: 'AGENT_RUNNER_EXECUTOR',
    unset: 'github-actions where runner_repo is set and the job can go there, else local',
  }),
  runner_repo: setting(optional(ownerName), null, 'repository whose workflow executes jobs', {
    env: 'RUNNER_REPO',
  }),
  runner_workflow: setting(workflowFile, 'run.yml', 'file of that workflow, in .github/workflows'),
  runner_ref: setting(optional(ref), null, 'branch or tag it is taken from', { unset: 'the default branch' }),
  triggered_timeout_s: setting(
    number(1, MAX_TIMEOUT_S),
    14_400,
    'seconds within which a run must have ended',
  ),
  run_poll_s: setting(number(1, 3600), 30, 'seconds between two looks at runs, of all processes of a home'),
  labels: setting<readonly string[]>(names, [], 'labels of pull requests'),
  reviewers: setting<readonly string[]>(names, [], 'who is asked to review: logins, and teams as org/team'),
  'triggers.repositories': setting<readonly string[]>(
    repositoriesKind,
    [],
    'repositories of the forge that are looked at for what happened there, besides those with open pull requests of ours',
  ),
  'triggers.poll_s': setting(
    number(0, 86_400),
    300,
    'seconds between two looks at each of them; 0: only webhooks tell what happened',
  ),
  'triggers.rules': setting<readonly TriggerRule[] | null>(
    optional(rulesKind),
    null,
    'what is acted on, and how; an empty list acts on nothing',
    { unset: 'one rule for each of label, assignment, comment, review and checks' },
  ),
  'triggers.fixes_per_head': setting(
    number(0, 100),
    3,
    'turns at red checks of one commit, before a person is needed',
  ),
  'triggers.fixes_per_pull': setting(number(0, 1000), 10, 'turns at red checks of one pull request in all'),
  'triggers.turns_per_pull': setting(
    number(1, 1000),
    50,
    'turns of one pull request, whoever asked for them',
  ),
  'author.name': setting(identity, 'agent-runner', 'author of the commits'),
  'author.email': setting(identity, 'agent-runner@localhost', 'address of the author of the commits'),
  'retry.attempts': setting(number(1, 20), 3, 'tries at a job when infrastructure fails'),
  'retry.base_ms': setting(
    number(0, 3_600_000),
    10_000,
    'wait before the second try in milliseconds; doubles each time',
  ),
  enabled: setting(flag, true, 'whether workers take jobs', { env: 'AGENT_RUNNER_ENABLED' }),
  max_concurrent_jobs: setting(number(1, 1000), 2, 'jobs that one worker runs at once'),
  max_jobs_per_repo: setting(
    optional(number(1, 1000)),
    null,
    'jobs of one repository that run at once, in all workers',
    { unset: 'no limit' },
  ),
  drain_s: setting(
    number(0, MAX_TIMEOUT_S),
    30,
    'seconds that running jobs may go on when a worker is stopped; then they are handed back',
  ),
  min_free_bytes: setting(
    number(0, 1e15),
    1024 ** 3,
    'bytes that must be free in home before a job is accepted into the queue or taken from it',
  ),
  keep_jobs_days: setting(number(1, 36_500), 30, 'days that logs, patches and events of ended jobs are kept'),
  keep_work_days: setting(number(1, 36_500), 90, 'days that saved work of ended jobs is kept'),
  max_cache_bytes: setting(
    number(0, 1e15),
    20 * 1024 ** 3,
    'bytes of mirrors, packs, warm trees, symbols and dependencies; the least recently used go first',
  ),
  webhook_allow: setting<readonly string[]>(hostsKind, [], 'hosts that callbacks may go to though private', {
    env: 'WEBHOOK_ALLOW',
  }),
  allow_insecure_webhooks: setting(flag, false, 'whether callbacks may go unsigned, and without TLS', {
    env: 'ALLOW_INSECURE_WEBHOOKS',
  }),
  host: setting(
    address,
    '127.0.0.1',
    'address that `up` listens on; beyond loopback it takes authentication',
    {
      env: 'HOST',
    },
  ),
  port: setting(number(0, 65_535), 8000, 'port that `up` listens on; 0 is any that is free', { env: 'PORT' }),
  public_url: setting(optional(webAddress), null, 'where the server is reached from outside', {
    env: 'AGENT_RUNNER_PUBLIC_URL',
    unset: 'the address it listens on',
  }),
  requests_per_minute: setting(
    number(0, 1e7),
    6000,
    'requests a minute that the server takes from one key, a sixth of them at once; 0 is no limit',
  ),
  repo_paths: setting<readonly string[]>(
    paths,
    [],
    'folders whose repositories a request to the server may name by their path',
    { unset: 'none; on loopback any, for keys of the role admin' },
  ),
  url: setting(optional(webAddress), null, 'server that keeps the jobs', {
    env: 'AGENT_RUNNER_URL',
    unset: 'the home folder keeps them',
  }),
  token_file: setting(optional(path), null, 'file with the key for that server, readable by you alone', {
    env: 'AGENT_RUNNER_TOKEN_FILE',
    unset: 'AGENT_RUNNER_TOKEN is the key',
  }),
  log_level: setting(oneOf('debug', 'info', 'warn', 'error'), 'info', 'least log level shown', {
    env: 'LOG_LEVEL',
  }),
  log_format: setting(oneOf('json', 'text'), 'json', 'form of log lines', { env: 'LOG_FORMAT' }),
  task: setting(optional(text), null, 'task when `run` is given none', { env: 'TASK_DESCRIPTION' }),
  workspace: setting(optional(text), null, 'repository when `run` is given none', {
    env: 'WORKSPACE',
    unset: 'the folder you stand in',
  }),
} as const satisfies Record<string, Setting<never> | Setting>;
export type SettingName = keyof typeof SETTINGS;
/** The value of every setting. */
export type Values = {
  readonly [N in SettingName]: (typeof SETTINGS)[N] extends Setting<infer T> ? T : never;
};
/** The names of all settings, in the order of the table. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** A value as it was found, before it is checked. */
export interface Found {
  readonly value: unknown;
  readonly origin: Origin;
  readonly baseDir: string;
}

/** The flag of a setting: its last part, because `--on-red` says enough. */
export function flagOf(name: SettingName): string {
  return `--${(name.split('.').at(-1) ?? name).replaceAll('_', '-')}`;
}

/** Whether there is a setting of this name. */
export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

/** The error for a name that no setting has, with the nearest one that there is. */
export function unknownSetting(name: string, where: string): JobError {
  const nearest = SETTING_NAMES.map((known) => ({ known, edits: distance(name, known) })).toSorted(
    (a, b) => a.edits - b.edits,
  )[0];
  const isNear = nearest !== undefined && nearest.edits <= Math.max(2, name.length / 3);
  return new JobError(
    'bad_configuration',
    `${name.slice(0, 100)}: there is no such setting (from ${where})`,
    {
      hint: isNear ? `did you mean ${nearest.known}?` : '`agent-runner config list` shows every setting',
    },
  );
}
