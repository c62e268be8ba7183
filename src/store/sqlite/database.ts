/** A database that is open: how its tables are read and written. */
import { mkdirSync, openSync, closeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { Durability } from '../store.ts';
import { configure, connect, type Connection } from './connection.ts';
import { failureOf, pathFailure } from './failure.ts';
import { whileLocked } from './lock.ts';
import { inspect, migrate } from './migrate.ts';
import { createWriter, type Writer } from './writer.ts';

/** What the tables' methods work with. */
export interface Database {
  readonly now: () => Date;
  /** Runs `query` on committed rows, waiting for locks. */
  read<T>(query: (db: Connection) => T): Promise<T>;
  readonly write: Writer['write'];
  close(): Promise<void>;
}

/** Creates the file and its directory for this user alone: tasks and transcripts are nobody else's business. */
function createFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600));
  } catch (thrown) {
    throw pathFailure(thrown, path);
  }
}

/** Write-ahead logging lets readers and one writer of several processes work at once. */
function useWriteAheadLog(db: Connection, path: string): void {
  const mode = (db.get('PRAGMA journal_mode = WAL') as { journal_mode: string } | null)?.journal_mode;
  if (mode === 'wal') return;
  throw new JobError(
    'infra_failed',
    `the database ${path} can't use a write-ahead log (it stays in mode ${mode})`,
    {
      hint: 'keep the database on a local disk; network file systems lack what it needs',
    },
  );
}

async function openConnections(path: string): Promise<Record<Durability, Connection>> {
  const opened: Connection[] = [];
  const open = (durability: Durability): Connection => {
    const db = connect(path);
    opened.push(db);
    configure(db, durability);
    return db;
  };
  try {
    const normal = await whileLocked(() => open('normal'));
    await whileLocked(() => {
      inspect(normal, path);
    });
    await whileLocked(() => {
      useWriteAheadLog(normal, path);
    });
    await migrate(normal, path);
    return { normal, full: await whileLocked(() => open('full')) };
  } catch (thrown) {
    for (const db of opened) db.close();
    throw failureOf(thrown, path);
  }
}

/**
 * Opens a database, creates it where there is none, and brings its schema up to date.
 *
 * @param givenPath file; its directory is created
 * @throws JobError `infra_failed` or `bad_configuration`
 */
export async function openDatabase(givenPath: string, now: () => Date): Promise<Database> {
  if (givenPath === '' || givenPath === ':memory:' || givenPath.includes('\0')) {
    throw new JobError('bad_configuration', `store path: ${JSON.stringify(givenPath)} is no file`, {
      hint: 'give the path of a file; what need not last belongs into the memory store',
    });
  }
  const path = resolve(givenPath);
  createFile(path);
  const connections = await openConnections(path);
  const writer = createWriter(connections, path);
  let closed = false;
  return {
    now,
    write: (durability, bytes, work, last) => writer.write(durability, bytes, work, last),
    async read(query) {
      try {
        return await whileLocked(() => {
          if (closed) throw new JobError('infra_failed', `the database ${path} is closed`);
          return query(connections.normal);
        });
      } catch (thrown) {
        throw failureOf(thrown, path);
      }
    },
    async close() {
      await writer.close();
      closed = true;
      connections.full.close();
      connections.normal.close();
    },
  };
}
