/**
 * Whose work a step begins with, and what has to be carried over to it: decided from what has ended, and from nothing
 * else, so that every replay brings the same together.
 */
import { addTo, isIn, type Plan } from '../plan.ts';
import type { Change } from '../run.ts';

/** Where to begin, and the changes that are not in it yet, in topological order. */
export interface Start {
  readonly onto: string;
  readonly changes: readonly Change[];
}

/** Commits that the ended steps of a run have left. */
export interface Together {
  /**
   * A step has ended.
   *
   * @param began the commit it began with; `null` where it did not begin
   * @param head what it left, where that is successful work; else `null`
   */
  ended(step: number, began: string | null, head: string | null): void;
  /** What a step begins with; `null`: what the run proposes. Everything upstream of it must have ended. */
  startOf(step: number | null): Start;
  /** Whether any step has left work. */
  hasWork(): boolean;
}

/** A commit, and the step that began with it or left it; `null` is the run's base. */
interface Tip {
  readonly commit: string;
  readonly of: number | null;
}

/** How many bits are set. The known way of adding pairs, then fours, then bytes (Warren, Hacker's Delight, 5-1). */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Makes the memory of one run.
 *
 * @param base the commit that the run begins with
 */
export function createTogether(plan: Plan, base: string): Together {
  const tips = new Map<number, Tip>();
  const changes = new Map<number, Change>();
  /** Places of steps with a change. A step's commit holds the changes of all steps upstream of it, and its own. */
  const changed = new Uint32Array(Math.ceil(plan.names.length / 32));
  const none: Tip = { commit: base, of: null };

  const sizeOf = ({ of }: Tip): number => {
    if (of === null) return 0;
    const upstream = plan.upstream(of);
    let size = changes.has(of) ? 1 : 0;
    for (let at = 0; at < changed.length; at++) size += ones((upstream[at] ?? 0) & (changed[at] ?? 0));
    return size;
  };
  /** The tip that most is in; the first in the order of definition among equals. */
  const best = (steps: readonly number[]): Tip => {
    const [only] = steps;
    if (steps.length === 1 && only !== undefined) return tips.get(only) ?? none;
    let [found, most] = [none, 0];
    for (const step of steps) {
      const tip = tips.get(step) ?? none;
      const size = sizeOf(tip);
      if (size > most) [found, most] = [tip, size];
    }
    return found;
  };
  const missingIn = ({ of }: Tip, wanted: Uint32Array): Change[] => {
    const held = of === null ? new Uint32Array(changed.length) : plan.upstream(of).slice();
    if (of !== null) addTo(held, plan.place[of] ?? 0);
    const missing: Change[] = [];
    for (let word = 0; word < changed.length; word++) {
      if (((wanted[word] ?? 0) & (changed[word] ?? 0) & ~(held[word] ?? 0)) === 0) continue;
      for (let place = word * 32; place < Math.min(word * 32 + 32, plan.order.length); place++) {
        const change = changes.get(plan.order[place] ?? -1);
        if (change !== undefined && isIn(wanted, place) && !isIn(held, place)) missing.push(change);
      }
    }
    return missing;
  };
  const sinks = plan.names.flatMap((_, step) => (plan.dependents[step]?.length === 0 ? [step] : []));

  return {
    hasWork: () => changes.size > 0,
    ended(step, began, head) {
      if (began === null) {
        tips.set(step, best(plan.dependencies[step] ?? []));
        return;
      }
      const hasChange = head !== null && head !== began;
      tips.set(step, { commit: hasChange ? head : began, of: step });
      if (!hasChange) return;
      addTo(changed, plan.place[step] ?? 0);
      changes.set(step, { step: plan.names[step] ?? '', base_sha: began, head_sha: head });
    },
    startOf(step) {
      const tip = best(step === null ? sinks : (plan.dependencies[step] ?? []));
      return { onto: tip.commit, changes: missingIn(tip, step === null ? changed : plan.upstream(step)) };
    },
  };
}
