import { describe, expect, test } from 'vitest';
import type { RanTests } from '../../src/gate/gate.ts';
import { writtenName } from '../../src/gate/tamper/ran/names.ts';
import { findTestsNotRun, type ChangedText, type RanInput } from '../../src/gate/tamper/ran/not-run.ts';

function ran(
  passed: readonly string[],
  failed: readonly string[] = [],
  skipped: readonly string[] = [],
  more: Partial<RanTests> = {},
): RanTests {
  const counts = { passed: passed.length, failed: failed.length, skipped: skipped.length };
  return { source: 'output', passed, failed, skipped, counts, named: true, ...more };
}

function counted(passed: number): RanTests {
  return ran([], [], [], { named: false, counts: { passed, failed: 0, skipped: 0 } });
}

const SOURCE: ChangedText = {
  path: 'src/a.js',
  base: 'export const a = 1;',
  head: 'export const a = 2;',
  isTest: false,
};

function tests(base: string | null, head: string | null): ChangedText {
  return { path: 'test/a.test.js', base, head, isTest: true };
}

interface Scene {
  readonly base: RanTests | null;
  readonly head: RanTests | null;
  readonly restored?: RanTests | null;
  readonly texts?: readonly ChangedText[];
  readonly toolsChanged?: boolean;
}

function find({ base, head, restored, texts = [SOURCE], toolsChanged = false }: Scene): readonly string[] {
  const again = restored === undefined ? null : { ran: restored, passed: restored?.failed.length === 0 };
  const input: RanInput = {
    checks: [{ check: 'test', base, head, headPassed: true, restored: again }],
    texts,
    toolsChanged,
  };
  return findTestsNotRun(input).map(({ severity, kind }) => `${severity} ${kind}`);
}

const BOTH = ran(['s > adds', 's > subs']);

describe('tests that base ran and nothing restored runs', () => {
  const SCENES: readonly (readonly [what: string, scene: Scene, found: readonly string[]])[] = [
    ['the same tests', { base: BOTH, head: BOTH }, []],
    ['more tests', { base: BOTH, head: ran([...BOTH.passed, 's > muls']) }, []],
    ['nothing is told on either side', { base: null, head: null }, []],
    ['no test ran', { base: BOTH, head: ran([]) }, ['block tests_not_run']],
    ['no test is told', { base: BOTH, head: null }, ['block tests_not_run']],
    [
      'no test is told, by other tools',
      { base: BOTH, head: null, toolsChanged: true },
      ['draft tests_not_run'],
    ],
    ['counts alone: none', { base: counted(3), head: counted(0) }, ['block tests_not_run']],
    ['counts alone: fewer', { base: counted(3), head: counted(2) }, ['draft tests_not_run']],
    ['counts alone: as many', { base: counted(3), head: counted(3) }, []],
    [
      'a file that ended before its tests',
      { base: ran(['adds', 'subs']), head: ran(['test/a.test.js', 'subs']) },
      ['block tests_not_run'],
    ],
    [
      'a whole suite',
      { base: ran(['s > adds', 't > subs']), head: ran(['t > subs']) },
      ['block tests_not_run'],
    ],
    ['one test of a suite', { base: BOTH, head: ran(['s > adds']) }, ['draft tests_not_run']],
    ['another name for it, made by the code', { base: BOTH, head: ran(['s > adds', 's > takes away']) }, []],
    [
      'split into smaller ones',
      { base: ran(['p: TestA', 'p: TestB']), head: ran(['p: TestA/x', 'p: TestB']) },
      [],
    ],
    [
      'skipped by the code',
      { base: BOTH, head: ran(['s > adds'], [], ['s > subs']) },
      ['draft tests_not_run'],
    ],
    [
      'a test inside the code that went',
      {
        base: ran(['tests::old', 'tests::new']),
        head: ran(['tests::new']),
        texts: [{ path: 'src/lib.rs', base: 'fn old() {}', head: '', isTest: false }],
      },
      ['report tests_not_run'],
    ],
  ];
  test.each(SCENES)('%s', (_what, scene, found) => {
    expect(find(scene)).toEqual(found);
  });
});

describe('tests that fail under base’s version', () => {
  const WRITTEN = tests("test('subs')", "test('subs')");
  const restored = ran(['s > adds'], ['s > subs']);
  const SCENES: readonly (readonly [what: string, scene: Scene, found: readonly string[]])[] = [
    [
      'skipped by head',
      { base: BOTH, restored, head: ran(['s > adds'], [], ['s > subs']), texts: [WRITTEN] },
      ['block test_switched_off'],
    ],
    [
      'still written, but not run',
      { base: BOTH, restored, head: ran(['s > adds']), texts: [WRITTEN] },
      ['block test_switched_off'],
    ],
    [
      'removed with its code',
      { base: BOTH, restored, head: ran(['s > adds']), texts: [tests("test('subs')", '')] },
      [],
    ],
    [
      'moved to another suite, where it runs',
      { base: BOTH, restored, head: ran(['s > adds', 't > subs']), texts: [WRITTEN] },
      [],
    ],
    ['its expectation changed', { base: BOTH, restored, head: BOTH, texts: [WRITTEN] }, []],
    [
      'it asks where it runs',
      {
        base: BOTH,
        restored,
        head: BOTH,
        texts: [tests("test('subs')", "test('subs', () => {\n  if (process.env.CI) return;")],
      },
      ['block test_switched_off'],
    ],
    [
      'it failed on the base as well',
      { base: ran(['s > adds'], ['s > subs']), restored, head: ran(['s > adds']), texts: [WRITTEN] },
      [],
    ],
    [
      'names of another source are not compared',
      { base: BOTH, restored, head: ran(['x'], [], [], { source: 'report' }), texts: [WRITTEN] },
      [],
    ],
  ];
  test.each(SCENES)('%s', (_what, scene, found) => {
    expect(find(scene)).toEqual(found);
  });
});

describe('tests that pass under base’s version', () => {
  test.each([
    ['skipped by head', ran(['s > adds'], [], ['s > subs']), ['block test_switched_off']],
    ['not run by head', ran(['s > adds']), ['draft fewer_tests']],
    ['renamed by head', ran(['s > adds', 's > takes away']), []],
    ['moved by head', ran(['s > adds', 't > subs']), []],
    ['none is run by head', ran([]), ['block test_switched_off']],
    ['nothing is told by head', null, ['block test_switched_off']],
  ])('%s', (_what, head, found) => {
    expect(find({ base: BOTH, restored: BOTH, head, texts: [tests('a', 'b')] })).toEqual(found);
  });

  test.each([
    ["test('subs', () => {});", ran(['s > adds']), ['block test_switched_off']],
    ['function subs() {}', ran(['s > adds']), ['block test_switched_off']],
    ["// test('subs') is checked by adds", ran(['s > adds']), ['draft fewer_tests']],
    ["test('subsumes', () => {});", ran(['s > adds']), ['draft fewer_tests']],
    ["describe('subs', () => {});", ran(['s > adds', 's > subs > below > zero']), []],
    ["['subs', 1]", ran(['s > adds', 's > works: subs']), []],
  ])('still written as %s', (text, head, found) => {
    expect(find({ base: BOTH, restored: BOTH, head, texts: [tests("test('subs')", text)] })).toEqual(found);
  });

  test('a script of the gate under which no test runs is no matter of tests', () => {
    const scene: Scene = { base: BOTH, restored: BOTH, head: ran([]), texts: [tests('a', 'b')] };
    expect(find({ ...scene, toolsChanged: true })).toEqual(['block tests_not_run']);
    expect(find({ ...scene, texts: [SOURCE] })).toEqual(['block tests_not_run']);
    expect(find({ ...scene, head: null, toolsChanged: true })).toEqual(['draft tests_not_run']);
  });

  test('a test that another check runs is not switched off', () => {
    const one = { headPassed: true, restored: { ran: BOTH, passed: true } };
    const checks = [
      { ...one, check: 'unit', base: BOTH, head: ran(['s > adds']) },
      { ...one, check: 'slow', base: null, head: ran(['slow > subs']) },
    ];
    const texts = [tests("test('subs')", "test('subs')")];
    const found = findTestsNotRun({ checks, texts, toolsChanged: false });
    expect(found.map(({ severity }) => severity)).toEqual(['draft']);
  });

  test('a table without rows is one skipped test in the place of its cases', () => {
    const base = ran(['t > test_adds[1]', 't > test_adds[2]', 't > test_subs']);
    const head = ran(['t > test_subs'], [], ['t > test_adds[NOTSET]']);
    expect(find({ base, restored: base, head, texts: [tests('a', 'b')] })).toEqual([
      'block test_switched_off',
    ]);
  });

  test('a check that passes although its tests fail under base’s judge too', () => {
    const failing = ran(['s > adds'], ['s > subs']);
    const script: ChangedText = { path: 'package.json', base: '{}', head: '{ }', isTest: false };
    const scene: Scene = { base: BOTH, head: failing, restored: failing, texts: [script] };
    expect(find(scene)).toEqual(['block gutted_script']);
    expect(find({ ...scene, base: failing })).toEqual([]);
    expect(find({ ...scene, restored: BOTH })).toEqual([]);
  });

  test('a finding names the tests and a file that has them', () => {
    const [first] = findTestsNotRun({
      checks: [
        {
          check: 'test',
          base: BOTH,
          head: ran(['s > adds'], [], ['s > subs']),
          headPassed: true,
          restored: { ran: BOTH, passed: true },
        },
      ],
      texts: [SOURCE, tests("it('subs')", "it.skip('subs')")],
      toolsChanged: false,
    });
    expect(first).toMatchObject({ file: 'test/a.test.js', severity: 'block' });
    expect(first?.detail).toContain('s > subs');
  });
});

test.each([
  ['suite > adds two', 'adds two'],
  ['tests/test_a.py::TestA::test_x[1-2]', 'test_x'],
  ['test_x (tests.test_a.T.test_x)', 'test_x'],
  ['tests.test_a.T > test_x[a b]', 'test_x'],
  ['example.com/q: TestA/x_y', 'TestA'],
  ['parse::tests::reads', 'reads'],
  ['parses a/b', 'parses a/b'],
])('%s is written as %s', (name, written) => {
  expect(writtenName(name)).toBe(written);
});
