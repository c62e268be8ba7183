/** How long work is kept that belongs to the run of a pipeline: as long as its run, and a run that tries it again. */
import type { Job } from '../../job/job.ts';
import { isTerminal } from '../../job/status.ts';
import type { Store } from '../../store/store.ts';

/** Longest row of runs that try each other again. */
const MAX_RETRIES = 1000;

/** Runs that have ended and whose work is still needed, because a run that has not tries them again. */
export async function retriedRuns(store: Store, live: readonly Job[]): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  for (const { request } of live) {
    let before = request.pipeline?.retries ?? null;
    for (let count = 0; before !== null && !needed.has(before) && count < MAX_RETRIES; count++) {
      needed.add(before);
      before = (await store.getJob(before))?.request.pipeline?.retries ?? null;
    }
  }
  return needed;
}

/**
 * When nobody needed the work of a job any more: its own end; of a step the end of its run.
 *
 * @returns RFC 3339, `null` as long as it is needed
 */
export async function endOfNeed(
  store: Store,
  job: Job,
  retried: ReadonlySet<string>,
): Promise<string | null> {
  const runId = job.request.step?.run ?? job.job_id;
  if (!isTerminal(job.status) || retried.has(runId)) return null;
  const run = runId === job.job_id ? job : await store.getJob(runId);
  if (run !== null && !isTerminal(run.status)) return null;
  const ends = [job, ...(run === null ? [] : [run])].map((one) => one.finished_at ?? one.updated_at);
  return ends.toSorted().at(-1) ?? null;
}
