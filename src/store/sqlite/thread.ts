/** The thread that writes a database: a whole store of its own, whose methods are called by messages. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

/** Gives back what starting needed, which the engine keeps until memory is short: 2 MB of 15. */
function giveBack(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: { type: 'major'; flavor: 'last-resort' }) => void;
  collect({ type: 'major', flavor: 'last-resort' });
}

const { path } = workerData as ThreadOrder;
const opening = openSqliteStore({ path });
await answer(
  0,
  opening.then(() => null),
);
const store = await opening;
giveBack();
parentPort?.on('message', ({ id, method, args }: ThreadCall) => {
  const call = store[method] as (...values: readonly unknown[]) => Promise<unknown>;
  const done = answer(id, call(...args));
  // Nothing else keeps the thread alive.
  if (method === 'close') void done.finally(() => parentPort?.close());
});
