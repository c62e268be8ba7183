import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../../src/job/job.ts';
import { createBell, withBell, type Bell } from '../../../src/runner/queue/bell.ts';
import { createFollowers, type Followers } from '../../../src/runner/queue/follow.ts';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import type { Lease, Store } from '../../../src/store/store.ts';
import { rejected } from '../../contract/store.ts';
import { sampleEvent, sampleJob } from '../../store/sample.ts';

let folder: string;
let bell: Bell;
let store: Store;
let followers: Followers;
const opened: { close(): Promise<void> | void }[] = [];
const never = new AbortController().signal;

async function openHome(): Promise<{ bell: Bell; store: Store; followers: Followers }> {
  const ringing = createBell(join(folder, 'bell'));
  const kept = withBell(await openSqliteStore({ path: join(folder, 'runner.db') }), ringing);
  opened.push({
    async close() {
      ringing.close();
      await kept.close();
    },
  });
  return { bell: ringing, store: kept, followers: createFollowers(kept, ringing) };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'follow-'));
  ({ bell, store, followers } = await openHome());
  await store.createJob(sampleJob('a'));
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  rmSync(folder, { recursive: true, force: true });
});

async function take(id: string): Promise<Lease> {
  const lease = await store.acquireLease(id, 'w/1/1', 60_000, new Date());
  if (lease === null) throw new Error(`${id} is held`);
  return lease;
}

/** Writes so many events, in uneven batches, and ends the job. */
async function live(id: string, count: number, into: Store = store): Promise<void> {
  const lease = await take(id);
  for (let made = 0; made < count;) {
    const size = Math.min(count - made, 1 + (made % 37));
    await into.appendEvents(
      id,
      Array.from({ length: size }, (_, at) => sampleEvent(String(made + at + 1))),
    );
    made += size;
    if (made % 5 === 0) await sleep(1);
  }
  await into.updateJob(lease, { status: 'completed', outcome: 'no_change' });
  await into.appendEvents(id, [sampleEvent('told')]);
  await into.releaseLease(lease);
}

async function collect(of: Followers, id: string, after = 0, delayMs = 0): Promise<number[]> {
  const seen: number[] = [];
  for await (const events of of.follow(id, { after, signal: never })) {
    expect(events.length).toBeLessThanOrEqual(500);
    seen.push(...events.map((event: JobEvent) => event.seq));
    if (delayMs > 0) await sleep(delayMs);
  }
  return seen;
}

function upTo(last: number, after = 0): number[] {
  return Array.from({ length: last - after }, (_, at) => after + at + 1);
}

describe('following a log', () => {
  it('gives every event once and in order, to the quick and the slow, wherever they begin', async () => {
    const whole = [collect(followers, 'a'), collect(followers, 'a', 0, 20), collect(followers, 'a', 700)];
    await live('a', 3000);
    const [quick, slow, late] = await Promise.all(whole);
    expect(quick).toEqual(upTo(3001));
    expect(slow).toEqual(upTo(3001));
    expect(late).toEqual(upTo(3001, 700));
    expect(await collect(followers, 'a', 2990)).toEqual(upTo(3001, 2990));
    expect(await collect(followers, 'a', 3001)).toEqual([]);
  });

  it('hears of what another process writes', async () => {
    const other = await openHome();
    const seen = collect(other.followers, 'a');
    await live('a', 500);
    expect(await seen).toEqual(upTo(501));
  });

  it('does not end before what is told after the end, as long as somebody is about to tell', async () => {
    const seen = collect(followers, 'a');
    const lease = await take('a');
    await store.updateJob(lease, { status: 'completed', outcome: 'no_change' });
    await sleep(50);
    await store.appendEvents('a', [sampleEvent('told')]);
    await store.releaseLease(lease);
    expect(await seen).toEqual([1]);
  });

  it('loses and repeats nothing over disconnections at any place', async () => {
    const writing = live('a', 1500);
    const seen: number[] = [];
    for (let round = 0; seen.at(-1) !== 1501; round++) {
      if (round > 10_000) throw new Error('it never ends');
      const cut = new AbortController();
      let [left] = [1 + ((round * 7919) % 61)];
      for await (const events of followers.follow('a', { after: seen.at(-1) ?? 0, signal: cut.signal })) {
        // Some of what was sent had not arrived when the connection broke.
        const arrived = events.slice(0, left);
        seen.push(...arrived.map((event) => event.seq));
        left -= arrived.length;
        if (left <= 0) break;
      }
    }
    await writing;
    expect(seen).toEqual(upTo(1501));
  });

  it('ends at once when it is cut off, and lets go of the bell', async () => {
    const cut = new AbortController();
    const following = (async () => {
      for await (const _ of followers.follow('a', { after: 0, signal: cut.signal }));
    })();
    await sleep(20);
    cut.abort();
    await following;
    await rejected(collect(followers, 'job-none'), 'not_found');
  });
});

describe('the doorbell', () => {
  it('rings here at once and there soon, for what it is about', async () => {
    const other = await openHome();
    const heard: [string, string | null][] = [];
    bell.on('queue', (id) => heard.push(['here', id]));
    const there = Promise.withResolvers<string | null>();
    other.bell.on('queue', there.resolve);
    // A watch is begun in the background.
    await sleep(100);
    await store.createJob(sampleJob('b'));
    expect(heard).toContainEqual(['here', 'b']);
    expect(await there.promise).toBeNull();
  });

  it('rings no more for who went away', async () => {
    let count = 0;
    const off = bell.on('log', () => count++);
    off();
    await store.appendEvents('a', [sampleEvent('x')]);
    expect(count).toBe(0);
  });
});
