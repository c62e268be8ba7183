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

/** How many of those that wait can begin at once; what can't be divided among all is for the first of them. */
function countOf(waiting: ReadonlyMap<string, Waiting>, rest: Amounts): number {
  const fits = (count: number): boolean =>
    [...waiting.values()].every(({ own }) => typeof shareOf(own, rest, count) !== 'string');
  let [most, over] = [0, waiting.size + 1];
  while (over - most > 1) {
    const count = Math.floor((most + over) / 2);
    if (fits(count)) most = count;
    else over = count;
  }
  return most;
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
  /** What running steps may spend, and ended ones have spent. */
  const taken = new Map<string, Amounts>();
  const running = new Set<string>();

  const left = (): Amounts => {
    const whole = amountsOf(budget);
    return each((field) => {
      let rest = whole[field];
      if (!Number.isFinite(rest)) return rest;
      for (const amounts of taken.values()) rest -= amounts[field];
      return rest;
    });
  };

  const give = (): void => {
    if (announced.size > 0 || waiting.size === 0) return;
    const rest = left();
    if (countOf(waiting, rest) === 0 && running.size === 0) refuse(waiting, rest, budget);
    const count = countOf(waiting, rest);
    for (const [step, { own, given }] of [...waiting].slice(0, count)) {
      const share = shareOf(own, rest, count);
      if (typeof share === 'string') continue;
      taken.set(step, amountsOf(share));
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
      const given = Promise.withResolvers<Budget>();
      waiting.set(step, { own, given });
      announced.delete(step);
      give();
      return given.promise;
    },
    takeOver(step, of) {
      taken.set(step, amountsOf(of));
      running.add(step);
      announced.delete(step);
      give();
    },
    end(step, end) {
      if (end === null) taken.delete(step);
      else taken.set(step, spentOf(end));
      running.delete(step);
      announced.delete(step);
      give();
    },
  };
}
