/** The table `tallies`: figures of all jobs, kept up as they change, so that reading them costs no walk over jobs. */
import type { Job } from '../../../job/job.ts';
import type { Store, Tally } from '../../store.ts';
import { tallyChange } from '../../rules/tally.ts';
import type { Connection } from '../connection.ts';
import type { Database } from '../database.ts';

/** The schema of this table. What jobs ended with before it was there is not counted. */
export const TALLY_TABLE = `
CREATE TABLE tallies (
  series TEXT NOT NULL,
  of TEXT NOT NULL,
  agent TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (series, of, agent)
) STRICT, WITHOUT ROWID;
INSERT INTO tallies (series, of, agent, value)
  SELECT 'jobs', status, json_extract(request, '$.agent'), count(*) FROM jobs
  WHERE json_valid(request) GROUP BY 2, 3;
`;

/** Counts a job that was stored (`before` is `null`) or changed. */
export function count(db: Connection, before: Job | null, after: Job): void {
  add(db, tallyChange(before, after));
}

/** Adds to the figures. */
export function add(db: Connection, tallies: readonly Tally[]): void {
  for (const { series, of, agent, value } of tallies) {
    db.run(
      `INSERT INTO tallies (series, of, agent, value) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET value = value + excluded.value`,
      series,
      of,
      agent,
      value,
    );
  }
}

/** Reading the figures, and whether anything can be written at all. */
export function tallyMethods(database: Database): Pick<Store, 'readTallies' | 'probe'> {
  return {
    async readTallies() {
      return await database.read(
        (db) =>
          db.all(
            'SELECT series, of, agent, value FROM tallies WHERE value <> 0 ORDER BY series, of, agent',
          ) as Tally[],
      );
    },
    async probe() {
      await database.write('normal', 0, (db) => {
        db.run(
          "INSERT INTO switches (name, value) VALUES ('probe', 1) ON CONFLICT DO UPDATE SET value = value + 1",
        );
      });
    },
  };
}
