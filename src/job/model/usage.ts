/** What jobs have spent, summed: by what, and what comes out. */

/** By what usage can be summed: the day (UTC) a job was accepted, its repository, agent or model. */
export const USAGE_KEYS = ['day', 'repo', 'agent', 'model'] as const;
export type UsageKey = (typeof USAGE_KEYS)[number];

/** Which usage to sum. */
export interface UsageFilter {
  /** `null` sums everything into one. */
  readonly by: UsageKey | null;
  /** Only jobs accepted then or later, RFC 3339; `null` is all. */
  readonly since: string | null;
  readonly limit: number;
}

/** What jobs have spent, as their results say. A sum is `null` where none of them knew, never 0. */
export interface UsageSum {
  /** A day like `2026-11-20`, or the name; `null` is the model of who names none, and the sum of everything. */
  readonly key: string | null;
  readonly jobs: number;
  /** Of these, jobs that have not ended: what they spend is not in the sums. */
  readonly running: number;
  /** Ended jobs whose cost nobody knows: it is not in `cost_usd`. */
  readonly unpriced: number;
  readonly cost_usd: number | null;
  /** Ended jobs whose tokens nobody counted. */
  readonly uncounted: number;
  readonly tokens_in: number | null;
  readonly tokens_out: number | null;
  readonly turns: number;
}
