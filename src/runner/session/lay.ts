/** What a job of a session begins with: the files of the job before, on the branch as it stands now. */
import { JobError } from '../../job/error.ts';
import type { Remote } from '../../forge/forge.ts';
import { fetchCommit } from '../../workspace/commits.ts';
import type { Git } from '../../workspace/git.ts';
import { readSaved, wipRef } from '../../workspace/remote/saved.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { Bench } from '../place.ts';
import { carryOver, lookAtBranch } from './branch.ts';
import type { SessionStart } from './start.ts';

/** Lays the files of a commit that another repository has. */
export async function layCommit(
  context: JobContext,
  bench: Bench,
  from: string,
  commit: string,
): Promise<void> {
  await fetchCommit(context.git, bench.copy.target, { url: from, kind: 'bare' }, commit);
  await bench.copy.reset(commit);
}

/** What was laid of a session. */
interface Laid {
  /** Absent for a job without one, and for its first. */
  readonly session: PreparedDetail['session'];
  readonly notices: readonly string[];
}

/**
 * Lays the work of the job before, and what people pushed to the session's branch since.
 *
 * @param from.saved the repository that keeps saved work
 * @param from.session where the session stood; `null` where there is none
 * @param from.at where its branch lies; `null` where nothing will be proposed
 * @throws JobError `bad_configuration` where the work is no longer kept, `conflict` where the branch was rewritten or is gone
 */
export async function laySession(
  context: JobContext,
  bench: Bench,
  from: {
    readonly saved: string;
    readonly session: SessionStart | null;
    readonly at: { readonly git: Git; readonly remote: Remote } | null;
  },
): Promise<Laid> {
  const { saved, session } = from;
  if (session === null) return { session: undefined, notices: [] };
  const { git, job } = context;
  const { wip_ref: ref, tip, job_id: before } = session;
  const find = async (name: string): Promise<string> => {
    const found = await readSaved(git, saved, name);
    if (found !== null) return found;
    throw new JobError('bad_configuration', `session_id: the work of ${before} is no longer kept (${name})`, {
      hint: 'begin a new session; keep_work_days says how long work is kept',
    });
  };
  const { target } = bench.copy;
  const commit = ref === null ? null : await find(ref);
  if (tip !== null) await fetchCommit(git, target, { url: saved, kind: 'bare' }, await find(tip));
  if (commit !== null) await layCommit(context, bench, saved, commit);
  const ours = await readSaved(git, saved, wipRef(job.job_id));
  const at = job.request.mode === 'change' ? from.at : null;
  const pushed = at === null ? null : await lookAtBranch(context, { ...at, target, ours }, session);
  const goesOn = `this job goes on where ${before} of its session ended`;
  if (pushed === null || tip === null)
    return { session: { ...session, tree: await bench.copy.snapshot() }, notices: [goesOn] };
  const laid = await carryOver(context, target, { left: commit, tip, onto: pushed.tip });
  await bench.copy.reset(laid.commit);
  const lost = `what ${before} left unpublished does not fit those commits and is left out; it is kept as ${ref ?? ''}`;
  return {
    session: { ...session, tip: pushed.tip, tree: await bench.copy.snapshot(), isMoved: true },
    notices: [goesOn, pushed.notice, ...(laid.fits ? [] : [lost])],
  };
}
