/** Workflows, their runs and jobs, as GitHub shows them. */
import type { Core } from '../state/core.ts';
import type { Repository, WorkflowJob, WorkflowRun } from '../state/model.ts';
import type { Commit } from '../git/history.ts';
import type { Json } from '../http/route.ts';
import { nodeId, simpleUser } from './accounts.ts';
import { simpleCommit } from './checks.ts';
import { listedRepository, repoApi, repoHtml } from './repositories.ts';

/** A workflow's id, which follows from its path, so that it needs no memory. */
export function workflowId(repository: Repository, path: string): number {
  let hash = repository.id;
  for (const char of path) hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) >>> 0;
  return hash;
}

/** `workflow`. */
export function workflowJson(core: Core, repository: Repository, path: string): Json {
  const id = workflowId(repository, path);
  const file = path.split('/').at(-1) ?? '';
  return {
    id,
    node_id: nodeId('Workflow', id),
    name: file,
    path,
    state: 'active',
    created_at: repository.createdAt,
    updated_at: repository.createdAt,
    url: repoApi(core, repository, `/actions/workflows/${id}`),
    html_url: repoHtml(core, repository, `/blob/${repository.defaultBranch}/${path}`),
    badge_url: repoHtml(core, repository, `/workflows/${file}/badge.svg`),
  };
}

/** `workflow-run`. */
export function runJson(core: Core, repository: Repository, run: WorkflowRun, head: Commit | null): Json {
  const at = repoApi(core, repository, `/actions/runs/${run.id}`);
  const id = workflowId(repository, run.workflowPath);
  return {
    id: run.id,
    node_id: nodeId('WorkflowRun', run.id),
    name: run.workflowPath.split('/').at(-1) ?? '',
    display_title: run.title,
    head_branch: run.headBranch,
    head_sha: run.headSha,
    path: run.workflowPath,
    run_number: run.number,
    run_attempt: run.attempt,
    previous_attempt_url: null,
    event: run.event,
    status: run.status,
    conclusion: run.conclusion,
    workflow_id: id,
    url: at,
    html_url: repoHtml(core, repository, `/actions/runs/${run.id}`),
    pull_requests: [],
    created_at: run.createdAt,
    updated_at: run.updatedAt,
    run_started_at: run.createdAt,
    actor: simpleUser(core, run.login),
    triggering_actor: simpleUser(core, run.login),
    jobs_url: `${at}/jobs`,
    logs_url: `${at}/logs`,
    check_suite_id: run.id,
    check_suite_node_id: nodeId('CheckSuite', run.id),
    check_suite_url: repoApi(core, repository, `/check-suites/${run.id}`),
    artifacts_url: `${at}/artifacts`,
    cancel_url: `${at}/cancel`,
    rerun_url: `${at}/rerun`,
    workflow_url: repoApi(core, repository, `/actions/workflows/${id}`),
    head_commit: head === null ? null : simpleCommit(head),
    repository: listedRepository(core, repository),
    head_repository: listedRepository(core, repository),
  };
}

/** `job`. */
export function jobJson(core: Core, repository: Repository, run: WorkflowRun, job: WorkflowJob): Json {
  const at = repoApi(core, repository, `/actions/jobs/${job.id}`);
  return {
    id: job.id,
    run_id: run.id,
    run_url: repoApi(core, repository, `/actions/runs/${run.id}`),
    node_id: nodeId('CheckRun', job.id),
    head_sha: run.headSha,
    head_branch: run.headBranch,
    url: at,
    html_url: repoHtml(core, repository, `/actions/runs/${run.id}/job/${job.id}`),
    status: job.status,
    conclusion: job.conclusion,
    created_at: run.createdAt,
    started_at: run.createdAt,
    completed_at: job.status === 'completed' ? run.updatedAt : null,
    name: job.name,
    steps: [],
    check_run_url: repoApi(core, repository, `/check-runs/${job.id}`),
    labels: ['ubuntu-latest'],
    runner_id: null,
    runner_name: null,
    runner_group_id: null,
    runner_group_name: null,
    workflow_name: run.workflowPath.split('/').at(-1) ?? '',
  };
}
