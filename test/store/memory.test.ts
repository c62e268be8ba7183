import { createMemoryStore } from '../../src/store/memory.ts';
import { testStore } from '../contract/store.ts';

testStore('memory', async () => {
  const store = createMemoryStore();
  return { store, close: () => store.close() };
});
