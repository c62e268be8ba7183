/** GitHub Apps and their installations, as GitHub shows them. */
import { accountOf, type Core } from '../state/core.ts';
import type { App, Installation, Permissions } from '../state/model.ts';
import type { Json } from '../http/route.ts';
import { apiUrl, nodeId, simpleUser } from './accounts.ts';

/** Permissions as answers list them: every app may read metadata. */
export function permissionsJson(permissions: Permissions): Json {
  return { metadata: 'read', ...permissions };
}

/** `integration`. */
export function appJson(core: Core, app: App): Json {
  return {
    id: app.id,
    slug: app.slug,
    node_id: nodeId('Integration', app.id),
    client_id: app.clientId,
    owner: simpleUser(core, app.owner),
    name: app.slug,
    description: null,
    external_url: 'https://example.com',
    html_url: `${core.url.value}/apps/${app.slug}`,
    created_at: accountOf(core, `${app.slug}[bot]`).createdAt,
    updated_at: accountOf(core, `${app.slug}[bot]`).createdAt,
    permissions: permissionsJson(app.permissions),
    events: [],
  };
}

/** `installation`. */
export function installationJson(core: Core, installation: Installation, app: App): Json {
  const account = accountOf(core, installation.account);
  return {
    id: installation.id,
    account: simpleUser(core, account.login),
    repository_selection: installation.repositoryIds === null ? 'all' : 'selected',
    access_tokens_url: `${apiUrl(core)}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${apiUrl(core)}/installation/repositories`,
    html_url: `${core.url.value}/settings/installations/${installation.id}`,
    app_id: app.id,
    app_slug: app.slug,
    client_id: app.clientId,
    target_id: account.id,
    target_type: account.type,
    permissions: permissionsJson(installation.permissions),
    events: [],
    created_at: installation.createdAt,
    updated_at: installation.createdAt,
    single_file_name: null,
    suspended_by: null,
    suspended_at: null,
  };
}
