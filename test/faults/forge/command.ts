/** Deaths of jobs of a forge, by command: every point and effect once, then at random. */
import {
  EFFECTS,
  liveOnForge,
  PROPOSAL_POINTS,
  randomDeaths,
  type Effect,
  type ForgeDeath,
} from './deaths.ts';
import { numbersFrom } from '../deaths.ts';
import { setForgeStage } from './stage.ts';
import { runStorm, type StormPlan } from './storm.ts';

/** What is asked of the command. */
export interface ForgeKills {
  readonly kills: number;
  readonly seed: number;
  /** Lives that are lived at once. */
  readonly jobs: number;
}

interface Planned {
  readonly name: string;
  readonly deaths: readonly ForgeDeath[];
  /** Whether all of the deaths must have happened: a point that nobody passes tests nothing. */
  readonly isSure: boolean;
}

function* planLives({ kills, seed }: ForgeKills, died: () => number): Generator<Planned> {
  for (const point of PROPOSAL_POINTS) yield { name: point, deaths: [{ point }], isSure: true };
  for (const effect of Object.keys(EFFECTS) as Effect[])
    yield { name: `effect-${effect}`, deaths: [{ effect }], isSure: true };
  const next = numbersFrom(seed);
  while (died() < kills) {
    const own = Math.floor(next() * 2 ** 32);
    yield { name: `seed-${own}`, deaths: randomDeaths(own), isSure: false };
  }
}

/** Lives all lives, and says what held; `false` where something did not. */
export async function killForgeJobs(plan: ForgeKills): Promise<boolean> {
  const stage = await setForgeStage();
  const count = { lives: 0, random: 0, kills: 0, held: 0 };
  const lives = planLives(plan, () => count.random);
  const lane = async (): Promise<void> => {
    for (const { name, deaths, isSure } of lives) {
      const { died, broken } = await liveOnForge(stage, deaths, name);
      const missed = isSure && died !== deaths.length ? [`it died ${died} times`] : [];
      count.lives++;
      count.kills += died;
      if (!isSure) count.random += died;
      if (broken.length + missed.length === 0) count.held++;
      else
        console.log(
          `${name}: ${JSON.stringify(deaths)} did not hold:\n  ${[...missed, ...broken].join('\n  ')}`,
        );
    }
  };
  try {
    await Promise.all(Array.from({ length: plan.jobs }, lane));
  } finally {
    await stage.remove();
  }
  const { lives: tried, kills, random, held } = count;
  console.log(
    `forge: seed ${plan.seed}; ${kills} kills, ${random} of them at random, in ${tried} jobs; ${tried} tried, ${held} held`,
  );
  return held === tried;
}

/** Jobs that share a repository in a storm. */
const JOBS_A_REPOSITORY = 25;

/** Runs a storm, and says what held; `false` where something did not. */
export async function stormForge(plan: Omit<StormPlan, 'repositories'>): Promise<boolean> {
  const repositories = Math.ceil(plan.jobs / JOBS_A_REPOSITORY);
  const { broken, requests, faults, opened, failed } = await runStorm({ ...plan, repositories });
  for (const sentence of broken) console.log(sentence);
  const kinds = Object.entries(faults).map(([kind, count]) => `${count} ${kind}`);
  console.log(`storm: seed ${plan.seed}; ${requests} requests, of them ${kinds.join(', ')}`);
  console.log(
    `storm: ${opened} opened, ${failed} failed; ${plan.jobs} tried, ${plan.jobs - broken.length} held`,
  );
  return broken.length === 0;
}
