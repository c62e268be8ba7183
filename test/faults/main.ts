/**
 * `npm run faults -- --kills 200 [--seed n] [--jobs n]`: deaths at random, by command; `--fleet 1200 [--workers n]`: a
 * queue of so many jobs whose workers are killed all the time; `--forge [--kills 100]`: jobs that open pull requests,
 * killed at every point of the proposal and then at random; `--storm 1000 [--workers n]`: so many jobs on a forge that
 * fails all the time; `--pipelines 20`: runs of a pipeline whose workers are killed at every point, and so many at random.
 * Exits with 1 unless all held.
 */
import { parseArgs } from 'node:util';
import { live, numbersFrom, randomLife } from './deaths.ts';
import { runFleet } from './fleet.ts';
import { killForgeJobs, stormForge } from './forge/command.ts';
import { killRuns } from './pipelines/command.ts';
import { brokenHome, setStage } from './stage.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    jobs: { type: 'string', default: '2' },
    fleet: { type: 'string' },
    forge: { type: 'boolean', default: false },
    storm: { type: 'string' },
    pipelines: { type: 'string' },
    workers: { type: 'string', default: '2' },
  },
});

function whole(name: string, text: string, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number <= most) return number;
  console.error(`${name}: ${JSON.stringify(text)} is not a whole number up to ${most}`);
  process.exit(64);
}

const kills = whole('kills', values.kills, 100_000);
const first = whole('seed', values.seed, 2 ** 32 - 1);
const jobs = whole('jobs', values.jobs, 16);

if (values.storm !== undefined) {
  const plan = { jobs: whole('storm', values.storm, 100_000), workers: whole('workers', values.workers, 16) };
  process.exit((await stormForge({ ...plan, seed: first })) ? 0 : 1);
}
if (values.pipelines !== undefined) {
  const plan = { runs: whole('pipelines', values.pipelines, 100_000), seed: first };
  process.exit((await killRuns({ ...plan, jobs })) ? 0 : 1);
}
if (values.forge) process.exit((await killForgeJobs({ kills, seed: first, jobs })) ? 0 : 1);

const stage = setStage();
const next = numbersFrom(first);
const died = { lives: 0, kills: 0, held: 0 };
const outcomes = new Map<string, number>();
/** Lives one random life after the other until enough of them have died. */
async function worker(): Promise<void> {
  while (died.kills < kills) {
    const seed = Math.floor(next() * 2 ** 32);
    const life = randomLife(seed);
    const fate = await live(stage, life, `seed ${seed}`);
    died.lives++;
    died.kills += fate.died;
    if (fate.broken.length === 0) died.held++;
    else {
      console.log(`seed ${seed}: ${JSON.stringify(life)} of ${String(fate.jobId)} did not hold:`);
      for (const sentence of fate.broken) console.log(`  ${sentence.replaceAll('\n', '\n  ')}`);
    }
    const outcome = fate.result?.outcome ?? 'no outcome';
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
}

/** Lets so many jobs through a queue, and says what held. */
async function fleet(count: number): Promise<boolean> {
  const plan = { jobs: count, workers: whole('workers', values.workers, 16), seed: first };
  const fate = await runFleet(stage, plan);
  for (const sentence of fate.broken) console.log(sentence);
  console.log(
    `fleet: seed ${first}; ${fate.kills} workers killed, ${fate.takenOver} jobs resumed; ` +
      `${fate.acknowledged} tried, ${fate.held} held`,
  );
  return fate.broken.length === 0;
}

async function deaths(): Promise<boolean> {
  console.log(`faults: seed ${first}, ${kills} kills, ${jobs} jobs at once`);
  await Promise.all(Array.from({ length: jobs }, worker));
  for (const [outcome, count] of [...outcomes].toSorted(([a], [b]) => a.localeCompare(b)))
    console.log(`  ${outcome}: ${count}`);
  console.log(`faults: ${died.kills} kills in ${died.lives} jobs; ${died.lives} tried, ${died.held} held`);
  return died.held === died.lives;
}

try {
  const held = await (values.fleet === undefined ? deaths() : fleet(whole('fleet', values.fleet, 100_000)));
  const broken = brokenHome(stage);
  for (const sentence of broken) console.log(sentence);
  process.exitCode = held && broken.length === 0 ? 0 : 1;
} finally {
  stage.remove();
}
