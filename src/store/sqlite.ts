/**
 * The default store: one SQLite file, shared by any number of processes of one machine. Every write goes
 * through one queue per process (`sqlite/writer.ts`), and every promise resolves only after its commit.
 */
import type { Store } from './store.ts';
import { deliveryMethods } from './deliveries/sqlite.ts';
import { openDatabase } from './sqlite/database.ts';
import { accessMethods } from './sqlite/tables/access.ts';
import { eventMethods, messageMethods, trimMethods } from './sqlite/tables/events.ts';
import { jobMethods, leaseMethods, queueOf } from './sqlite/tables/jobs.ts';
import { importMethods } from './sqlite/tables/imported.ts';
import { sessionMethods } from './sqlite/tables/sessions.ts';
import { baselineMethods, stepMethods } from './sqlite/tables/steps.ts';
import { tallyMethods } from './sqlite/tables/tallies.ts';

/**
 * Opens a store in an SQLite file, creates it where there is none, and brings it up to date.
 *
 * @param options.path the file; its directory is created
 * @param options.now the clock for `updated_at`; the real one unless given
 * @throws JobError `infra_failed` (no database, damaged, locked for 5 s, full disk, no access), or
 *   `bad_configuration` (newer than this code, or another program's)
 */
export async function openSqliteStore(options: {
  readonly path: string;
  readonly now?: () => Date;
}): Promise<Store> {
  const database = await openDatabase(options.path, options.now ?? (() => new Date()));
  return {
    ...jobMethods(database),
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
    close: () => database.close(),
  };
}
