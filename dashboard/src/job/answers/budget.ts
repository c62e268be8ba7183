/** What a job has spent of what it may, and how much more it might be given. */
import type { Budget } from '../../../../src/job/request.ts';
import type { JobResult } from '../../../../src/job/result.ts';
import type { PhaseTold } from '../told.ts';

/** Something that is spent: how much of how much. `used: null`: nobody knows; `most: null`: there is no limit. */
export interface Meter {
  readonly name: 'money' | 'time' | 'tokens' | 'turns';
  readonly used: number | null;
  readonly most: number | null;
}

/** What the log has told of it so far. */
export interface SpentSoFar {
  readonly usd: number | null;
  readonly tokens: number | null;
  readonly turns: number;
}

/** Phases in which an agent works: these alone count against its time. */
const AGENT_PHASES: ReadonlySet<string> = new Set(['explore', 'plan', 'build']);

/** Milliseconds that the agent has worked, by now. */
export function agentMs(phases: readonly PhaseTold[], nowMs: number): number {
  return phases
    .filter(({ name }) => AGENT_PHASES.has(name))
    .reduce((sum, { ms, startedAt }) => sum + (ms ?? Math.max(0, nowMs - Date.parse(startedAt))), 0);
}

function tokensOf(result: JobResult): number | null {
  const { total_tokens_in: read, total_tokens_out: written } = result;
  return read === null && written === null ? null : (read ?? 0) + (written ?? 0);
}

/**
 * The four of them, in the order in which people ask for them.
 *
 * @param result what the job ended with, which wins over what its log told on the way
 */
export function metersOf(
  budget: Budget,
  soFar: SpentSoFar,
  workedMs: number,
  result: JobResult | undefined,
): readonly Meter[] {
  return [
    { name: 'money', used: result === undefined ? soFar.usd : result.total_cost, most: budget.max_cost_usd },
    { name: 'time', used: workedMs, most: budget.timeout_s * 1000 },
    {
      name: 'tokens',
      used: result === undefined ? soFar.tokens : tokensOf(result),
      most: budget.max_tokens,
    },
    { name: 'turns', used: result === undefined ? soFar.turns : result.turns, most: budget.max_turns },
  ];
}

const FIELDS = ['max_cost_usd', 'max_tokens', 'max_turns', 'timeout_s'] as const satisfies (keyof Budget)[];

/** Which limit ended a job; `null` where none did. */
export function limitThatEnded(
  outcome: string | null,
  message: string | null,
): (typeof FIELDS)[number] | null {
  if (outcome !== 'budget_exceeded' && outcome !== 'timed_out') return null;
  const named = FIELDS.find((field) => message?.startsWith(`${field}:`) === true);
  return named ?? (outcome === 'timed_out' ? 'timeout_s' : 'max_cost_usd');
}

/**
 * A limit, doubled: the next sum to try.
 *
 * @param most what the server lets anybody ask for; `null` is no limit
 * @returns `null` where there is none, or where the server allows no more
 */
export function doubled(limit: number | null, most: number | null): number | null {
  if (limit === null) return null;
  const more = most === null ? limit * 2 : Math.min(limit * 2, most);
  return more > limit ? more : null;
}
