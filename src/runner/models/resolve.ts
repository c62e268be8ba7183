/** Which model a job uses and who serves it, from the user's configuration; and whether its agent can use it. */
import type { Agent } from '../../agent/agent.ts';
import type { Config } from '../../config.ts';
import {
  DEFAULT_MODELS,
  findModel,
  requireDialect,
  resolveProviders,
  type ModelRef,
  type Provider,
  type ProviderSettings,
} from '../../gateway/providers.ts';
import { createPriceBook, type PriceBook } from '../../gateway/spend/prices.ts';
import { JobError } from '../../job/error.ts';

/** Who serves a model of which only the base URL is known. */
const CUSTOM = 'custom';

/** The models that can be reached through the gateway. */
export interface Models {
  readonly prices: PriceBook;
  /** The real keys, which must be shown nowhere. */
  readonly keys: readonly string[];
  /**
   * Who serves a model; `null` where nothing is configured for it and the agent reaches it by itself or not at all.
   *
   * @param name as the user wrote it; `null`: the default of the provider whose key is there
   * @throws JobError `bad_configuration` when several providers could be meant
   */
  find(name: string | null): ModelRef | null;
  /** Tokens that a model reads at once, as the user or the table says; `null`: nobody knows. */
  windowOf(name: string | null): number | null;
}

/** Which provider `LLM_BASE_URL` and `LLM_API_KEY` are about; `null` when nothing says so. */
function llmTarget(config: Config, known: ReadonlyMap<string, Provider>): string | null {
  const { llm } = config.models;
  if (llm.baseUrl === null && llm.key === null) return null;
  const prefix = config.model?.includes('/') === true ? config.model : null;
  if (prefix !== null) {
    try {
      return findModel(known, prefix, null).provider.name;
    } catch {
      // No known provider's name: the slash is a part of the model's.
    }
  }
  return llm.baseUrl === null ? null : CUSTOM;
}

/**
 * Reads the user's configuration of models.
 *
 * @throws JobError `bad_configuration`: a provider without a base URL, or one that is none
 */
export function resolveModels(config: Config): Models {
  const { llm, prices: own } = config.models;
  const settings: Record<string, ProviderSettings> = { ...config.models.providers };
  const target = llmTarget(config, resolveProviders(settings));
  if (target !== null) {
    const before = settings[target] ?? {};
    settings[target] = {
      ...before,
      ...(llm.baseUrl === null ? {} : { base_url: llm.baseUrl }),
      key: llm.key ?? before.key ?? null,
    };
  }
  const providers = resolveProviders(settings);
  const all = [...providers.values()];
  const prices = createPriceBook(
    own,
    all.flatMap((one) => (one.free ? [one.name] : [])),
  );
  const isUsable = ({ name, key, free }: Provider): boolean =>
    key !== null || free || settings[name]?.base_url !== undefined;

  const byDefault = (): ModelRef | null => {
    const found = DEFAULT_MODELS.find(([name]) => (providers.get(name)?.key ?? null) !== null);
    return found === undefined ? null : findModel(providers, found.join('/'), null);
  };

  /** Who serves a name without a provider: the one base URL, the one key, or the one whose price list has it. */
  const unprefixed = (name: string): ModelRef | null => {
    if (target !== null) return findModel(providers, name, target);
    const keyed = all.filter((one) => one.key !== null);
    const listed = keyed.filter((one) => prices.priceOf(one.name, name) !== null);
    const [first, second] = listed.length > 0 ? listed : keyed;
    if (first === undefined) return null;
    if (second === undefined) return { provider: first, model: name };
    throw new JobError('bad_configuration', `model: ${JSON.stringify(name)} may be of several providers`, {
      hint: `write provider/model; there are keys of ${keyed.map((one) => one.name).join(', ')}`,
    });
  };

  const find = (name: string | null): ModelRef | null => {
    if (name === null) return byDefault();
    let named: ModelRef | null = null;
    try {
      named = findModel(providers, name, null);
    } catch {
      return unprefixed(name);
    }
    return isUsable(named.provider) ? named : null;
  };

  return {
    prices,
    keys: all.flatMap((one) => (one.key === null ? [] : [one.key])),
    find,
    windowOf(name) {
      if (config.modelWindow !== null) return config.modelWindow;
      try {
        const ref = find(name);
        if (ref !== null) return prices.windowOf(ref.provider.name, ref.model);
      } catch (error) {
        // Whose model it is is asked elsewhere, and matters there.
        if (!(error instanceof JobError)) throw error;
      }
      // An agent with a login of its own may be asked for a model that the table knows.
      const [, provider = '', model = name ?? ''] = /^([^/]+)\/(.+)$/.exec(name ?? '') ?? [];
      return prices.windowOf(provider, model);
    },
  };
}

/** Whether an agent uses models at all. */
export function usesModels({ needs }: Agent): boolean {
  return needs.dialects === undefined || needs.dialects.length > 0;
}

/**
 * Checks before a job starts what would stop it later: a dialect that the provider does not speak, a cap on money
 * without a price.
 *
 * @throws JobError `bad_configuration`
 */
export function checkModel(
  models: Models,
  use: { readonly agent: Agent; readonly model: string | null; readonly maxCostUsd: number | null },
  allowUnpriced: boolean,
): void {
  const { agent, model, maxCostUsd } = use;
  if (!usesModels(agent)) return;
  const ref = models.find(agent.model ?? model);
  if (ref === null) {
    if (agent.inProcess !== true) return;
    const name = agent.model ?? model;
    throw new JobError(
      'bad_configuration',
      `model: ${agent.name} needs one${name === null ? '' : `, and nobody is known who serves ${JSON.stringify(name.slice(0, 200))}`}`,
      { hint: 'name provider/model, and set its key (ANTHROPIC_API_KEY, OPENAI_API_KEY, …) or LLM_BASE_URL' },
    );
  }
  if (agent.needs.dialects !== undefined) requireDialect(ref, agent.needs.dialects, agent.name);
  const { name } = ref.provider;
  if (maxCostUsd === null || allowUnpriced || models.prices.priceOf(name, ref.model) !== null) return;
  throw new JobError(
    'bad_configuration',
    `max_cost_usd: nobody knows the price of ${name}/${ref.model}, so ${maxCostUsd} dollars can't be kept`,
    { hint: `set prices in your settings, or --max-cost-usd none, or --allow-unpriced` },
  );
}
