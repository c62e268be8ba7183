import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellWord } from '../../../src/job/text/shell.ts';

const SPECIAL = '\'"\\$`!*?[]{}()<>|&;#~= \t\n-%a'.split('');

describe('a word for sh', () => {
  it('is quoted where it needs it', () => {
    expect(['a/b.c', '--x=y', '@s/p', 'it’s', '', '-', 'A=b', '~', 'a b'].map(shellWord)).toEqual([
      'a/b.c',
      "'--x=y'",
      '@s/p',
      "'it’s'",
      "''",
      "'-'",
      "'A=b'",
      "'~'",
      "'a b'",
    ]);
  });

  it('comes out of a shell as it went in, whatever it holds', () => {
    const word = fc
      .array(fc.oneof(fc.constantFrom(...SPECIAL), fc.string({ unit: 'binary' })))
      .map((parts) => parts.join('').replaceAll('\0', '').toWellFormed());
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 40 }), (words) => {
        const script = `printf '%s\\0' ${words.map(shellWord).join(' ')}`;
        expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(
          words.map((one) => `${one}\0`).join(''),
        );
      }),
      { numRuns: 30 },
    );
  });
});
