/**
 * How long a server's event loop stands still while another process holds the database's lock most of the time, and
 * how late the server's own writes and its followers' events are then.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { busyJob, openSockets, openStreams, quantile, startServer, stopServer } from './followers.ts';
import type { LoopDelay } from './loop-delay.ts';
import { machine, median } from './place.ts';

/** Followers of each kind. */
const CLIENTS = 100;
const ROUNDS = 7;
const ROUND_MS = 5000;
/** Pause between two writes that are asked of the server, in milliseconds. */
const ASK_MS = 50;
const MAX_STOP_MS = 20;

const LOGGED = 'job-00000000bbbb';
const CANCELLED = 'job-00000000cccc';

function delayOf(child: ChildProcess): Promise<LoopDelay> {
  return new Promise((resolve) => {
    child.once('message', (said) => resolve(said as LoopDelay));
    child.send('delay');
  });
}

/** Asks the server for one write after the other that is flushed to the disk; milliseconds until each was answered. */
async function askFor(url: string, forMs: number): Promise<{ tookMs: number[]; failed: number }> {
  const tookMs: number[] = [];
  let failed = 0;
  for (const untilMs = Date.now() + forMs; Date.now() < untilMs; await sleep(ASK_MS)) {
    const asked = performance.now();
    const answer = await fetch(`${url}/api/jobs/${CANCELLED}/cancel`, { method: 'POST' });
    await answer.arrayBuffer();
    tookMs.push(performance.now() - asked);
    if (answer.status !== 202) failed++;
  }
  return { tookMs, failed };
}

interface Round {
  readonly delay: LoopDelay;
  readonly tookMs: readonly number[];
  readonly failed: number;
}

async function round(
  server: { child: ChildProcess; url: string },
  home: string,
  way: string,
): Promise<Round> {
  const holder = spawn(process.execPath, [join(import.meta.dirname, 'locked-holder.ts'), home, LOGGED, way], {
    stdio: 'inherit',
  });
  // Its start is not measured.
  await sleep(1000);
  await delayOf(server.child);
  const asked = await askFor(server.url, ROUND_MS);
  const delay = await delayOf(server.child);
  await stopServer(holder);
  return { delay, ...asked };
}

function report(name: string, rounds: readonly Round[], lateMs: readonly number[]): number {
  const each = (pick: (delay: LoopDelay) => number): number[] => rounds.map(({ delay }) => pick(delay));
  const [stops, inSqlite] = [each((delay) => delay.maxMs), each((delay) => delay.sqliteMaxMs)];
  const share = median(each((delay) => delay.sqliteMs)) / ROUND_MS;
  const took = rounds.flatMap((one) => one.tookMs);
  const failed = rounds.reduce((sum, one) => sum + one.failed, 0);
  const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  console.log(`${name}:`);
  console.log(
    `  longest stop of the event loop inside SQLite ${ms(median(inSqlite))} (at most ${ms(Math.max(...inSqlite))}; ${(share * 100).toFixed(1)} % of the time), for any reason ${ms(median(stops))} (at most ${ms(Math.max(...stops))})`,
  );
  console.log(
    `  ${took.length} writes answered after p50 ${ms(median(took))} p99 ${ms(quantile(took, 0.99))}, ${failed} refused; ${lateMs.length} events, p99 ${ms(quantile(lateMs, 0.99))}`,
  );
  return median(inSqlite);
}

/** Prints the longest stops of a server's event loop, with another process that holds the lock and with one that doesn't. */
export async function benchLocked(): Promise<void> {
  // On the disk, because flushing is what is waited for, too.
  const home = mkdtempSync(join(tmpdir(), 'agent-runner-bench-'));
  const nodeArgs = ['--import', join(import.meta.dirname, 'loop-delay.ts')];
  const server = await startServer(home, { nodeArgs, isHeard: true });
  try {
    const store = await openSqliteStore({ path: join(home, 'agent-runner.db') });
    await busyJob(store, LOGGED);
    await busyJob(store, CANCELLED);
    await store.close();
    const all = [
      await openSockets(server.url, LOGGED, CLIENTS),
      await openStreams(server.url, LOGGED, CLIENTS),
    ];
    const ways: Record<string, { rounds: Round[]; lateMs: number[] }> = {
      holds: { rounds: [], lateMs: [] },
      lets: { rounds: [], lateMs: [] },
    };
    for (let at = 0; at <= ROUNDS; at++) {
      for (const [way, { rounds, lateMs }] of Object.entries(ways)) {
        for (const seen of all) seen.lateMs.length = 0;
        const one = await round(server, home, way);
        if (at === 0) continue;
        rounds.push(one);
        lateMs.push(...all.flatMap((seen) => seen.lateMs));
      }
    }
    const stop = report(
      'lock held 50 to 200 ms of every 52 to 202',
      ways['holds']?.rounds ?? [],
      ways['holds']?.lateMs ?? [],
    );
    report('the same writes without holding it', ways['lets']?.rounds ?? [], ways['lets']?.lateMs ?? []);
    console.log(`goal: another process's writes stop the event loop for at most ${MAX_STOP_MS} ms`);
    console.log(machine());
    for (const seen of all) seen.close();
    if (stop > MAX_STOP_MS) process.exitCode = 1;
  } finally {
    await stopServer(server.child);
    rmSync(home, { recursive: true, force: true });
  }
}
