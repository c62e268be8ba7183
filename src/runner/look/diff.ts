/** The change of a job as a diff: from its saved work once it has ended, before that from the latest state that is kept. */
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { isTerminal } from '../../job/status.ts';
import { showDiff } from '../../workspace/diff.ts';
import type { GitTarget } from '../../workspace/git.ts';
import { readSaved, wipRef } from '../../workspace/remote/saved.ts';
import { WORK_REF, type RunnerParts } from '../context.ts';
import { readPrepared } from '../keep/jobs.ts';

interface Kept {
  readonly target: GitTarget;
  readonly ref: string;
}

/** Where a job's states are kept, the latest first. A job saves its work when it asks and when it ends. */
async function keptStates({ layout, store }: RunnerParts, job: Job): Promise<readonly Kept[]> {
  const saved = { target: { dir: layout.repo(job.request.repo).saved }, ref: wipRef(job.job_id) };
  if (isTerminal(job.status)) return [saved];
  const judged = { target: { dir: layout.job(job.job_id).git }, ref: WORK_REF };
  const last = (await store.readSteps(job.job_id)).findLast(({ key }) => /^(message|verify)-/.test(key));
  return last?.key.startsWith('verify-') === true ? [judged, saved] : [saved, judged];
}

/**
 * What the saved work of a job is told apart from: the commit before it; of a run, which has a commit a step, its base.
 *
 * @param dir the repository that the work is read from
 */
async function baseOfWork(
  { git, store }: Pick<RunnerParts, 'git' | 'store'>,
  job: Job,
  dir: string,
  commit: string,
): Promise<string> {
  const parent = `${commit}^`;
  if (job.request.pipeline === undefined) return parent;
  const base = job.result?.base_sha ?? (await readPrepared(store, job.job_id))?.base_sha ?? null;
  return base !== null && (await readSaved(git, dir, base)) !== null ? base : parent;
}

/**
 * A commit below the saved work of a job that clones of its repository have: what a step of a run begins with is here
 * alone, and the base of its run is not.
 */
export async function publicBaseOf(
  parts: Pick<RunnerParts, 'git' | 'store'>,
  job: Job,
  dir: string,
  commit: string,
): Promise<string> {
  const { step } = job.request;
  const run = step === undefined ? null : await parts.store.getJob(step.run);
  return baseOfWork(parts, run ?? job, dir, commit);
}

/** The unified diff of a job against its base; rejects with `not_found` while there is none. */
export async function readDiff(parts: RunnerParts, job: Job): Promise<string> {
  const { git } = parts;
  for (const { target, ref } of await keptStates(parts, job)) {
    // A repository that is not there yet holds nothing.
    const sha = await readSaved(git, target.dir, ref).catch(() => null);
    if (sha !== null) return showDiff(git, target, await baseOfWork(parts, job, target.dir, sha), sha);
  }
  const hint = isTerminal(job.status)
    ? 'a job that changed nothing has none'
    : 'a change is kept when the gate judges it, when the agent asks, and when the job ends';
  throw new JobError('not_found', `diff: ${job.job_id} has no change that is kept`, { hint });
}
