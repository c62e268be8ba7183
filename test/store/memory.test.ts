import { createMemoryStore } from '../../src/store/memory.ts';
import { testDeliveries } from '../contract/deliveries.ts';
import { testStore, type OpenStore } from '../contract/store.ts';

async function open(): Promise<OpenStore> {
  const store = createMemoryStore();
  return { store, close: () => store.close() };
}

testStore('memory', open);
testDeliveries('memory', open);
