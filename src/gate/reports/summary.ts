/** How many tests ran, read from the line in which a runner sums up. */
import type { RanTests, TestState } from './ran.ts';

type Counts = Record<TestState, number>;

/** Reads a summing line into what it counts; `null` when it is none. Anchored, so that a line costs linear time. */
type SummaryRule = (line: string) => Partial<Counts> | null;

const number = (text: string | undefined): number => Number(text ?? 0);

function words(line: string, pairs: Readonly<Record<string, TestState>>): Partial<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, digits, noun] of line.matchAll(/(\d{1,9}) ([a-z]+)/g)) {
    const state = pairs[noun ?? ''];
    if (state !== undefined) counts[state] += number(digits);
  }
  return counts;
}

const COMMON: Readonly<Record<string, TestState>> = {
  passed: 'passed',
  passing: 'passed',
  xpassed: 'passed',
  failed: 'failed',
  failing: 'failed',
  error: 'failed',
  errors: 'failed',
  skipped: 'skipped',
  xfailed: 'skipped',
  pending: 'skipped',
  todo: 'skipped',
  ignored: 'skipped',
};

/** A total and its parts: what is in no part has passed. */
function rest(all: number, failed: number, skipped: number): Counts {
  return { passed: Math.max(0, all - failed - skipped), failed, skipped };
}

const RULES: readonly SummaryRule[] = [
  // pytest: `== 2 failed, 3 passed, 1 skipped in 0.12s ==`
  (line) =>
    /^=* ?(?:no tests ran|\d+ (?:passed|failed|skipped|error|xfailed|xpassed|deselected|warning)).* in [\d.]+s/.test(
      line,
    )
      ? words(line, COMMON)
      : null,
  // jest `Tests:       1 failed, 2 passed, 3 total`, vitest `     Tests  1 failed | 2 passed (3)`
  (line) => (/^\s*Tests:? {2,}\d+ (?:passed|failed|skipped|todo)/.test(line) ? words(line, COMMON) : null),
  // cargo
  (line) => (/^test result: \w+\. \d+ passed;/.test(line) ? words(line, COMMON) : null),
  // mocha, a line each
  (line) => (/^ {2}\d+ (?:passing|failing|pending)\b/.test(line) ? words(line, COMMON) : null),
  // rspec and ExUnit
  (line) => {
    const found =
      /^(\d+) (?:examples?|tests?|doctests?, \d+ tests?), (\d+) failures?(?:, (\d+) (?:pending|skipped|excluded))?/.exec(
        line,
      );
    return found === null ? null : rest(number(found[1]), number(found[2]), number(found[3]));
  },
  // minitest
  (line) => {
    const found = /^(\d+) runs, \d+ assertions, (\d+) failures, (\d+) errors, (\d+) skips/.exec(line);
    return found === null
      ? null
      : rest(number(found[1]), number(found[2]) + number(found[3]), number(found[4]));
  },
  // phpunit
  (line) => {
    const fine = /^OK \((\d+) tests?, \d+ assertions?\)/.exec(line);
    if (fine !== null) return rest(number(fine[1]), 0, 0);
    const all = /^Tests: (\d+), Assertions: \d+/.exec(line);
    if (all === null) return null;
    const part = (name: string): number => number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1]);
    return rest(number(all[1]), part('Failures') + part('Errors'), part('Skipped') + part('Incomplete'));
  },
  // dotnet
  (line) => {
    const found = /^(?:Passed|Failed)! +- Failed: +(\d+), Passed: +(\d+), Skipped: +(\d+)/.exec(line);
    return found === null
      ? null
      : { failed: number(found[1]), passed: number(found[2]), skipped: number(found[3]) };
  },
  // Surefire; lines with a time are of one class, the one without is the module's
  (line) => {
    const found = /^(?:\[\w+\] )?Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+)$/.exec(
      line,
    );
    return found === null
      ? null
      : rest(number(found[1]), number(found[2]) + number(found[3]), number(found[4]));
  },
  // deno, bun, ava
  (line) => (/^(?:ok|FAILED) \| \d+ passed/.test(line) ? words(line, COMMON) : null),
  (line) =>
    /^ \d+ (?:pass|fail|skip|todo)$/.test(line)
      ? words(line, { pass: 'passed', fail: 'failed', skip: 'skipped', todo: 'skipped' })
      : null,
  (line) =>
    /^ {2}\d+ tests? (?:passed|failed|skipped|todo)$/.test(line)
      ? words(line.replace(/ tests? /, ' '), COMMON)
      : null,
];

/** node:test and unittest spread their sums over lines. */
function createSpread(): { read(line: string): void; done(): Counts | null } {
  const node = new Map<string, number>();
  let [ran, failed, skipped]: [number | null, number, number] = [null, 0, 0];
  return {
    read(line) {
      const found = /^(?:ℹ|#) (tests|pass|fail|cancelled|skipped|todo) (\d{1,9})$/.exec(line);
      if (found !== null) node.set(found[1] ?? '', number(found[2]) + (node.get(found[1] ?? '') ?? 0));
      const total = /^Ran (\d{1,9}) tests? in /.exec(line);
      if (total !== null) ran = (ran ?? 0) + number(total[1]);
      const end = ran === null ? null : /^(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$/.exec(line);
      for (const [, name, digits] of (end?.[1] ?? '').matchAll(/([a-z ]+)=(\d{1,9})/g)) {
        if (/^ ?(?:failures|errors|unexpected successes)$/.test(name ?? '')) failed += number(digits);
        else skipped += number(digits);
      }
    },
    done() {
      const of = (name: string): number => node.get(name) ?? 0;
      if (node.has('tests'))
        return {
          passed: of('pass'),
          failed: of('fail') + of('cancelled'),
          skipped: of('skipped') + of('todo'),
        };
      return ran === null ? null : rest(ran, failed, skipped);
    },
  };
}

/** What the runners of one output counted, all of them together; `null` when none did. */
export function readSummary(lines: readonly string[]): RanTests['counts'] | null {
  const sum: Counts = { passed: 0, failed: 0, skipped: 0 };
  const spread = createSpread();
  let found = false;
  const add = (counts: Partial<Counts> | null): void => {
    if (counts === null) return;
    found = true;
    for (const state of ['passed', 'failed', 'skipped'] as const) sum[state] += counts[state] ?? 0;
  };
  for (const line of lines) {
    if (!/\d|no tests ran/.test(line)) continue;
    spread.read(line);
    add(RULES.map((rule) => rule(line)).find((counts) => counts !== null) ?? null);
  }
  add(spread.done());
  return found ? sum : null;
}
