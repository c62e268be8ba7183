/** Who serves models: where, in which dialects, with which key; and what a name like `openai/gpt-6-sol` means. */
import { JobError } from '../job/error.ts';
import type { ModelDialect } from '../job/model/call.ts';

/** One provider as it is used. */
export interface Provider {
  readonly name: string;
  /** Without a slash at its end; for the dialects of OpenAI with the version (`/v1`). */
  readonly baseUrl: string;
  /** The real key, sent to `baseUrl` and nowhere else; `null` where none is needed. */
  readonly key: string | null;
  readonly dialects: readonly ModelDialect[];
  /** Whether the key is always a bearer token; else each dialect's own header. */
  readonly bearer: boolean;
  /** Whether its models run on one's own machine and cost nothing. */
  readonly free: boolean;
}

/** A provider as the configuration says it; what is absent is as that of the known provider of the name. */
export interface ProviderSettings {
  readonly base_url?: string;
  readonly key?: string | null;
  readonly dialects?: readonly ModelDialect[];
}

const OPENAI_DIALECTS = ['openai-chat', 'openai-responses'] as const;
const KNOWN: Readonly<Record<string, Omit<Provider, 'name' | 'key'>>> = {
  anthropic: { baseUrl: 'https://api.anthropic.com', dialects: ['anthropic'], bearer: false, free: false },
  openai: { baseUrl: 'https://api.openai.com/v1', dialects: OPENAI_DIALECTS, bearer: false, free: false },
  google: {
    baseUrl: 'https://generativelanguage.googleapis.com',
    dialects: ['gemini'],
    bearer: false,
    free: false,
  },
  openrouter: {
    baseUrl: 'https://openrouter.ai/api/v1',
    dialects: [...OPENAI_DIALECTS, 'anthropic'],
    bearer: true,
    free: false,
  },
  openhands: {
    baseUrl: 'https://llm-proxy.app.all-hands.dev/v1',
    dialects: ['openai-chat'],
    bearer: true,
    free: false,
  },
  ollama: {
    baseUrl: 'http://127.0.0.1:11434/v1',
    dialects: [...OPENAI_DIALECTS, 'anthropic'],
    bearer: true,
    free: true,
  },
};
/** Other names of known providers. */
const ALIASES: Readonly<Record<string, string>> = { gemini: 'google' };

/**
 * The current mid-size model of each provider whose key alone may be there, in the order in which keys are looked
 * for; as of the price table's date.
 */
export const DEFAULT_MODELS: readonly (readonly [provider: string, model: string])[] = [
  ['anthropic', 'claude-sonnet-5'],
  ['openai', 'gpt-6-sol'],
  ['google', 'gemini-3.8-flash'],
];

/** A base URL in its one form; one of OpenAI's dialects without any path gets the version that all of them have. */
function baseUrlOf(name: string, text: string, dialects: readonly ModelDialect[]): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw new JobError(
      'bad_configuration',
      `providers: ${name}: ${JSON.stringify(text.slice(0, 200))} is no base URL`,
      {
        hint: 'give an http or https URL without user, password and query, such as https://api.example.com/v1',
      },
    );
  }
  const path = url.pathname.replace(/\/+$/, '');
  const isOpenAi = dialects.some((dialect) => dialect.startsWith('openai'));
  return `${url.origin}${path === '' && isOpenAi ? '/v1' : path}`;
}

/**
 * All providers: the known ones, and those that the configuration adds or changes.
 *
 * @throws JobError `bad_configuration`: a base URL that is none, a new provider without one
 */
export function resolveProviders(
  settings: Readonly<Record<string, ProviderSettings>>,
): ReadonlyMap<string, Provider> {
  const names = new Set([...Object.keys(KNOWN), ...Object.keys(settings)]);
  const found = [...names].map((name): [string, Provider] => {
    const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
    const own = settings[name] ?? {};
    const dialects = own.dialects ?? known?.dialects ?? OPENAI_DIALECTS;
    const baseUrl = own.base_url ?? known?.baseUrl;
    if (baseUrl === undefined) {
      throw new JobError('bad_configuration', `providers: ${name} has no base_url`, {
        hint: `only ${Object.keys(KNOWN).join(', ')} are known without one`,
      });
    }
    const rest = { bearer: known?.bearer ?? false, free: known?.free ?? false };
    return [
      name,
      { name, baseUrl: baseUrlOf(name, baseUrl, dialects), key: own.key ?? null, dialects, ...rest },
    ];
  });
  return new Map(found);
}

/** A model and who serves it. */
export interface ModelRef {
  readonly provider: Provider;
  /** The name at the provider. */
  readonly model: string;
}

/**
 * Finds who serves `provider/model`. A name without a known provider is `fallback`'s, slashes and all.
 *
 * @throws JobError `bad_configuration` that names what is known
 */
export function findModel(
  providers: ReadonlyMap<string, Provider>,
  name: string,
  fallback: string | null,
): ModelRef {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const named = providers.get(ALIASES[first] ?? first);
  if (named !== undefined && slash + 1 < name.length)
    return { provider: named, model: name.slice(slash + 1) };
  const other = fallback === null ? undefined : providers.get(fallback);
  if (other !== undefined) return { provider: other, model: name };
  throw new JobError(
    'bad_configuration',
    `model: ${JSON.stringify(name.slice(0, 200))} names no known provider`,
    {
      hint: `write provider/model; known are ${[...providers.keys()].join(', ')}`,
    },
  );
}

/** Throws `bad_configuration` unless the provider speaks one of the dialects an agent can speak. */
export function requireDialect(ref: ModelRef, dialects: readonly ModelDialect[], agent: string): void {
  if (dialects.some((dialect) => ref.provider.dialects.includes(dialect))) return;
  const { name, dialects: spoken } = ref.provider;
  throw new JobError(
    'bad_configuration',
    `model: ${name}/${ref.model} can't be used by ${agent}: ${name} speaks ${spoken.join(', ')}, ${agent} ${dialects.join(', ')}`,
    { hint: 'take a model of another provider, or another agent; dialects are not translated' },
  );
}
