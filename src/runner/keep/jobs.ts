/** What the store and the disk say about jobs that are not ours: which there are, what one prepared, who works on it. */
import { readFile } from 'node:fs/promises';
import type { Job } from '../../job/job.ts';
import type { StepResult } from '../../job/step.ts';
import type { JobFilter, Store } from '../../store/store.ts';
import type { Layout } from '../../workspace/layout.ts';
import type { PreparedDetail } from '../context.ts';

/** Jobs read from the store at once. */
const PAGE = 200;

/** Jobs that a filter lets through, newest first and page by page: at most `filter.limit` of them, rounded up to a page. */
export async function* eachJob(store: Store, filter: JobFilter): AsyncGenerator<Job> {
  let { before } = filter;
  for (let seen = 0; seen < filter.limit; seen += PAGE) {
    const from = before === undefined ? {} : { before };
    const jobs = await store.listJobs({ ...filter, ...from, limit: PAGE });
    yield* jobs;
    before = jobs.at(-1)?.job_id;
    if (jobs.length < PAGE) return;
  }
}

/** What a job's `prepare` found, or `null` before it ended. */
export async function readPrepared(store: Store, jobId: string): Promise<PreparedDetail | null> {
  const step = (await store.readSteps(jobId)).find((one) => one.key === 'prepare-1');
  // Only the engine writes step results.
  const result = (step?.result ?? null) as StepResult<PreparedDetail> | null;
  return result?.ok === true ? result : null;
}

/** The process that works in a job's folder, as it noted itself; `null` where none did. */
export async function readOwner(layout: Layout, name: string): Promise<string | null> {
  return readFile(layout.job(name).owner, 'utf8').catch(() => null);
}
