/** Where the job of a step begins: a commit that the run before it made, which may be on no remote. */
import type { Remote } from '../../../forge/forge.ts';
import type { StepRequest } from '../../../job/pipeline/run.ts';
import type { Git } from '../../../workspace/git.ts';
import type { RepoPaths } from '../../../workspace/layout.ts';
import type { Base } from '../../../workspace/remote/listing.ts';
import { fetchBase, restoreBase } from '../../../workspace/remote/mirror.ts';
import type { JobContext } from '../../context.ts';
import type { Bench } from '../../place.ts';
import { layCommit } from '../../session/lay.ts';

/**
 * Makes the commit that a job begins with readable: a branch of the remote; for a step, what its run names, and for
 * a run that tries another one again, where that began. That is read
 * from this home where it can be: its run has asked the remote.
 *
 * @throws JobError as `fetchBase`; `infra_failed` where neither this home nor the remote has a step's commit any more
 */
export async function openBase(
  git: Git,
  repo: RepoPaths,
  remote: Remote,
  what: {
    readonly wanted: string | null;
    readonly at: Pick<StepRequest, 'base' | 'base_sha'> | null;
    readonly jobId: string;
  },
): Promise<Base> {
  const { wanted, at, jobId } = what;
  if (at === null) return fetchBase(git, repo, remote, wanted, jobId);
  await restoreBase(git, repo, remote, at.base_sha, jobId);
  return { name: at.base, sha: at.base_sha, isBranch: true };
}

/** Lays the files with conflict markers over the base, for a step that solves a conflict. */
export async function layStart(
  context: JobContext,
  bench: Bench,
  saved: string,
  step: StepRequest | undefined,
): Promise<void> {
  if (step === undefined || step.start === null || step.start === step.base_sha) return;
  await layCommit(context, bench, saved, step.start);
}
