/** Getting saved work back: as a branch in the job's repository, or as a bundle that travels. */
import { isAbsolute, resolve } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { parseRef } from '../../job/request.ts';
import { pushBranch } from '../../workspace/remote/publish.ts';
import { readSaved, wipRef } from '../../workspace/remote/saved.ts';
import type { RunnerParts } from '../context.ts';
import { publicBaseOf } from './diff.ts';

/** Where the work is wanted. */
export type RecoverTarget =
  | { readonly kind: 'branch'; readonly name: string }
  | { readonly kind: 'bundle'; readonly path: string };

/** What was brought back, and how to go on with it. */
export interface Recovered {
  readonly job_id: string;
  readonly commit: string;
  readonly branch: string | null;
  readonly bundle: string | null;
  readonly next: string;
}

/**
 * The commit that holds a job's saved work.
 *
 * @param what the command that asks, for the message
 * @throws JobError `not_found`
 */
export async function findWork({ git, layout }: RunnerParts, job: Job, what: string): Promise<string> {
  const commit = await readSaved(git, layout.repo(job.request.repo).saved, wipRef(job.job_id));
  if (commit !== null) return commit;
  throw new JobError('not_found', `${what}: ${job.job_id} has no saved work`, {
    hint: 'a job that changed nothing has none; one that was killed saves when it is resumed',
  });
}

/**
 * Brings a job's saved work back. A branch that exists at another commit is never overwritten.
 *
 * @throws JobError `not_found` when the job has no saved work, `conflict` when the branch is taken
 */
export async function recoverWork(parts: RunnerParts, job: Job, target: RecoverTarget): Promise<Recovered> {
  const { git, layout, forge, config } = parts;
  const { saved } = layout.repo(job.request.repo);
  const ref = wipRef(job.job_id);
  const commit = await findWork(parts, job, 'recover');
  if (target.kind === 'bundle') {
    const path = isAbsolute(target.path) ? target.path : resolve(config.host.cwd, target.path);
    const base = await publicBaseOf(parts, job, saved, commit);
    await git({ dir: saved }, ['bundle', 'create', '--quiet', path, `^${base}`, ref]);
    return { job_id: job.job_id, commit, branch: null, bundle: path, next: `git fetch ${path} ${ref}` };
  }
  const branch = parseRef(target.name, 'branch');
  const remote = await forge.resolve(job.request.repo);
  await pushBranch(git, saved, remote, branch, commit, []);
  return { job_id: job.job_id, commit, branch, bundle: null, next: `git switch ${branch}` };
}
