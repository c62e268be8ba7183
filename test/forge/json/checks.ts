/** Statuses and checks of commits, as GitHub shows them. */
import type { App, CheckRun, CheckSuite, Repository, Status, StatusState } from '../state/model.ts';
import type { Core } from '../state/core.ts';
import type { Commit } from '../git/history.ts';
import type { Json } from '../http/route.ts';
import { nodeId, simpleUser } from './accounts.ts';
import { appJson } from './apps.ts';
import { listedRepository, repoApi, repoHtml } from './repositories.ts';

function simpleStatus(core: Core, repository: Repository, status: Status): Json {
  return {
    id: status.id,
    node_id: nodeId('StatusContext', status.id),
    url: repoApi(core, repository, `/statuses/${status.sha}`),
    avatar_url: `${core.url.value}/avatars/${status.login}`,
    state: status.state,
    context: status.context,
    description: status.description,
    target_url: status.targetUrl,
    created_at: status.createdAt,
    updated_at: status.createdAt,
  };
}

/** `status`. */
export function statusJson(core: Core, repository: Repository, status: Status): Json {
  return { ...simpleStatus(core, repository, status), creator: simpleUser(core, status.login) };
}

/** The newest status of each context. */
export function latestStatuses(statuses: readonly Status[]): readonly Status[] {
  return [...new Map(statuses.map((one) => [one.context, one])).values()];
}

function combine(statuses: readonly Status[]): StatusState {
  if (statuses.some((one) => one.state === 'failure' || one.state === 'error')) return 'failure';
  return statuses.length === 0 || statuses.some((one) => one.state === 'pending') ? 'pending' : 'success';
}

/** `combined-commit-status`. */
export function combinedStatus(
  core: Core,
  repository: Repository,
  sha: string,
  all: readonly Status[],
): Json {
  const statuses = latestStatuses(all);
  return {
    state: combine(statuses),
    sha,
    total_count: statuses.length,
    statuses: statuses.map((one) => simpleStatus(core, repository, one)),
    repository: listedRepository(core, repository),
    commit_url: repoApi(core, repository, `/commits/${sha}`),
    url: repoApi(core, repository, `/commits/${sha}/status`),
  };
}

/** `check-run`. */
export function checkRunJson(core: Core, repository: Repository, run: CheckRun, app: App): Json {
  const at = repoApi(core, repository, `/check-runs/${run.id}`);
  return {
    id: run.id,
    node_id: nodeId('CheckRun', run.id),
    name: run.name,
    head_sha: run.headSha,
    external_id: run.externalId,
    url: at,
    html_url: repoHtml(core, repository, `/runs/${run.id}`),
    details_url: run.detailsUrl ?? repoHtml(core, repository, `/runs/${run.id}`),
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: {
      title: run.title,
      summary: run.summary,
      text: run.text,
      annotations_count: run.annotations.length,
      annotations_url: `${at}/annotations`,
    },
    check_suite: { id: run.suiteId },
    app: appJson(core, app),
    pull_requests: [],
  };
}

/** `check-annotation`. */
export function annotationJson(core: Core, repository: Repository, run: CheckRun, given: Json): Json {
  const textOf = (name: string): unknown => given[name] ?? null;
  return {
    path: given['path'],
    start_line: given['start_line'],
    end_line: given['end_line'],
    start_column: textOf('start_column'),
    end_column: textOf('end_column'),
    annotation_level: textOf('annotation_level'),
    title: textOf('title'),
    message: textOf('message'),
    raw_details: textOf('raw_details'),
    blob_href: repoHtml(core, repository, `/blob/${run.headSha}/${String(given['path'])}`),
  };
}

/** What a suite's runs come to. */
export function suiteOutcome(runs: readonly CheckRun[]): {
  readonly status: string;
  readonly conclusion: string | null;
} {
  if (runs.some((one) => one.status !== 'completed') || runs.length === 0)
    return { status: 'queued', conclusion: null };
  const bad = runs.find(
    (one) => one.conclusion !== 'success' && one.conclusion !== 'neutral' && one.conclusion !== 'skipped',
  );
  return { status: 'completed', conclusion: bad?.conclusion ?? 'success' };
}

/** `check-suite`. */
export function checkSuiteJson(
  core: Core,
  repository: Repository,
  suite: CheckSuite,
  app: App,
  head: Commit,
): Json {
  const runs = repository.checkRuns.filter((one) => one.suiteId === suite.id);
  const at = repoApi(core, repository, `/check-suites/${suite.id}`);
  return {
    id: suite.id,
    node_id: nodeId('CheckSuite', suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    ...suiteOutcome(runs),
    url: at,
    before: null,
    after: suite.headSha,
    pull_requests: [],
    app: appJson(core, app),
    repository: listedRepository(core, repository),
    created_at: suite.createdAt,
    updated_at: suite.createdAt,
    head_commit: simpleCommit(head),
    latest_check_runs_count: runs.length,
    check_runs_url: `${at}/check-runs`,
  };
}

/** `simple-commit`. */
export function simpleCommit(commit: Commit): Json {
  return {
    id: commit.sha,
    tree_id: commit.tree,
    message: commit.message,
    timestamp: commit.committer.date,
    author: { name: commit.author.name, email: commit.author.email },
    committer: { name: commit.committer.name, email: commit.committer.email },
  };
}
