/** How long work of a run is kept. */
import { describe, expect, it } from 'vitest';
import type { Job } from '../../../src/job/job.ts';
import type { StepRequest } from '../../../src/job/pipeline/run.ts';
import { endOfNeed, retriedRuns } from '../../../src/runner/keep/runs.ts';
import type { Store } from '../../../src/store/store.ts';
import { sampleJob, sampleRequest } from '../../store/sample.ts';

const END = '2026-11-20T11:00:00.000Z';
const LATER = '2026-11-25T11:00:00.000Z';

function job(id: string, finished: string | null, request: Partial<Job['request']>): Job {
  const status = finished === null ? 'running' : 'completed';
  return sampleJob(id, { status, finished_at: finished, request: sampleRequest(request) });
}

const run = (id: string, finished: string | null, retries: string | null = null): Job =>
  job(id, finished, { pipeline: { retries } as Job['request']['pipeline'] & object });
const stepOf = (id: string, runId: string): Job => job(id, END, { step: { run: runId } as StepRequest });

function storeOf(...jobs: readonly Job[]): Store {
  const getJob = (id: string): Promise<Job | null> =>
    Promise.resolve(jobs.find((one) => one.job_id === id) ?? null);
  return { getJob } as unknown as Store;
}

describe('the work of a step', () => {
  it('is needed until its run has ended, and its days count from there', async () => {
    const step = stepOf('job-1', 'job-a');
    const none = new Set<string>();
    expect(await endOfNeed(storeOf(run('job-a', null)), step, none)).toBeNull();
    expect(await endOfNeed(storeOf(run('job-a', LATER)), step, none)).toBe(LATER);
    expect(await endOfNeed(storeOf(), step, none)).toBe(END);
    expect(await endOfNeed(storeOf(), job('job-2', END, {}), none)).toBe(END);
  });

  it('is needed as long as a run goes on that tries its run again, in one or more steps', async () => {
    const runs = [run('job-a', END), run('job-b', END, 'job-a'), run('job-c', null, 'job-b')];
    const store = storeOf(...runs);
    const retried = await retriedRuns(store, runs.slice(2));
    expect([...retried]).toEqual(['job-b', 'job-a']);
    expect(await endOfNeed(store, stepOf('job-1', 'job-a'), retried)).toBeNull();
    expect(await endOfNeed(store, runs[0] ?? run('job-a', END), retried)).toBeNull();
  });
});
