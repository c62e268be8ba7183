/** A run once more: what was done is taken over, what failed or never began is run in a new run for the same branch. */
import { JobError } from '../../../job/error.ts';
import type { Job } from '../../../job/job.ts';
import { runIdOf, type ChildEnd, type StepEnd } from '../../../job/pipeline/run.ts';
import type { JobRequest } from '../../../job/request.ts';
import { isTerminal, OUTCOMES } from '../../../job/status.ts';
import type { Store } from '../../../store/store.ts';
import { readSaved, wipRef } from '../../../workspace/remote/saved.ts';
import type { RunnerParts } from '../../context.ts';
import { readPrepared } from '../../keep/jobs.ts';
import { readRecords } from './records.ts';
import { runRequestOf } from './step-request.ts';

/** Retries of retries that are looked through for a step. */
const MAX_CHAIN = 1000;

/** What earlier runs did that a run takes over. */
export interface Done {
  /** Successful steps, by name. */
  readonly steps: ReadonlyMap<string, StepEnd>;
  /** Conflicts that an agent solved. */
  readonly resolved: readonly ChildEnd[];
}

function endOf(name: string, end: ChildEnd): StepEnd {
  const { job_id, outcome, output, base_sha, head_sha, error } = end;
  const status = OUTCOMES[outcome].status as StepEnd['status'];
  return { name, job_id, status, outcome, output, base_sha, head_sha, error, reason: null };
}

/**
 * What was done in a run, and in those that it tried again.
 *
 * @param runJobId the job of the latest of them
 */
export async function readDone(store: Store, runJobId: string): Promise<Done> {
  const steps = new Map<string, StepEnd>();
  const resolved: ChildEnd[] = [];
  /** Steps that a later run took over, and did not run itself. */
  let wanted: ReadonlySet<string> | null = null;
  let at: string | null = runJobId;
  for (let count = 0; at !== null && count < MAX_CHAIN; count++) {
    const job: Job | null = await store.getJob(at);
    if (job === null) break;
    const completed: readonly string[] = (job.result?.run?.steps ?? [])
      .filter(({ name, status }) => status === 'completed' && (wanted === null || wanted.has(name)))
      .map(({ name }) => name);
    const taken = new Set(completed);
    for (const { step, kind, end } of readRecords(await store.readSteps(at)).children) {
      if (end?.ok !== true) continue;
      if (kind === 'resolve') resolved.push(end);
      else if (taken.delete(step)) steps.set(step, endOf(step, end));
    }
    wanted = taken;
    at = taken.size === 0 ? null : runRequestOf(job).retries;
  }
  return { steps, resolved };
}

/** How the steps of a run ended whose jobs have ended, by what is stored: its own, and those that it takes over. */
export async function readEnded(store: Store, job: Job): Promise<readonly StepEnd[]> {
  const { retries } = runRequestOf(job);
  const ends = new Map(retries === null ? [] : (await readDone(store, retries)).steps);
  for (const { step, kind, end } of readRecords(await store.readSteps(job.job_id)).children)
    if (kind === 'step' && end?.ok === true) ends.set(step, endOf(step, end));
  return [...ends.values()];
}

/** Why a run can't be tried again. */
function refuse(job: Job, why: string, hint: string): never {
  throw new JobError('conflict', `retry: ${runIdOf(job.job_id)} ${why}`, { hint });
}

/** Steps that are taken over must still be there: what they said, and what they changed. */
async function checkKept({ git, layout, store }: RunnerParts, job: Job): Promise<void> {
  const begin = 'start the pipeline anew; keep_jobs_days and keep_work_days say how long it is kept';
  const done = await readDone(store, job.job_id);
  const lost = (job.result?.run?.steps ?? []).find(
    ({ name, status }) => status === 'completed' && !done.steps.has(name),
  );
  if (lost !== undefined)
    refuse(job, `ended too long ago: what its step ${lost.name} did is forgotten`, begin);
  const { saved } = layout.repo(job.request.repo);
  for (const { name, job_id: jobId, base_sha: base, head_sha: head } of done.steps.values()) {
    if (head === null || head === base || jobId === null) continue;
    if ((await readSaved(git, saved, wipRef(jobId))) === null)
      refuse(job, `ended too long ago: the work of its step ${name} is no longer kept`, begin);
  }
}

/** A step that its own condition left out is nothing to do. */
function hasSomethingToDo({ result, outcome }: Job): boolean {
  return outcome === null || (result?.run?.status ?? result?.status) !== 'completed';
}

/** The branch of the run before, where nobody else pushed to it, with what it may have left there. */
async function followed(store: Store, job: Job): Promise<JobRequest['follows']> {
  const { branch, job_id, result, request } = job;
  if (request.follows !== undefined && result?.error?.code === 'conflict') return undefined;
  const proposing = (await store.readSteps(job_id)).filter(({ key }) => key.startsWith('propose-'));
  const pushed = proposing.flatMap(({ note }) => (Array.isArray(note['pushed']) ? note['pushed'] : []));
  const heads = [...(request.follows?.heads ?? []), ...pushed, result?.head_sha];
  return { job_id, branch, heads: [...new Set(heads.filter((sha) => typeof sha === 'string'))] };
}

/**
 * The request of a run that tries another one again.
 *
 * @param token the new run's own for the forge
 * @throws JobError `conflict` where there is nothing to do, or it is no longer known what was done
 */
export async function retryRequest(
  parts: RunnerParts,
  job: Job,
  token: string | undefined,
): Promise<{ readonly request: JobRequest; readonly follows: JobRequest['follows'] }> {
  const { store } = parts;
  const { sealed_token: sealed, follows: _follows, ...asked } = job.request;
  if (!isTerminal(job.status))
    refuse(
      job,
      `has not ended, it is ${job.status}`,
      `cancel it first by \`agent-runner cancel ${job.job_id}\``,
    );
  // Nobody's work is quietly done in another's name.
  if (sealed !== undefined && token === undefined)
    refuse(job, 'was asked for with a token of its own, which is erased', 'give it again');
  if (!hasSomethingToDo(job)) refuse(job, 'has nothing to run again', 'start the pipeline anew');
  await checkKept(parts, job);
  const before = runRequestOf(job);
  const prepared = await readPrepared(store, job.job_id);
  const start =
    prepared === null ? (before.start ?? null) : { base: prepared.base, base_sha: prepared.base_sha };
  return {
    request: { ...asked, pipeline: { ...before, retries: job.job_id, start } },
    follows: await followed(store, job),
  };
}
