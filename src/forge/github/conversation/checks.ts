/** How the checks of a commit stand: check runs and statuses as one, with what those that failed wrote. */
import { createHash } from 'node:crypto';
import { JobError } from '../../../job/error.ts';
import type { Checks, FailedCheck } from '../../forge.ts';
import { allPages, PAGE, isLimit, statusOf, type Ask } from '../client.ts';
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

/** Resolves with nothing where the right to see it is missing. */
async function orClosed<T>(asked: Promise<T>): Promise<T | null> {
  return asked.catch((error: unknown) => {
    if ([403, 404].includes(statusOf(error)) && !isLimit(error)) return null;
    throw error;
  });
}

async function listRuns(ask: Ask, repo: RepoName, sha: string): Promise<readonly Run[]> {
  return allPages(MAX_PAGES, async (at) => {
    const { data } = await ask('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', {
      ...repoOf(repo),
      ref: sha,
      filter: 'latest',
      ...at,
    });
    return data.check_runs.map((run) => ({ ...run, id: Number(run.id) }));
  });
}

/** What counts of a run of a workflow. */
interface Work {
  readonly id: number;
  readonly status: string | null;
  readonly conclusion: string | null;
}

async function listWork(ask: Ask, repo: RepoName, sha: string): Promise<readonly Work[]> {
  const route = 'GET /repos/{owner}/{repo}/actions/runs';
  const { data } = await ask(route, { ...repoOf(repo), head_sha: sha, per_page: PAGE });
  return data.workflow_runs.map((run) => ({ ...run, id: Number(run.id) }));
}

/** The jobs of workflows that failed, as checks: GitHub gives no fine-grained token the right to see checks. */
async function jobsOf(ask: Ask, repo: RepoName, work: readonly Work[]): Promise<readonly Run[]> {
  const found: Run[] = [];
  for (const { id } of work.filter(({ conclusion }) => FAILED.has(conclusion ?? '')).slice(0, MAX_LOGS)) {
    const route = 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs';
    const { data } = await ask(route, { ...repoOf(repo), run_id: id, filter: 'latest', per_page: PAGE });
    const output = { title: null, summary: null, text: null, annotations_count: 0 };
    found.push(...data.jobs.map((job) => ({ ...job, id: Number(job.id), output, app: { slug: ACTIONS } })));
  }
  return found;
}

async function annotationsOf(ask: Ask, repo: RepoName, { id, output }: Run): Promise<string> {
  if (output.annotations_count === 0) return '';
  const route = 'GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations';
  const asked = ask(route, { ...repoOf(repo), check_run_id: id, per_page: MAX_ANNOTATIONS });
  const lines = (await orClosed(asked))?.data.map(
    (one) => `${one.path}:${one.start_line}: ${[one.title, one.message].filter(Boolean).join(': ')}`,
  );
  return lines?.join('\n') ?? '';
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

function closedTo({ owner, name }: RepoName): JobError {
  return new JobError(
    'repo_unusable',
    `GitHub: neither checks nor workflows of ${owner}/${name} may be seen`,
    {
      hint: 'give the App Checks and Actions (read), a fine-grained token Actions (read), or a classic one the scope repo',
    },
  );
}

/** How the checks of a commit stand. */
export async function readChecksOf(
  ask: Ask,
  repo: RepoName,
  sha: string,
  signal: AbortSignal,
): Promise<Checks> {
  const at = { ...repoOf(repo), ref: sha };
  const [checked, combined, work] = await Promise.all([
    orClosed(listRuns(ask, repo, sha)),
    ask('GET /repos/{owner}/{repo}/commits/{ref}/status', { ...at, per_page: PAGE }),
    orClosed(listWork(ask, repo, sha)),
  ]);
  if (checked === null && work === null) throw closedTo(repo);
  const all = checked ?? (await jobsOf(ask, repo, work ?? []));
  const runs = all.filter(({ name }) => name !== OWN_CHECK);
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
      // The next job of a workflow is no check before the one it needs has ended.
      (work ?? []).some(({ status }) => PENDING.has(status ?? '')) ||
      runs.some(({ status }) => PENDING.has(status)) ||
      statuses.some(({ state }) => state === 'pending'),
    failed,
    run: nameOf(sha, [...red.map(({ id }) => `check-${id}`), ...redStatuses.map(({ id }) => `status-${id}`)]),
  };
}
