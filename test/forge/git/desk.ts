/** Git over HTTP: who may fetch, who may push, and what a push moves. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { branchMoved } from '../api/code/pushes.ts';
import { serveGit, type RefUpdate } from './backend.ts';
import { readRef } from './refs.ts';
import { workflowsHook } from './workflows-hook.ts';
import {
  atLeast,
  findRepository,
  folderOf,
  hasAppeared,
  permissionsOf,
  roleOf,
  type Actor,
} from '../state/core.ts';
import type { Repository } from '../state/model.ts';
import { actorOf } from '../http/auth.ts';
import { beSlow, faultAnswer, type Desk, type Logged } from '../http/serve.ts';

export const GIT_PATH = /^\/([^/]+)\/([^/]+?)(?:\.git)?(\/info\/refs|\/git-upload-pack|\/git-receive-pack)$/;
const ZERO = '0'.repeat(40);

function refuse(response: ServerResponse, logged: Logged, status: number, text: string): void {
  logged.status = status;
  const ask: Record<string, string> = status === 401 ? { 'www-authenticate': 'Basic realm="GitHub"' } : {};
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...ask }).end(`${text}\n`);
}

/** What the actor is refused with, or `null`. */
function refusal(
  desk: Desk,
  actor: Actor,
  repository: Repository | undefined,
  pushes: boolean,
): readonly [number, string] | null {
  const login = actor.kind === 'account' ? actor.account.login : null;
  const role = repository === undefined ? 'none' : roleOf(desk.core, actor, repository);
  // Whether a repository is there is nobody's business who may not read it.
  if (repository === undefined || role === 'none')
    return login === null ? [401, 'Repository not found.'] : [404, 'Repository not found.'];
  const permissions = permissionsOf(desk.core, actor, repository);
  const contents = permissions === null ? 'write' : permissions['contents'];
  if (contents === undefined) return [404, 'Repository not found.'];
  if (!pushes) return null;
  if (login === null) return [401, 'Authentication required.'];
  if (repository.archived) return [403, 'This repository was archived so it is read-only.'];
  if (contents === 'read' || !atLeast(role, 'write')) {
    return [403, `Permission to ${repository.owner}/${repository.name}.git denied to ${login}.`];
  }
  return null;
}

function maySetWorkflows({ core }: Desk, actor: Actor, repository: Repository): boolean {
  const permissions = permissionsOf(core, actor, repository);
  if (permissions !== null) return permissions['workflows'] === 'write';
  return actor.kind === 'account' && actor.token.scopes.includes('workflow');
}

/** Serves one request of a git client; pushes to one repository go one by one, so that each is seen whole. */
export function createGitDesk(
  desk: Desk,
): (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void> {
  const turns = new Map<number, Promise<void>>();

  async function afterPush(
    repository: Repository,
    login: string,
    updates: readonly RefUpdate[],
  ): Promise<void> {
    for (const update of updates) {
      const stands = (await readRef(folderOf(desk.core, repository), update.ref)) ?? ZERO;
      if (stands === update.after && update.before !== update.after)
        await branchMoved(desk.core, repository, update, login);
    }
  }

  return async (request, response, url) => {
    const { core } = desk;
    const [, owner = '', name = '', service = ''] = GIT_PATH.exec(url.pathname) ?? [];
    const asks = service === '/info/refs' ? (url.searchParams.get('service') ?? '') : service.slice(1);
    const pushes = asks === 'git-receive-pack';
    const path = `/${owner}/${name}.git${service}`;
    const logged: Logged = {
      atMs: core.clock(),
      method: 'GIT',
      path,
      template: null,
      login: null,
      body: asks,
      status: null,
      fault: null,
    };
    desk.log.push(logged);
    let actor: Actor;
    try {
      actor = actorOf(core, request.headers.authorization);
    } catch {
      return refuse(response, logged, 401, 'Invalid username or token.');
    }
    const login = actor.kind === 'account' ? actor.account.login : null;
    logged.login = login;
    const fault = desk.faults.next('GIT', path);
    logged.fault = fault?.kind ?? null;
    await beSlow(desk, fault);
    if (fault?.kind === 'lost_request') return void response.destroy();
    const instead = fault === null ? null : faultAnswer(core, fault);
    if (instead !== null) return refuse(response, logged, instead.status, instead.message);
    const known = findRepository(core, owner, name);
    const repository = known !== undefined && hasAppeared(core, known.appears.branches) ? known : undefined;
    const no = refusal(desk, actor, repository, pushes);
    if (no !== null || repository === undefined)
      return refuse(response, logged, ...(no ?? ([404, 'Repository not found.'] as const)));
    const config = pushes && !maySetWorkflows(desk, actor, repository) ? workflowsHook(core.root) : {};
    const cgi = { config, folder: folderOf(core, repository), service, query: url.search.slice(1), login };
    const lost = fault?.kind === 'lost_answer';
    if (service !== '/git-receive-pack') {
      await serveGit(request, response, cgi, lost ? () => Promise.resolve(false) : undefined);
      logged.status = response.statusCode;
      return;
    }
    const before = turns.get(repository.id) ?? Promise.resolve();
    const push = async (): Promise<void> => {
      await before;
      await serveGit(request, response, cgi, async (updates) => {
        await afterPush(repository, login ?? '', updates);
        desk.save();
        return !lost;
      });
      logged.status = response.statusCode;
    };
    const turn = push();
    turns.set(
      repository.id,
      turn.catch(() => undefined),
    );
    await turn;
  };
}
