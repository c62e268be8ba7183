/** How the checks of a commit stand: check runs and statuses as one, with what those that failed wrote. */
import { createHash } from 'node:crypto';
import type { Checks, FailedCheck } from '../../forge.ts';
import { statusOf, type Ask } from '../client.ts';
import { repoOf, type RepoName } from '../names.ts';
import { OWN_CHECK } from './happened.ts';
import { readJobLog } from './log.ts';

/**
 * What counts as failed. Not: `cancelled`, which a newer push or a person did; `action_required`, which waits for a
 * person and which no change mends; `stale`, which GitHub gave up.
 */
const FAILED: ReadonlySet<string> = new Set(['failure', 'timed_out', 'startup_failure']);
/** What is still to come by itself; `waiting` is for a person, which may take days. */
const PENDING: ReadonlySet<string> = new Set(['queued', 'in_progress', 'requested', 'pending']);

const PAGE = 100;
const MAX_PAGES = 5;
/** Failed checks that are told of, and of them those whose logs are read. */
const MAX_FAILED = 50;
const MAX_LOGS = 10;
const MAX_ANNOTATIONS = 30;
const MAX_SUMMARY_CHARS = 16 * 1024;
/** The app that runs workflows; the id of a check of its is that of the job. */
const ACTIONS = 'github-actions';

/** What counts of a check run. */
interface Run {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly html_url: string | null;
  readonly output: {
    readonly title: string | null;
    readonly summary: string | null;
    readonly text: string | null;
    readonly annotations_count: number;
  };
  readonly app: { readonly slug?: string | undefined } | null;
}

async function listRuns(ask: Ask, repo: RepoName, sha: string): Promise<readonly Run[]> {
  const all: Run[] = [];
  for (let page = 1; page <= MAX_PAGES; page++) {
    const { data } = await ask('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', {
      ...repoOf(repo),
      ref: sha,
      filter: 'latest',
      per_page: PAGE,
      page,
    });
    all.push(...data.check_runs.map((run) => ({ ...run, id: Number(run.id) })));
    if (data.check_runs.length < PAGE) break;
  }
  return all.filter(({ name }) => name !== OWN_CHECK);
}

/** Whether a workflow goes on: its next job is no check before the one it needs has ended. */
async function isWorking(ask: Ask, repo: RepoName, sha: string): Promise<boolean> {
  const route = 'GET /repos/{owner}/{repo}/actions/runs';
  return ask(route, { ...repoOf(repo), head_sha: sha, per_page: PAGE }).then(
    ({ data }) => data.workflow_runs.some(({ status }) => PENDING.has(status ?? '')),
    (error: unknown) => {
      // Without the right to see workflows, their checks must do.
      if ([403, 404].includes(statusOf(error))) return false;
      throw error;
    },
  );
}

async function annotationsOf(ask: Ask, repo: RepoName, { id, output }: Run): Promise<string> {
  if (output.annotations_count === 0) return '';
  const route = 'GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations';
  return ask(route, { ...repoOf(repo), check_run_id: id, per_page: MAX_ANNOTATIONS }).then(
    ({ data }) =>
      data
        .map((one) => `${one.path}:${one.start_line}: ${[one.title, one.message].filter(Boolean).join(': ')}`)
        .join('\n'),
    (error: unknown) => {
      if ([403, 404].includes(statusOf(error))) return '';
      throw error;
    },
  );
}

async function tellRun(
  ask: Ask,
  repo: RepoName,
  run: Run,
  how: { readonly isRead: boolean; readonly signal: AbortSignal },
): Promise<FailedCheck> {
  const { title, summary, text } = run.output;
  const annotations = how.isRead ? await annotationsOf(ask, repo, run) : '';
  const isJob = how.isRead && run.app?.slug === ACTIONS;
  const said = [title ?? '', summary ?? '', text ?? '', annotations].filter((part) => part.trim() !== '');
  return {
    name: run.name,
    url: run.html_url,
    summary: said.join('\n\n').slice(0, MAX_SUMMARY_CHARS) || `it ended as ${run.conclusion ?? 'failed'}`,
    log: isJob ? await readJobLog(ask, repo, run.id, how.signal) : null,
  };
}

/** Names a state of checks, by those that failed: a success that is said again is no other state. */
function nameOf(sha: string, failed: readonly string[]): string {
  return createHash('sha256')
    .update([sha, ...failed.toSorted()].join('\n'))
    .digest('hex')
    .slice(0, 16);
}

/** How the checks of a commit stand. */
export async function readChecksOf(
  ask: Ask,
  repo: RepoName,
  sha: string,
  signal: AbortSignal,
): Promise<Checks> {
  const at = { ...repoOf(repo), ref: sha };
  const [runs, combined, isRunning] = await Promise.all([
    listRuns(ask, repo, sha),
    ask('GET /repos/{owner}/{repo}/commits/{ref}/status', { ...at, per_page: PAGE }),
    isWorking(ask, repo, sha),
  ]);
  const statuses = combined.data.statuses.filter(({ context }) => context !== OWN_CHECK);
  const red = runs.filter(({ conclusion }) => FAILED.has(conclusion ?? ''));
  const redStatuses = statuses.filter(({ state }) => state === 'failure' || state === 'error');
  const failed: FailedCheck[] = [];
  for (const [index, run] of red.slice(0, MAX_FAILED).entries()) {
    failed.push(await tellRun(ask, repo, run, { isRead: index < MAX_LOGS, signal }));
  }
  for (const { context, description, target_url: url, state } of redStatuses.slice(0, MAX_FAILED)) {
    const summary = (description ?? `it ended as ${state}`).slice(0, MAX_SUMMARY_CHARS);
    failed.push({ name: context, url, summary, log: null });
  }
  return {
    isPending:
      isRunning ||
      runs.some(({ status }) => PENDING.has(status)) ||
      statuses.some(({ state }) => state === 'pending'),
    failed,
    run: nameOf(sha, [...red.map(({ id }) => `check-${id}`), ...redStatuses.map(({ id }) => `status-${id}`)]),
  };
}
