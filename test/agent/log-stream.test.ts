import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogStream, type LogPiece } from '../../src/agent/log-stream.ts';

/** A stream with a clock that the test moves. */
function collect(): { pieces: LogPiece[]; clock: { ms: number }; log: ReturnType<typeof createLogStream> } {
  const pieces: LogPiece[] = [];
  const clock = { ms: 1_000_000 };
  const log = createLogStream(
    (piece) => {
      pieces.push(piece);
    },
    () => clock.ms,
  );
  return { pieces, clock, log };
}
const textOf = (pieces: readonly LogPiece[]): string => pieces.map((piece) => piece.text).join('\n');

describe('log stream', () => {
  it('shows whole lines, however they are cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 2, max: 9 }),
        (words, size) => {
          const { pieces, clock, log } = collect();
          const text = words.join('\n');
          for (let at = 0; at < text.length; at += size) {
            log.push('stdout', text.slice(at, at + size));
            clock.ms += 1000;
          }
          log.end();
          expect(textOf(pieces)).toBe(text);
          expect(pieces.every((piece) => piece.dropped === 0)).toBe(true);
        },
      ),
    );
  });
  it('keeps stdout and stderr apart', () => {
    const { pieces, log } = collect();
    log.push('stdout', 'out');
    log.push('stderr', 'err\n');
    log.push('stdout', 'put\n');
    expect(pieces.map((piece) => [piece.stream, piece.text])).toEqual([
      ['stderr', 'err'],
      ['stdout', 'output'],
    ]);
  });
  it('cuts a long line and goes on after it', () => {
    const { pieces, log } = collect();
    log.push('stdout', 'x'.repeat(10_000));
    log.push('stdout', `${'x'.repeat(10_000)}\nnext\n`);
    log.end();
    expect(pieces[0]?.text).toHaveLength(4097);
    expect(textOf(pieces).endsWith('\nnext')).toBe(true);
    expect(pieces.reduce((sum, piece) => sum + piece.dropped, 0)).toBe(20_000 - 4096);
  });
  it('shows at most 64 Ki characters and 50 events in a second, and says what it left out', () => {
    const { pieces, clock, log } = collect();
    for (let at = 0; at < 1000; at++) log.push('stdout', `${'y'.repeat(999)}\n`);
    expect(textOf(pieces).length).toBeLessThanOrEqual(64 * 1024 + 4096);
    clock.ms += 1000;
    log.push('stdout', 'later\n');
    expect(pieces.at(-1)?.text).toBe('later');
    expect(pieces.at(-1)?.dropped).toBeGreaterThan(900_000);
    clock.ms += 1000;
    const before = pieces.length;
    for (let at = 0; at < 1000; at++) log.push('stdout', 'a\n');
    expect(pieces.length - before).toBe(50);
  });
  it('never exceeds its bounds, whatever comes, and says at the end that something is missing', () => {
    const piece = fc.tuple(
      fc.constantFrom('stdout' as const, 'stderr' as const),
      fc.string({ unit: fc.constantFrom('\n', 'a'.repeat(3000), 'b'), maxLength: 60 }),
      fc.nat(400),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pushes) => {
        const { pieces, clock, log } = collect();
        let seconds = 1;
        for (const [stream, text, wait] of pushes) {
          log.push(stream, text);
          clock.ms += wait;
          seconds += wait / 1000;
        }
        log.end();
        const shown = textOf(pieces);
        expect(shown.length).toBeLessThanOrEqual((seconds + 1) * 64 * 1024 + 2 * 4097);
        for (const line of shown.split('\n')) expect(line.length).toBeLessThanOrEqual(4097);
        const inX = pushes.reduce((sum, [, text]) => sum + text.replaceAll('\n', '').length, 0);
        const outX = shown.replaceAll(/[\n…]/g, '').length;
        if (outX < inX) expect(pieces.some((each) => each.dropped > 0)).toBe(true);
      }),
    );
  });
  it('costs little for a flood', () => {
    const { pieces, log } = collect();
    const flood = 'y\n'.repeat(32 * 1024);
    const started = performance.now();
    for (let at = 0; at < 16_384; at++) log.push('stdout', flood);
    log.end();
    expect(performance.now() - started).toBeLessThan(1000);
    expect(textOf(pieces).length).toBeLessThan(80 * 1024);
    expect(pieces.at(-1)?.dropped).toBeGreaterThan(1_000_000_000);
  });
});
