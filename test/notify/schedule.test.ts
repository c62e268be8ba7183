/** What follows a try, as a function of nothing but the try. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideAfterTry,
  errorOfAnswer,
  MAX_RETRY_AFTER_MS,
  RETRY_DELAYS_MS,
  retryAfterMs,
  type Answer,
} from '../../src/notify/schedule.ts';

const NOW = new Date('2026-11-20T10:00:00.000Z');

function answered(httpStatus: number, retryAfter: string | null = null): Answer {
  return { kind: 'answered', httpStatus, retryAfter };
}

/** Milliseconds until the next try; `null` where none is due. */
function waitOf(round: number, answer: Answer, chance = 0): number | null {
  const after = decideAfterTry(round, answer, NOW, chance);
  return after.status === 'pending' ? Date.parse(after.due_at) - NOW.getTime() : null;
}

describe('the schedule', () => {
  it('is 5 s, 30 s, 2 min, 10 min, 1 h, 6 h, 24 h, and then no more', () => {
    const seconds = Array.from({ length: 8 }, (_, at) => waitOf(at + 1, answered(500)));
    expect(seconds.map((ms) => (ms === null ? null : ms / 1000))).toEqual([
      5,
      30,
      120,
      600,
      3600,
      21_600,
      86_400,
      null,
    ]);
    expect(decideAfterTry(8, answered(500), NOW, 0)).toEqual({ status: 'failed' });
  });

  it('has a jitter of up to a fifth, and never comes early', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (n, chance) => {
          const waitMs = waitOf(n, { kind: 'unreachable', why: 'x' }, chance) ?? 0;
          const delayMs = RETRY_DELAYS_MS[n - 1] ?? 0;
          expect(waitMs).toBeGreaterThanOrEqual(delayMs);
          expect(waitMs).toBeLessThanOrEqual(delayMs * 1.2);
        },
      ),
    );
    expect(waitOf(2, answered(500), 0.5)).toBe(33_000);
  });

  it.each([
    [200, 'delivered'],
    [204, 'delivered'],
    [299, 'delivered'],
    [410, 'disabled'],
    [301, 'pending'],
    [304, 'pending'],
    [308, 'pending'],
    [400, 'pending'],
    [401, 'pending'],
    [404, 'pending'],
    [429, 'pending'],
    [500, 'pending'],
    [0, 'pending'],
  ])('takes HTTP %i as %s', (httpStatus, status) => {
    expect(decideAfterTry(1, answered(httpStatus), NOW, 0).status).toBe(status);
    expect(errorOfAnswer(answered(httpStatus)) === null).toBe(status === 'delivered');
  });

  it('ends at once for a destination that is refused', () => {
    expect(decideAfterTry(1, { kind: 'refused', why: 'x' }, NOW, 0)).toEqual({ status: 'failed' });
  });
});

describe('Retry-After', () => {
  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['999999999999', MAX_RETRY_AFTER_MS],
    ['Fri, 20 Nov 2026 10:01:00 GMT', 60_000],
    ['Friday, 20-Nov-26 10:01:00 GMT', 60_000],
    ['Fri, 20 Nov 2026 09:00:00 GMT', 0],
    ['Fri, 20 Nov 2099 09:00:00 GMT', MAX_RETRY_AFTER_MS],
    ['-5', null],
    ['1.5', null],
    ['1e3', null],
    ['2026-11-20T11:00:00Z', null],
    ['Fri, whenever GMT', null],
    ['', null],
    [null, null],
  ])('%j is %j ms', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });

  it('is heeded where it asks for more than the schedule, and bounded', () => {
    expect(waitOf(1, answered(503, '60'))).toBe(60_000);
    expect(waitOf(1, answered(429, 'Fri, 20 Nov 2026 10:01:00 GMT'))).toBe(60_000);
    expect(waitOf(3, answered(503, '60'))).toBe(120_000);
    expect(waitOf(1, answered(503, '99999999'))).toBe(MAX_RETRY_AFTER_MS);
    expect(waitOf(8, answered(503, '60'))).toBeNull();
  });

  it('never makes a wait shorter than the schedule or longer than the day it may ask for and the jitter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.string(), fc.nat(), (n, text, number) => {
        for (const header of [text, String(number)]) {
          const waitMs = waitOf(n, answered(503, header), 0.999) ?? 0;
          expect(waitMs).toBeGreaterThanOrEqual(RETRY_DELAYS_MS[n - 1] ?? 0);
          expect(waitMs).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS * 1.2);
        }
      }),
    );
  });
});
