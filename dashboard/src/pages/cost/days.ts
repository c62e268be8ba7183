/** Sums by day as a row of days without gaps, and what of them is compared. Pure. */
import type { UsageSum } from '../../../../src/job/model/usage.ts';

/** What can be compared. */
export const MEASURES = ['cost', 'tokens', 'jobs'] as const;
export type Measure = (typeof MEASURES)[number];

/** How much of it a sum has; `null` where nobody knows, which is not nothing. */
export function measured(measure: Measure, sum: UsageSum): number | null {
  if (measure === 'cost') return sum.cost_usd;
  if (measure === 'jobs') return sum.jobs;
  return sum.tokens_in === null && sum.tokens_out === null
    ? null
    : (sum.tokens_in ?? 0) + (sum.tokens_out ?? 0);
}

/** What tells most of these sums: money where any was spent, else tokens, else how many jobs there were. */
export function bestMeasure(sums: readonly UsageSum[]): Measure {
  return MEASURES.find((measure) => sums.some((sum) => (measured(measure, sum) ?? 0) > 0)) ?? 'jobs';
}

/** One day. */
export interface Day {
  /** `2026-11-22`, UTC. */
  readonly day: string;
  readonly value: number;
  /** Its sum; `null`: no job was accepted that day. */
  readonly sum: UsageSum | null;
}

const DAY_MS = 86_400_000;
/** Days that are drawn; older ones are in the table. */
const MAX_DAYS = 366;

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/**
 * Every day from the first to today, also those without a job.
 *
 * @param since the first one, or `all`: then that of the oldest sum
 */
export function daysOf(
  rows: readonly UsageSum[],
  since: string,
  nowMs: number,
  measure: Measure,
): readonly Day[] {
  const known = new Map(rows.map((row) => [row.key ?? '', row]));
  const oldest = rows.reduce((least, { key }) => (key !== null && key < least ? key : least), dayOf(nowMs));
  const firstMs = Date.parse(since === 'all' ? oldest : since);
  const count = Math.min(
    MAX_DAYS,
    Math.max(1, Math.round((Date.parse(dayOf(nowMs)) - firstMs) / DAY_MS) + 1),
  );
  return Array.from({ length: count }, (_, at) => {
    const day = dayOf(Date.parse(dayOf(nowMs)) - (count - 1 - at) * DAY_MS);
    const sum = known.get(day) ?? null;
    return { day, sum, value: sum === null ? 0 : (measured(measure, sum) ?? 0) };
  });
}
