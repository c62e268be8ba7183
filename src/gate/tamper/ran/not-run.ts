/**
 * Tests that no longer run, found by running them: what base's tests did on the base, on head under base's tests,
 * and on head as it is. Text alone does not show a test that its runner no longer finds. Pure.
 */
import type { TamperFinding, TamperSeverity } from '../../../job/gate.ts';
import { allNames, type RanTests } from '../../reports/ran.ts';
import { mask } from '../tests/read/source-mask.ts';
import { languageOf } from '../tests/test-files.ts';
import { createLookup, groupOf, isNamedIn, writtenName } from './names.ts';

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
  kind: 'tests_not_run' | 'test_switched_off' | 'fewer_tests' | 'gutted_script',
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

/** Base's tests that head's own run does not run, though it has them: switched off, not changed. */
function findSwitchedOff(input: RanInput, one: RanCheck): readonly TamperFinding[] {
  const { base, head, restored } = one;
  if (base === null || head === null || restored?.ran == null || !one.headPassed) return [];
  const run = restored.ran;
  if (run.source !== head.source || run.source !== base.source) return [];
  return [
    ...findHidden(input, one.check, { base, head, run }),
    ...findIdle(input, one.check, { base, head, run }),
  ];
}

/** One check's tests: on base, on head, and on head's code under base's tests. */
interface Runs {
  readonly base: RanTests;
  readonly head: RanTests;
  readonly run: RanTests;
}

/** Of those that fail on head's code the ones that head skips, does not find, or runs only elsewhere. */
function findHidden(input: RanInput, check: string, { base, head, run }: Runs): readonly TamperFinding[] {
  const known = new Set(base.failed);
  const skipped = new Set(head.skipped);
  const isRun = createLookup([...head.passed, ...head.failed]);
  const written = new Set([...head.passed, ...head.failed].map(writtenName));
  const failing = run.failed.filter((name) => !known.has(name) && !/\b_FailedTest\b/.test(name));
  const off = failing.filter((name) => {
    if (isRun(name) || !head.named) return false;
    // Its text is still there, so it was not removed with its code.
    const isWritten = input.texts.some((file) => file.path !== '' && contains(file.head, writtenName(name)));
    return skipped.has(name) || (!written.has(writtenName(name)) && isWritten);
  });
  const found: TamperFinding[] = [];
  const tell = (names: readonly string[], detail: string): TamperFinding =>
    finding(input, 'test_switched_off', 'block', names, `${check}: ${detail}: ${listed(names)}`);
  if (off.length > 0) found.push(tell(off, 'base’s version fails on this change, and head does not run it'));
  const hidden = failing.filter((name) => isRun(name));
  const file = input.texts.find(
    ({ isTest, base: before, head: after }) =>
      isTest &&
      hidden.some((name) => contains(after, writtenName(name))) &&
      readsMoreEnvironment(before, after),
  );
  if (file !== undefined)
    found.push({ ...tell(hidden, 'base’s version fails, and head’s asks where it runs'), file: file.path });
  return found;
}

function readsMoreEnvironment(base: string | null, head: string | null): boolean {
  const before = new Set((base ?? '').split('\n').map((line) => line.trim()));
  return (head ?? '').split('\n').some((line) => CI_READ.test(line) && !before.has(line.trim()));
}

/** Of those that pass on head's code the ones that head skips, has where no runner looks, or has no more. */
function findIdle(input: RanInput, check: string, runs: Runs): readonly TamperFinding[] {
  const { base, head, run } = runs;
  const isRun = createLookup([...head.passed, ...head.failed]);
  const [ran, skipped, before] = [[...head.passed, ...head.failed], head.skipped, base.skipped].map(
    (names) => new Set(names.map(writtenName)),
  );
  const exactly = new Set(head.skipped);
  const wasSkipped = new Set(base.skipped);
  const isSkipped = (name: string): boolean => {
    if (exactly.has(name)) return !wasSkipped.has(name);
    // A table without rows is one skipped test in the place of all its cases.
    const written = writtenName(name);
    const isInPlace = skipped?.has(written) === true && ran?.has(written) === false;
    return isInPlace && !isRun(name) && before?.has(written) === false;
  };
  const idle = run.passed.filter(isSkipped);
  const absent = run.passed.filter((name) => !isRun(name) && !exactly.has(name) && !idle.includes(name));
  const still = run.named ? stillWritten(input, absent) : [];
  const tell = (names: readonly string[], detail: string): readonly TamperFinding[] =>
    names.length === 0
      ? []
      : [finding(input, 'test_switched_off', 'block', names, `${check}: ${detail}: ${listed(names)}`)];
  const found = [
    ...tell(idle, 'the base runs it, head skips it'),
    ...tell(still, 'base’s version passes, and head has it and does not run it'),
  ];
  return found.length > 0 ? found : findFewer(input, check, runs);
}

/** Base's tests pass on head's code, but head's own tests are fewer: deleted, or a table cut short. */
function findFewer(input: RanInput, check: string, { head, run }: Runs): readonly TamperFinding[] {
  // What fails under base’s tests is for the other rules, and its file may not even load.
  const lack = run.counts.passed - ranOf(head);
  if (lack <= 0 || ranOf(head) === 0) return [];
  const isThere = createLookup(allNames(head));
  const written = new Set(allNames(head).map(writtenName));
  const areNamed = run.named && head.named;
  const lost = areNamed ? run.passed.filter((name) => !isThere(name) && !written.has(writtenName(name))) : [];
  if (areNamed && lost.length === 0) return [];
  const names = lost.length === 0 ? '' : `; not run: ${listed(lost)}`;
  const detail = `${check}: head runs ${ranOf(head)} tests where ${run.counts.passed} of base’s pass${names}`;
  return [finding(input, 'fewer_tests', 'draft', lost, detail)];
}

/**
 * Those of `names` that head's test files still hold as tests, and that none of its checks runs under any name:
 * moved to where the runner does not look, or kept from it by what is around them.
 */
function stillWritten(input: RanInput, names: readonly string[]): readonly string[] {
  if (names.length === 0 || input.checks.some(({ head }) => head?.named === false)) return [];
  const onHead = input.checks.flatMap(({ head }) => (head === null ? [] : allNames(head))).join('\n');
  const sources = input.texts.flatMap(({ path, head, isTest }) => {
    const language = languageOf(path);
    return isTest && head !== null && language !== null ? [mask(head, language).code] : [];
  });
  return names.filter((name) => {
    const written = writtenName(name);
    if (written.length < 2 || isNamedIn(onHead, written)) return false;
    const plain = RegExp.escape(written);
    const pattern = new RegExp(`(["'\`])${plain}\\1|(?<![\\w$])${plain}\\s*\\(`);
    return sources.some((source) => pattern.test(source));
  });
}

/** Head's own run passes without a test, while base's tests run and pass on its code. */
function findNoneOnHead(input: RanInput, one: RanCheck): readonly TamperFinding[] {
  const { base, head, restored, headPassed } = one;
  if (!headPassed || base === null || ranOf(base) === 0 || restored?.ran == null) return [];
  const left = restored.ran.counts.passed;
  if (left === 0 || (head !== null && ranOf(head) > 0)) return [];
  const severity = head === null && input.toolsChanged ? 'draft' : 'block';
  // Where only tests changed it is a matter of tests, which a request may allow to change.
  const isAboutTests = !input.toolsChanged && input.texts.some(({ isTest }) => isTest);
  const detail = head === null ? 'passes without telling of any test' : 'passes without running any test';
  return [
    finding(
      input,
      isAboutTests ? 'test_switched_off' : 'tests_not_run',
      severity,
      restored.ran.passed,
      `${one.check}: ${detail}; ${left} of the base’s pass on this change`,
    ),
  ];
}

/** A check that passes on head although its own run names tests as failed, which fail under base's judge too. */
function findIgnored(input: RanInput, one: RanCheck): readonly TamperFinding[] {
  const { base, head, restored, headPassed } = one;
  if (!headPassed || base === null || head === null || restored?.ran == null || restored.passed) return [];
  const [again, known] = [new Set(restored.ran.failed), new Set(base.failed)];
  const names = head.failed.filter((name) => again.has(name) && !known.has(name));
  if (names.length === 0) return [];
  const file = input.texts.find(({ path, isTest }) => !isTest && languageOf(path) === null)?.path;
  const told = finding(
    input,
    'gutted_script',
    'block',
    names,
    `${one.check}: it passes although tests fail in it: ${listed(names)}`,
  );
  return [file === undefined ? told : { ...told, file }];
}

/**
 * Finds tests that no longer run: kept from it by the code or by what runs them (`tests_not_run`), switched off
 * (`test_switched_off`: base's version fails, or head skips it, or holds it where no runner looks), fewer
 * (`fewer_tests`, a draft), or of no matter to their check (`gutted_script`). Block only where it is certain.
 */
export function findTestsNotRun(input: RanInput): readonly TamperFinding[] {
  return input.checks.flatMap((one) => [
    ...findNotRun(input, one),
    ...findNoneOnHead(input, one),
    ...findSwitchedOff(input, one),
    ...findIgnored(input, one),
  ]);
}
