/** Deliveries on their way: over restarts, in several processes, to receivers that are down, gone or late. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/job/delivery/delivery.ts';
import { createDeliverer, type Deliverer } from '../../src/notify/deliverer.ts';
import { createDestinations } from '../../src/notify/destination.ts';
import { RETRY_DELAYS_MS } from '../../src/notify/schedule.ts';
import { createSender, type Send } from '../../src/notify/send.ts';
import { verifyWebhookSignature } from '../../src/notify/verify.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleJob, T0 } from '../store/sample.ts';
import { openReceiver, type Receiver } from './receiver.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const MINUTE = 60_000;

let folder: string;
let path: string;
let receiver: Receiver;
let stores: Store[];
let nowMs: number;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deliverer-test-'));
  path = join(folder, 'runner.db');
  receiver = await openReceiver();
  stores = [];
  nowMs = T0.getTime();
});
afterEach(async () => {
  await receiver.close();
  for (const store of stores) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openStore(): Promise<Store> {
  const store = await openSqliteStore({ path });
  stores.push(store);
  return store;
}

function delivererOn(store: Store, send?: Send, secret = SECRET): Deliverer {
  const destinations = createDestinations({ allow: ['127.0.0.1'], allowHttp: false });
  return createDeliverer({
    deliveries: {
      claim: (claims) => store.claimDeliveries(claims),
      record: (claim, tried, after) => store.recordDeliveryTry(claim, tried, after),
    },
    send: send ?? createSender(destinations, 2000),
    secret,
    now: () => new Date(nowMs),
    chance: () => 0,
  });
}

async function endJob(store: Store, jobId: string, url = receiver.url): Promise<void> {
  await store.createJob(sampleJob(jobId));
  const lease = await store.acquireLease(jobId, 'w', MINUTE, T0);
  if (lease === null) throw new Error('held');
  await store.updateJob(
    lease,
    { status: 'cancelled', outcome: 'cancelled', finished_at: T0.toISOString() },
    {
      delivery_id: `delivery-${jobId}`,
      url,
      body: JSON.stringify({ job_id: jobId, status: 'cancelled' }),
      created_at: T0.toISOString(),
    },
  );
}

async function only(store: Store, jobId: string): Promise<Delivery> {
  const [one, ...more] = await store.listDeliveries(jobId);
  if (one === undefined || more.length > 0) throw new Error('exactly one delivery was expected');
  return one;
}

function idsReceived(): readonly string[] {
  return receiver.received.map(({ headers }) => String(headers['webhook-id']));
}

describe('a delivery', () => {
  it('arrives signed both ways, as the package and the plain check see it', async () => {
    const store = await openStore();
    await endJob(store, 'job-1');
    nowMs = Date.now();
    expect(await delivererOn(store).sendDue()).toMatchObject([{ status: 'delivered', round: 1 }]);
    const [request] = receiver.received;
    if (request === undefined) throw new Error('nothing came');
    const { headers, body } = request;
    const read = new Webhook(SECRET).verify(body, headers as Record<string, string>);
    expect(read).toEqual({ job_id: 'job-1', status: 'cancelled' });
    expect(verifyWebhookSignature(body, String(headers['x-signature-256']), SECRET)).toBe(true);
    expect(await delivererOn(store).sendDue()).toEqual([]);
  });

  it('keeps the whole schedule over restarts: same id, same body, fresh timestamp', async () => {
    await endJob(await openStore(), 'job-1');
    receiver.answer(500);
    const sentAt: number[] = [];
    for (const delayMs of [0, ...RETRY_DELAYS_MS]) {
      // A moment too early nothing goes out; then another process takes over at the time that is due.
      nowMs += delayMs - 1;
      if (delayMs > 0) expect(await delivererOn(await openStore()).sendDue()).toEqual([]);
      nowMs += 1;
      await stores.pop()?.close();
      const [sent] = await delivererOn(await openStore()).sendDue();
      expect(sent?.tries.at(-1)).toMatchObject({ http_status: 500, error: 'HTTP 500' });
      sentAt.push(nowMs / 1000);
    }
    const store = await openStore();
    expect(await only(store, 'job-1')).toMatchObject({ status: 'failed', due_at: null, round: 8 });
    nowMs += 1000 * MINUTE;
    expect(await delivererOn(store).sendDue()).toEqual([]);
    expect(new Set(idsReceived())).toEqual(new Set(['delivery-job-1']));
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(receiver.received.map(({ headers }) => Number(headers['webhook-timestamp']))).toEqual(
      sentAt.map(Math.floor),
    );
    const events = await store.readEvents('job-1', 0, 100);
    expect(events.map(({ seq, type, data }) => [seq, type, data['try'], data['status']])).toEqual(
      sentAt.map((_, at) => [at + 1, 'delivery', at + 1, at < 7 ? 'pending' : 'failed']),
    );
  });

  it('arrives once its receiver is back, and not again', async () => {
    const store = await openStore();
    const { port } = receiver;
    await endJob(store, 'job-1');
    await receiver.close();
    expect(await delivererOn(store).sendDue()).toMatchObject([{ status: 'pending' }]);
    receiver = await openReceiver('127.0.0.1', port);
    nowMs += 5000;
    expect(await delivererOn(store).sendDue()).toMatchObject([{ status: 'delivered' }]);
    const { tries } = await only(store, 'job-1');
    expect(tries.map((one) => one.http_status)).toEqual([null, 204]);
    expect(tries[0]?.error).toContain('ECONNREFUSED');
  });

  it('waits as Retry-After asks', async () => {
    const store = await openStore();
    await endJob(store, 'job-1');
    receiver.answer((response) => response.writeHead(429, { 'retry-after': '90' }).end());
    await delivererOn(store).sendDue();
    nowMs += 89_999;
    expect(await delivererOn(store).sendDue()).toEqual([]);
    nowMs += 1;
    expect(await delivererOn(store).sendDue()).toHaveLength(1);
  });

  it.each([
    [410, 'disabled'],
    [302, 'pending'],
  ])('that is answered %i is %s', async (httpStatus, status) => {
    const store = await openStore();
    await endJob(store, 'job-1');
    receiver.answer((response) => response.writeHead(httpStatus, { location: '/x' }).end());
    expect(await delivererOn(store).sendDue()).toMatchObject([
      { status, tries: [{ http_status: httpStatus }] },
    ]);
    expect(receiver.received).toHaveLength(1);
  });

  it('to a destination that is refused ends at once, with nothing sent', async () => {
    const store = await openStore();
    await endJob(store, 'job-1', receiver.url.replace('127.0.0.1', '127.0.0.2'));
    expect(await delivererOn(store).sendDue()).toMatchObject([
      { status: 'failed', tries: [{ error: 'not sent: 127.0.0.2 is no public address' }] },
    ]);
    expect(receiver.connections()).toBe(0);
  });

  it('that was sent and not recorded goes out again under its id, once the claim has ended', async () => {
    const store = await openStore();
    await endJob(store, 'job-1');
    const dead = delivererOn({ ...store, recordDeliveryTry: () => Promise.reject(new Error('killed')) });
    expect(await dead.sendDue()).toEqual([]);
    expect(receiver.received).toHaveLength(1);
    const other = delivererOn(await openStore());
    nowMs += MINUTE;
    expect(await other.sendDue()).toEqual([]);
    nowMs += 1;
    expect(await other.sendDue()).toMatchObject([{ status: 'delivered', tries: [{ number: 1 }] }]);
    expect(idsReceived()).toEqual(['delivery-job-1', 'delivery-job-1']);
  });

  it('is refused a secret that can be none before anything is claimed', async () => {
    const store = await openStore();
    expect(() => delivererOn(store, undefined, 'whsec_?')).toThrow(/WEBHOOK_SECRET/);
  });
});

describe('deliverers beside each other', () => {
  it('send each try once: forty deliveries, three stores on one file', async () => {
    const store = await openStore();
    const ids = Array.from({ length: 40 }, (_, at) => `job-${at}`);
    for (const id of ids) await endJob(store, id);
    const all = [store, await openStore(), await openStore()].map((one) => delivererOn(one));
    const stop = new AbortController();
    const running = all.map((one) => one.run(stop.signal));
    while ((await Promise.all(ids.map((id) => only(store, id)))).some((one) => one.status === 'pending'))
      await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort();
    await Promise.all(running);
    expect(idsReceived().toSorted()).toEqual(ids.map((id) => `delivery-${id}`).toSorted());
  });
});

describe('run', () => {
  it('holds up nobody for one slow receiver, goes on when woken, and ends when all on its way is recorded', async () => {
    const store = await openStore();
    const slow = Promise.withResolvers<void>();
    const sent: string[] = [];
    const deliverer = delivererOn(store, async (url) => {
      sent.push(url);
      if (url.endsWith('/slow')) await slow.promise;
      return { kind: 'answered', httpStatus: 200, retryAfter: null };
    });
    await endJob(store, 'slow', 'https://x.example/slow');
    const stop = new AbortController();
    const running = deliverer.run(stop.signal);
    await endJob(store, 'quick', 'https://x.example/quick');
    deliverer.wake();
    while ((await only(store, 'quick')).status === 'pending')
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await only(store, 'slow')).status).toBe('pending');
    stop.abort();
    let ended = false;
    void running.then(() => (ended = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(ended).toBe(false);
    slow.resolve();
    await running;
    expect((await only(store, 'slow')).status).toBe('delivered');
    expect(sent).toEqual(['https://x.example/slow', 'https://x.example/quick']);
  });

  it('goes on after a store that fails', async () => {
    const store = await openStore();
    await endJob(store, 'job-1');
    let failures = 0;
    const shaky: Store = {
      ...store,
      claimDeliveries: (claims) =>
        failures++ === 0 ? Promise.reject(new Error('locked')) : store.claimDeliveries(claims),
    };
    const deliverer = delivererOn(shaky);
    const stop = new AbortController();
    const running = deliverer.run(stop.signal);
    while ((await only(store, 'job-1')).status === 'pending') {
      deliverer.wake();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    stop.abort();
    await running;
    expect(receiver.received).toHaveLength(1);
  });
});
