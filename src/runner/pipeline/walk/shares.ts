/** What each step of a run may spend, where the run has a budget of its own. Pure but for the waiting. */
import { JobError } from '../../../job/error.ts';
import type { ChildEnd } from '../../../job/pipeline/run.ts';
import type { Budget } from '../../../job/request.ts';

/** A budget as numbers that can be added up; no limit is infinite. */
type Amounts = Readonly<Record<keyof Budget, number>>;

const FIELDS = [
  'max_cost_usd',
  'max_tokens',
  'max_turns',
  'timeout_s',
] as const satisfies readonly (keyof Budget)[];
/** What can't be spent by parts. */
const WHOLE: ReadonlySet<keyof Budget> = new Set(['max_tokens', 'max_turns', 'timeout_s']);

/** What adding up dollars may be off by. */
const ROUNDING = 1e-9;

function each(of: (field: keyof Budget) => number): Amounts {
  const [max_cost_usd, max_tokens, max_turns, timeout_s] = FIELDS.map(of) as [number, number, number, number];
  return { max_cost_usd, max_tokens, max_turns, timeout_s };
}

function amountsOf(budget: Budget): Amounts {
  return each((field) => budget[field] ?? Infinity);
}

function spentOf({ spent }: ChildEnd): Amounts {
  return {
    max_cost_usd: spent.cost_usd ?? 0,
    max_tokens: (spent.tokens_in ?? 0) + (spent.tokens_out ?? 0),
    max_turns: spent.turns,
    timeout_s: spent.agent_ms / 1000,
  };
}

/** The budget of a step that begins now; the field of which nothing is left, where there is one. */
function shareOf(own: Budget, left: Amounts, count: number): Budget | keyof Budget {
  const of = amountsOf(own);
  const share = each((field) => {
    const part = Math.min(of[field], left[field] / count);
    return WHOLE.has(field) && Number.isFinite(part) ? Math.floor(part) : part;
  });
  const spent = FIELDS.find((field) => share[field] <= 0 && of[field] > 0);
  if (spent !== undefined) return spent;
  const orNone = (amount: number): number | null => (Number.isFinite(amount) ? amount : null);
  return {
    max_cost_usd: orNone(share.max_cost_usd),
    max_tokens: orNone(share.max_tokens),
    max_turns: orNone(share.max_turns),
    timeout_s: share.timeout_s,
  };
}

/** Divides the budget of a run among its steps. */
export interface Shares {
  /**
   * Announces a step that may begin. Until it has taken its share, or has ended without one, no other share is given:
   * steps that begin at once get equal ones.
   */
  announce(step: string): void;
  /**
   * The share of a step: its own budget, and no more than its part of what is left. Where steps that run may spend all of
   * that, it waits for what they leave.
   *
   * @throws JobError `budget_exceeded` where nothing is left
   */
  take(step: string, own: Budget): Promise<Budget>;
  /** A step whose job was started by an earlier process, with the budget it got then. */
  takeOver(step: string, budget: Budget): void;
  /** What a step has spent, or that it did not begin. */
  end(step: string, end: ChildEnd | null): void;
}

/** A step that waits for its share. */
interface Waiting {
  readonly own: Budget;
  readonly given: PromiseWithResolvers<Budget>;
}

/**
 * Steps that share a budget which is too small for all of them: an equal part for each of a thousand would let none of them
 * end. The others wait for what these leave.
 */
const MAX_SHARING = 16;

/** How many of those that wait can begin at once; what can't be divided among all is for the first of them. */
function countOf(waiting: ReadonlyMap<string, Waiting>, rest: Amounts, whole: Amounts): number {
  const fits = (count: number): boolean => {
    let seen = 0;
    for (const { own } of waiting.values()) {
      if (seen++ === count) break;
      const share = shareOf(own, rest, count);
      if (typeof share === 'string') return false;
      const [of, given] = [amountsOf(own), amountsOf(share)];
      if (FIELDS.some((field) => given[field] < Math.min(of[field], leastOf(field, whole)))) return false;
    }
    return true;
  };
  let [most, over] = [0, waiting.size + 1];
  while (over - most > 1) {
    const count = Math.floor((most + over) / 2);
    if (fits(count)) most = count;
    else over = count;
  }
  return most;
}

/** Least part of a run's budget that a step begins with, while others may still leave more. */
function leastOf(field: keyof Budget, whole: Amounts): number {
  const part = whole[field] / MAX_SHARING;
  return WHOLE.has(field) && Number.isFinite(part) ? Math.floor(part) : part;
}

function firstOf<T>(all: Iterable<T>, count: number): readonly T[] {
  const first: T[] = [];
  for (const one of all) {
    if (first.length >= count) break;
    first.push(one);
  }
  return first;
}

/** Refuses those for whom nothing is left. */
function refuse(waiting: Map<string, Waiting>, rest: Amounts, budget: Budget): void {
  for (const [step, { own, given }] of waiting) {
    const field = shareOf(own, rest, 1);
    if (typeof field !== 'string') continue;
    waiting.delete(step);
    const error = new JobError('budget_exceeded', `${field}: the run has spent its ${budget[field]}`, {
      hint: 'retry the run: it may spend its budget anew, and what has ended is not run again; or run the pipeline with more',
    });
    given.reject(error);
  }
}

/**
 * Makes them.
 *
 * @param budget of the run
 */
export function createShares(budget: Budget): Shares {
  const announced = new Set<string>();
  const waiting = new Map<string, Waiting>();
  const whole = amountsOf(budget);
  /** What running steps may spend, and ended ones have spent; and all of it together. */
  const taken = new Map<string, Amounts>();
  let all: Amounts = each(() => 0);
  const running = new Set<string>();

  const account = (step: string, amounts: Amounts | null): void => {
    const before = taken.get(step);
    // Where the run has no limit nothing is counted: infinity can't be taken back.
    all = each((field) =>
      Number.isFinite(whole[field]) ? all[field] + (amounts?.[field] ?? 0) - (before?.[field] ?? 0) : 0,
    );
    if (amounts === null) taken.delete(step);
    else taken.set(step, amounts);
  };
  const left = (): Amounts =>
    each((field) => {
      const rest = whole[field] - all[field];
      return Math.abs(rest) < ROUNDING ? 0 : rest;
    });
  /** At most all there is, also for a step that has no limit of its own. */
  const granted = (of: Budget): Amounts => {
    const amounts = amountsOf(of);
    return each((field) => Math.min(amounts[field], whole[field]));
  };

  const give = (): void => {
    if (announced.size > 0 || waiting.size === 0) return;
    const rest = left();
    const isIdle = running.size === 0;
    if (isIdle) refuse(waiting, rest, budget);
    // Nobody leaves anything any more: what is left is for the first.
    const count = Math.max(countOf(waiting, rest, whole), isIdle && waiting.size > 0 ? 1 : 0);
    for (const [step, { own, given }] of firstOf(waiting, count)) {
      const share = shareOf(own, rest, count);
      if (typeof share === 'string') continue;
      account(step, granted(share));
      running.add(step);
      waiting.delete(step);
      given.resolve(share);
    }
  };

  return {
    announce(step) {
      announced.add(step);
    },
    take(step, own) {
      // Where its job could not be made it asks again.
      account(step, null);
      running.delete(step);
      const given = Promise.withResolvers<Budget>();
      waiting.set(step, { own, given });
      announced.delete(step);
      give();
      return given.promise;
    },
    takeOver(step, of) {
      account(step, granted(of));
      running.add(step);
      announced.delete(step);
      give();
    },
    end(step, end) {
      account(step, end === null ? null : spentOf(end));
      running.delete(step);
      announced.delete(step);
      give();
    },
  };
}
