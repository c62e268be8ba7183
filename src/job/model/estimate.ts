/** What a job is likely to cost, told before it starts: what earlier ones of the same kind did cost. */
import type { JobRequest } from '../request.ts';
import type { Outcome } from '../status.ts';

/** What a job says of the cost of others like it. */
export interface PastJob {
  readonly agent: string | null;
  readonly model: string | null;
  readonly mode: string | null;
  /** `null` while it has not ended. */
  readonly outcome: Outcome | null;
  /** `null`: nobody knows. */
  readonly cost_usd: number | null;
}

/** What earlier jobs say of the next one's cost, or why they say nothing. */
export type CostEstimate =
  | {
      readonly known: true;
      /** Earlier jobs that were counted. */
      readonly jobs: number;
      /** Dollars: one half cost less, and 80 % between low and high. */
      readonly median_usd: number;
      readonly low_usd: number;
      readonly high_usd: number;
    }
  | { readonly known: false; readonly jobs: number; readonly reason: string };

/** Fewer jobs say nothing of a spread. */
const MIN_JOBS = 3;
/** The newest so many count: models, prices and repositories change. */
const MAX_JOBS = 50;
/** Ends that say nothing of what a whole job costs: it was cut off for a reason of its own. */
const CUT_OFF: readonly Outcome[] = ['cancelled', 'infra_failed', 'setup_failed', 'refused'];

/** The value below which a share of sorted values lies, between its neighbours in proportion (Hyndman and Fan's 7). */
function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const [low = 0, high = low] = sorted.slice(Math.floor(place), Math.floor(place) + 2);
  return low + (high - low) * (place - Math.floor(place));
}

/** Dollars to a hundredth of a cent. */
function round(usd: number): number {
  return Math.round(usd * 1e4) / 1e4;
}

/**
 * Estimates the cost of a request in dollars: median and 80 % range of earlier jobs of the same agent, model and mode,
 * the newest 50 of them.
 *
 * @param past earlier jobs of its repository, the newest first; those of another kind are left out here
 * @param unpriced a model whose price nobody knows, by name; `null` where it is known or the agent's own matter
 */
export function estimateCost(
  request: Pick<JobRequest, 'agent' | 'model' | 'mode'>,
  past: readonly PastJob[],
  unpriced: string | null,
): CostEstimate {
  const { agent, model, mode } = request;
  const alike = past.filter(
    (one) =>
      one.agent === agent &&
      one.model === model &&
      one.mode === mode &&
      one.outcome !== null &&
      !CUT_OFF.includes(one.outcome),
  );
  const costs = alike.flatMap(({ cost_usd: cost }) => cost ?? []).slice(0, MAX_JOBS);
  const jobs = costs.length;
  if (jobs >= MIN_JOBS) {
    const sorted = costs.toSorted((a, b) => a - b);
    const [low, median, high] = [0.1, 0.5, 0.9].map((share) => round(quantile(sorted, share)));
    return { known: true, jobs, median_usd: median ?? 0, low_usd: low ?? 0, high_usd: high ?? 0 };
  }
  if (unpriced !== null) return { known: false, jobs, reason: `nobody knows the price of ${unpriced}` };
  const uncounted = alike.length - jobs;
  const without = uncounted === 0 ? '' : `, and ${uncounted} whose cost is unknown`;
  const reason = `no history: ${jobs} earlier ${jobs === 1 ? 'job' : 'jobs'} of this repository, agent and model with a known cost${without}; ${MIN_JOBS} are needed`;
  return { known: false, jobs, reason };
}

/** Dollars with as many places as a small amount needs. */
function dollars(usd: number): string {
  return `$${usd.toFixed(usd >= 0.1 || usd === 0 ? 2 : 4)}`;
}

/** An estimate in a line. */
export function estimateText(estimate: CostEstimate): string {
  if (!estimate.known) return `no estimate of the cost: ${estimate.reason}`;
  const { jobs, median_usd: median, low_usd: low, high_usd: high } = estimate;
  return `estimated cost: ${dollars(median)}, in 8 of 10 cases ${dollars(low)} to ${dollars(high)} (${jobs} earlier jobs)`;
}
