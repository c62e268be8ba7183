/** A job that ended elsewhere, stored with all that was. */
import type { Job } from '../../../job/job.ts';
import type { Store } from '../../store.ts';
import { eventRow } from '../../rules/event.ts';
import { endedJob } from '../../rules/job.ts';
import { stepRow } from '../../rules/step.ts';
import { fromJson, toJson } from '../../rules/value.ts';
import type { Database } from '../database.ts';
import { appendRows } from './events.ts';
import { insertJob, jobNumber } from './jobs.ts';
import { index } from './search.ts';
import { saveStep } from './steps.ts';
import { count } from './tallies.ts';

/** The method of the store that takes such a job. */
export function importMethods(database: Database): Pick<Store, 'importJob'> {
  return {
    async importJob(job, events, steps) {
      const json = toJson(endedJob(job), `job ${job.job_id}`);
      const [rows, stepRows] = [events.map(eventRow), steps.map(stepRow)];
      const bytes = rows.reduce((sum, row) => sum + row.data.length, json.length);
      await database.write(
        'full',
        bytes,
        (db) => {
          const stored = fromJson(json) as Job;
          insertJob(db, stored);
          const number = jobNumber(db, stored.job_id);
          appendRows(db, number, rows);
          for (const [position, row] of stepRows.entries()) saveStep(db, number, row, position);
          count(db, null, stored);
          return { number, stored };
        },
        (db, { number, stored }) => {
          index(db, number, stored, true);
        },
      );
    },
  };
}
