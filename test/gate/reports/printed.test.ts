import { describe, expect, test } from 'vitest';
import { linesOf } from '../../../src/gate/failures/text.ts';
import { readPrinted } from '../../../src/gate/reports/printed.ts';

interface Expected {
  readonly passed?: readonly string[];
  readonly failed?: readonly string[];
  readonly skipped?: readonly string[];
  readonly counts: readonly [passed: number, failed: number, skipped: number];
  readonly named: boolean;
}

const OUTPUTS: readonly (readonly [runner: string, output: string, expected: Expected])[] = [
  [
    'node:test, spec',
    '✔ adds (1s) (1.3ms)\n✖ fails (5.2ms)\n﹣ sk (0.1ms) # why not\n✔ td (0.08ms) # TODO\n▶ suite # one\n  ✔ inner (0.1ms)\n  ﹣ no (1.6ms) # SKIP\n✔ suite # one (2.3ms)\n✔ b.test.mjs (37.9ms)\nℹ tests 7\nℹ suites 1\nℹ pass 3\nℹ fail 1\nℹ skipped 2\nℹ todo 1\n\n✖ failing tests:\n\ntest at a.test.mjs:2:28\n✖ fails (5.2ms)\n',
    {
      passed: ['adds (1s)', 'b.test.mjs', 'suite # one > inner'],
      failed: ['fails'],
      skipped: ['sk', 'suite # one > no', 'td'],
      counts: [3, 1, 3],
      named: true,
    },
  ],
  [
    'TAP with subtests',
    'TAP version 13\n# Subtest: adds\nok 1 - adds\n# Subtest: suite \\# one\n    # Subtest: inner\n    not ok 1 - inner\n    # Subtest: no\n    ok 2 - no # SKIP\n    1..2\nnot ok 2 - suite \\# one\n1..2\n',
    {
      passed: ['adds'],
      failed: ['suite # one > inner'],
      skipped: ['suite # one > no'],
      counts: [1, 1, 1],
      named: true,
    },
  ],
  [
    'unittest -v',
    "test_bad (tests.a.T.test_bad) ... FAIL\ntest_doc (tests.a.T.test_doc)\nA doc line. ... ok\ntest_talks (tests.a.T.test_talks) ... hello\nok\ntest_sk (tests.a.T.test_sk) ... skipped 'why'\ntest_sub (tests.a.T.test_sub) ... \n  test_sub (tests.a.T.test_sub) (i=1) ... FAIL\n\nRan 5 tests in 0.001s\n\nFAILED (failures=2, skipped=1)\n",
    {
      passed: ['test_doc (tests.a.T.test_doc)', 'test_talks (tests.a.T.test_talks)'],
      failed: ['test_bad (tests.a.T.test_bad)', 'test_sub (tests.a.T.test_sub)'],
      skipped: ['test_sk (tests.a.T.test_sk)'],
      counts: [2, 2, 1],
      named: true,
    },
  ],
  ['unittest', '..s\nRan 3 tests in 0.001s\n\nOK (skipped=1)\n', { counts: [2, 0, 1], named: false }],
  [
    'pytest -v',
    'tests/a.py::T::test_x PASSED   [ 50%]\ntests/a.py::test_p[a b] SKIPPED (r) [ 75%]\ntests/a.py::test_f FAILED [100%]\n=== 1 failed, 1 passed, 1 skipped in 0.1s ===\n',
    {
      passed: ['tests/a.py::T::test_x'],
      failed: ['tests/a.py::test_f'],
      skipped: ['tests/a.py::test_p[a b]'],
      counts: [1, 1, 1],
      named: true,
    },
  ],
  ['pytest -q', '.F.\n1 failed, 2 passed in 0.10s\n', { counts: [2, 1, 0], named: false }],
  [
    'go test -v',
    '=== RUN   TestA\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/x_y (0.00s)\n--- SKIP: TestC (0.00s)\nPASS\nok  \texample.com/q\t0.002s\n--- FAIL: TestB (0.00s)\nFAIL\nFAIL\texample.com/r\t0.003s\nFAIL\n',
    {
      passed: ['example.com/q: TestA/x_y'],
      failed: ['example.com/r: TestB'],
      skipped: ['example.com/q: TestC'],
      counts: [1, 1, 1],
      named: true,
    },
  ],
  [
    'cargo test',
    'running 3 tests\ntest tests::a ... ok\ntest tests::b ... ignored, slow\ntest tests::c - should panic ... FAILED\n\ntest result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out\n',
    { passed: ['tests::a'], failed: ['tests::c'], skipped: ['tests::b'], counts: [1, 1, 1], named: true },
  ],
  [
    'vitest, default: files alone',
    ' ✓ src/a.test.ts (3 tests) 5ms\n Test Files  1 passed (1)\n      Tests  3 passed (3)\n',
    { counts: [3, 0, 0], named: false },
  ],
  [
    'vitest, verbose',
    ' ✓ src/a.test.ts > adds 1ms\n ↓ src/a.test.ts > later\n      Tests  1 passed | 1 skipped (2)\n',
    {
      passed: ['src/a.test.ts > adds'],
      skipped: ['src/a.test.ts > later'],
      counts: [1, 0, 1],
      named: true,
    },
  ],
  [
    'jest, verbose',
    'PASS src/a.test.js\n  suite\n    ✓ adds (2 ms)\n    ○ skipped later\nTests:       1 skipped, 1 passed, 2 total\n',
    {
      passed: ['src/a.test.js > suite > adds'],
      skipped: ['src/a.test.js > suite > skipped later'],
      counts: [1, 0, 1],
      named: true,
    },
  ],
  [
    'mocha',
    '\n  suite\n    ✔ adds\n    - later\n    1) breaks\n\n  1 passing (4ms)\n  1 pending\n  1 failing\n\n  1) suite\n       breaks:\n',
    {
      passed: ['suite > adds'],
      failed: ['suite > breaks'],
      skipped: ['suite > later'],
      counts: [1, 1, 1],
      named: true,
    },
  ],
  ['rspec', '10 examples, 1 failure, 2 pending\n', { counts: [7, 1, 2], named: false }],
  ['phpunit', 'Tests: 5, Assertions: 9, Failures: 1, Skipped: 1.\n', { counts: [3, 1, 1], named: false }],
  [
    'Surefire',
    '[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s - in A\n[INFO] Tests run: 3, Failures: 0, Errors: 1, Skipped: 1\n',
    { counts: [1, 1, 1], named: false },
  ],
];

describe('tests that ran, from the text', () => {
  test.each(OUTPUTS)('%s', (_runner, output, { passed = [], failed = [], skipped = [], counts, named }) => {
    const ran = readPrinted(linesOf(output), []);
    expect(ran).toEqual({
      source: 'output',
      passed,
      failed,
      skipped,
      counts: { passed: counts[0], failed: counts[1], skipped: counts[2] },
      named,
    });
  });

  test.each([
    ['a build tool’s marks', '✔ Generated client (12ms)\n✔ Done\n'],
    ['a compiler', 'src/a.ts(3,5): error TS2322: no\nFound 1 error.\n'],
    ['nothing', ''],
  ])('%s tells of no test', (_what, output) => {
    expect(readPrinted(linesOf(output), [])).toBeNull();
  });

  test('failing names that were read otherwise stand where only counts are printed', () => {
    const ran = readPrinted(linesOf('..F\n1 failed, 2 passed in 0.10s\n'), ['a.py::test_x']);
    expect(ran).toMatchObject({ failed: ['a.py::test_x'], counts: { passed: 2, failed: 1 }, named: false });
  });

  test('more tests than are kept are counted, and not called named', () => {
    const output = Array.from({ length: 6000 }, (_, at) => `test t${at} ... ok`).join('\n');
    const ran = readPrinted(linesOf(output), []);
    expect(ran?.passed).toHaveLength(5000);
    expect(ran).toMatchObject({ counts: { passed: 6000 }, named: false });
  });
});
