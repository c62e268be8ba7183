/** A log and what comes of it. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { grown } from '../../dashboard/src/api/follow.ts';
import { createEar, type Ear } from '../../dashboard/src/api/silence.ts';
import type { JobEvent } from '../../src/job/job.ts';

function events(...numbers: readonly number[]): readonly JobEvent[] {
  return numbers.map((seq) => ({ seq, time: '2026-11-22T10:00:00.000Z', type: 'log', data: {} }));
}

test('a log grows by what is new, in its order, also where two readings bring the same', () => {
  const seqs = (before: readonly number[], come: readonly number[]): readonly number[] =>
    grown(events(...before), events(...come)).map(({ seq }) => seq);
  expect(seqs([], [1, 2, 3])).toEqual([1, 2, 3]);
  expect(seqs([1, 2], [2, 3])).toEqual([1, 2, 3]);
  // A page that was asked for before a tab was left, and the same page by who came back.
  expect(seqs([1], [2, 3, 4, 2, 3, 4, 5])).toEqual([1, 2, 3, 4, 5]);
  expect(seqs([5], [1, 2])).toEqual([5]);
});

describe('a stream', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('on which nothing comes is made anew, and lost where that is not answered', () => {
    const told: string[] = [];
    const ear: Ear = createEar(
      () => {
        told.push('again');
        ear.asked();
      },
      () => told.push('lost'),
    );
    ear.asked();
    ear.heard();
    for (let times = 0; times < 5; times++) {
      vi.advanceTimersByTime(20_000);
      ear.heard();
    }
    expect(told).toEqual([]);
    vi.advanceTimersByTime(25_000);
    expect(told).toEqual(['again']);
    // The server hangs, and every new one waits for its answer.
    vi.advanceTimersByTime(20_000);
    expect(told).toEqual(['again', 'lost', 'again', 'lost', 'again']);
    ear.heard();
    vi.advanceTimersByTime(24_999);
    expect(told).toHaveLength(5);
    ear.rest();
    vi.advanceTimersByTime(600_000);
    expect(told).toHaveLength(5);
  });
});
