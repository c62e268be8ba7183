/** A job's log over a WebSocket: each event is one message, the same as the data of the server-sent one. */
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { mayAct } from '../../job/access/access.ts';
import type { JobEvent } from '../../job/job.ts';
import type { Log } from '../../log.ts';
import type { Runner } from '../../runner/runner.ts';
import type { Guard } from '../access/guard.ts';
import { stayOf } from '../access/stay.ts';
import type { RateLimit } from '../access/limit.ts';
import { parsePart, queryOf } from '../check.ts';
import { findJob } from '../jobs/read.ts';
import { jobPath, socketQuery } from '../jobs/schema.ts';
import { Refused, responseOf } from '../problem.ts';
import { checkAfter, eventLine, piecesOf, type LiveStream, type Patience, type Streams } from './streams.ts';

/** Largest message that is read; nobody has anything to say here. */
const MAX_MESSAGE_BYTES = 4096;
/** Longest farewell, in milliseconds. */
const CLOSE_MS = 2000;
/** The bytes are UTF-8. */
const TEXT = { binary: false } as const;

/** What sockets work with. */
export interface SocketParts {
  readonly runner: Runner;
  readonly streams: Streams;
  readonly guard: Guard;
  readonly limit: RateLimit;
  readonly log: Log;
}

/** The sockets of a server. */
export interface Sockets {
  /** For `upgrade` of Node's HTTP server. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  close(): Promise<void>;
}

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    for (const one of [value ?? []].flat()) headers.append(name, one);
  return headers;
}

/** Answers an upgrade that is not to be. */
async function refuse(socket: Duplex, response: Response): Promise<void> {
  const text = await response.text();
  const { status, headers } = response;
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const length = `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n`;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}${length}\r\n${text}`);
}

/** Sends a piece of a page, and resolves when the system has taken it; a follower that takes nothing is let go. */
async function sendPiece(socket: WebSocket, events: readonly JobEvent[], stallMs: number): Promise<void> {
  const stalled = setTimeout(() => socket.terminate(), stallMs);
  const taken = Promise.withResolvers<void>();
  for (const [at, event] of events.entries()) {
    if (at < events.length - 1) socket.send(eventLine(event), TEXT);
    else socket.send(eventLine(event), TEXT, () => taken.resolve());
  }
  await taken.promise;
  clearTimeout(stalled);
}

/** Asks now and then whether the other end is there; one that has not answered for `stallMs` is let go. */
function keepAlive(socket: WebSocket, { heartbeatMs, stallMs }: Patience): () => void {
  let seenMs = performance.now();
  socket.on('pong', () => {
    seenMs = performance.now();
  });
  const timer = setInterval(() => {
    if (performance.now() - seenMs > stallMs + heartbeatMs) socket.terminate();
    else socket.ping();
  }, heartbeatMs);
  return () => clearInterval(timer);
}

/** Ends a socket with the right to it: asked before what is sent, and now and then where nothing is. */
function createGate(
  socket: WebSocket,
  heartbeatMs: number,
  isStillIn: () => Promise<boolean>,
): { readonly pass: () => Promise<boolean>; readonly stop: () => void } {
  const pass = async (): Promise<boolean> => {
    if (await isStillIn()) return true;
    socket.close(1008, 'the key holds no more');
    return false;
  };
  // What can't be asked now is asked again.
  const timer = setInterval(() => void pass().catch(() => {}), heartbeatMs);
  return { pass, stop: () => clearInterval(timer) };
}

async function serve(socket: WebSocket, admitted: Admitted, log: Log): Promise<void> {
  const { stream, isStillIn } = admitted;
  const stop = keepAlive(socket, stream.patience);
  const gate = createGate(socket, stream.patience.heartbeatMs, isStillIn);
  socket.on('close', () => stream.leave());
  socket.on('error', () => socket.terminate());
  try {
    for await (const events of stream.pages) {
      if (socket.readyState !== socket.OPEN || !(await gate.pass())) break;
      for (const piece of piecesOf(events)) await sendPiece(socket, piece, stream.patience.stallMs);
    }
    if (stream.isStopping()) socket.close(1001, 'the server stops');
    else socket.close(1000, 'the job has ended');
  } catch (error) {
    log.error('a follower was lost', { error });
    socket.close(1011, 'something went wrong');
  } finally {
    stop();
    gate.stop();
    stream.leave();
  }
}

/** What somebody follows, and whether they still may. */
interface Admitted {
  readonly stream: LiveStream;
  readonly isStillIn: () => Promise<boolean>;
}

/** Whom and what an upgrade is about, checked; `null` where nothing follows. @throws Refused, JobError */
async function admit(parts: SocketParts, request: IncomingMessage): Promise<Admitted | null> {
  const { runner, streams, guard, limit } = parts;
  const url = new URL(request.url ?? '/', 'http://server');
  const found = /^\/ws\/([^/]+)$/.exec(url.pathname);
  if (found === null)
    throw new Refused({ status: 404, code: 'not_found', detail: 'path: no WebSocket is there' });
  const asking = { method: 'GET', headers: headersOf(request) };
  const principal = await guard.identify(asking).catch((error: unknown) => {
    limit.take(`anyone:${request.socket.remoteAddress ?? ''}`);
    throw error;
  });
  // A page of somebody else may open a socket with whatever the browser adds.
  guard.checkOrigin({ method: 'UPGRADE', headers: headersOf(request) });
  limit.take(principal.id);
  if (!mayAct(principal.role, 'read'))
    throw new Refused({ status: 403, code: 'no_permission', detail: 'role: this takes read' });
  const { job_id: jobId } = parsePart(jobPath, { job_id: found[1] }, 'path') as { job_id: string };
  const { after } = parsePart(socketQuery, queryOf(url), 'query') as { after: number };
  await findJob(runner, jobId);
  const standing = await checkAfter(runner, jobId, after, 'query.after');
  if (standing === 'over') return null;
  return { stream: streams.open(jobId, after), isStillIn: stayOf(guard, asking, 'read') };
}

/** Makes the sockets of a server. */
export function createSockets(parts: SocketParts): Sockets {
  const { log } = parts;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  const serving = new Set<Promise<void>>();
  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    // The other end may go away at any time, and nobody is left to tell.
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    const admitted = await admit(parts, request).catch(async (error: unknown) => {
      await refuse(
        socket,
        responseOf(error, (thrown) => log.error('request failed', { error: thrown })),
      );
      return undefined;
    });
    if (admitted === undefined || socket.destroyed) {
      admitted?.stream.leave();
      return;
    }
    socket.off('error', onError);
    let isOpen = false;
    socket.once('close', () => {
      // A handshake that is refused by the library never becomes a socket.
      if (!isOpen) admitted?.stream.leave();
    });
    server.handleUpgrade(request, socket, head, (opened) => {
      isOpen = true;
      if (admitted === null) {
        opened.close(1000, 'the job has ended');
        return;
      }
      const done = serve(opened, admitted, log).finally(() => serving.delete(done));
      serving.add(done);
    });
  };
  return {
    upgrade: (request, socket, head) => void upgrade(request, socket, head),
    async close() {
      const timer = setTimeout(() => {
        for (const socket of server.clients) socket.terminate();
      }, CLOSE_MS);
      await Promise.all(serving);
      await new Promise<void>((resolve) => {
        const look = setInterval(() => {
          if (server.clients.size > 0) return;
          clearInterval(look);
          resolve();
        }, 20);
      });
      clearTimeout(timer);
      server.close();
    },
  };
}
