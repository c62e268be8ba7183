/** Jobs that move from one home to another, as one file. */
import type { Job } from '../../job/job.ts';
import type { RunnerParts } from '../context.ts';
import { exportJobs, type ExportedJobs } from './export.ts';
import { importJobs, type ImportedJobs } from './import.ts';

/** Writing archives, and taking them in. */
export interface Archives {
  /** Writes jobs that have ended as one file, at an absolute path where nothing is. */
  write(jobIds: readonly string[], path: string): Promise<ExportedJobs>;
  /** Takes the jobs of an archive (an absolute path) in, under their ids; none of them is run. */
  take(path: string, options: { readonly skipExisting: boolean }): Promise<ImportedJobs>;
}

/** Makes the archives of a runner. @param find the job of an id; rejects with `not_found` */
export function createArchives(parts: RunnerParts, find: (jobId: string) => Promise<Job>): Archives {
  return {
    async write(jobIds, path) {
      const jobs: Job[] = [];
      for (const id of new Set(jobIds)) jobs.push(await find(id));
      return exportJobs(parts, jobs, path);
    },
    take: (path, { skipExisting }) => importJobs(parts, path, skipExisting),
  };
}
