/** Accounts as GitHub shows them. */
import { accountOf, type Core } from '../state/core.ts';
import type { Account } from '../state/model.ts';
import type { Json } from '../http/route.ts';

/** Where the API lies; links in answers begin with it. */
export function apiUrl(core: Core): string {
  return `${core.url.value}/api/v3`;
}

/** GitHub's opaque second id. */
export function nodeId(kind: string, id: number): string {
  return Buffer.from(`0${kind.length}:${kind}${id}`).toString('base64');
}

/** `simple-user`, as it stands in every other answer. */
export function simpleUser(core: Core, login: string): Json {
  const account = accountOf(core, login);
  const at = `${apiUrl(core)}/users/${account.login}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId('User', account.id),
    avatar_url: `${core.url.value}/avatars/${account.id}`,
    gravatar_id: '',
    url: at,
    html_url: `${core.url.value}/${account.login}`,
    followers_url: `${at}/followers`,
    following_url: `${at}/following{/other_user}`,
    gists_url: `${at}/gists{/gist_id}`,
    starred_url: `${at}/starred{/owner}{/repo}`,
    subscriptions_url: `${at}/subscriptions`,
    organizations_url: `${at}/orgs`,
    repos_url: `${at}/repos`,
    events_url: `${at}/events{/privacy}`,
    received_events_url: `${at}/received_events`,
    type: account.type,
    user_view_type: 'public',
    site_admin: false,
  };
}

/** `public-user`: an account's own page. */
export function publicUser(core: Core, account: Account): Json {
  const own = core.state.repositories.filter((one) => one.owner === account.login);
  return {
    ...simpleUser(core, account.login),
    name: null,
    company: null,
    blog: '',
    location: null,
    email: null,
    hireable: null,
    bio: null,
    public_repos: own.filter((one) => !one.private).length,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: account.createdAt,
    updated_at: account.createdAt,
  };
}
