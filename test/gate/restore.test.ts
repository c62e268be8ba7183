import { describe, expect, it } from 'vitest';
import type { CheckReport, GateReport, GateVerdict, TamperFinding } from '../../src/job/gate.ts';
import { allowTestChanges, changesToRestore, settleFindings } from '../../src/gate/tamper/restore.ts';

const finding = (kind: string, severity: TamperFinding['severity'], file: string): TamperFinding => {
  return { kind, severity, file, line: 3, detail: 'as found' };
};
const failed: CheckReport = {
  name: 'test',
  kind: 'test',
  command: 'npm test',
  base: 'passed',
  head: 'failed',
  verdict: 'failed',
  duration_ms: 1,
  log: null,
  reason: '',
  new_failures: ['adds', 'subtracts'],
  excerpt: '',
};
const report = (verdict: GateVerdict): GateReport => {
  return {
    verdict,
    commit: 'c',
    tree: 't',
    checks: verdict === 'red' ? [failed] : [],
    tamper: [],
    duration_ms: 1,
  };
};

describe('what is put back', () => {
  it('is what base had of tests, renamed ones too, and what the guard found to decide', () => {
    const changes = [
      { path: 'src/a.js', oldPath: null, status: 'modified' },
      { path: 'test/a.test.js', oldPath: null, status: 'modified' },
      { path: 'test/new.test.js', oldPath: null, status: 'added' },
      { path: 'old/b.js', oldPath: 'test/b.test.js', status: 'renamed' },
      { path: 'test/c.test.js', oldPath: null, status: 'deleted' },
      { path: 'package.json', oldPath: null, status: 'modified' },
      { path: 'vitest.config.ts', oldPath: null, status: 'added' },
      { path: '.github/workflows/ci.yml', oldPath: null, status: 'modified' },
    ] as const;
    const findings = [
      finding('gutted_script', 'block', 'package.json'),
      finding('test_config', 'draft', 'vitest.config.ts'),
      finding('ci_workflow', 'draft', '.github/workflows/ci.yml'),
    ];
    expect(changesToRestore(changes, findings).map((change) => change.path)).toEqual([
      'test/a.test.js',
      'old/b.js',
      'test/c.test.js',
      'package.json',
      'vitest.config.ts',
    ]);
  });
});

describe('what the findings are worth after it', () => {
  const findings = [
    finding('test_deleted', 'block', 'test/c.test.js'),
    finding('expectation_changed', 'draft', 'test/a.test.js'),
    finding('ci_workflow', 'draft', '.github/workflows/ci.yml'),
  ];
  const paths = ['test/a.test.js', 'test/c.test.js'];

  it('green answers changed expectations, never a removed test nor what decides nothing here', () => {
    const settled = settleFindings(findings, { report: report('green'), paths });
    expect(settled.map((one) => `${one.kind} ${one.severity}`)).toEqual([
      'test_deleted block',
      'expectation_changed report',
      'ci_workflow draft',
    ]);
  });

  it('red makes a draft with the list of base’s tests that fail', () => {
    const settled = settleFindings([], { report: report('red'), paths });
    expect(settled).toEqual([
      {
        kind: 'base_tests_fail',
        severity: 'draft',
        file: 'test/a.test.js',
        line: null,
        detail: 'base’s tests fail on this change: adds, subtracts',
      },
    ]);
  });

  it('neither, or no run at all, leaves them as they are', () => {
    expect(settleFindings(findings, { report: report('inconclusive'), paths })).toEqual(findings);
    expect(settleFindings(findings, null)).toEqual(findings);
  });

  it('base’s tests that can’t be judged only on this change are told; what head can’t tell either is not', () => {
    const hangs: CheckReport = {
      ...failed,
      verdict: 'inconclusive',
      reason: 'it did not end within 600 seconds',
    };
    const restored = { report: { ...report('inconclusive'), checks: [hangs] }, paths };
    const added = settleFindings(findings, restored, report('green')).slice(findings.length);
    expect(added).toMatchObject([
      {
        kind: 'base_tests_fail',
        severity: 'draft',
        file: 'test/a.test.js',
        detail: expect.stringMatching(/can’t be judged.*test: it did not end/),
      },
    ]);
    expect(settleFindings(findings, restored, { ...report('inconclusive'), checks: [hangs] })).toEqual(
      findings,
    );
  });
});

describe('a test that asserts nothing any more, as far as can be told', () => {
  const weak = { ...finding('assertion_removed', 'draft', 'test/a.test.js'), tests: ['adds'] };
  const settle = (verdict: GateVerdict, tests: readonly string[]): string | undefined =>
    settleFindings([{ ...weak, tests }], { report: report(verdict), paths: ['test/a.test.js'] })[0]?.severity;

  it('blocks when it fails as base has it', () => {
    expect(settle('red', ['adds'])).toBe('block');
  });

  it('stays a draft when another test fails, or none', () => {
    expect(settle('red', ['dds'])).toBe('draft');
    expect(settle('red', [])).toBe('draft');
    expect(settle('green', ['adds'])).toBe('draft');
  });

  it('rewritten as a row of a table is a report once base’s version passes', () => {
    const rewritten = { ...finding('test_rewritten', 'draft', 'test/a.test.js'), tests: ['adds'] };
    const said = (verdict: GateVerdict): string | undefined =>
      settleFindings([rewritten], { report: report(verdict), paths: ['test/a.test.js'] })[0]?.severity;
    expect([said('green'), said('red')]).toEqual(['report', 'block']);
  });
});

describe('a request that allows changed tests', () => {
  it('lifts what is about tests and nothing that decides how they run', () => {
    const kinds = ['test_removed', 'test_skipped', 'base_tests_fail', 'assertion_replaced'];
    const kept = ['gutted_script', 'gate_script', 'test_config', 'shadowed_tool', 'early_exit'];
    const told = allowTestChanges([...kinds, ...kept].map((kind) => finding(kind, 'block', 'conftest.py')));
    expect(told.filter((one) => one.severity === 'report').map((one) => one.kind)).toEqual(kinds);
    expect(told.filter((one) => one.severity === 'block').map((one) => one.kind)).toEqual(kept);
  });
});
