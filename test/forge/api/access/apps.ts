/** GitHub Apps: what an app sees of itself with its JWT, and the tokens of its installations. */
import { randomBytes } from 'node:crypto';
import { repositoryById, roleOf, type Core } from '../../state/core.ts';
import type { App, Installation, Level, Permissions, Repository, Token } from '../../state/model.ts';
import { appJson, installationJson, permissionsJson } from '../../json/apps.ts';
import { listedRepository } from '../../json/repositories.ts';
import { notFound, Refusal } from '../../http/refusal.ts';
import { route, type Call, type Json, type Route } from '../../http/route.ts';

const JWT = { who: 'app' } as const;
const LIFETIME_MS = 3_600_000;
const RANK: Readonly<Record<string, number>> = { read: 1, write: 2, admin: 3 };

function appOf({ core, actor }: Call): App {
  const app = actor.kind === 'app' ? core.state.apps.find((one) => one.id === actor.appId) : undefined;
  if (app === undefined) throw notFound();
  return app;
}

function installationOf(call: Call): Installation {
  const app = appOf(call);
  const found = call.core.state.installations.find(
    (one) => one.appId === app.id && String(one.id) === call.params['installation_id'],
  );
  if (found === undefined) throw notFound();
  return found;
}

function has(installation: Installation, repository: Repository): boolean {
  if (repository.owner !== installation.account) return false;
  return installation.repositoryIds === null || installation.repositoryIds.includes(repository.id);
}

/** Ids of the repositories that a token is to be limited to; 422 for one out of the installation's reach. */
function narrowedRepositories({ core, body }: Call, installation: Installation): readonly number[] | null {
  const names = body['repositories'];
  const ids = body['repository_ids'];
  const refusal = new Refusal(
    422,
    'There is at least one repository that does not exist or is not accessible to the parent installation.',
  );
  const check = (repository: Repository | undefined): number => {
    if (repository === undefined || !has(installation, repository)) throw refusal;
    return repository.id;
  };
  if (Array.isArray(names)) {
    return names.map((name: unknown) =>
      check(core.state.repositories.find((one) => one.owner === installation.account && one.name === name)),
    );
  }
  if (Array.isArray(ids)) return ids.map((id: unknown) => check(repositoryById(core, Number(id))));
  return installation.repositoryIds;
}

/** The permissions that a token is to have; 422 for one that the installation was not given. */
function narrowedPermissions({ body }: Call, installation: Installation): Permissions {
  const wanted = body['permissions'];
  if (typeof wanted !== 'object' || wanted === null) return installation.permissions;
  for (const [name, level] of Object.entries(wanted)) {
    const given = name === 'metadata' ? 'read' : installation.permissions[name];
    if (given === undefined || !((RANK[String(level)] ?? 9) <= (RANK[given] ?? 0))) {
      throw new Refusal(422, 'The permissions requested are not granted to this installation.');
    }
  }
  return wanted as Readonly<Record<string, Level>>;
}

function mint(call: Call): Json {
  const { core } = call;
  const installation = installationOf(call);
  const app = appOf(call);
  const repositoryIds = narrowedRepositories(call, installation);
  const permissions = narrowedPermissions(call, installation);
  const token: Token = {
    token: `ghs_${randomBytes(18).toString('hex')}`,
    login: `${app.slug}[bot]`,
    kind: 'installation',
    scopes: [],
    permissions,
    repositoryIds,
    installationId: installation.id,
    expiresAtMs: core.clock() + LIFETIME_MS,
  };
  core.state.tokens.push(token);
  const chosen = Array.isArray(call.body['repositories']) || Array.isArray(call.body['repository_ids']);
  return {
    token: token.token,
    expires_at: new Date(core.clock() + LIFETIME_MS).toISOString().replace(/\.\d+Z$/, 'Z'),
    permissions: permissionsJson(permissions),
    repository_selection: repositoryIds === null ? 'all' : 'selected',
    ...(chosen ? { repositories: (repositoryIds ?? []).flatMap((id) => shown(core, id)) } : {}),
  };
}

function shown(core: Core, id: number): readonly Json[] {
  const repository = repositoryById(core, id);
  return repository === undefined ? [] : [listedRepository(core, repository)];
}

export const APP_ROUTES: readonly Route[] = [
  route('GET /app', JWT, (call) => ({ status: 200, body: appJson(call.core, appOf(call)) })),
  route('GET /app/installations', JWT, (call) => {
    const app = appOf(call);
    const own = call.core.state.installations.filter((one) => one.appId === app.id);
    return { status: 200, list: own.map((one) => installationJson(call.core, one, app)) };
  }),
  route('GET /app/installations/{installation_id}', JWT, (call) => ({
    status: 200,
    body: installationJson(call.core, installationOf(call), appOf(call)),
  })),
  route('POST /app/installations/{installation_id}/access_tokens', JWT, (call) => ({
    status: 201,
    body: mint(call),
  })),
  route('GET /repos/{owner}/{repo}/installation', JWT, (call) => {
    const { core, repository } = call;
    const app = appOf(call);
    const found = core.state.installations.find((one) => one.appId === app.id && has(one, repository));
    if (found === undefined) throw notFound();
    return { status: 200, body: installationJson(core, found, app) };
  }),
  route('GET /installation/repositories', { who: 'user' }, ({ core, actor }) => {
    if (actor.kind !== 'account' || actor.token.kind !== 'installation') {
      throw new Refusal(
        403,
        'You must authenticate with an installation access token in order to list repositories for an installation.',
      );
    }
    const { installationId, repositoryIds } = actor.token;
    const installation = core.state.installations.find((one) => one.id === installationId);
    const reach = core.state.repositories.filter(
      (one) =>
        installation !== undefined &&
        has(installation, one) &&
        (repositoryIds === null || repositoryIds.includes(one.id)),
    );
    return {
      status: 200,
      list: reach
        .filter((one) => roleOf(core, actor, one) !== 'none')
        .map((one) => listedRepository(core, one, actor)),
      wrap: 'repositories',
    };
  }),
];
