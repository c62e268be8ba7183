/** A job that ended elsewhere, in a store in memory. */
import { eventRow } from '../rules/event.ts';
import { createdMs, endedJob, jobExists } from '../rules/job.ts';
import { NEVER_HELD } from '../rules/lease.ts';
import { stepRow } from '../rules/step.ts';
import { toJson } from '../rules/value.ts';
import type { Store } from '../store.ts';
import { opened, type State } from './state.ts';

/** The method of the store that takes such a job. */
export function importMethods(state: State): Pick<Store, 'importJob'> {
  return {
    async importJob(given, events, steps) {
      const job = endedJob(given);
      const json = toJson(job, `job ${job.job_id}`);
      const [rows, stepRows] = [events.map(eventRow), steps.map(stepRow)];
      const { jobs } = opened(state);
      if (jobs.has(job.job_id)) throw jobExists(job.job_id);
      jobs.set(job.job_id, {
        jobId: job.job_id,
        repo: job.request.repo,
        createdMs: createdMs(job),
        number: jobs.size,
        job: json,
        changed: ++state.changes,
        hold: NEVER_HELD,
        queued: null,
        events: rows,
        steps: new Map(stepRows.map((row) => [row.key, row])),
        waiting: [],
        taken: new Map(),
        approvals: new Map(),
      });
    },
  };
}
