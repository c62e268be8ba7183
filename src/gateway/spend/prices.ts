/**
 * What tokens cost. The table is vendored with its date, source and licence (`prices.json`), and a user's own
 * prices win over it. Money is counted in millionths of a millionth of a dollar: a price per million tokens of up
 * to six decimals is a whole number of them per token, so sums are exact.
 */
import table from './prices.json' with { type: 'json' };

/** Dollars for a million tokens. */
export interface Rates {
  readonly input: number;
  readonly output: number;
  /** The price of input where it is absent. */
  readonly cache_read?: number;
  readonly cache_write?: number;
}

/** The rates of one model. */
export interface Price extends Rates {
  /** Most tokens it writes in one answer. */
  readonly max_output?: number;
  /** Most tokens it reads and writes in one call. */
  readonly window?: number;
  /** Rates of calls that read more than so many tokens. */
  readonly above?: readonly (Rates & { readonly input_tokens: number })[];
}

/** Tokens of one call, as a provider counts them. */
export interface Tokens {
  /** Read fresh: neither from the cache nor written to it. */
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  /** Of `cacheWrite`, those kept for an hour, which cost more. */
  readonly cacheWriteLong: number;
  /** Everything written, reasoning included. */
  readonly output: number;
  readonly reasoning: number;
}

/** Prices by `provider/model`. */
export interface PriceBook {
  /** Where they come from, and of which day. */
  readonly source: string;
  /** `null`: nobody knows. */
  priceOf(provider: string, model: string): Price | null;
  /** Tokens that a model reads and writes in one call; `null`: nobody knows. */
  windowOf(provider: string, model: string): number | null;
}

/** What a dollar is made of. */
export const PICO_USD = 1e12;
/** Picodollars a token for one dollar a million tokens. */
const PICO_PER_RATE = 1e6;
/** Anthropic's price of a cache entry that is kept for an hour, against the price of input. */
const LONG_CACHE_FACTOR = 2;

/** Names under which a model is looked up: as it is, without a date or `-latest` at its end, after the last slash. */
function namesOf(provider: string, model: string): readonly string[] {
  const plain = model.replace(/^models\//, '');
  const undated = plain.replace(/[-@](?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$/, '');
  return [`${provider}/${plain}`, `${provider}/${undated}`, plain];
}

/**
 * Makes the book of prices.
 *
 * @param own a user's prices, by `provider/model`, or by a model's name whoever serves it
 * @param free providers whose models cost nothing, because they run on one's own machine
 */
export function createPriceBook(
  own: Readonly<Record<string, Price>> = {},
  free: readonly string[] = [],
): PriceBook {
  const vendored: Readonly<Record<string, Price>> = table.models;
  return {
    source: `${table.source}, of ${table.date} (${table.licence})`,
    priceOf(provider, model) {
      const names = namesOf(provider, model);
      for (const prices of [own, vendored]) {
        const found = names.find((name) => Object.hasOwn(prices, name));
        if (found !== undefined) return prices[found] ?? null;
      }
      return free.includes(provider) ? { input: 0, output: 0 } : null;
    },
    windowOf(provider, model) {
      const entries = [own, vendored].flatMap((prices) =>
        namesOf(provider, model).flatMap((name) => (Object.hasOwn(prices, name) ? (prices[name] ?? []) : [])),
      );
      return entries.find(({ window }) => window !== undefined)?.window ?? null;
    },
  };
}

/** All that a call read. */
export function tokensIn(tokens: Tokens): number {
  return tokens.input + tokens.cacheRead + tokens.cacheWrite;
}

/** What a call costs in picodollars: the sum over its tokens, at the rates of its size. */
export function costOf(price: Price, tokens: Tokens): number {
  const size = tokensIn(tokens);
  const tier = (price.above ?? [])
    .filter((one) => size > one.input_tokens)
    .toSorted((a, b) => b.input_tokens - a.input_tokens)[0];
  const rates: Rates = tier ?? price;
  const { input, output, cache_read: read = input, cache_write: write = input } = rates;
  const short = tokens.cacheWrite - tokens.cacheWriteLong;
  const parts = [
    [tokens.input, input],
    [tokens.cacheRead, read],
    [short, write],
    [tokens.cacheWriteLong, Math.max(write, input * LONG_CACHE_FACTOR)],
    [tokens.output, output],
  ] as const;
  return parts.reduce((sum, [count, rate]) => sum + count * Math.round(rate * PICO_PER_RATE), 0);
}

/** Picodollars as dollars. */
export function toUsd(pico: number): number {
  return pico / PICO_USD;
}
