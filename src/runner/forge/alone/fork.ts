/** What works on a forge without a job, a home and a database: `fork` and `pr`, in any CI. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../../config.ts';
import type { Access, Forge, Remote } from '../../../forge/forge.ts';
import { nameOn, splitName } from '../../../forge/github/names.ts';
import { JobError } from '../../../job/error.ts';
import type { Git } from '../../../workspace/git.ts';
import { withCredential } from '../../../workspace/remote/credential.ts';
import { syncBranch, type Synced } from '../../../workspace/remote/sync.ts';

/** What the commands work with. */
export interface ForgeParts {
  readonly config: Config;
  readonly forge: Forge;
  readonly git: Git;
}

/** How long, and who is told of what takes time. */
export interface Attended {
  readonly signal: AbortSignal;
  readonly onNotice: (notice: string) => void;
}

/** A repository of the forge, and the way to it. */
export interface Reached {
  readonly remote: Remote;
  readonly access: Access;
  readonly git: Git;
}

/** A fork, and where its default branch is. */
export interface Forked {
  readonly upstream: string;
  readonly fork: string;
  /** `null` where it was not asked to be brought up to date. */
  readonly synced: Synced | null;
}

/** Git to a server that is read as nobody; without TLS only on this machine, as the settings admit. */
function anonymous(git: Git, url: string): Git {
  if (!url.startsWith('http://')) return git;
  return (target, args, options = {}) =>
    git(target, args, { ...options, env: { ...options.env, GIT_ALLOW_PROTOCOL: 'file:http' } });
}

/**
 * A repository of the forge by its name, to be read: as whoever is configured, else as nobody.
 *
 * @param field what it is called in errors
 * @throws JobError `invalid_request`
 */
export async function reachToRead(
  { config, forge, git }: ForgeParts,
  field: string,
  text: string,
  jobId: string,
  { signal, onNotice }: Attended,
): Promise<Reached> {
  const { url } = config.github;
  const name = splitName(text) ?? nameOn(url, text);
  if (name === null) {
    throw new JobError(
      'invalid_request',
      `${field}: ${JSON.stringify(text.slice(0, 200))} is no repository of ${url}`,
      { hint: `give owner/name, or ${url}/owner/name` },
    );
  }
  const remote = await forge.resolve(`${url}/${name.owner}/${name.name}`);
  const access = forge.access(remote, { jobId, signal, onNotice });
  const { credential } = access;
  const known =
    credential === undefined ? anonymous(git, remote.url) : withCredential(git, remote.url, credential);
  return { remote, access, git: known };
}

/**
 * A repository of the forge by its name, as whoever is configured.
 *
 * @param field what it is called in errors
 * @throws JobError `invalid_request`, `bad_configuration` where nobody is configured to go there
 */
export async function reachNamed(
  parts: ForgeParts,
  field: string,
  text: string,
  jobId: string,
  attended: Attended,
): Promise<Reached> {
  const reached = await reachToRead(parts, field, text, jobId, attended);
  if (reached.access.credential !== undefined) return reached;
  throw new JobError('bad_configuration', `${field}: no forge is configured`, {
    hint: 'set BOT_TOKEN to the token of an account there, or github_app_id and github_app_key_file',
  });
}

/** Lends an empty folder, which is removed afterwards. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-runner-forge-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Finds or makes the account's fork of a repository. Done twice, it has the effect of once.
 *
 * @param options.sync whether the fork's default branch is brought to where upstream's is
 * @throws JobError `repo_unusable`, `conflict` where the fork went its own way
 */
export async function forkUpstream(
  parts: ForgeParts,
  upstream: string,
  options: Attended & { readonly sync: boolean },
): Promise<Forked> {
  const { remote, access, git } = await reachNamed(parts, 'upstream', upstream, 'fork', options);
  const target = await access.open?.('always');
  if (target?.fork == null) throw new JobError('bug', `no fork was made of ${remote.display}`);
  const { fork } = target;
  const synced = options.sync
    ? await inFolder((folder) => syncBranch(git, folder, remote, target.remote))
    : null;
  return { upstream: remote.display, fork, synced };
}
