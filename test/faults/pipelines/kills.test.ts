/** Whatever kills the workers of a run, wherever: each step once, one branch with the work of all, nothing left running. */
import { randomInt } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import type { FailPoint } from '../../../src/runner/fail-points.ts';
import { createTally } from '../tally.ts';
import { liveAlone } from './lives.ts';

/** The points at which most is at stake; all of them by `npm run faults -- --pipelines 20`. */
const POINTS: readonly FailPoint[] = ['job-accepted', 'assemble-effect', 'approve-stored', 'lay-effect'];
/** Nothing is judged by time; a run that stands still fails by itself. */
const LIFE_TIMEOUT_MS = 300_000;
const seed = Number(process.env['FAULTS_SEED'] ?? randomInt(2 ** 31));

describe.concurrent('a run of a pipeline under kill -9', { timeout: LIFE_TIMEOUT_MS }, () => {
  const tally = createTally(`pipelines (FAULTS_SEED=${seed})`);
  afterAll(() => tally.close());

  it.each(POINTS)('at %s', async (point) => {
    await tally.attempt(async () => {
      // A point that nobody passes tests nothing.
      expect(await liveAlone({ point, nth: 1 })).toEqual({ died: 1, broken: [] });
    });
  });

  it(`at random, of two workers (FAULTS_SEED=${seed})`, async () => {
    await tally.attempt(async () => {
      expect((await liveAlone({ seed, kills: 2 })).broken).toEqual([]);
    });
  });
});
