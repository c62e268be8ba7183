/** Bringing a job's work into a person's own clone, as the branch they stand on. */
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { hasCommit, takeIntoClone } from '../../workspace/remote/clone.ts';
import { readSaved, wipRef } from '../../workspace/remote/saved.ts';
import type { RunnerParts } from '../context.ts';
import { publicBaseOf } from './diff.ts';
import { findWork } from './recover.ts';

/** Where and how the work is wanted. */
export interface CheckoutRequest {
  /** The person's clone: a path in it. */
  readonly clone: string;
  /** Local branch; the job's own by default. */
  readonly branch?: string;
  /** Moves an existing branch that is elsewhere. */
  readonly force: boolean;
  /** Detaches HEAD instead of making a branch. */
  readonly detach: boolean;
}

/** What was switched to. */
export interface CheckedOut {
  readonly job_id: string;
  readonly clone: string;
  readonly commit: string;
  /** `null` where HEAD is detached. */
  readonly branch: string | null;
  /** Where the branch was before `force` moved it. */
  readonly previous: string | null;
}

/**
 * Brings a job's work into a clone and switches to it. Uncommitted changes are never overwritten, and a branch
 * that is elsewhere only when `force` says so.
 *
 * @throws JobError `not_found` (no saved work), `repo_unusable` (no clone), `conflict` (another repository, a
 *   branch that is elsewhere, uncommitted changes in the way)
 */
export async function checkOutWork(
  parts: RunnerParts,
  job: Job,
  request: CheckoutRequest,
): Promise<CheckedOut> {
  const { git, layout, forge } = parts;
  const clone = await forge.resolve(request.clone);
  if (clone.kind !== 'checkout') {
    throw new JobError('repo_unusable', `checkout: ${clone.display} has no working tree`, {
      hint: 'stand in your clone, or name it by --repo; `agent-runner recover` makes a branch in any repository',
    });
  }
  const { saved } = layout.repo(job.request.repo);
  const commit = await findWork(parts, job, 'checkout');
  const base = await readSaved(git, saved, await publicBaseOf(parts, job, saved, commit));
  if (base === null || !(await hasCommit(git, clone.url, base))) {
    throw new JobError(
      'conflict',
      `checkout: ${clone.url} has no commit ${(base ?? '').slice(0, 12)}, which ${job.job_id} started from`,
      { hint: `stand in a clone of ${job.request.repo}; if this is one, \`git fetch\` first` },
    );
  }
  const branch = request.detach ? null : (request.branch ?? job.branch);
  const work = { ref: wipRef(job.job_id), commit };
  const previous = await takeIntoClone(git, clone.url, saved, work, { branch, force: request.force });
  return { job_id: job.job_id, clone: clone.url, commit, branch, previous };
}
