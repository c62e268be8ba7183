import { describe, expect, test } from 'vitest';
import { conclusionOf, exitOf, toJunit, toMarkdown } from '../../src/cli/judgement.ts';
import { renderGate } from '../../src/cli/report.ts';
import type { CheckReport, GateReport, TamperFinding } from '../../src/job/gate.ts';
import { redBaseNotices } from '../../src/job/result.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/job/request.ts';

function check(more: Partial<CheckReport>): CheckReport {
  return {
    name: 'test',
    kind: 'test',
    command: 'npm test',
    base: 'passed',
    head: 'passed',
    verdict: 'passed',
    duration_ms: 1000,
    log: null,
    reason: 'passes, like the base',
    new_failures: [],
    excerpt: '',
    ...more,
  };
}

function report(...checks: readonly CheckReport[]): GateReport {
  return { verdict: 'green', commit: 'c', tree: 't', checks, tamper: [], duration_ms: 1 };
}

const COUNTED = check({
  base_tests: { passed: 12, failed: 0, skipped: 0 },
  head_tests: { passed: 11, failed: 1, skipped: 2 },
});

function shownGate(of: GateReport, policy: Partial<Policy> = {}): string {
  return renderGate({ report: of, policy: { ...DEFAULT_POLICY, ...policy }, notices: [] }, false);
}

describe('a gate report for people', () => {
  test('five new failures are named and the rest is counted', () => {
    const names = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `t${at}`);
    const shown = (failures: readonly string[]): string =>
      shownGate(report(check({ verdict: 'failed', head: 'failed', new_failures: failures })));
    expect(shown(names(5))).not.toContain('more');
    expect(shown(names(8))).toContain('new: t4\n  new: … and 3 more in test\n');
    // What the report itself left out is counted too.
    expect(shown([...names(100), '… and 7 more'])).toContain('… and 102 more in test');
  });

  test('numbers of tests stand in the table, Markdown and JUnit XML where they are known', () => {
    const judgement = {
      repo: 'r',
      base: 'main',
      base_sha: 'a'.repeat(40),
      head: 'h',
      head_sha: 'b'.repeat(40),
      report: report(COUNTED),
      policy: DEFAULT_POLICY,
      notices: [],
      logs: '',
    };
    const numbers = '12 → 11, 1 failed, 2 skipped';
    expect(shownGate(report(COUNTED))).toContain(numbers);
    expect(toMarkdown(judgement)).toContain(`| ${numbers} |`);
    expect(toJunit(judgement)).toContain(`tests: ${numbers}`);
    expect(shownGate(report(check({})))).not.toContain('tests');
  });

  test('what is red on the base is said', () => {
    expect(redBaseNotices(report(COUNTED))).toEqual([]);
    const [notice] = redBaseNotices(report(check({ verdict: 'pre_existing' }), check({ name: 'lint' })));
    expect(notice).toContain('red on the base already');
    expect(notice).toContain('test');
    expect(notice).not.toContain('lint');
  });

  test('a base that never ran is no result of it', () => {
    expect(shownGate(report(check({ base: 'not_run', verdict: 'failed', head: 'failed' })))).toMatch(
      /test +not run +failed +failed/,
    );
    const tests = { head_tests: { passed: 2, failed: 0, skipped: 0 } };
    expect(shownGate(report(check({ base: 'not_run', ...tests })))).toMatch(/not run +passed +passed +2 /);
    expect(shownGate(report(check(tests)))).toContain('? → 2');
  });

  test('what stands in the way says where to read on, and why nothing could be told', () => {
    const failed = check({ verdict: 'failed', head: 'failed', log: '/logs/head-test.log' });
    const shown = shownGate(report(failed));
    expect(shown).toContain('  log: /logs/head-test.log\n');
    expect(shown).not.toContain('why:');
    const missing = { verdict: 'inconclusive', reason: 'the tool x is missing' } as const;
    expect(shownGate(report(check(missing)))).toContain('  why: test: the tool x is missing\n');
    expect(shownGate(report(check({ log: '/logs/head-test.log' })))).not.toContain('log:');
  });

  const BLOCK: TamperFinding = { kind: 'k', severity: 'block', file: 'f', line: 1, detail: 'd' };
  test.each([
    ['green', [], {}, 'green', 0],
    ['green', [BLOCK], {}, 'green, blocked by the tamper guard', 1],
    [
      'green',
      [BLOCK],
      { on_tamper: 'allow' },
      'green, with a blocking finding of the tamper guard (on_tamper: allow)',
      0,
    ],
    ['red', [], {}, 'red', 1],
    [
      'red',
      [BLOCK],
      { on_tamper: 'draft' },
      'red, with a blocking finding of the tamper guard (on_tamper: draft)',
      1,
    ],
    ['inconclusive', [], {}, 'inconclusive, nothing is verified', 7],
    ['inconclusive', [BLOCK], {}, 'inconclusive, blocked by the tamper guard', 1],
    ['inconclusive', [], { on_inconclusive: 'open' }, 'inconclusive, let through (on_inconclusive: open)', 0],
    ['none', [], {}, 'no checks, nothing is verified', 7],
    ['none', [], { on_none: 'open' }, 'no checks, let through (on_none: open)', 0],
  ] as const)(
    '%s with findings %j under %j is headed %j and exits %i',
    (verdict, tamper, rules, said, code) => {
      const of: GateReport = { ...report(check({})), verdict, tamper };
      const policy: Policy = { ...DEFAULT_POLICY, ...rules };
      expect(conclusionOf({ report: of, policy })).toBe(said);
      expect(exitOf(of, policy)).toBe(code);
      expect(shownGate(of, rules)).toContain(`gate: ${said}\n`);
    },
  );
});
