/** `npm run faults -- --pipelines 20 [--seed n]`: runs whose workers die at every point, and so many at random. */
import { numbersFrom } from '../deaths.ts';
import { liveAlone, RUN_POINTS, type RunDeath } from './lives.ts';

/** Most workers that die in one life. */
const MAX_KILLS = 5;
/** A point is passed by the run and by its steps: it dies where the first, or the third of them comes. */
const PASSES = [1, 3] as const;

/**
 * Lives them, and says what held.
 *
 * @param plan.jobs lives at once, each on a stage of its own: a worker takes any run of its home
 * @returns whether all did
 */
export async function killRuns(plan: {
  readonly runs: number;
  readonly seed: number;
  readonly jobs: number;
}): Promise<boolean> {
  const next = numbersFrom(plan.seed);
  const deaths: RunDeath[] = [
    ...RUN_POINTS.flatMap((point) => PASSES.map((nth) => ({ point, nth }))),
    ...Array.from({ length: plan.runs }, () => ({
      seed: Math.floor(next() * 2 ** 32),
      kills: 1 + Math.floor(next() * MAX_KILLS),
    })),
  ];
  console.log(`pipelines: seed ${plan.seed}, ${deaths.length} runs, ${plan.jobs} at once`);
  const left = [...deaths];
  let [kills, held] = [0, 0];
  const unpassed: string[] = [];
  const lane = async (): Promise<void> => {
    for (let death = left.shift(); death !== undefined; death = left.shift()) {
      const { died, broken } = await liveAlone(death);
      kills += died;
      if (broken.length === 0) held++;
      else console.log(`${JSON.stringify(death)} did not hold:\n  ${broken.join('\n  ')}`);
      if ('point' in death && died === 0) unpassed.push(`${death.point}:${death.nth}`);
    }
  };
  await Promise.all(Array.from({ length: plan.jobs }, lane));
  if (unpassed.length > 0) console.log(`passed less often: ${unpassed.join(', ')}`);
  console.log(`pipelines: ${kills} workers killed; ${deaths.length} tried, ${held} held`);
  return held === deaths.length;
}
