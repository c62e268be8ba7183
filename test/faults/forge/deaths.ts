/** Jobs of a forge that are killed, and killed again, until they have proposed. Every choice follows from a seed. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobResult } from '../../../src/job/result.ts';
import { DELIVERY_POINTS, FORGE_POINTS, type FailPoint } from '../../../src/runner/fail-points.ts';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import type { Ran, Running } from '../../e2e/cli.ts';
import { numbersFrom } from '../deaths.ts';
import { worksOf } from '../stage.ts';
import { brokenJob, jobWords, type ForgeStage } from './stage.ts';

/** The points between which a proposal can be doubled or lost. */
export const PROPOSAL_POINTS = [
  'job-accepted',
  'lease-taken',
  'prepare-begun',
  ...FORGE_POINTS.slice(0, 2),
  'mirror-fetched',
  'prepare-effect',
  'prepare-stored',
  'build-effect',
  'build-stored',
  'verify-effect',
  'verify-stored',
  'propose-begun',
  'patch-written',
  'push-noted',
  'branch-pushing',
  'branch-pushed',
  ...FORGE_POINTS.slice(2),
  'propose-effect',
  'propose-stored',
  'save-begun',
  'work-saving',
  'work-saved',
  'save-effect',
  'save-stored',
  'job-ending',
  'job-ended',
  'end-told',
  ...DELIVERY_POINTS,
] as const satisfies readonly FailPoint[];

/** Requests after whose effect a process can die before it has the answer. */
export const EFFECTS = {
  fork: ['POST', '/forks'],
  push: ['GIT', '/git-receive-pack'],
  pull: ['POST', '/pulls'],
  status: ['POST', '/statuses/'],
} as const;
export type Effect = keyof typeof EFFECTS;

/** When the runner dies: at a point, after a request had its effect, or so many milliseconds after it was started. */
export type ForgeDeath =
  | { readonly point: FailPoint }
  | { readonly effect: Effect }
  | { readonly afterMs: number };

/** What came of a life. */
export interface ForgeFate {
  readonly died: number;
  readonly result: JobResult | null;
  readonly broken: readonly string[];
}

/** How often a job is resumed beyond its deaths; once is what it takes. */
const MAX_RUNS_AFTER_DEATHS = 2;
const LOOK_MS = 2;

/** Kills a process when the forge has done what it asked for, and has not told it. */
async function killAfter(stage: ForgeStage, name: string, effect: Effect, running: Running): Promise<void> {
  const [method, path] = EFFECTS[effect];
  const where = new RegExp(`/(?:ann|bot)/${name}(?:\\.git)?${path.replaceAll('/', '\\/')}`);
  stage.forge.setFault({ kind: 'lost_answer', method, path: where, times: 1 });
  const isDone = (): boolean =>
    stage.forge
      .requests()
      .some(
        (one) =>
          one.fault === 'lost_answer' && one.method === method && where.test(one.path) && one.status !== null,
      );
  const { child } = running;
  while (child.exitCode === null && child.signalCode === null && !isDone()) await sleep(LOOK_MS);
  child.kill('SIGKILL');
}

async function dieOrEnd(
  stage: ForgeStage,
  name: string,
  args: readonly string[],
  death: ForgeDeath | undefined,
): Promise<Ran> {
  const failAt = death !== undefined && 'point' in death ? { AGENT_RUNNER_FAIL_AT: death.point } : {};
  const running = stage.bench.start(args, { ...stage.env, ...failAt });
  if (death !== undefined && 'effect' in death) await killAfter(stage, name, death.effect, running);
  if (death !== undefined && 'afterMs' in death) {
    await Promise.race([sleep(death.afterMs), running.done]);
    running.child.kill('SIGKILL');
  }
  return running.done;
}

/** The job that a dead process had accepted, when it lived to store it. */
async function findJob(stage: ForgeStage, task: string): Promise<string | null> {
  const store = await openSqliteStore({ path: join(stage.bench.home, 'agent-runner.db') });
  try {
    const jobs = await store.listJobs({ limit: 1000 });
    return jobs.find((job) => job.request.task === task)?.job_id ?? null;
  } finally {
    await store.close();
  }
}

/**
 * Lives a life on a repository of its own: starts the job, lets it die as planned, resumes it until it has ended,
 * and looks at what stands on the forge.
 *
 * @param name of the repository, and what tells this job from the others of the stage
 */
export async function liveOnForge(
  stage: ForgeStage,
  deaths: readonly ForgeDeath[],
  name: string,
): Promise<ForgeFate> {
  await stage.addRepository(name);
  const task = `Write a file (${name})`;
  const left = [...deaths];
  const works: string[] = [];
  let jobId: string | null = null;
  let died = 0;
  for (let run = 0; run < deaths.length + MAX_RUNS_AFTER_DEATHS; run++) {
    const now =
      jobId === null
        ? ['run', ...jobWords(stage, name, task), '--json']
        : ['run', '--resume', jobId, '--json'];
    const ran: Ran = await dieOrEnd(stage, name, now, left.shift());
    jobId ??= /^job (job-[0-9a-f]{12}) /m.exec(ran.stderr)?.[1] ?? (await findJob(stage, task));
    if (ran.signal === 'SIGKILL') {
      died++;
      if (jobId !== null) works.push(...worksOf({ bench: stage.bench }, jobId));
      continue;
    }
    if (jobId === null) return { died, result: null, broken: [`no job was accepted: ${ran.stderr}`] };
    const result = JSON.parse(ran.stdout) as JobResult;
    await stage.sendCallbacks();
    const broken = await brokenJob(stage, name, result, works);
    return { died, result, broken: broken.length === 0 ? [] : [...broken, ran.stderr.slice(-2000)] };
  }
  return { died, result: null, broken: ['it never ended'] };
}

const MAX_DEATHS = 4;
/** Milliseconds within which a process dies in a random life: as long as most jobs take where nobody kills them. */
const SPAN_MS = 3000;

/** One to four deaths, at random times and after random requests. */
export function randomDeaths(seed: number): readonly ForgeDeath[] {
  const next = numbersFrom(seed);
  const effects = Object.keys(EFFECTS) as Effect[];
  return Array.from({ length: 1 + Math.floor(next() ** 2 * MAX_DEATHS) }, (): ForgeDeath => {
    const effect = effects[Math.floor(next() * effects.length)];
    if (next() < 0.25 && effect !== undefined) return { effect };
    return { afterMs: Math.floor(200 + next() * SPAN_MS) };
  });
}
