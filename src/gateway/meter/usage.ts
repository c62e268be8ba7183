/** What an answer says of the tokens it took, in each dialect. Every field is checked: it came over the wire. */
import type { ModelDialect } from '../../job/model/call.ts';
import { at, countAt } from '../../job/text/json.ts';
import type { Tokens } from '../spend/prices.ts';

/** Tokens, and the price that OpenRouter and its like name themselves. */
export interface Reported extends Tokens {
  readonly costUsd: number | null;
}

const NOTHING: Reported = {
  input: 0,
  cacheRead: 0,
  cacheWrite: 0,
  cacheWriteLong: 0,
  output: 0,
  reasoning: 0,
  costUsd: null,
};

function costAt(usage: unknown): number | null {
  const cost = at(usage, 'cost');
  return typeof cost === 'number' && Number.isFinite(cost) && cost >= 0 ? cost : null;
}

/** OpenAI counts what came from the cache as part of the input. */
function openAi(usage: unknown, names: { readonly input: string; readonly output: string }): Reported | null {
  const [input, output] = [countAt(usage, `${names.input}s`), countAt(usage, `${names.output}s`)];
  if (input === null && output === null) return null;
  const read = countAt(usage, `${names.input}s_details`, 'cached_tokens') ?? 0;
  const written =
    countAt(usage, `${names.input}s_details`, 'cache_write_tokens') ??
    countAt(usage, `${names.input}s_details`, 'cache_creation_tokens') ??
    0;
  return {
    ...NOTHING,
    input: Math.max(0, (input ?? 0) - read - written),
    cacheRead: read,
    cacheWrite: written,
    output: output ?? 0,
    reasoning: countAt(usage, `${names.output}s_details`, 'reasoning_tokens') ?? 0,
    costUsd: costAt(usage),
  };
}

/** Anthropic counts the cache beside the input. */
function anthropic(usage: unknown): Reported | null {
  const [input, output] = [countAt(usage, 'input_tokens'), countAt(usage, 'output_tokens')];
  if (input === null && output === null) return null;
  const long = countAt(usage, 'cache_creation', 'ephemeral_1h_input_tokens') ?? 0;
  const write = Math.max(countAt(usage, 'cache_creation_input_tokens') ?? 0, long);
  return {
    ...NOTHING,
    input: input ?? 0,
    cacheRead: countAt(usage, 'cache_read_input_tokens') ?? 0,
    cacheWrite: write,
    cacheWriteLong: long,
    output: output ?? 0,
    reasoning: countAt(usage, 'output_tokens_details', 'thinking_tokens') ?? 0,
    costUsd: costAt(usage),
  };
}

/** Gemini counts the cache as part of the prompt, and thoughts beside the candidates. */
function gemini(usage: unknown): Reported | null {
  const prompt = countAt(usage, 'promptTokenCount');
  const candidates = countAt(usage, 'candidatesTokenCount');
  if (prompt === null && candidates === null) return null;
  const read = countAt(usage, 'cachedContentTokenCount') ?? 0;
  const thoughts = countAt(usage, 'thoughtsTokenCount') ?? 0;
  return {
    ...NOTHING,
    input: Math.max(0, (prompt ?? 0) - read) + (countAt(usage, 'toolUsePromptTokenCount') ?? 0),
    cacheRead: read,
    output: (candidates ?? 0) + thoughts,
    reasoning: thoughts,
  };
}

/** Reads the usage of a whole answer, or of the event of a stream that holds it; `null` where it says none. */
export function usageOf(dialect: ModelDialect, answer: unknown): Reported | null {
  switch (dialect) {
    case 'openai-chat':
      return openAi(at(answer, 'usage'), { input: 'prompt_token', output: 'completion_token' });
    case 'openai-responses': {
      const usage = at(answer, 'response', 'usage') ?? at(answer, 'usage');
      return openAi(usage, { input: 'input_token', output: 'output_token' });
    }
    case 'anthropic':
      return anthropic(at(answer, 'message', 'usage') ?? at(answer, 'usage'));
    case 'gemini':
      return gemini(at(answer, 'usageMetadata'));
  }
}

/**
 * Joins the two places where an Anthropic stream tells its usage: the start knows what was read, the last delta
 * what was written, and newer ones say both.
 */
export function mergeUsage(start: unknown, delta: unknown): Reported | null {
  const [first, last] = [at(start, 'message', 'usage'), at(delta, 'usage')];
  // Some proxies fill what they do not know at the end with 0: what the start said stays.
  const fields = Object.entries({ ...(last as object | undefined) }).filter(
    ([name, value]) => value !== null && (value !== 0 || name === 'output_tokens'),
  );
  return anthropic({ ...(first as object | undefined), ...Object.fromEntries(fields) });
}
