/** GitHub and GitHub Enterprise Server, by the token of an account or by an App. */
import { JobError } from '../job/error.ts';
import { createWorkflows } from './github/actions/workflows.ts';
import { createClient, statusOf, type Ask } from './github/client.ts';
import { admitFork, placeForBranch, usableRepo } from './github/fork.ts';
import { createConversation } from './github/conversation/conversation.ts';
import { createMemory, type Memory } from './github/conversation/memory.ts';
import { examineGithub } from './github/examine.ts';
import { createIssues } from './github/issues.ts';
import { nameOn, repoOf, splitName, type RepoName } from './github/names.ts';
import { createPace, type Pace, type PaceBook } from './github/pace.ts';
import { findProposal, proposeOn } from './github/proposal/pulls.ts';
import { accountTokens, type AppIdentity, type Tokens, type TokenUse } from './github/tokens.ts';
import type { ForkMode } from '../job/request.ts';
import type { Access, Forge, ForgeFinding, Remote, Target, Visit } from './forge.ts';

export interface GithubOptions {
  /** Address of the server, such as `https://github.com`, without a slash at its end. */
  readonly url: string;
  /** Address of its REST interface. */
  readonly apiUrl: string;
  /** Who we are; `null` where only jobs that bring a token of their own are somebody. */
  readonly tokens: Tokens | null;
  /** The App whose the tokens are; `null` for those of an account. */
  readonly app: AppIdentity | null;
  /** Where whoever has no token is let in: git by itself. */
  readonly otherwise: Forge;
  /** Login of the account; `null` asks the server. */
  readonly account: string | null;
  /** Milliseconds until a new fork must have branches, and between two looks at it. */
  readonly forkTimeoutMs: number;
  readonly forkPollMs: number;
  /** Milliseconds a change on the average, after a few that may follow each other at once; 0 sets no pace. */
  readonly paceMs: number;
  /** Where all who share the account write down what they change; this process alone, where it is left out. */
  readonly paceBook?: PaceBook;
}

/** How git tells a token that belongs to no person. */
const TOKEN_USER = 'x-access-token';

/** What is the same for all jobs of a process. */
interface Desk {
  readonly options: GithubOptions;
  readonly paceOf: (account: string) => Pace;
  readonly remoteOf: (name: RepoName) => Remote;
  /** Login of whoever has these tokens: it does not change while a process lives. */
  readonly login: (tokens: Tokens, ask: Ask) => Promise<string>;
  readonly memory: Memory;
}

async function tipOf(ask: Ask, repo: RepoName, branch: string): Promise<string | null> {
  return ask('GET /repos/{owner}/{repo}/git/ref/{ref}', { ...repoOf(repo), ref: `heads/${branch}` }).then(
    ({ data }) => data.object.sha,
    (error: unknown) => (statusOf(error) === 404 ? null : Promise.reject(error as Error)),
  );
}

/** Looks where a branch may go, and forks where it may go nowhere else. */
async function openTarget(
  desk: Desk,
  tokens: Tokens,
  ask: Ask,
  upstream: RepoName,
  mode: ForkMode,
  { signal, onNotice }: Visit,
): Promise<Target> {
  const { forkTimeoutMs: timeoutMs, forkPollMs: pollMs } = desk.options;
  const found = await usableRepo(ask, upstream);
  const forker = (): Promise<string> | null => (tokens.kind === 'app' ? null : desk.login(tokens, ask));
  const fork = await placeForBranch(ask, found, forker, { mode, timeoutMs, pollMs, signal, onNotice });
  const at = splitName(fork ?? found.full_name);
  if (at === null) throw new JobError('bug', `GitHub names a repository ${fork ?? found.full_name}`);
  return { remote: desk.remoteOf(at), fork };
}

function accessOf(desk: Desk, tokens: Tokens, upstream: RepoName, visit: Visit): Access {
  const { options } = desk;
  let client: Promise<Ask> | null = null;
  const tokenOf = (use?: TokenUse): Promise<string> => tokens.tokenFor(upstream, visit.jobId, use);
  const connect = (use?: TokenUse): Promise<Ask> =>
    createClient({
      apiUrl: options.apiUrl,
      authorization: async () => `token ${await tokenOf(use)}`,
      signal: visit.signal,
      pace: desk.paceOf(tokens.reader),
      onNotice: visit.onNotice,
    });
  const asking = (): Promise<Ask> => (client ??= connect());
  const login = (ask: Ask): Promise<string> => tokens.bot?.() ?? desk.login(tokens, ask);
  const [{ reader }, { signal }] = [tokens, visit];
  return {
    reader,
    async credential() {
      return { username: TOKEN_USER, password: await tokenOf() };
    },
    open: async (mode) => openTarget(desk, tokens, await asking(), upstream, mode, visit),
    async admitFork(name) {
      const fork = splitName(name);
      if (fork === null) throw new JobError('bug', `${name} is no repository`);
      return admitFork(await asking(), upstream, fork);
    },
    issues: createIssues(asking, upstream, login, signal),
    conversation: createConversation({
      asking,
      repo: upstream,
      login,
      reader,
      memory: desk.memory,
      signal,
    }),
    workflows: (file) =>
      createWorkflows(() => connect('runs'), upstream, file, { signal, pauseMs: options.forkPollMs }),
    async find(fork, branch, jobId) {
      const head = splitName(fork ?? '') ?? upstream;
      return findProposal(await asking(), { upstream, head }, branch, jobId);
    },
    tip: async (branch) => tipOf(await asking(), upstream, branch),
    async propose(request) {
      const head = splitName(request.target.name ?? '') ?? upstream;
      return proposeOn({ ask: await asking(), route: { upstream, head }, request, signal: visit.signal });
    },
  };
}

/** Accounts whose pace and login are remembered. */
const MAX_ACCOUNTS = 1000;

/** What is known of an account, made where it is not; the one that was asked for longest ago is forgotten. */
function remember<T>(known: Map<string, T>, account: string, make: () => T): T {
  const value = known.get(account) ?? make();
  known.delete(account);
  known.set(account, value);
  const [oldest] = known.keys();
  if (known.size > MAX_ACCOUNTS && oldest !== undefined) known.delete(oldest);
  return value;
}

function createDesk(options: GithubOptions, remoteOf: Desk['remoteOf']): Desk {
  const paces = new Map<string, Pace>();
  const book = options.paceBook === undefined ? {} : { book: options.paceBook };
  const logins = new Map<string, Promise<string>>();
  return {
    options,
    remoteOf,
    memory: createMemory(),
    paceOf: (account) => remember(paces, account, () => createPace(account, options.paceMs, book)),
    login(tokens, ask) {
      // The configured name is that of the configured token.
      if (options.account !== null && tokens === options.tokens) return Promise.resolve(options.account);
      const asked = (): Promise<string> => ask('GET /user').then(({ data }) => data.login);
      const login = remember(logins, tokens.reader, asked);
      // A lost answer is no answer for ever.
      login.catch(() => logins.delete(tokens.reader));
      return login;
    },
  };
}

/** Said where nobody is configured; it is a fault only where a repository there is wanted. */
function nobody(url: string, repo: string | null): ForgeFinding {
  const detail = `nobody at ${url}: jobs end with a branch and a patch`;
  const fix = 'set BOT_TOKEN to a token of an account there, or GITHUB_APP_ID and GITHUB_APP_KEY_FILE';
  return { name: 'github', state: repo === null ? 'ok' : 'failed', detail, fix: repo === null ? null : fix };
}

/** Makes the forge. Nothing is asked and no library is loaded before a job needs it. */
export function createGithubForge(options: GithubOptions): Forge {
  const { url, otherwise } = options;
  const nameOf = (repo: string): RepoName | null => nameOn(url, repo);
  const remoteOf = ({ owner, name }: RepoName): Remote => {
    return {
      url: `${url}/${owner}/${name}`,
      display: `${owner}/${name}`,
      kind: 'url',
      name: `${owner}/${name}`,
    };
  };
  const desk = createDesk(options, remoteOf);
  const named = (repo: string): RepoName => {
    const name = nameOf(repo);
    if (name !== null) return name;
    throw new JobError(
      'repo_unusable',
      `repo: ${JSON.stringify(repo.slice(0, 200))} is no repository of ${url}`,
      {
        hint: `give owner/name, or ${url}/owner/name`,
      },
    );
  };
  return {
    name: 'github',
    owns: (repo) => nameOf(repo) !== null,
    async resolve(repo) {
      const remote = remoteOf(named(repo));
      // Without a token of ours the address stays as it was written: it may be one that a key of the person's opens.
      if (options.tokens !== null || repo === remote.url) return remote;
      return { ...(await otherwise.resolve(repo)), name: remote.display };
    },
    async examine(repo) {
      const { apiUrl, app, account, tokens } = options;
      if (tokens === null) return [nobody(url, repo)];
      const of = repo === null ? null : (splitName(repo) ?? named(repo));
      return examineGithub({ url, apiUrl, tokens, app, account, repo: of });
    },
    access(remote, visit) {
      const tokens = visit.token === undefined ? options.tokens : accountTokens(visit.token);
      if (tokens === null) return otherwise.access(remote, visit);
      return accessOf(desk, tokens, named(remote.url), visit);
    },
  };
}
