/** Where a job's branch goes: the repository itself, or a fork of it that the account has or gets. */
import { setTimeout as sleep } from 'node:timers/promises';
import { JobError } from '../../job/error.ts';
import type { ForkMode } from '../../job/request.ts';
import { asJobError, once, statusOf, type Ask } from './client.ts';
import { isSameName, repoOf, splitName, type RepoName } from './names.ts';

/** What counts of a repository. */
export interface Repo {
  readonly full_name: string;
  readonly fork: boolean;
  readonly archived: boolean;
  readonly permissions?: { readonly push: boolean } | undefined;
  readonly parent?: { readonly full_name: string } | undefined;
  readonly source?: { readonly full_name: string } | undefined;
}

/** How forks are made and waited for. */
export interface ForkOptions {
  readonly mode: ForkMode;
  /** Milliseconds until a fork's branches must be there, and between two looks. */
  readonly timeoutMs: number;
  readonly pollMs: number;
  readonly signal: AbortSignal;
  readonly onNotice: (notice: string) => void;
}

/** A repository, or `null` where there is none that we may see. */
export async function findRepo(ask: Ask, repo: RepoName): Promise<Repo | null> {
  try {
    return (await ask('GET /repos/{owner}/{repo}', repoOf(repo))).data;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** @throws JobError `repo_unusable` where it is not there, or takes no more changes */
export async function usableRepo(ask: Ask, repo: RepoName): Promise<Repo> {
  const fullName = `${repo.owner}/${repo.name}`;
  const found = await findRepo(ask, repo).catch((error: unknown) => {
    throw asJobError(error, `read ${fullName}`, 'repo_unusable');
  });
  if (found === null) {
    throw new JobError('repo_unusable', `repo: ${fullName} is not there, or this token may not see it`, {
      hint: 'check the name; a private repository must be admitted to the token or the App',
    });
  }
  if (found.archived) {
    throw new JobError('repo_unusable', `repo: ${found.full_name} is archived and takes no changes`, {
      hint: 'unarchive it, or name another repository',
    });
  }
  return found;
}

function isForkOf(repo: Repo, upstream: Repo): boolean {
  const origins = [repo.parent?.full_name, repo.source?.full_name];
  const roots = [upstream.full_name, ...(upstream.source === undefined ? [] : [upstream.source.full_name])];
  return (
    repo.fork &&
    origins.some((origin) => origin !== undefined && roots.some((root) => isSameName(origin, root)))
  );
}

function conflict(there: Repo, upstream: Repo): JobError {
  const what = there.fork ? `a fork of ${there.parent?.full_name ?? 'another repository'}` : 'no fork';
  return new JobError(
    'repo_unusable',
    `fork: ${there.full_name} is ${what}, not a fork of ${upstream.full_name}`,
    {
      hint: 'rename that repository, or use another account (BOT_TOKEN); or give the account the right to push and set fork to never',
    },
  );
}

/**
 * Refuses a repository that a change of `upstream` can't come from: neither that one nor a fork of it.
 *
 * @throws JobError `repo_unusable`
 */
export async function admitFork(ask: Ask, upstream: RepoName, fork: RepoName): Promise<void> {
  if (isSameName(`${upstream.owner}/${upstream.name}`, `${fork.owner}/${fork.name}`)) return;
  const [above, there] = [await usableRepo(ask, upstream), await usableRepo(ask, fork)];
  if (!isForkOf(there, above)) throw conflict(there, above);
}

/** A fork is made in the background: it can be used when its branches are listed. */
async function untilReady(ask: Ask, fork: RepoName, options: ForkOptions): Promise<void> {
  const { timeoutMs, pollMs, signal, onNotice } = options;
  const start = Date.now();
  for (let told = false; ;) {
    const listed = await ask('GET /repos/{owner}/{repo}/branches', {
      ...repoOf(fork),
      per_page: 1,
    }).catch((error: unknown) => {
      if (statusOf(error) === 404 || statusOf(error) === 409) return { data: [] };
      throw error;
    });
    if (listed.data.length > 0) return;
    if (Date.now() - start + pollMs > timeoutMs) {
      throw new JobError(
        'infra_failed',
        `fork: ${fork.owner}/${fork.name} had no branches within ${timeoutMs / 1000} s`,
      );
    }
    if (!told) onNotice(`waiting for the fork ${fork.owner}/${fork.name}`);
    told = true;
    await sleep(pollMs, undefined, { signal });
  }
}

/** The account's fork of a repository, found or made. Done twice, it has the effect of once. */
async function forkOf(ask: Ask, upstream: Repo, account: string, options: ForkOptions): Promise<string> {
  const from = splitName(upstream.full_name);
  if (from === null) throw new JobError('bug', `GitHub names a repository ${upstream.full_name}`);
  const wanted = { owner: account, name: from.name };
  const find = async (): Promise<Repo | null> => {
    const there = await findRepo(ask, wanted);
    if (there !== null && !isForkOf(there, upstream)) throw conflict(there, upstream);
    return there;
  };
  const make = async (): Promise<Repo> => {
    options.onNotice(`forking ${upstream.full_name} to ${account}`);
    return (
      await ask('POST /repos/{owner}/{repo}/forks', {
        ...repoOf(from),
        default_branch_only: true,
      })
    ).data;
  };
  const { value } = await once(find, make, options).catch((error: unknown) => {
    throw asJobError(error, `fork ${upstream.full_name}`, 'repo_unusable');
  });
  const fork = splitName(value.full_name);
  if (fork === null || !isSameName(fork.owner, account))
    throw new JobError('infra_failed', `fork: GitHub made ${value.full_name}, wanted was one of ${account}`);
  await untilReady(ask, fork, options);
  return value.full_name;
}

/**
 * Decides where the branch goes, and makes the fork where one is needed.
 *
 * @param account login of the one who forks; `null` where nobody can (an App)
 * @returns full name of the fork, `null` for the repository itself
 * @throws JobError `repo_unusable` where neither is possible, or what has the fork's name is no fork of it
 */
export async function placeForBranch(
  ask: Ask,
  upstream: Repo,
  account: () => Promise<string> | null,
  options: ForkOptions,
): Promise<string | null> {
  const mayPush = upstream.permissions?.push === true;
  if (options.mode === 'never' || (options.mode === 'auto' && mayPush)) {
    if (mayPush) return null;
    throw new JobError('repo_unusable', `repo: this account may not push to ${upstream.full_name}`, {
      hint: 'give it the right to push, or let it fork: set fork to auto',
    });
  }
  const login = account();
  if (login === null) {
    throw new JobError(
      'repo_unusable',
      `repo: the App may not push to ${upstream.full_name}, and an App can't fork`,
      {
        hint: 'give the App Contents (read and write) there, or use a token instead (BOT_TOKEN)',
      },
    );
  }
  const name = await login;
  const owner = splitName(upstream.full_name)?.owner ?? '';
  if (isSameName(owner, name)) {
    throw new JobError(
      'repo_unusable',
      `fork: ${upstream.full_name} is ${name}'s own, and can't be forked by it`,
      {
        hint: 'set fork to auto or never, or use another account',
      },
    );
  }
  return forkOf(ask, upstream, name, options);
}
