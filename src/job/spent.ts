/** What a job has spent, and whether its budget has room for another turn of the agent. */
import { errorInfo, type ErrorInfo } from './error.ts';
import type { JobRequest } from './request.ts';
import { durationMs, type Entry, type StepTimes, type Usage } from './step.ts';

/** A sum that is `null` as soon as one part is unknown, and when there is no part at all. */
function sumOf(parts: readonly (number | null)[]): number | null {
  const [first, ...rest] = parts;
  if (first === undefined) return null;
  return rest.reduce<number | null>(
    (sum, part) => (sum === null || part === null ? null : sum + part),
    first,
  );
}

/** How the agent's turns ended, those that only look included. */
function turnsOf(history: readonly Entry[]): readonly StepTimes[] {
  return history.flatMap(({ step, result }) =>
    step === 'build' || step === 'explore' || step === 'plan' ? [result] : [],
  );
}

/**
 * What the agent has spent so far. Money and tokens are `null` as soon as one turn has no known count, and
 * where no turn has ended: one that was cut off may have spent something.
 */
export function spentBy(history: readonly Entry[]): Usage & { readonly agent_ms: number } {
  const results = turnsOf(history);
  return {
    cost_usd: sumOf(results.map(({ usage }) => usage?.cost_usd ?? null)),
    tokens_in: sumOf(results.map(({ usage }) => usage?.tokens_in ?? null)),
    tokens_out: sumOf(results.map(({ usage }) => usage?.tokens_out ?? null)),
    turns: results.reduce((sum, { usage }) => sum + (usage?.turns ?? 1), 0),
    agent_ms: results.reduce((sum, result) => sum + durationMs(result), 0),
  };
}

/** Tokens that are known to be spent: turns that did not count theirs add nothing. */
function knownTokens(history: readonly Entry[]): number {
  return turnsOf(history).reduce(
    (sum, { usage }) => sum + (usage?.tokens_in ?? 0) + (usage?.tokens_out ?? 0),
    0,
  );
}

/**
 * What the budget leaves for another turn of the agent.
 *
 * @returns milliseconds the agent may still work, or the error a job without room for another turn ends with
 */
export function leftFor(
  history: readonly Entry[],
  request: Pick<JobRequest, 'budget'>,
): { readonly leftMs: number } | { readonly error: ErrorInfo } {
  const spent = spentBy(history);
  const {
    max_cost_usd: maxCost,
    max_tokens: maxTokens,
    max_turns: maxTurns,
    timeout_s: timeoutS,
  } = request.budget;
  const hint = 'raise the budget, give a smaller task, or go on by hand from what is saved';
  const over = (message: string): { error: ErrorInfo } => ({
    error: errorInfo('budget_exceeded', message, hint),
  });
  if (maxCost !== null && spent.cost_usd !== null && spent.cost_usd >= maxCost && spent.cost_usd > 0) {
    return over(`max_cost_usd: ${spent.cost_usd} of ${maxCost} dollars are spent`);
  }
  const tokens = knownTokens(history);
  if (maxTokens !== null && tokens >= maxTokens) {
    return over(`max_tokens: ${tokens} of ${maxTokens} tokens are spent`);
  }
  if (maxTurns !== null && spent.turns >= maxTurns) {
    return over(`max_turns: ${spent.turns} of ${maxTurns} turns are spent`);
  }
  const leftMs = timeoutS * 1000 - spent.agent_ms;
  if (leftMs > 0) return { leftMs };
  return {
    error: errorInfo('timed_out', `timeout_s: the agent has worked for its ${timeoutS} seconds`, hint),
  };
}
