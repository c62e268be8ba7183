import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { excerpt } from '../../src/gate/failures/excerpt.ts';
import { MAX_FAILURE_CHARS, readFailures } from '../../src/gate/failures/failures.ts';
import { normaliseLine } from '../../src/gate/failures/error-lines.ts';

const OUTPUTS: readonly (readonly [runner: string, output: string, tests: readonly string[]])[] = [
  [
    'node:test, spec',
    '✔ top works (0.7ms)\n✖ top fails (0.604117ms)\n▶ suite\n  ✖ inner fails (4.7ms)\n✖ suite (5.1ms)\n⚠ later (0.3ms) # TODO\nℹ tests 5\nℹ fail 2\n\n✖ failing tests:\n\ntest at a.test.mjs:3:1\n✖ top fails (0.604117ms)\n  AssertionError [ERR_ASSERTION]: 1 == 2\n\ntest at a.test.mjs:4:27\n✖ inner fails (4.718661ms)\n',
    ['a.test.mjs: inner fails', 'a.test.mjs: top fails'],
  ],
  [
    'node:test, TAP',
    "# Subtest: top fails\nnot ok 2 - top fails\n  ---\n  location: 'a.test.mjs:3:1'\n# Subtest: suite\n    # Subtest: inner fails\n    not ok 1 - inner fails\n    ok 2 - inner works\nnot ok 3 - suite\nnot ok 4 - later # TODO\n",
    ['a.test.mjs: top fails', 'suite > inner fails'],
  ],
  [
    'pytest',
    '=== short test summary info ===\nFAILED tests/test_a.py::TestA::test_one - assert 1 == 2\nFAILED tests/test_a.py::test_p[x y] - AssertionError: assert 1\nERROR tests/test_c.py - ModuleNotFoundError\nERROR tests/test_c.py::test_e\n=== 2 failed, 1 error in 0.13s ===',
    [
      'tests/test_a.py::TestA::test_one',
      'tests/test_a.py::test_p[x y]',
      'tests/test_c.py',
      'tests/test_c.py::test_e',
    ],
  ],
  [
    'pytest -v and xdist',
    'tests/a.py::test_one FAILED      [ 50%]\n[gw1] [ 66%] FAILED tests/a.py::test_two \n',
    ['tests/a.py::test_one', 'tests/a.py::test_two'],
  ],
  [
    'unittest',
    '======\nERROR: test_c (unittest.loader._FailedTest.test_c)\n------\nFAIL: test_one (test_a.A.test_one) (i=1)\nFAILED (failures=1, errors=2)\n',
    ['test_c (unittest.loader._FailedTest.test_c)', 'test_one (test_a.A.test_one) (i=1)'],
  ],
  [
    'go',
    '# example.com/calc/b\nb/b_test.go:3:28: undefined: x\n--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/sub_one (0.00s)\n        a_test.go:3: no\nFAIL\nFAIL\texample.com/calc\t0.002s\nFAIL\texample.com/calc/b [build failed]\nFAIL\n',
    ['example.com/calc/b [build failed]', 'example.com/calc: TestA', 'example.com/calc: TestA/sub_one'],
  ],
  [
    'go -json',
    '{"Time":"2026-01-01","Action":"fail","Package":"p","Test":"TestA","Elapsed":0}\n{"Action":"pass","Package":"p","Test":"TestB"}\n{"broken\n',
    ['p: TestA'],
  ],
  [
    'cargo',
    'running 2 tests\ntest b ... ok\ntest tests::a ... FAILED\ntest src/lib.rs - f (line 1) ... FAILED\ntest result: FAILED. 1 passed; 1 failed',
    ['src/lib.rs - f', 'tests::a'],
  ],
  [
    'vitest',
    ' FAIL  a.test.ts > s > x > y\n FAIL  b.test.ts [ b.test.ts ]\nAssertionError: expected 1\n Test Files  1 failed (1)\n',
    ['a.test.ts > s > x > y', 'b.test.ts [ b.test.ts ]'],
  ],
  [
    'jest',
    'FAIL src/a.test.js (5.1 s)\n  ● suite › adds\n\n    expect(received)\n\n  ● Console\n\nTests: 1 failed, 2 passed',
    ['src/a.test.js: suite › adds'],
  ],
  [
    'mocha',
    '  1 passing (4ms)\n  2 failing\n\n  1) suite\n       inner\n         adds:\n     AssertionError: 1 == 2\n\n  2) other fails:\n     Error: x\n',
    ['other fails', 'suite inner adds'],
  ],
  ['bun', '(fail) suite > adds [0.12ms]\n 1 fail\n', ['suite > adds']],
  [
    'surefire 3',
    '[ERROR] Tests run: 3, Failures: 1, Errors: 1, Skipped: 0, Time elapsed: 0.041 s <<< FAILURE! -- in calc.CalcTest\n[ERROR] calc.CalcTest.adds -- Time elapsed: 0.005 s <<< FAILURE!\n[ERROR] calc.CalcTest.boom -- Time elapsed: 0.001 s <<< ERROR!\n',
    ['calc.CalcTest.adds', 'calc.CalcTest.boom'],
  ],
  ['surefire 2', 'adds(calc.CalcTest)  Time elapsed: 0.01 sec  <<< FAILURE!\n', ['adds(calc.CalcTest)']],
  [
    'gradle',
    '> Task :test FAILED\nCalcTest > adds() FAILED\n    org.opentest4j.AssertionFailedError at CalcTest.java:7\n',
    ['CalcTest > adds()'],
  ],
  ['dotnet', '  Failed Calc.Tests.Adds [12 ms]\n  Passed Calc.Tests.Subs [1 ms]\n', ['Calc.Tests.Adds']],
  ['rspec', 'rspec ./spec/calc_spec.rb:12 # Calc adds\n', ['./spec/calc_spec.rb # Calc adds']],
  [
    'minitest',
    '  1) Failure:\nTestCalc#test_adds [test/calc_test.rb:7]:\nExpected: 3\n',
    ['TestCalc#test_adds'],
  ],
  [
    'phpunit',
    '1) App\\Tests\\CalcTest::testAdds\nFailed asserting that 4 matches\n',
    ['App\\Tests\\CalcTest::testAdds'],
  ],
  ['exunit', '  1) test adds (CalcTest)\n     test/calc_test.exs:5\n', ['test adds (CalcTest)']],
];

describe('names of failing tests', () => {
  test.each(OUTPUTS)('%s', (_runner, output, tests) => {
    expect(readFailures(output)).toEqual({ tests, errors: [] });
    const coloured = output.replaceAll('FAIL', '\u001b[31mFAIL\u001b[0m').replaceAll('\n', '\r\n');
    expect(readFailures(coloured).tests).toEqual(tests);
  });

  test('a passing run names nothing', () => {
    expect(readFailures('ok 1 - adds\ntest a ... ok\nℹ fail 0\nTests  2 passed').tests).toEqual([]);
  });

  test('log lines that look a little like results are no tests', () => {
    expect(
      readFailures('ERROR root:app.py something\nFAILED to connect\nFAIL: could not open (file)').tests,
    ).toEqual([]);
  });
});

describe('error lines', () => {
  test('the same error compares equal at other places and times', () => {
    const first = readFailures(
      '/tmp/a1/x/src/a.ts:3:5 - error TS2322: Type string\nprocess 123 failed after 12ms at 0x7ffd00\nFound 1 error in 2s',
    );
    const second = readFailures(
      '/tmp/b2/y/src/a.ts:14:9 - error TS2322: Type string\nprocess 9 failed after 1.3s at 0x11\nFound 2 errors in 1s',
    );
    expect(first.errors.length).toBeGreaterThan(0);
    expect(first).toEqual(second);
  });

  test('another error does not', () => {
    const of = (text: string): readonly string[] => readFailures(text).errors;
    expect(of('src/a.ts(3,5): error TS2322: A')).not.toEqual(of('src/a.ts(3,5): error TS2304: B'));
    expect(of('src/a.ts(3,5): error TS2322: A')).not.toEqual(of('src/b.ts(3,5): error TS2322: A'));
    expect(normaliseLine('AssertionError: expected 3 to be 4')).toBe('AssertionError: expected 3 to be 4');
  });

  test('a tool that puts its own name before the place', () => {
    const of = (line: number): readonly string[] =>
      readFailures(`# a/queue\nvet: queue/ring_test.go:${line}:2: declared and not used: ring\n`).errors;
    expect(of(14)).toEqual(['vet: queue/ring_test.go:<n>: declared and not used: ring']);
    expect(of(15)).toEqual(of(14));
  });

  test('ESLint findings are named by their file; counts and what npm adds are left out', () => {
    const output =
      '\n/workspace/src/a.js\n  3:5  error  x is unused  no-unused-vars\n\n✖ 1 problem (1 error, 0 warnings)\nnpm error Lifecycle script `lint` failed with error:\nnpm error code 1';
    expect(readFailures(output).errors).toEqual(['src/a.js: <n> error x is unused no-unused-vars']);
  });
});

describe('properties', () => {
  const line = fc.constantFrom(
    'FAILED a.py::test_x - boom',
    'test a::b ... FAILED',
    '(fail) x > y [1ms]',
    'FAIL: test_a (m.C.test_a)',
    'src/a.ts:1:2: error: no',
    'rspec ./spec/a_spec.rb:1 # x',
    'noise',
    '',
  );
  test('order and duplicates do not matter', () => {
    fc.assert(
      fc.property(
        fc
          .array(line, { maxLength: 30 })
          .chain((lines) =>
            fc.tuple(fc.constant(lines), fc.shuffledSubarray(lines, { minLength: lines.length })),
          ),
        ([lines, shuffled]) => {
          expect(readFailures(shuffled.join('\n'))).toEqual(readFailures([...lines, ...lines].join('\n')));
        },
      ),
    );
  });

  test('any text is read; names are short and sorted', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 3000 }),
          fc.array(line).map((lines) => lines.join('\r')),
        ),
        (text) => {
          const { tests, errors } = readFailures(text);
          for (const name of [...tests, ...errors])
            expect(name.length).toBeLessThanOrEqual(MAX_FAILURE_CHARS);
          expect(tests).toEqual([...new Set(tests)].sort());
        },
      ),
    );
  });

  test.each([
    'a',
    ' ',
    '(',
    'FAIL ',
    '✖ ',
    '\u001b[',
    '\u001b]',
    '/tmp/',
    '1.',
    'a.py::',
    ' > ',
    '- ',
    '0x',
    'a/',
    '"',
    '● ',
    '\r',
    '1 failed\n  1) a\n',
    '--- FAIL: T\n',
    '# Subtest: a\n',
    'error\n',
    '/tmp/x/',
    'a:1:',
  ])('2 MB of %j are read without going back for each character', (piece) => {
    const { tests, errors } = readFailures(piece.repeat(Math.floor((2 * 1024 * 1024) / piece.length)));
    for (const found of [...tests, ...errors]) expect(found.length).toBeLessThanOrEqual(MAX_FAILURE_CHARS);
  });
});

describe('excerpt', () => {
  test('a short output stays, without colours', () => {
    expect(excerpt('\u001b[31mred\u001b[0m\n', 100)).toBe('red');
  });

  test('a long one keeps head, tail and the lines that name failures', () => {
    const middle = Array.from({ length: 500 }, (_, at) =>
      at === 250 ? 'FAILED tests/a.py::test_x - boom' : `filler ${at}`,
    ).join('\n');
    const short = excerpt(`first line\n${middle}\nlast line`, 2000);
    expect(short.length).toBeLessThanOrEqual(2000);
    expect(short).toMatch(
      /^first line[\s\S]*characters left out[\s\S]*FAILED tests\/a\.py::test_x[\s\S]*last line$/,
    );
    expect(short.indexOf('[…')).toBeGreaterThan(700);
  });

  test('it never exceeds its bound and never ends in half a character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 2000 }),
        fc.integer({ min: 0, max: 500 }),
        (text, most) => {
          const short = excerpt(text, most);
          expect(short.length).toBeLessThanOrEqual(most);
          expect(short.isWellFormed()).toBe(true);
        },
      ),
    );
  });
});
