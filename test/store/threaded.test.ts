/**
 * The store whose writes a thread makes: the same contract, and what a thread may do that a call doesn't. Every method
 * goes the same way, so the suites of the queue, of keys and of callbacks are left to the store without a thread.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { inThread } from '../../src/store/sqlite/threaded.ts';
import { rejected, testStore, type OpenStore } from '../contract/store.ts';
import { testDirectory } from './directory.ts';
import { sampleEvent, sampleJob } from './sample.ts';

async function open(): Promise<OpenStore> {
  const directory = mkdtempSync(join(tmpdir(), 'store-test-'));
  const path = join(directory, 'deep', 'runner.db');
  let store = await openSqliteStore({ path, thread: true });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openSqliteStore({ path, thread: true });
      return store;
    },
    async close() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

testStore('sqlite in a thread', open);

describe('the thread', () => {
  test('refuses what it can not be given, and takes the rest', async () => {
    const store = await openSqliteStore({ path: join(testDirectory(), 'runner.db'), thread: true });
    await store.createJob(sampleJob('job-1'));
    const given = sampleEvent('as it was');
    const ended = await Promise.allSettled([
      store.appendEvents('job-1', [{ ...given, data: { text: () => 'no JSON' } }]),
      store.appendEvents('job-1', [given]),
    ]);
    expect(ended).toMatchObject([{ reason: { code: 'bug' } }, { value: [{ seq: 1 }] }]);
    // Settled before it closes, and what comes then is refused.
    const last = store.appendEvents('job-1', [sampleEvent('last')]);
    await store.close();
    expect(await last).toMatchObject([{ seq: 2 }]);
    await rejected(store.probe(), 'infra_failed');
  });

  test('keeps its process alive for a write, and no longer', () => {
    const path = join(testDirectory(), 'runner.db');
    const module = new URL('../../src/store/sqlite.ts', import.meta.url).href;
    // Neither awaited nor closed: the process ends when it has nothing to do.
    const script = `
      const { openSqliteStore } = await import(${JSON.stringify(module)});
      const store = await openSqliteStore({ path: ${JSON.stringify(path)}, thread: true });
      await store.createJob(${JSON.stringify(sampleJob('job-1'))});
      const lease = store.acquireLease('job-1', 'somebody', 1000, new Date());
      lease.then(({ token }) => process.stdout.write('token ' + token));`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(ran).toMatchObject({ status: 0, stdout: 'token 1' });
    const raw = new DatabaseSync(path);
    expect(raw.prepare('SELECT owner FROM leases').all()).toEqual([{ owner: 'somebody' }]);
    raw.close();
  });

  test('that dies is reported to everybody who waits for it, and to all who come then', async () => {
    const path = join(testDirectory(), 'runner.db');
    const local = await openSqliteStore({ path });
    const dying = `import { parentPort } from 'node:worker_threads';
      parentPort.postMessage({ id: 0, value: null });
      parentPort.on('message', () => { throw new Error('out of luck'); });`;
    const store = await inThread(path, local, new URL(`data:text/javascript,${encodeURIComponent(dying)}`));
    const waiting = [store.probe(), store.setPaused(true)];
    for (const one of waiting) {
      const error = await rejected(one, 'infra_failed');
      expect(error.message).toContain('out of luck');
      expect(error.message).toContain(path);
    }
    await rejected(store.probe(), 'infra_failed');
    expect(await store.isPaused()).toBe(false);
    await store.close();
  });
});
