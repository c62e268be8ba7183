import { describe, expect, it } from 'vitest';
import type { Job } from '../../src/job/job.ts';
import type { ModelCall } from '../../src/job/model/call.ts';
import type { JobRequest } from '../../src/job/request.ts';
import type { JobResult } from '../../src/job/result.ts';
import { createSharedLedgers } from '../../src/runner/models/ledgers.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleJob, sampleRequest } from '../store/sample.ts';

function call(id: string, cost: number | null): ModelCall {
  return {
    call_id: id,
    provider: 'p',
    model: 'm',
    dialect: 'anthropic',
    status: 200,
    tokens_in: 10,
    tokens_out: 1,
    tokens_cache_read: 0,
    tokens_cache_write: 0,
    tokens_reasoning: 0,
    cost_usd: cost,
    estimated: false,
    aborted: false,
    first_byte_ms: 1,
    duration_ms: 2,
    error: null,
  };
}

let made = 0;

/** A job that began now, or days ago; with calls where it still runs, else with a cost. */
async function add(
  store: Store,
  request: Partial<JobRequest>,
  spent: readonly ModelCall[] | number,
  daysAgo = 0,
): Promise<Job> {
  const time = new Date(Date.now() - daysAgo * 86_400_000).toISOString();
  const isOver = typeof spent === 'number';
  const result = isOver
    ? ({ total_cost: spent, total_tokens_in: 100, total_tokens_out: 0 } as unknown as JobResult)
    : null;
  const job = sampleJob(`job-${++made}`, {
    request: sampleRequest(request),
    status: isOver ? 'completed' : 'running',
    outcome: isOver ? 'proposed' : null,
    created_at: time,
    started_at: time,
    finished_at: isOver ? time : null,
    result,
  });
  await store.createJob(job);
  if (isOver) return job;
  const events = spent.map((data) => ({ type: 'usage', phase: 'build', attempt: 1, time, data }) as const);
  await store.appendEvents(
    job.job_id,
    events.map((event) => ({ ...event, data: { ...event.data } })),
  );
  return job;
}

const LIMIT = { max_cost_usd: 5 };

describe('budgets that jobs share', () => {
  it('count what was spent in their span: a session for ever, the others since midnight', async () => {
    const store = createMemoryStore();
    await add(store, { session_id: 'sess-1' }, 0.5, 40);
    await add(store, { session_id: 'sess-1' }, 0.25);
    await add(store, { session_id: 'sess-2' }, 1);
    await add(store, { repo: '/srv/other' }, 2);
    const open = createSharedLedgers({ session: LIMIT, repository: LIMIT, day: LIMIT }, store);
    const job = sampleJob('job-new', { request: sampleRequest({ session_id: 'sess-1' }) });
    const ledgers = await open(job);
    expect(ledgers.map(({ name, spent }) => [name, spent.pico / 1e12])).toEqual([
      ['session', 0.75],
      ['repository', 1.25],
      ['day', 3.25],
    ]);
    expect(ledgers[0]?.limits).toEqual({ maxCostUsd: 5, maxTokens: null, maxCalls: null });
  });

  it('are the same for jobs that share them, and others for others', async () => {
    const open = createSharedLedgers({ session: LIMIT, day: LIMIT }, createMemoryStore());
    const of = (session_id: string): ReturnType<typeof open> =>
      open(sampleJob('job-1', { request: sampleRequest({ session_id }) }));
    const [first, again, other] = [await of('a'), await of('a'), await of('b')];
    expect(again).toEqual(first);
    expect(again[0]).toBe(first[0]);
    expect(other[0]).not.toBe(first[0]);
    expect(other[1]).toBe(first[1]);
  });

  it('are none where the user set none, or the job has no session', async () => {
    const store = createMemoryStore();
    expect(await createSharedLedgers({}, store)(sampleJob('job-1'))).toEqual([]);
    expect(await createSharedLedgers({ session: LIMIT }, store)(sampleJob('job-1'))).toEqual([]);
  });

  it('count a job that goes on after its process died, and each of its calls once, as far as prices are known', async () => {
    const store = createMemoryStore();
    const job = await add(store, {}, [call('c1', 0.5), call('c1', 0.5), call('c2', null), call('c3', 0.25)]);
    const [day] = await createSharedLedgers({ day: LIMIT }, store)(job);
    expect(day?.spent).toEqual({ pico: 0.75e12, tokens: 33, calls: 3 });
  });

  it('are read again after the store failed', async () => {
    const store = createMemoryStore();
    let isDown = true;
    const shaky: Store = {
      ...store,
      listJobs: async (filter) => (isDown ? Promise.reject(new Error('down')) : store.listJobs(filter)),
    };
    const open = createSharedLedgers({ day: LIMIT }, shaky);
    await expect(open(sampleJob('job-1'))).rejects.toThrow('down');
    isDown = false;
    expect(await open(sampleJob('job-1'))).toHaveLength(1);
  });
});
