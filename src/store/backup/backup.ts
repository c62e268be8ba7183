/** Copies of the database, taken while it is in use, and putting one back. */
import { chmod, copyFile, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { mkdir } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { JobError } from '../../job/error.ts';
import { connect, type Connection } from '../sqlite/connection.ts';
import { failureOf } from '../sqlite/failure.ts';
import { whileLocked } from '../sqlite/lock.ts';

/** Back-ups that are kept: the last one may be as damaged as the database, where nobody looked for days. */
const KEPT = 3;
const DAY_MS = 24 * 3600_000;

/** A back-up, with the time it was taken (milliseconds since 1970). */
export interface Backup {
  readonly path: string;
  readonly takenMs: number;
}

/**
 * The back-ups of a database in a folder, newest first.
 *
 * @param path the database's file
 */
export async function listBackups(path: string, folder: string): Promise<readonly Backup[]> {
  const prefix = `${basename(path)}.`;
  const names = (await readdir(folder).catch(() => [])).filter(
    (name) => name.startsWith(prefix) && /^\d{8}T\d{6}Z$/.test(name.slice(prefix.length)),
  );
  const found = await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name);
      return { path: file, takenMs: (await stat(file)).mtimeMs };
    }),
  );
  return found.toSorted((a, b) => b.path.localeCompare(a.path));
}

function checked(db: Connection): readonly string[] {
  const rows = db.all('PRAGMA integrity_check(5)') as { integrity_check: string }[];
  return rows.map((row) => row.integrity_check).filter((said) => said !== 'ok');
}

async function withDatabase<T>(path: string, work: (db: Connection) => T): Promise<T> {
  let db: Connection | null = null;
  try {
    // Opened as a file that is there: a look must not make a new database.
    await stat(path);
    db = connect(resolve(path));
    const opened = db;
    return await whileLocked(() => work(opened));
  } catch (thrown) {
    throw failureOf(thrown, path);
  } finally {
    db?.close();
  }
}

/**
 * What SQLite finds wrong in a database, as sentences; none where it is sound. It reads the whole file, and finds
 * most flipped bytes, but not those in free space or within a text.
 *
 * @throws JobError `infra_failed` when it can't be read at all
 */
export async function checkDatabase(path: string): Promise<readonly string[]> {
  return withDatabase(path, checked);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function stampOf(now: Date): string {
  return now.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
}

/**
 * Takes a back-up unless there is one of the last 24 hours, and keeps the last three. A damaged database is never
 * backed up, so it can't push a good back-up out.
 *
 * @returns the back-up's path, or `null` when none was due
 * @throws JobError `infra_failed` (damaged, full disk)
 */
export async function backUpDatabase(path: string, folder: string, now: Date): Promise<string | null> {
  const known = await listBackups(path, folder);
  if (known[0] !== undefined && now.getTime() - known[0].takenMs < DAY_MS) return null;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const target = join(folder, `${basename(path)}.${stampOf(now)}`);
  await copyDatabase(path, target);
  for (const old of (await listBackups(path, folder)).slice(KEPT)) await rm(old.path, { force: true });
  return target;
}

/**
 * Copies a database that is in use into a file of its own, whole and on the disk when it resolves. A file that is there
 * is replaced at the end, in one step.
 *
 * @throws JobError `infra_failed` (damaged, full disk), `not_found` where the target's folder is not there
 */
export async function copyDatabase(path: string, target: string): Promise<void> {
  const folder = dirname(target);
  if (!(await stat(folder).catch(() => null))?.isDirectory())
    throw new JobError('not_found', `backup: there is no folder ${folder}`, { hint: 'make it first' });
  const building = `${target}.new-${randomBytes(6).toString('hex')}`;
  try {
    await withDatabase(path, (db) => {
      const wrong = checked(db);
      if (wrong.length > 0) throw damaged(path, wrong);
      db.run('VACUUM INTO ?', building);
    });
    await chmod(building, 0o600);
    await sync(building);
    await rename(building, target);
    await sync(folder);
  } finally {
    await rm(building, { force: true });
  }
}

function damaged(path: string, wrong: readonly string[]): JobError {
  return new JobError(
    'infra_failed',
    `the database ${path} is damaged (${(wrong[0] ?? '').split('\n')[0] ?? ''})`,
    {
      hint: 'put a back-up in its place by `agent-runner restore-db`',
    },
  );
}

/**
 * Puts a back-up in the place of a database. What was there is kept beside it, under a name of its own.
 *
 * @returns where the replaced file lies now, or `null` where there was none
 * @throws JobError `infra_failed` when the back-up itself is damaged
 */
export async function restoreDatabase(path: string, backup: string, now: Date): Promise<string | null> {
  const wrong = await checkDatabase(backup);
  if (wrong.length > 0) throw damaged(backup, wrong);
  const building = `${path}.new-${randomBytes(6).toString('hex')}`;
  const replaced = `${path}.replaced-${stampOf(now)}`;
  await copyFile(backup, building);
  await chmod(building, 0o600);
  await sync(building);
  // The log goes first: beside another database it would be replayed into that one.
  for (const suffix of ['-wal', '-shm'])
    await rename(`${path}${suffix}`, `${replaced}${suffix}`).catch(() => {});
  // A second name and not a move: at no time is there no database, which would be made anew, and empty.
  const isThere = await copyFile(path, replaced).then(
    () => true,
    () => false,
  );
  await rename(building, path);
  await sync(dirname(path));
  return isThere ? replaced : null;
}
