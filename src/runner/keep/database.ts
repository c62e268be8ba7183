/** The database when it is damaged, and the copies that are taken so that it can be. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { JobError } from '../../job/error.ts';
import {
  backUpDatabase,
  checkDatabase,
  copyDatabase,
  listBackups,
  restoreDatabase,
} from '../../store/backup/backup.ts';
import { isDamaged } from '../../store/sqlite/failure.ts';
import type { Store } from '../../store/store.ts';
import type { Git } from '../../workspace/git.ts';
import { createLayout, type Layout } from '../../workspace/layout.ts';
import { namesIn } from '../../workspace/keep/folders.ts';
import { withLock } from '../../workspace/keep/owner.ts';
import { listSaved, savedRepositories, type SavedRef } from '../../workspace/keep/work.ts';

const MAX_NAMED = 5;

/** Takes the daily back-up. A courtesy at the end of a run: it never fails, `doctor` says when there is none. */
export async function backUpDaily({ database, backups, home }: Layout): Promise<string | null> {
  const take = (): Promise<string | null> => backUpDatabase(database, backups, new Date());
  return withLock(join(home, 'backup.lock'), take, 0).catch(() => null);
}

/**
 * Copies the database into a file that a person names, at any time.
 *
 * @throws JobError `infra_failed` (damaged, full disk), `not_found` (no such folder), `invalid_request` (the database itself)
 */
export async function backUpTo({ home, dbPath }: Config, target: string): Promise<string> {
  const { database } = createLayout(home, dbPath);
  if (target === database)
    throw new JobError('invalid_request', `backup: ${target} is the database itself`, {
      hint: 'name another file, best on another disk',
    });
  await copyDatabase(database, target);
  return target;
}

/** Refuses an emptied file: SQLite takes one for a new database, and every job would be gone without a word. */
export async function refuseEmptied({ database, backups }: Layout): Promise<void> {
  const size = (await stat(database).catch(() => null))?.size;
  const newest = size === 0 ? (await listBackups(database, backups))[0] : undefined;
  if (newest === undefined) return;
  throw new JobError('infra_failed', `the database ${database} is empty, and there is a back-up of it`, {
    hint: `\`agent-runner restore-db\` puts ${newest.path} in its place; delete the file to begin anew`,
  });
}

/** The error of a damaged database with the back-up that can be put back; any other error as it came. */
export async function nameBackup(error: unknown, { database, backups }: Layout): Promise<unknown> {
  if (!(error instanceof JobError) || !isDamaged(error)) return error;
  const newest = (await listBackups(database, backups))[0];
  const way =
    newest === undefined
      ? 'there is no back-up: move it away with its -wal and -shm files to begin with an empty one'
      : `\`agent-runner restore-db\` puts ${newest.path} in its place`;
  return new JobError(error.code, error.message, {
    hint: `${way}; saved work is there all the same: \`agent-runner recover --from-saved\``,
    cause: error.cause,
  });
}

/** What was put back. */
export interface Restored {
  readonly database: string;
  readonly backup: string;
  /** Where the replaced file lies now. */
  readonly replaced: string | null;
}

/**
 * Puts the newest sound back-up in the place of the database.
 *
 * @param force also where the database is sound
 * @throws JobError `not_found` (no back-up), `conflict` (the database is sound), `infra_failed` (none is sound)
 */
export async function restoreBackup(config: Config, force: boolean): Promise<Restored> {
  const { database, backups } = createLayout(config.home, config.dbPath);
  const size = (await stat(database).catch(() => null))?.size ?? 0;
  const isSound = size > 0 && (await checkDatabase(database).catch(() => ['unreadable'])).length === 0;
  if (isSound && !force) {
    throw new JobError('conflict', `restore-db: the database ${database} is sound`, {
      hint: 'give --force to go back to the last back-up all the same',
    });
  }
  let last: unknown = new JobError('not_found', `restore-db: there is no back-up in ${backups}`, {
    hint: 'move the database away to begin with an empty one; `agent-runner recover --from-saved` lists saved work',
  });
  for (const { path } of await listBackups(database, backups)) {
    try {
      return { database, backup: path, replaced: await restoreDatabase(database, path, new Date()) };
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** All saved work below a home, read from the repositories alone: the database may be lost. */
export async function listAllSaved(git: Git, layout: Layout): Promise<readonly SavedRef[]> {
  const all = await Promise.all((await savedRepositories(layout)).map((saved) => listSaved(git, saved)));
  return all.flat().toSorted((a, b) => b.date.localeCompare(a.date));
}

/** What `doctor` says of a database that opens: whether it is sound, backed up, and knows every job there is. */
export async function examineDatabase(
  store: Store,
  layout: Layout,
): Promise<
  readonly {
    readonly state: 'ok' | 'warning' | 'failed';
    readonly detail: string;
    readonly fix: string | null;
  }[]
> {
  const wrong = await checkDatabase(layout.database);
  if (wrong.length > 0) {
    const detail = `${layout.database} is damaged: ${(wrong[0] ?? '').replaceAll('\n', ' ').slice(0, 200)}`;
    return [{ state: 'failed', detail, fix: '`agent-runner restore-db` puts the last back-up in its place' }];
  }
  const newest = (await listBackups(layout.database, layout.backups))[0];
  const taken =
    newest === undefined ? 'no back-up yet' : `back-up of ${new Date(newest.takenMs).toISOString()}`;
  const unknown: string[] = [];
  for (const name of (await namesIn(join(layout.home, 'jobs'))).filter((one) => one.startsWith('job-')))
    if ((await store.getJob(name)) === null) unknown.push(name);
  const sound = { state: 'ok', detail: `${layout.database}: sound, ${taken}`, fix: null } as const;
  if (unknown.length === 0) return [sound];
  const left = unknown.length - MAX_NAMED;
  const named = unknown.slice(0, MAX_NAMED).join(', ') + (left > 0 ? ` and ${left} more` : '');
  const detail = `${unknown.length} jobs have folders and are unknown to the database, which lost rows or was replaced: ${named}`;
  return [sound, { state: 'warning', detail, fix: 'see `agent-runner recover --from-saved` for their work' }];
}
