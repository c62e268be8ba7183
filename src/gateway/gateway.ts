/**
 * The model gateway: agents reach models through it and nothing else. It holds the real keys, knows each job by a
 * token of its own, counts every call on the wire, prices it, and refuses when a budget is spent. It translates no
 * dialect, retries nothing and changes nothing that it need not.
 */
import type { Socket } from 'node:net';
import { openAccount, type Account, type AccountOptions, type Grant } from './account.ts';
import { serve } from './serve.ts';
import { createTill } from './spend/budget.ts';
import type { PriceBook } from './spend/prices.ts';
import { createUpstream } from './upstream.ts';

/** What a gateway is made with. */
export interface GatewayOptions {
  readonly prices: PriceBook;
  /** Longest silence of a provider in milliseconds; `DEFAULT_UPSTREAM_IDLE_MS` when absent. */
  readonly upstreamIdleMs?: number;
  /** Proxy variables for the way to providers. */
  readonly proxyEnv?: Readonly<Record<string, string>>;
}

/** One gateway serves all jobs of a process. */
export interface Gateway {
  /** Opens a job's account. */
  account(options: AccountOptions): Account;
  /** Takes a connection that came from a sandbox. */
  accept(socket: Socket): void;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** Longest silence of a provider unless told otherwise: large answers without a stream take minutes. */
export const DEFAULT_UPSTREAM_IDLE_MS = 600_000;
/** Connections of all sandboxes at a time; what comes then is closed. */
const MAX_CONNECTIONS = 2048;
/** Clients keep connections for their next call; ours must not close them first. */
const KEEP_ALIVE_MS = 75_000;

/** Makes a gateway. It listens nowhere by itself: sandboxes hand it their connections. */
export function createGateway(options: GatewayOptions): Gateway {
  const { prices, upstreamIdleMs = DEFAULT_UPSTREAM_IDLE_MS, proxyEnv = {} } = options;
  const grants = new Map<string, Grant>();
  const upstream = createUpstream(upstreamIdleMs, proxyEnv);
  const service = { grants, upstream, till: createTill() };
  // Not imported: an import reads every export, `WebSocket` among them, which loads all of undici at every start.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true }, (request, response) => {
    serve(service, request, response).catch(() => response.destroy());
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  const sockets = new Set<Socket>();
  return {
    account: (account) => openAccount(account, prices, grants),
    accept(socket) {
      socket.on('error', () => socket.destroy());
      if (sockets.size >= MAX_CONNECTIONS) return void socket.destroy();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.setNoDelay(true);
      server.emit('connection', socket);
    },
    close() {
      grants.clear();
      for (const socket of sockets) socket.destroy();
      upstream.close();
      return Promise.resolve();
    },
  };
}
