/** Runs of a workflow: started once for a job, found again by the job's id in their names, read and stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { JobError } from '../../../job/error.ts';
import type { Dispatch, WorkflowRun, Workflows } from '../../forge.ts';
import { allPages, PAGE, again, asJobError, once, sayingOf, statusOf, type Ask } from '../client.ts';
import { readJobLog } from '../conversation/log.ts';
import { repoOf, type RepoName } from '../names.ts';

/** Pages of runs that are read, of a hundred each. */
const MAX_PAGES = 5;
/** Looks for a run that may have been started: GitHub lists one some seconds after it took the request. */
const SETTLE_LOOKS = 5;
/** A clock that is ahead of GitHub's must not hide a run. */
const SKEW_MS = 10 * 60_000;
/** Jobs of a run whose logs are read. */
const MAX_LOGS = 3;

/** What of a run is looked at. */
interface RunJson {
  readonly id: number | bigint;
  readonly html_url: string;
  readonly display_title?: string | undefined;
  readonly status: string | null;
  readonly conclusion: string | null;
}

/**
 * The job that a run's name tells of: the first one, for what follows may be the words of whoever asked.
 *
 * @param title as `run-name` makes it
 */
export function jobInTitle(title: string): string | null {
  return /(?:^|[^\w-])(job-[0-9a-f]{12})(?![\w-])/.exec(title)?.[1] ?? null;
}

function runOf({ id, html_url: url, display_title: title = '', status, conclusion }: RunJson): WorkflowRun {
  return {
    id: Number(id),
    url,
    jobId: jobInTitle(title),
    status: status === 'completed' ? 'ended' : status === 'in_progress' ? 'running' : 'waiting',
    conclusion,
  };
}

/** What a person can do about a dispatch that was refused. */
function refusedDispatch(error: unknown, { owner, name }: RepoName, file: string): unknown {
  const status = statusOf(error);
  const what = `start ${file} in ${owner}/${name}`;
  const hints: Readonly<Record<number, string>> = {
    403: 'give the token Actions (read and write) on runner_repo, or the classic scope repo',
    404: `check runner_repo and runner_workflow: ${file} must be on its default branch, and the token must see it`,
    422: `check that ${file} is the workflow for agent-runner: it takes workflow_dispatch with the inputs fork_repo, upstream_repo, prompt, job_id and callback_url`,
  };
  const hint = hints[status];
  if (hint === undefined || /rate limit/i.test(sayingOf(error))) return error;
  return new JobError('bad_configuration', `GitHub: could not ${what}: ${status} ${sayingOf(error)}`, {
    hint,
  });
}

/** One workflow, and the way to ask about it. */
interface Place {
  readonly ask: Ask;
  readonly at: RepoName;
  readonly file: string;
  readonly signal: AbortSignal;
  readonly pauseMs: number;
}

async function listRuns({ ask, at, file }: Place, since: string): Promise<readonly WorkflowRun[]> {
  const created = `>=${new Date(Date.parse(since) - SKEW_MS).toISOString()}`;
  return allPages(MAX_PAGES, async (paging) => {
    const { data } = await ask('GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs', {
      ...repoOf(at),
      workflow_id: file,
      event: 'workflow_dispatch',
      created,
      ...paging,
    });
    return data.workflow_runs.map(runOf);
  });
}

async function readRun({ ask, at }: Place, id: number): Promise<WorkflowRun | null> {
  return ask('GET /repos/{owner}/{repo}/actions/runs/{run_id}', { ...repoOf(at), run_id: id }).then(
    ({ data }) => runOf(data),
    (error: unknown) => {
      if (statusOf(error) === 404) return null;
      throw asJobError(error, `read the run ${id}`, 'repo_unusable');
    },
  );
}

/** The run of a job that was asked for: looked for again and again, for it may not be listed yet. */
async function settled(place: Place, jobId: string, since: string): Promise<WorkflowRun | null> {
  for (let look = 1; ; look++) {
    const run = (await listRuns(place, since)).find((one) => one.jobId === jobId);
    if (run !== undefined) return run;
    if (look >= SETTLE_LOOKS) return null;
    await sleep(place.pauseMs, undefined, { signal: place.signal });
  }
}

/** Asks for a run. @returns its id where the server tells it */
async function start(
  { ask, at, file }: Place,
  ref: string,
  inputs: Readonly<Record<string, string>>,
): Promise<number | null> {
  const route = 'POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches';
  const request = { ...repoOf(at), workflow_id: file, ref, inputs: { ...inputs } };
  const answer = await ask(route, { ...request, return_run_details: true }).catch((error: unknown) => {
    // Older servers know no such field, and take nothing with it.
    if (statusOf(error) === 422 && /return_run_details|permitted key/i.test(sayingOf(error)))
      return ask(route, request);
    throw error;
  });
  const data = answer.data as { readonly workflow_run_id?: number } | undefined;
  return data?.workflow_run_id ?? null;
}

async function dispatch(place: Place, request: Dispatch): Promise<WorkflowRun | null> {
  const { ask, at, file, signal } = place;
  const { jobId, ref, inputs, onAsk } = request;
  let since = request.askedAt;
  const find = async (): Promise<{ readonly run: WorkflowRun | null } | null> => {
    const run = since === null ? null : await settled(place, jobId, since);
    return run === null ? null : { run };
  };
  const make = async (): Promise<{ readonly run: WorkflowRun | null }> => {
    const from = ref ?? (await ask('GET /repos/{owner}/{repo}', repoOf(at))).data.default_branch;
    await onAsk();
    since ??= new Date().toISOString();
    const id = await start(place, from, inputs);
    return { run: id === null ? await settled(place, jobId, since) : await readRun(place, id) };
  };
  const { value } = await once(find, make, { signal, pauseMs: place.pauseMs }).catch((error: unknown) => {
    throw asJobError(refusedDispatch(error, at, file), `start ${file}`, 'repo_unusable');
  });
  return value.run;
}

async function cancelRun({ ask, at, signal }: Place, id: number): Promise<void> {
  const stop = { ...repoOf(at), run_id: id };
  const route = 'POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel';
  await again(() => ask(route, stop), signal).catch((error: unknown) => {
    // It has ended, or is gone.
    if (statusOf(error) !== 409 && statusOf(error) !== 404)
      throw asJobError(error, `cancel the run ${id}`, 'repo_unusable');
  });
}

async function failuresOf(place: Place, id: number): ReturnType<Workflows['failures']> {
  const { ask, at, signal } = place;
  const route = 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs';
  const which = { ...repoOf(at), run_id: id, filter: 'latest', per_page: PAGE } as const;
  const { data } = await ask(route, which).catch((error: unknown) => {
    throw asJobError(error, `read the jobs of the run ${id}`, 'repo_unusable');
  });
  const failed = data.jobs.filter(({ conclusion }) => conclusion === 'failure' || conclusion === 'timed_out');
  return Promise.all(
    failed.slice(0, MAX_LOGS).map(async (job) => {
      return { name: job.name.slice(0, 200), log: await readJobLog(ask, at, Number(job.id), signal) };
    }),
  );
}

/**
 * Makes the runs of a workflow.
 *
 * @param file name of its file in `.github/workflows`
 * @param options.pauseMs milliseconds between two looks for a run that may be there
 */
export function createWorkflows(
  connect: () => Promise<Ask>,
  at: RepoName,
  file: string,
  options: Pick<Place, 'signal' | 'pauseMs'>,
): Workflows {
  let client: Promise<Ask> | null = null;
  const place = async (): Promise<Place> => ({ ask: await (client ??= connect()), at, file, ...options });
  const refuse = (error: unknown): never => {
    throw asJobError(error, `list the runs of ${file} in ${at.owner}/${at.name}`, 'repo_unusable');
  };
  return {
    dispatch: async (request) => dispatch(await place(), request),
    find: async (jobId, askedAt) => settled(await place(), jobId, askedAt).catch(refuse),
    list: async (since) => listRuns(await place(), since).catch(refuse),
    read: async (id) => readRun(await place(), id),
    cancel: async (id) => cancelRun(await place(), id),
    failures: async (id) => failuresOf(await place(), id),
  };
}
