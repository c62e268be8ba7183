/** Which tests the gate's runs ran, brought together for the guard's rule about tests that no longer run. */
import type { GateReport, TamperFinding } from '../../job/gate.ts';
import type { RanTests } from '../../gate/gate.ts';
import { findTestsNotRun, type ChangedText, type RanCheck } from '../../gate/tamper/ran/not-run.ts';
import { isTestFile } from '../../gate/tamper/tests/test-files.ts';
import type { ChangedPath } from '../../workspace/diff.ts';
import type { CommitFiles } from '../../workspace/files.ts';

/** One gate run: its report, and which tests each check ran, by the check's name. */
export interface GateRun {
  readonly report: GateReport;
  readonly ran: ReadonlyMap<string, { readonly base: RanTests | null; readonly head: RanTests | null }>;
}

/** Most changed files whose text is looked at. */
const MAX_TEXTS = 200;
/** Findings that somebody who allowed changes to tests has allowed. */
const ALLOWED: ReadonlySet<string> = new Set(['test_switched_off', 'fewer_tests']);
/** Findings after which a runner may tell of its tests in another way. */
const TOOLS: ReadonlySet<string> = new Set([
  'lock_file',
  'test_config',
  'gate_script',
  'gutted_script',
  'runner_config',
]);

function passed(report: GateReport, name: string): boolean {
  return report.checks.some((check) => check.name === name && check.head === 'passed');
}

async function textsOf(
  changes: readonly ChangedPath[],
  base: Pick<CommitFiles, 'read'>,
  head: Pick<CommitFiles, 'read'>,
): Promise<readonly ChangedText[]> {
  return Promise.all(
    changes.slice(0, MAX_TEXTS).map(async ({ path, oldPath, status }) => ({
      path,
      base: status === 'added' ? null : await base.read(oldPath ?? path),
      head: status === 'deleted' ? null : await head.read(path),
      isTest: isTestFile(path) || (oldPath !== null && isTestFile(oldPath)),
    })),
  );
}

/**
 * What the guard says of tests that no longer run.
 *
 * @param restored the run of head's code under base's tests, `null` when there was nothing to put back
 * @param findings what the guard found in the text
 * @param allowed whether the request allows changes to tests: then what is wrong with them is only told
 */
export async function notRunFindings(
  judged: GateRun,
  restored: GateRun | null,
  changes: readonly ChangedPath[],
  files: { readonly base: Pick<CommitFiles, 'read'>; readonly head: Pick<CommitFiles, 'read'> },
  findings: readonly TamperFinding[],
  allowed: boolean,
): Promise<readonly TamperFinding[]> {
  const checks = [...judged.ran].flatMap(([check, { base, head }]): RanCheck[] => {
    const one = { check, base, head, headPassed: passed(judged.report, check) };
    if (restored === null) return [{ ...one, restored: null }];
    const again = restored.ran.get(check);
    // A part of a chain that is judged in one of the runs alone.
    if (again === undefined) return [];
    return [{ ...one, restored: { ran: again.head, passed: passed(restored.report, check) } }];
  });
  const texts = await textsOf(changes, files.base, files.head);
  const toolsChanged = findings.some((one) => TOOLS.has(one.kind));
  return findTestsNotRun({ checks, texts, toolsChanged }).map((one) =>
    allowed && ALLOWED.has(one.kind) ? { ...one, severity: 'report' as const } : one,
  );
}
