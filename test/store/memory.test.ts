import { createMemoryStore } from '../../src/store/memory.ts';
import { testAccess } from '../contract/access.ts';
import { testQueue } from '../contract/queue.ts';
import { testSessions } from '../contract/sessions.ts';
import { testPipelines } from '../contract/pipelines.ts';
import { testTriggers } from '../contract/triggers.ts';
import { testDeliveries } from '../contract/deliveries.ts';
import { testStore, type OpenStore } from '../contract/store.ts';

async function open(): Promise<OpenStore> {
  const store = createMemoryStore();
  return { store, close: () => store.close() };
}

testStore('memory', open);
testQueue('memory', open);
testDeliveries('memory', open);
testAccess('memory', open);
testSessions('memory', open);
testTriggers('memory', open);
testPipelines('memory', open);
