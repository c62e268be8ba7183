/** What jobs have spent, summed; pure, so that every store sums alike. */
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { PastJob } from '../../job/model/estimate.ts';
import { USAGE_KEYS, type UsageFilter, type UsageKey, type UsageSum } from '../../job/model/usage.ts';
import { checkLimit } from './value.ts';

const DAY_MS = 86_400_000;

/** What of one job is summed. */
export interface UsageOf {
  readonly key: string | null;
  readonly ended: boolean;
  readonly cost_usd: number | null;
  readonly tokens_in: number | null;
  readonly tokens_out: number | null;
  readonly turns: number | null;
}

/** Checks a filter and returns the first millisecond that counts. @throws JobError `bug` */
export function checkUsage({ by, since, limit }: UsageFilter): number {
  checkLimit(limit);
  if (by !== null && !USAGE_KEYS.includes(by)) throw new JobError('bug', `by: ${by} is no key of usage`);
  if (since === null) return Number.MIN_SAFE_INTEGER;
  const ms = Date.parse(since);
  if (Number.isFinite(ms)) return ms;
  throw new JobError('bug', `since: ${JSON.stringify(since)} is no time (allowed: RFC 3339)`);
}

/** A day of UTC as people write it, by its number since 1970. */
export function dayName(number: number): string {
  return new Date(number * DAY_MS).toISOString().slice(0, 10);
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** What a job adds, under which key. `created` is in milliseconds since 1970. */
export function usageOf({ request, result }: Job, created: number, by: UsageKey | null): UsageOf {
  const keys = {
    day: () => dayName(Math.floor(created / DAY_MS)),
    repo: () => request.repo,
    agent: () => request.agent,
    model: () => request.model,
  };
  return {
    key: by === null ? null : keys[by](),
    ended: result !== null,
    cost_usd: number(result?.total_cost),
    tokens_in: number(result?.total_tokens_in),
    tokens_out: number(result?.total_tokens_out),
    turns: number(result?.turns),
  };
}

/** What a job says of the cost of others like it. */
export function costOf({ request, outcome, result }: Job): PastJob {
  const { agent, model, mode } = request;
  return { agent, model, mode, outcome, cost_usd: number(result?.total_cost) };
}

function plus(a: number | null, b: number | null): number | null {
  return b === null ? a : (a ?? 0) + b;
}

/** Sums what jobs add, by key. */
export function sumUp(all: Iterable<UsageOf>): readonly UsageSum[] {
  const sums = new Map<string | null, UsageSum>();
  for (const { key, ended, cost_usd: cost, tokens_in: tokensIn, tokens_out: tokensOut, turns } of all) {
    const sum = sums.get(key);
    sums.set(key, {
      key,
      jobs: (sum?.jobs ?? 0) + 1,
      running: (sum?.running ?? 0) + (ended ? 0 : 1),
      unpriced: (sum?.unpriced ?? 0) + (ended && cost === null ? 1 : 0),
      cost_usd: plus(sum?.cost_usd ?? null, cost),
      uncounted: (sum?.uncounted ?? 0) + (ended && (tokensIn === null || tokensOut === null) ? 1 : 0),
      tokens_in: plus(sum?.tokens_in ?? null, tokensIn),
      tokens_out: plus(sum?.tokens_out ?? null, tokensOut),
      turns: (sum?.turns ?? 0) + (turns ?? 0),
    });
  }
  return [...sums.values()];
}

/** Days from the newest on; anything else by cost, then by jobs, then by name. */
function order(by: UsageKey | null): (a: UsageSum, b: UsageSum) => number {
  const byName = (a: UsageSum, b: UsageSum): number => ((a.key ?? '') < (b.key ?? '') ? -1 : 1);
  if (by === 'day') return (a, b) => byName(b, a);
  return (a, b) => (b.cost_usd ?? -1) - (a.cost_usd ?? -1) || b.jobs - a.jobs || byName(a, b);
}

/** The sums of a page, in order. Dollars to twelve places: what floating point adds below that is noise. */
export function usagePage(sums: readonly UsageSum[], { by, limit }: UsageFilter): readonly UsageSum[] {
  const rounded = sums.map((sum) => ({
    ...sum,
    cost_usd: sum.cost_usd === null ? null : Math.round(sum.cost_usd * 1e12) / 1e12,
  }));
  return rounded.sort(order(by)).slice(0, limit);
}
