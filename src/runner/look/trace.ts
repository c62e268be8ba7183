/** The trace of a job, from its log. */
import { JobError } from '../../job/error.ts';
import { createTrace } from '../../job/trace/build.ts';
import type { TraceView } from '../../job/trace/span.ts';
import type { Store } from '../../store/store.ts';

/** Events read at once. */
const PAGE = 1000;

/**
 * Reads what took how long in a job, up to now where it has not ended.
 *
 * @throws JobError `not_found`
 */
export async function readTrace(store: Store, jobId: string): Promise<TraceView> {
  const job = await store.getJob(jobId);
  if (job === null)
    throw new JobError('not_found', `job: there is no ${JSON.stringify(jobId.slice(0, 100))}`, {
      hint: '`agent-runner list` shows the jobs there are',
    });
  const trace = createTrace(job);
  for (let after = 0; ;) {
    const page = await store.readEvents(jobId, after, PAGE);
    for (const event of page) trace.take(event);
    after = page.at(-1)?.seq ?? after;
    if (page.length < PAGE) return trace.finish();
  }
}
