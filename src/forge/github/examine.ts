/** What of a GitHub server works for us, looked at without changing anything, and what to do where it does not. */
import { JobError } from '../../job/error.ts';
import type { ForgeFinding } from '../forge.ts';
import { sayingOf, statusOf, type Ask } from './client.ts';
import { isSameName, repoOf, type RepoName } from './names.ts';
import {
  APP_PERMISSIONS,
  askAsApp,
  FOLLOW_PERMISSIONS,
  lacking,
  type AppIdentity,
  type Tokens,
} from './tokens.ts';

/** Who we are and what is looked at. */
export interface Examined {
  readonly url: string;
  readonly apiUrl: string;
  readonly tokens: Tokens;
  /** `null`: by the token of an account. */
  readonly app: AppIdentity | null;
  readonly account: string | null;
  readonly repo: RepoName | null;
}

/** Longest single look. */
const LOOK_TIMEOUT_MS = 15_000;
/** GitHub refuses what an App signs when its clock is off by more than a minute. */
const MAX_SKEW_S = 60;
/** A token that ends so soon is named. */
const SOON_MS = 7 * 24 * 3600 * 1000;

type Headers = Readonly<Record<string, string | number | undefined>>;

function ok(name: string, detail: string): ForgeFinding {
  return { name, state: 'ok', detail, fix: null };
}

function wrong(
  name: string,
  detail: string,
  fix: string,
  state: 'warning' | 'failed' = 'failed',
): ForgeFinding {
  return { name, state, detail, fix };
}

function fullName({ owner, name }: RepoName): string {
  return `${owner}/${name}`;
}

/** What could not be looked at. */
function failed(name: string, error: unknown, { apiUrl, url, app }: Examined): ForgeFinding {
  if (error instanceof JobError) return wrong(name, error.message, error.hint ?? 'see the message');
  const status = statusOf(error);
  const said = sayingOf(error);
  if (status === 0)
    return wrong(name, `${apiUrl} can't be reached: ${said}`, 'check the network, the proxy, and github_url');
  if (status === 401)
    return wrong(
      name,
      `${apiUrl} refuses ${app === null ? 'the token' : 'the App'}: ${said}`,
      app === null
        ? `make a new token at ${url}/settings/tokens and set BOT_TOKEN to it`
        : "check github_app_id, that github_app_key_file is this App's newest key, and this machine's clock",
    );
  return wrong(name, `${status} ${said}`, 'check the token and its rights');
}

function clockOf(headers: Headers): readonly ForgeFinding[] {
  const there = Date.parse(String(headers['date'] ?? ''));
  const skewS = Math.round((Date.now() - there) / 1000);
  if (Number.isNaN(skewS) || Math.abs(skewS) <= MAX_SKEW_S) return [];
  const detail = `this machine's clock is ${Math.abs(skewS)} s ${skewS > 0 ? 'ahead' : 'behind'}`;
  return [wrong('github clock', detail, 'set it, for example by NTP: an App is refused otherwise')];
}

/** The scopes of a classic token; a fine-grained one tells none, and shows its rights on a repository. */
function scopesOf(headers: Headers, url: string): ForgeFinding {
  const name = 'github rights';
  const told = headers['x-oauth-scopes'];
  if (told === undefined)
    return ok(name, 'a fine-grained token: `doctor --repo owner/name` looks what it may do there');
  const scopes = String(told)
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const shown = `a classic token with ${scopes.length === 0 ? 'no scopes' : scopes.join(', ')}`;
  const fix = `give it the scopes repo and workflow at ${url}/settings/tokens`;
  if (!scopes.includes('repo')) {
    const isPublic = scopes.includes('public_repo');
    return wrong(name, `${shown}; it lacks repo`, fix, isPublic ? 'warning' : 'failed');
  }
  if (scopes.includes('workflow')) return ok(name, shown);
  return wrong(
    name,
    `${shown}; without workflow it can't push changes below .github/workflows`,
    fix,
    'warning',
  );
}

function endOf(headers: Headers, url: string): readonly ForgeFinding[] {
  const told = headers['github-authentication-token-expiration'];
  const left =
    Date.parse(
      String(told ?? '')
        .replace(' UTC', 'Z')
        .replace(' ', 'T'),
    ) - Date.now();
  if (!(left < SOON_MS)) return [];
  const fix = `make a new one at ${url}/settings/tokens`;
  return [wrong('github token', `it ends at ${String(told)}`, fix, 'warning')];
}

async function examineAccount(ask: Ask, what: Examined): Promise<readonly ForgeFinding[]> {
  const { url, account } = what;
  try {
    const { data, headers } = await ask('GET /user');
    const isOther = account !== null && !isSameName(account, data.login);
    const who = isOther
      ? wrong(
          'github',
          `the token is of ${data.login}, and bot_username says ${account}`,
          'set BOT_USERNAME to that account, or leave it out',
        )
      : ok('github', `${url}, as ${data.login}`);
    return [who, scopesOf(headers, url), ...endOf(headers, url), ...clockOf(headers)];
  } catch (error) {
    // A workflow's own token is nobody's, and valid.
    if (statusOf(error) === 403 && /integration/i.test(sayingOf(error)))
      return [
        ok(
          'github',
          `${url}, by a token of an App or a workflow, which can push where it runs and can't fork`,
        ),
      ];
    return [failed('github', error, what)];
  }
}

/** Rights that are not given, as people read them. */
function shownLacks(
  given: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, string>>,
): string {
  return lacking(given, wanted)
    .map((right) => `${right} (${wanted[right]})`)
    .join(', ');
}

/** What an App may do: what it can't do without, and what follow-ups need. */
function appRights(given: Readonly<Record<string, unknown>>, page: string): ForgeFinding {
  const name = 'github rights';
  const fix = `give them to it where it is made: ${page}`;
  const lacks = shownLacks(given, APP_PERMISSIONS);
  if (lacks !== '') return wrong(name, `the App lacks ${lacks}`, fix);
  const less = shownLacks(given, FOLLOW_PERMISSIONS);
  if (less === '') return ok(name, 'the App has the permissions that proposals and follow-ups need');
  return wrong(name, `the App lacks ${less}: failed checks are not followed up`, fix, 'warning');
}

/** What of that was accepted where it is installed. */
function installed(
  given: Readonly<Record<string, unknown>>,
  installation: { readonly permissions: Readonly<Record<string, unknown>>; readonly html_url: string },
  shown: string,
): ForgeFinding {
  const name = 'github installation';
  const fix = `accept it: ${installation.html_url}`;
  for (const [wanted, state] of [
    [APP_PERMISSIONS, 'failed'],
    [FOLLOW_PERMISSIONS, 'warning'],
  ] as const) {
    // What the App itself lacks is said already.
    const open = shownLacks(installation.permissions, wanted);
    if (open !== '' && shownLacks(given, wanted) === '')
      return wrong(name, `it was not accepted there: ${open}`, fix, state);
  }
  return ok(name, `installed on ${shown}`);
}

async function examineApp(what: Examined, app: AppIdentity): Promise<readonly ForgeFinding[]> {
  try {
    const { ask, headers: as } = await askAsApp(app, what.apiUrl);
    const bounded = { headers: as, request: { signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) } };
    const { data, headers } = await ask('GET /app', bounded);
    const page = data?.html_url ?? what.url;
    const given = data?.permissions ?? {};
    const found = [
      ok('github', `${what.url}, as the App ${data?.slug ?? app.id}`),
      appRights(given, page),
      ...clockOf(headers),
    ];
    if (what.repo === null) {
      const installed = await ask('GET /app/installations', { ...bounded, per_page: 100 });
      const where = installed.data.map((one) =>
        one.account !== null && 'login' in one.account ? one.account.login : '?',
      );
      const install = `install it: ${page}/installations/new`;
      return where.length === 0
        ? [...found, wrong('github installation', 'the App is installed nowhere', install)]
        : [...found, ok('github installation', `installed on ${where.slice(0, 10).join(', ')}`)];
    }
    const { owner, name } = what.repo;
    const at = await ask('GET /repos/{owner}/{repo}/installation', {
      ...bounded,
      ...repoOf(what.repo),
    }).catch((error: unknown) => {
      if (statusOf(error) === 404) return null;
      throw error;
    });
    if (at === null) {
      const fix = `install it there, and admit this repository to it: ${page}/installations/new`;
      return [...found, wrong('github installation', `the App is not installed on ${owner}/${name}`, fix)];
    }
    const state =
      at.data.suspended_at === null
        ? installed(given, at.data, fullName(what.repo))
        : wrong('github installation', 'it is suspended', `take it up again: ${at.data.html_url}`);
    return [...found, state];
  } catch (error) {
    return [failed('github', error, what)];
  }
}

/** What a limited token must be able to read; that it may write shows when it does. */
const READS = [
  ['Pull requests', 'GET /repos/{owner}/{repo}/pulls'],
  ['Issues', 'GET /repos/{owner}/{repo}/issues'],
  ['Contents', 'GET /repos/{owner}/{repo}/branches'],
] as const;

async function examineRights(ask: Ask, repo: RepoName): Promise<readonly ForgeFinding[]> {
  const closed = await Promise.all(
    READS.map(async ([right, route]) => {
      const status = await ask(route, { ...repoOf(repo), per_page: 1 }).then(() => 200, statusOf);
      return status === 403 || (status === 404 && right !== 'Issues') ? [right] : [];
    }),
  );
  const lacks = closed.flat();
  if (lacks.length === 0) return [];
  const fix = `give the token ${lacks.join(', ')} (read and write) on this repository`;
  return [wrong('github rights', `${fullName(repo)} is closed to it: ${lacks.join(', ')}`, fix)];
}

async function examineActions(ask: Ask, url: string, repo: RepoName): Promise<ForgeFinding> {
  const title = 'github actions';
  const shown = fullName(repo);
  try {
    const { data } = await ask('GET /repos/{owner}/{repo}/actions/permissions', repoOf(repo));
    if (data.enabled) return ok(title, `enabled on ${shown}`);
    const fix = `enable them at ${url}/${shown}/settings/actions, if CI should judge pull requests`;
    return wrong(title, `disabled on ${shown}`, fix, 'warning');
  } catch (error) {
    const status = statusOf(error);
    if (status === 403 || status === 404)
      return ok(title, `only an administrator of ${shown} sees whether they are enabled`);
    return wrong(title, sayingOf(error), 'try again', 'warning');
  }
}

async function examineRepo(ask: Ask, what: Examined, repo: RepoName): Promise<readonly ForgeFinding[]> {
  const name = 'github repository';
  const shown = fullName(repo);
  try {
    const { data } = await ask('GET /repos/{owner}/{repo}', repoOf(repo));
    const rights = [...(await examineRights(ask, repo)), await examineActions(ask, what.url, repo)];
    if (data.archived)
      return [wrong(name, `${shown} is archived`, 'unarchive it, or name another'), ...rights];
    if (data.permissions?.push === true || what.app !== null)
      return [ok(name, `${shown}: branches are pushed to it`), ...rights];
    if (data.allow_forking === false) {
      const fix = 'give the account the right to push, or allow forking there';
      return [wrong(name, `${shown} may be neither pushed to nor forked`, fix), ...rights];
    }
    return [ok(name, `${shown}: branches go to a fork of it, for the account may not push`), ...rights];
  } catch (error) {
    if (statusOf(error) !== 404) return [failed(name, error, what)];
    const fix = 'check the name; a private repository must be admitted to the token or the App';
    return [wrong(name, `${shown} is not there, or may not be seen`, fix)];
  }
}

/** Looks at server, identity, rights, and the repository where one is named. Bounded in time; never rejects. */
export async function examineGithub(what: Examined): Promise<readonly ForgeFinding[]> {
  const { Octokit } = await import('@octokit/core');
  const askBy = (token: string): Ask =>
    new Octokit({
      baseUrl: what.apiUrl,
      userAgent: 'agent-runner',
      log: { debug() {}, info() {}, warn() {}, error() {} },
      request: {
        fetch: (url: string, init: RequestInit) =>
          fetch(url, { ...init, signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) }),
      },
    }).request.defaults({ headers: { authorization: `token ${token}` } });
  const { app, repo, tokens } = what;
  const nowhere = { owner: '', name: '' };
  if (app === null) {
    const ask = askBy(await tokens.tokenFor(repo ?? nowhere, 'doctor'));
    const who = await examineAccount(ask, what);
    const isIn = who.every(({ name, state }) => name !== 'github' || state === 'ok');
    return repo === null || !isIn ? who : [...who, ...(await examineRepo(ask, what, repo))];
  }
  const who = await examineApp(what, app);
  if (repo === null || who.some(({ state }) => state === 'failed')) return who;
  try {
    const ask = askBy(await tokens.tokenFor(repo, 'doctor'));
    return [...who, ...(await examineRepo(ask, what, repo))];
  } catch (error) {
    return [...who, failed('github token', error, what)];
  }
}
