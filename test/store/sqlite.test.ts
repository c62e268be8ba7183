import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { configure, connect } from '../../src/store/sqlite/connection.ts';
import type { Store } from '../../src/store/store.ts';
import { testAccess } from '../contract/access.ts';
import { testQueue } from '../contract/queue.ts';
import { testDeliveries } from '../contract/deliveries.ts';
import { testSessions } from '../contract/sessions.ts';
import { testPipelines } from '../contract/pipelines.ts';
import { testTriggers } from '../contract/triggers.ts';
import { rejected, testStore, type OpenStore } from '../contract/store.ts';
import { testDirectory } from './directory.ts';
import { sampleEvent, sampleJob } from './sample.ts';

async function open(): Promise<OpenStore> {
  const directory = mkdtempSync(join(tmpdir(), 'store-test-'));
  const path = join(directory, 'deep', 'runner.db');
  let store: Store = await openSqliteStore({ path });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openSqliteStore({ path });
      return store;
    },
    async close() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

testStore('sqlite', open);
testQueue('sqlite', open);
testDeliveries('sqlite', open);
testAccess('sqlite', open);
testSessions('sqlite', open);
testTriggers('sqlite', open);
testPipelines('sqlite', open);

describe('two stores on one file', () => {
  test('each sees what the other has committed, and tokens fence across them', async () => {
    const path = join(testDirectory(), 'runner.db');
    const [a, b] = await Promise.all([openSqliteStore({ path }), openSqliteStore({ path })]);
    await a.createJob(sampleJob('job-1'));
    const old = await a.acquireLease('job-1', 'a', 1000, new Date(0));
    expect(await b.acquireLease('job-1', 'b', 1000, new Date(500))).toBeNull();
    const fresh = await b.acquireLease('job-1', 'b', 1000, new Date(2000));
    if (old === null || fresh === null) throw new Error('both claims should have succeeded');
    await rejected(a.updateJob(old, { status: 'running' }), 'conflict');
    await b.updateJob(fresh, { status: 'running' });
    expect((await a.getJob('job-1'))?.status).toBe('running');
    await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        (i % 2 === 0 ? a : b).appendEvents('job-1', [sampleEvent(String(i))]),
      ),
    );
    const log = await b.readEvents('job-1', 0, 1000);
    expect(log.map((event) => event.seq)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    await Promise.all([a.close(), b.close()]);
  });
});

describe('usage', () => {
  test('is summed of an index alone, whatever the results hold', async () => {
    const path = join(testDirectory(), 'runner.db');
    const store = await openSqliteStore({ path });
    await store.createJob(sampleJob('job-1'));
    await store.close();
    const db = new DatabaseSync(path);
    const query = `SELECT agent, SUM(cost_usd), COUNT(tokens_in + tokens_out), TOTAL(turns), SUM(has_ended)
      FROM jobs INDEXED BY jobs_usage WHERE created_ms >= ? AND is_run = 0 GROUP BY 1`;
    const plan = JSON.stringify(db.prepare(`EXPLAIN QUERY PLAN ${query}`).all(0));
    const steps = JSON.stringify(db.prepare(`EXPLAIN ${query}`).all(0));
    db.close();
    expect(plan).toContain('USING INDEX jobs_usage (created_ms>?)');
    // Read from a row and not from the index, each of these would be taken out of its JSON again.
    expect(steps).toContain('sum(1)');
    expect(steps).not.toContain('json_');
  });
});

describe('a lock that another process holds', () => {
  test('is waited for without stopping the event loop, and readers do not wait', async () => {
    const path = join(testDirectory(), 'runner.db');
    const store = await openSqliteStore({ path });
    await store.createJob(sampleJob('job-1'));
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    let longestMs = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - last);
      last = performance.now();
    }, 5);
    const started = performance.now();
    setTimeout(() => {
      other.exec('COMMIT');
    }, 400);
    const appended = store.appendEvents('job-1', [sampleEvent('a')]);
    expect(await store.getJob('job-1')).not.toBeNull();
    expect(performance.now() - started).toBeLessThan(300);
    expect(await appended).toHaveLength(1);
    expect(performance.now() - started).toBeGreaterThan(350);
    clearInterval(beat);
    // SQLite itself would have stopped it for the 400 ms; the margin is for a busy machine.
    expect(longestMs).toBeLessThan(250);
    other.close();
    await store.close();
  });

  test('ends in infra_failed after 5 s, and the store works again afterwards', async () => {
    const path = join(testDirectory(), 'runner.db');
    const store = await openSqliteStore({ path });
    await store.createJob(sampleJob('job-1'));
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const started = performance.now();
    const error = await rejected(store.appendEvents('job-1', [sampleEvent('a')]), 'infra_failed');
    expect(performance.now() - started).toBeGreaterThan(4900);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(error.message).toContain(path);
    expect(error.message).toContain('locked');
    expect(error.hint).toContain('process');
    other.exec('ROLLBACK');
    const [event] = await store.appendEvents('job-1', [sampleEvent('b')]);
    expect(event?.seq).toBe(1);
    other.close();
    await store.close();
  });
});

describe('the file', () => {
  test('is readable by its owner only', async () => {
    const directory = testDirectory();
    const path = join(directory, 'home', 'runner.db');
    const store = await openSqliteStore({ path });
    await store.createJob(sampleJob('job-1'));
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o077).toBe(0);
    expect(statSync(join(directory, 'home')).mode & 0o077).toBe(0);
    await store.close();
  });

  test('refuses by itself what no code of ours would write', async () => {
    const path = join(testDirectory(), 'runner.db');
    const store = await openSqliteStore({ path });
    await store.createJob(sampleJob('job-1'));
    await store.close();
    const raw = new DatabaseSync(path);
    const refused = (sql: string): void => {
      expect(() => {
        raw.exec(sql);
      }).toThrow(/constraint|cannot store/);
    };
    refused("UPDATE jobs SET status = 'finished'");
    refused("UPDATE jobs SET status = 'completed'");
    refused("UPDATE jobs SET status = 'completed', outcome = 'gate_failed'");
    refused("UPDATE jobs SET outcome = 'proposed'");
    refused("UPDATE jobs SET created_ms = 'today'");
    refused("INSERT INTO events VALUES (99, 1, 'log', NULL, 1, '', '{}')");
    refused("INSERT INTO events VALUES (1, 0, 'log', NULL, 1, '', '{}')");
    refused("INSERT INTO steps VALUES (1, 'a', 0, 1, 1, '{}', hex(zeroblob(32769)))");
    raw.exec("UPDATE jobs SET status = 'completed', outcome = 'proposed'");
    raw.close();
  });

  test('is flushed at each commit by the connection for full durability, and only by it', () => {
    const path = join(testDirectory(), 'runner.db');
    for (const [durability, level] of [
      ['full', 2],
      ['normal', 1],
    ] as const) {
      const db = connect(path);
      configure(db, durability);
      expect(db.get('PRAGMA synchronous')).toEqual({ synchronous: level });
      expect(db.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
      // SQLite waits for a lock by stopping the event loop.
      expect(db.get('PRAGMA busy_timeout')).toEqual({ timeout: 0 });
      db.close();
    }
  });
});
