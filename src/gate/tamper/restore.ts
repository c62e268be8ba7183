/**
 * Base's tests and judge files beside head's: the gate runs once more with base's versions of what the change
 * touched put back. Still green, and the edit was harmless; red, and base's tests do not hold on head. Pure.
 */
import type { CheckReport, GateReport, TamperFinding } from '../../job/gate.ts';
import type { Change } from './change.ts';
import { isTestFile } from './tests/test-files.ts';

/** Findings about files that decide how a check ends here; workflows and lock files do not. */
const DECIDING: ReadonlySet<string> = new Set([
  'expectation_changed',
  'gate_script',
  'gutted_script',
  'test_config',
  'lint_config',
  'shadowed_tool',
]);
/** Findings that a green run with base's versions answers: the change did not need them to pass. */
const ANSWERED: ReadonlySet<string> = new Set([
  'expectation_changed',
  'gate_script',
  'test_config',
  'lint_config',
  'shadowed_tool',
]);
const MAX_NAMED = 10;

/** The changes whose base version is put back: what base had of tests, and what the guard found to decide. */
export function changesToRestore(
  changes: readonly Change[],
  findings: readonly TamperFinding[],
): readonly Change[] {
  const deciding = new Set(findings.filter((one) => DECIDING.has(one.kind)).map((one) => one.file));
  return changes.filter((change) => {
    const atBase = change.oldPath ?? change.path;
    if (change.status === 'added') return deciding.has(change.path);
    return isTestFile(atBase) || deciding.has(change.path) || deciding.has(atBase);
  });
}

/**
 * What the guard's findings are worth after the run with base's versions.
 *
 * @param restored report of head's code under base's judge, `null` when there was nothing to put back
 * @param judged report of head as it is: what it could not tell either says nothing about base's tests
 */
export function settleFindings(
  findings: readonly TamperFinding[],
  restored: { readonly report: GateReport; readonly paths: readonly string[] } | null,
  judged: GateReport | null = null,
): readonly TamperFinding[] {
  if (restored === null) return findings;
  const { report, paths } = restored;
  if (report.verdict === 'green') {
    return findings.map((one) =>
      one.severity === 'draft' &&
      (ANSWERED.has(one.kind) || one.kind === 'test_rewritten') &&
      paths.includes(one.file)
        ? { ...one, severity: 'report', detail: `${one.detail} (base’s version passes too)` }
        : one,
    );
  }
  if (report.verdict === 'inconclusive') return [...findings, ...unclear(report, judged, paths)];
  if (report.verdict !== 'red') return findings;
  const failed = report.checks.filter((check) => check.verdict === 'failed');
  const names = failed.flatMap((check) =>
    check.new_failures.length > 0 ? check.new_failures : [check.name],
  );
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  const detail = `base’s tests fail on this change: ${names.slice(0, MAX_NAMED).join(', ')}${more}`;
  return [
    ...findings.map((one) => settled(one, failed)),
    { kind: 'base_tests_fail', severity: 'draft', file: paths[0] ?? '', line: null, detail },
  ];
}

/** Base's tests that hang or are killed on head's code, while head's own end: that must not pass in silence. */
function unclear(
  restored: GateReport,
  judged: GateReport | null,
  paths: readonly string[],
): readonly TamperFinding[] {
  const known = new Set(
    judged?.checks.filter((one) => one.verdict === 'inconclusive').map((one) => one.name),
  );
  const only = restored.checks.filter((one) => one.verdict === 'inconclusive' && !known.has(one.name));
  if (judged?.verdict !== 'green' || only.length === 0) return [];
  const why = only.slice(0, MAX_NAMED).map((one) => `${one.name}: ${one.reason}`);
  const detail = `base’s tests can’t be judged on this change: ${why.join('; ')}`;
  return [{ kind: 'base_tests_fail', severity: 'draft', file: paths[0] ?? '', line: null, detail }];
}

/** Whether a failure that a check names is a test's: its whole name, or the last part of it. */
function isFailureOf(failure: string, test: string): boolean {
  if (!failure.endsWith(test)) return false;
  return failure.length === test.length || /[^\w$]/.test(failure.charAt(failure.length - test.length - 1));
}

/** A test that fails as base has it, and asserts nothing as head has it, was weakened so that it passes. */
function settled(found: TamperFinding, failed: readonly CheckReport[]): TamperFinding {
  if (found.severity !== 'draft' || found.tests === undefined) return found;
  const names = failed.flatMap((check) => check.new_failures);
  const hidden = found.tests.filter((test) => names.some((name) => isFailureOf(name, test)));
  if (hidden.length === 0) return found;
  const shown = hidden.slice(0, MAX_NAMED).join(', ');
  return { ...found, severity: 'block', detail: `${found.detail} (fails as base has it: ${shown})` };
}

/** Findings about what tests say, which a request may allow; what runs them is another matter. */
const ABOUT_TESTS: ReadonlySet<string> = new Set([
  'assertion_removed',
  'assertion_replaced',
  'base_tests_fail',
  'expectation_changed',
  'test_deleted',
  'test_emptied',
  'test_focused',
  'test_removed',
  'test_rewritten',
  'test_skipped',
  'test_switched_off',
  'test_weakened',
]);

/**
 * Findings of a change whose tests may change: those about tests only tell. Scripts of the gate, settings, tools
 * in place of others and a run that ends early stay what they are.
 */
export function allowTestChanges(findings: readonly TamperFinding[]): readonly TamperFinding[] {
  return findings.map((one) => (ABOUT_TESTS.has(one.kind) ? { ...one, severity: 'report' } : one));
}
