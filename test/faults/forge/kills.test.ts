/** Whatever kills the runner between fork, push, pull request, status and callback: exactly one of each. */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailPoint } from '../../../src/runner/fail-points.ts';
import { EFFECTS, liveOnForge, randomDeaths, type Effect } from './deaths.ts';
import { setForgeStage, type ForgeStage } from './stage.ts';

const LIFE_TIMEOUT_MS = 180_000;
/** The rest by command: `npm run faults -- --forge`. */
const POINTS: readonly FailPoint[] = [
  'fork-found',
  'branch-pushed',
  'proposal-noted',
  'proposal-made',
  'job-ending',
];
const seed = Number(process.env['FAULTS_SEED'] ?? randomInt(2 ** 31));

let stage: ForgeStage;
beforeAll(async () => {
  stage = await setForgeStage();
});
afterAll(() => stage.remove());

describe.concurrent('a job of a forge, killed and resumed', { timeout: LIFE_TIMEOUT_MS }, () => {
  it.each(POINTS)('at %s', async (point) => {
    expect(await liveOnForge(stage, [{ point }], point)).toMatchObject({ died: 1, broken: [] });
  });

  it.each(Object.keys(EFFECTS) as Effect[])('before it has the answer to its %s', async (effect) => {
    expect(await liveOnForge(stage, [{ effect }], effect)).toMatchObject({ died: 1, broken: [] });
  });

  it.each([seed])('at random times (FAULTS_SEED=%i)', async (own) => {
    const { broken } = await liveOnForge(stage, randomDeaths(own), `random-${own}`);
    expect(broken).toEqual([]);
  });
});
