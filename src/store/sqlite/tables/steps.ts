/** The tables `steps` and `baselines`. */
import type { Store } from '../../store.ts';
import {
  addNote,
  begin,
  checkBegin,
  finish,
  resultJson,
  stepRecord,
  type StepRow,
} from '../../rules/step.ts';
import { checkName, fromJson, MAX_BASELINES, toJson } from '../../rules/value.ts';
import type { Connection } from '../connection.ts';
import type { Database } from '../database.ts';
import { heldJobNumber, jobNumber } from './jobs.ts';

const COLUMNS = 'key, tries, procedure_version, note, result';

function stepRow(db: Connection, number: number, key: string): StepRow | null {
  return db.get(
    `SELECT ${COLUMNS} FROM steps WHERE job_number = ? AND key = ?`,
    number,
    key,
  ) as StepRow | null;
}

/** How many steps a job has, by the position of the last one: a run has thousands, and each that begins asks. */
function countSteps(db: Connection, number: number): number {
  const row = db.get('SELECT max(position) AS last FROM steps WHERE job_number = ?', number);
  return ((row as { readonly last: number | null } | null)?.last ?? -1) + 1;
}

/** Stores a step; one that is there keeps its position. */
export function saveStep(db: Connection, number: number, row: StepRow, position: number): void {
  db.run(
    `INSERT INTO steps (job_number, position, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET tries = excluded.tries, procedure_version = excluded.procedure_version,
       note = excluded.note, result = excluded.result`,
    number,
    position,
    row.key,
    row.tries,
    row.procedure_version,
    row.note,
    row.result,
  );
}

/** Methods of the store about steps. */
export function stepMethods(
  database: Database,
): Pick<Store, 'beginStep' | 'noteStep' | 'finishStep' | 'readSteps' | 'clearSteps'> {
  return {
    async beginStep(lease, key, procedureVersion) {
      checkBegin(key, procedureVersion);
      return await database.write('normal', key.length, (db) => {
        const number = heldJobNumber(db, lease);
        const count = countSteps(db, number);
        const row = begin(stepRow(db, number, key), key, procedureVersion, count);
        saveStep(db, number, row, count);
        return stepRecord(row);
      });
    },
    async noteStep(lease, key, note, durability) {
      const json = toJson(note, `note of step ${key}`);
      await database.write(durability, json.length, (db) => {
        const number = heldJobNumber(db, lease);
        saveStep(db, number, addNote(stepRow(db, number, key), key, fromJson(json) as typeof note), 0);
      });
    },
    async finishStep(lease, key, result, durability) {
      const json = resultJson(key, result);
      await database.write(durability, json.length, (db) => {
        const number = heldJobNumber(db, lease);
        saveStep(db, number, finish(stepRow(db, number, key), key, json), 0);
      });
    },
    async readSteps(jobId) {
      const rows = await database.read(
        (db) =>
          db.all(
            `SELECT ${COLUMNS} FROM steps WHERE job_number = ? ORDER BY position`,
            jobNumber(db, jobId),
          ) as StepRow[],
      );
      return rows.map(stepRecord);
    },
    async clearSteps(lease) {
      await database.write('normal', 0, (db) => {
        db.run('DELETE FROM steps WHERE job_number = ?', heldJobNumber(db, lease));
      });
    },
  };
}

/** Methods of the store about baselines: a cache, so the oldest are forgotten. */
export function baselineMethods(database: Database): Pick<Store, 'getBaseline' | 'putBaseline'> {
  return {
    async getBaseline(key) {
      const row = await database.read(
        (db) => db.get('SELECT value FROM baselines WHERE key = ?', key) as { value: string } | null,
      );
      return row === null ? null : fromJson(row.value);
    },
    async putBaseline(key, value) {
      const json = toJson(value, 'baseline');
      checkName(key, 'baseline key');
      await database.write('normal', json.length, (db) => {
        db.run('DELETE FROM baselines WHERE key = ?', key);
        db.run('INSERT INTO baselines (key, value) VALUES (?, ?)', key, json);
        db.run('DELETE FROM baselines WHERE number <= last_insert_rowid() - ?', MAX_BASELINES);
      });
    },
  };
}
