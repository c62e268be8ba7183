import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isSameFailure,
  jaccard,
  normaliseError,
  SAME_FAILURE_JACCARD,
} from '../../../src/job/text/similarity.ts';
import { UNLIKE_FAILURES } from '../script.ts';

const MEGABYTE = 1024 * 1024;

describe('normaliseError', () => {
  it.each([
    ['Error at /srv/app/sum.js:12:3', 'error at <path>:<n>:<n>'],
    ['expected "four" but got \'five\'', 'expected <str> but got <str>'],
    ['src/a/b.ts(3,4): error TS2345', '<path>(<n>,<n>): error ts<n>'],
    ['C:\\work\\sum.js failed', '<path> failed'],
    ['./sum.js and ../lib/sum.js', '<path> and <path>'],
    ['address 0xDEADBEEF, 3.5 s, 10 runs', 'address <n>, <n> s, <n> runs'],
    ["can't load, won't start", "can't load, won't start"],
    ['  two\n\n lines\t here ', 'two lines here'],
    ['', ''],
  ])('makes %j to %j', (text, normalised) => {
    expect(normaliseError(text)).toBe(normalised);
  });

  it('keeps at most 500 characters, in lower case, with single blanks', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 3000 }), (text) => {
        const normalised = normaliseError(text);
        expect(normalised.length).toBeLessThanOrEqual(500);
        expect(normalised).not.toMatch(/\s\s|[A-Z0-9]/);
      }),
    );
  });

  it.each([
    ['letters', 'a'.repeat(MEGABYTE)],
    ['slashes', '/'.repeat(MEGABYTE)],
    ['backslashes', '\\'.repeat(MEGABYTE)],
    ['dots', '.'.repeat(MEGABYTE)],
    ['double quotes', '"'.repeat(MEGABYTE)],
    ['single quotes', "'".repeat(MEGABYTE)],
    ['backticks', '`'.repeat(MEGABYTE)],
    ['open quotes', `"${'a'.repeat(299)}`.repeat(3000)],
    ['digits', '1'.repeat(MEGABYTE)],
    ['numbers', '1.'.repeat(MEGABYTE / 2)],
    ['blanks', ' '.repeat(MEGABYTE)],
    ['drives', 'a:'.repeat(MEGABYTE / 2)],
    ['path parts', 'a/'.repeat(MEGABYTE / 2)],
    ['almost paths', 'a@b.c-'.repeat(MEGABYTE / 6)],
    ['hex', '0x'.repeat(MEGABYTE / 2)],
  ])('reads a megabyte of %s without going back for each character', (_name, text) => {
    expect(normaliseError(text).length).toBeLessThanOrEqual(500);
  });
});

describe('jaccard', () => {
  const words = fc
    .array(fc.constantFrom('a', 'b', 'c', 'd', 'e', ''), { maxLength: 12 })
    .map((list) => list.join(' '));

  it('is symmetric and between 0 and 1', () => {
    fc.assert(
      fc.property(fc.oneof(words, fc.string()), fc.oneof(words, fc.string()), (a, b) => {
        expect(jaccard(a, b)).toBe(jaccard(b, a));
        expect(jaccard(a, b)).toBeGreaterThanOrEqual(0);
        expect(jaccard(a, b)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('is 1 for the same words in any order and number, 0 for none in common', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd')), (list) => {
        expect(jaccard(list.join(' '), [...list, ...list].toReversed().join('\n'))).toBe(1);
        expect(jaccard(list.join(' '), 'x y z')).toBe(0);
      }),
    );
    expect(jaccard('a b c', 'b c d')).toBe(0.5);
  });
});

describe('isSameFailure', () => {
  it('holds between a text and itself, and is symmetric', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 800 }), fc.string({ maxLength: 800 }), (a, b) => {
        expect(isSameFailure(a, a)).toBe(true);
        expect(isSameFailure(a, b)).toBe(isSameFailure(b, a));
      }),
    );
  });

  it('sees through paths, numbers and quoted strings', () => {
    const first = 'FAIL /tmp/a1/test/sum.test.js:3 expected "4" but received "5" in 12 ms';
    const second = 'FAIL /tmp/b7/test/sum.test.js:91 expected "7" but received "1" in 3.4 ms';
    expect(isSameFailure(first, second)).toBe(true);
  });

  it('is not blind to different failures', () => {
    for (const a of UNLIKE_FAILURES) {
      for (const b of UNLIKE_FAILURES) expect(isSameFailure(a, b)).toBe(a === b);
    }
  });

  it('draws the line at 0.7', () => {
    expect(SAME_FAILURE_JACCARD).toBe(0.7);
    expect(isSameFailure('a b c d e f g', 'a b c d e f g h i j')).toBe(true);
    expect(isSameFailure('a b c d e f', 'a b c d e f g h i')).toBe(false);
  });
});
