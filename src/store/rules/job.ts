/** How a stored job may begin and change; pure, so that every store decides alike. */
import { JobError } from '../../job/error.ts';
import { firstOf, sessionOf, type Job, type JobPatch } from '../../job/job.ts';
import {
  isFound,
  MAX_SEARCH_CHARS,
  MAX_SEARCH_WORDS,
  MIN_BEGINNING_CHARS,
  searchWords,
  wordsOfJob,
  type SearchWord,
} from '../../job/text/words.ts';
import { assertTransition, isTerminal, OUTCOMES } from '../../job/status.ts';
import type { JobFilter } from '../store.ts';
import { checkInteger, checkName, notFound } from './value.ts';

/** A terminal job has exactly one outcome, of its own status; any other job has none. */
function checkOutcome(job: Job): void {
  const fits = job.outcome === null ? !isTerminal(job.status) : OUTCOMES[job.outcome].status === job.status;
  if (fits) return;
  const allowed = Object.entries(OUTCOMES).flatMap(([outcome, { status }]) =>
    status === job.status ? [outcome] : [],
  );
  throw new JobError(
    'illegal_transition',
    `outcome: ${job.outcome} does not belong to status ${job.status} (allowed: ${allowed.join(', ') || 'null'})`,
  );
}

/** Milliseconds since 1970 of a job's creation, by which jobs are ordered. */
export function createdMs(job: Job): number {
  const ms = Date.parse(job.created_at);
  if (Number.isFinite(ms)) return ms;
  throw new JobError('bug', `created_at: ${JSON.stringify(job.created_at)} is no time (allowed: RFC 3339)`);
}

/** Milliseconds since 1970 of a time that a list is narrowed by. @throws JobError `invalid_request` */
export function timeMs(time: string, what: string): number {
  const ms = Date.parse(time);
  if (Number.isFinite(ms)) return ms;
  throw new JobError(
    'invalid_request',
    `${what}: ${JSON.stringify(time.slice(0, 100))} is no time (allowed: RFC 3339)`,
  );
}

function checkJob(job: Job): Job {
  checkInteger(job.attempt, 'attempt');
  checkInteger(job.procedure_version, 'procedure_version');
  checkOutcome(job);
  return job;
}

/**
 * Checks a job that is to be accepted, and returns it without fields that no store keeps.
 *
 * @throws JobError `bug` for what no caller may send, `illegal_transition` when outcome and status disagree
 */
export function newJob(job: Job): Job {
  checkName(job.job_id, 'job_id');
  checkName(job.request.repo, 'request.repo');
  // Jobs are found again by it, and half of a surrogate pair has no UTF-8 form.
  if (job.request.user_id?.isWellFormed() === false)
    throw new JobError('bug', 'request.user_id: it is no valid Unicode');
  createdMs(job);
  return checkJob({
    job_id: job.job_id,
    request: job.request,
    status: job.status,
    outcome: job.outcome,
    procedure_version: job.procedure_version,
    attempt: job.attempt,
    branch: job.branch,
    created_at: job.created_at,
    updated_at: job.updated_at,
    started_at: job.started_at,
    finished_at: job.finished_at,
    question: job.question,
    result: job.result,
  });
}

/** Checks a job that ended elsewhere. @throws JobError what `newJob` throws, `invalid_request` where it has not ended */
export function endedJob(job: Job): Job {
  if (job.outcome !== null) return newJob(job);
  throw new JobError('invalid_request', `job ${job.job_id}: it has not ended, so it can't be imported`);
}

/**
 * A job after a change. The same status again is no change of status, so that a change which is repeated
 * after a crash has the effect of one; an outcome, once there, stays.
 *
 * @throws JobError `illegal_transition`
 */
export function changeJob(job: Job, patch: JobPatch, now: Date): Job {
  const {
    status = job.status,
    outcome = job.outcome,
    attempt = job.attempt,
    started_at = job.started_at,
  } = patch;
  const { finished_at = job.finished_at, question = job.question, result = job.result } = patch;
  if (status !== job.status) assertTransition(job.status, status);
  if (job.outcome !== null && outcome !== job.outcome) {
    throw new JobError(
      'illegal_transition',
      `outcome: ${job.outcome} can't become ${outcome} (allowed: nothing, it is final)`,
    );
  }
  const updated_at = now.toISOString();
  return checkJob({
    ...job,
    request: endsJob(patch) ? withoutToken(job.request) : job.request,
    status,
    outcome,
    attempt,
    started_at,
    finished_at,
    question,
    result,
    updated_at,
  });
}

/** A request whose token, where it came with one, is erased: what has ended needs none. */
function withoutToken(request: Job['request']): Job['request'] {
  return request.sealed_token == null ? request : { ...request, sealed_token: null };
}

/** Refuses a delivery beside a change that ends nothing. @throws JobError `bug` */
export function checkDelivers(jobId: string, patch: JobPatch): void {
  if (endsJob(patch)) return;
  throw new JobError(
    'bug',
    `job ${jobId}: a delivery is stored with a job's end, and this change ends nothing`,
  );
}

/**
 * The words that a list is searched for; `null` where it is not.
 *
 * @throws JobError `invalid_request` for a text without a word, or with too many
 */
export function searchOf({ search }: Pick<JobFilter, 'search'>): readonly SearchWord[] | null {
  if (search === undefined) return null;
  const words = searchWords(search);
  if (words !== null) return words;
  const shown = JSON.stringify(search.slice(0, MAX_SEARCH_CHARS).toWellFormed());
  throw new JobError(
    'invalid_request',
    `search: ${shown} is not allowed (1 to ${MAX_SEARCH_WORDS} words in at most ${MAX_SEARCH_CHARS} characters, ${MIN_BEGINNING_CHARS} or more before a *)`,
    {
      hint: 'give words of the task, the repository, the branch or the id, for example: rounding shop disc*',
    },
  );
}

/** Lower case of the letters that every store knows. */
export function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function isSame(has: unknown, wanted: string): boolean {
  return typeof has === 'string' && asciiLower(has) === asciiLower(wanted);
}

/** Whether a job is one of a session: one that names it, or the first of it. */
function isOfSession(job: Job, sessionId: string): boolean {
  return firstOf(sessionId) === null ? job.request.session_id === sessionId : sessionOf(job) === sessionId;
}

/** Whether a job is a run of a pipeline. */
export function isRun({ request }: Pick<Job, 'request'>): boolean {
  return request.pipeline !== undefined;
}

/**
 * Whether a change takes up a job that waited for a person. What was decided before it a run finds when it looks, so it
 * wakes it no more; what is decided from then on does, even where it comes just before the run waits again. A claim alone
 * does not count: who dies or gives it back before this change has looked at nothing.
 */
export function isTakenUp(before: Job, after: Job): boolean {
  return before.status === 'needs_input' && after.status === 'running';
}

/** Whether a list shows a job, but for the filter's cursor. */
export function isListed(job: Job, filter: JobFilter): boolean {
  const { status, repo, userId, sessionId, pullUrl, about, pipelineId, stepsOf, since, until } = filter;
  const { issue, trigger, pipeline, step } = job.request;
  const words = searchOf(filter);
  return (
    (words === null || isFound(wordsOfJob(job), words)) &&
    (status === undefined || job.status === status) &&
    (repo === undefined || job.request.repo === repo) &&
    (userId === undefined || job.request.user_id === userId) &&
    (sessionId === undefined || isOfSession(job, sessionId)) &&
    (pullUrl === undefined || isSame(job.result?.pr_url, pullUrl)) &&
    (about === undefined || isSame(issue ?? trigger?.about, about)) &&
    (pipelineId === undefined || pipeline?.pipeline_id === pipelineId) &&
    (filter.agent === undefined || job.request.agent === filter.agent) &&
    (since === undefined || createdMs(job) >= timeMs(since, 'since')) &&
    (until === undefined || createdMs(job) < timeMs(until, 'until')) &&
    (filter.isStep === undefined || (step !== undefined) === filter.isStep) &&
    (filter.isRun === undefined || isRun(job) === filter.isRun) &&
    (stepsOf === undefined || step?.run === stepsOf)
  );
}

/** Whether a change ends a job, which must survive a power failure. */
export function endsJob(patch: JobPatch): boolean {
  return patch.status !== undefined && isTerminal(patch.status);
}

/** The error of a job that is not there. */
export function noSuchJob(jobId: string): JobError {
  return notFound('job', jobId);
}

/** The error of a job id that is taken. */
export function jobExists(jobId: string): JobError {
  return new JobError('conflict', `job ${JSON.stringify(jobId)} exists already`, {
    hint: 'take a new job id',
  });
}
