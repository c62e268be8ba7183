/** Check runs, which only GitHub Apps write, and the suites that gather them. */
import { folderOf, newId, now, type Core } from '../../state/core.ts';
import type { App, CheckRun, CheckSuite, Repository, WorkflowRun } from '../../state/model.ts';
import { commit } from '../../git/history.ts';
import { listRefs } from '../../git/refs.ts';
import { annotationJson, checkRunJson, checkSuiteJson } from '../../json/checks.ts';
import { repoHtml } from '../../json/repositories.ts';
import { custom, invalid, notFound, Refusal } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { resolveCommit } from '../code/commits.ts';

const READ = { permission: ['checks', 'read'] } as const;
const WRITE = { permission: ['checks', 'write'], role: 'write' } as const;
const MAX_TEXT_CHARACTERS = 65_535;
const MAX_ANNOTATIONS = 50;
const ACTIONS = 'github-actions';

function appOf({ core, actor }: Call): App {
  const id = actor.kind === 'account' ? actor.token.installationId : null;
  const installation = core.state.installations.find((one) => one.id === id);
  const app = core.state.apps.find((one) => one.id === installation?.appId);
  // GitHub's words for a token that isn't an app's.
  if (app === undefined) throw new Refusal(403, 'You must authenticate via a GitHub App.');
  return app;
}

/** The app that runs workflows; GitHub has it from the beginning. */
function actionsApp(core: Core): App {
  const old = core.state.apps.find(({ slug }) => slug === ACTIONS);
  if (old !== undefined) return old;
  const account = { login: `${ACTIONS}[bot]`, type: 'Bot', createdAt: now(core), members: [] } as const;
  core.state.accounts.push({ id: newId(core), ...account, members: [] });
  const app: App = {
    id: newId(core),
    slug: ACTIONS,
    clientId: `Iv1.${ACTIONS}`,
    owner: account.login,
    publicKey: '',
    permissions: { actions: 'write', checks: 'write', contents: 'read' },
  };
  core.state.apps.push(app);
  return app;
}

/** Makes checks of a run's jobs, which have their ids, and tells of those that have ended since. */
export async function checkJobs(core: Core, repository: Repository, run: WorkflowRun): Promise<void> {
  const { id: appId } = actionsApp(core);
  const { headSha, headBranch, createdAt } = run;
  const suiteId = run.id;
  if (!repository.checkSuites.some(({ id }) => id === suiteId))
    repository.checkSuites.push({ id: suiteId, appId, headSha, headBranch, createdAt });
  for (const job of run.jobs) {
    const old = repository.checkRuns.find(({ id }) => id === job.id);
    const check: CheckRun = old ?? {
      id: job.id,
      suiteId,
      appId,
      headSha,
      name: job.name,
      status: 'queued',
      conclusion: null,
      externalId: String(job.id),
      startedAt: now(core),
      completedAt: null,
      title: null,
      summary: null,
      text: null,
      annotations: [],
      detailsUrl: repoHtml(core, repository, `/actions/runs/${run.id}/job/${job.id}`),
    };
    if (old === undefined) repository.checkRuns.push(check);
    const isEnd = check.status !== 'completed' && job.status === 'completed';
    check.status = job.status;
    check.conclusion = job.conclusion;
    check.completedAt = job.status === 'completed' ? (check.completedAt ?? now(core)) : null;
    if (isEnd) await announce({ core, repository, login: run.login }, check, 'completed');
  }
}

function writerOf(core: Core, run: { readonly appId: number }): App {
  const app = core.state.apps.find((one) => one.id === run.appId);
  if (app === undefined) throw notFound();
  return app;
}

async function suiteOf({ core, repository }: Call, app: App, sha: string): Promise<CheckSuite> {
  const refs = await listRefs(folderOf(core, repository), 'refs/heads/');
  const old = repository.checkSuites.find((one) => one.appId === app.id && one.headSha === sha);
  if (old !== undefined) return old;
  const headBranch = refs.find((ref) => ref.sha === sha)?.name.slice('refs/heads/'.length) ?? null;
  const made: CheckSuite = { id: newId(core), appId: app.id, headSha: sha, headBranch, createdAt: now(core) };
  repository.checkSuites.push(made);
  return made;
}

function textOrNull(body: Json, field: string): string | null {
  const value = body[field];
  if (typeof value !== 'string') return null;
  if (value.length > MAX_TEXT_CHARACTERS)
    throw invalid(
      'CheckRun',
      field,
      'custom',
      `Only ${MAX_TEXT_CHARACTERS} characters are allowed; ${value.length} were supplied.`,
    );
  return value;
}

function applyTo(core: Core, run: CheckRun, body: Json): void {
  if (typeof body['name'] === 'string') run.name = body['name'];
  if (typeof body['external_id'] === 'string') run.externalId = body['external_id'];
  if (typeof body['details_url'] === 'string') run.detailsUrl = body['details_url'];
  if (typeof body['status'] === 'string') run.status = body['status'];
  if (typeof body['started_at'] === 'string') run.startedAt = body['started_at'];
  if (typeof body['conclusion'] === 'string') {
    run.conclusion = body['conclusion'];
    run.status = 'completed';
  }
  if (run.status === 'completed') {
    if (run.conclusion === null) throw invalid('CheckRun', 'conclusion', 'missing_field');
    run.completedAt = textOf(body, 'completed_at') || (run.completedAt ?? now(core));
  } else {
    run.conclusion = null;
    run.completedAt = null;
  }
  const output = body['output'];
  if (typeof output !== 'object' || output === null) return;
  const given = output as Json;
  run.title = textOrNull(given, 'title') ?? run.title;
  run.summary = textOrNull(given, 'summary') ?? run.summary;
  run.text = textOrNull(given, 'text') ?? run.text;
  if (Array.isArray(given['annotations'])) {
    if (given['annotations'].length > MAX_ANNOTATIONS)
      throw custom('CheckRun', `Only ${MAX_ANNOTATIONS} annotations may be sent at a time`);
    run.annotations.push(...(given['annotations'] as Json[]));
  }
}

async function announce(
  { core, repository, login }: Pick<Call, 'core' | 'repository' | 'login'>,
  run: CheckRun,
  action: string,
): Promise<void> {
  const app = writerOf(core, run);
  core.emit(repository, 'check_run', {
    action,
    check_run: checkRunJson(core, repository, run, app),
    sender: login,
  });
  const suite = repository.checkSuites.find((one) => one.id === run.suiteId);
  const done = repository.checkRuns
    .filter((one) => one.suiteId === run.suiteId)
    .every((one) => one.status === 'completed');
  const head = await commit(folderOf(core, repository), run.headSha);
  if (suite === undefined || head === null || !done) return;
  const check_suite = checkSuiteJson(core, repository, suite, app, head);
  core.emit(repository, 'check_suite', { action: 'completed', check_suite, sender: login });
}

async function create(call: Call): Promise<Json> {
  const { core, repository, body } = call;
  const app = appOf(call);
  if (textOf(body, 'name') === '') throw invalid('CheckRun', 'name', 'missing_field');
  const found = await resolveCommit(core, repository, textOf(body, 'head_sha'));
  if (found === null) throw new Refusal(422, `No commit found for SHA: ${textOf(body, 'head_sha')}`);
  const suite = await suiteOf(call, app, found.sha);
  const run: CheckRun = {
    id: newId(core),
    suiteId: suite.id,
    appId: app.id,
    headSha: found.sha,
    name: '',
    status: 'queued',
    conclusion: null,
    externalId: '',
    detailsUrl: null,
    startedAt: now(core),
    completedAt: null,
    title: null,
    summary: null,
    text: null,
    annotations: [],
  };
  applyTo(core, run, body);
  repository.checkRuns.push(run);
  await announce(call, run, run.status === 'completed' ? 'completed' : 'created');
  return checkRunJson(core, repository, run, app);
}

function runOf({ repository, params }: Call): CheckRun {
  const run = repository.checkRuns.find((one) => String(one.id) === params['check_run_id']);
  if (run === undefined) throw notFound();
  return run;
}

async function listFor({ core, repository, params, query }: Call): Promise<readonly CheckRun[]> {
  const found = await resolveCommit(core, repository, params['ref'] ?? '');
  if (found === null) throw new Refusal(422, `No commit found for SHA: ${params['ref'] ?? ''}`);
  const [name, status] = [query.get('check_name'), query.get('status')];
  const all = repository.checkRuns
    .filter((one) => one.headSha === found.sha)
    .filter((one) => name === null || one.name === name)
    .filter((one) => status === null || one.status === status)
    .toReversed();
  if (query.get('filter') === 'all') return all;
  // Of runs with one name in one suite the newest counts.
  return [
    ...new Map(all.toReversed().map((one) => [`${one.suiteId} ${one.name}`, one])).values(),
  ].toReversed();
}

async function suites({ core, repository, params }: Call): Promise<readonly Json[]> {
  const found = await resolveCommit(core, repository, params['ref'] ?? '');
  if (found === null) throw notFound();
  return repository.checkSuites
    .filter((one) => one.headSha === found.sha)
    .map((one) => checkSuiteJson(core, repository, one, writerOf(core, one), found));
}

function shown(core: Core, repository: Repository, run: CheckRun): Json {
  return checkRunJson(core, repository, run, writerOf(core, run));
}

export const CHECK_ROUTES: readonly Route[] = [
  route('POST /repos/{owner}/{repo}/check-runs', WRITE, async (call) => ({
    status: 201,
    body: await create(call),
  })),
  route('GET /repos/{owner}/{repo}/check-runs/{check_run_id}', READ, (call) => ({
    status: 200,
    body: shown(call.core, call.repository, runOf(call)),
  })),
  route('PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}', WRITE, async (call) => {
    const run = runOf(call);
    if (appOf(call).id !== run.appId) throw new Refusal(403, 'Invalid app_id for check run.');
    applyTo(call.core, run, call.body);
    if (run.status === 'completed') await announce(call, run, 'completed');
    return { status: 200, body: shown(call.core, call.repository, run) };
  }),
  route('GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations', READ, (call) => ({
    status: 200,
    list: runOf(call).annotations.map((one) => annotationJson(call.core, call.repository, runOf(call), one)),
  })),
  route('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', READ, async (call) => ({
    status: 200,
    list: (await listFor(call)).map((run) => shown(call.core, call.repository, run)),
    wrap: 'check_runs',
  })),
  route('GET /repos/{owner}/{repo}/commits/{ref}/check-suites', READ, async (call) => ({
    status: 200,
    list: await suites(call),
    wrap: 'check_suites',
  })),
];
