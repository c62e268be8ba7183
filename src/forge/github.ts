/** GitHub and GitHub Enterprise Server, by the token of an account or by an App. */
import { JobError } from '../job/error.ts';
import { createClient, statusOf, type Ask } from './github/client.ts';
import { placeForBranch, usableRepo } from './github/fork.ts';
import { nameOn, splitName, type RepoName } from './github/names.ts';
import { createPace, type Pace, type PaceBook } from './github/pace.ts';
import { proposeOn } from './github/pulls.ts';
import type { Tokens } from './github/tokens.ts';
import type { Access, Forge, Remote, Visit } from './forge.ts';

export interface GithubOptions {
  /** Address of the server, such as `https://github.com`, without a slash at its end. */
  readonly url: string;
  /** Address of its REST interface. */
  readonly apiUrl: string;
  readonly tokens: Tokens;
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
  readonly pace: Pace;
  readonly remoteOf: (name: RepoName) => Remote;
  /** Login of the account: it does not change while a process lives. */
  readonly login: (ask: Ask) => Promise<string>;
}

function accessOf(desk: Desk, upstream: RepoName, visit: Visit): Access {
  const { options } = desk;
  let client: Promise<Ask> | null = null;
  const tokenOf = (): Promise<string> => options.tokens.tokenFor(upstream, visit.jobId);
  const connect = (): Promise<Ask> =>
    createClient({
      apiUrl: options.apiUrl,
      authorization: async () => `token ${await tokenOf()}`,
      signal: visit.signal,
      pace: desk.pace,
      onNotice: visit.onNotice,
    });
  const asking = (): Promise<Ask> => (client ??= connect());
  return {
    reader: options.tokens.reader,
    async credential() {
      return { username: TOKEN_USER, password: await tokenOf() };
    },
    async open(mode) {
      const ask = await asking();
      const found = await usableRepo(ask, upstream);
      const fork = await placeForBranch(
        ask,
        found,
        () => (options.tokens.kind === 'app' ? null : desk.login(ask)),
        {
          mode,
          timeoutMs: options.forkTimeoutMs,
          pollMs: options.forkPollMs,
          signal: visit.signal,
          onNotice: visit.onNotice,
        },
      );
      const at = splitName(fork ?? found.full_name);
      if (at === null) throw new JobError('bug', `GitHub names a repository ${fork ?? found.full_name}`);
      return { remote: desk.remoteOf(at), fork };
    },
    async tip(branch) {
      const ask = await asking();
      const at = { owner: upstream.owner, repo: upstream.name, ref: `heads/${branch}` };
      return ask('GET /repos/{owner}/{repo}/git/ref/{ref}', at).then(
        ({ data }) => data.object.sha,
        (error: unknown) => (statusOf(error) === 404 ? null : Promise.reject(error as Error)),
      );
    },
    async propose(request) {
      const head = splitName(request.target.name ?? '') ?? upstream;
      return proposeOn(await asking(), { upstream, head }, request, visit.signal);
    },
  };
}

/** Makes the forge. Nothing is asked and no library is loaded before a job needs it. */
export function createGithubForge(options: GithubOptions): Forge {
  const { url } = options;
  let account: Promise<string> | null = null;
  const nameOf = (repo: string): RepoName | null => nameOn(url, repo);
  const remoteOf = ({ owner, name }: RepoName): Remote => {
    return {
      url: `${url}/${owner}/${name}`,
      display: `${owner}/${name}`,
      kind: 'url',
      name: `${owner}/${name}`,
    };
  };
  const desk: Desk = {
    options,
    remoteOf,
    pace: createPace(
      options.tokens.reader,
      options.paceMs,
      options.paceBook === undefined ? {} : { book: options.paceBook },
    ),
    login(ask) {
      if (options.account !== null) return Promise.resolve(options.account);
      account ??= ask('GET /user').then(({ data }) => data.login);
      // A lost answer is no answer for ever.
      account.catch(() => (account = null));
      return account;
    },
  };
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
    resolve: async (repo) => remoteOf(named(repo)),
    access: (remote, visit) => accessOf(desk, named(remote.url), visit),
  };
}
