/** The server: HTTP and WebSocket over one runner, from the first connection to the last. */
import { createAdaptorServer } from '@hono/node-server';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { JobError } from '../job/error.ts';
import type { Log } from '../log.ts';
import type { Runner } from '../runner/runner.ts';
import { createGuard, isLoopback } from './access/guard.ts';
import { createKey } from './access/keys.ts';
import { createRateLimit } from './access/limit.ts';
import { createLogins, loginSecret } from './access/login.ts';
import { createApp, type Connected } from './app.ts';
import { openDashboard } from './dashboard/files.ts';
import { createDefine, type Endpoint } from './endpoint.ts';
import { allEndpoints } from './endpoints.ts';
import { createSockets } from './live/socket.ts';
import { createStreams, type Patience } from './live/streams.ts';
import { createCounters } from './figures/metrics.ts';
import type { Parts, WorkerState } from './parts.ts';

/** How a server is opened. */
export interface ServerOptions {
  readonly runner: Runner;
  readonly version: string;
  readonly log: Log;
  /** `false` asks for no key, and lets in whoever is on this machine. */
  readonly auth: boolean;
  readonly worker: () => WorkerState;
  /** Where the dashboard was built to; without it, or where nothing lies there, the API is served alone. */
  readonly dashboardFolder?: string;
  /** With followers; as documented unless given. */
  readonly patience?: Patience;
}

/** A server that takes requests. */
export interface Server {
  /** Where it is reached, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** With a login in it, where this is the first start and the first key was made; shown once. */
  readonly loginUrl: string | null;
  /** Whether the pages for people were built, and are served. */
  readonly hasDashboard: boolean;
  /** Takes no more requests, ends live streams, and waits a moment for those in work. */
  close(): Promise<void>;
}

/** Longest time that a request's headers, and the whole of it, may take to come, in milliseconds. */
const HEADERS_MS = 15_000;
const REQUEST_MS = 60_000;
const KEEP_ALIVE_MS = 10_000;
/** Longest time in which a connection neither brings nor takes anything; streams are heard of more often. */
const SILENT_MS = 120_000;
/** How long requests in work may go on when the server stops, in milliseconds. */
const CLOSE_MS = 5000;
/** How much wider the limit of endpoints is whose senders come in storms. */
const STORM = 10;
/** How often it is looked meanwhile which connections are done, in milliseconds. */
const IDLE_MS = 20;

/**
 * Refuses to be reached by others without asking them who they are.
 *
 * @throws JobError `bad_configuration`
 */
export function checkExposure(host: string, auth: boolean): void {
  if (auth || isLoopback(host)) return;
  throw new JobError(
    'bad_configuration',
    `host: ${host} can be reached from other machines, and --no-auth asks nobody for a key`,
    {
      hint: 'leave --no-auth out, or listen on 127.0.0.1',
    },
  );
}

async function listen(server: HttpServer, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'it is in use' : error.message;
      const isTaken = error.code === 'EADDRINUSE' && port !== 0;
      const perhaps = isTaken ? `perhaps it runs there already: open ${urlOf(host, port)}; or ` : '';
      const hint = {
        hint: `${perhaps}take another by --port (0 is any that is free; \`npm start -- --port 0\`) or --host`,
      };
      reject(
        new JobError('bad_configuration', `port: ${port} on ${host} can't be listened on: ${why}`, hint),
      );
    });
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

function urlOf(host: string, port: number): string {
  const isAny = host === '0.0.0.0' || host === '::';
  const name = isAny ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function connectedOf(env: unknown): Connected {
  const { incoming, outgoing } = env as { incoming: IncomingMessage; outgoing: ServerResponse };
  return { address: incoming.socket.remoteAddress ?? null, destroy: () => outgoing.destroy() };
}

async function firstLogin(runner: Runner, url: string, auth: boolean): Promise<string | null> {
  if (!auth) return null;
  const made = await createKey(runner.store, { name: 'first', role: 'admin', onlyFirst: true });
  return made === null ? null : `${url}/login?token=${made.secret}`;
}

async function closeHttp(server: HttpServer): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // A connection is idle when its last response was taken, which may be a moment from now.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_MS);
  const last = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  server.closeIdleConnections();
  await closed;
  clearInterval(idle);
  clearTimeout(last);
}

/**
 * Opens a server on the runner's configuration.
 *
 * @throws JobError `bad_configuration`: nobody may listen there, or everybody could come in
 */
export async function openServer(options: ServerOptions): Promise<Server> {
  const { runner, log, auth, dashboardFolder } = options;
  const { config, store } = runner;
  const { host, port, publicUrl, requestsPerMinute } = config.server;
  checkExposure(host, auth);
  const streams = createStreams(runner, options.patience);
  const logins = createLogins(
    store,
    await loginSecret(config.home),
    publicUrl?.startsWith('https:') === true,
  );
  const publicHost = publicUrl === null ? null : new URL(publicUrl).host;
  const guard = createGuard({ store, logins, auth, publicHost });
  const limit = createRateLimit(requestsPerMinute);
  const storms = createRateLimit(requestsPerMinute * STORM);
  const counters = createCounters();
  const dashboard = dashboardFolder === undefined ? null : await openDashboard(dashboardFolder);
  const parts: Parts = { ...options, config, logins, streams, dashboard };
  const endpoints: readonly Endpoint[] = allEndpoints(parts, counters, createDefine(z.strictObject({})));
  const app = createApp({
    endpoints,
    guard,
    limit,
    storms,
    store,
    log,
    dashboard,
    onDone: (route, status) => counters.request(route, status),
  });
  const http = createAdaptorServer({
    fetch: (request, env) => app.fetch(request, connectedOf(env)),
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
  }) as HttpServer;
  http.setTimeout(SILENT_MS);
  const sockets = createSockets({ runner, streams, guard, limit, log });
  http.on('upgrade', sockets.upgrade);
  const bound = await listen(http, host, port);
  const url = publicUrl ?? urlOf(host, bound);
  return {
    url,
    port: bound,
    loginUrl: await firstLogin(runner, url, auth),
    hasDashboard: dashboard !== null,
    async close() {
      streams.stop();
      await Promise.all([sockets.close(), closeHttp(http)]);
    },
  };
}
