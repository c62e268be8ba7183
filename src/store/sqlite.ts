/**
 * The default store: one SQLite file, shared by any number of processes of one machine. Every write goes
 * through one queue per process (`sqlite/writer.ts`), and every promise resolves only after its commit.
 */
import { resolve } from 'node:path';
import type { Store } from './store.ts';
import { deliveryMethods } from './deliveries/sqlite.ts';
import { openDatabase } from './sqlite/database.ts';
import { accessMethods } from './sqlite/tables/access.ts';
import { eventMethods, messageMethods, trimMethods } from './sqlite/tables/events.ts';
import { changesOf, jobMethods, leaseMethods, queueOf } from './sqlite/tables/jobs.ts';
import { importMethods } from './sqlite/tables/imported.ts';
import { sessionMethods } from './sqlite/tables/sessions.ts';
import { baselineMethods, stepMethods } from './sqlite/tables/steps.ts';
import { tallyMethods } from './sqlite/tables/tallies.ts';
import { pipelineMethods } from './pipelines/sqlite.ts';
import { triggerMethods } from './triggers/sqlite.ts';

/**
 * Opens a store in an SQLite file, creates it where there is none, and brings it up to date.
 *
 * @param options.path the file; its directory is created
 * @param options.now the clock for `updated_at`; the real one unless given
 * @param options.thread whether a thread writes, so that the event loop never waits for the disk: for a process that
 *   lasts, because starting it takes as long as a short command
 * @throws JobError `infra_failed` (no database, damaged, locked for 5 s, full disk, no access), or
 *   `bad_configuration` (newer than this code, or another program's)
 */
export async function openSqliteStore(
  options:
    | { readonly path: string; readonly now?: () => Date; readonly thread?: false }
    | { readonly path: string; readonly thread: true },
): Promise<Store> {
  const store = await openHere(options.path, 'now' in options ? options.now : undefined);
  if (options.thread !== true) return store;
  // Loaded here, because most commands last for less time than it takes.
  const { inThread } = await import('./sqlite/threaded.ts');
  try {
    return await inThread(resolve(options.path), store);
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

async function openHere(path: string, now: () => Date = () => new Date()): Promise<Store> {
  const database = await openDatabase(path, now);
  return {
    ...jobMethods(database),
    ...changesOf(database),
    ...sessionMethods(database),
    ...importMethods(database),
    ...leaseMethods(database),
    ...queueOf(database),
    ...eventMethods(database),
    ...messageMethods(database),
    ...trimMethods(database),
    ...stepMethods(database),
    ...deliveryMethods(database),
    ...baselineMethods(database),
    ...accessMethods(database),
    ...tallyMethods(database),
    ...triggerMethods(database),
    ...pipelineMethods(database),
    close: () => database.close(),
  };
}
