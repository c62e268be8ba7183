/** What a turn has spent, as far as the agent tells and can be believed. The gateway's own count is better. */
import type { Usage } from '../../job/step.ts';
import { asAmount, fieldsOf, at, type Fields } from '../../job/text/json.ts';
import type { Updates } from './updates.ts';

/** Tokens that went in and came out; cached ones count as in. */
interface Tokens {
  readonly input: number;
  readonly output: number;
}

/** The usage in an answer to a prompt; the protocol leaves open whether cached tokens are part of the input. */
function answered(answer: Fields): Tokens | null {
  const usage = fieldsOf(answer['usage']);
  const [input, output] = [asAmount(usage?.['inputTokens']), asAmount(usage?.['outputTokens'])];
  if (input !== null && output !== null) {
    const total = asAmount(usage?.['totalTokens']) ?? 0;
    const thought = asAmount(usage?.['thoughtTokens']) ?? 0;
    return { input: Math.max(input, total - output - thought), output };
  }
  // Gemini's extension.
  const count = at(answer, '_meta', 'quota', 'token_count');
  const [quotaIn, quotaOut] = [asAmount(at(count, 'input_tokens')), asAmount(at(count, 'output_tokens'))];
  return quotaIn === null || quotaOut === null ? null : { input: quotaIn, output: quotaOut };
}

/** The sum of what several prompts of one turn took; `null` as soon as one does not tell. */
function sumOf(answers: readonly Fields[]): Tokens | null {
  return answers
    .map(answered)
    .reduce<Tokens | null>(
      (sum, one) =>
        sum === null || one === null
          ? null
          : { input: sum.input + one.input, output: sum.output + one.output },
      { input: 0, output: 0 },
    );
}

/**
 * The usage of one turn. Tokens are `null` where the agent only tells of its last call, money where it tells of
 * none: 0 from an agent that knows no price is no price.
 *
 * @param answers to the prompts of the turn
 * @param costBefore dollars of the session before this turn; `null` when nobody knows
 */
export function usageOf(
  answers: readonly Fields[],
  updates: Updates,
  counts: 'turn' | 'last_call',
  costBefore: number | null,
): Usage {
  const tokens = updates.chunkUsage() ?? (counts === 'turn' ? sumOf(answers) : null);
  const cost = updates.costUsd();
  const isKnown = cost !== null && cost > 0 && costBefore !== null && cost >= costBefore;
  return {
    cost_usd: isKnown ? cost - costBefore : null,
    tokens_in: tokens?.input ?? null,
    tokens_out: tokens?.output ?? null,
    turns: 1,
  };
}
