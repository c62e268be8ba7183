/** What one job may ask of models, and what it has spent: its tokens, budgets, guards and the calls it made. */
import { randomBytes } from 'node:crypto';
import { errorInfo, type ErrorInfo } from '../job/error.ts';
import type { ModelCall, ModelDialect } from '../job/model/call.ts';
import type { Usage } from '../job/step.ts';
import type { Guard, GuardLimits } from './guards.ts';
import { createGuard } from './guards.ts';
import type { ModelRef } from './providers.ts';
import type { Ledger } from './spend/budget.ts';
import type { PriceBook } from './spend/prices.ts';

/** What an account is opened with. */
export interface AccountOptions {
  /** Budgets that every call must fit, the job's own first. */
  readonly ledgers: readonly Ledger[];
  readonly guards: GuardLimits;
  /** Whether models without a known price may be called although money is capped. */
  readonly allowUnpriced: boolean;
  /** What calls of earlier processes spent, so that sums go on from there. */
  readonly calls: readonly ModelCall[];
  /** Called once for every call that ended; must not throw. */
  readonly onCall: (call: ModelCall, label: string) => void;
}

/** Sums over calls; tokens and money `null` as soon as one call's are unknown. */
export interface Spent extends Usage {
  readonly calls: number;
}

/** The way to one model for one turn of an agent. */
export interface Access {
  readonly token: string;
  readonly ref: ModelRef;
  /** Path below the gateway's own address that a client of a dialect takes as its base URL. */
  basePath(dialect: ModelDialect): string;
  /** Aborted when the gateway refuses everything from now on: a spent budget, a guard. */
  readonly stopped: AbortSignal;
  /** Why, as the job's error. */
  why(): ErrorInfo | null;
  /** What was wrong with the last call to the model, to any model where that was never called; `null` if nothing. */
  lastError(): string | null;
  /**
   * Tokens that the agent's session is taken to hold: the largest of its model's last calls, since a small one between
   * them may be for a title; `null` before there was any.
   */
  filled(): number | null;
  /** How many calls came with this token. */
  calls(): number;
  /**
   * The token is worth nothing until it is opened again. Calls that still run get a moment to end, then they are cut off;
   * resolves when all are counted.
   */
  close(): Promise<void>;
}

/** One job's account. */
export interface Account {
  /**
   * `label` is handed to `onCall` with every call. `token` is one of `createToken` whose access is closed, for an agent
   * that can't be told another.
   */
  open(ref: ModelRef, label: string, token?: string): Access;
  /** What was spent from the `from`th call on. */
  spent(from: number): Spent;
}

/** An access as the server works with it. */
export interface Grant {
  readonly ref: ModelRef;
  readonly options: AccountOptions;
  readonly prices: PriceBook;
  readonly guard: Guard;
  readonly closed: AbortSignal;
  /** Bytes of its requests that are in memory. */
  readonly held: { bytes: number };
  /** Why nothing more is answered; `null` while something is. */
  refused(): ErrorInfo | null;
  stop(error: ErrorInfo): void;
  /** Requests that were begun and have not ended. */
  running(): number;
  /** Notes that a request came, which may be a call; each that came ends. */
  begun(isCall: boolean): void;
  ended(): void;
  /** Counts a call that was sent out, before it ends. */
  count(call: ModelCall): void;
}

/** How long a call that runs when its agent has ended may go on: the answer's last bytes are on their way. */
const LAST_CALL_MS = 1000;
/** Calls of which the largest says how full a session is. */
const FILL_CALLS = 3;
const NO_CALLS: Spent = { cost_usd: 0, tokens_in: 0, tokens_out: 0, turns: 0, calls: 0 };

function plus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

/** Dollars to twelve places: what floating point adds below that is noise. */
function round(usd: number | null): number | null {
  return usd === null ? null : Math.round(usd * 1e12) / 1e12;
}

/** The sum of calls; each id counts once. */
export function sumCalls(calls: readonly ModelCall[]): Spent {
  const unique = new Map(calls.map((call) => [call.call_id, call]));
  return [...unique.values()].reduce<Spent>(
    (sum, call) => ({
      cost_usd: round(plus(sum.cost_usd, call.cost_usd)),
      tokens_in: plus(sum.tokens_in, call.tokens_in),
      tokens_out: plus(sum.tokens_out, call.tokens_out),
      turns: 0,
      calls: sum.calls + 1,
    }),
    NO_CALLS,
  );
}

/** Makes a token that nobody can guess. It looks like nobody's key, so that no scanner takes it for a real one. */
export function createToken(): string {
  return `job-token-${randomBytes(24).toString('hex')}`;
}

/** Opens a job's account. `grants` is where the server looks tokens up. */
export function openAccount(options: AccountOptions, prices: PriceBook, grants: Map<string, Grant>): Account {
  const calls = [...options.calls];

  const open = (ref: ModelRef, label: string, token: string = createToken()): Access => {
    const [stopping, closing] = [new AbortController(), new AbortController()];
    const guard = createGuard(options.guards);
    let [reason, count]: [ErrorInfo | null, number] = [null, 0];
    // By model: that of a small side call, for a title, says nothing of the work.
    const errors = new Map<string, string | null>();
    let last: string | null = null;
    let sizes: readonly number[] = [];
    let running = 0;
    const idle = Promise.withResolvers<void>();
    let isClosing = false;
    grants.set(token, {
      ref,
      options,
      prices,
      guard,
      closed: closing.signal,
      held: { bytes: 0 },
      refused: () => reason,
      stop(error) {
        reason ??= error;
        stopping.abort();
      },
      running: () => running,
      begun(isCall) {
        if (isCall) count++;
        running++;
      },
      ended() {
        running--;
        if (isClosing && running === 0) idle.resolve();
      },
      count(call) {
        calls.push(call);
        last = call.error;
        if (call.error === null && call.model === ref.model)
          sizes = [...sizes, (call.tokens_in ?? 0) + (call.tokens_out ?? 0)].slice(-FILL_CALLS);
        errors.set(call.model, call.error);
        guard.ended(call.error);
        options.onCall(call, label);
      },
    });
    return {
      token,
      ref,
      basePath: (dialect) => (dialect.startsWith('openai') ? '/v1' : ''),
      stopped: stopping.signal,
      why: () => reason,
      lastError: () => errors.get(ref.model) ?? (errors.has(ref.model) ? null : last),
      filled: () => (sizes.length === 0 ? null : Math.max(...sizes)),
      calls: () => count,
      async close() {
        grants.delete(token);
        isClosing = true;
        if (running === 0) return;
        const timer = setTimeout(() => closing.abort(), LAST_CALL_MS);
        await idle.promise;
        clearTimeout(timer);
      },
    };
  };

  return { open, spent: (from) => sumCalls(calls.slice(from)) };
}

const BUDGET_HINT = 'raise the budget, give a smaller task, or go on by hand from what is saved';

/** The job's error when a budget is spent. */
export function budgetError(words: string): ErrorInfo {
  return errorInfo('budget_exceeded', words, BUDGET_HINT);
}

/** The job's error when a guard stops it. */
export function guardError(words: string): ErrorInfo {
  return errorInfo(
    'agent_failed',
    words,
    'see what the agent did in its log; the limits are settings of yours',
  );
}
