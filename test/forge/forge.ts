/**
 * A forge for tests: speaks GitHub's REST API and git's HTTP over real bare repositories, in this process.
 * Its answers are held against GitHub's published description when it closes.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROUTES } from './api/routes.ts';
import { newRepository } from './api/code/repositories.ts';
import { createBare, type Origin } from './git/create.ts';
import { listRefs, readRef } from './git/refs.ts';
import { announceRun } from './api/checks/workflows.ts';
import { serveControl } from './control.ts';
import { createContract } from './http/contract.ts';
import { createFaults } from './http/faults.ts';
import { loadOf } from './http/loads.ts';
import { createGitDesk, GIT_PATH } from './git/desk.ts';
import { createRates } from './http/rates.ts';
import { createRouter, type Json } from './http/route.ts';
import { serveApi, type Desk } from './http/serve.ts';
import { createWebhooks } from './http/webhooks.ts';
import { nodeId, simpleUser } from './json/accounts.ts';
import { listedRepository } from './json/repositories.ts';
import { emptyState, findAccount, findRepository, folderOf, newId, now, type Core } from './state/core.ts';
import type { ForgeOptions, TestForge, UserOptions } from './options.ts';
import type { App, Installation, Repository, State, Token } from './state/model.ts';

export type { ForgeOptions, TestForge } from './options.ts';
export type { FaultRule } from './http/faults.ts';
export type { Logged } from './http/serve.ts';
export type { Delivery, Pull, Repository, State } from './state/model.ts';

const CLASSIC_SCOPES = ['repo', 'workflow'];

function loadState(root: string): State {
  try {
    return JSON.parse(readFileSync(join(root, 'state.json'), 'utf8')) as State;
  } catch {
    return emptyState();
  }
}

/** Events say which installation of an app they concern. */
function installationOf(state: State, repository: Repository): { readonly installation?: Json } {
  const found = state.installations.find(
    (one) => one.account === repository.owner && (one.repositoryIds?.includes(repository.id) ?? true),
  );
  return found === undefined
    ? {}
    : { installation: { id: found.id, node_id: nodeId('Installation', found.id) } };
}

/** Starts a forge on a port of this machine. */
export async function startTestForge(options: ForgeOptions = {}): Promise<TestForge> {
  const clock = options.clock ?? Date.now;
  const root = options.root ?? mkdtempSync(join(tmpdir(), 'test-forge-'));
  mkdirSync(join(root, 'git'), { recursive: true });
  const state = options.root === undefined ? emptyState() : loadState(root);
  const contract = createContract();
  const webhooks = createWebhooks(
    state,
    (repository, payload) => ({
      ...payload,
      repository: listedRepository(core, repository),
      sender: simpleUser(core, String(payload['sender'])),
      ...installationOf(state, repository),
    }),
    (event, action, payload) => contract.keepEvent(event, action, payload),
  );
  const core: Core = {
    state,
    root,
    url: { value: '' },
    clock,
    forkDelays: { value: {} },
    onRun: { value: null },
    breach: (what) => contract.breach(what),
    emit: (repository, event, payload) => webhooks.emit(repository, event, payload),
  };
  const faults = createFaults(options.seed ?? 1);
  for (const rule of options.faults ?? []) faults.add(rule);
  const stop = new AbortController();
  const desk: Desk = {
    core,
    faults,
    contract,
    rates: createRates(clock, options.rateLimit ?? 5000),
    creationsPerMinute: options.creationsPerMinute ?? Number.POSITIVE_INFINITY,
    log: [],
    find: createRouter(ROUTES),
    closing: stop.signal,
    save: () => save(),
  };
  const serveGit = createGitDesk(desk);
  const save = (): void => {
    if (options.root === undefined) return;
    writeFileSync(join(root, 'state.json.new'), JSON.stringify(state));
    renameSync(join(root, 'state.json.new'), join(root, 'state.json'));
  };

  /** The store of logs, which is another host at GitHub: it takes a range, and knows no token. */
  function serveLog(id: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.headers.authorization !== undefined) contract.breach('a log was asked for with a token');
    const jobs = state.repositories.flatMap((one) => one.runs).flatMap((run) => run.jobs);
    const job = jobs.find((one) => String(one.id) === id);
    const whole = Buffer.from(job?.log ?? '');
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(job === undefined ? 404 : from > 0 ? 206 : 200, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': whole.length - from,
    });
    response.end(whole.subarray(from));
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Clients behind a proxy send the whole URL; others a path, and their host in a header.
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? '127.0.0.1'}`);
    if (GIT_PATH.test(url.pathname)) await serveGit(request, response, url);
    else if (url.pathname.startsWith('/api/v3/'))
      await serveApi(desk, request, response, url, url.pathname.slice(7));
    else if (url.hostname.startsWith('api.')) await serveApi(desk, request, response, url, url.pathname);
    else if (url.pathname === '/api/graphql') await serveApi(desk, request, response, url, '/graphql');
    else if (url.pathname.startsWith('/_forge/'))
      await serveControl(forge, request, response, url.pathname.slice('/_forge/'.length));
    else if (url.pathname.startsWith('/_logs/'))
      serveLog(url.pathname.slice('/_logs/'.length), request, response);
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('Not Found\n');
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      contract.breach(`${request.method} ${request.url}: the forge itself failed: ${String(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  core.url.value = url;

  function repo(owner: string, name: string): Repository {
    const found = findRepository(core, owner, name);
    if (found === undefined) throw new Error(`${owner}/${name}: the forge has no such repository`);
    return found;
  }

  function addUser(user: UserOptions): void {
    if (findAccount(core, user.login) === undefined) {
      state.accounts.push({
        id: newId(core),
        login: user.login,
        type: user.type ?? 'User',
        createdAt: now(core),
        members: [...(user.members ?? [])],
      });
    }
    if (user.token === undefined || state.tokens.some((one) => one.token === user.token)) return;
    state.tokens.push(tokenOf(user, user.token));
  }

  for (const user of options.users ?? []) addUser(user);
  save();

  const forge: TestForge = {
    url,
    apiUrl: `${url}/api/v3`,
    gitUrl: (owner, name, token) =>
      `${token === undefined ? url : url.replace('://', `://x-access-token:${token}@`)}/${owner}/${name}.git`,
    addUser,
    async addRepository(given) {
      addUser({ login: given.owner });
      if (findRepository(core, given.owner, given.name) !== undefined) {
        throw new Error(`${given.owner}/${given.name}: the forge has it already`);
      }
      const made = newRepository(core, {
        owner: given.owner,
        name: given.name,
        private: given.private ?? false,
        defaultBranch: given.defaultBranch ?? 'main',
        parentId: null,
        collaborators: { ...given.collaborators },
        appears: { repository: { polls: 0, atMs: 0 }, branches: { polls: 0, atMs: 0 } },
      });
      const origin: Origin =
        given.from === undefined
          ? null
          : typeof given.from === 'string'
            ? { path: given.from }
            : { files: given.from };
      made.defaultBranch = await createBare(folderOf(core, made), origin, made.defaultBranch);
      state.repositories.push(made);
      save();
      return made;
    },
    addApp(given) {
      const app: App = {
        id: newId(core),
        slug: given.slug,
        clientId: `Iv1.${given.slug}`,
        owner: given.installations[0]?.account ?? '',
        publicKey: given.publicKey,
        permissions: given.permissions,
      };
      state.apps.push(app);
      addUser({ login: `${given.slug}[bot]`, type: 'Bot' });
      const installations = given.installations.map(({ account, repositories = null }): Installation => {
        addUser({ login: account });
        const ids =
          repositories?.map((full) => repo(full.split('/')[0] ?? '', full.split('/')[1] ?? '').id) ?? null;
        return {
          id: newId(core),
          appId: app.id,
          account,
          permissions: given.permissions,
          repositoryIds: ids,
          createdAt: now(core),
        };
      });
      state.installations.push(...installations);
      save();
      return { app, installations };
    },
    addHook(owner, name, hook) {
      repo(owner, name).hooks.push({
        id: newId(core),
        url: hook.url,
        secret: hook.secret,
        events: hook.events ?? ['*'],
      });
      save();
    },
    setFault: (rule) => faults.add(rule),
    clearFaults: () => faults.clear(),
    setForkDelays(delays) {
      core.forkDelays.value = delays;
    },
    onWorkflowRun(hook) {
      core.onRun.value = hook;
    },
    async moveRun(owner, name, id, { status, conclusion = null, jobs = [] }) {
      const repository = repo(owner, name);
      const run = repository.runs.find((one) => one.id === id);
      if (run === undefined) throw new Error(`run ${id}: ${owner}/${name} has none`);
      // What is run again has jobs of its own, by the same names.
      if (run.status === 'completed' && status !== 'completed')
        Object.assign(run, { attempt: run.attempt + 1, jobs: [] });
      run.jobs = jobs.map((job) => {
        const old = run.jobs.find(({ name: called }) => called === job.name);
        return { id: old?.id ?? newId(core), status, ...job };
      });
      run.status = status;
      run.conclusion = conclusion;
      await announceRun(core, repository, run);
    },
    requests: () => desk.log,
    load: () => loadOf(desk.log),
    repo,
    state: () => state,
    folder: (owner, name) => folderOf(core, repo(owner, name)),
    async refs(owner, name) {
      const refs = await listRefs(folderOf(core, repo(owner, name)), 'refs/');
      return Object.fromEntries(refs.map((ref) => [ref.name, ref.sha]));
    },
    branch: (owner, name, branch) => readRef(folderOf(core, repo(owner, name)), `refs/heads/${branch}`),
    async deliveries() {
      await webhooks.settled();
      return state.deliveries;
    },
    violations: () => contract.violations(),
    async close() {
      stop.abort();
      await webhooks.settled();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      save();
      if (options.root === undefined) rmSync(root, { recursive: true, force: true });
      const wrong = contract.violations();
      if (wrong.length > 0)
        throw new Error(`the test forge was asked, or answered, as GitHub is not:\n${wrong.join('\n')}`);
    },
  };
  return forge;
}

function tokenOf(user: UserOptions, token: string): Token {
  const limited = user.permissions !== undefined;
  return {
    token,
    login: user.login,
    kind: limited ? 'fine_grained' : 'classic',
    scopes: limited ? [] : (user.scopes ?? CLASSIC_SCOPES),
    permissions: user.permissions ?? null,
    repositoryIds: null,
    installationId: null,
    expiresAtMs: null,
  };
}
