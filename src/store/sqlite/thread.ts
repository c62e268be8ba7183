/** The thread that writes a database: a whole store of its own, whose methods are called by messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { errorInfoOf } from '../../job/error.ts';
import { openSqliteStore } from '../sqlite.ts';
import type { ThreadAnswer, ThreadCall, ThreadOrder } from './threaded.ts';

function answer(id: number, work: Promise<unknown>): Promise<void> {
  const say = (said: ThreadAnswer): void => parentPort?.postMessage(said, []);
  return work
    .then((value) => say({ id, value }))
    .catch((error: unknown) => say({ id, error: errorInfoOf(error) }));
}

const { path } = workerData as ThreadOrder;
const opening = openSqliteStore({ path });
await answer(
  0,
  opening.then(() => null),
);
const store = await opening;
parentPort?.on('message', ({ id, method, args }: ThreadCall) => {
  const call = store[method] as (...values: readonly unknown[]) => Promise<unknown>;
  const done = answer(id, call(...args));
  // Nothing else keeps the thread alive.
  if (method === 'close') void done.finally(() => parentPort?.close());
});
