/**
 * Following a busy job: 500 WebSocket and 500 SSE clients and one that takes nothing, on a log that another process
 * writes. How late events come, and how much the server's memory grows.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Lease, Store } from '../src/store/store.ts';
import { sampleJob } from '../test/store/sample.ts';
import { openBenchFolder } from './place.ts';

const ROOT = join(import.meta.dirname, '..');
const CLIENTS = 500;
const EVENTS_PER_S = 20;
const SECONDS = 10;
/** How long the last events may take before the figures are read. */
const TAIL_MS = 20_000;

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
}

async function startServer(home: string): Promise<Started> {
  const bin = join(ROOT, 'bin/agent-runner.js');
  const args = [bin, 'up', '--port', '0', '--no-auth', '--no-worker', '--home', home];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim().replace(/\/$/, '')));
    child.once('exit', () => reject(new Error('the server ended')));
  });
  return { child, url };
}

async function busyJob(store: Store): Promise<{ readonly jobId: string; readonly lease: Lease }> {
  const jobId = 'job-00000000bbbb';
  const now = new Date();
  const time = now.toISOString();
  const job = sampleJob(jobId, { created_at: time, updated_at: time });
  const { lease } = await store.createJob(job, { hold: { owner: 'bench', leaseMs: 600_000, now } });
  if (lease === null) throw new Error('the job is not held');
  await store.updateJob(lease, { status: 'running' });
  return { jobId, lease };
}

/** What clients saw: how late each event came, in milliseconds. */
interface Seen {
  readonly lateMs: number[];
  readonly close: () => void;
}

const SENT = /"sent":(\d+)/g;

function note(lateMs: number[], text: string): void {
  const now = Date.now();
  for (const [, sent] of text.matchAll(SENT)) lateMs.push(now - Number(sent));
}

async function openSockets(url: string, jobId: string): Promise<Seen> {
  const lateMs: number[] = [];
  const sockets: WebSocket[] = [];
  for (let at = 0; at < CLIENTS; at++) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/${jobId}`, { perMessageDeflate: false });
    socket.on('message', (data: Buffer) => note(lateMs, data.toString('latin1')));
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    sockets.push(socket);
  }
  return {
    lateMs,
    close() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

async function openStreams(url: string, jobId: string): Promise<Seen> {
  const lateMs: number[] = [];
  const agent = new Agent({ keepAlive: true });
  for (let at = 0; at < CLIENTS; at++) {
    await new Promise<void>((resolve, reject) => {
      const headers = { accept: 'text/event-stream' };
      const sent = request(
        `${url}/api/jobs/${jobId}/events`,
        { agent, headers },
        (response: IncomingMessage) => {
          response.setEncoding('latin1').on('data', (text: string) => note(lateMs, text));
          response.on('error', () => {});
          resolve();
        },
      );
      sent.on('error', reject);
      sent.end();
    });
  }
  return { lateMs, close: () => agent.destroy() };
}

/** Resident memory of a process, in MiB. */
function memoryOf(child: ChildProcess): number {
  const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]);
  return (pages * 4096) / 2 ** 20;
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN;
}

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
    const { jobId } = await busyJob(store);
    const idle = memoryOf(child);
    const [sockets, streams] = [await openSockets(url, jobId), await openStreams(url, jobId)];
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
    child.kill('SIGTERM');
    await new Promise((resolve) => {
      child.once('exit', resolve);
    });
    place.remove();
  }
}
