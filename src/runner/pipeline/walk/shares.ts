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
   * The share of a step: its own budget, and no more than its part of what is left.
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
 * Makes them.
 *
 * @param budget of the run
 */
export function createShares(budget: Budget): Shares {
  const announced = new Set<string>();
  const waiting = new Map<string, Waiting>();
  /** What running steps may spend, and ended ones have spent. */
  const taken = new Map<string, Amounts>();

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
    const [rest, count] = [left(), waiting.size];
    for (const [step, { own, given }] of waiting) {
      const share = shareOf(own, rest, count);
      if (typeof share === 'string') {
        const error = new JobError('budget_exceeded', `${share}: the run has spent its ${budget[share]}`, {
          hint: 'raise the budget of the pipeline, and retry the run: what has ended is not run again',
        });
        given.reject(error);
      } else {
        taken.set(step, amountsOf(share));
        given.resolve(share);
      }
    }
    waiting.clear();
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
      announced.delete(step);
      give();
    },
    end(step, end) {
      if (end === null) taken.delete(step);
      else taken.set(step, spentOf(end));
      if (announced.delete(step)) give();
    },
  };
}
