/** A server in this process, on a home of its own, with a key of every role. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '../../src/config.ts';
import type { Role } from '../../src/job/access/access.ts';
import type { JobEvent, NewEvent } from '../../src/job/job.ts';
import { createLog } from '../../src/log.ts';
import { openRunner } from '../../src/runner/open.ts';
import type { Runner } from '../../src/runner/runner.ts';
import { createKey } from '../../src/server/access/keys.ts';
import type { Patience } from '../../src/server/live/streams.ts';
import { openServer, type Server } from '../../src/server/server.ts';
import type { Lease } from '../../src/store/store.ts';
import { sampleEvent, sampleJob, sampleRequest } from '../store/sample.ts';

export interface OpenedServer {
  readonly server: Server;
  readonly runner: Runner;
  readonly keys: Readonly<Record<Role, string>>;
  /** What was logged, one line each. */
  readonly logged: readonly string[];
  /** Sends a request as somebody; `null` sends no key. */
  ask(path: string, init?: RequestInit & { readonly as?: Role | null }): Promise<Response>;
  /** Posts JSON. */
  post(path: string, body: unknown, as?: Role | null, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

/** Opens one. @param settings by name, as flags give them */
export async function openedServer(
  settings: Readonly<Record<string, unknown>> = {},
  options: {
    readonly auth?: boolean;
    readonly patience?: Patience;
    readonly dashboardFolder?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<OpenedServer> {
  const home = mkdtempSync(join(tmpdir(), 'agent-runner-server-'));
  const flags = { home, port: 0, agent: 'simulated', min_free_bytes: 0, requests_per_minute: 0, ...settings };
  const config = await resolveConfig({
    flags,
    env: { PATH: process.env['PATH'], ...options.env },
    cwd: home,
    projectFile: null,
  });
  const runner = await openRunner(config);
  const logged: string[] = [];
  const log = createLog({ level: 'debug', format: 'json', write: (line) => logged.push(line) });
  const keyOf = async (role: Role): Promise<string> => {
    const made = await createKey(runner.store, { name: role, role });
    if (made === null) throw new Error(`no key for ${role}`);
    return made.secret;
  };
  const keys = { read: await keyOf('read'), submit: await keyOf('submit'), admin: await keyOf('admin') };
  const { auth = true, patience, dashboardFolder } = options;
  const server = await openServer({
    runner,
    version: '1.2.3',
    log,
    auth,
    worker: () => 'none',
    ...(patience === undefined ? {} : { patience }),
    ...(dashboardFolder === undefined ? {} : { dashboardFolder }),
  });
  const ask: OpenedServer['ask'] = (path, { as = 'read', ...init } = {}) => {
    const headers = new Headers(init.headers);
    if (as !== null && !headers.has('authorization')) headers.set('authorization', `Bearer ${keys[as]}`);
    return fetch(server.url + path, { redirect: 'manual', ...init, headers });
  };
  return {
    server,
    runner,
    keys,
    logged,
    ask,
    post: (path, body, as = 'submit', headers = {}) =>
      ask(path, {
        method: 'POST',
        as,
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    async close() {
      await server.close();
      await runner.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A job of the store that a test plays the worker of. */
export interface PlayedJob {
  readonly jobId: string;
  /** Writes events that carry these texts. */
  say(...texts: readonly string[]): Promise<readonly JobEvent[]>;
  write(...events: readonly NewEvent[]): Promise<readonly JobEvent[]>;
  ask(question: string): Promise<void>;
  end(): Promise<void>;
}

let played = 0;

/** Stores a job and holds it, as a worker does that is at work on it. */
export async function playJob({ runner }: OpenedServer, userId: string | null = null): Promise<PlayedJob> {
  const { store } = runner;
  const jobId = `job-${String(++played).padStart(12, '0')}`;
  const now = new Date();
  const request = sampleRequest({ user_id: userId });
  const job = sampleJob(jobId, { request, created_at: now.toISOString() });
  const { lease } = await store.createJob(job, { hold: { owner: 'test', leaseMs: 600_000, now } });
  if (lease === null) throw new Error(`${jobId} is not held`);
  const held: Lease = lease;
  await store.updateJob(held, { status: 'running', started_at: now.toISOString() });
  return {
    jobId,
    say: (...texts) => store.appendEvents(jobId, texts.map(sampleEvent)),
    write: (...events) => store.appendEvents(jobId, events),
    async ask(question) {
      await store.updateJob(held, { status: 'needs_input', question });
    },
    async end() {
      await store.updateJob(held, { status: 'cancelled', outcome: 'cancelled', question: null });
      await store.releaseLease(held);
    },
  };
}

/** The OpenAPI document of a server. */
export interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<'get' | 'post' | 'delete', Operation | undefined>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}
export type Schema = Readonly<Record<string, unknown>>;
export interface Operation {
  readonly operationId: string;
  readonly 'x-role': Role | null;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: 'path' | 'query' | 'header';
    readonly required: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}
export interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

/** Reads it, as anybody may. */
export async function documentOf(opened: OpenedServer): Promise<Document> {
  return (await (await opened.ask('/openapi.json', { as: null })).json()) as Document;
}

/** Every operation of a document. */
export function operationsOf(document: Document): readonly {
  readonly path: string;
  readonly method: 'get' | 'post' | 'delete';
  readonly operation: Operation;
}[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    (['get', 'post', 'delete'] as const).flatMap((method) => {
      const operation = methods[method];
      return operation === undefined ? [] : [{ path, method, operation }];
    }),
  );
}
