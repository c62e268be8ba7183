/** A job as the API shows it. */
import type { Job } from '../../job/job.ts';
import type { AcceptedView, JobView } from './schema.ts';

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
    base: request.base,
    agent: request.agent,
    model: request.model,
    sandbox: request.sandbox,
    draft: request.draft,
    priority: request.priority ?? 0,
    session_id: request.session_id ?? null,
    user_id: request.user_id,
    branch: job.branch,
    upstream_repo: result?.upstream_repo ?? null,
    fork_repo: result?.fork_repo ?? null,
    pr_url: result?.pr_url ?? null,
    attempt: job.attempt,
    question: job.question,
    created_at: job.created_at,
    updated_at: job.updated_at,
    started_at: job.started_at,
    finished_at: job.finished_at,
    error: result?.error ?? null,
  };
}

/** What is answered when a job was accepted. */
export function acceptedView(job: Job): AcceptedView {
  const { job_id, status, upstream_repo, fork_repo, branch } = viewOf(job);
  return { job_id, status, upstream_repo, fork_repo, branch };
}
