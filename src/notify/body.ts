/** What a callback says of a job. Pure. */
import type { ErrorInfo } from '../job/error.ts';
import type { JobResult } from '../job/result.ts';
import type { JobStatus, Outcome } from '../job/status.ts';

/** Longest text of an error in a callback, in characters; the job's own result has the whole. */
const MAX_ERROR_CHARS = 4000;

/** The JSON body of a callback. */
export interface CallbackBody {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly outcome: Outcome | null;
  readonly pr_url: string | null;
  readonly upstream_repo: string | null;
  readonly fork_repo: string | null;
  readonly branch: string | null;
  /** The error in words. */
  readonly error: string | null;
  readonly error_detail: ErrorInfo | null;
  readonly total_cost: number | null;
  readonly total_tokens_in: number | null;
  readonly total_tokens_out: number | null;
}

function cut(text: string): string {
  return text.length <= MAX_ERROR_CHARS ? text : `${text.slice(0, MAX_ERROR_CHARS).toWellFormed()}… (cut)`;
}

/** The callback's body of a job that ended. */
export function callbackBody(result: JobResult): CallbackBody {
  const { error } = result;
  const message = error === null ? null : cut(error.message);
  const hint = error === null || error.hint === null ? null : cut(error.hint);
  return {
    job_id: result.job_id,
    status: result.status,
    outcome: result.outcome,
    pr_url: result.pr_url,
    upstream_repo: result.upstream_repo,
    fork_repo: result.fork_repo,
    branch: result.branch,
    error: message,
    error_detail: error === null || message === null ? null : { ...error, message, hint },
    total_cost: result.total_cost,
    total_tokens_in: result.total_tokens_in,
    total_tokens_out: result.total_tokens_out,
  };
}
