/** A server of its own process, a job that another process writes, and clients that follow it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import type { Lease, Store } from '../src/store/store.ts';
import { sampleJob } from '../test/store/sample.ts';

const ROOT = join(import.meta.dirname, '..');

/** A server that takes requests. */
export interface Started {
  readonly child: ChildProcess;
  readonly url: string;
}

/** How a server is started. */
export interface StartOptions {
  /** For Node itself. */
  readonly nodeArgs?: readonly string[];
  /** Whether it may be spoken to by `child.send`, as a module that `nodeArgs` loads into it does. */
  readonly isHeard?: boolean;
  /** Whether it runs jobs. */
  readonly works?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** The command line; that of this clone unless given. */
  readonly bin?: string;
}

/** Starts `up` on a home of its own, with nobody asked for a key. */
export async function startServer(home: string, options: StartOptions = {}): Promise<Started> {
  const { nodeArgs = [], isHeard = false, works = false, env = {} } = options;
  const bin = options.bin ?? join(ROOT, 'bin/agent-runner.js');
  const args = [...nodeArgs, bin, 'up', '--port', '0', '--no-auth', '--home', home];
  const child = spawn(process.execPath, works ? args : [...args, '--no-worker'], {
    stdio: ['ignore', 'pipe', 'ignore', isHeard ? 'ipc' : 'ignore'],
    env: { ...process.env, ...env },
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.setEncoding('utf8').once('data', (text: string) => resolve(text.trim().replace(/\/$/, '')));
    child.once('exit', () => reject(new Error('the server ended')));
  });
  return { child, url };
}

/** Ends a server as a person does, and waits until it is gone. */
export async function stopServer(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  child.kill('SIGTERM');
  await gone;
}

/** A job in work, held by this process. */
export async function busyJob(
  store: Store,
  jobId: string,
): Promise<{ readonly jobId: string; readonly lease: Lease }> {
  const now = new Date();
  const time = now.toISOString();
  const job = sampleJob(jobId, { created_at: time, updated_at: time });
  const { lease } = await store.createJob(job, { hold: { owner: 'bench', leaseMs: 600_000, now } });
  if (lease === null) throw new Error('the job is not held');
  await store.updateJob(lease, { status: 'running' });
  return { jobId, lease };
}

/** What clients saw: how late each event came, in milliseconds. */
export interface Seen {
  readonly lateMs: number[];
  readonly close: () => void;
}

const SENT = /"sent":(\d+)/g;

function note(lateMs: number[], text: string): void {
  const now = Date.now();
  for (const [, sent] of text.matchAll(SENT)) lateMs.push(now - Number(sent));
}

/** Follows a job's log by so many WebSockets. */
export async function openSockets(url: string, jobId: string, clients: number): Promise<Seen> {
  const lateMs: number[] = [];
  const sockets: WebSocket[] = [];
  for (let at = 0; at < clients; at++) {
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

/** Follows a job's log by so many streams of server-sent events. */
export async function openStreams(url: string, jobId: string, clients: number): Promise<Seen> {
  const lateMs: number[] = [];
  const agent = new Agent({ keepAlive: true });
  for (let at = 0; at < clients; at++) {
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
export function memoryOf(child: ChildProcess): number {
  const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]);
  return (pages * 4096) / 2 ** 20;
}

/** The value that a share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN;
}
