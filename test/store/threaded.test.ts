/** The store whose writes a thread makes: the same contract, and what a thread may do that a call doesn't. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { testAccess } from '../contract/access.ts';
import { testDeliveries } from '../contract/deliveries.ts';
import { testQueue } from '../contract/queue.ts';
import { testStore, type OpenStore } from '../contract/store.ts';

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
testQueue('sqlite in a thread', open);
testDeliveries('sqlite in a thread', open);
testAccess('sqlite in a thread', open);
