/** A job as programs see it: camelCase names, and its JSON in the words of the API. */
import type { Executor } from '../job/elsewhere/executor.ts';
import type { ErrorInfo } from '../job/error.ts';
import type { JobStatus, Outcome } from '../job/status.ts';
import type { JobView } from '../job/view/view.ts';

/** A job as it stood when it was asked for; it does not change by itself. */
export interface Job {
  readonly jobId: string;
  readonly status: JobStatus;
  /** How it ended; `null` before. */
  readonly outcome: Outcome | null;
  /** The repository that it is about. */
  readonly upstreamRepo: string;
  /** The fork that it was proposed from; `null` where there is none. */
  readonly forkRepo: string | null;
  readonly branch: string;
  /** Where it is executed: `local`, or by a workflow (`github-actions`). */
  readonly executor: Executor;
  /** The pull request; `null` where none was opened. */
  readonly prUrl: string | null;
  /** Why it did not succeed, in words; `null` where nothing went wrong. */
  readonly error: string | null;
  readonly errorDetail: ErrorInfo | null;
  readonly prompt: string;
  /** What a person is asked while the status is `needs_input`. */
  readonly question: string | null;
  readonly sessionId: string | null;
  readonly userId: string | null;
  /** RFC 3339, UTC; so are the others. */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  toJSON(): JobJson;
}

/** A job's JSON: the view of the API, with `error` in words. */
export type JobJson = Omit<JobView, 'error' | 'upstream_repo'> & {
  readonly upstream_repo: string;
  readonly error: string | null;
  readonly error_detail: ErrorInfo | null;
};

/** Makes it of the view of the API. */
export function jobOf(view: JobView): Job {
  const upstream = view.upstream_repo ?? view.repo;
  return {
    jobId: view.job_id,
    status: view.status,
    outcome: view.outcome,
    upstreamRepo: upstream,
    forkRepo: view.fork_repo,
    branch: view.branch,
    executor: view.executor,
    prUrl: view.pr_url,
    error: view.error?.message ?? null,
    errorDetail: view.error,
    prompt: view.task,
    question: view.question,
    sessionId: view.session_id,
    userId: view.user_id,
    createdAt: view.created_at,
    updatedAt: view.updated_at,
    startedAt: view.started_at,
    finishedAt: view.finished_at,
    toJSON: () => ({
      ...view,
      upstream_repo: upstream,
      error: view.error?.message ?? null,
      error_detail: view.error,
    }),
  };
}
