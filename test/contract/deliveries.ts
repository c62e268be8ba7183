/** What every store must do about deliveries, whatever it keeps its rows in. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeliveryClaim, NewDelivery } from '../../src/job/delivery/delivery.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleEvent, sampleJob, T0 } from '../store/sample.ts';
import { rejected, type OpenStore } from './store.ts';

const SECOND = 1000;
const LEASE = 60 * SECOND;
const FAILED = { status: 'failed', outcome: 'gate_failed', finished_at: T0.toISOString() } as const;

function at(ms: number): Date {
  return new Date(T0.getTime() + ms);
}

function delivery(id: string, over: Partial<NewDelivery> = {}): NewDelivery {
  return {
    delivery_id: id,
    url: 'https://ci.example.org/hook?a=1',
    body: '{"text":"ä \\u0000 \\ud800"}',
    created_at: T0.toISOString(),
    ...over,
  };
}

const REFUSED = {
  started_at: T0.toISOString(),
  duration_ms: 7,
  http_status: 503,
  error: 'HTTP 503',
} as const;
const TAKEN = { ...REFUSED, http_status: 200, error: null } as const;

/** Ends a job with a delivery. */
async function end(store: Store, jobId: string, one: NewDelivery): Promise<void> {
  await store.createJob(sampleJob(jobId));
  const lease = await store.acquireLease(jobId, 'w', LEASE, T0);
  if (lease === null) throw new Error('held');
  await store.updateJob(lease, { status: 'running' });
  await store.updateJob(lease, FAILED, one);
  await store.releaseLease(lease);
}

/** Runs the contract against one store. */
export function testDeliveries(name: string, open: () => Promise<OpenStore>): void {
  describe(`deliveries contract: ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(async () => {
      await opened.close();
    });

    const claim = (
      now: Date,
      more: { limit?: number; jobId?: string } = {},
    ): Promise<readonly DeliveryClaim[]> =>
      store.claimDeliveries({ now, limit: 10, leaseMs: LEASE, ...more });
    const claimOne = async (now: Date): Promise<DeliveryClaim> => {
      const [one, ...more] = await claim(now);
      if (one === undefined || more.length > 0) throw new Error('exactly one was expected to be due');
      return one;
    };

    test('a delivery comes with the end of its job, due at once, and comes back as it was given', async () => {
      await end(store, 'job-1', delivery('d-1'));
      expect(await store.listDeliveries('job-1')).toEqual([
        {
          ...delivery('d-1'),
          job_id: 'job-1',
          status: 'pending',
          due_at: T0.toISOString(),
          round: 0,
          tries: [],
        },
      ]);
      expect(await claim(at(-1))).toEqual([]);
      expect((await claimOne(T0)).delivery.body).toBe(delivery('d-1').body);
    });

    test('are counted as they are stored, tried and end, and once each', async () => {
      await end(store, 'job-1', delivery('d-1'));
      const due_at = at(1000).toISOString();
      await store.recordDeliveryTry(await claimOne(T0), REFUSED, { status: 'pending', due_at });
      await store.recordDeliveryTry(await claimOne(at(LEASE + 2000)), TAKEN, { status: 'delivered' });
      const counted = (await store.readTallies()).filter(({ series }) => series.startsWith('deliver'));
      expect(counted.map(({ series, of, value }) => [series, of, value])).toEqual([
        ['deliveries', 'stored', 1],
        ['deliveries_ended', 'delivered', 1],
        ['delivery_count', 'arrived', 1],
        ['delivery_count', 'failed', 1],
        ['delivery_seconds', 'arrived', TAKEN.duration_ms / 1000],
        ['delivery_seconds', 'failed', REFUSED.duration_ms / 1000],
      ]);
    });

    test('an end that is repeated leaves one delivery, and the first', async () => {
      await store.createJob(sampleJob('job-1'));
      const lease = await store.acquireLease('job-1', 'w', LEASE, T0);
      if (lease === null) throw new Error('held');
      await store.updateJob(lease, { status: 'running' });
      await store.updateJob(lease, FAILED, delivery('d-1'));
      await store.updateJob(lease, FAILED, delivery('d-1', { body: 'other' }));
      expect(await store.listDeliveries('job-1')).toMatchObject([{ body: delivery('d-1').body }]);
    });

    test('neither is there without the other: a refused end leaves no delivery, and the reverse', async () => {
      await store.createJob(sampleJob('job-1'));
      const lease = await store.acquireLease('job-1', 'w', LEASE, T0);
      if (lease === null) throw new Error('held');
      const wrong = { status: 'completed', outcome: 'gate_failed' } as const;
      await rejected(store.updateJob(lease, wrong, delivery('d-1')), 'illegal_transition');
      await rejected(store.updateJob(lease, { status: 'running' }, delivery('d-1')), 'bug');
      await rejected(store.updateJob(lease, FAILED, delivery('d-1', { created_at: 'soon' })), 'bug');
      await store.releaseLease(lease);
      await rejected(store.updateJob(lease, FAILED, delivery('d-1')), 'conflict');
      expect(await store.listDeliveries('job-1')).toEqual([]);
      expect((await store.getJob('job-1'))?.status).toBe('queued');
    });

    test('a claim keeps others away until it ends; then the same id goes out again', async () => {
      await end(store, 'job-1', delivery('d-1'));
      const first = await claimOne(T0);
      expect(first.expires_at).toBe(at(LEASE).toISOString());
      expect(await claim(at(LEASE))).toEqual([]);
      const second = await claimOne(at(LEASE + 1));
      expect(second.delivery.delivery_id).toBe('d-1');
      expect(second.token).toBeGreaterThan(first.token);
      await rejected(store.recordDeliveryTry(first, TAKEN, { status: 'delivered' }), 'conflict');
      expect(await store.recordDeliveryTry(second, TAKEN, { status: 'delivered' })).toMatchObject({
        status: 'delivered',
        due_at: null,
        tries: [{ number: 1, http_status: 200, error: null }],
      });
      await rejected(store.recordDeliveryTry(second, TAKEN, { status: 'delivered' }), 'conflict');
      expect(await claim(at(1e9))).toEqual([]);
    });

    test('a failed try is due again when it is said to be, and no sooner', async () => {
      await end(store, 'job-1', delivery('d-1'));
      const due_at = at(5 * SECOND).toISOString();
      const after = await store.recordDeliveryTry(await claimOne(T0), REFUSED, { status: 'pending', due_at });
      expect(after).toMatchObject({ status: 'pending', due_at, round: 1 });
      expect(await claim(at(5 * SECOND - 1))).toEqual([]);
      const again = await claimOne(at(5 * SECOND));
      expect(again.delivery.tries).toEqual([{ number: 1, ...REFUSED }]);
    });

    test('every recorded try is an event of the job, numbered on after its end', async () => {
      await end(store, 'job-1', delivery('d-1'));
      await store.appendEvents('job-1', [sampleEvent('before')]);
      const due_at = at(SECOND).toISOString();
      await store.recordDeliveryTry(await claimOne(T0), REFUSED, { status: 'pending', due_at });
      const lost = await claimOne(at(SECOND));
      await store.recordDeliveryTry(await claimOne(at(2 * LEASE)), TAKEN, { status: 'delivered' });
      await rejected(store.recordDeliveryTry(lost, TAKEN, { status: 'delivered' }), 'conflict');
      const events = await store.readEvents('job-1', 0, 10);
      expect(events.map(({ seq, type, phase, data }) => ({ seq, type, phase, data }))).toEqual([
        { seq: 1, type: 'log', phase: 'build', data: { text: 'before' } },
        {
          seq: 2,
          type: 'delivery',
          phase: 'notify',
          data: {
            delivery_id: 'd-1',
            try: 1,
            http_status: 503,
            error: 'HTTP 503',
            status: 'pending',
            due_at,
          },
        },
        {
          seq: 3,
          type: 'delivery',
          phase: 'notify',
          data: {
            delivery_id: 'd-1',
            try: 2,
            http_status: 200,
            error: null,
            status: 'delivered',
            due_at: null,
          },
        },
      ]);
    });

    test('the longest due are claimed first, at most as many as asked for, or those of one job', async () => {
      await end(store, 'job-1', delivery('d-1', { created_at: at(3).toISOString() }));
      await end(store, 'job-2', delivery('d-2', { created_at: at(1).toISOString() }));
      await end(store, 'job-3', delivery('d-3', { created_at: at(2).toISOString() }));
      const ids = (claims: readonly DeliveryClaim[]): readonly string[] =>
        claims.map((one) => one.delivery.delivery_id);
      expect(ids(await claim(at(9), { jobId: 'job-1' }))).toEqual(['d-1']);
      expect(ids(await claim(at(9), { limit: 1 }))).toEqual(['d-2']);
      expect(ids(await claim(at(9)))).toEqual(['d-3']);
      await rejected(claim(at(9), { limit: 0 }), 'invalid_request');
      await rejected(store.listDeliveries('job-9'), 'not_found');
    });

    test('asked for again, any delivery begins anew under its own id, unless it is being sent', async () => {
      await end(store, 'job-1', delivery('d-1'));
      const held = await claimOne(T0);
      await rejected(store.redeliver('d-1', at(1)), 'conflict');
      await store.recordDeliveryTry(held, REFUSED, { status: 'disabled' });
      expect(await claim(at(1e9))).toEqual([]);
      expect(await store.redeliver('d-1', at(2 * SECOND))).toMatchObject({
        status: 'pending',
        due_at: at(2 * SECOND).toISOString(),
        round: 0,
        tries: [{ number: 1 }],
      });
      const again = await store.recordDeliveryTry(await claimOne(at(2 * SECOND)), TAKEN, {
        status: 'delivered',
      });
      expect(again.tries.map((one) => one.number)).toEqual([1, 2]);
      await rejected(store.redeliver('d-9', T0), 'not_found');
    });

    test('of many tries the last fifty are kept', async () => {
      await end(store, 'job-1', delivery('d-1'));
      for (let n = 0; n < 55; n++) {
        const due_at = at(n).toISOString();
        await store.recordDeliveryTry(await claimOne(at(1e6)), REFUSED, { status: 'pending', due_at });
      }
      const [one] = await store.listDeliveries('job-1');
      expect(one?.tries.map((tried) => tried.number)).toEqual(Array.from({ length: 50 }, (_, n) => n + 6));
    });

    test('trimming forgets what arrived and keeps what is still to be sent', async () => {
      await end(store, 'job-1', delivery('d-1'));
      await end(store, 'job-2', delivery('d-2'));
      for (const id of ['job-1', 'job-2']) await store.appendEvents(id, [sampleEvent('x')]);
      const [one] = await claim(T0, { jobId: 'job-1' });
      if (one === undefined) throw new Error('due');
      await store.recordDeliveryTry(one, TAKEN, { status: 'delivered' });
      expect(await store.trimJobs(at(1).toISOString(), 10, false)).toEqual(['job-1', 'job-2']);
      expect(await store.listDeliveries('job-1')).toEqual([]);
      expect(await store.listDeliveries('job-2')).toMatchObject([{ delivery_id: 'd-2' }]);
    });

    test('deliveries, their claims and their tries survive a restart', async () => {
      if (opened.reopen === undefined) return;
      await end(store, 'job-1', delivery('d-1'));
      const due_at = at(SECOND).toISOString();
      await store.recordDeliveryTry(await claimOne(T0), REFUSED, { status: 'pending', due_at });
      const before = await store.listDeliveries('job-1');
      await claimOne(at(SECOND));
      store = await opened.reopen();
      expect(await store.listDeliveries('job-1')).toEqual(before);
      expect(await claim(at(SECOND + LEASE))).toEqual([]);
      expect((await claimOne(at(SECOND + LEASE + 1))).delivery.round).toBe(1);
    });
  });
}
