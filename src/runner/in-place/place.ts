/** The place a person stands in, before a job and after it. */
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { JobError } from '../../job/error.ts';
import { failingOf, makeHandover, type Handover, type Round } from '../../job/in-place/handover.ts';
import type { InPlace } from '../../job/in-place/in-place.ts';
import { parseIssue, type Issue } from '../../job/in-place/issue.ts';
import type { Job } from '../../job/job.ts';
import type { Built, StepResult, Verified } from '../../job/step.ts';
import { markUntrusted, oneLine } from '../../prompt/untrusted.ts';
import { branchTip, currentBranch } from '../../workspace/person/position.ts';
import { snapshotFolder } from '../../workspace/person/snapshot.ts';
import type { PreparedDetail, RunnerParts } from '../context.ts';

/** What a request names as its repository. */
export interface InPlaceRepository {
  readonly repo: string;
  /** The folder itself, where it has no git: `repo` then is a private copy of its state. */
  readonly folder: string | null;
}

/**
 * Finds the repository around a path. A folder outside git gets a private repository of its present state.
 *
 * @throws JobError `repo_unusable` for a bare repository, and for a home or root folder
 */
export async function requestPlace(parts: RunnerParts, path: string): Promise<InPlaceRepository> {
  const { forge, git, layout, config } = parts;
  const found = await forge.resolve(path).catch((error: unknown) => {
    if (error instanceof JobError && error.code === 'repo_unusable') return null;
    throw error;
  });
  if (found?.kind === 'checkout') return { repo: found.url, folder: null };
  if (found !== null) {
    throw new JobError('repo_unusable', `repo: ${path} is a bare repository, which nobody stands in`, {
      hint: 'use `agent-runner run --repo` for it, or stand in a clone of it',
    });
  }
  const folder = await realpath(path);
  if ([dirname(folder), await realpath(config.host.home).catch(() => config.host.home)].includes(folder)) {
    throw new JobError('repo_unusable', `folder: ${folder} is no project`, {
      hint: 'stand in the folder of one project',
    });
  }
  const repo = layout.folder(folder);
  const info = { message: `State of ${folder}\n`, author: config.author, date: new Date().toISOString() };
  await snapshotFolder(git, folder, repo, config.host.home, info);
  return { repo, folder };
}

/** The task that an issue is: what it says is data, marked as such. */
export function issueTask(issue: Issue): string {
  const title = oneLine(issue.title) || issue.stem;
  return `Implement this issue: ${title}\n\nThe issue says what is wanted of the code. ${markUntrusted(`issue ${issue.stem}`, issue.text)}`;
}

/** What an agent is asked that mends red checks. */
export const HEAL_TASK =
  'The checks of this repository are red. Find out why and mend the code, with the smallest change that is right.\n\nDo not weaken, skip or delete tests, and do not change how the checks run. Where a test itself is wrong, say so in your summary.';

/** What `issue-to-pr` works on, made of the issue's text. */
export function issueInPlace(
  text: string,
  fileName: string | null,
  place: { readonly push: boolean; readonly folder: string | null },
): { readonly issue: Issue; readonly inPlace: InPlace } {
  return issuePlaced(parseIssue(text, fileName), place);
}

/** What `issue-to-pr` works on, made of an issue. */
export function issuePlaced(
  issue: Issue,
  place: { readonly push: boolean; readonly folder: string | null },
): { readonly issue: Issue; readonly inPlace: InPlace } {
  const title = `Agent: implement ${issue.stem}`;
  return { issue, inPlace: { command: 'issue-to-pr', branch: `agent/${issue.stem}`, title, ...place } };
}

/** What `self-heal` works on. */
export function healInPlace(place: { readonly push: boolean; readonly folder: string | null }): InPlace {
  const title = 'Agent: self-healing fix for failing CI';
  return { command: 'self-heal', branch: 'agent/self-heal', title, ...place };
}

/** The rounds of a job, told from its stored steps: what the agent said, what the gate said after it. */
function roundsOf(
  steps: readonly { readonly key: string; readonly result: unknown }[],
  healing: boolean,
): Round[] {
  const of = <T>(name: string): (StepResult<T> | null)[] =>
    steps
      .filter((step) => step.key.startsWith(`${name}-`))
      .toSorted((a, b) => Number(a.key.slice(name.length + 1)) - Number(b.key.slice(name.length + 1)))
      .map((step) => step.result as StepResult<T> | null);
  const builds = of<Built>('build').filter((built) => built?.ok !== true || built.question === null);
  const gates = of<Verified>('verify');
  const count = Math.max(gates.length, builds.length + (healing ? 1 : 0));
  return Array.from({ length: count }, (_, at) => {
    const built = healing ? (at === 0 ? null : builds[at - 1]) : builds[at];
    const gate = gates[at];
    const said = built == null ? null : built.ok ? built.summary : built.error.message;
    if (gate == null) return { said, verdict: 'not judged', failing: [] };
    if (!gate.ok) return { said, verdict: gate.error.message, failing: [] };
    return { said, verdict: gate.report.verdict, failing: failingOf(gate.report.checks) };
  });
}

/**
 * Collects what a person needs who takes over.
 *
 * @throws JobError `not_found` while the job has not ended, or when it does not work in place
 */
export async function readHandover(parts: RunnerParts, job: Job): Promise<Handover> {
  const { store, git } = parts;
  const { in_place: inPlace, repo, task } = job.request;
  if (inPlace === undefined || job.result === null) {
    throw new JobError('not_found', `handover: ${job.job_id} has none`, { hint: 'wait until it has ended' });
  }
  const steps = await store.readSteps(job.job_id);
  const prepared = steps.find((step) => step.key === 'prepare-1')?.result as
    | StepResult<PreparedDetail>
    | null
    | undefined;
  const start = prepared?.ok === true ? (prepared.in_place ?? null) : null;
  const isFolder = inPlace.folder !== null;
  const head = job.result.head_sha;
  const tip = isFolder ? null : await branchTip(git, repo, inPlace.branch).catch(() => null);
  return makeHandover({
    asked: task,
    rounds: roundsOf(steps, inPlace.command === 'self-heal'),
    result: job.result,
    start,
    place: inPlace.folder ?? repo,
    isFolder,
    current: isFolder ? null : await currentBranch(git, repo).catch(() => null),
    delivered: tip !== null && tip === head ? inPlace.branch : null,
  });
}
