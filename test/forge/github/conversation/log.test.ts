/** Which part of a log tells of a failure. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failingPart } from '../../../../src/forge/github/conversation/log.ts';

function log(...lines: readonly string[]): string {
  return lines.map((line) => `2026-11-22T10:00:00.1234567Z ${line}`).join('\r\n');
}

describe('the part of a log that tells of a failure', () => {
  it.each<[string, string, string]>([
    [
      'is the step that failed',
      log('##[group]Run a', 'ok', '##[group]Run b', 'no', '##[error]1', 'Cleanup'),
      '##[group]Run b\nno\n##[error]1',
    ],
    [
      'goes to the last error',
      log('##[group]Run a', '##[error]1', '##[group]Run b', 'x', '##[error]2', 'y'),
      '##[group]Run a\n##[error]1\n##[group]Run b\nx\n##[error]2',
    ],
    ['begins with the log where the step’s beginning was cut', log('x', '##[error]1'), 'x\n##[error]1'],
    ['is all of a log that marks none', log('x', '', 'y'), 'x\n\ny'],
    ['is all of what has no times', 'x\ny', 'x\ny'],
    ['has no colours', log('\u001B[1;31mred\u001B[0m'), 'red'],
    ['has no mark of its encoding', `\uFEFF${log('x')}`, 'x'],
    ['is nothing of nothing', '', ''],
  ])('%s', (_, text, expected) => {
    expect(failingPart(text)).toBe(expected);
  });

  it('is never more than there was', () => {
    const line = fc.oneof(fc.string(), fc.constantFrom('##[group]Run x', '##[error]x', '##[endgroup]'));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const text = log(...lines);
        expect(failingPart(text).length).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
