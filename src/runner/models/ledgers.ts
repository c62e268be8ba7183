/** Budgets that several jobs share: of a session, a repository, a day. What was spent before is read from the store. */
import type { BudgetScope, BudgetSetting } from '../../config/models.ts';
import { createLedger, type Ledger } from '../../gateway/spend/budget.ts';
import type { Job } from '../../job/job.ts';
import type { ModelCall } from '../../job/model/call.ts';
import type { JobFilter, Store } from '../../store/store.ts';
import { eachJob } from '../keep/jobs.ts';

/** Events read at once. */
const PAGE = 1000;
/** Events of one job that are read for what it spent; jobs of this many calls are over. */
const MAX_EVENTS = 1_000_000;
/** Jobs that are read for what was spent. */
const MAX_JOBS = 10_000;
/** Jobs that were accepted longer before a day are taken to have spent nothing on it. */
const OLDEST_MS = 15 * 24 * 3600 * 1000;
/** Ledgers that are kept; one that is opened again is read from the store again. */
const MAX_LEDGERS = 1000;

function isCall(data: Readonly<Record<string, unknown>>): boolean {
  return typeof data['call_id'] === 'string';
}

/** The calls that a job's events tell of. */
export async function readCalls(store: Store, jobId: string): Promise<readonly ModelCall[]> {
  const calls: ModelCall[] = [];
  for (let after = 0; after < MAX_EVENTS;) {
    const events = await store.readEvents(jobId, after, PAGE);
    for (const { type, data } of events) {
      // Only this room writes usage events with a call's id.
      if (type === 'usage' && isCall(data)) calls.push(data as unknown as ModelCall);
    }
    const last = events.at(-1);
    if (last === undefined || events.length < PAGE) break;
    after = last.seq;
  }
  return calls;
}

/** What was spent, as far as it is known: a price that nobody knows adds nothing. */
export interface Amounts {
  readonly costUsd: number;
  readonly tokens: number;
  readonly calls: number;
}

/** What calls are known to have spent; each id counts once. */
export function amountsOf(calls: readonly ModelCall[]): Amounts {
  const unique = [...new Map(calls.map((call) => [call.call_id, call])).values()];
  const sum = (of: (call: ModelCall) => number | null): number =>
    unique.reduce((all, call) => all + (of(call) ?? 0), 0);
  return {
    // To twelve places: what floating point adds below that is noise.
    costUsd: Math.round(sum((call) => call.cost_usd) * 1e12) / 1e12,
    tokens: sum((call) => call.tokens_in) + sum((call) => call.tokens_out),
    calls: unique.length,
  };
}

/** What a job has spent; an ended one has it in its result, and its calls are not counted again. */
async function spentOn(store: Store, job: Job): Promise<Amounts> {
  const { result } = job;
  // Its steps spend, and are jobs of their own.
  if (job.request.pipeline !== undefined) return amountsOf([]);
  if (result === null) return amountsOf(await readCalls(store, job.job_id));
  const tokens = (result.total_tokens_in ?? 0) + (result.total_tokens_out ?? 0);
  return { costUsd: result.total_cost ?? 0, tokens, calls: 0 };
}

/** Whose spending a budget counts. */
interface Span {
  /** Which jobs. */
  readonly jobs: Pick<JobFilter, 'repo' | 'sessionId'>;
  /** Jobs that ended before are left out; `null` leaves out none. */
  readonly since: Date | null;
}

/** Nothing spent. */
export const NOTHING: Amounts = { costUsd: 0, tokens: 0, calls: 0 };

/** What two have spent together. */
export function plus(a: Amounts, b: Amounts): Amounts {
  return { costUsd: a.costUsd + b.costUsd, tokens: a.tokens + b.tokens, calls: a.calls + b.calls };
}

/** The jobs of a span, each with what it has spent: those that ended in it, and those that still run. */
async function* spentByJob(store: Store, { jobs, since }: Span): AsyncGenerator<readonly [Job, Amounts]> {
  const oldest = since === null ? '' : new Date(since.getTime() - OLDEST_MS).toISOString();
  for await (const job of eachJob(store, { ...jobs, limit: MAX_JOBS })) {
    if (job.created_at < oldest) break;
    const isOver = since !== null && job.finished_at !== null && job.finished_at < since.toISOString();
    if (!isOver && job.started_at !== null) yield [job, await spentOn(store, job)];
  }
}

async function spentIn(store: Store, span: Span): Promise<Amounts> {
  let sum = NOTHING;
  for await (const [, one] of spentByJob(store, span)) sum = plus(sum, one);
  return sum;
}

/** Midnight before a time, UTC: when a day's budget begins anew. */
function dayOf(time: Date): Date {
  const day = new Date(time);
  day.setUTCHours(0, 0, 0, 0);
  return day;
}

/** What was spent on each repository in the day (UTC) of `now`, as budgets of a day count it. */
export async function spentToday(store: Store, now: Date): Promise<ReadonlyMap<string, Amounts>> {
  const sums = new Map<string, Amounts>();
  for await (const [{ request }, one] of spentByJob(store, { jobs: {}, since: dayOf(now) }))
    sums.set(request.repo, plus(sums.get(request.repo) ?? NOTHING, one));
  return sums;
}

/**
 * The span of each budget for a job on a day; `null` where the job has none. A budget of another kind, like that of
 * a pipeline, is a row here and a name in `BUDGET_SCOPES`.
 */
const SPANS: Readonly<Record<BudgetScope, (job: Job, day: Date) => Span | null>> = {
  // For as many days as it lives.
  session: ({ request: { session_id: sessionId } }) =>
    sessionId === undefined ? null : { jobs: { sessionId }, since: null },
  repository: ({ request: { repo } }, day) => ({ jobs: { repo }, since: day }),
  day: (_, day) => ({ jobs: {}, since: day }),
};

/**
 * Makes what finds the shared budgets of a job. Ledgers are kept while the process lives, so that its jobs share them
 * while they run; what other processes spend meanwhile is not seen.
 *
 * @param budgets the user's, by scope; what has none is not limited
 */
export function createSharedLedgers(
  budgets: Readonly<Partial<Record<BudgetScope, BudgetSetting>>>,
  store: Store,
): (job: Job) => Promise<readonly Ledger[]> {
  const ledgers = new Map<string, Promise<Ledger>>();

  const ledgerOf = (scope: BudgetScope, budget: BudgetSetting, span: Span): Promise<Ledger> => {
    const limits = {
      maxCostUsd: budget.max_cost_usd ?? null,
      maxTokens: budget.max_tokens ?? null,
      maxCalls: budget.max_calls ?? null,
    };
    const key = JSON.stringify([scope, span]);
    const known = ledgers.get(key);
    const ledger = known ?? spentIn(store, span).then((spent) => createLedger(scope, limits, spent));
    ledgers.delete(key);
    ledgers.set(key, ledger);
    // A failure is not kept: the next job tries again.
    if (known === undefined) ledger.catch(() => ledgers.delete(key));
    const [oldest] = ledgers.keys();
    if (ledgers.size > MAX_LEDGERS && oldest !== undefined) ledgers.delete(oldest);
    return ledger;
  };

  return async (job) => {
    const day = dayOf(new Date());
    const opened = (Object.keys(SPANS) as BudgetScope[]).flatMap((scope) => {
      const budget = budgets[scope];
      const span = SPANS[scope](job, day);
      return budget === undefined || span === null ? [] : [ledgerOf(scope, budget, span)];
    });
    return Promise.all(opened);
  };
}
