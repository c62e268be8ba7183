import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutToTokens, estimateTokens, isFull } from '../../src/prompt/budget.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 3000 }),
  fc.array(fc.string({ maxLength: 40 }), { maxLength: 200 }).map((lines) => lines.join('\n')),
  fc.string({ unit: fc.constantFrom('a', 'é', '語', '🚀', '\n'), maxLength: 2000 }),
);

describe('isFull', () => {
  it('is a session from 85 % of its window on, and none that says nothing', () => {
    expect(isFull({ used: 850, size: 1000 }, 200_000)).toBe(true);
    expect(isFull({ used: 849, size: 1000 }, 200_000)).toBe(false);
    expect(isFull({ used: 170_000, size: null }, 200_000)).toBe(true);
    expect(isFull({ used: 169_999, size: null }, 200_000)).toBe(false);
    expect(isFull(undefined, 1)).toBe(false);
  });
});

describe('estimateTokens', () => {
  it('takes four ASCII characters a token and more for others', () => {
    expect(estimateTokens('')).toBe(0);
    expect(estimateTokens('abcd')).toBe(1);
    expect(estimateTokens('abcde')).toBe(2);
    expect(estimateTokens('語語')).toBe(2);
    expect(estimateTokens('🚀')).toBe(2);
  });
});

describe('cutToTokens', () => {
  it('never exceeds its budget and never throws', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: -5, max: 800 }), (value, max) => {
        expect(estimateTokens(cutToTokens(value, max))).toBeLessThanOrEqual(Math.max(0, max));
      }),
      { numRuns: 500 },
    );
  });
  it('leaves what fits as it is', () => {
    fc.assert(fc.property(text, (value) => cutToTokens(value, estimateTokens(value)) === value));
  });
  it('keeps 40 % of the head and 50 % of the tail around a marker with the numbers', () => {
    const lines = Array.from({ length: 2000 }, (_, at) => `line ${at} of the output`).join('\n');
    const cut = cutToTokens(lines, 1000);
    const [head = '', middle = '', tail = ''] = cut.split(/\n(\[… .* …\])\n/);
    expect(head.startsWith('line 0 of')).toBe(true);
    expect(tail.endsWith('line 1999 of the output')).toBe(true);
    expect(estimateTokens(head) / 1000).toBeGreaterThan(0.38);
    expect(estimateTokens(tail) / 1000).toBeGreaterThan(0.48);
    expect(middle).toMatch(/\d+ lines, about \d+ tokens/);
    // Cuts fall between lines.
    expect(head.split('\n').at(-1)).toMatch(/^line \d+ of the output$/);
    expect(tail.split('\n')[0]).toMatch(/^line \d+ of the output$/);
  });
  it('splits no character in two', () => {
    for (let max = 20; max < 120; max++) expect(cutToTokens('🚀'.repeat(200), max).isWellFormed()).toBe(true);
  });
});
