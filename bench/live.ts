/**
 * Following a busy job: 500 WebSocket and 500 SSE clients and one that takes nothing, on a log that another process
 * writes. How late events come, and how much the server's memory grows.
 */
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import {
  busyJob,
  memoryOf,
  openSockets,
  openStreams,
  quantile,
  startServer,
  stopServer,
} from './followers.ts';
import { openBenchFolder } from './place.ts';

const CLIENTS = 500;
const EVENTS_PER_S = 20;
const SECONDS = 10;
/** How long the last events may take before the figures are read. */
const TAIL_MS = 20_000;

async function write(store: Store, jobId: string): Promise<void> {
  const filler = 'x'.repeat(200);
  const began = performance.now();
  for (let at = 0; at < EVENTS_PER_S * SECONDS; at++) {
    const data = { text: filler, sent: Date.now() };
    const time = new Date().toISOString();
    await store.appendEvents(jobId, [{ type: 'log', phase: 'build', attempt: 1, time, data }]);
    await sleep(Math.max(0, began + ((at + 1) * 1000) / EVENTS_PER_S - performance.now()));
  }
}

/** Prints how late events come to a thousand followers, and what they cost. */
export async function benchLive(): Promise<void> {
  const place = openBenchFolder();
  const { child, url } = await startServer(place.path);
  try {
    const store = await openSqliteStore({ path: join(place.path, 'agent-runner.db') });
    const { jobId } = await busyJob(store, 'job-00000000bbbb');
    const idle = memoryOf(child);
    const [sockets, streams] = [
      await openSockets(url, jobId, CLIENTS),
      await openStreams(url, jobId, CLIENTS),
    ];
    const stalled = connect(Number(new URL(url).port), '127.0.0.1');
    stalled.on('error', () => {});
    stalled.write(
      `GET /api/jobs/${jobId}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`,
    );
    stalled.pause();
    const connected = memoryOf(child);
    // Rung as a worker of another process would; without it, followers look once a second.
    const { createBell, withBell } = await import('../src/runner/queue/bell.ts');
    const bell = createBell(join(place.path, 'bell'));
    await write(withBell(store, bell), jobId);
    const wanted = CLIENTS * EVENTS_PER_S * SECONDS;
    const isDone = (): boolean => sockets.lateMs.length >= wanted && streams.lateMs.length >= wanted;
    for (let waited = 0; !isDone() && waited < TAIL_MS; waited += 50) await sleep(50);
    const after = memoryOf(child);
    console.log(
      `events to each of ${CLIENTS} + ${CLIENTS} followers: ${EVENTS_PER_S * SECONDS}, ${EVENTS_PER_S} a second`,
    );
    for (const [name, { lateMs }] of Object.entries({ WebSocket: sockets, SSE: streams }))
      console.log(
        `${name.padEnd(9)}  got ${lateMs.length} of ${wanted}  p50 ${quantile(lateMs, 0.5)} ms  p99 ${quantile(lateMs, 0.99)} ms`,
      );
    console.log(
      `server memory: ${idle.toFixed(0)} MiB idle, ${connected.toFixed(0)} with everybody connected, ${after.toFixed(0)} after`,
    );
    sockets.close();
    streams.close();
    stalled.destroy();
    bell.close();
    await store.close();
  } finally {
    await stopServer(child);
    place.remove();
  }
}
