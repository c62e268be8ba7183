/** A forge that loses answers, limits and refuses: nothing is doubled, nothing is lost, each outcome is true. */
import { randomInt } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../../src/job/result.ts';
import { jobWords, setForgeStage, type ForgeStage } from './stage.ts';
import { runStorm } from './storm.ts';

/** Thousands by command: `npm run faults -- --storm 1000`. */
const JOBS = 100;
const STORM_TIMEOUT_MS = 600_000;
const seed = Number(process.env['FAULTS_SEED'] ?? randomInt(2 ** 31));

describe(`${JOBS} jobs on a forge that fails (FAULTS_SEED=${seed})`, () => {
  it('each open exactly one pull request, or say truly why not', { timeout: STORM_TIMEOUT_MS }, async () => {
    const fate = await runStorm({ jobs: JOBS, workers: 2, repositories: 2, seed });
    console.log(`storm (FAULTS_SEED=${seed}): ${JSON.stringify(fate)}`);
    expect(fate.broken).toEqual([]);
    // Weather in which nothing goes wrong tests nothing.
    expect(fate.faults['lost_answer']).toBeGreaterThan(5);
    expect(fate.opened).toBeGreaterThan(JOBS / 2);
  });
});

describe('a fork that never appears', () => {
  let stage: ForgeStage | null = null;
  afterEach(() => stage?.remove());

  it('ends the job before an agent begins, and says which', async () => {
    stage = await setForgeStage({ settings: ['fork_timeout_s: 1'] });
    await stage.addRepository('never');
    stage.forge.setForkDelays({ never: true });
    const ran = await stage.bench.run(['run', ...jobWords(stage, 'never', 'Do it'), '--json'], stage.env);
    const result = JSON.parse(ran.stdout) as JobResult;
    expect(result).toMatchObject({ outcome: 'infra_failed', iterations: 0 });
    expect(result.error?.message).toMatch(/^fork: bot\/never had no branches within 1 s/);
    expect(stage.forge.state().repositories.filter((one) => one.parentId !== null)).toHaveLength(1);
  });
});
