/**
 * What a job of a session goes on from: the jobs of a session are its only record. The last one that had a working copy
 * says which base, files and conversation come next, and the last that was published where the branch stands.
 */
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { Store } from '../../store/store.ts';
import { eachJob } from '../keep/jobs.ts';

/** Where the session stands when a job of it begins. */
export interface SessionStart {
  /** The job before. */
  readonly job_id: string;
  /** The base of the whole session: each of its jobs is judged against it. */
  readonly base: string | null;
  readonly base_sha: string;
  /** Under which name the work of the job before was saved; `null` where it left nothing but the base. */
  readonly wip_ref: string | null;
  /** The commit that the session's branch stands at; `null` while nothing was proposed. */
  readonly tip: string | null;
  /** The agent's conversation, for the same agent. */
  readonly conversation: string | null;
  readonly summary: string;
}

/** Jobs of a session that are looked through for its branch. */
const MAX_JOBS = 10_000;

/**
 * Where the session of a job stands; `null` for a job without one, and for the first that has a working copy.
 *
 * @throws JobError `bad_configuration` when the session belongs to another repository
 */
export async function readSessionStart(store: Store, job: Job): Promise<SessionStart | null> {
  const { session_id: sessionId } = job.request;
  if (sessionId === undefined) return null;
  let start: SessionStart | null = null;
  const earlier = eachJob(store, { sessionId, before: job.job_id, limit: MAX_JOBS });
  for await (const { request, result, job_id } of earlier) {
    checkSameRepository(sessionId, request.repo, job.request.repo);
    if (result === null || result.base_sha === null) continue;
    start ??= {
      job_id,
      base: result.base,
      base_sha: result.base_sha,
      wip_ref: result.wip_ref,
      tip: null,
      conversation: request.agent === job.request.agent ? result.session_id : null,
      summary: result.summary,
    };
    if (result.branch !== null) return { ...start, tip: result.head_sha };
  }
  return start;
}

function checkSameRepository(sessionId: string, theirs: string, ours: string): void {
  if (theirs === ours) return;
  throw new JobError('bad_configuration', `session_id: ${sessionId} belongs to ${theirs}, not to ${ours}`, {
    hint: 'name a new session for another repository',
  });
}

/**
 * Checks that a session can take a job of a repository. Whether another job of it may be under way the store says.
 *
 * @throws JobError `bad_configuration` for another repository's session
 */
export async function checkSession(store: Store, sessionId: string, repo: string): Promise<void> {
  const [latest] = await store.listJobs({ sessionId, limit: 1 });
  if (latest !== undefined) checkSameRepository(sessionId, latest.request.repo, repo);
}
