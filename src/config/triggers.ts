/** What is done about events of a forge, from settings and environment. */
import { DEFAULT_RULES, RULE_KINDS, type TriggerRule } from '../job/trigger/rules.ts';
import type { TriggerSettings } from '../job/trigger/decide.ts';
import { JobError } from '../job/error.ts';
import { MAX_PRIORITY, parseLabels } from '../job/request.ts';
import type { Kind } from './kinds.ts';
import type { Values } from './settings.ts';

/** How events are received and decided on. The secrets are shown nowhere. */
export interface TriggersConfig extends TriggerSettings {
  /** Repositories that are looked at, as `owner/name` in lower case. */
  readonly repositories: readonly string[];
  /** Pause between two looks at one; 0 is no look at all. */
  readonly pollMs: number;
  /** Those that deliveries may be signed with; empty: none are taken. */
  readonly secrets: readonly string[];
}

const MAX_REPOSITORIES = 200;
const MAX_RULES = 50;
const REPOSITORY = /^[A-Za-z0-9][\w.-]{0,99}\/[\w.-]{1,100}$/;
const OWNED = /^[A-Za-z0-9][\w.-]{0,99}\/(?:[\w.-]{1,100}|\*)$/;
const NAME = /^[^\p{Cc}]{1,200}$/u;

function listOf(value: unknown, form: RegExp, most: number): readonly string[] | undefined {
  const list: unknown = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value;
  if (!Array.isArray(list) || list.length > most) return undefined;
  const isNamed = (one: unknown): one is string => typeof one === 'string' && form.test(one);
  return list.every(isNamed) ? list.map((one) => one.toLowerCase()) : undefined;
}

/** Repositories of the forge. */
export const repositoriesKind: Kind<readonly string[]> = {
  allowed: `a list of at most ${MAX_REPOSITORIES} repositories as owner/name (in the environment and in flags separated by ",")`,
  read: (value) => listOf(value, REPOSITORY, MAX_REPOSITORIES),
};

function areLabels(value: unknown): boolean {
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) return false;
  try {
    parseLabels(value);
    return true;
  } catch {
    return false;
  }
}

const isName = (value: unknown): boolean =>
  typeof value === 'string' && NAME.test(value) && value.trim() === value;

/** Each field of a rule, and what it may be. */
const FIELDS: Readonly<Record<keyof TriggerRule, (value: unknown) => boolean>> = {
  on: (value) => RULE_KINDS.some((kind) => kind === value),
  label: isName,
  repositories: (value) => listOf(value, OWNED, MAX_REPOSITORIES) !== undefined && Array.isArray(value),
  agent: isName,
  model: isName,
  draft: (value) => typeof value === 'boolean',
  priority: (value) => Number.isInteger(value) && Math.abs(Number(value)) <= MAX_PRIORITY,
  labels: areLabels,
  max_cost_usd: (value) => typeof value === 'number' && value >= 0 && value <= 1e6,
};

/** What is wrong with a rule; `null` where nothing is. */
function ruleFault(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is no mapping';
  if (!('on' in value)) return 'on is missing';
  if ('label' in value && value.on !== 'label') return 'label stands with on: label alone';
  const checks: Readonly<Record<string, (value: unknown) => boolean>> = FIELDS;
  for (const [name, one] of Object.entries(value)) {
    if (!Object.hasOwn(checks, name)) return `there is no field ${JSON.stringify(name.slice(0, 50))}`;
    if (checks[name]?.(one) !== true) return `${name} can't be ${JSON.stringify(one).slice(0, 100)}`;
  }
  return null;
}

function isRule(value: unknown): value is TriggerRule {
  return ruleFault(value) === null;
}

function plainRule(rule: TriggerRule): TriggerRule {
  const { repositories } = rule;
  return repositories === undefined
    ? rule
    : { ...rule, repositories: repositories.map((one) => one.toLowerCase()) };
}

/** Rules, the first that fits counts; none at all acts on nothing. */
export const rulesKind: Kind<readonly TriggerRule[]> = {
  allowed: `a list of at most ${MAX_RULES} rules, each with on (${RULE_KINDS.join(', ')}) and, where wanted, label (with on: label), repositories (owner/name or owner/*), agent, model, draft, priority, labels, max_cost_usd`,
  read(value) {
    if (!Array.isArray(value) || value.length > MAX_RULES || !value.every(isRule)) return undefined;
    return value.map(plainRule);
  },
  fault(value) {
    if (!Array.isArray(value)) return null;
    const at = value.findIndex((one) => !isRule(one));
    return at === -1 ? null : `in rule ${at + 1} ${ruleFault(value[at]) ?? ''}`;
  },
};

/** Fewer letters than these could be guessed from one delivery, in minutes. */
const MIN_SECRET_CHARS = 16;

function secretsOf(text: string): readonly string[] {
  const secrets = text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  if (secrets.every((one) => one.length >= MIN_SECRET_CHARS)) return secrets;
  throw new JobError(
    'bad_configuration',
    `GITHUB_WEBHOOK_SECRET: one of ${secrets.length} is shorter than ${MIN_SECRET_CHARS} characters`,
    { hint: 'make one by `openssl rand -hex 32`; several, for a change of secret, are separated by ","' },
  );
}

/** Triggers as settings and environment say. @throws JobError `bad_configuration` */
export function triggersOf(values: Values, env: NodeJS.ProcessEnv): TriggersConfig {
  return {
    repositories: values['triggers.repositories'],
    pollMs: values['triggers.poll_s'] * 1000,
    secrets: secretsOf(env['GITHUB_WEBHOOK_SECRET'] ?? ''),
    rules: values['triggers.rules'] ?? DEFAULT_RULES,
    fixes_per_head: values['triggers.fixes_per_head'],
    fixes_per_pull: values['triggers.fixes_per_pull'],
    turns_per_pull: values['triggers.turns_per_pull'],
  };
}
