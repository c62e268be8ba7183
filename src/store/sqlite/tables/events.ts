/** The tables `events` and `messages`. */
import type { Store } from '../../store.ts';
import { checkWaiting, eventRow, jobEvent, type EventRow } from '../../rules/event.ts';
import { checkInteger, checkLimit, checkName, fromJson, toJson } from '../../rules/value.ts';
import type { Connection } from '../connection.ts';
import type { Database } from '../database.ts';
import { heldJobNumber, jobNumber } from './jobs.ts';
import { wake } from './queue.ts';

/** Bytes that a row costs besides its data, about. */
const ROW_BYTES = 100;

/** Numbers rows on from the last one. The caller's transaction holds the write lock, so no other writer does. */
export function appendRows(db: Connection, number: number, rows: readonly EventRow[]): number {
  const last =
    (db.get('SELECT max(seq) AS seq FROM events WHERE job_number = ?', number) as { seq: number } | null)
      ?.seq ?? 0;
  let seq = last;
  for (const row of rows) {
    seq++;
    db.run(
      'INSERT INTO events (job_number, seq, type, phase, attempt, time, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
      number,
      seq,
      row.type,
      row.phase,
      row.attempt,
      row.time,
      row.data,
    );
  }
  return last + 1;
}

/** Methods of the store about events. */
export function eventMethods(database: Database): Pick<Store, 'appendEvents' | 'readEvents'> {
  return {
    async appendEvents(jobId, events, durability = 'normal') {
      const rows = events.map(eventRow);
      const bytes = rows.reduce((sum, row) => sum + row.data.length + ROW_BYTES, 0);
      const first = await database.write(durability, bytes, (db) =>
        appendRows(db, jobNumber(db, jobId), rows),
      );
      return rows.map((row, at) => jobEvent(jobId, first + at, row));
    },
    async readEvents(jobId, after, limit) {
      checkInteger(after, 'after');
      checkLimit(limit);
      const rows = await database.read(
        (db) =>
          db.all(
            `SELECT seq, type, phase, attempt, time, data FROM events WHERE job_number = ? AND seq > ?
           ORDER BY seq LIMIT ?`,
            jobNumber(db, jobId),
            checkInteger(after, 'after'),
            checkLimit(limit),
          ) as (EventRow & { readonly seq: number })[],
      );
      return rows.map((row) => jobEvent(jobId, row.seq, row));
    },
  };
}

interface MessageRow {
  readonly text: string;
}

function takenMessage(db: Connection, number: number, stepKey: string): MessageRow | null {
  return db.get(
    'SELECT text FROM messages WHERE job_number = ? AND taken_by = ?',
    number,
    stepKey,
  ) as MessageRow | null;
}

function takeOldest(db: Connection, number: number, stepKey: string): MessageRow | null {
  return db.get(
    `UPDATE messages SET taken_by = ?2 WHERE number =
       (SELECT number FROM messages WHERE job_number = ?1 AND taken_by IS NULL ORDER BY number LIMIT 1)
     RETURNING text`,
    number,
    stepKey,
  ) as MessageRow | null;
}

function countWaiting(db: Connection, number: number): number {
  const row = db.get(
    'SELECT count(*) AS count FROM messages WHERE job_number = ? AND taken_by IS NULL',
    number,
  ) as { count: number } | null;
  return row?.count ?? 0;
}

/** Methods of the store about messages. The text is kept as JSON, for what people paste has no bounds but size. */
export function messageMethods(
  database: Database,
): Pick<Store, 'addMessage' | 'takeMessage' | 'countMessages'> {
  return {
    async addMessage(jobId, text, time) {
      const json = toJson(text, 'message');
      await database.write('full', json.length, (db) => {
        const number = jobNumber(db, jobId);
        checkWaiting(jobId, countWaiting(db, number));
        db.run('INSERT INTO messages (job_number, time, text) VALUES (?, ?, ?)', number, time, json);
        wake(db, number);
      });
    },
    async countMessages(jobId) {
      return await database.read((db) => countWaiting(db, jobNumber(db, jobId)));
    },
    async takeMessage(lease, stepKey) {
      checkName(stepKey, 'step');
      return await database.write('normal', 0, (db) => {
        const number = heldJobNumber(db, lease);
        const row = takenMessage(db, number, stepKey) ?? takeOldest(db, number, stepKey);
        return row === null ? null : (fromJson(row.text) as string);
      });
    },
  };
}

const TRIMMABLE = `SELECT number, job_id FROM jobs WHERE outcome IS NOT NULL AND finished_at < ?
  AND (EXISTS (SELECT 1 FROM events WHERE job_number = number) OR EXISTS (SELECT 1 FROM steps WHERE job_number = number))
  ORDER BY created_ms, number LIMIT ?`;

/** Forgetting the logs of old jobs. */
export function trimMethods(database: Database): Pick<Store, 'trimJobs'> {
  const find = (db: Connection, before: string, limit: number): { number: number; job_id: string }[] =>
    db.all(TRIMMABLE, before, limit) as { number: number; job_id: string }[];
  return {
    async trimJobs(finishedBefore, limit, dryRun) {
      const max = checkLimit(limit);
      if (dryRun) {
        const rows = await database.read((db) => find(db, finishedBefore, max));
        return rows.map((row) => row.job_id);
      }
      return await database.write('normal', 0, (db) => {
        const rows = find(db, finishedBefore, max);
        for (const { number } of rows) {
          db.run('DELETE FROM events WHERE job_number = ?', number);
          db.run('DELETE FROM steps WHERE job_number = ?', number);
          db.run('DELETE FROM messages WHERE job_number = ?', number);
          db.run("DELETE FROM deliveries WHERE job_number = ? AND status <> 'pending'", number);
        }
        return rows.map((row) => row.job_id);
      });
    },
  };
}
