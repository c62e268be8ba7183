/** The same asked again: the pull request that is there is brought up to date, and no second one opened. */
import type { Remote } from '../../forge/forge.ts';
import { isTerminal } from '../../job/status.ts';
import type { JobRequest } from '../../job/request.ts';
import type { Store } from '../../store/store.ts';

/** Jobs of a repository that are looked through, newest first. */
const MAX_JOBS = 200;

/** An issue is the same one however much was written below it since. */
function isSame(a: JobRequest, b: JobRequest): boolean {
  const asksSame = a.issue === undefined ? a.task === b.task : a.issue === b.issue;
  return asksSame && a.agent === b.agent && a.model === b.model && a.base === b.base && a.mode === b.mode;
}

/**
 * Whether a request goes to a branch of its own: not that of a session, a checkout, a playback or somebody else. A step is
 * never pushed, and which run goes on with another one is said by whoever retries it.
 */
function isAlone(request: JobRequest): boolean {
  const { session_id: session, in_place: place, replay, onto, pipeline, step } = request;
  return [session, place, replay, onto, pipeline, step].every((one) => one === undefined);
}

/**
 * The job whose branch and pull request a request goes on with: the last that was asked the same of the same agent
 * and opened one. None while another of them has not ended: two jobs never work on one branch; and none after one that
 * found somebody else's work there.
 *
 * @param remote its repository; only on a forge are there pull requests
 */
export async function findFollowed(
  store: Store,
  remote: Remote,
  request: JobRequest,
): Promise<JobRequest['follows']> {
  if (remote.name === undefined || !isAlone(request)) return undefined;
  const jobs = await store.listJobs({ repo: remote.url, limit: MAX_JOBS });
  const same = jobs.filter((job) => isAlone(job.request) && isSame(job.request, request));
  if (same.some((job) => !isTerminal(job.status))) return undefined;
  const left: { readonly branch: string; readonly head: string }[] = [];
  for (const { job_id, branch, result, request: asked } of same) {
    // Somebody else has pushed to that branch since: it is theirs now.
    if (asked.follows !== undefined && result?.error?.code === 'conflict') return undefined;
    // What came from another home may name any branch of the repository: only the job's own may be pushed over.
    if (asked.follows === undefined && !branch.includes(job_id)) continue;
    // Others went on with that branch: it is no longer one job's to replace.
    if (((await store.getSession(job_id))?.jobs ?? 1) > 1) return undefined;
    const head = result?.head_sha ?? null;
    // One that failed later may have pushed before it did: what it left there is ours to replace, too.
    if (head !== null) left.push({ branch, head });
    if (result?.pr_url != null && head !== null)
      return { job_id, branch, heads: left.flatMap((one) => (one.branch === branch ? [one.head] : [])) };
  }
  return undefined;
}
