/** The one composition root: takes resolved configuration and returns the wired runner. */
import { mkdir, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config.ts';
import { joinForges, type Forge } from '../forge/forge.ts';
import { createGithubForge } from '../forge/github.ts';
import { accountTokens, appTokens } from '../forge/github/tokens.ts';
import { createPaceBook, type PaceBook } from '../forge/github/pace.ts';
import { createLocalForge } from '../forge/local.ts';
import { createBaselines } from '../gate/gate.ts';
import { codeOf, JobError } from '../job/error.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { createGit, type Git } from '../workspace/git.ts';
import { exists } from '../workspace/keep/folders.ts';
import type { SavedRef } from '../workspace/keep/work.ts';
import { createLayout, type Layout } from '../workspace/layout.ts';
import { createCallbacks } from './callbacks/callbacks.ts';
import type { ForgeParts } from './forge/alone/fork.ts';
import { createSeals } from './forge/seal.ts';
import { withFailPoints } from './fail-points.ts';
import { openPaceBook } from './forge/pace.ts';
import { listAllSaved, nameBackup, refuseEmptied } from './keep/database.ts';
import { createModelRoom } from './models/account.ts';
import { createBell, withBell } from './queue/bell.ts';
import { createCancels } from './queue/cancel.ts';
import { createRunner, type Runner } from './runner.ts';

/**
 * Makes a folder and those above it, readable by its owner alone. Not by `mkdir` with `recursive`: where the
 * system answers ENOENT below a folder that exists (procfs), Node tries for ever.
 */
export async function makePrivateFolder(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path; dirname(at) !== at && !(await exists(at)); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
  // What is there must be a folder; a file in its place is named here and not by what fails later.
  await readdir(path);
}

function gitOf(config: Config): Git {
  return createGit({ path: config.host.path, home: config.host.home, network: config.host.registry });
}

/** All saved work of a home, newest first, without its database. */
export async function listSavedWork(config: Config): Promise<readonly SavedRef[]> {
  return listAllSaved(gitOf(config), createLayout(config.home, config.dbPath));
}

/** Codes of the system that say that this person may not write there. */
const DENIED: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);

/** Whether the system refused an operation on a file because this person may not do it. */
export function isDenied(error: unknown): boolean {
  return DENIED.has(codeOf(error) ?? '');
}

function openStore(layout: Layout, thread: boolean): Promise<Store> {
  const path = layout.database;
  return openSqliteStore(thread ? { path, thread } : { path }).catch(async (error: unknown) => {
    throw await nameBackup(error, layout);
  });
}

/** The forges: GitHub, where we or a job are somebody there, and what is reached by git alone. */
function forgeOf({ github, host }: Config, paceBook: PaceBook): Forge {
  const { url, apiUrl, token, app, username, forkTimeoutMs, forkPollMs, paceMs } = github;
  const local = createLocalForge({ cwd: host.cwd });
  const tokens = app !== null ? appTokens(app, apiUrl) : token !== null ? accountTokens(token) : null;
  const of = { url, apiUrl, tokens, app, otherwise: local, account: username };
  return joinForges(createGithubForge({ ...of, forkTimeoutMs, forkPollMs, paceMs, paceBook }), local);
}

/** The forge and git by themselves, for what needs no home. */
export function openForge(config: Config): ForgeParts {
  return { config, forge: forgeOf(config, createPaceBook()), git: gitOf(config) };
}

/**
 * Opens a runner on its home folder, which is made when it is missing (readable by its owner alone).
 *
 * @param options.lasts whether this process serves others for long: then a thread writes the database, and the event
 *   loop never waits for the disk
 * @throws JobError `bad_configuration` when home can't be made, `no_permission` when that is why, or what the store throws
 */
export async function openRunner(
  config: Config,
  { lasts = false }: { readonly lasts?: boolean } = {},
): Promise<Runner> {
  const layout = createLayout(config.home, config.dbPath);
  try {
    await makePrivateFolder(layout.home);
    await makePrivateFolder(dirname(layout.database));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new JobError(
      isDenied(error) ? 'no_permission' : 'bad_configuration',
      `home: ${layout.home} can't be made: ${why}`,
      {
        hint: 'set AGENT_RUNNER_HOME to a folder you may write to',
      },
    );
  }
  await refuseEmptied(layout);
  const bell = createBell(layout.bell);
  const { store, git, forge } = withFailPoints(
    {
      store: withBell(await openStore(layout, lasts), bell),
      git: gitOf(config),
      forge: forgeOf(config, openPaceBook(layout.pace)),
    },
    config.failAt,
  );
  const baselines = createBaselines({
    get: (key) => store.getBaseline(key),
    put: (key, value) => store.putBaseline(key, value),
  });
  const models = createModelRoom(config, store);
  const cancels = createCancels(store, bell);
  const callbacks = createCallbacks(config.webhooks, store);
  const seals = createSeals(layout.sealKey);
  const rooms = { store, layout, git, forge, baselines, models };
  return createRunner({ config, ...rooms, bell, cancels, callbacks, seals });
}
