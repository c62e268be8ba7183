/** A job's account at the model gateway: its budgets, what was spent before, and its calls as events. */
import type { Agent } from '../../agent/agent.ts';
import type { Config } from '../../config.ts';
import { createToken, sumCalls, type Access, type Account } from '../../gateway/account.ts';
import { createGateway, type Gateway } from '../../gateway/gateway.ts';
import { createLedger, type Ledger } from '../../gateway/spend/budget.ts';
import type { Job } from '../../job/job.ts';
import type { ModelCall } from '../../job/model/call.ts';
import type { Phase } from '../../job/step.ts';
import type { Door } from '../../sandbox/sandbox.ts';
import type { Store } from '../../store/store.ts';
import type { Journal } from '../engine/journal.ts';
import { resolveModels, usesModels, type Models } from './resolve.ts';

/** The models of one process, and the gateway that serves all its jobs. */
export interface ModelRoom {
  readonly models: Models;
  /** Opens a job's account; what earlier processes spent on it is read from its events. */
  open(job: Job, journal: Journal): Promise<JobModels>;
  close(): Promise<void>;
}

/** What one job's turns need of the gateway. */
export interface JobModels {
  readonly account: Account;
  /** Answers connections that come from the agent's sandbox. */
  readonly door: Door;
  /** Calls that were counted so far. */
  readonly callCount: () => number;
  /** Opens the way to a model for one turn; `null` where the agent has none through the gateway. */
  open(agent: Agent, model: string | null, phase: Phase): Access | null;
}

const PAGE = 1000;
/** Events of one job that are read for what it spent; jobs of this many calls are over. */
const MAX_EVENTS = 1_000_000;
/** Jobs of a day that are read for what it spent. */
const MAX_JOBS = 10_000;
/** Jobs that were accepted longer ago are taken to have spent nothing today. */
const OLDEST_MS = 15 * 24 * 3600 * 1000;

function isCall(data: Readonly<Record<string, unknown>>): boolean {
  return typeof data['call_id'] === 'string';
}

/** The calls that a job's events tell of. */
async function readCalls(store: Store, jobId: string): Promise<readonly ModelCall[]> {
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

interface Amounts {
  readonly costUsd: number;
  readonly tokens: number;
  readonly calls: number;
}

/** What a job that is not ours has spent; an ended one has it in its result, and its calls are not counted again. */
async function spentOn(store: Store, job: Job): Promise<Amounts> {
  const { result } = job;
  const sums = result === null ? sumCalls(await readCalls(store, job.job_id)) : null;
  return {
    costUsd: (sums === null ? result?.total_cost : sums.cost_usd) ?? 0,
    tokens:
      sums === null
        ? (result?.total_tokens_in ?? 0) + (result?.total_tokens_out ?? 0)
        : (sums.tokens_in ?? 0) + (sums.tokens_out ?? 0),
    calls: sums?.calls ?? 0,
  };
}

/** What other jobs spent since `since`: those that ended after it, and those that still run. */
async function spentSince(store: Store, since: Date, except: string, repo: string | null): Promise<Amounts> {
  let sum: Amounts = { costUsd: 0, tokens: 0, calls: 0 };
  let before: string | null = null;
  const oldest = new Date(since.getTime() - OLDEST_MS).toISOString();
  for (let count = 0; count < MAX_JOBS; count += PAGE) {
    const filter = {
      limit: PAGE,
      ...(repo === null ? {} : { repo }),
      ...(before === null ? {} : { before }),
    };
    const jobs: readonly Job[] = await store.listJobs(filter);
    for (const job of jobs) {
      const isOver = job.finished_at !== null && job.finished_at < since.toISOString();
      if (job.job_id === except || isOver || job.started_at === null) continue;
      const one = await spentOn(store, job);
      sum = {
        costUsd: sum.costUsd + one.costUsd,
        tokens: sum.tokens + one.tokens,
        calls: sum.calls + one.calls,
      };
    }
    const last = jobs.at(-1);
    if (last === undefined || jobs.length < PAGE || last.created_at < oldest) break;
    before = last.job_id;
  }
  return sum;
}

/** Budgets of a day, kept as long as the process: its jobs share them while they run. */
function createDayLedgers(config: Config, store: Store): (job: Job) => Promise<readonly Ledger[]> {
  const ledgers = new Map<string, Promise<Ledger>>();
  return async (job) => {
    const { budgets } = config.models;
    const day = new Date();
    day.setUTCHours(0, 0, 0, 0);
    const open = (scope: 'repository' | 'day'): Promise<Ledger> | null => {
      const budget = budgets[scope];
      if (budget === undefined) return null;
      const repo = scope === 'repository' ? job.request.repo : null;
      const key = JSON.stringify([scope, repo, day]);
      const limits = {
        maxCostUsd: budget.max_cost_usd ?? null,
        maxTokens: budget.max_tokens ?? null,
        maxCalls: budget.max_calls ?? null,
      };
      const ledger =
        ledgers.get(key) ??
        spentSince(store, day, job.job_id, repo).then((spent) => createLedger(scope, limits, spent));
      ledgers.set(key, ledger);
      return ledger;
    };
    return Promise.all([open('repository'), open('day')].filter((one) => one !== null));
  };
}

/** Makes the room of models of a process. The gateway listens nowhere by itself; sandboxes hand it connections. */
export function createModelRoom(config: Config, store: Store): ModelRoom {
  const models = resolveModels(config);
  const gateway: Gateway = createGateway({ prices: models.prices, proxyEnv: config.host.registry });
  const dayLedgers = createDayLedgers(config, store);

  return {
    models,
    async open(job, journal) {
      const calls = job.started_at === null ? [] : await readCalls(store, job.job_id);
      const { maxCalls, guards, allowUnpriced } = config.models;
      const { max_cost_usd: maxCostUsd, max_tokens: maxTokens } = job.request.budget;
      const before = sumCalls(calls);
      const ledger = createLedger(
        'job',
        { maxCostUsd, maxTokens, maxCalls },
        {
          costUsd: before.cost_usd ?? 0,
          tokens: (before.tokens_in ?? 0) + (before.tokens_out ?? 0),
          calls: before.calls,
        },
      );
      let count = before.calls;
      /** Of agents that go on running between turns, by model: they were told once. */
      const tokens = new Map<string, string>();
      const account = gateway.account({
        ledgers: [ledger, ...(await dayLedgers(job))],
        guards,
        allowUnpriced,
        calls,
        onCall(call, label) {
          count++;
          journal.emit('usage', label as Phase, { ...call });
        },
      });
      return {
        account,
        door: (socket) => gateway.accept(socket),
        callCount: () => count,
        open(agent, model, phase) {
          const ref = usesModels(agent) ? models.find(model) : null;
          if (ref === null || agent.lasts !== true) return ref === null ? null : account.open(ref, phase);
          const key = JSON.stringify([agent.name, ref.provider.name, ref.model]);
          const token = tokens.get(key) ?? createToken();
          tokens.set(key, token);
          return account.open(ref, phase, token);
        },
      };
    },
    close: () => gateway.close(),
  };
}
