/** What every store must keep of events of a forge: once, in their order, decided by one process at a time. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ForgeEvent } from '../../src/job/trigger/event.ts';
import type { Settlement, TriggerClaim } from '../../src/job/trigger/record.ts';
import type { JobResult } from '../../src/job/result.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleJob, sampleRequest, T0 } from '../store/sample.ts';
import { rejected, type OpenStore } from './store.ts';

const MINUTE = 60_000;
const LEASE = { leaseMs: MINUTE, limit: 100 };

function at(ms: number): Date {
  return new Date(T0.getTime() + ms);
}

/** An event of a repository. */
export function sampleTrigger(key: string, repo = 'octo/shop', text = 'x'): ForgeEvent {
  const done = { number: 7, isPull: true, actor: 'ann', isBot: false, at: T0.toISOString() };
  return { kind: 'comment', key, repo, id: 1, text, ...done };
}

/** A decision of an event. */
export function sampleSettlement(key: string, over: Partial<Settlement> = {}): Settlement {
  const none = { action: null, reason: null, job_id: null, tries: 0, due_at: null, waits_for: null };
  return { key, state: 'ignored', ...none, ...over };
}

/** Runs the contract against one store. */
export function testTriggers(name: string, open: () => Promise<OpenStore>): void {
  describe(`triggers contract: ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(async () => {
      await opened.close();
    });
    const add = (keys: readonly string[], delivery: string | null = null, ms = 0): Promise<number | null> =>
      store.addTriggers(
        keys.map((key) => sampleTrigger(key)),
        { delivery, now: at(ms) },
      );
    const claim = async (ms = 0): Promise<TriggerClaim> => {
      const found = await store.claimTriggers({ now: at(ms), ...LEASE });
      if (found === null) throw new Error('nothing is due');
      return found;
    };
    const settle = (found: TriggerClaim, ...settlements: readonly Settlement[]): Promise<void> =>
      store.settleTriggers({ claim: found, settlements, now: at(0), leaseMs: MINUTE });
    const states = async (): Promise<string> =>
      (await store.listTriggers({ limit: 9 })).map(({ key, state }) => `${key} ${state}`).join(', ');

    test('an event is stored once, and a delivery is taken once', async () => {
      expect(await add(['a', 'b', 'a'], 'd-1')).toBe(2);
      expect(await add(['c'], 'd-1')).toBeNull();
      expect(await add(['b', 'c'], 'd-2')).toBe(1);
      expect(await add(['a'])).toBe(0);
      expect(await states()).toBe('c due, b due, a due');
      const text = 'half \ud800 · NUL \u0000 · 🙂';
      await store.addTriggers([sampleTrigger('d', 'Octo/Shop', text)], { delivery: null, now: T0 });
      const [last] = await store.listTriggers({ repo: 'octo/shop', limit: 1 });
      expect(last).toMatchObject({
        key: 'd',
        repo: 'octo/shop',
        kind: 'comment',
        subject: 7,
        event: { text },
      });
    });

    test('is claimed in the order of arrival, by one process, until its lease ends', async () => {
      await add(['a', 'b']);
      const first = await claim();
      expect(first.triggers.map(({ key }) => key)).toEqual(['a', 'b']);
      expect(await store.claimTriggers({ now: at(1), ...LEASE })).toBeNull();
      const second = await claim(MINUTE);
      expect(second.token).toBe(first.token + 1);
      await rejected(settle(first, sampleSettlement('a')), 'conflict');
      await store.releaseTriggers(first);
      expect(await store.claimTriggers({ now: at(MINUTE + 1), ...LEASE })).toBeNull();
      await settle(second, sampleSettlement('a'));
      await store.releaseTriggers(second);
      expect((await claim(1)).triggers.map(({ key }) => key)).toEqual(['b']);
      await rejected(settle(second, sampleSettlement('b')), 'conflict');
    });

    test('a claim under which nothing is settled is renewed all the same', async () => {
      await add(['a']);
      const found = await claim();
      const nothing = { claim: found, settlements: [], now: at(MINUTE - 1), leaseMs: MINUTE };
      await store.settleTriggers(nothing);
      expect(await store.claimTriggers({ now: at(MINUTE + 1), ...LEASE })).toBeNull();
      await store.releaseTriggers(found);
      await rejected(store.settleTriggers(nothing), 'conflict');
      expect((await claim(MINUTE + 1)).triggers).toHaveLength(1);
    });

    test('each repository is claimed by itself, the one that waited longest first', async () => {
      await store.addTriggers([sampleTrigger('b', 'octo/b')], { delivery: null, now: at(5) });
      await store.addTriggers([sampleTrigger('a', 'octo/a')], { delivery: null, now: at(0) });
      expect([(await claim(9)).repo, (await claim(9)).repo]).toEqual(['octo/a', 'octo/b']);
      expect(await store.claimTriggers({ now: at(9), ...LEASE })).toBeNull();
    });

    test('what is decided stays decided; what waits comes again in its time, or after the end of its job', async () => {
      await add(['a', 'b', 'c']);
      await store.createJob(sampleJob('j'));
      const found = await claim();
      const due = { state: 'due', reason: 'later', due_at: at(5 * MINUTE).toISOString() } as const;
      await settle(
        found,
        sampleSettlement('a', { reason: 'no' }),
        sampleSettlement('b', { ...due, waits_for: 'j' }),
        sampleSettlement('c', { ...due, tries: 1 }),
      );
      await rejected(settle(found, sampleSettlement('a')), 'conflict');
      await store.releaseTriggers(found);
      expect(await store.claimTriggers({ now: at(1), ...LEASE })).toBeNull();
      const lease = await store.acquireLease('j', 'w', MINUTE, T0);
      if (lease === null) throw new Error('held');
      await store.updateJob(lease, { status: 'failed', outcome: 'gave_up' });
      const again = await claim(1);
      expect(again.triggers.map(({ key, reason }) => [key, reason])).toEqual([['b', 'later']]);
      await settle(again, sampleSettlement('b', { state: 'failed' }));
      await store.releaseTriggers(again);
      expect((await claim(5 * MINUTE)).triggers).toMatchObject([{ key: 'c', tries: 1 }]);
      expect((await store.listTriggers({ state: 'ignored', limit: 9 }))[0]).toMatchObject({
        key: 'a',
        reason: 'no',
        due_at: null,
        decided_at: T0.toISOString(),
      });
      await rejected(settle(found, sampleSettlement('c', { due_at: null, state: 'due' })), 'conflict');
      expect(await store.readTallies()).toEqual(
        expect.arrayContaining([
          { series: 'triggers', of: 'comment', agent: 'failed', value: 1 },
          { series: 'triggers', of: 'comment', agent: 'ignored', value: 1 },
        ]),
      );
    });

    test('a job and the events that it comes of are stored together, or neither is', async () => {
      await add(['a', 'b']);
      const found = await claim();
      const settlements = ['a', 'b'].map((key) => sampleSettlement(key, { state: 'done', action: 'job' }));
      const settles = { claim: found, settlements, now: T0, leaseMs: MINUTE };
      await store.createJob(sampleJob('j'), { settles });
      for (const one of await store.listTriggers({ limit: 9 }))
        expect(one).toMatchObject({ state: 'done', action: 'job', job_id: 'j' });
      await rejected(store.createJob(sampleJob('k'), { settles }), 'conflict');
      expect(await store.getJob('k')).toBeNull();
      await add(['c']);
      await store.releaseTriggers(found);
      const [c] = [sampleSettlement('c', { state: 'done', action: 'job' })];
      const late = { ...settles, settlements: [c] };
      await rejected(store.createJob(sampleJob('k'), { settles: late }), 'conflict');
      expect([await store.getJob('k'), await states()]).toEqual([null, 'c due, b done, a done']);
    });

    test('jobs are found by their pull request and by what they are about', async () => {
      const issue = { request: sampleRequest({ issue: 'Octo/Shop#3' }) };
      const about = { about: 'octo/shop#7', fixes: null };
      await store.createJob(sampleJob('a', issue));
      await store.createJob(sampleJob('b', { request: sampleRequest({ trigger: about }) }));
      const lease = await store.acquireLease('a', 'w', MINUTE, T0);
      if (lease === null) throw new Error('held');
      const result = { pr_url: 'https://github.com/Octo/shop/pull/12' } as unknown as JobResult;
      await store.updateJob(lease, { status: 'running' });
      await store.updateJob(lease, { status: 'completed', outcome: 'pr_opened', result });
      const ids = async (filter: object): Promise<string> =>
        (await store.listJobs({ limit: 9, ...filter })).map(({ job_id: id }) => id).join('');
      expect(await ids({ pullUrl: 'https://GitHub.com/octo/SHOP/pull/12' })).toBe('a');
      expect(await ids({ pullUrl: 'https://github.com/octo/shop/pull/1' })).toBe('');
      expect(await ids({ about: 'octo/SHOP#3' })).toBe('a');
      expect(await ids({ about: 'Octo/Shop#7' })).toBe('b');
      expect(await ids({ about: 'octo/shop#7', status: 'running' })).toBe('');
    });

    test('a look is begun by one process within its time, and goes on from where the last one ended', async () => {
      expect(await store.beginLook('Octo/Shop', T0, MINUTE)).toEqual({ seenUntil: null });
      expect(await store.beginLook('octo/shop', at(MINUTE - 1), MINUTE)).toBeNull();
      await store.noteLook('octo/shop', T0.toISOString());
      expect(await store.beginLook('octo/shop', at(MINUTE), MINUTE)).toEqual({
        seenUntil: T0.toISOString(),
      });
    });

    test('what was decided long ago is forgotten, and what waits is not', async () => {
      await add(['a', 'b'], 'd-1');
      const found = await claim();
      await settle(found, sampleSettlement('a'));
      expect(await store.trimTriggers(T0.toISOString())).toBe(0);
      expect(await store.trimTriggers(at(1).toISOString())).toBe(1);
      expect(await states()).toBe('b due');
      expect(await add(['b', 'c'], 'd-1', 2)).toBe(1);
    });

    test('events last, and pages follow each other', async () => {
      await add(['a', 'b', 'c']);
      const reopened = (await opened.reopen?.()) ?? store;
      store = reopened;
      const [first, ...more] = await store.listTriggers({ limit: 2 });
      expect([first?.key, more[0]?.key]).toEqual(['c', 'b']);
      const next = await store.listTriggers({ limit: 2, before: more[0]?.number ?? 0 });
      expect(next.map(({ key }) => key)).toEqual(['a']);
      await rejected(store.listTriggers({ limit: 0 }), 'invalid_request');
    });
  });
}
