/** A forge that fails all the time, and workers in processes of their own. Every choice follows from a seed. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeRequest } from '../../../src/cli/asking/settings.ts';
import { resolveConfig } from '../../../src/config.ts';
import type { Job } from '../../../src/job/job.ts';
import { isTerminal } from '../../../src/job/status.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import type { FaultRule } from '../../forge/http/faults.ts';
import { sh } from '../../workspace/scene.ts';
import { brokenJob, setForgeStage, type ForgeStage } from './stage.ts';

export interface StormPlan {
  readonly jobs: number;
  readonly workers: number;
  /** Repositories that the jobs go to; their forks are made by whoever comes first. */
  readonly repositories: number;
  readonly seed: number;
}

/** What came of a storm. */
export interface StormFate {
  /** Requests, git's among them, and those that went wrong. */
  readonly requests: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Jobs that opened their pull request, and those that say that they could not. */
  readonly opened: number;
  readonly failed: number;
  /** What did not hold, by job. */
  readonly broken: readonly string[];
}

/** Requests of the REST interface: limits are met there. */
const API = /^\/(?:repos|user|graphql)\b/;

/** What goes wrong, and how often; the first that meets a request counts. */
const WEATHER: readonly FaultRule[] = [
  { kind: 'lost_answer', probability: 0.1 },
  { kind: 'lost_request', probability: 0.02 },
  { kind: 'bad_gateway', probability: 0.02 },
  { kind: 'secondary_limit', path: API, probability: 0.01, retryAfterSeconds: 1 },
  { kind: 'primary_limit', path: API, probability: 0.005, retryAfterSeconds: 1 },
  { kind: 'too_many_requests', path: API, probability: 0.005, retryAfterSeconds: 1 },
  { kind: 'unprocessable', method: 'POST', probability: 0.02 },
  { kind: 'slow', probability: 0.02, delayMs: 300 },
];
/** Longest time without any job ending: then something hangs. */
const STUCK_MS = 240_000;
const AT_ONCE = 4;

function nameOf(plan: StormPlan, at: number): string {
  return `storm-${at % plan.repositories}`;
}

async function openHome(stage: ForgeStage): Promise<Runner> {
  const env = {
    ...stage.env,
    AGENT_RUNNER_HOME: stage.bench.home,
    HOME: stage.bench.root,
    XDG_CONFIG_HOME: join(stage.bench.root, 'config'),
    PATH: process.env['PATH'],
  };
  return openRunner(await resolveConfig({ flags: {}, env, cwd: stage.bench.root, projectFile: null }));
}

async function submitAll(stage: ForgeStage, runner: Runner, plan: StormPlan): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < plan.jobs; at++) {
    const request = await makeRequest(runner.config, {
      task: `Write a file (${at})`,
      repo: `ann/${nameOf(plan, at)}`,
      allowHost: false,
      check: ['true=true'],
      setup: '',
      callbackUrl: stage.receiver.url,
    });
    ids.push((await runner.submit({ ...request, agent: 'command' })).job.job_id);
  }
  return ids;
}

/** Waits until all have ended. @throws when none has for too long */
async function untilEnded(runner: Runner, ids: readonly string[]): Promise<readonly Job[]> {
  const ended = new Map<string, Job>();
  let progressedMs = Date.now();
  while (ended.size < ids.length) {
    const before = ended.size;
    for (const id of ids.filter((one) => !ended.has(one))) {
      const job = await runner.store.getJob(id);
      if (job !== null && isTerminal(job.status)) ended.set(id, job);
    }
    if (ended.size > before) progressedMs = Date.now();
    if (Date.now() - progressedMs > STUCK_MS)
      throw new Error(`stuck with ${ids.filter((one) => !ended.has(one)).join(', ')}`);
    await sleep(500);
  }
  return ids.flatMap((id) => ended.get(id) ?? []);
}

/** Whether the file that the agent wrote is in what is kept of a job. */
function isKept(stage: ForgeStage, { job_id: jobId }: Job): boolean {
  const saved = join(stage.bench.home, 'saved');
  const repositories = existsSync(saved) ? readdirSync(saved).filter((name) => name.endsWith('.git')) : [];
  return repositories.some((name) => {
    const ref = `refs/agent-runner/wip/${jobId}`;
    const has = sh(join(saved, name), 'for-each-ref', '--format=%(refname)', ref) !== '';
    return has && /^work-\w+\.txt$/m.test(sh(join(saved, name), 'ls-tree', '-r', '--name-only', ref));
  });
}

/** A job that could not propose says so truly: at most one of each stands on the forge, and its work is kept. */
function brokenFailure(stage: ForgeStage, name: string, job: Job): string[] {
  const { forge } = stage;
  const broken: string[] = [];
  const { error, outcome } = job.result ?? { error: null, outcome: null };
  if (outcome !== 'infra_failed' || !/GitHub|git |fork/.test(error?.message ?? ''))
    broken.push(`its outcome is ${String(outcome)}: ${JSON.stringify(error)}`);
  const pulls = forge.repo('ann', name).pulls.filter((pull) => pull.headRef === job.branch);
  if (pulls.length > 1) broken.push(`there are ${pulls.length} pull requests`);
  // Who fails before the agent begins has nothing to keep.
  if (job.result?.iterations !== 0 && !isKept(stage, job)) broken.push('its work is not kept');
  return broken;
}

/** Runs jobs through a forge that fails all the time, and looks at each of them afterwards. */
export async function runStorm(plan: StormPlan): Promise<StormFate> {
  const stage = await setForgeStage({ settings: ['fork_timeout_s: 20'], seed: plan.seed });
  const { forge, bench, env } = stage;
  const runner = await openHome(stage);
  try {
    for (let at = 0; at < plan.repositories; at++) await stage.addRepository(`storm-${at}`);
    forge.setForkDelays({ repositoryPolls: 1, branchesPolls: 2 });
    const ids = await submitAll(stage, runner, plan);
    for (const rule of WEATHER) forge.setFault(rule);
    const words = ['worker', '--loop', '--interval', '1', '--concurrency', String(AT_ONCE)];
    const workers = Array.from({ length: plan.workers }, () => bench.start(words, env));
    let jobs: readonly Job[];
    try {
      jobs = await untilEnded(runner, ids);
    } finally {
      for (const one of workers) one.child.kill('SIGTERM');
      await Promise.all(workers.map((one) => one.done));
    }
    await stage.sendCallbacks();
    const fate = { opened: 0, failed: 0, broken: [] as string[] };
    for (const [at, job] of jobs.entries()) {
      const name = nameOf(plan, at);
      const { result } = job;
      const isOpened = result?.outcome === 'pr_opened';
      fate[isOpened ? 'opened' : 'failed']++;
      const sentences = isOpened ? await brokenJob(stage, name, result) : brokenFailure(stage, name, job);
      if (sentences.length > 0) fate.broken.push(`${job.job_id} on ${name}: ${sentences.join('; ')}`);
    }
    const faults: Record<string, number> = {};
    for (const { fault } of forge.requests()) if (fault !== null) faults[fault] = (faults[fault] ?? 0) + 1;
    return { ...fate, requests: forge.requests().length, faults };
  } finally {
    await runner.close();
    await stage.remove();
  }
}
