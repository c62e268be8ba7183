/** Settings of models: who serves them, what they cost, what all jobs together may spend. */
import { MODEL_DIALECTS, type ModelDialect } from '../job/model/call.ts';
import type { Kind } from './kinds.ts';

/** A provider as the user's settings name it. The key itself is never a setting, only the variable that holds it. */
export interface ProviderSetting {
  readonly base_url?: string;
  readonly key_env?: string;
  readonly dialects?: readonly ModelDialect[];
}
/** Dollars for a million tokens. */
export interface PriceSetting {
  readonly input: number;
  readonly output: number;
  readonly cache_read?: number;
  readonly cache_write?: number;
  readonly max_output?: number;
  /** Tokens it reads and writes in one call. */
  readonly window?: number;
}
/** What the jobs of a session, those on one repository in a day, or all jobs of a day may spend. */
export interface BudgetSetting {
  readonly max_cost_usd?: number;
  readonly max_tokens?: number;
  readonly max_calls?: number;
}
export const BUDGET_SCOPES = ['session', 'repository', 'day'] as const;
export type BudgetScope = (typeof BUDGET_SCOPES)[number];

const MAX_ENTRIES = 200;
const NAME = /^[A-Za-z0-9][\w.:@/+-]{0,199}$/;

type Check = (value: unknown) => boolean;

/** A map whose names and entries are allowed; entries hold no fields but those checked. */
function mapOf<T>(
  allowed: string,
  name: Check,
  fields: Readonly<Record<string, Check>>,
  required: readonly string[],
): Kind<Readonly<Record<string, T>>> {
  const isEntry = (entry: unknown): boolean => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return false;
    const isField = ([field, value]: [string, unknown]): boolean => fields[field]?.(value) === true;
    return Object.entries(entry).every(isField) && required.every((field) => Object.hasOwn(entry, field));
  };
  return {
    allowed,
    read(value) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
      const entries = Object.entries(value);
      const isAllowed =
        entries.length <= MAX_ENTRIES && entries.every(([one, entry]) => name(one) && isEntry(entry));
      return isAllowed ? (value as Readonly<Record<string, T>>) : undefined;
    },
  };
}

const isName: Check = (value) => typeof value === 'string' && NAME.test(value);
const isRate: Check = (value) => typeof value === 'number' && value >= 0 && value <= 1e6;
const isCount: Check = (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0;
const isDialect: Check = (value) => MODEL_DIALECTS.some((one) => one === value);

export const providersKind: Kind<Readonly<Record<string, ProviderSetting>>> = mapOf(
  `a map of names to base_url, key_env (the variable that holds the key) and dialects (${MODEL_DIALECTS.join(', ')})`,
  (one) => typeof one === 'string' && /^[a-z][a-z0-9_-]{0,49}$/.test(one),
  {
    base_url: (value) => typeof value === 'string' && /^https?:\/\/\S{1,500}$/.test(value),
    key_env: (value) => typeof value === 'string' && /^[A-Za-z_]\w{0,99}$/.test(value),
    dialects: (value) => Array.isArray(value) && value.length > 0 && value.every(isDialect),
  },
  [],
);
export const pricesKind: Kind<Readonly<Record<string, PriceSetting>>> = mapOf(
  'a map of provider/model to input, output, cache_read, cache_write (dollars for a million tokens), max_output and window (tokens)',
  isName,
  {
    input: isRate,
    output: isRate,
    cache_read: isRate,
    cache_write: isRate,
    max_output: isCount,
    window: isCount,
  },
  ['input', 'output'],
);
export const budgetsKind: Kind<Readonly<Partial<Record<BudgetScope, BudgetSetting>>>> = mapOf(
  `a map of ${BUDGET_SCOPES.join(', ')} to max_cost_usd, max_tokens and max_calls`,
  (one) => BUDGET_SCOPES.some((scope) => scope === one),
  { max_cost_usd: isRate, max_tokens: isCount, max_calls: isCount },
  [],
);

/** Variables that hold a provider's key and base URL unless a setting says otherwise. */
const VARIABLES: Readonly<Record<string, { readonly key: readonly string[]; readonly baseUrl?: string }>> = {
  anthropic: { key: ['ANTHROPIC_API_KEY'], baseUrl: 'ANTHROPIC_BASE_URL' },
  openai: { key: ['OPENAI_API_KEY'], baseUrl: 'OPENAI_BASE_URL' },
  google: { key: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'], baseUrl: 'GOOGLE_GEMINI_BASE_URL' },
  openrouter: { key: ['OPENROUTER_API_KEY'] },
  openhands: { key: ['OPENHANDS_API_KEY'] },
  ollama: { key: ['OLLAMA_API_KEY'] },
};

/** A provider with its real key, which is shown nowhere. */
export interface ProviderAccess {
  readonly base_url?: string;
  readonly dialects?: readonly ModelDialect[];
  readonly key: string | null;
}

/** Who serves models, with the keys that the environment holds. An empty variable is not set. */
export function providerAccess(
  settings: Readonly<Record<string, ProviderSetting>>,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, ProviderAccess>> {
  const names = new Set([...Object.keys(VARIABLES), ...Object.keys(settings)]);
  const valueOf = (variables: readonly (string | undefined)[]): string | null =>
    variables.map((one) => (one === undefined ? '' : (env[one] ?? ''))).find((value) => value !== '') ?? null;
  const found = [...names].map((name): [string, ProviderAccess] => {
    const known = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined;
    const { key_env: variable, base_url: own, dialects } = settings[name] ?? {};
    const baseUrl = own ?? valueOf([known?.baseUrl]);
    return [
      name,
      {
        ...(baseUrl === null ? {} : { base_url: baseUrl }),
        ...(dialects === undefined ? {} : { dialects }),
        key: valueOf(variable === undefined ? (known?.key ?? []) : [variable]),
      },
    ];
  });
  return Object.fromEntries(found);
}
