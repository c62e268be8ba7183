/** Step `rebase`: whether the base moved while the agent worked, and whether the change can be judged on the new one. */
import { errorInfoOf } from '../../../job/error.ts';
import type { Rebased, Verified } from '../../../job/step.ts';
import { treeOf } from '../../../workspace/change.ts';
import { fetchCommit, isAncestor, rebaseTree } from '../../../workspace/commits.ts';
import type { JobContext, PreparedDetail } from '../../context.ts';
import type { Bench } from '../../place.ts';

const STAYED: Rebased = { moved: false, onto: null, fits: false };

/**
 * Looks at the base's branch. That it can't be looked at is no reason to keep a judged change back: it is proposed
 * on the base that it was judged on.
 */
export async function lookAtBase(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  verified: Verified,
): Promise<Rebased> {
  const { base, base_sha: sha, remote } = detail;
  const { access, git } = context.reach(remote);
  const { target } = bench.copy;
  try {
    const onto = (await access.tip?.(base)) ?? null;
    if (onto === null || onto === sha) return STAYED;
    await fetchCommit(git, target, remote, onto);
    // A branch that was forced back to elsewhere is none that the change goes on from.
    const goesOn = await isAncestor(context.git, target, sha, onto);
    const tree = goesOn ? await rebaseTree(context.git, target, onto, verified.head_sha) : null;
    // A change that is on the branch already has nothing left that could be judged there.
    const fits = tree !== null && tree !== (await treeOf(context.git, target, onto));
    return { moved: true, onto, fits };
  } catch (error) {
    if (context.signal.aborted) throw error;
    context.journal.emit('error', 'propose', {
      message: `the base could not be looked at: ${errorInfoOf(error).message}`,
    });
    return STAYED;
  }
}
