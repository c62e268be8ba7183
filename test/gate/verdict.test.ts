import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CheckVerdict } from '../../src/job/gate.ts';
import { judge, overall, type SideResult } from '../../src/gate/verdict.ts';

function side(
  state: SideResult['state'],
  tests: readonly string[] = [],
  errors: readonly string[] = [],
  more: Partial<SideResult> = {},
): SideResult {
  return {
    state,
    exitCode: state === 'inconclusive' ? null : state === 'passed' ? 0 : 1,
    failures: { tests, errors },
    ran: null,
    note: state === 'inconclusive' ? 'it timed out' : null,
    ...more,
  };
}
const passed = side('passed');
const unknown = side('inconclusive');
const notSetUp = side('inconclusive', [], [], { setupFailed: true });

describe('judge', () => {
  const CASES: readonly (readonly [
    name: string,
    base: SideResult | null,
    head: SideResult,
    verdict: CheckVerdict,
    fresh: readonly string[],
  ])[] = [
    ['passes on both', passed, passed, 'passed', []],
    ['fixed', side('failed', ['a']), passed, 'fixed', []],
    ['base inconclusive, head passes', unknown, passed, 'passed', []],
    ['newly red', passed, side('failed', ['a']), 'failed', ['a']],
    ['newly red without names', passed, side('failed', [], ['error: x']), 'failed', ['error: x']],
    ['the same tests are red', side('failed', ['a', 'b']), side('failed', ['a']), 'pre_existing', []],
    ['one more test is red', side('failed', ['a']), side('failed', ['a', 'b']), 'failed', ['b']],
    ['another test is red', side('failed', ['a']), side('failed', ['b']), 'failed', ['b']],
    ['the same errors', side('failed', [], ['x', 'y']), side('failed', [], ['x']), 'pre_existing', []],
    ['one more error', side('failed', [], ['x']), side('failed', [], ['x', 'y']), 'failed', ['y']],
    ['nothing to compare', side('failed'), side('failed'), 'inconclusive', []],
    ['no equal error line', side('failed', [], ['x']), side('failed', [], ['y']), 'inconclusive', []],
    [
      'head stops before its tests',
      side('failed', ['a']),
      side('failed', [], ['SyntaxError']),
      'failed',
      ['SyntaxError'],
    ],
    ['head is red without a word', side('failed', ['a']), side('failed'), 'inconclusive', []],
    ['the base names no test', side('failed', [], ['x']), side('failed', ['a']), 'failed', ['a']],
    ['the base could not be set up', notSetUp, side('failed', ['a']), 'failed', ['a']],
    ['the base is inconclusive', unknown, side('failed', ['a']), 'inconclusive', []],
    ['head is inconclusive', passed, unknown, 'inconclusive', []],
    ['flaky', passed, side('passed', [], [], { flaky: true }), 'flaky', []],
    ['no baseline: red is red', null, side('failed', ['a']), 'failed', ['a']],
    ['no baseline: green', null, passed, 'passed', []],
  ];
  test.each(CASES)('%s', (_name, base, head, verdict, fresh) => {
    const judged = judge(base, head);
    expect(judged).toMatchObject({ verdict, newFailures: fresh });
    expect(judged.reason).not.toBe('');
  });
});

describe('properties', () => {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'));
  const any = fc
    .record({
      state: fc.constantFrom('passed', 'failed', 'inconclusive'),
      tests: names,
      errors: names,
      flaky: fc.boolean(),
      setupFailed: fc.boolean(),
    })
    .map(({ state, tests, errors, flaky, setupFailed }) =>
      side(state, state === 'failed' ? tests : [], state === 'failed' && tests.length === 0 ? errors : [], {
        flaky: flaky && state === 'passed',
        setupFailed: setupFailed && state === 'inconclusive',
      }),
    );

  test('every pair of results has one verdict that follows the rules', () => {
    fc.assert(
      fc.property(fc.option(any), any, (base, head) => {
        const { verdict, newFailures } = judge(base, head);
        if (head.state === 'inconclusive') expect(verdict).toBe('inconclusive');
        if (head.state === 'passed') expect(['passed', 'fixed', 'flaky']).toContain(verdict);
        if (head.state === 'failed') expect(['failed', 'pre_existing', 'inconclusive']).toContain(verdict);
        if (head.state === 'failed' && (base === null || base.state === 'passed'))
          expect(verdict).toBe('failed');
        if (verdict === 'pre_existing') expect(base?.state).toBe('failed');
        if (verdict === 'fixed') expect(base?.state).toBe('failed');
        if (verdict !== 'failed') expect(newFailures).toEqual([]);
        for (const name of newFailures) {
          expect([...head.failures.tests, ...head.failures.errors]).toContain(name);
          if (base?.state !== 'failed') continue;
          expect(
            head.failures.tests.includes(name) ? base.failures.tests : base.failures.errors,
          ).not.toContain(name);
        }
      }),
    );
  });

  test('a test that fails on head only is never overlooked', () => {
    fc.assert(
      fc.property(any, names, (base, tests) => {
        fc.pre(base.state !== 'inconclusive' || base.setupFailed === true);
        const { verdict } = judge(base, side('failed', [...tests, 'new']));
        expect(verdict).toBe('failed');
      }),
    );
  });

  test('all checks together', () => {
    const verdict = fc.constantFrom<CheckVerdict>(
      'passed',
      'failed',
      'pre_existing',
      'fixed',
      'flaky',
      'inconclusive',
    );
    fc.assert(
      fc.property(fc.array(verdict), (verdicts) => {
        const expected =
          verdicts.length === 0
            ? 'none'
            : verdicts.includes('failed')
              ? 'red'
              : verdicts.includes('inconclusive')
                ? 'inconclusive'
                : 'green';
        expect(overall(verdicts.map((one) => ({ verdict: one })))).toBe(expected);
      }),
    );
  });
});
