/** Changes of jobs in the order in which they were committed: what whoever looks at many jobs reads instead of all of them. */
import type { Job } from '../../../job/job.ts';
import type { Store } from '../../store.ts';
import { checkInteger, checkLimit } from '../../rules/value.ts';
import type { Connection } from '../connection.ts';
import type { Database } from '../database.ts';

/**
 * Its schema. Jobs from before have no number, so that nothing is written for them; the index passes over them. With it
 * come what lists are narrowed by: who was to edit, and what is no step of a run.
 */
export const CHANGES = `
ALTER TABLE jobs ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_by_change ON jobs (changed) WHERE changed > 0;
CREATE INDEX jobs_by_agent ON jobs (agent, created_ms, number);
CREATE INDEX jobs_but_steps ON jobs (created_ms, number) WHERE steps_of IS NULL;
`;

const LAST = 'SELECT MAX(changed) AS last FROM jobs WHERE changed > 0';
/** The number of a change that is being written: writers are one at a time, so numbers grow as commits do. */
export const NEXT_CHANGE = `(SELECT COALESCE(MAX(changed), 0) + 1 FROM jobs WHERE changed > 0)`;

interface Row {
  readonly number: number;
  readonly changed: number;
}

/** Methods of the store about changes. @param byNumber a job by the number of its rows */
export function changeMethods(
  database: Database,
  byNumber: (db: Connection, number: number) => Job,
): Pick<Store, 'listChanges'> {
  return {
    async listChanges(after, limit) {
      checkLimit(limit);
      const from = after === null ? null : checkInteger(after, 'after');
      return await database.read((db) => {
        const { last } = db.get(LAST) as { last: number | null };
        const rows =
          from === null
            ? []
            : (db.all(
                'SELECT number, changed FROM jobs WHERE changed > 0 AND changed > ? ORDER BY changed LIMIT ?',
                from,
                limit,
              ) as unknown as readonly Row[]);
        const changes = rows.map(({ number, changed }) => ({ change: changed, job: byNumber(db, number) }));
        return { changes, last: last ?? 0 };
      });
    },
  };
}
