/** A job as it is shown to whoever asks for it: over HTTP, in the library, on a terminal. Pure. */
import type { Executor } from '../elsewhere/executor.ts';
import type { ErrorInfo } from '../error.ts';
import type { GateVerdict } from '../gate.ts';
import type { Job } from '../job.ts';
import { runIdOf } from '../pipeline/run.ts';
import type { Budget, SandboxChoiceName } from '../request.ts';
import type { JobStatus, Outcome } from '../status.ts';

/** What is answered when a job was accepted. */
export interface AcceptedView {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly upstream_repo: string | null;
  readonly fork_repo: string | null;
  readonly branch: string;
}

/** A job as it stands; `docs/api.md` has an example. */
export interface JobView extends AcceptedView {
  readonly outcome: Outcome | null;
  readonly repo: string;
  readonly task: string;
  readonly mode: 'change' | 'ask';
  /** Where it is executed. */
  readonly executor: Executor;
  readonly base: string | null;
  readonly agent: string;
  readonly model: string | null;
  readonly sandbox: SandboxChoiceName;
  readonly draft: boolean;
  readonly priority: number;
  readonly session_id: string | null;
  /** The job whose request it repeats. */
  readonly retry_of: string | null;
  /** What it may spend. */
  readonly budget: Budget;
  /** The run of a pipeline that it is, or, where `step` says which of its steps it does, that it belongs to. */
  readonly run_id: string | null;
  readonly step: string | null;
  /** The issue or pull request that it was asked for on, as `owner/name#12`. */
  readonly about: string | null;
  readonly user_id: string | null;
  readonly pr_url: string | null;
  /** What the gate said of its change last; `null` before the end, and where nothing was judged. */
  readonly gate_verdict: GateVerdict | null;
  /** What it has cost; `null` before the end, and where nobody knows. */
  readonly total_cost: number | null;
  readonly attempt: number;
  readonly question: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly error: ErrorInfo | null;
}

/** A step of a job's procedure, done or begun. */
export interface StepView {
  /** Its name and occurrence, like `build-2`. */
  readonly key: string;
  readonly done: boolean;
  readonly tries: number;
}

function runOf({ job_id: id, request: { pipeline, step } }: Job): string | null {
  if (pipeline !== undefined) return runIdOf(id);
  return step === undefined ? null : runIdOf(step.run);
}

/** What `GET /api/jobs/{job_id}` answers. */
export function viewOf(job: Job): JobView {
  const { request, result } = job;
  return {
    job_id: job.job_id,
    status: job.status,
    outcome: job.outcome,
    repo: request.repo,
    task: request.task,
    mode: request.mode,
    executor: request.executor ?? 'local',
    base: request.base,
    agent: request.agent,
    model: request.model,
    sandbox: request.sandbox,
    draft: request.draft,
    priority: request.priority ?? 0,
    session_id: request.session_id ?? null,
    retry_of: request.retry_of ?? null,
    budget: request.budget,
    run_id: runOf(job),
    step: request.step?.name ?? null,
    about: request.issue ?? request.trigger?.about ?? null,
    user_id: request.user_id,
    branch: job.branch,
    upstream_repo: result?.upstream_repo ?? null,
    fork_repo: result?.fork_repo ?? null,
    pr_url: result?.pr_url ?? null,
    gate_verdict: result?.gate.verdict ?? null,
    total_cost: result?.total_cost ?? null,
    attempt: job.attempt,
    question: job.question,
    created_at: job.created_at,
    updated_at: job.updated_at,
    started_at: job.started_at,
    finished_at: job.finished_at,
    error: result?.error ?? null,
  };
}

/**
 * What is answered when a job was accepted.
 *
 * @param forked where its branch will be, by full names, where that is known
 */
export function acceptedView(
  job: Job,
  forked: { readonly upstream: string; readonly fork: string } | null = null,
): AcceptedView {
  const { job_id, status, upstream_repo, fork_repo, branch } = viewOf(job);
  if (forked === null) return { job_id, status, upstream_repo, fork_repo, branch };
  const { upstream, fork } = forked;
  return { job_id, status, upstream_repo: upstream, fork_repo: fork === upstream ? null : fork, branch };
}

/** A step as it is stored, without what it came to. */
export function stepView(step: {
  readonly key: string;
  readonly result: unknown;
  readonly tries: number;
}): StepView {
  return { key: step.key, done: step.result !== null, tries: step.tries };
}
