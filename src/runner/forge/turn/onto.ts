/** A fix that goes onto the branch of somebody else's pull request: forward only, and nothing else of it is touched. */
import { writeFile } from 'node:fs/promises';
import { JobError } from '../../../job/error.ts';
import type { JobRequest } from '../../../job/request.ts';
import type { Proposed } from '../../../job/step.ts';
import { formatPatch } from '../../../workspace/change.ts';
import { isAncestor } from '../../../workspace/commits.ts';
import { pushBranch } from '../../../workspace/remote/publish.ts';
import type { JobContext, PreparedDetail } from '../../context.ts';
import type { StepContext } from '../../engine/engine.ts';
import type { Bench } from '../../place.ts';

/**
 * Pushes the judged commit on top of the branch that it was judged on. Title, text, labels and draft stay their author's.
 *
 * @throws JobError `conflict` where the branch went on meanwhile
 */
export async function pushOnto(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  what: { readonly head: string; readonly onto: NonNullable<JobRequest['onto']> },
  step: StepContext,
): Promise<Proposed> {
  const { git, paths } = context;
  const { head, onto } = what;
  const { target } = bench.copy;
  if (!(await isAncestor(git, target, detail.base_sha, head))) {
    throw new JobError('bug', `${head.slice(0, 12)} does not go on from ${detail.base_sha.slice(0, 12)}`);
  }
  await step.note({ pushed: [head] }, 'full');
  const reach = context.reach(detail.remote);
  await Promise.all([
    pushBranch(reach.git, paths.git, detail.remote, onto.branch, head, [detail.base_sha]),
    formatPatch(git, target, detail.base_sha, head).then((patch) => writeFile(paths.patch, patch)),
  ]);
  context.journal.emit('message', 'propose', { branch: onto.branch, head_sha: head, pr_url: onto.pr_url });
  return {
    outcome: 'pr_updated',
    head_sha: head,
    pr_url: onto.pr_url,
    patch_path: paths.patch,
    push_command: null,
  };
}
