/** The write queue alone, with writes that no store makes. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { JobError } from '../../src/job/error.ts';
import { connect, type Connection } from '../../src/store/sqlite/connection.ts';
import { createWriter, type Writer } from '../../src/store/sqlite/writer.ts';
import { rejected } from '../contract/store.ts';
import { testDirectory } from './directory.ts';

const MEBIBYTE = 1024 * 1024;

function openWriter(): { path: string; db: Connection; writer: Writer } {
  const path = join(testDirectory(), 'queue.db');
  const [full, normal] = [connect(path), connect(path)];
  normal.script('PRAGMA journal_mode = WAL');
  normal.script('CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT');
  const writer = createWriter({ full, normal }, path);
  onTestFinished(async () => {
    await writer.close();
    full.close();
    normal.close();
  });
  return { path, db: normal, writer };
}

function insert(n: number): (db: Connection) => number {
  return (db) => {
    db.run('INSERT INTO t (n) VALUES (?)', n);
    return n;
  };
}

function numbers(db: Connection): number[] {
  return (db.all('SELECT n FROM t ORDER BY n') as { n: number }[]).map((row) => row.n);
}

test('what a refused write has written is undone, and nothing else', async () => {
  const { db, writer } = openWriter();
  const ended = await Promise.allSettled([
    writer.write('normal', 0, insert(1)),
    writer.write('full', 0, (to) => {
      insert(2)(to);
      throw new JobError('conflict', 'refused after writing');
    }),
    writer.write('normal', 0, (to) => {
      insert(3)(to);
      throw new TypeError('a bug after writing');
    }),
    writer.write('normal', 0, insert(4)),
  ]);
  expect(ended[1]).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
  expect(ended[2]).toMatchObject({ status: 'rejected', reason: { code: 'bug' } });
  expect(numbers(db)).toEqual([1, 4]);
});

test('a row that the database refuses fails its own write only', async () => {
  const { db, writer } = openWriter();
  const writes = [insert(1), insert(1), insert(2)].map((work) => writer.write('normal', 0, work));
  const ended = await Promise.allSettled(writes);
  expect(ended).toMatchObject([{ value: 1 }, { reason: { code: 'bug' } }, { value: 2 }]);
  expect(numbers(db)).toEqual([1, 2]);
});

test('a promise resolves only after its commit, and one commit serves a whole turn of the event loop', async () => {
  const { path, writer } = openWriter();
  const other = new DatabaseSync(path);
  const version = (): unknown => other.prepare('PRAGMA data_version').get()?.['data_version'];
  const before = version();
  const seen = new Set<unknown>();
  await Promise.all(
    Array.from({ length: 500 }, async (_, n) => {
      await writer.write(n % 2 === 0 ? 'normal' : 'full', 0, insert(n));
      seen.add(version());
      expect(other.prepare('SELECT n FROM t WHERE n = ?').get(n)).toEqual({ n });
    }),
  );
  expect([...seen]).toHaveLength(1);
  expect(seen.has(before)).toBe(false);
  other.close();
});

test('the queue is bounded while the lock is held, and empties afterwards', async () => {
  const { path, db, writer } = openWriter();
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  const waiting = [writer.write('normal', 200 * MEBIBYTE, insert(1))];
  // The first is taken out of the queue, and waits for the lock alone.
  await new Promise((resolve) => setTimeout(resolve, 50));
  waiting.push(writer.write('normal', 200 * MEBIBYTE, insert(2)));
  const error = await rejected(writer.write('normal', 100 * MEBIBYTE, insert(3)), 'infra_failed');
  expect(error.message).toContain('1 writes');
  expect(error.hint).toContain('lock');
  other.exec('ROLLBACK');
  other.close();
  expect(await Promise.all(waiting)).toEqual([1, 2]);
  expect(numbers(db)).toEqual([1, 2]);
  expect(await writer.write('normal', 100 * MEBIBYTE, insert(3))).toBe(3);
});

test('a closed writer settles what waits and takes no more', async () => {
  const { db, writer } = openWriter();
  const waiting = writer.write('normal', 0, insert(1));
  await writer.close();
  expect(await waiting).toBe(1);
  await rejected(writer.write('normal', 0, insert(2)), 'infra_failed');
  expect(numbers(db)).toEqual([1]);
});
