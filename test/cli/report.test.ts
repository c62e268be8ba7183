import { describe, expect, test } from 'vitest';
import { toJunit, toMarkdown } from '../../src/cli/judgement.ts';
import { renderGate } from '../../src/cli/report.ts';
import type { CheckReport, GateReport } from '../../src/job/gate.ts';
import { redBaseNotices } from '../../src/job/result.ts';
import { DEFAULT_POLICY } from '../../src/job/request.ts';

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

describe('a gate report for people', () => {
  test('five new failures are named and the rest is counted', () => {
    const names = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `t${at}`);
    const shown = (failures: readonly string[]): string =>
      renderGate(report(check({ verdict: 'failed', head: 'failed', new_failures: failures })), [], false);
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
    expect(renderGate(report(COUNTED), [], false)).toContain(numbers);
    expect(toMarkdown(judgement)).toContain(`| ${numbers} |`);
    expect(toJunit(judgement)).toContain(`tests: ${numbers}`);
    expect(renderGate(report(check({})), [], false)).not.toContain('tests');
  });

  test('what is red on the base is said', () => {
    expect(redBaseNotices(report(COUNTED))).toEqual([]);
    const [notice] = redBaseNotices(report(check({ verdict: 'pre_existing' }), check({ name: 'lint' })));
    expect(notice).toContain('red on the base already');
    expect(notice).toContain('test');
    expect(notice).not.toContain('lint');
  });
});
