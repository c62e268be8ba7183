/** One write transaction, from begin to commit or to nothing. */
import type { Connection } from './connection.ts';

/**
 * Runs `work` in a transaction that holds the write lock from its start, so that what it reads stays true
 * until it commits. Synchronous, so that nothing else of this process comes between.
 *
 * @throws what `work` or SQLite threw; then nothing is written
 */
export function inTransaction<T>(db: Connection, work: () => T): T {
  // Left over only where an earlier rollback failed, as it can on a broken disk.
  if (db.inTransaction()) db.run('ROLLBACK');
  db.run('BEGIN IMMEDIATE');
  try {
    const value = work();
    db.run('COMMIT');
    return value;
  } catch (thrown) {
    // A full disk or a broken one makes SQLite roll back by itself.
    if (db.inTransaction()) db.run('ROLLBACK');
    throw thrown;
  }
}
