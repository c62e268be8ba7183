/**
 * The one queue through which everything is written. What is asked for in the same turn of the event loop, or
 * while a commit runs, is committed together: a commit costs a disk flush when it is `full`, and most of a
 * small write's time when it is not.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { JobError } from '../../job/error.ts';
import type { Durability } from '../store.ts';
import type { Connection } from './connection.ts';
import { failureOf, isDatabaseError, isLocked } from './failure.ts';
import { whileLocked } from './lock.ts';
import { inTransaction } from './transaction.ts';

/** Most writes in one transaction; at 35,000 rows a second it stops the event loop for about 30 ms. */
const MAX_BATCH_WRITES = 1000;
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
/** More than this waits only while another process holds the lock for seconds. */
const MAX_QUEUED_WRITES = 100_000;
const MAX_QUEUED_BYTES = 256 * 1024 * 1024;

/** What a write that was not refused leaves to do. */
interface Attempted {
  /** Runs once for the whole transaction, before its commit. */
  readonly last: () => void;
  /** Settles its promise once the transaction is committed. */
  readonly settle: () => void;
}

/** Something to write. */
interface Write {
  readonly durability: Durability;
  readonly bytes: number;
  readonly attempt: (db: Connection) => Attempted;
  readonly reject: (error: JobError) => void;
}

/** Writes in the order of the calls. */
export interface Writer {
  /**
   * Runs `work` in a transaction and resolves with its value after the commit. `work` may run more than once,
   * so it changes nothing but the database; where it throws, nothing of it is written.
   *
   * @param bytes about how much it writes
   * @param last writes more once every write of the transaction was tried. It is for the index of words: a savepoint, which
   *   each write has of its own, makes it write out what it holds, and so submitting 40 % slower. It can't be refused
   */
  write<T>(
    durability: Durability,
    bytes: number,
    work: (db: Connection) => T,
    last?: (db: Connection, value: T) => void,
  ): Promise<T>;
  /** Refuses further writes and resolves when those that wait are settled. */
  close(): Promise<void>;
}

/** Runs one write so that its refusal undoes it alone. An error of the database itself fails the transaction. */
function attemptOne(db: Connection, write: Write, path: string): Attempted {
  db.run('SAVEPOINT one');
  try {
    const attempted = write.attempt(db);
    db.run('RELEASE one');
    return attempted;
  } catch (thrown) {
    if (isDatabaseError(thrown)) throw thrown;
    db.run('ROLLBACK TO one');
    db.run('RELEASE one');
    return {
      last: () => {},
      settle: () => {
        write.reject(failureOf(thrown, path));
      },
    };
  }
}

/** Tries every write of a batch, and then what they left for the end. */
function attemptAll(db: Connection, batch: readonly Write[], path: string): readonly Attempted[] {
  const attempted = batch.map((write) => attemptOne(db, write, path));
  for (const { last } of attempted) last();
  return attempted;
}

/**
 * The writer of one database.
 *
 * @param connections one for each durability; a batch with one `full` write is committed `full` as a whole
 * @param path names the database in errors
 */
export function createWriter(connections: Readonly<Record<Durability, Connection>>, path: string): Writer {
  const queue: Write[] = [];
  let queuedBytes = 0;
  let pumping: Promise<void> | null = null;
  let closed = false;

  function takeBatch(): Write[] {
    let count = 0;
    let bytes = 0;
    for (const write of queue) {
      if (count === MAX_BATCH_WRITES || (count > 0 && bytes + write.bytes > MAX_BATCH_BYTES)) break;
      count++;
      bytes += write.bytes;
    }
    queuedBytes -= bytes;
    return queue.splice(0, count);
  }

  async function commit(batch: readonly Write[]): Promise<void> {
    const db = connections[batch.some((write) => write.durability === 'full') ? 'full' : 'normal'];
    try {
      const attempted = await whileLocked(() => inTransaction(db, () => attemptAll(db, batch, path)));
      for (const { settle } of attempted) settle();
    } catch (thrown) {
      if (batch.length === 1 || isLocked(thrown)) {
        for (const write of batch) write.reject(failureOf(thrown, path));
        return;
      }
      // One large write that no longer fits on the disk must not take the small ones with it.
      for (const write of batch) await commit([write]);
    }
  }

  async function pump(): Promise<void> {
    do {
      await nextTurn();
      await commit(takeBatch());
    } while (queue.length > 0);
    pumping = null;
  }

  return {
    write<T>(
      durability: Durability,
      bytes: number,
      work: (db: Connection) => T,
      last?: (db: Connection, value: T) => void,
    ): Promise<T> {
      if (closed) return Promise.reject(new JobError('infra_failed', `the database ${path} is closed`));
      const tooLarge = queue.length > 0 && queuedBytes + bytes > MAX_QUEUED_BYTES;
      if (queue.length >= MAX_QUEUED_WRITES || tooLarge) {
        const message = `${queue.length} writes (${queuedBytes} bytes) wait already for the database ${path}`;
        const hint =
          'wait for earlier writes, and see whether another process holds its lock or the disk is slow';
        return Promise.reject(new JobError('infra_failed', message, { hint }));
      }
      return new Promise<T>((resolve, reject) => {
        const attempt = (db: Connection): Attempted => {
          const value = work(db);
          const settle = (): void => resolve(value);
          return { last: () => last?.(db, value), settle };
        };
        queue.push({ durability, bytes, attempt, reject });
        queuedBytes += bytes;
        pumping ??= pump();
      });
    },
    async close() {
      closed = true;
      // The queue is bounded and nothing is added any more, so this ends.
      await pumping;
    },
  };
}
