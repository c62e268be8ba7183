/** What every store must keep of keys, of what their holders did, and of the figures of jobs. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditFilter, ApiKey, AuditEntry } from '../../src/job/access/access.ts';
import type { JobResult } from '../../src/job/result.ts';
import type { Store, Tally } from '../../src/store/store.ts';
import { sampleJob, sampleRequest, T0 } from '../store/sample.ts';
import { rejected, type OpenStore } from './store.ts';

function key(keyId: string, over: Partial<ApiKey> = {}): ApiKey {
  const hash = 'ab'.repeat(32);
  return {
    key_id: keyId,
    name: 'ci',
    role: 'submit',
    hash,
    created_at: T0.toISOString(),
    revoked_at: null,
    ...over,
  };
}

function entry(target: string): AuditEntry {
  return {
    time: T0.toISOString(),
    actor: 'k1',
    role: 'submit',
    action: 'submitJob',
    target,
    status: 201,
    address: null,
  };
}

/** Runs the contract of keys, audit and figures against one store. */
export function testAccess(name: string, open: () => Promise<OpenStore>): void {
  describe(`access contract: ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(async () => {
      await opened.close();
    });

    test('a key comes back as it was stored, also by another process', async () => {
      expect(await store.createKey(key('k1'))).toBe(true);
      await store.createKey(key('k2', { role: 'admin', name: 'Ada 🙂' }));
      const seen = opened.reopen === undefined ? store : await opened.reopen();
      expect(await seen.getKey('k2')).toEqual(key('k2', { role: 'admin', name: 'Ada 🙂' }));
      expect(await seen.getKey('none')).toBeNull();
      expect(await seen.listKeys()).toEqual([key('k1'), key('k2', { role: 'admin', name: 'Ada 🙂' })]);
    });

    test('of two that make the first key at once, one does', async () => {
      const made = await Promise.all(
        ['a', 'b', 'c'].map((id) => store.createKey(key(id), { onlyFirst: true })),
      );
      expect(made.filter(Boolean)).toHaveLength(1);
      expect(await store.listKeys()).toHaveLength(1);
      expect(await store.createKey(key('d'))).toBe(true);
    });

    test('a key is revoked once and for good, and what is no key is refused', async () => {
      await store.createKey(key('k1'));
      const revoked = await store.revokeKey('k1', '2026-11-21T00:00:00.000Z');
      expect(revoked).toEqual(key('k1', { revoked_at: '2026-11-21T00:00:00.000Z' }));
      expect(await store.revokeKey('k1', '2027-01-01T00:00:00.000Z')).toEqual(revoked);
      expect(await store.getKey('k1')).toEqual(revoked);
      await rejected(store.revokeKey('none', T0.toISOString()), 'not_found');
      await rejected(store.createKey(key('k2', { hash: 'ar_secret' })), 'bug');
      await rejected(store.createKey(key('k2', { role: 'root' as never })), 'bug');
      await rejected(store.createKey(key('k2', { name: '\ud800' })), 'bug');
    });

    test('what was done is listed newest first, page by page', async () => {
      for (const target of ['a', 'b', 'c', 'd', 'e']) await store.addAudit(entry(target));
      const first = await store.listAudit(null, 2);
      expect(first).toEqual([
        { number: 5, ...entry('e') },
        { number: 4, ...entry('d') },
      ]);
      const next = await store.listAudit(4, 10);
      expect(next.map(({ target }) => target)).toEqual(['c', 'b', 'a']);
      await rejected(store.listAudit(null, 0), 'invalid_request');
      await store.addAudit({ ...entry('b'), actor: 'other', action: 'cancelJob' });
      const numbers = async (filter: AuditFilter, before: number | null = null): Promise<number[]> =>
        (await store.listAudit(before, 10, filter)).map(({ number }) => number);
      expect(await numbers({ target: 'b' })).toEqual([6, 2]);
      expect(await numbers({ target: 'b', actor: 'other' })).toEqual([6]);
      expect(await numbers({ action: 'cancelJob' }, 6)).toEqual([]);
    });

    test('jobs are listed by user and by session, with other filters and page by page', async () => {
      const make = (id: string, user: string | null, session: string | null, at: number): Promise<unknown> =>
        store.createJob(
          sampleJob(id, {
            request: sampleRequest({ user_id: user, ...(session === null ? {} : { session_id: session }) }),
            created_at: new Date(T0.getTime() + at).toISOString(),
          }),
        );
      await make('a', 'ada', 's', 1);
      await make('b', 'bob', 's', 2);
      await make('c', 'ada', null, 3);
      await make('d', null, null, 4);
      await make('e', 'ada', 's', 5);
      const ids = async (filter: Parameters<Store['listJobs']>[0]): Promise<string> =>
        (await store.listJobs(filter)).map((job) => job.job_id).join('');
      expect(await ids({ limit: 9, userId: 'ada' })).toBe('eca');
      expect(await ids({ limit: 2, userId: 'ada' })).toBe('ec');
      expect(await ids({ limit: 9, userId: 'ada', before: 'e' })).toBe('ca');
      expect(await ids({ limit: 9, sessionId: 's' })).toBe('eba');
      expect(await ids({ limit: 9, sessionId: 's', userId: 'bob' })).toBe('b');
      expect(await ids({ limit: 9, userId: 'ada', status: 'running' })).toBe('');
      expect(await ids({ limit: 9, userId: 'nobody' })).toBe('');
    });

    test('figures follow jobs from status to status, and sum what ended ones took', async () => {
      const ended = {
        started_at: T0.toISOString(),
        finished_at: new Date(T0.getTime() + 2500).toISOString(),
      };
      const result = {
        phases: [
          { name: 'build', started_at: T0.toISOString(), duration_ms: 1500 },
          { name: 'build', started_at: T0.toISOString(), duration_ms: 500 },
        ],
        gate: { verdict: 'green', runs: [{ verdict: 'red' }, { verdict: 'green' }] },
        total_tokens_in: 10,
        total_tokens_out: null,
        total_cost: 0.25,
      } as unknown as JobResult;
      for (const id of ['a', 'b', 'c']) {
        const now = T0;
        const { lease } = await store.createJob(sampleJob(id), {
          hold: { owner: 'w', leaseMs: 60_000, now },
        });
        if (lease === null) throw new Error(`${id} is not held`);
        if (id !== 'c') await store.updateJob(lease, { status: 'running' });
        if (id === 'a')
          await store.updateJob(lease, { status: 'completed', outcome: 'proposed', result, ...ended });
        if (id === 'b') await store.updateJob(lease, { question: 'same status' });
      }
      const agent = 'patch';
      const of = (series: string, name: string, value: number): Tally => ({ series, of: name, agent, value });
      expect(await store.readTallies()).toEqual([
        of('cost', 'usd', 0.25),
        of('ended', 'proposed', 1),
        of('gate', 'green', 1),
        of('gate', 'red', 1),
        of('job_count', 'proposed', 1),
        of('job_seconds', 'proposed', 2.5),
        of('jobs', 'completed', 1),
        of('jobs', 'queued', 1),
        of('jobs', 'running', 1),
        of('phase_count', 'build', 2),
        of('phase_seconds', 'build', 2),
        of('tokens', 'in', 10),
      ]);
    });

    test('a probe says whether anything can be written', async () => {
      await store.probe();
      await store.close();
      await rejected(store.probe(), 'infra_failed');
    });
  });
}
