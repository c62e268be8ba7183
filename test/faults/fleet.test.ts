/** Workers that are killed all the time: every acknowledged job reaches one outcome, once, on one branch. */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFleet } from './fleet.ts';
import { brokenHome, setStage, type Stage } from './stage.ts';

/** More by `npm run faults -- --fleet 1200`. */
const JOBS = 100;
/** Nothing is judged by time; a fleet that stands still fails by itself. */
const FLEET_TIMEOUT_MS = 600_000;
const seed = Number(process.env['FAULTS_SEED'] ?? randomInt(2 ** 31));

let stage: Stage;
beforeAll(() => {
  stage = setStage();
});
afterAll(() => stage.remove());

describe(`a queue of ${JOBS} jobs under kill -9 (FAULTS_SEED=${seed})`, () => {
  it('loses none and doubles none', { timeout: FLEET_TIMEOUT_MS }, async () => {
    const fate = await runFleet(stage, { jobs: JOBS, workers: 2, seed });
    console.log(
      `fleet (FAULTS_SEED=${seed}): ${fate.kills} workers killed, ${fate.takenOver} jobs resumed; ` +
        `${fate.acknowledged} tried, ${fate.held} held`,
    );
    expect(fate.broken).toEqual([]);
    // A fleet in which nobody died tests nothing.
    expect(fate.kills).toBeGreaterThan(1);
    expect(fate.takenOver).toBeGreaterThan(0);
    expect(brokenHome(stage)).toEqual([]);
  });
});
