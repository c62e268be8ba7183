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

/** Whether a request goes to a branch of its own: not that of a session, a checkout or a playback. */
function isAlone(request: JobRequest): boolean {
  return request.session_id === undefined && request.in_place === undefined && request.replay === undefined;
}

/**
 * The job whose branch and pull request a request goes on with: the last that was asked the same of the same agent
 * and opened one. None while another of them has not ended: two jobs never work on one branch.
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
  const last = same.findIndex(({ result }) => result?.pr_url != null && result.head_sha !== null);
  const opened = same[last];
  if (opened === undefined) return undefined;
  const { job_id, branch } = opened;
  // One that failed later may have pushed before it did: what it left there is ours to replace, too.
  const heads = same
    .slice(0, last + 1)
    .flatMap((job) => (job.branch === branch && job.result?.head_sha != null ? [job.result.head_sha] : []));
  return { job_id, branch, heads };
}
