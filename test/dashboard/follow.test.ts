/** A log and what comes of it. */
import { expect, test } from 'vitest';
import { grown } from '../../dashboard/src/api/follow.ts';
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
