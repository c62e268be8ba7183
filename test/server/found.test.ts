/** Sessions, searches, keys and retries as clients see them, on jobs that nobody runs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SessionDetail, SessionView } from '../../src/job/view/session.ts';
import { createRemoteKeys } from '../../src/client/keys.ts';
import { createRemoteClient } from '../../src/client/remote.ts';
import { openedServer, type OpenedServer } from './opened.ts';

const REPO = 'https://git.example.org/shop.git';

let opened: OpenedServer;
const ids: string[] = [];
beforeAll(async () => {
  opened = await openedServer({ budgets: { session: { max_cost_usd: 3 } } });
  for (const session of ['prices', 'totals', 'prices']) {
    const asked = { repo: REPO, task: `work on ${session}`, session_id: session };
    const answered = await opened.post('/api/jobs', asked);
    ids.push(((await answered.json()) as { job_id: string }).job_id);
  }
});
afterAll(async () => {
  await opened.close();
});

async function read<T>(path: string, status = 200): Promise<T> {
  const response = await opened.ask(path);
  const value = (await response.json()) as T;
  expect(response.status, JSON.stringify(value)).toBe(status);
  return value;
}

describe('sessions', () => {
  test('are listed page by page, by their latest job', async () => {
    type Page = { readonly sessions: readonly SessionView[]; readonly next_cursor: string | null };
    const first = await read<Page>('/api/sessions?limit=1');
    expect(first.sessions).toMatchObject([{ session_id: 'prices', jobs: 2, last_job_id: ids[2] }]);
    const second = await read<Page>(`/api/sessions?limit=1&cursor=${first.next_cursor ?? ''}`);
    expect(second.sessions).toMatchObject([{ session_id: 'totals', jobs: 1, branch: 'bot/totals' }]);
    expect(second.next_cursor).toBeNull();
    await read('/api/sessions?cursor=job-000000000000', 400);
  });

  test('one comes with its jobs and its budget', async () => {
    const session = await read<SessionDetail>('/api/sessions/prices?limit=1');
    expect(session).toMatchObject({
      repo: REPO,
      running: 2,
      cost_usd: null,
      budget: { max_cost_usd: 3, max_tokens: null, max_calls: null },
      latest: [{ job_id: ids[2], session_id: 'prices', task: 'work on prices' }],
    });
    await read('/api/sessions/nobody', 404);
    const client = createRemoteClient({ url: opened.server.url, token: opened.keys.read });
    expect(await client.session('prices', 1)).toEqual(session);
    expect((await client.sessions(10)).map((one) => one.session_id)).toEqual(['prices', 'totals']);
  });
});

describe('a search', () => {
  const found = async (query: string): Promise<string[]> => {
    const page = await read<{ jobs: { job_id: string }[] }>(`/api/jobs?${query}`);
    return page.jobs.map((job) => job.job_id);
  };

  test('finds jobs by words, beside the other filters and page by page', async () => {
    expect(await found('q=work%20prices')).toEqual([ids[2], ids[0]]);
    expect(await found('q=tot*&session=totals')).toEqual([ids[1]]);
    expect(await found('q=work&session=nobody')).toEqual([]);
    const first = await read<{ next_cursor: string }>('/api/jobs?q=git.example.org&limit=2');
    expect(await found(`q=git.example.org&limit=2&cursor=${first.next_cursor}`)).toEqual([ids[0]]);
    const client = createRemoteClient({ url: opened.server.url, token: opened.keys.read });
    expect((await client.list({ search: 'prices', limit: 5 })).map((job) => job.job_id)).toEqual([
      ids[2],
      ids[0],
    ]);
  });

  test('that asks for no word is refused by its field', async () => {
    const refused = await read<{ errors: readonly { field: string }[] }>('/api/jobs?q=%20-%20', 400);
    expect(refused.errors).toMatchObject([{ field: 'query.q' }]);
  });
});

describe('keys', () => {
  test('are made, listed and revoked by administrators alone, each shown once', async () => {
    const { url } = opened.server;
    const admin = createRemoteKeys({ url, token: opened.keys.admin });
    const made = await admin.create('ci', 'read');
    expect(made.key).toMatch(/^ar_[0-9a-f]{12}_/);
    const asMade = { headers: { authorization: `Bearer ${made.key}` } };
    expect((await opened.ask('/api/jobs', asMade)).status).toBe(200);
    expect((await opened.ask('/api/keys', asMade)).status).toBe(403);
    const listed = await (await opened.ask('/api/keys', { as: 'admin' })).text();
    expect(listed).toContain(made.key_id);
    expect(listed).not.toMatch(/hash|ar_/);
    expect((await admin.revoke(made.key_id)).revoked_at).not.toBeNull();
    expect((await opened.ask('/api/jobs', asMade)).status).toBe(401);
    expect(await admin.audit(2)).toMatchObject([
      { action: 'revokeKey', target: made.key_id, role: 'admin', status: 200 },
      { action: 'createKey', target: made.key_id, status: 201 },
    ]);
    const submit = createRemoteKeys({ url, token: opened.keys.submit });
    await expect(submit.create('more', 'admin')).rejects.toMatchObject({ code: 'no_permission' });
    await expect(admin.revoke('000000000000')).rejects.toMatchObject({ code: 'not_found' });
  });
});

test('a retry under a key is one job, however often it is asked for', async () => {
  const [ended = ''] = ids;
  await opened.post(`/api/jobs/${ended}/cancel`, {});
  const retry = async (key: string, of = ended): Promise<readonly [number, string | null, string]> => {
    const answered = await opened.post(`/api/jobs/${of}/retry`, {}, 'submit', { 'idempotency-key': key });
    const { job_id: id = '' } = (await answered.json()) as { job_id?: string };
    return [answered.status, answered.headers.get('idempotent-replayed'), id];
  };
  const [first, second, other] = [await retry('again'), await retry('again'), await retry('once-more')];
  expect([first[0], first[1], second]).toEqual([201, null, [201, 'true', first[2]]]);
  expect(other[2]).not.toBe(first[2]);
  await opened.post(`/api/jobs/${other[2]}/cancel`, {});
  expect((await retry('again', other[2]))[0]).toBe(409);
});
