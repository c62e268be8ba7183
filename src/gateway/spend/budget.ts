/**
 * Budgets that hold while many calls run at once. A call reserves the most it can cost; as long as all
 * reservations fit they run side by side. Near the cap they run one at a time, so that what is spent ends
 * within one call of it.
 */
import { Cancelled } from '../../job/error.ts';
import { PICO_USD, toUsd } from './prices.ts';

/** What a budget allows; `null` is no limit. */
export interface Limits {
  readonly maxCostUsd: number | null;
  readonly maxTokens: number | null;
  readonly maxCalls: number | null;
}

/** What was spent. Money in picodollars. */
export interface Amount {
  readonly pico: number;
  readonly tokens: number;
}

/** One budget: of a job, a session, a repository, a day. */
export interface Ledger {
  /** How messages call it: `job`, `repository`, `day`. */
  readonly name: string;
  readonly limits: Limits;
  /** Counted so far, by calls that ended. */
  spent: Amount & { readonly calls: number };
  /** The most that one call took: no later one is taken to need less, whatever its size. */
  largest: Amount;
  /** Reserved by calls that run. */
  held: Amount;
  running: number;
}

/** A reservation. */
export interface Hold {
  /** Gives it back and counts what was really spent; once. */
  settle(actual: Amount): void;
}

/** A budget that is spent: its message. */
export class BudgetSpent extends Error {
  override readonly name = 'BudgetSpent';
}

/** Admits calls to ledgers, in the order they came. */
export interface Till {
  /**
   * Resolves when the call may run.
   *
   * @throws BudgetSpent when a budget has nothing left; Cancelled when `signal` is aborted while it waits
   */
  reserve(ledgers: readonly Ledger[], most: Amount, signal: AbortSignal): Promise<Hold>;
}

/** Calls that may wait for others at a time; more are refused, because nobody would read their answers. */
const MAX_WAITING = 1000;

function toPico(usd: number): number {
  return Math.round(usd * PICO_USD);
}

function larger(a: Amount, b: Amount): Amount {
  return { pico: Math.max(a.pico, b.pico), tokens: Math.max(a.tokens, b.tokens) };
}

/** Opens a ledger. `spent` is what earlier processes counted. */
export function createLedger(
  name: string,
  limits: Limits,
  spent: { readonly costUsd: number; readonly tokens: number; readonly calls: number },
): Ledger {
  return {
    name,
    limits,
    spent: { pico: toPico(spent.costUsd), tokens: spent.tokens, calls: spent.calls },
    largest: { pico: 0, tokens: 0 },
    held: { pico: 0, tokens: 0 },
    running: 0,
  };
}

/** Why nothing is left of a budget, in words; `null` when something is. */
export function spentWords({ name, limits, spent }: Ledger): string | null {
  const { maxCostUsd, maxTokens, maxCalls } = limits;
  if (maxCostUsd !== null && spent.pico >= toPico(maxCostUsd))
    return `max_cost_usd of the ${name}: ${toUsd(spent.pico)} of ${maxCostUsd} dollars are spent`;
  if (maxTokens !== null && spent.tokens >= maxTokens)
    return `max_tokens of the ${name}: ${spent.tokens} of ${maxTokens} tokens are spent`;
  if (maxCalls !== null && spent.calls >= maxCalls)
    return `max_calls of the ${name}: ${spent.calls} of ${maxCalls} calls to the model are made`;
  return null;
}

/** Whether a call fits beside those that run, whatever they all cost in the end. */
function fits({ limits, spent, held, running }: Ledger, most: Amount): boolean {
  if (running === 0) return true;
  const { maxCostUsd, maxTokens, maxCalls } = limits;
  if (maxCostUsd !== null && spent.pico + held.pico + most.pico > toPico(maxCostUsd)) return false;
  if (maxTokens !== null && spent.tokens + held.tokens + most.tokens > maxTokens) return false;
  return maxCalls === null || spent.calls + running + 1 <= maxCalls;
}

function take(ledgers: readonly Ledger[], most: Amount): void {
  for (const ledger of ledgers) {
    ledger.held = { pico: ledger.held.pico + most.pico, tokens: ledger.held.tokens + most.tokens };
    ledger.running++;
  }
}

function giveBack(ledgers: readonly Ledger[], most: Amount, actual: Amount): void {
  for (const ledger of ledgers) {
    const { held, spent } = ledger;
    ledger.held = { pico: held.pico - most.pico, tokens: held.tokens - most.tokens };
    ledger.running--;
    ledger.largest = larger(ledger.largest, actual);
    ledger.spent = {
      pico: spent.pico + actual.pico,
      tokens: spent.tokens + actual.tokens,
      calls: spent.calls + 1,
    };
  }
}

interface Waiting {
  readonly ledgers: readonly Ledger[];
  readonly most: Amount;
  readonly resolve: (hold: Hold) => void;
  readonly reject: (error: Error) => void;
}

/** Makes the one till of a process: ledgers may be shared between jobs. */
export function createTill(): Till {
  let queue: Waiting[] = [];

  const holdOf = ({ ledgers }: Waiting, most: Amount): Hold => {
    let isOpen = true;
    take(ledgers, most);
    return {
      settle(actual) {
        if (!isOpen) return;
        isOpen = false;
        giveBack(ledgers, most, actual);
        serve();
      },
    };
  };

  /** Lets in who may come in; who waits holds up only those that share a ledger with them. */
  const serve = (): void => {
    const blocked = new Set<Ledger>();
    const left: Waiting[] = [];
    for (const one of queue) {
      const most = one.ledgers.reduce((sum, ledger) => larger(sum, ledger.largest), one.most);
      const why = one.ledgers.map(spentWords).find((words) => words !== null);
      if (why !== undefined) one.reject(new BudgetSpent(why));
      else if (one.ledgers.every((ledger) => !blocked.has(ledger) && fits(ledger, most))) {
        one.resolve(holdOf(one, most));
      } else {
        left.push(one);
        for (const ledger of one.ledgers) blocked.add(ledger);
      }
    }
    queue = left;
  };

  return {
    async reserve(ledgers, most, signal) {
      if (queue.length >= MAX_WAITING)
        throw new BudgetSpent(`more than ${MAX_WAITING} calls wait for a budget`);
      if (signal.aborted) throw new Cancelled();
      const { promise, resolve, reject } = Promise.withResolvers<Hold>();
      const waiting: Waiting = { ledgers, most, resolve, reject };
      const cancel = (): void => {
        queue = queue.filter((one) => one !== waiting);
        reject(new Cancelled());
        serve();
      };
      signal.addEventListener('abort', cancel, { once: true });
      queue.push(waiting);
      serve();
      try {
        return await promise;
      } finally {
        signal.removeEventListener('abort', cancel);
      }
    },
  };
}
