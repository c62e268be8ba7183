/** What depends on what is drawn so that it can be read, and nothing is drawn that is not so. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawGraph, type GraphOptions, type GraphStep } from '../../../src/cli/pipeline/graph.ts';

const WIDE: GraphOptions = { columns: 80, colour: false, unicode: true };

/** `a b:a c:a,b` as steps. */
function stepsOf(text: string, status: GraphStep['status'] = null): readonly GraphStep[] {
  return text.split(' ').map((word) => {
    const [name = '', before = ''] = word.split(':');
    return { name, depends_on: before === '' ? [] : before.split(','), status };
  });
}

function drawn(text: string, options: Partial<GraphOptions> = {}): readonly string[] {
  return drawGraph(stepsOf(text), { ...WIDE, ...options })
    .trimEnd()
    .split('\n');
}

const FAN = Array.from({ length: 30 }, (_, at) => `t${at}`);

describe('from left to right', () => {
  it.each<[string, string, readonly string[]]>([
    ['one step', 'a', ['a']],
    ['two', 'a b:a', ['a ──▶ b']],
    ['two that are free', 'a b', ['a', 'b']],
    ['a diamond', 'a b:a c:a d:b,c', ['a ──┬──▶ b ──┬──▶ d', '    └──▶ c ──┘']],
    ['an edge past others', 'a b:a c:b d:a,c', ['a ──┬──▶ b ──▶ c ──┬──▶ d', '    └──────────────┘']],
    ['lines that cross no other', 'a b x:b y:a', ['a ──▶ y', 'b ──▶ x']],
    ['all of some before all of others', 'a b x:a,b y:a,b', ['a ──┬──▶ x', 'b ──┴──▶ y']],
  ])('%s', (_, text, lines) => {
    expect(drawn(text)).toEqual(lines);
  });

  it('thirty steps that are alike are one', () => {
    expect(drawn(`build ${FAN.map((name) => `${name}:build`).join(' ')} report:${FAN.join(',')}`)).toEqual([
      'build ──▶ 30 steps: t0 … t29 ──▶ report',
    ]);
  });
});

describe('a line a step', () => {
  it('where lines would run together', () => {
    expect(drawn('a b x:a,b y:b z:a q:x,y,z')).toEqual([
      '○     a',
      '│ ○   b',
      '├─┼─○ x',
      '│ ○ │ y',
      '○ │ │ z',
      '○─┴─┘ q',
    ]);
  });

  it('where a chain is longer than the terminal is wide', () => {
    const chain = FAN.map((name, at) => (at === 0 ? name : `${name}:t${at - 1}`)).join(' ');
    expect(drawn(chain)).toEqual(FAN.map((name) => `○ ${name}`));
  });

  it('a step is never right below another that it does not depend on', () => {
    expect(drawn('a b x:a y:a,b z:b', { columns: 20 })).toEqual([
      '○     a',
      '│ ○   b',
      '├─│─○ x',
      '○─┤   y',
      '  ○   z',
    ]);
    expect(drawn('a b x:a z:b y:a,b w', { columns: 20 })[2]).toBe('│ │ ○   w');
  });
});

describe('a drawing', () => {
  it('shows how steps stand, in colour and without', () => {
    const steps: readonly GraphStep[] = [
      { name: 'a', depends_on: [], status: 'completed' },
      { name: 'b', depends_on: ['a'], status: 'failed' },
    ];
    expect(drawGraph(steps, WIDE)).toBe('✓ a ──▶ ✗ b\n');
    expect(drawGraph(steps, { ...WIDE, unicode: false })).toBe('v a --> x b\n');
    expect(drawGraph(steps, { ...WIDE, colour: true })).toBe(
      '\u001b[32m✓\u001b[0m a ──▶ \u001b[31m✗\u001b[0m b\n',
    );
  });

  it('is of ASCII where no more is shown', () => {
    expect(drawn('a b:a c:a d:b,c', { unicode: false })).toEqual(['a --+--> b --+--> d', '    +--> c --+']);
  });

  it('of nothing, and of what waits for itself, is none', () => {
    expect(drawGraph([], WIDE)).toBe('');
    expect(drawGraph(stepsOf('a:b b:a'), WIDE)).toBe('');
  });

  it('lets no name move the cursor', () => {
    const [line = ''] = drawGraph([{ name: 'a\u001b[2Jb\n', depends_on: [], status: null }], WIDE).split(
      '\n',
    );
    expect(line).toBe('ab');
  });

  it('names every step or folds it, and is no wider than the terminal, whatever depends on what', () => {
    const graph = fc
      .array(fc.array(fc.nat({ max: 30 }), { maxLength: 4 }), { minLength: 1, maxLength: 25 })
      .map((befores) =>
        befores.map((before, at) => ({
          name: `s${at}`,
          depends_on: at === 0 ? [] : [...new Set(before.map((one) => `s${one % at}`))],
          status: null,
        })),
      );
    fc.assert(
      fc.property(graph, fc.integer({ min: 60, max: 120 }), (steps, columns) => {
        const text = drawGraph(steps, { ...WIDE, columns });
        for (const line of text.split('\n')) expect(Array.from(line).length).toBeLessThanOrEqual(columns);
        const folded = [...text.matchAll(/(\d+) steps:/g)].reduce((sum, [, count]) => sum + Number(count), 0);
        const named = steps.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(text)).length;
        expect(named + folded).toBeGreaterThanOrEqual(steps.length);
      }),
      { numRuns: 300 },
    );
  });
});
