/**
 * The other process of `locked.ts`: appends to a job's log, in transactions that hold the database's lock most of the
 * time or none of it, until it is ended.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBell } from '../src/runner/queue/bell.ts';
import { eventRow } from '../src/store/rules/event.ts';
import { openDatabase, type Database } from '../src/store/sqlite/database.ts';
import { appendRows } from '../src/store/sqlite/tables/events.ts';
import { jobNumber } from '../src/store/sqlite/tables/jobs.ts';

/** How long a transaction lasts, and the pause after it, in milliseconds. */
const [SHORTEST_MS, LONGEST_MS, PAUSE_MS] = [50, 200, 2];

const gate = new Int32Array(new SharedArrayBuffer(4));

/** Appends an event in a transaction that lasts so long. This process has nothing else to do meanwhile. */
async function append(database: Database, jobId: string, holdMs: number): Promise<void> {
  await database.write('full', 0, (db) => {
    Atomics.wait(gate, 0, 0, holdMs);
    const time = new Date().toISOString();
    const data = { text: 'x'.repeat(200), sent: Date.now() };
    appendRows(db, jobNumber(db, jobId), [eventRow({ type: 'log', phase: 'build', attempt: 1, time, data })]);
  });
}

const [home = '', jobId = '', way = ''] = process.argv.slice(2);
const holds = way === 'holds';
const database = await openDatabase(join(home, 'agent-runner.db'), () => new Date());
const bell = createBell(join(home, 'bell'));
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
while (!stop.signal.aborted) {
  const lengthMs = SHORTEST_MS + Math.random() * (LONGEST_MS - SHORTEST_MS);
  await append(database, jobId, holds ? lengthMs : 0).catch((error: unknown) => console.error(String(error)));
  bell.ring('log', jobId);
  await sleep(holds ? PAUSE_MS : lengthMs);
}
bell.close();
await database.close();
