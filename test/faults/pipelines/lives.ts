/** Runs of pipelines whose workers are killed, until the run ends. Every choice follows from a seed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveConfig } from '../../../src/config.ts';
import type { Job } from '../../../src/job/job.ts';
import { parsePipeline } from '../../../src/job/pipeline/parse.ts';
import type { RunView } from '../../../src/job/pipeline/run.ts';
import { isTerminal } from '../../../src/job/status.ts';
import { FAIL_POINTS, PIPELINE_POINTS, type FailPoint } from '../../../src/runner/fail-points.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import { HAS_BUBBLEWRAP, readAllEvents, type Running } from '../../e2e/cli.ts';
import { sh } from '../../workspace/scene.ts';
import { numbersFrom } from '../deaths.ts';
import { brokenHome, brokenPromises, orphansOf, setStage, type Stage } from '../stage.ts';

/** Does what the first line says that begins with `RUN: `; conflicts, of whose task both sides are part, it solves. */
const AGENT = [
  '#!/bin/sh',
  'prompt=$(cat)',
  'case "$prompt" in',
  "*'conflict markers'*) printf 'left\\nright\\n' > both.txt;;",
  '*) eval "$(printf "%s\\n" "$prompt" | sed -n "s/^.*RUN: //p" | head -n 1)";;',
  'esac',
].join('\n');

/** A diamond whose sides touch the same file, so that an agent solves it, before a step that waits for a person. */
const PIPELINE = parsePipeline({
  name: 'diamond',
  resolve: 'agent',
  steps: [
    { name: 'root', task: 'RUN: echo root > root.txt' },
    { name: 'left', depends_on: ['root'], task: 'RUN: cat root.txt > left.txt; echo left > both.txt' },
    { name: 'right', depends_on: ['root'], task: 'RUN: cat root.txt > right.txt; echo right > both.txt' },
    {
      name: 'end',
      depends_on: ['left', 'right'],
      approval: true,
      task: 'RUN: cat both.txt left.txt > end.txt',
    },
  ],
});
/** What its branch adds. */
const WORK: Readonly<Record<string, string>> = {
  'root.txt': 'root',
  'left.txt': 'root',
  'right.txt': 'root',
  'both.txt': 'left\nright',
  'end.txt': 'left\nright\nroot',
};

/** Points that a run or a step of one passes whoever ends it; those of questions to a person have an agent that asks. */
export const RUN_POINTS: readonly FailPoint[] = [
  ...PIPELINE_POINTS,
  ...FAIL_POINTS.filter((point) =>
    /^(?:job-(?:accepting|accepted|running|ending|ended)|lease-taken|end-told|prepare-|verify-|propose-|save-|push-|branch-|work-)/.test(
      point,
    ),
  ),
];

/** How workers die: at a point the n-th time that it is passed, or at random, so many of them. */
export type RunDeath =
  | { readonly point: FailPoint; readonly nth: number }
  | { readonly seed: number; readonly kills: number };

/** What came of a life. */
interface RunFate {
  readonly died: number;
  /** What did not hold. */
  readonly broken: readonly string[];
}

/** Workers that are started for one run at most; a life needs a handful. */
const MAX_WORKERS = 40;
/** Workers at once, where they are killed at random. */
const AT_ONCE = 2;
/** Longest life, in milliseconds: then something hangs. */
const STUCK_MS = 150_000;

function agentOf({ bench }: Stage): string {
  return bench.script('pipeline.sh', AGENT);
}

/** Opens the stage's home, for submitting, deciding and looking; never for working. */
async function openRunHome(stage: Stage): Promise<Runner> {
  const env = {
    AGENT_RUNNER_HOME: stage.bench.home,
    AGENT_CMD: agentOf(stage),
    HOME: stage.bench.root,
    PATH: process.env['PATH'],
  };
  const flags = { agent: 'command', min_free_bytes: 0 };
  return openRunner(await resolveConfig({ flags, env, cwd: stage.bench.root, projectFile: null }));
}

/** Says yes to what is asked, twice: as one whose first answer was lost. */
async function decide({ pipelines }: Runner, view: RunView): Promise<void> {
  for (const { name, approval } of view.steps) {
    if (approval === null) continue;
    const said = { approved: true, by: 'ann', comment: null };
    await pipelines.approve(view.run_id, name, said);
    // By now the run may have gone on.
    await pipelines.approve(view.run_id, name, said).catch(() => {});
  }
}

/** Starts workers and lets them die until the run has ended. @returns how many died */
async function work(stage: Stage, runner: Runner, runId: string, death: RunDeath): Promise<number> {
  const env = { AGENT_CMD: agentOf(stage) };
  let [died, started] = [0, 0];
  const start = (failAt: string | null): Running => {
    if (++started > MAX_WORKERS) throw new Error(`${started} workers did not end ${runId}`);
    const mode = failAt === null && 'seed' in death ? '--loop' : '--once';
    const at = failAt === null ? {} : { AGENT_RUNNER_FAIL_AT: failAt };
    return stage.bench.start(['worker', mode, '--concurrency', '2', '--interval', '1'], { ...env, ...at });
  };
  const hasEnded = async (): Promise<boolean> => {
    const view = await runner.pipelines.view(runId);
    await decide(runner, view);
    return view.outcome !== null;
  };
  if ('point' in death) {
    const first = start(`${death.point}:${death.nth}`);
    // A point behind the question is passed once that is answered, and a worker ends where nothing is left to do.
    for (let one = first; ; one = start(died === 0 ? `${death.point}:${death.nth}` : null)) {
      if ((await one.done).signal === 'SIGKILL') died++;
      if (await hasEnded()) return died;
    }
  }
  const next = numbersFrom(death.seed);
  const alive = Array.from({ length: AT_ONCE }, () => start(null));
  const stuck = Date.now() + STUCK_MS;
  try {
    while (!(await hasEnded())) {
      if (Date.now() > stuck) throw new Error(`stuck with ${runId}`);
      const wait = died < death.kills ? 300 + next() * 2000 : 200;
      for (const until = Date.now() + wait; Date.now() < until && !(await hasEnded());) await sleep(50);
      if (died >= death.kills) continue;
      const at = Math.floor(next() * AT_ONCE);
      const one = alive[at];
      if (one?.child.kill('SIGKILL') === true) died++;
      await one?.done;
      alive[at] = start(null);
    }
  } finally {
    for (const one of alive) one.child.kill('SIGTERM');
    await Promise.all(alive.map((one) => one.done));
  }
  return died;
}

/** What must hold of the jobs of the steps; each entry of the answer is a sentence that does not. */
async function brokenSteps(stage: Stage, run: Job, view: RunView): Promise<string[]> {
  const broken: string[] = [];
  const must = (holds: boolean, sentence: string): void => {
    if (!holds) broken.push(sentence);
  };
  const jobs = await stage.read((store) => store.listJobs({ stepsOf: run.job_id, limit: 100 }));
  const made = jobs.map(({ request: { step } }) => `${step?.kind} ${step?.name}`).toSorted();
  must(
    made.join() === 'resolve end,step end,step left,step right,step root',
    `the jobs of its steps are ${made.join(', ')}`,
  );
  for (const job of jobs) {
    const name = `step ${String(job.request.step?.name)} (${job.job_id})`;
    must(
      job.outcome === 'proposed',
      `${name} ended as ${String(job.outcome)}: ${job.result?.error?.message}`,
    );
    const events = await stage.read((store) => readAllEvents(store, job.job_id));
    must(
      events.every(({ seq }, at) => seq === at + 1),
      `${name}: its events have gaps`,
    );
    const ends = events.filter(({ type, phase }) => type === 'status' && phase === 'notify').length;
    must(ends === 1, `${name}: its end is told ${ends} times`);
    must(!existsSync(join(stage.bench.home, 'jobs', job.job_id, 'checkouts')), `${name} left checkouts`);
    const branches = sh(stage.remote, 'for-each-ref', '--format=%(refname)').includes(job.job_id);
    must(!branches, `${name} was pushed`);
    const told = view.steps.find((step) => step.job_id === job.job_id);
    must(told !== undefined || job.request.step?.kind === 'resolve', `${name} is none of the run's`);
    if (!HAS_BUBBLEWRAP) continue;
    const orphans = await orphansOf(join(stage.bench.home, 'jobs', job.job_id));
    must(orphans.length === 0, `${name} left processes: ${orphans.join('; ')}`);
  }
  return broken;
}

async function brokenRun(stage: Stage, runner: Runner, jobId: string): Promise<string[]> {
  const { store, pipelines } = runner;
  const job = await store.getJob(jobId);
  if (job?.result == null) return [`the accepted run ${jobId} has no result`];
  const broken = await brokenPromises(stage, jobId, job.result, { outcomes: ['proposed'], works: [] });
  const view = await pipelines.view(jobId);
  broken.push(...(await brokenSteps(stage, job, view)));
  if (job.result.head_sha !== null) {
    for (const [path, text] of Object.entries(WORK)) {
      const is = sh(stage.remote, 'show', `${job.result.head_sha}:${path}`);
      if (is !== text) broken.push(`${path} holds ${JSON.stringify(is)}`);
    }
  }
  const open = (await store.listJobs({ limit: 100 })).filter(
    (one) => (one.job_id === jobId || one.request.step?.run === jobId) && !isTerminal(one.status),
  );
  if (open.length > 0) broken.push(`not ended: ${open.map((one) => one.job_id).join(', ')}`);
  if (broken.length === 0) return broken;
  const events = await readAllEvents(store, jobId);
  const last = events.slice(-40).map(({ time, type, data }) => `${time} ${type} ${JSON.stringify(data)}`);
  return [...broken, JSON.stringify(job.result.error), `its last events:\n  ${last.join('\n  ')}`];
}

/** Lives a life: submits a run, lets its workers die, answers what it asks, and looks at what it left. */
async function liveRun(stage: Stage, death: RunDeath): Promise<RunFate> {
  const runner = await openRunHome(stage);
  try {
    const { job } = await runner.pipelines.submit({
      pipeline: PIPELINE,
      repo: stage.remote,
      allowHost: true,
    });
    const died = await work(stage, runner, job.job_id, death);
    return { died, broken: await brokenRun(stage, runner, job.job_id) };
  } finally {
    await runner.close();
  }
}

/** A life on a stage of its own: a worker takes any run of its home. */
export async function liveAlone(death: RunDeath): Promise<RunFate> {
  const stage = setStage();
  try {
    const { died, broken } = await liveRun(stage, death);
    return { died, broken: [...broken, ...brokenHome(stage)] };
  } catch (error) {
    return { died: 0, broken: [error instanceof Error ? error.message : String(error)] };
  } finally {
    stage.remove();
  }
}
