/** What a shell may complete besides the names of commands and options: names of agents, jobs, scenarios, rules. */
import type { RootCommand } from '@bomb.sh/tab';
import { access } from 'node:fs/promises';
import { USAGE_KEYS } from '../../job/model/usage.ts';
import { PHASES_MODES } from '../../job/phases/choose.ts';
import { SANDBOX_NAMES } from '../../job/request.ts';
import { runIdOf } from '../../job/pipeline/run.ts';
import { isTerminal, JOB_STATUSES } from '../../job/status.ts';
import { agentNames } from '../../runner/agents.ts';
import { demoScenarios } from '../../runner/demo.ts';
import { openRunner } from '../../runner/open.ts';
import type { Runner } from '../../runner/runner.ts';
import type { Io } from '../command.ts';
import { JUDGEMENT_FORMATS } from '../judgement.ts';
import { cleanLine } from '../text.ts';

/** A word and what it means. */
type Value = readonly [word: string, meaning: string];

/** Newest jobs that are offered: more than anybody reads in a list of completions. */
const MAX_JOBS = 50;
const TASK_CHARS = 40;

function plain(words: readonly string[]): readonly Value[] {
  return words.map((word) => [word, '']);
}

/** Values of options by the name of the option; they mean the same in every command. */
const OPTION_VALUES: Readonly<Record<string, readonly Value[]>> = {
  agent: plain(agentNames),
  'explore-agent': plain(agentNames),
  'plan-agent': plain(agentNames),
  phases: plain(PHASES_MODES),
  sandbox: plain(SANDBOX_NAMES),
  scenario: Object.entries(demoScenarios),
  status: plain(JOB_STATUSES),
  format: plain(JUDGEMENT_FORMATS),
  by: plain(USAGE_KEYS),
  mode: plain(['change', 'ask']),
  'on-red': plain(['block', 'draft']),
  'on-inconclusive': plain(['block', 'draft', 'open']),
  'on-none': plain(['block', 'draft', 'open']),
  'on-tamper': plain(['block', 'draft', 'allow']),
};

/** Looks into the home. Where nothing was ever run nothing is made, and what goes wrong is no matter of a completion. */
async function withKept<T>(
  io: Io,
  words: readonly string[],
  nothing: T,
  look: (runner: Runner) => Promise<T>,
): Promise<T> {
  const at = words.indexOf('--home');
  try {
    const config = await io.resolve(at >= 0 && words[at + 1] !== '' ? { home: words[at + 1] } : {});
    await access(config.dbPath);
    const runner = await openRunner(config);
    try {
      return await look(runner);
    } finally {
      await runner.close();
    }
  } catch {
    return nothing;
  }
}

/** The newest jobs. */
function jobValues(io: Io, words: readonly string[], onlyOpen: boolean): Promise<readonly Value[]> {
  return withKept<readonly Value[]>(io, words, [], async ({ store }) => {
    const jobs = await store.listJobs({ limit: MAX_JOBS });
    return jobs
      .filter((job) => !onlyOpen || !isTerminal(job.status))
      .map((job) => [
        job.job_id,
        `${job.outcome ?? job.status}: ${cleanLine(job.request.task).slice(0, TASK_CHARS)}`,
      ]);
  });
}

/** The pipelines that are kept, and the newest runs, by the argument that takes them. */
async function pipelineValues(
  io: Io,
  words: readonly string[],
): Promise<Readonly<Record<string, readonly Value[]>>> {
  return withKept<Readonly<Record<string, readonly Value[]>>>(io, words, {}, async ({ store, pipelines }) => {
    const kept = await pipelines.list({ limit: MAX_JOBS });
    const runs = await store.listJobs({ limit: MAX_JOBS, isRun: true });
    const named: readonly Value[] = kept.map(({ definition, pipeline_id: id }) => [definition.name, id]);
    const run: readonly Value[] = runs.map((job) => [
      runIdOf(job.job_id),
      `${job.outcome ?? job.status}: ${cleanLine(job.request.pipeline?.definition.name ?? '')}`,
    ]);
    return { pipeline: words[1] === 'show' ? [...named, ...run] : named, run };
  });
}

/** Options whose value is an agent. */
const AGENT_OPTIONS: ReadonlySet<string> = new Set(['agent', 'explore-agent', 'plan-agent']);

/** The agents that the user declared; what is wrong with them is no matter of a completion. */
async function ownAgents(io: Io): Promise<readonly Value[]> {
  try {
    return plain((await io.resolve({})).declaredAgents.map(({ name }) => name));
  } catch {
    return [];
  }
}

/**
 * Adds values to what a shell is offered.
 *
 * @param words the command line so far, without the program's name
 */
export async function addValues(root: RootCommand, io: Io, words: readonly string[]): Promise<void> {
  const wantsJob = root.commands.get(words[0] ?? '')?.arguments.has('job') === true;
  const wantsOpenJob = words.includes('--resume');
  const jobs = wantsJob || wantsOpenJob ? await jobValues(io, words, wantsOpenJob) : [];
  const wantsAgent = words.some((word) => AGENT_OPTIONS.has(word.replace(/^--/, '').replace(/=.*/s, '')));
  const own = wantsAgent ? await ownAgents(io) : [];
  const ofPipelines = words[0] === 'pipeline' ? await pipelineValues(io, words) : {};
  for (const command of root.commands.values()) {
    const offers = (values: readonly Value[]) => (complete: (word: string, meaning: string) => void) => {
      for (const [word, meaning] of values) complete(word, meaning);
    };
    for (const [name, option] of command.options) {
      const known = name === 'resume' ? jobs : OPTION_VALUES[name];
      const values = AGENT_OPTIONS.has(name) ? [...(known ?? []), ...own] : known;
      if (values !== undefined && option.isBoolean !== true) option.handler = offers(values);
    }
    const job = command.arguments.get('job');
    if (job !== undefined) job.handler = offers(jobs);
    for (const [name, values] of Object.entries(ofPipelines)) {
      const argument = command.arguments.get(name);
      if (argument !== undefined) argument.handler = offers(values);
    }
  }
}
