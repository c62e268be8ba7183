/** Which tests one run of a check ran, and how each ended. Pure. */

/** How a test ended. `skipped` covers todo, pending, ignored and expected failures: nothing was proven. */
export type TestState = 'passed' | 'failed' | 'skipped';

/** The tests of one run. Lists are sorted and without duplicates; totals count every test, named or not. */
export interface RanTests {
  /** A report file of the runner's own, or what it printed. Names compare only within one source. */
  readonly source: 'report' | 'output';
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
  readonly counts: Readonly<Record<TestState, number>>;
  /** Whether every test that is counted is also named. */
  readonly named: boolean;
}

/** Most names that are kept of one run, all states together. */
export const MAX_TEST_NAMES = 5000;
/** Longest name of a test, in characters. */
export const MAX_TEST_NAME_CHARS = 300;

/** Between the parts of a name: file or class, suites, test. */
export const NAME_SEPARATOR = ' > ';

/** Collects tests one by one; a name that comes twice counts twice, and its worst end is kept. */
export interface Tally {
  add(state: TestState, name: string): void;
  /** Notes a test that only sums up its subtests: runners count it, and it is named by what is below it. */
  parent(): void;
  /** How many were added. */
  size(): number;
  /**
   * What was collected.
   *
   * @param counted totals that the runner itself gave, `null` when it gave none
   */
  done(source: RanTests['source'], counted: RanTests['counts'] | null): RanTests | null;
}

// A test that failed once failed; one that passed somewhere was not skipped.
const WORST: readonly TestState[] = ['failed', 'passed', 'skipped'];

function total(counts: RanTests['counts']): number {
  return counts.passed + counts.failed + counts.skipped;
}

/** A new, empty tally. */
export function createTally(): Tally {
  const states = new Map<string, TestState>();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let cut = false;
  let parents = 0;
  return {
    add(state, name) {
      const short = name.slice(0, MAX_TEST_NAME_CHARS).trim();
      if (short === '') return;
      counts[state]++;
      const before = states.get(short);
      if (before === undefined && states.size >= MAX_TEST_NAMES) cut = true;
      else if (before === undefined || WORST.indexOf(state) < WORST.indexOf(before)) states.set(short, state);
    },
    parent: () => void parents++,
    size: () => total(counts),
    done(source, counted) {
      const seen = total(counts);
      if (seen === 0 && counted === null) return null;
      const names = (state: TestState): readonly string[] =>
        [...states]
          .filter(([, one]) => one === state)
          .map(([name]) => name)
          .sort();
      const known = counted === null || total(counted) <= seen + parents;
      return {
        source,
        passed: names('passed'),
        failed: names('failed'),
        skipped: names('skipped'),
        counts: known ? { ...counts } : counted,
        named: known && !cut,
      };
    },
  };
}

function minus(names: readonly string[], ...others: readonly (readonly string[])[]): readonly string[] {
  const known = new Set(others.flat());
  return names.filter((name) => !known.has(name));
}

/**
 * What two runs of one check say together, failures as given: whatever passed once and did not count as failed
 * passed, and only what both skipped was skipped.
 *
 * @param failed the names that count as failed
 */
export function joinRan(
  first: RanTests | null,
  second: RanTests | null,
  side: 'base' | 'head',
): RanTests | null {
  if (first === null || second === null || first.source !== second.source) return first ?? second;
  const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])].sort();
  const other = new Set(second.failed);
  const both = first.failed.filter((name) => other.has(name));
  const failed = side === 'base' || both.length === 0 ? union(first.failed, second.failed) : both;
  const passed = minus(union(first.passed, second.passed), failed);
  const ran = union(first.failed, second.failed);
  const flaky = minus(ran, failed, passed);
  const skipped = minus(union(first.skipped, second.skipped), failed, passed, flaky);
  return { ...first, failed, passed: union(passed, flaky), skipped, named: first.named && second.named };
}

/** Every name of a run: passed, failed and skipped. */
export function allNames(ran: RanTests): readonly string[] {
  return [...ran.passed, ...ran.failed, ...ran.skipped];
}

/** The same run with its names changed; the totals stay. */
export function mapNames(ran: RanTests, change: (name: string) => string): RanTests {
  const all = (names: readonly string[]): readonly string[] => [...new Set(names.map(change))].sort();
  return { ...ran, passed: all(ran.passed), failed: all(ran.failed), skipped: all(ran.skipped) };
}
