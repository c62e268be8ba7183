/** What SQLite's errors mean to the person who runs this machine. */
import { codeOf, JobError } from '../../job/error.ts';

// Primary result codes of SQLite (sqlite.org/rescode.html); the low byte of an extended code.
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const CONSTRAINT = 19;
const NOTADB = 26;
/** `SQLITE_IOERR_SHMSIZE`: the index of the write-ahead log could not grow, which is a full disk as well. */
const IOERR_SHMSIZE = 4874;

const DAMAGED =
  'put the last back-up in its place by `agent-runner restore-db`; saved work is there whatever the database says: `agent-runner recover --from-saved`';
const DISK = 'free space on its disk, then try again; everything that was acknowledged is kept';
const LOCK =
  'find the process that holds it (a back-up, a stopped agent-runner, an SQLite shell) and end it, then try again';
const ACCESS =
  'check that this user may read and write the file and its directory, and that the disk is not mounted read-only';

/** SQLite's extended result code of a thrown value, or `null` when SQLite did not throw it. */
function resultCode(thrown: unknown): number | null {
  if (!(thrown instanceof Error) || codeOf(thrown) !== 'ERR_SQLITE_ERROR') return null;
  return 'errcode' in thrown && typeof thrown.errcode === 'number' ? thrown.errcode : 1;
}

/** Whether a transaction failed as a whole, as opposed to one operation in it having been refused. */
export function isDatabaseError(thrown: unknown): boolean {
  return resultCode(thrown) !== null;
}

/** Whether somebody else held a lock, so that trying again can help. */
export function isLocked(thrown: unknown): boolean {
  const primary = (resultCode(thrown) ?? 0) & 0xff;
  return primary === BUSY || primary === LOCKED;
}

/**
 * Anything thrown by or around the database as a `JobError` that names the file and what to do.
 *
 * @param path the database's file
 */
export function failureOf(thrown: unknown, path: string): JobError {
  if (thrown instanceof JobError) return thrown;
  const code = resultCode(thrown);
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  const failed = (message: string, hint: string): JobError =>
    new JobError('infra_failed', message, { hint, cause: thrown });
  if (code === null) return new JobError('bug', `the database ${path}: ${said}`, { cause: thrown });
  if (code === IOERR_SHMSIZE) return failed(`the disk of the database ${path} is full (${said})`, DISK);
  switch (code & 0xff) {
    case BUSY:
    case LOCKED:
      return failed(`the database ${path} stayed locked by another process (${said})`, LOCK);
    case FULL:
      return failed(`the disk of the database ${path} is full (${said})`, DISK);
    case CORRUPT:
    case NOTADB:
      return failed(`the file ${path} is no SQLite database, or it is damaged (${said})`, DAMAGED);
    case READONLY:
    case CANTOPEN:
      return failed(`the database ${path} can't be opened for writing (${said})`, ACCESS);
    case IOERR:
      return failed(
        `reading or writing the database ${path} failed (${said}, code ${code})`,
        'check the disk and its free space',
      );
    case CONSTRAINT:
      return new JobError('bug', `the database ${path} refused a row (${said})`, { cause: thrown });
    default:
      return failed(
        `the database ${path} failed (${said}, code ${code})`,
        'see the message; the job can be tried again',
      );
  }
}

/** Whether a database could not be opened or read because its file is damaged. */
export function isDamaged(error: unknown): boolean {
  const primary = (resultCode(error instanceof JobError ? error.cause : error) ?? 0) & 0xff;
  return primary === CORRUPT || primary === NOTADB;
}

/** The error of a path at which no database can be. */
export function pathFailure(thrown: unknown, path: string): JobError {
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  const full = codeOf(thrown) === 'ENOSPC';
  return new JobError('infra_failed', `the database ${path} can't be created (${said})`, {
    hint: full ? DISK : ACCESS,
    cause: thrown,
  });
}
