/** Jobs that are killed, and killed again, until they end. Every choice follows from a seed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobResult } from '../../src/job/result.ts';
import { FAIL_POINTS, type FailPoint } from '../../src/runner/fail-points.ts';
import type { Ran } from '../e2e/cli.ts';
import { HAS_BUBBLEWRAP } from '../e2e/cli.ts';
import { brokenPromises, orphansOf, worksOf, type Stage } from './stage.ts';

/** Writes files with names of their own, so that each can be found again wherever it was kept. */
const WRITER = [
  '#!/bin/sh',
  'name() { od -An -N6 -tx1 /dev/urandom | tr -d " \\n"; }',
  'cat > /dev/null',
  'for turn in 1 2 3; do echo work > "work-$(name).txt"; sleep 0.1; done',
].join('\n');
const QUICK = WRITER.replace('1 2 3', '1').replace('; sleep 0.1', '');
const TAMPERER = '#!/bin/sh\ncat > /dev/null\nrm -f test/zero.test.js\necho work > work-tamper.txt\n';
const ASKER = [
  '#!/bin/sh',
  'prompt=$(cat)',
  'case "$prompt" in',
  '*"because of tests"*) echo done > answered.txt;;',
  '*) echo work > work-asked.txt; echo "Why?" > "$AGENT_RUNNER_OUT/question.md";;',
  'esac',
].join('\n');

/** What an agent does, and how its job must end. */
interface Scenario {
  readonly args: readonly string[];
  /** A script as AGENT_CMD. */
  readonly script?: string;
  readonly outcomes: readonly string[];
}

function simulated(behaviour: string, outcomes: readonly string[], ...args: string[]): Scenario {
  return { args: ['--agent', `simulated:${behaviour}`, ...args], outcomes };
}

export const SCENARIOS = {
  good: simulated('good', ['proposed']),
  bad: simulated('bad', ['proposed']),
  noop: simulated('noop', ['no_change']),
  crash: simulated('crash', ['agent_failed']),
  stuck: simulated('stuck', ['gate_failed', 'gave_up'], '--max-gate-runs', '2'),
  slow: simulated('slow', ['timed_out'], '--timeout-s', '1'),
  quick: { args: ['--check', 'sum=test -s src/sum.js'], script: QUICK, outcomes: ['proposed'] },
  tamper: { args: [], script: TAMPERER, outcomes: ['tampered'] },
  writer: { args: [], script: WRITER, outcomes: ['proposed'] },
  asker: { args: [], script: ASKER, outcomes: ['proposed'] },
} as const satisfies Record<string, Scenario>;
export type ScenarioName = keyof typeof SCENARIOS;

/** When the runner dies: at a fail-point, so many milliseconds after it was started, or (`null`) not this time. */
export type Death = { readonly point: FailPoint } | { readonly afterMs: number | null };

/** One job's life: what its agent does, and the deaths it dies one after the other. */
export interface Life {
  readonly scenario: ScenarioName;
  readonly deaths: readonly Death[];
}

/** What came of a life. */
export interface Fate {
  readonly jobId: string | null;
  /** How many of the deaths happened before the job had ended. */
  readonly died: number;
  readonly result: JobResult | null;
  /** What did not hold, with the words of the process that ended. */
  readonly broken: readonly string[];
}

/** A job that asks is answered this often at most; each scenario asks once. */
const MAX_RUNS_AFTER_DEATHS = 3;

async function dieOrEnd(
  stage: Stage,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  death: Death | undefined,
): Promise<Ran> {
  const failAt = death !== undefined && 'point' in death ? { AGENT_RUNNER_FAIL_AT: death.point } : {};
  const running = stage.bench.start(args, { ...env, ...failAt });
  if (death !== undefined && 'afterMs' in death && death.afterMs !== null) {
    await Promise.race([sleep(death.afterMs), running.done]);
    running.child.kill('SIGKILL');
  }
  return running.done;
}

/** The job that a dead process had accepted, when it lived to store it. */
async function findJob(stage: Stage, task: string): Promise<string | null> {
  return stage.read(async (store) => {
    const jobs = await store.listJobs({ limit: 1000 });
    return jobs.find((job) => job.request.task === task)?.job_id ?? null;
  });
}

/**
 * Lives a life: starts the job, lets it die as planned, resumes it until it has ended, and looks at what it
 * left.
 *
 * @param name text that tells this job from the others of the stage
 */
export async function live(stage: Stage, life: Life, name: string): Promise<Fate> {
  const { args, script, outcomes }: Scenario = SCENARIOS[life.scenario];
  const env: Record<string, string> =
    script === undefined ? {} : { AGENT_CMD: stage.bench.script(`${life.scenario}.sh`, script) };
  const task = `Do it (${name})`;
  const start = ['run', task, '--repo', stage.remote, '--json', ...args];
  const deaths = [...life.deaths];
  const works: string[] = [];
  const broken: string[] = [];
  let jobId: string | null = null;
  let died = 0;
  for (let run = 0; run < life.deaths.length + MAX_RUNS_AFTER_DEATHS; run++) {
    const now = jobId === null ? start : ['run', '--resume', jobId, '--json'];
    const ran: Ran = await dieOrEnd(stage, now, env, deaths.shift());
    const told: string | null = /^job (job-[0-9a-f]{12}) /m.exec(ran.stderr)?.[1] ?? null;
    jobId ??= told ?? (await findJob(stage, task));
    if (ran.signal === 'SIGKILL') {
      died++;
      if (HAS_BUBBLEWRAP) {
        const orphans = jobId === null ? [] : await orphansOf(`/${jobId}/`);
        if (orphans.length > 0) broken.push(`orphans after death ${died}: ${orphans.join('; ')}`);
      }
      if (jobId !== null) works.push(...worksOf(stage, jobId));
      continue;
    }
    if (jobId === null) return { jobId, died, result: null, broken: [`no job was accepted: ${ran.stderr}`] };
    if (ran.code === 6) {
      const said = await stage.bench.run(['message', jobId, 'because of tests']);
      if (said.code !== 0) broken.push(`it could not be answered: ${said.stderr}`);
      continue;
    }
    const result = JSON.parse(ran.stdout) as JobResult;
    broken.push(...(await brokenPromises(stage, jobId, result, { outcomes, works })));
    if (broken.length > 0) broken.push(ran.stderr.slice(-2000), JSON.stringify(result.error));
    return { jobId, died, result, broken };
  }
  return { jobId, died, result: null, broken: [...broken, 'it never ended'] };
}

/** Numbers in [0, 1) that follow from a seed (mulberry32, Tommy Ettinger, public domain). */
export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The lives that together pass every fail-point; a few points are only reached after an earlier death. */
export function lifeThrough(point: FailPoint): Life {
  if (point.startsWith('partial-'))
    return { scenario: 'quick', deaths: [{ point: 'build-effect' }, { point }] };
  if (/^(message|question)-/.test(point)) {
    const asked = point === 'question-stored' ? [] : [{ afterMs: null }];
    return { scenario: 'asker', deaths: [...asked, { point }] };
  }
  return { scenario: 'quick', deaths: [{ point }] };
}

/** Whether a point is passed only where nothing of a repository is there yet: no mirror, layer or baseline. */
export function needsFreshHome(point: FailPoint): boolean {
  const points: readonly FailPoint[] = FAIL_POINTS;
  return point === 'baseline-stored' || points.indexOf(point) < points.indexOf('prepare-stored');
}

/** Most deaths of one job in a random life. */
const MAX_DEATHS = 4;

/** Milliseconds within which a process dies in a random life; most jobs end within them where nobody kills them. */
const SPAN_MS = 3000;

/** A random life: any scenario, one to four deaths at random times after a process was started. */
export function randomLife(seed: number): Life {
  const next = numbersFrom(seed);
  const names = Object.keys(SCENARIOS) as ScenarioName[];
  const scenario = names[Math.floor(next() * names.length)] ?? 'good';
  const count = 1 + Math.floor(next() ** 2 * MAX_DEATHS);
  return {
    scenario,
    deaths: Array.from({ length: count }, () => ({ afterMs: Math.floor(100 + next() * SPAN_MS) })),
  };
}
