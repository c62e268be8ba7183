/** What a job adds to the figures of all jobs; pure, so that every store counts alike. */
import type { Delivery } from '../../job/delivery/delivery.ts';
import type { Job } from '../../job/job.ts';
import type { Tally } from '../store.ts';
import { isRun } from './job.ts';

function secondsBetween(from: string | null, to: string | null): number | null {
  if (from === null || to === null) return null;
  const ms = Date.parse(to) - Date.parse(from);
  return Number.isFinite(ms) ? Math.max(0, ms) / 1000 : null;
}

/** Whom a job's figures are told apart by. A run has no agent of its own: its steps do, and they count themselves. */
function agentOf(job: Job): string {
  return isRun(job) ? '' : job.request.agent;
}

function endedTallies(job: Job): readonly Tally[] {
  const { result, outcome } = job;
  if (outcome === null) return [];
  const agent = agentOf(job);
  const seconds = secondsBetween(job.started_at, job.finished_at);
  const ended: Tally[] = [{ series: 'ended', of: outcome, agent, value: 1 }];
  if (seconds !== null) {
    ended.push({ series: 'job_seconds', of: outcome, agent, value: seconds });
    ended.push({ series: 'job_count', of: outcome, agent, value: 1 });
  }
  // A result of an older version may lack what this one counts, and must not keep its job from being stored.
  if (!Array.isArray(result?.phases) || !Array.isArray(result.gate?.runs)) return ended;
  for (const { name, duration_ms: ms } of result.phases) {
    ended.push({ series: 'phase_seconds', of: name, agent, value: ms / 1000 });
    ended.push({ series: 'phase_count', of: name, agent, value: 1 });
  }
  for (const { verdict } of result.gate.runs) ended.push({ series: 'gate', of: verdict, agent, value: 1 });
  // What its result sums its steps spent, and each of those has counted it.
  if (isRun(job)) return ended;
  const spent = { in: result.total_tokens_in, out: result.total_tokens_out };
  for (const [of, value] of Object.entries(spent))
    if (typeof value === 'number' && value > 0) ended.push({ series: 'tokens', of, agent, value });
  const cost = result.total_cost ?? 0;
  return cost > 0 ? [...ended, { series: 'cost', of: 'usd', agent, value: cost }] : ended;
}

/** What a job adds as it stands, entries of the same name not yet summed. */
export function talliesOf(job: Job): readonly Tally[] {
  return [{ series: 'jobs', of: job.status, agent: agentOf(job), value: 1 }, ...endedTallies(job)];
}

/** Sums entries of the same name; those that come to nothing are left out, and the rest is in order. */
export function sumTallies(tallies: readonly Tally[]): readonly Tally[] {
  const sums = new Map<string, Tally>();
  for (const tally of tallies) {
    const name = JSON.stringify([tally.series, tally.of, tally.agent]);
    sums.set(name, { ...tally, value: (sums.get(name)?.value ?? 0) + tally.value });
  }
  const kept = [...sums].filter(([, { value }]) => value !== 0);
  return kept.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, tally]) => tally);
}

/** What changes when a job does. */
export function tallyChange(before: Job | null, after: Job): readonly Tally[] {
  const old = before === null ? [] : talliesOf(before);
  return sumTallies([...talliesOf(after), ...old.map((tally) => ({ ...tally, value: -tally.value }))]);
}

/** What a stored delivery adds. Deliveries are of no agent. */
export const DELIVERY_STORED: readonly Tally[] = [
  { series: 'deliveries', of: 'stored', agent: '', value: 1 },
];

/** What the last try of a delivery adds, and its end where that was it. */
export function tryTallies({ status, tries }: Delivery): readonly Tally[] {
  const last = tries.at(-1);
  if (last === undefined) return [];
  const of = last.error === null ? 'arrived' : 'failed';
  const tried: readonly Tally[] = [
    { series: 'delivery_count', of, agent: '', value: 1 },
    { series: 'delivery_seconds', of, agent: '', value: last.duration_ms / 1000 },
  ];
  return status === 'pending'
    ? tried
    : [...tried, { series: 'deliveries_ended', of: status, agent: '', value: 1 }];
}
