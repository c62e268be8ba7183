/** Whatever kills the runner, wherever: one outcome, one branch, no lost work, nothing left running. */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAIL_POINTS } from '../../src/runner/fail-points.ts';
import { sh } from '../workspace/scene.ts';
import { lifeThrough, live, needsFreshHome, numbersFrom, randomLife } from './deaths.ts';
import { brokenHome, brokenPromises, setStage, type Stage } from './stage.ts';
import { createTally } from './tally.ts';

/** Others at each run; many by `npm run faults -- --kills 200`. */
const RANDOM_LIVES = 8;
/** A life is several processes one after the other, and five lives share the machine; nothing is judged by time. */
const LIFE_TIMEOUT_MS = 180_000;
const seed = Number(process.env['FAULTS_SEED'] ?? randomInt(2 ** 31));

let stage: Stage;
beforeAll(() => {
  stage = setStage();
});
afterAll(() => {
  try {
    expect(brokenHome(stage)).toEqual([]);
  } finally {
    stage.remove();
  }
});

describe.concurrent('kill -9 at a fail-point, then --resume', { timeout: LIFE_TIMEOUT_MS }, () => {
  const tally = createTally('fail-points');
  afterAll(() => tally.close());

  it.each(FAIL_POINTS)('%s', async (point) => {
    await tally.attempt(async () => {
      const own = needsFreshHome(point) ? setStage() : null;
      try {
        const life = lifeThrough(point);
        const fate = await live(own ?? stage, life, point);
        // A point that nobody passes tests nothing.
        const planned = life.deaths.filter((death) => 'point' in death).length;
        expect({ died: fate.died, broken: fate.broken }).toEqual({ died: planned, broken: [] });
        if (own !== null) expect(brokenHome(own)).toEqual([]);
      } finally {
        own?.remove();
      }
    });
  });
});

describe.concurrent(`kill -9 at random times (FAULTS_SEED=${seed})`, { timeout: LIFE_TIMEOUT_MS }, () => {
  const tally = createTally(`random deaths (FAULTS_SEED=${seed})`);
  afterAll(() => tally.close());

  it.each(Array.from({ length: RANDOM_LIVES }, (_, at) => seed + at))('seed %i', async (own) => {
    await tally.attempt(async () => {
      const life = randomLife(own);
      const fate = await live(stage, life, `seed ${own}`);
      expect(fate.broken, JSON.stringify(life)).toEqual([]);
    });
  });
});

describe('AGENT_RUNNER_FAIL_AT', () => {
  it('is refused when it names no point', async () => {
    const ran = await stage.bench.run(['list'], { AGENT_RUNNER_FAIL_AT: 'nowhere' });
    expect(ran.code).toBe(78);
    expect(ran.stderr).toContain('AGENT_RUNNER_FAIL_AT: "nowhere" is no fail-point');
  });

  it('counts passes: the second gate run and not the first', async () => {
    const ran = await stage.bench.run(
      ['run', 'count', '--repo', stage.remote, '--json', '--check', 'ok=test ! -e new.txt'],
      { AGENT_CMD: 'echo x >> new.txt', AGENT_RUNNER_FAIL_AT: 'verify-begun:2' },
    );
    expect(ran.signal).toBe('SIGKILL');
    expect(ran.stderr).toMatch(/agent: command/);
  });
});

describe('what these tests look at', () => {
  it('a second branch, lost work and another outcome are noticed', async () => {
    const { jobId, result } = await live(stage, { scenario: 'quick', deaths: [] }, 'noticed');
    if (jobId === null || result === null) throw new Error('the job did not end');
    sh(stage.remote, 'branch', `again/${jobId}`, String(result.branch));
    const expected = { outcomes: ['no_change'], works: ['work-lost.txt'] };
    expect((await brokenPromises(stage, jobId, result, expected)).join('\n')).toMatch(
      /its outcome is proposed\n.*again\/.*\nwork-lost.txt is in no saved ref/,
    );
  });

  it('the same seed is the same life', () => {
    expect(randomLife(seed)).toEqual(randomLife(seed));
    const next = numbersFrom(1);
    const drawn = Array.from({ length: 1000 }, () => next());
    expect(new Set(drawn).size).toBe(1000);
    expect(drawn.every((number) => number >= 0 && number < 1)).toBe(true);
  });
});
