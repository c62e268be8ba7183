/**
 * Base's tests and judge files beside head's: the gate runs once more with base's versions of what the change
 * touched put back. Still green, and the edit was harmless; red, and base's tests do not hold on head. Pure.
 */
import type { GateReport, TamperFinding } from '../../job/gate.ts';
import type { Change } from './change.ts';
import { isTestFile } from './test-files.ts';

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
 */
export function settleFindings(
  findings: readonly TamperFinding[],
  restored: { readonly report: GateReport; readonly paths: readonly string[] } | null,
): readonly TamperFinding[] {
  if (restored === null) return findings;
  const { report, paths } = restored;
  if (report.verdict === 'green') {
    return findings.map((one) =>
      one.severity === 'draft' && ANSWERED.has(one.kind) && paths.includes(one.file)
        ? { ...one, severity: 'report', detail: `${one.detail} (base’s version passes too)` }
        : one,
    );
  }
  if (report.verdict !== 'red') return findings;
  const failed = report.checks.filter((check) => check.verdict === 'failed');
  const names = failed.flatMap((check) =>
    check.new_failures.length > 0 ? check.new_failures : [check.name],
  );
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  const detail = `base’s tests fail on this change: ${names.slice(0, MAX_NAMED).join(', ')}${more}`;
  return [
    ...findings,
    { kind: 'base_tests_fail', severity: 'draft', file: paths[0] ?? '', line: null, detail },
  ];
}
