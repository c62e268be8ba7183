/** What every store must do as a queue. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Job } from '../../src/job/job.ts';
import type { JobRequest } from '../../src/job/request.ts';
import type { Claimed, Lease, Store } from '../../src/store/store.ts';
import { sampleJob, sampleRequest, T0 } from '../store/sample.ts';
import { rejected, type OpenStore } from './store.ts';

const MINUTE = 60_000;

function at(ms: number): Date {
  return new Date(T0.getTime() + ms);
}

function asked(jobId: string, request: Partial<JobRequest> = {}): Job {
  return sampleJob(jobId, { request: sampleRequest(request) });
}

/** Ends a claimed job, as a worker does. */
async function end(store: Store, lease: Lease): Promise<void> {
  await store.updateJob(lease, { status: 'completed', outcome: 'no_change' });
  await store.releaseLease(lease);
}

/** Runs the contract of the queue against one store. */
export function testQueue(name: string, open: () => Promise<OpenStore>): void {
  describe(`queue contract: ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(async () => {
      await opened.close();
    });
    const claim = (owner = 'w1', now = T0, perRepo: number | null = null): Promise<Claimed | null> =>
      store.claimNext({ owner, leaseMs: MINUTE, now, perRepo });
    const claimId = async (...args: Parameters<typeof claim>): Promise<string | null> =>
      (await claim(...args))?.job.job_id ?? null;
    const mustClaim = async (): Promise<Claimed> => {
      const claimed = await claim();
      if (claimed === null) throw new Error('nothing could be claimed');
      return claimed;
    };

    test('the highest priority goes first, then who came first; each job to one claimer', async () => {
      await store.createJob(asked('a'));
      await store.createJob(asked('b', { priority: 5 }));
      await store.createJob(asked('c', { priority: 5 }));
      await store.createJob(asked('d', { priority: -5 }));
      const got = await Promise.all(['w1', 'w2', 'w3', 'w4', 'w5'].map((owner) => claimId(owner)));
      expect(got).toEqual(['b', 'c', 'a', 'd', null]);
    });

    test('a job that a run elsewhere has waits for no worker, until somebody cancels it', async () => {
      await store.createJob(asked('a'));
      const { lease } = await mustClaim();
      await store.updateJob(lease, { status: 'triggered' });
      await store.releaseLease(lease);
      expect([await claimId(), (await store.countQueue()).parked]).toEqual([null, 1]);
      // Nobody reads it there: it makes the job no worker's.
      await store.addMessage('a', 'hello', T0.toISOString());
      expect(await claimId()).toBeNull();
      const looked = await store.acquireLease('a', 'looker', MINUTE, T0);
      if (looked === null) throw new Error('it was held');
      await store.releaseLease(looked);
      expect(await claimId()).toBeNull();
      await store.requestCancel('a');
      expect(await claimId()).toBe('a');
    });

    test("a turn is one process's at a time, each by its name", async () => {
      expect(await store.takeTurn('runs', MINUTE, T0)).toBe(true);
      expect(await store.takeTurn('runs', MINUTE, at(MINUTE - 1))).toBe(false);
      expect(await store.takeTurn('others', MINUTE, T0)).toBe(true);
      expect(await store.takeTurn('runs', MINUTE, at(MINUTE))).toBe(true);
      expect(await store.isPaused()).toBe(false);
      // A clock that was set back does not stop it for as long as it was ahead.
      expect(await store.takeTurn('runs', MINUTE, at(-MINUTE))).toBe(true);
    });

    test('who goes on with a job waits for it, and for all that went on with it before', async () => {
      const root = 'job-0123456789ab';
      await store.createJob(asked(root));
      await store.createJob(asked('b', { session_id: root, priority: 5 }));
      await store.createJob(asked('c', { session_id: root }));
      expect(await store.countQueue()).toMatchObject({ ready: 1, blocked: 2 });
      for (const id of [root, 'b', 'c']) {
        const { job, lease } = await mustClaim();
        expect(job.job_id).toBe(id);
        expect(await claimId('w2')).toBeNull();
        await end(store, lease);
      }
    });

    test('what is claimed is the job as it is stored, under a lease that fences', async () => {
      await store.createJob(asked('a', { task: 'do it' }));
      const { job, lease } = await mustClaim();
      expect(job).toEqual(await store.getJob('a'));
      expect(lease).toMatchObject({
        job_id: 'a',
        owner: 'w1',
        token: 1,
        expires_at: at(MINUTE).toISOString(),
      });
      await rejected(store.updateJob({ ...lease, token: 2 }, { status: 'running' }), 'conflict');
    });

    test("a job accepted under a lease is nobody else's until that ends", async () => {
      const hold = { owner: 'run', leaseMs: MINUTE, now: T0 };
      const { lease } = await store.createJob(asked('a'), { hold });
      expect(lease).toMatchObject({ owner: 'run', token: 1 });
      expect(await claimId()).toBeNull();
      expect(await claimId('w1', at(MINUTE + 1))).toBe('a');
    });

    test('a job whose holder let its lease end is taken over, and the late holder is refused', async () => {
      await store.createJob(asked('a'));
      const first = await mustClaim();
      expect(await claimId('w2', at(MINUTE))).toBeNull();
      expect(await claimId('w2', at(MINUTE + 1))).toBe('a');
      await rejected(store.renewLease(first.lease, MINUTE, at(MINUTE + 2)), 'conflict');
    });

    test('a late holder that nobody replaced goes on, and its job is not claimed beside it', async () => {
      await store.createJob(asked('a'));
      const { lease } = await mustClaim();
      await store.renewLease(lease, MINUTE, at(2 * MINUTE));
      expect(await claimId('w2', at(2 * MINUTE + 1))).toBeNull();
    });

    test('a job that is given back can be claimed again, one that ended can not', async () => {
      await store.createJob(asked('a'));
      const first = await mustClaim();
      await store.updateJob(first.lease, { status: 'running' });
      await store.releaseLease(first.lease);
      const second = await mustClaim();
      expect(second.job.status).toBe('running');
      await end(store, second.lease);
      expect(await claimId('w1', at(10 * MINUTE))).toBeNull();
    });

    test('an ended job is out of the queue even if its holder died before giving it back', async () => {
      await store.createJob(asked('a'));
      const { lease } = await mustClaim();
      await store.updateJob(lease, { status: 'failed', outcome: 'infra_failed' });
      expect(await claimId('w2', at(10 * MINUTE))).toBeNull();
      expect(await store.countQueue()).toEqual({ ready: 0, held: 0, parked: 0, blocked: 0 });
    });

    test('a job that asks waits for a message, also one that comes before it is given back', async () => {
      // Jobs and messages are counted apart: the first message is not the first job's.
      await store.createJob(asked('job-before'));
      await end(store, (await mustClaim()).lease);
      for (const early of [false, true]) {
        const id = `job-${early}`;
        await store.createJob(asked(id));
        const { lease } = await mustClaim();
        await store.updateJob(lease, { status: 'running' });
        await store.updateJob(lease, { status: 'needs_input', question: 'which?' });
        if (early) await store.addMessage(id, 'this', T0.toISOString());
        await store.releaseLease(lease);
        if (!early) {
          expect(await claimId()).toBeNull();
          expect(await store.countQueue()).toMatchObject({ parked: 1 });
          await store.addMessage(id, 'this', T0.toISOString());
        }
        const again = await mustClaim();
        expect(again.job.job_id).toBe(id);
        await store.updateJob(again.lease, { status: 'running' });
        await end(store, again.lease);
      }
    });

    test('at most so many jobs of one repository are in work, and others pass them', async () => {
      for (const id of ['a', 'b', 'c']) await store.createJob(asked(id, { repo: '/srv/busy', priority: 9 }));
      await store.createJob(asked('d', { repo: '/srv/later', priority: 1 }));
      await store.createJob(asked('f', { repo: '/srv/other', priority: 1 }));
      await store.createJob(asked('e', { repo: '/srv/other', priority: 2 }));
      const first = await claim('w1', T0, 1);
      expect(first?.job.job_id).toBe('a');
      expect([await claimId('w2', T0, 1), await claimId('w3', T0, 1), await claimId('w4', T0, 1)]).toEqual([
        'e',
        'd',
        null,
      ]);
      if (first !== null) await end(store, first.lease);
      expect(await claimId('w1', T0, 1)).toBe('b');
      expect(await claimId('w1', T0, 2)).toBe('c');
    });

    test('jobs of one session come one after another, in the order of their acceptance', async () => {
      await store.createJob(asked('a', { session_id: 's' }));
      await store.createJob(asked('b', { session_id: 's', priority: 9 }));
      await store.createJob(asked('c', { session_id: 't' }));
      const first = await mustClaim();
      expect(first.job.job_id).toBe('a');
      expect([await claimId('w2'), await claimId('w3')]).toEqual(['c', null]);
      expect(await store.countQueue()).toEqual({ ready: 0, held: 2, parked: 0, blocked: 1 });
      await store.releaseLease(first.lease);
      const again = await mustClaim();
      expect(again.job.job_id).toBe('a');
      await end(store, again.lease);
      expect(await claimId()).toBe('b');
    });

    test('a job that was held out of turn waits for its session when it is given back', async () => {
      await store.createJob(asked('a', { session_id: 's' }));
      await store.createJob(asked('b', { session_id: 's' }));
      const lease = await store.acquireLease('b', 'run', MINUTE, T0);
      if (lease === null) throw new Error('b is held');
      await store.releaseLease(lease);
      expect([await claimId(), await claimId()]).toEqual(['a', null]);
    });

    test('a job that is to run at once is refused beside another one of its session, and leaves nothing', async () => {
      const hold = { owner: 'run', leaseMs: MINUTE, now: T0 };
      const first = await store.createJob(asked('a', { session_id: 's' }), { hold });
      expect(first.lease).not.toBeNull();
      await rejected(store.createJob(asked('b', { session_id: 's' }), { hold }), 'conflict');
      expect(await store.getJob('b')).toBeNull();
      expect((await store.createJob(asked('c', { session_id: 's' }))).isNew).toBe(true);
      expect(await store.countQueue()).toEqual({ ready: 0, held: 1, parked: 0, blocked: 1 });
    });

    test('a job for a checkout that a person stands in is never claimed', async () => {
      const inPlace = { kind: 'self-heal', path: '/srv/here', branch: 'agent/self-heal' };
      await store.createJob(
        asked('a', { in_place: inPlace as unknown as NonNullable<JobRequest['in_place']> }),
      );
      expect(await claimId()).toBeNull();
      await store.requestCancel('a');
      expect(await store.listCancelling()).toEqual([]);
    });

    test('who is asked to cancel is listed until the end, and what waits can be claimed for it', async () => {
      await store.createJob(asked('a', { session_id: 's' }));
      await store.createJob(asked('b', { session_id: 's' }));
      const { lease } = await mustClaim();
      await store.requestCancel('a');
      await store.requestCancel('b');
      expect(await store.listCancelling()).toEqual(['a', 'b']);
      const cancelled = await claim('w2');
      expect(cancelled?.job.job_id).toBe('b');
      // Given back before it ended, by a worker that stops: it does not wait for its session after all.
      if (cancelled !== null) await store.releaseLease(cancelled.lease);
      expect(await claimId('w3')).toBe('b');
      await store.updateJob(lease, { status: 'cancelled', outcome: 'cancelled' });
      await store.requestCancel('a');
      expect(await store.listCancelling()).toEqual(['b']);
      await rejected(store.requestCancel('job-none'), 'not_found');
    });

    test('a question is no reason to keep a job that is to be cancelled', async () => {
      await store.createJob(asked('a'));
      const { lease } = await mustClaim();
      await store.updateJob(lease, { status: 'running' });
      await store.updateJob(lease, { status: 'needs_input', question: 'which?' });
      await store.releaseLease(lease);
      await store.requestCancel('a');
      expect(await claimId()).toBe('a');
    });

    test('held leases are listed with their owners, also those whose job has ended', async () => {
      for (const id of ['a', 'b', 'c']) await store.createJob(asked(id));
      const { lease } = await mustClaim();
      await store.updateJob(lease, { status: 'completed', outcome: 'no_change' });
      const second = await mustClaim();
      expect(await store.listHeld()).toEqual([lease, second.lease]);
      await store.releaseLease(lease);
      expect(await store.listHeld()).toEqual([second.lease]);
    });

    test('the same key accepts one job, for as long as it is remembered', async () => {
      const once = { key: 'k', digest: 'd', untilMs: at(MINUTE).getTime(), now: T0 };
      expect(await store.createJob(asked('a'), { once })).toMatchObject({
        isNew: true,
        job: { job_id: 'a' },
      });
      expect(await store.createJob(asked('b'), { once })).toMatchObject({
        isNew: false,
        job: { job_id: 'a' },
      });
      expect(await store.getJob('b')).toBeNull();
      await rejected(store.createJob(asked('b'), { once: { ...once, digest: 'other' } }), 'conflict');
      const later = { ...once, now: at(MINUTE + 1), untilMs: at(2 * MINUTE).getTime() };
      expect(await store.createJob(asked('c'), { once: later })).toMatchObject({ isNew: true });
    });

    test('two that send the same key at once get the same job', async () => {
      const once = { key: 'k', digest: 'd', untilMs: at(MINUTE).getTime(), now: T0 };
      const got = await Promise.all(['a', 'b', 'c'].map((id) => store.createJob(asked(id), { once })));
      expect(new Set(got.map(({ job }) => job.job_id)).size).toBe(1);
      expect(got.filter(({ isNew }) => isNew)).toHaveLength(1);
      expect(await store.countQueue()).toMatchObject({ ready: 1 });
    });

    test('a pause is remembered until it is taken back', async () => {
      expect(await store.isPaused()).toBe(false);
      await store.setPaused(true);
      const seen = opened.reopen === undefined ? store : await opened.reopen();
      expect(await seen.isPaused()).toBe(true);
      await seen.setPaused(false);
      expect(await seen.isPaused()).toBe(false);
    });

    test('a priority that no caller may send is refused', async () => {
      await rejected(store.createJob(asked('a', { priority: 1001 })), 'bug');
      await rejected(store.createJob(asked('a', { priority: 0.5 })), 'bug');
      expect(await store.getJob('a')).toBeNull();
    });
  });
}
