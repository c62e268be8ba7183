/**
 * What a job of a session goes on from: the jobs of a session are its only record. The last one that had a working copy
 * says which base, files and conversation come next, and the last that was published where the branch stands.
 */
import { JobError } from '../../job/error.ts';
import { firstOf, type Job } from '../../job/job.ts';
import type { JobRequest } from '../../job/request.ts';
import { pullOfUrl } from '../../job/trigger/turn.ts';
import type { Store } from '../../store/store.ts';
import { eachJob } from '../keep/jobs.ts';
import { keptFor } from './home.ts';

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
      conversation:
        request.agent === job.request.agent && keptFor({ job_id, request }, result) !== null
          ? result.session_id
          : null,
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

/** What a job takes over from the one that its session began with. */
export interface SessionRoot {
  readonly branch: string;
  /** The pull request that was opened, as `owner/name#12`; `null` where none was. */
  readonly pull: string | null;
  readonly issue: string | null;
  /** What the first goes on with itself. */
  readonly follows: JobRequest['follows'] | null;
}

function refuse(sessionId: string, why: string, hint: string): never {
  throw new JobError('invalid_request', `session_id: ${sessionId} ${why}`, { hint });
}

/** The branch of a job that others go on with: its own, or that of the job it follows. */
function branchOfRoot({ job_id: jobId, branch, request }: Job): string {
  // What came from another home may name any branch of the repository: only a job's own is gone on with.
  const owner = request.follows?.job_id ?? jobId;
  if (branch.includes(jobId) || branch.includes(owner) || /job-[0-9a-f]{12}/.test(branch)) return branch;
  return refuse(
    jobId,
    `worked on ${branch.slice(0, 200)}, which is no branch of its own`,
    'ask for a new job',
  );
}

/** The pull request that a session's jobs go on with. */
async function pullOf(store: Store, sessionId: string): Promise<string | null> {
  for await (const { result } of eachJob(store, { sessionId, limit: MAX_JOBS }))
    if (result?.pr_url != null) return pullOfUrl(result.pr_url);
  return null;
}

async function readRoot(store: Store, jobId: string, token: string | undefined): Promise<SessionRoot> {
  const root = await store.getJob(jobId);
  if (root === null) return refuse(jobId, 'is the id of a job, and there is none', 'see `agent-runner list`');
  const { session_id: named, in_place: inPlace, replay, sealed_token: sealed, onto } = root.request;
  const { issue, follows } = root.request;
  if (named !== undefined)
    return refuse(jobId, `is a job of session ${named} already`, `name that session: ${named}`);
  if (inPlace !== undefined)
    return refuse(
      jobId,
      'worked for a checkout that a person stands in',
      `call \`agent-runner ${inPlace.command}\` there again`,
    );
  if (onto !== undefined)
    return refuse(jobId, 'worked on the branch of somebody else', 'ask for a new job there');
  if (replay !== undefined)
    return refuse(jobId, 'played a recorded job back', 'name the job that was recorded');
  // Nobody's work is quietly done in another's name.
  if (sealed !== undefined && token === undefined)
    return refuse(jobId, 'was asked for with a token of its own, which is erased', 'give a token again');
  return {
    branch: branchOfRoot(root),
    pull: await pullOf(store, jobId),
    issue: issue ?? null,
    follows: follows ?? null,
  };
}

/**
 * Checks that a session can take a job of a repository. Whether another job of it may be under way the store says.
 *
 * @param asked.token whether the job brings a token of its own for the forge
 * @returns what the job takes over where the session bears the id of a job, else `null`
 * @throws JobError `bad_configuration` for another repository's session, `invalid_request` for a job that can't be gone on with
 */
export async function checkSession(
  store: Store,
  sessionId: string,
  asked: { readonly repo: string; readonly token: string | undefined },
): Promise<SessionRoot | null> {
  const jobId = firstOf(sessionId);
  const root = jobId === null ? null : await readRoot(store, jobId, asked.token);
  const [latest] = await store.listJobs({ sessionId, limit: 1 });
  if (latest !== undefined) checkSameRepository(sessionId, latest.request.repo, asked.repo);
  return root;
}
