/** What one side says beside the other, and what all checks say together. Pure. */
import type { CheckReport, CheckVerdict, GateVerdict, SideState } from '../job/gate.ts';
import type { Failures } from './failures/failures.ts';
import type { RanTests } from './reports/ran.ts';

/** One check on one side, after its rerun where there was one. */
export interface SideResult {
  readonly state: SideState;
  readonly exitCode: number | null;
  readonly failures: Failures;
  /** Which tests ran; `null` when neither a report nor the output tells. */
  readonly ran: RanTests | null;
  /** Why it is `inconclusive`, or another remark for people. */
  readonly note: string | null;
  /** It was red once and passed when it was run again. */
  readonly flaky?: boolean;
  /** It ran without `CI` and `FORCE_COLOR`; a base is said to when it passes only so. */
  readonly plain?: boolean;
  /** It is `inconclusive` because the dependencies of this side could not be prepared. */
  readonly setupFailed?: boolean;
}

/** What head's result of one check means. */
export interface Judgement {
  readonly verdict: CheckVerdict;
  /** Why, in one sentence. */
  readonly reason: string;
  /** Failing tests or error lines that base does not have; empty unless `failed`. */
  readonly newFailures: readonly string[];
}

function minus(head: readonly string[], base: readonly string[]): readonly string[] {
  const known = new Set(base);
  return head.filter((name) => !known.has(name));
}

function allOf(failures: Failures): readonly string[] {
  return failures.tests.length > 0 ? failures.tests : failures.errors;
}

function count(names: readonly string[], noun: string): string {
  return `${names.length} ${noun}${names.length === 1 ? '' : 's'}`;
}

function judgement(verdict: CheckVerdict, reason: string, newFailures: readonly string[] = []): Judgement {
  return { verdict, reason, newFailures };
}

/**
 * What failed on one side: by the runner's own report where both sides have one, else by what it printed, so
 * that names of one source are never compared with names of another.
 */
function failuresOf(side: SideResult, other: SideResult | null): Failures {
  const reported = side.ran?.source === 'report' && (other === null || other.ran?.source === 'report');
  return reported && side.ran.failed.length > 0 ? { tests: side.ran.failed, errors: [] } : side.failures;
}

/** Red on both sides, and head names failing tests: they are compared by name. */
function judgeTests(base: Failures, head: Failures): Judgement {
  const fresh = minus(head.tests, base.tests);
  if (fresh.length === 0) {
    return judgement('pre_existing', `${count(head.tests, 'test')} failed, and failed on the base too`);
  }
  const beside =
    base.tests.length === 0 ? 'the base is red without naming a test' : 'they do not fail on the base';
  return judgement('failed', `${count(fresh, 'new failing test')}: ${beside}`, fresh);
}

/** Red on both sides, and head names no tests: error lines are compared, if they can be. */
function judgeErrors(base: Failures, head: Failures): Judgement {
  const fresh = minus(head.errors, base.errors);
  if (base.tests.length > 0) {
    if (fresh.length === 0)
      return judgement('inconclusive', 'red on both sides, but head names no failing test to compare');
    return judgement('failed', `head stopped before its tests: ${count(fresh, 'new error line')}`, fresh);
  }
  const shared = head.errors.length - fresh.length;
  if (shared === 0) {
    return judgement(
      'inconclusive',
      'red on both sides, without failing tests or equal error lines to compare',
    );
  }
  if (fresh.length === 0)
    return judgement('pre_existing', `${count(head.errors, 'error line')}, all on the base too`);
  return judgement('failed', `${count(fresh, 'error line')} that the base does not have`, fresh);
}

function judgeRed(base: SideResult | null, head: SideResult): Judgement {
  const failures = failuresOf(head, base?.state === 'failed' ? base : null);
  const how = head.exitCode === null ? 'failed' : `failed with exit code ${head.exitCode}`;
  if (base === null) return judgement('failed', `${how}; there is no baseline`, allOf(failures));
  switch (base.state) {
    case 'passed': {
      const again = base.plain === true ? 'run again without CI and FORCE_COLOR, as head was' : 'run again';
      const beside = base.flaky === true ? `the base passed when it was ${again}` : 'the base passes';
      return judgement('failed', `${how}; ${beside}`, allOf(failures));
    }
    case 'failed':
      return failures.tests.length > 0
        ? judgeTests(failures === head.failures ? base.failures : failuresOf(base, head), failures)
        : judgeErrors(base.failures, failures);
    case 'inconclusive':
      // The task may be the repair of a base that can't be set up, so head is judged alone.
      if (base.setupFailed === true) {
        return judgement('failed', `${how}; the base could not be set up`, allOf(failures));
      }
      return judgement(
        'inconclusive',
        `${how}, but the base is inconclusive: ${base.note ?? 'no reason is known'}`,
      );
  }
}

/**
 * What head's result of one check means beside base's.
 *
 * @param base the baseline, or `null` when there is none: then every red check is red
 */
export function judge(base: SideResult | null, head: SideResult): Judgement {
  switch (head.state) {
    case 'inconclusive':
      return judgement('inconclusive', head.note ?? 'the check did not end in a way that can be judged');
    case 'failed':
      return judgeRed(base, head);
    case 'passed':
      if (head.flaky === true) return judgement('flaky', 'red at first, passed when it was run again');
      if (base?.state === 'failed') return judgement('fixed', 'passes; the base fails');
      if (base?.state === 'inconclusive') {
        return judgement('passed', `passes; the base is inconclusive: ${base.note ?? 'no reason is known'}`);
      }
      if (base?.plain === true)
        return judgement(
          'passed',
          'passes without CI and FORCE_COLOR, like the base, which is red with them',
        );
      return judgement('passed', base === null ? 'passes; there is no baseline' : 'passes, like the base');
  }
}

/** What all checks say together: red wins over inconclusive, and no checks at all is `none`. */
export function overall(reports: readonly Pick<CheckReport, 'verdict'>[]): GateVerdict {
  if (reports.length === 0) return 'none';
  if (reports.some((report) => report.verdict === 'failed')) return 'red';
  if (reports.some((report) => report.verdict === 'inconclusive')) return 'inconclusive';
  return 'green';
}
