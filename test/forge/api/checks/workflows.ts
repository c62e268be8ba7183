/** Actions: workflows are files of the repository; a dispatch makes a run, which a test's hook moves on. */
import { folderOf, newId, now, type Core } from '../../state/core.ts';
import type { Repository, WorkflowRun } from '../../state/model.ts';
import { blobBase64, commit, entriesAt } from '../../git/history.ts';
import { readRef } from '../../git/refs.ts';
import { jobJson, runJson, workflowId, workflowJson } from '../../json/workflows.ts';
import { notFound, Refusal } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { checkJobs } from './check-runs.ts';
import { parse } from 'yaml';

const READ = { permission: ['actions', 'read'] } as const;
const WRITE = { permission: ['actions', 'write'], role: 'write' } as const;
const AT = '/repos/{owner}/{repo}/actions';
const FOLDER = '.github/workflows';
const MAX_INPUTS = 25;
/** Of all inputs together. */
const MAX_INPUT_CHARS = 65_535;

async function paths(core: Core, repository: Repository, ref: string): Promise<readonly string[]> {
  const sha = await readRef(folderOf(core, repository), `refs/heads/${ref}`);
  if (sha === null) return [];
  const found = await entriesAt(folderOf(core, repository), sha, FOLDER);
  return (found?.children ?? []).map((entry) => entry.path).filter((path) => /\.ya?ml$/.test(path));
}

/** The workflow that an id or a file name means, on the default branch: GitHub knows no others. */
async function workflowOf({ core, repository, params }: Call): Promise<string> {
  const wanted = params['workflow_id'] ?? '';
  const found = (await paths(core, repository, repository.defaultBranch)).find(
    (path) => path === `${FOLDER}/${wanted}` || String(workflowId(repository, path)) === wanted,
  );
  if (found === undefined) throw notFound();
  return found;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)[name]
    : undefined;
}

/** Checks the inputs of a dispatch. @returns the name that the run gets */
async function checkInputs(
  { core, repository }: Call,
  path: string,
  sha: string,
  inputs: Json,
): Promise<string> {
  const folder = folderOf(core, repository);
  const entry = (await entriesAt(folder, sha, path))?.self;
  if (!entry) throw new Refusal(422, `Workflow ${path} not found`);
  const text = Buffer.from(await blobBase64(folder, entry.sha), 'base64').toString('utf8');
  const workflow: unknown = parse(text);
  const on = field(workflow, 'on');
  const dispatched =
    on === 'workflow_dispatch' ||
    (Array.isArray(on) && on.includes('workflow_dispatch')) ||
    (typeof on === 'object' && on !== null && 'workflow_dispatch' in on);
  if (!dispatched) throw new Refusal(422, "Workflow does not have 'workflow_dispatch' trigger");
  const declared = field(field(on, 'workflow_dispatch'), 'inputs');
  const names = typeof declared === 'object' && declared !== null ? Object.keys(declared) : [];
  const unknown = Object.keys(inputs).filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Refusal(422, `Unexpected inputs provided: ${JSON.stringify(unknown)}`);
  const chars = JSON.stringify(inputs).length;
  if (chars > MAX_INPUT_CHARS) throw new Refusal(422, `inputs are too large: ${chars} characters`);
  if (Object.keys(inputs).length > MAX_INPUTS)
    throw new Refusal(422, `you may only define up to ${MAX_INPUTS} inputs`);
  for (const name of names) {
    if (field(field(declared, name), 'required') === true && !(name in inputs)) {
      throw new Refusal(422, `Required input '${name}' not provided`);
    }
  }
  const title = [field(workflow, 'run-name'), field(workflow, 'name')].find((one) => typeof one === 'string');
  return (title ?? path).replace(/\$\{\{\s*(?:github\.event\.)?inputs\.(\w+)\s*\}\}/g, (_, input: string) => {
    const value = inputs[input];
    return typeof value === 'string' ? value : '';
  });
}

async function announce(core: Core, repository: Repository, run: WorkflowRun, action: string): Promise<void> {
  const head = await commit(folderOf(core, repository), run.headSha);
  core.emit(repository, 'workflow_run', {
    action,
    workflow: workflowJson(core, repository, run.workflowPath),
    workflow_run: runJson(core, repository, run, head),
    sender: run.login,
  });
}

async function dispatch(call: Call): Promise<WorkflowRun> {
  const { core, repository, body, login } = call;
  const path = await workflowOf(call);
  const ref = textOf(body, 'ref').replace(/^refs\/heads\//, '');
  const sha = await readRef(folderOf(core, repository), `refs/heads/${ref}`);
  if (sha === null) throw new Refusal(422, `No ref found for: ${ref}`);
  const inputs = (body['inputs'] ?? {}) as Json;
  const title = await checkInputs(call, path, sha, inputs);
  const at = now(core);
  const run: WorkflowRun = {
    id: newId(core),
    title,
    number: repository.runs.length + 1,
    workflowPath: path,
    event: 'workflow_dispatch',
    headBranch: ref,
    headSha: sha,
    login,
    inputs,
    createdAt: at,
    updatedAt: at,
    status: 'queued',
    conclusion: null,
    attempt: 1,
    jobs: [],
  };
  repository.runs.push(run);
  await announce(core, repository, run, 'requested');
  core.onRun.value?.(repository, run);
  return run;
}

/** Tells the hooks that a run is over; the test's hook has set its state. */
export async function announceRun(core: Core, repository: Repository, run: WorkflowRun): Promise<void> {
  run.updatedAt = now(core);
  await checkJobs(core, repository, run);
  await announce(core, repository, run, run.status === 'completed' ? 'completed' : 'in_progress');
}

function runOf({ repository, params }: Call): WorkflowRun {
  const run = repository.runs.find((one) => String(one.id) === params['run_id']);
  if (run === undefined) throw notFound();
  return run;
}

async function shown({ core, repository }: Call, run: WorkflowRun): Promise<Json> {
  return runJson(core, repository, run, await commit(folderOf(core, repository), run.headSha));
}

async function list(call: Call, path: string | null): Promise<readonly Json[]> {
  const { query, repository } = call;
  const is = (name: string, value: string | null): boolean =>
    query.get(name) === null || query.get(name) === value;
  const found = repository.runs
    .filter((run) => path === null || run.workflowPath === path)
    .filter(
      (run) =>
        is('branch', run.headBranch) &&
        is('event', run.event) &&
        is('head_sha', run.headSha) &&
        is('actor', run.login),
    )
    .filter((run) => is('status', run.status) || is('status', run.conclusion))
    .toReversed();
  return Promise.all(found.map((run) => shown(call, run)));
}

export const WORKFLOW_ROUTES: readonly Route[] = [
  route(`GET ${AT}/workflows`, READ, async ({ core, repository }) => ({
    status: 200,
    list: (await paths(core, repository, repository.defaultBranch)).map((path) =>
      workflowJson(core, repository, path),
    ),
    wrap: 'workflows',
  })),
  route(`GET ${AT}/workflows/{workflow_id}`, READ, async (call) => ({
    status: 200,
    body: workflowJson(call.core, call.repository, await workflowOf(call)),
  })),
  route(`POST ${AT}/workflows/{workflow_id}/dispatches`, WRITE, async (call) => {
    const run = await dispatch(call);
    if (call.body['return_run_details'] !== true) return { status: 204 };
    const { id, url, html_url } = await shown(call, run);
    return { status: 200, body: { workflow_run_id: id, run_url: url, html_url } };
  }),
  route(`GET ${AT}/workflows/{workflow_id}/runs`, READ, async (call) => ({
    status: 200,
    list: await list(call, await workflowOf(call)),
    wrap: 'workflow_runs',
  })),
  route(`GET ${AT}/runs`, READ, async (call) => ({
    status: 200,
    list: await list(call, null),
    wrap: 'workflow_runs',
  })),
  route(`GET ${AT}/runs/{run_id}`, READ, async (call) => ({
    status: 200,
    body: await shown(call, runOf(call)),
  })),
  route(`POST ${AT}/runs/{run_id}/cancel`, WRITE, (call) => {
    const run = runOf(call);
    if (run.status === 'completed') throw new Refusal(409, 'Cannot cancel a workflow run that is completed.');
    run.status = 'completed';
    run.conclusion = 'cancelled';
    run.updatedAt = now(call.core);
    return { status: 202, body: {} };
  }),
  route(`GET ${AT}/runs/{run_id}/jobs`, READ, (call) => {
    const run = runOf(call);
    return {
      status: 200,
      list: run.jobs.map((job) => jobJson(call.core, call.repository, run, job)),
      wrap: 'jobs',
    };
  }),
  route(`GET ${AT}/jobs/{job_id}/logs`, READ, ({ core, repository, params }) => {
    const job = repository.runs.flatMap((run) => run.jobs).find((one) => String(one.id) === params['job_id']);
    if (job === undefined) throw notFound();
    // Logs lie on another host, under a link that needs no token.
    const store = core.url.value.replace('127.0.0.1', 'localhost');
    return { status: 302, headers: { location: `${store}/_logs/${job.id}` } };
  }),
  route(`GET ${AT}/permissions`, { permission: ['administration', 'read'], role: 'admin' }, () => ({
    status: 200,
    body: { enabled: true, allowed_actions: 'all', sha_pinning_required: false },
  })),
];
