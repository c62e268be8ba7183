/**
 * Who we are to a GitHub server: an account by its token, or an App, whose tokens are made for one repository and
 * one job, with no more rights than a proposal needs, and end within the hour.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { createAppAuth } from '@octokit/auth-app';
import { JobError } from '../../job/error.ts';
import type { Ask } from './client.ts';
import { repoOf, type RepoName } from './names.ts';

/** An App, as the settings name it. */
export interface AppIdentity {
  readonly id: string;
  /** PEM file with its private key. */
  readonly keyFile: string;
}

/** What a token is for: to propose a change, or to start runs of a workflow and look at them. */
export type TokenUse = 'proposals' | 'runs';

/** Where tokens come from. */
export interface Tokens {
  readonly kind: 'account' | 'app';
  /** Tells those who ask apart, without telling a token. */
  readonly reader: string;
  /** A token for one repository and one job; the same again while it is valid. */
  tokenFor(repo: RepoName, jobId: string, use?: TokenUse): Promise<string>;
  /** Login under which an App writes; an account is asked by its token. */
  readonly bot?: () => Promise<string>;
}

/** What a proposal needs; beside it only `FOLLOW_PERMISSIONS` are asked for, whatever the App was given. */
export const APP_PERMISSIONS = {
  contents: 'write',
  issues: 'write',
  metadata: 'read',
  pull_requests: 'write',
  statuses: 'write',
  workflows: 'write',
} as const;

/** What runs of a workflow need, in the repository that has it. */
const RUN_PERMISSIONS = { actions: 'write', contents: 'read', metadata: 'read' } as const;

/** What following up on checks needs: asked for where it was granted, for all else works without it. */
export const FOLLOW_PERMISSIONS = { actions: 'read', checks: 'read' } as const;

/** Which of these rights are not among those that were given. */
export function lacking(
  given: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.entries(wanted)
    .filter(([right, level]) => (RANKS[String(given[right])] ?? 0) < (RANKS[level] ?? 0))
    .map(([right]) => right);
}

const RANKS: Readonly<Record<string, number>> = { read: 1, write: 2, admin: 3 };

/** What of following up an installation admits: a token that asks for more than it is refused. */
function followable(granted: Readonly<Record<string, unknown>>): Readonly<Record<string, 'read'>> {
  const lacks = lacking(granted, FOLLOW_PERMISSIONS);
  return Object.fromEntries(Object.entries(FOLLOW_PERMISSIONS).filter(([right]) => !lacks.includes(right)));
}

interface Minted {
  readonly token: string;
  /** Milliseconds of the epoch. */
  readonly endsAt: number;
}

/** Tokens are renewed when they have so long to live; they are made for an hour. */
const RENEW_MS = 10 * 60 * 1000;
/** Tokens that are remembered; more jobs than run at once. */
const MAX_REMEMBERED = 1000;

/** Longest answer to what a token takes. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Tokens of an account. */
export function accountTokens(value: string): Tokens {
  const reader = createHash('sha256').update(`reader ${value}`).digest('hex').slice(0, 32);
  return { kind: 'account', reader, tokenFor: () => Promise.resolve(value) };
}

async function readKey(file: string): Promise<string> {
  try {
    const key = await readFile(file, 'utf8');
    if (key.includes('PRIVATE KEY')) return key;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new JobError('bad_configuration', `github_app_key_file: ${file} can't be read: ${why}`, {
      hint: "download the App's private key and name its file",
    });
  }
  throw new JobError('bad_configuration', `github_app_key_file: ${file} holds no private key`, {
    hint: "download the App's private key, a .pem file, and name it",
  });
}

/** A refusal of an App, in words that say what to do at GitHub. */
function refusedApp(error: unknown, { owner, name }: RepoName, use: TokenUse): JobError {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 0;
  const said = error instanceof Error ? error.message : String(error);
  if (status === 404) {
    return new JobError('repo_unusable', `GitHub: the App is not installed on ${owner}/${name}`, {
      hint: `install it there, and admit this repository to it: ${said.slice(0, 200)}`,
    });
  }
  if (status === 401) {
    return new JobError('bad_configuration', `GitHub: the App was refused: ${said.slice(0, 200)}`, {
      hint: "check github_app_id, that github_app_key_file is this App's newest key, and this machine's clock",
    });
  }
  if (status === 422 || status === 403) {
    return new JobError(
      'repo_unusable',
      `GitHub: the App may not do what ${use === 'runs' ? 'starting a workflow' : 'a proposal'} needs: ${said.slice(0, 300)}`,
      {
        hint: `give the App these repository permissions, and accept them where it is installed: ${Object.entries(
          use === 'runs' ? RUN_PERMISSIONS : APP_PERMISSIONS,
        )
          .map(([right, level]) => `${right} (${level})`)
          .join(', ')}`,
      },
    );
  }
  return new JobError('infra_failed', `GitHub: no token for ${owner}/${name}: ${said.slice(0, 300)}`);
}

/** Asking as an App. */
interface AppAsking {
  readonly ask: Ask;
  readonly auth: ReturnType<typeof createAppAuth>;
  readonly headers: { readonly authorization: string };
}

/** The way to ask as the App itself, which may look at itself and mint tokens, and nothing else. */
export async function askAsApp(app: AppIdentity, apiUrl: string): Promise<AppAsking> {
  const [{ createAppAuth: create }, { Octokit }, privateKey] = await Promise.all([
    import('@octokit/auth-app'),
    import('@octokit/core'),
    readKey(app.keyFile),
  ]);
  const request = {
    fetch: (url: string, init: RequestInit) =>
      fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) }),
  };
  const ask = new Octokit({ baseUrl: apiUrl, userAgent: 'agent-runner', request }).request;
  const auth = create({ appId: app.id, privateKey, request: ask });
  return { ask, auth, headers: { authorization: `bearer ${(await auth({ type: 'app' })).token}` } };
}

/**
 * Tokens of an App.
 *
 * @param apiUrl address of the REST interface
 */
export function appTokens(app: AppIdentity, apiUrl: string, now: () => number = Date.now): Tokens {
  const known = new Map<string, Promise<Minted>>();
  const mint = async (repo: RepoName, use: TokenUse): Promise<Minted> => {
    const { ask, auth, headers } = await askAsApp(app, apiUrl);
    const at = { ...repoOf(repo), headers };
    const { data } = await ask('GET /repos/{owner}/{repo}/installation', at);
    const made = await auth({
      type: 'installation',
      installationId: data.id,
      repositoryNames: [repo.name],
      permissions: use === 'runs' ? RUN_PERMISSIONS : { ...APP_PERMISSIONS, ...followable(data.permissions) },
      refresh: true,
    });
    return { token: made.token, endsAt: Date.parse(made.expiresAt) };
  };
  let bot: Promise<string> | null = null;
  const askBot = async (): Promise<string> => {
    const { ask, headers } = await askAsApp(app, apiUrl);
    return `${(await ask('GET /app', { headers })).data?.slug ?? ''}[bot]`;
  };
  return {
    kind: 'app',
    reader: `app-${app.id}`,
    bot() {
      bot ??= askBot();
      bot.catch(() => (bot = null));
      return bot;
    },
    async tokenFor(repo, jobId, use = 'proposals') {
      const key = `${jobId} ${repo.owner}/${repo.name} ${use}`;
      const old = known.get(key);
      // Git and the REST interface ask beside each other: the second waits for what the first is given.
      const given = await old;
      if (given !== undefined && given.endsAt - now() > RENEW_MS) return given.token;
      const newer = known.get(key);
      if (newer !== undefined && newer !== old) return (await newer).token;
      const made = mint(repo, use).catch((error: unknown) => {
        if (known.get(key) === made) known.delete(key);
        throw error instanceof JobError ? error : refusedApp(error, repo, use);
      });
      known.delete(key);
      known.set(key, made);
      const [oldest] = known.keys();
      if (known.size > MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
      return (await made).token;
    },
  };
}
