/**
 * The bridge into a sandbox: how this process reaches what a command listens on, where the command's loopback is its
 * own. A small Node program in the sandbox keeps one idle connection to a Unix socket of ours, whose folder is
 * mounted there; a connection that is asked for is joined by it to a port of the loopback, and the next idle one is
 * opened. Everything is a plain connection: the kernel holds back whoever is too quick, and nothing is multiplexed.
 * No handles are passed in this direction: their channel would have to stay open to whatever runs in the sandbox.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { JobError } from '../job/error.ts';
import { doorMount, NODE_PATH } from './door.ts';

/**
 * Connects to a port of 127.0.0.1 as the command sees it. Rejects where nobody answers there. What is at the other
 * end is whatever runs in the sandbox: it is not to be trusted, and the caller closes what it was given.
 */
export type Dial = (port: number) => Promise<Socket>;

const FOLDER = '/.agent-runner/bridge';
const SOCKET = 's';
/** What the program says when a connection is joined to its port. */
const JOINED = 'y';
/** Longest wait for a connection: the program starts in 50 ms, on a busy machine in seconds. */
const DIAL_TIMEOUT_MS = 15_000;
/** Idle connections that are kept, and connections at all: anything in the sandbox may open them. */
const MAX_IDLE = 8;
const MAX_CONNECTIONS = 64;
/** Pause of the program after a connection that was not admitted. */
const RETRY_MS = 200;

const PROGRAM = `
const net = require('node:net');
const open = () => {
  const out = net.connect({ path: '${FOLDER}/${SOCKET}', allowHalfOpen: true });
  let isTaken = false, isConnected = false;
  out.once('connect', () => { isConnected = true; });
  out.on('error', () => out.destroy());
  // There were too many, and there may be room again; or nobody listens any more.
  out.on('close', () => { if (!isConnected) process.exit(0); if (!isTaken) setTimeout(open, ${RETRY_MS}); });
  out.once('readable', () => {
    const head = out.read(2);
    if (head === null) return out.destroy();
    isTaken = true;
    open();
    const inner = net.connect({ port: head.readUInt16BE(0), host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    inner.on('error', () => { inner.destroy(); out.destroy(); });
    out.on('close', () => inner.destroy());
    inner.once('connect', () => { out.write('${JOINED}'); out.pipe(inner); inner.pipe(out); });
  });
};
open();`;
// Away from the workspace, with an environment of its own, and no child of the command that follows it.
const SCRIPT = `( (cd / && exec env -i ${NODE_PATH} -e "$1") </dev/null >/dev/null 2>&1 & )
shift
exec "$@"`;

/** Our end of a bridge. */
export interface Bridge {
  /** Arguments of bwrap that show it in the sandbox, with this process's own Node. */
  readonly args: readonly string[];
  /** The command that starts the program and then becomes `argv`. */
  wrap(argv: readonly [string, ...string[]]): readonly [string, ...string[]];
  readonly dial: Dial;
  /** Ends every connection, and what waits for one. */
  close(): Promise<void>;
}

/** One byte of a connection, `null` where it ends or says nothing in time. */
async function firstByte(socket: Socket, timeoutMs: number): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const timer = setTimeout(() => resolve(null), timeoutMs);
  const look = (): void => {
    const byte: unknown = socket.read(1);
    if (Buffer.isBuffer(byte)) resolve(byte.toString('latin1'));
  };
  const end = (): void => resolve(null);
  socket.on('readable', look).on('end', end).on('close', end);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.off('readable', look).off('end', end).off('close', end);
  }
}

function refused(port: number): JobError {
  return new JobError('agent_failed', `nothing answers at port ${port} of the sandbox`);
}

/** Connections that the program has opened, and callers that wait for one. */
function createRing(): {
  take(): Promise<Socket | null>;
  add(socket: Socket): void;
  close(): void;
} {
  const idle: Socket[] = [];
  const waiting: ((socket: Socket | null) => void)[] = [];
  let isClosed = false;
  return {
    add(socket) {
      socket.on('error', () => socket.destroy());
      const next = waiting.shift();
      if (next !== undefined) return next(socket);
      if (isClosed || idle.length >= MAX_IDLE) return void socket.destroy();
      idle.push(socket);
      socket.once('close', () => {
        const at = idle.indexOf(socket);
        if (at >= 0) idle.splice(at, 1);
      });
    },
    async take() {
      const socket = idle.shift();
      if (socket !== undefined || isClosed) return socket ?? null;
      const { promise, resolve } = Promise.withResolvers<Socket | null>();
      waiting.push(resolve);
      const timer = setTimeout(() => {
        const at = waiting.indexOf(resolve);
        if (at >= 0) waiting.splice(at, 1);
        resolve(null);
      }, DIAL_TIMEOUT_MS);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      isClosed = true;
      for (const socket of idle.splice(0)) socket.destroy();
      for (const resolve of waiting.splice(0)) resolve(null);
    },
  };
}

/**
 * Builds a bridge for one command in namespaces of its own.
 *
 * @param folder an empty folder of ours, for the socket; whoever made it removes it
 * @throws JobError `bad_configuration` where no socket can be made there
 */
export async function buildBridge(folder: string): Promise<Bridge> {
  const ring = createRing();
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    ring.add(socket);
  });
  server.maxConnections = MAX_CONNECTIONS;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(join(folder, SOCKET), resolve);
    });
  } catch (error) {
    throw new JobError('bad_configuration', `sandbox: no socket can be made in ${folder}: ${String(error)}`, {
      hint: 'a temporary directory (TMPDIR) with a short name helps: the path of a socket has at most 107 characters',
    });
  }
  return {
    args: [...(await doorMount()), '--ro-bind', folder, FOLDER],
    wrap: (argv) => ['/bin/sh', '-c', SCRIPT, 'bridge', PROGRAM, ...argv],
    async dial(port) {
      const socket = await ring.take();
      if (socket === null) throw refused(port);
      socket.write(Buffer.of(port >> 8, port & 0xff));
      if ((await firstByte(socket, DIAL_TIMEOUT_MS)) === JOINED) return socket;
      socket.destroy();
      throw refused(port);
    },
    async close() {
      ring.close();
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Connects to this machine's own loopback, for sandboxes that share its network. */
export async function dialLoopback(port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, timeout: DIAL_TIMEOUT_MS });
  const fail = (): void => {
    socket.destroy();
    reject(refused(port));
  };
  socket
    .once('connect', () => resolve(socket))
    .once('timeout', fail)
    .once('error', fail);
  await promise;
  socket.setTimeout(0).off('timeout', fail).off('error', fail);
  socket.on('error', () => socket.destroy());
  return socket;
}
