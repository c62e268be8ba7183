/**
 * Tests that no longer run, found by running them: what base's tests did on the base, on head under base's tests,
 * and on head as it is. Text alone does not show a test that its runner no longer finds. Pure.
 */
import type { TamperFinding, TamperSeverity } from '../../../job/gate.ts';
import { allNames, type RanTests } from '../../reports/ran.ts';
import { createLookup, groupOf, writtenName } from './names.ts';

/** One check's tests in the runs of the gate; `null` where nothing tells which ran. */
export interface RanCheck {
  readonly check: string;
  readonly base: RanTests | null;
  readonly head: RanTests | null;
  readonly headPassed: boolean;
  /** Head's code under base's tests and judge files; `null` when there was nothing to put back. */
  readonly restored: { readonly ran: RanTests | null; readonly passed: boolean } | null;
}

/** A changed file with its text on both sides, `null` where it is absent or no text. */
export interface ChangedText {
  readonly path: string;
  readonly base: string | null;
  readonly head: string | null;
  readonly isTest: boolean;
}

/** What the rule looks at. */
export interface RanInput {
  readonly checks: readonly RanCheck[];
  readonly texts: readonly ChangedText[];
  /** Whether lock files or settings of tools changed: a runner may then print something else. */
  readonly toolsChanged: boolean;
}

const MAX_NAMED = 10;
const CI_READ =
  /\bprocess\.env\b|\bimport\.meta\.env\b|\bDeno\.env\b|\bos\.(?:environ|getenv)\b|\bos\.(?:Getenv|LookupEnv)\(|\benv::var|\boption_env!|\bSystem\.getenv\(|\bENV\[|\bgetenv\(|\bEnvironment\.GetEnvironmentVariable\b|\bSystem\.get_env\b/;

function ranOf(ran: RanTests): number {
  return ran.counts.passed + ran.counts.failed;
}

function listed(names: readonly string[]): string {
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return `${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}

function contains(text: string | null, name: string): boolean {
  return text !== null && name.length > 1 && text.includes(name);
}

function fileOf(input: RanInput, names: readonly string[]): string {
  const written = names.map(writtenName);
  const tests = input.texts.filter((file) => file.isTest);
  const holder = tests.find((file) =>
    written.some((name) => contains(file.head, name) || contains(file.base, name)),
  );
  return (holder ?? tests[0] ?? input.texts[0])?.path ?? '';
}

function finding(
  input: RanInput,
  kind: 'tests_not_run' | 'test_switched_off' | 'fewer_tests',
  severity: TamperSeverity,
  names: readonly string[],
  detail: string,
): TamperFinding {
  return { kind, severity, file: fileOf(input, names), line: null, detail };
}

/** Tests that are written inside code which the change touches go with it; what text shows of them judges them. */
function isInline(input: RanInput, name: string): boolean {
  return input.texts.some((file) => !file.isTest && contains(file.base, writtenName(name)));
}

/** Base's tests in place, the check passes, and yet some of them did not run: the code keeps them from it. */
function findNotRun(input: RanInput, one: RanCheck): readonly TamperFinding[] {
  const { base, restored } = one;
  const [run, passed] = restored === null ? [one.head, one.headPassed] : [restored.ran, restored.passed];
  if (base === null || ranOf(base) === 0 || !passed) return [];
  const before = `${ranOf(base)} test${ranOf(base) === 1 ? '' : 's'}`;
  const tell = (
    severity: TamperSeverity,
    names: readonly string[],
    detail: string,
  ): readonly TamperFinding[] => [
    finding(input, 'tests_not_run', severity, names, `${one.check}: ${detail}`),
  ];
  if (run === null)
    return tell(
      input.toolsChanged ? 'draft' : 'block',
      [],
      `passes without telling of any test; the base ran ${before}`,
    );
  if (ranOf(run) === 0)
    return tell('block', base.passed, `passes without running any test; the base ran ${before}`);
  const fewer = ranOf(run) < ranOf(base);
  if (!base.named || !run.named || base.source !== run.source) {
    return fewer ? tell('draft', [], `ran ${ranOf(run)} tests; the base ran ${before}`) : [];
  }
  const isThere = createLookup(allNames(run));
  const lost = [...base.passed, ...base.failed].filter((name) => !isThere(name));
  const skipped =
    restored === null ? [...base.passed, ...base.failed].filter((name) => run.skipped.includes(name)) : [];
  if (lost.length === 0)
    return skipped.length === 0 ? [] : tell('draft', skipped, `skipped now: ${listed(skipped)}`);
  const known = createLookup(allNames(base));
  // node:test names a file of tests that ended well without a test of its own.
  const emptied = run.passed.filter((name) => !known(name) && /^[^\s>]+\.[cm]?[jt]sx?$/.test(name));
  if (emptied.length > 0)
    return tell('block', lost, `${listed(emptied)} ended before its tests; not run: ${listed(lost)}`);
  if (!fewer) return [];
  const groups = new Set(allNames(run).map(groupOf));
  const hidden = lost.filter((name) => !isInline(input, name));
  const whole = hidden.some((name) => groupOf(name) !== '' && !groups.has(groupOf(name)));
  return tell(
    hidden.length === 0 ? 'report' : whole && !input.toolsChanged ? 'block' : 'draft',
    lost,
    `the base’s tests are in place, but did not run: ${listed(lost)}`,
  );
}

/** Base's tests that fail on head's code, and that head's own run does not run: switched off, not changed. */
function findSwitchedOff(input: RanInput, one: RanCheck): readonly TamperFinding[] {
  const { base, head, restored } = one;
  if (base === null || head === null || restored?.ran == null || !one.headPassed) return [];
  const run = restored.ran;
  if (run.source !== head.source || run.source !== base.source) return [];
  const known = new Set(base.failed);
  const skipped = new Set(head.skipped);
  const wasSkipped = new Set(base.skipped);
  const isRun = createLookup([...head.passed, ...head.failed]);
  const written = new Set([...head.passed, ...head.failed].map(writtenName));
  const off: string[] = [];
  const failing = run.failed.filter((name) => !known.has(name) && !/\b_FailedTest\b/.test(name));
  for (const name of failing) {
    if (isRun(name) || !head.named) continue;
    // Its text is still there, so it was not removed with its code.
    const isWritten = input.texts.some((file) => file.path !== '' && contains(file.head, writtenName(name)));
    if (skipped.has(name) || (!written.has(writtenName(name)) && isWritten)) off.push(name);
  }
  const found: TamperFinding[] = [];
  if (off.length > 0)
    found.push(
      finding(
        input,
        'test_switched_off',
        'block',
        off,
        `${one.check}: base’s version fails on this change, and head does not run it: ${listed(off)}`,
      ),
    );
  const idle = run.passed.filter((name) => skipped.has(name) && !wasSkipped.has(name));
  if (idle.length > 0)
    found.push(
      finding(
        input,
        'test_switched_off',
        'block',
        idle,
        `${one.check}: the base runs it, head skips it: ${listed(idle)}`,
      ),
    );
  const hidden = failing.filter((name) => isRun(name));
  const file = input.texts.find(
    ({ isTest, base: before, head: after }) =>
      isTest &&
      hidden.some((name) => contains(after, writtenName(name))) &&
      readsMoreEnvironment(before, after),
  );
  if (file !== undefined)
    found.push({
      ...finding(
        input,
        'test_switched_off',
        'block',
        hidden,
        `${one.check}: base’s version fails, and head’s asks where it runs: ${listed(hidden)}`,
      ),
      file: file.path,
    });
  return [...found, ...findFewer(input, one, run, head)];
}

function readsMoreEnvironment(base: string | null, head: string | null): boolean {
  const before = new Set((base ?? '').split('\n').map((line) => line.trim()));
  return (head ?? '').split('\n').some((line) => CI_READ.test(line) && !before.has(line.trim()));
}

/** Base's tests pass on head's code, but head's own tests are fewer: deleted, or a table cut short. */
function findFewer(input: RanInput, one: RanCheck, run: RanTests, head: RanTests): readonly TamperFinding[] {
  // What fails under base’s tests is for the other rules, and its file may not even load.
  const lack = run.counts.passed - ranOf(head);
  if (lack <= 0) return [];
  const isThere = createLookup(allNames(head));
  const written = new Set(allNames(head).map(writtenName));
  const lost =
    run.named && head.named
      ? run.passed.filter((name) => !isThere(name) && !written.has(writtenName(name)))
      : [];
  if (run.named && head.named && lost.length === 0) return [];
  const names = lost.length === 0 ? '' : `; not run: ${listed(lost)}`;
  return [
    finding(
      input,
      'fewer_tests',
      'draft',
      lost,
      `${one.check}: head runs ${ranOf(head)} tests where ${run.counts.passed} of base’s pass${names}`,
    ),
  ];
}

/**
 * Finds tests that no longer run: kept from it by the code (`tests_not_run`), switched off where base's version
 * fails (`test_switched_off`), or fewer (`fewer_tests`, a draft). Block only where it is certain.
 */
export function findTestsNotRun(input: RanInput): readonly TamperFinding[] {
  return input.checks.flatMap((one) => [...findNotRun(input, one), ...findSwitchedOff(input, one)]);
}
