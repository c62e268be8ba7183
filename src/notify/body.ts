/** What a callback says of a job. Pure. */
import type { ErrorInfo } from '../job/error.ts';
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

/** What is told of a job that ended: its result, or of one that ran elsewhere what is known of it. */
interface Told extends Omit<Partial<CallbackBody>, 'error' | 'error_detail'> {
  readonly job_id: string;
  readonly status: JobStatus;
  /** In words alone where nothing else is known. */
  readonly error: ErrorInfo | string | null;
}

/** The callback's body of a job that ended. */
export function callbackBody(told: Told): CallbackBody {
  const { error } = told;
  const detail =
    error === null || typeof error === 'string'
      ? null
      : { ...error, message: cut(error.message), hint: error.hint === null ? null : cut(error.hint) };
  return {
    job_id: told.job_id,
    status: told.status,
    outcome: told.outcome ?? null,
    pr_url: told.pr_url ?? null,
    upstream_repo: told.upstream_repo ?? null,
    fork_repo: told.fork_repo ?? null,
    branch: told.branch ?? null,
    error: typeof error === 'string' ? cut(error) : (detail?.message ?? null),
    error_detail: detail,
    total_cost: told.total_cost ?? null,
    total_tokens_in: told.total_tokens_in ?? null,
    total_tokens_out: told.total_tokens_out ?? null,
  };
}
