/** What a request may ask for, budgets with what is spent of them, and the audit by what is looked for. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import type { LimitsView } from '../../src/server/dashboard/view.ts';
import { sampleJob, sampleRequest } from '../store/sample.ts';
import { openedServer, type OpenedServer } from './opened.ts';

let opened: OpenedServer;
beforeAll(async () => {
  const budgets = { day: { max_cost_usd: 5 }, repository: { max_tokens: 1000 }, session: { max_calls: 9 } };
  opened = await openedServer({ budgets });
});
afterAll(async () => {
  await opened.close();
});

/** A job that ended so long ago and spent so much. */
async function spent(jobId: string, repo: string, agoMs: number, usd: number | null): Promise<void> {
  const at = new Date(Date.now() - agoMs).toISOString();
  const times = { created_at: at, updated_at: at, started_at: at, finished_at: at };
  const result = { total_cost: usd, total_tokens_in: 100, total_tokens_out: 50 } as JobResult;
  const request = sampleRequest({ repo });
  const job = sampleJob(jobId, { ...times, request, result, status: 'failed', outcome: 'agent_failed' });
  await opened.runner.store.importJob(job, [], []);
}

test('budgets of several jobs are told with what of them is spent today', async () => {
  const DAY_MS = 86_400_000;
  await spent('job-000000000001', '/srv/a', 0, 1.25);
  await spent('job-000000000002', '/srv/b', 0, null);
  await spent('job-000000000003', '/srv/a', DAY_MS, 4);
  const answer = (await (await opened.ask('/api/limits')).json()) as LimitsView;
  expect(answer).toMatchObject({ sandbox: 'auto', has_forge: false, callbacks: false });
  expect(answer.sandboxes).toEqual(['auto', 'bubblewrap']);
  const none = { max_cost_usd: null, max_tokens: null, max_calls: null };
  expect(answer.budgets).toEqual([
    { scope: 'day', repo: null, ...none, max_cost_usd: 5, spent_usd: 1.25, spent_tokens: 300 },
    { scope: 'repository', repo: '/srv/a', ...none, max_tokens: 1000, spent_usd: 1.25, spent_tokens: 150 },
    { scope: 'repository', repo: '/srv/b', ...none, max_tokens: 1000, spent_usd: 0, spent_tokens: 150 },
    { scope: 'session', repo: null, ...none, max_calls: 9, spent_usd: null, spent_tokens: null },
  ]);
  expect((await opened.ask('/api/limits', { as: null })).status).toBe(401);
});

test('the audit is looked through by who, what and to what', async () => {
  await opened.post('/api/jobs', { repo: '/srv/none', task: '' }, 'submit');
  await opened.post('/api/demo', '', 'admin');
  const ask = async (query: string): Promise<readonly { action: string; target: string | null }[]> => {
    const answer = await (await opened.ask(`/api/audit${query}`, { as: 'admin' })).json();
    return (answer as { entries: readonly { action: string; target: string | null }[] }).entries;
  };
  expect(await ask('?action=makeDemo')).toMatchObject([{ action: 'makeDemo', target: 'demo' }]);
  expect(await ask('?action=makeDemo&target=other')).toEqual([]);
  const [{ actor } = { actor: '' }] = (await ask('?action=submitJob')) as unknown as { actor: string }[];
  expect((await ask(`?actor=${actor}`)).map(({ action }) => action)).toEqual(['submitJob']);
  expect((await opened.ask('/api/audit?actor=', { as: 'admin' })).status).toBe(400);
});
