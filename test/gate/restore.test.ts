import { describe, expect, it } from 'vitest';
import type { CheckReport, GateReport, GateVerdict, TamperFinding } from '../../src/job/gate.ts';
import { changesToRestore, settleFindings } from '../../src/gate/tamper/restore.ts';

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
});
