/** What a playback came to, beside what was recorded. Pure. */
import type { Outcome } from '../status.ts';
import type { RecordedGate, RecordedOutcome } from './recording.ts';

/** A path that is not the same in two trees. */
export interface TreeDifference {
  readonly path: string;
  /** Git's letter: `A` only in the second, `D` only in the first, `M` other contents, `T` another kind. */
  readonly status: string;
}

/** A check that said something else; `null` where it did not run. */
export interface CheckDifference {
  /** Which run of the gate, from 1. */
  readonly run: number;
  /** Name of the check; `null` for the verdict of the whole run. */
  readonly check: string | null;
  readonly recorded: string | null;
  readonly replayed: string | null;
}

/** The comparison that `replay` prints. */
export interface Comparison {
  /** The recorded job, and the one that played it back. */
  readonly of: string;
  readonly job_id: string;
  /** Whether outcome and tree are the same: what the exit code says. */
  readonly equal: boolean;
  readonly outcome: { readonly recorded: Outcome; readonly replayed: Outcome; readonly equal: boolean };
  readonly tree: {
    readonly recorded: string;
    readonly replayed: string;
    readonly equal: boolean;
    /** The first paths that differ, and how many there are. */
    readonly differing: readonly TreeDifference[];
    readonly count: number;
  };
  readonly checks: readonly CheckDifference[];
}

/** A playback proposes to nobody: its branch is its own, and where the recorded one went is no difference. */
const PROPOSED: ReadonlySet<Outcome> = new Set(['proposed', 'pr_opened', 'pr_updated']);
/** Differing paths that are listed. */
const MAX_PATHS = 50;

function isSameOutcome(a: Outcome, b: Outcome): boolean {
  return a === b || (PROPOSED.has(a) && PROPOSED.has(b));
}

function compareRun(
  run: number,
  recorded: RecordedGate | undefined,
  replayed: RecordedGate | undefined,
): CheckDifference[] {
  const [first, second] = [recorded?.verdict ?? null, replayed?.verdict ?? null];
  const found: CheckDifference[] =
    first === second ? [] : [{ run, check: null, recorded: first, replayed: second }];
  if (recorded === undefined || replayed === undefined) return found;
  const names = new Set([...recorded.checks, ...replayed.checks].map((check) => check.name));
  for (const name of names) {
    const verdictOf = (gate: RecordedGate): string | null =>
      gate.checks.find((check) => check.name === name)?.verdict ?? null;
    const [was, is] = [verdictOf(recorded), verdictOf(replayed)];
    if (was !== is) found.push({ run, check: name, recorded: was, replayed: is });
  }
  return found;
}

/** Every verdict that differs, run by run. */
function compareGates(
  recorded: readonly RecordedGate[],
  replayed: readonly RecordedGate[],
): CheckDifference[] {
  const runs = Math.max(recorded.length, replayed.length);
  return Array.from({ length: runs }, (_, at) => compareRun(at + 1, recorded[at], replayed[at])).flat();
}

/**
 * Compares what a playback came to with the recording.
 *
 * @param differing paths in which the two trees differ
 */
export function compareOutcomes(
  names: { readonly of: string; readonly job_id: string },
  recorded: RecordedOutcome,
  replayed: RecordedOutcome,
  differing: readonly TreeDifference[],
): Comparison {
  const isSameTree = recorded.tree === replayed.tree;
  const isSame = isSameOutcome(recorded.outcome, replayed.outcome);
  return {
    ...names,
    equal: isSame && isSameTree,
    outcome: { recorded: recorded.outcome, replayed: replayed.outcome, equal: isSame },
    tree: {
      recorded: recorded.tree,
      replayed: replayed.tree,
      equal: isSameTree,
      differing: differing.slice(0, MAX_PATHS),
      count: differing.length,
    },
    checks: compareGates(recorded.gate, replayed.gate),
  };
}
