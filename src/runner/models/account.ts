/** A job's account at the model gateway: its budgets, what was spent before, and its calls as events. */
import type { Agent } from '../../agent/agent.ts';
import type { Config } from '../../config.ts';
import { createToken, type Access, type Account } from '../../gateway/account.ts';
import { createGateway, type Gateway } from '../../gateway/gateway.ts';
import { createLedger } from '../../gateway/spend/budget.ts';
import type { Job } from '../../job/job.ts';
import type { Phase } from '../../job/step.ts';
import type { Door } from '../../sandbox/sandbox.ts';
import type { Store } from '../../store/store.ts';
import type { Journal } from '../engine/journal.ts';
import { amountsOf, createSharedLedgers, readCalls } from './ledgers.ts';
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
  /** Those of the process. */
  readonly models: Models;
  readonly account: Account;
  /** Answers connections that come from the agent's sandbox. */
  readonly door: Door;
  /** Calls that were counted so far. */
  readonly callCount: () => number;
  /** Opens the way to a model for one turn; `null` where the agent has none through the gateway. */
  open(agent: Agent, model: string | null, phase: Phase): Access | null;
}

/** Makes the room of models of a process. The gateway listens nowhere by itself; sandboxes hand it connections. */
export function createModelRoom(config: Config, store: Store): ModelRoom {
  const models = resolveModels(config);
  const gateway: Gateway = createGateway({ prices: models.prices, proxyEnv: config.host.registry });
  const sharedLedgers = createSharedLedgers(config.models.budgets, store);

  return {
    models,
    async open(job, journal) {
      const calls = job.started_at === null ? [] : await readCalls(store, job.job_id);
      const { maxCalls, guards, allowUnpriced } = config.models;
      const { max_cost_usd: maxCostUsd, max_tokens: maxTokens } = job.request.budget;
      const before = amountsOf(calls);
      const ledger = createLedger('job', { maxCostUsd, maxTokens, maxCalls }, before);
      let count = before.calls;
      /** Of agents that go on running between turns, by model: they were told once. */
      const tokens = new Map<string, string>();
      const account = gateway.account({
        ledgers: [ledger, ...(await sharedLedgers(job))],
        guards,
        allowUnpriced,
        calls,
        onCall(call, label) {
          count++;
          journal.emit('usage', label as Phase, { ...call });
        },
      });
      return {
        models,
        account,
        door: (socket) => gateway.accept(socket),
        callCount: () => count,
        open(agent, model, phase) {
          const ref = usesModels(agent) ? models.find(agent.model ?? model) : null;
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
