/** What every store must say of sessions. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobPatch } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleJob, sampleRequest, T0 } from '../store/sample.ts';
import { rejected, type OpenStore } from './store.ts';

/** Runs the contract of sessions against one store. */
export function testSessions(name: string, open: () => Promise<OpenStore>): void {
  describe(`sessions contract: ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(async () => {
      await opened.close();
    });
    const submit = async (id: string, session: string | null, minute: number): Promise<void> => {
      const created = new Date(T0.getTime() + minute * 60_000).toISOString();
      const named = session === null ? {} : { session_id: session };
      const request = sampleRequest({ ...named, agent: `agent-of-${id}` });
      await store.createJob(sampleJob(id, { created_at: created, branch: `bot/${session ?? id}`, request }));
    };
    const end = async (id: string, spent: Partial<JobResult> | null): Promise<void> => {
      const lease = await store.acquireLease(id, 'w1', 60_000, T0);
      if (lease === null) throw new Error(`${id} is held`);
      const patch: JobPatch = { status: 'failed', outcome: 'gave_up', result: spent as JobResult };
      await store.updateJob(lease, patch);
      await store.releaseLease(lease);
    };

    test('a session is what its jobs say together', async () => {
      expect(await store.getSession('s')).toBeNull();
      await submit('a', 's', 0);
      await submit('other', null, 1);
      await submit('b', 's', 2);
      await submit('c', 's', 3);
      await end('a', { total_cost: 0.1, total_tokens_in: 100, total_tokens_out: 10, turns: 2 });
      await end('b', { total_cost: null, total_tokens_in: null, total_tokens_out: null, turns: 1 });
      const session = await store.getSession('s');
      expect(session).toMatchObject({
        session_id: 's',
        branch: 'bot/s',
        last_job_id: 'c',
        agent: 'agent-of-c',
        status: 'queued',
        outcome: null,
        created_at: T0.toISOString(),
        jobs: 3,
        running: 1,
        unpriced: 1,
        cost_usd: 0.1,
        uncounted: 1,
        tokens_in: 100,
        tokens_out: 10,
        turns: 3,
      });
      expect(await store.listSessions({ limit: 10 })).toEqual([session]);
    });

    test('a job is the first of a session that bears its id, unless it belongs to another', async () => {
      const root = 'job-0123456789ab';
      await submit(root, null, 0);
      await submit('job-00000000000b', 'named', 1);
      expect(await store.getSession(root)).toMatchObject({ session_id: root, last_job_id: root, jobs: 1 });
      expect(await store.getSession('job-00000000000b')).toBeNull();
      expect(await store.listSessions({ limit: 10 })).toHaveLength(1);
      await end(root, { total_cost: 0.1, total_tokens_in: 100, total_tokens_out: 10, turns: 2 });
      await submit('c', root, 2);
      await submit('d', root, 3);
      const session = await store.getSession(root);
      expect(session).toMatchObject({
        session_id: root,
        last_job_id: 'd',
        created_at: T0.toISOString(),
        jobs: 3,
        running: 2,
        cost_usd: 0.1,
        turns: 2,
      });
      expect(await store.listSessions({ limit: 1 })).toEqual([session]);
      const ids = async (more: object): Promise<readonly string[]> =>
        (await store.listJobs({ sessionId: root, limit: 10, ...more })).map((job) => job.job_id);
      expect(await ids({})).toEqual(['d', 'c', root]);
      expect(await ids({ before: 'c' })).toEqual([root]);
      expect(await ids({ limit: 2 })).toEqual(['d', 'c']);
    });

    test('they are listed by their latest job, page by page, each once', async () => {
      for (const [at, session] of ['x', 'y', 'z', 'x', null, 'y', 'y'].entries())
        await submit(`job-${at}`, session, at);
      const seen: string[] = [];
      let before: string | undefined;
      for (let page = 0; page < 4; page++) {
        const [one] = await store.listSessions({ limit: 1, ...(before === undefined ? {} : { before }) });
        if (one === undefined) break;
        seen.push(`${one.session_id} ${one.last_job_id} ${one.jobs}`);
        before = one.last_job_id;
      }
      expect(seen).toEqual(['y job-6 3', 'x job-3 2', 'z job-2 1']);
      // One that goes on while a reader is between two pages was seen, or comes with the first page again.
      await submit('job-7', 'z', 7);
      expect(await store.listSessions({ limit: 10, before: 'job-3' })).toEqual([]);
      await rejected(store.listSessions({ limit: 10, before: 'nobody' }), 'not_found');
      await rejected(store.listSessions({ limit: 0 }), 'invalid_request');
    });
  });
}
