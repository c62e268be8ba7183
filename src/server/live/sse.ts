/** A job's log as server-sent events: each event's number is its id, so that a browser resumes where it was cut off. */
import type { JobEvent } from '../../job/job.ts';
import { eventLine, piecesOf, type LiveStream } from './streams.ts';

/** How soon a client that was cut off comes again, in milliseconds. */
const RETRY_MS = 1000;
const BLANK: Buffer = Buffer.from('\n\n');
/** A comment, which clients pass over. */
const STILL_HERE: Buffer = Buffer.from(': still here\n\n');

const chunks = new WeakMap<JobEvent, Buffer>();

/** An event as it is sent to everybody. */
function chunkOf(event: JobEvent): Buffer {
  const known = chunks.get(event);
  if (known !== undefined) return known;
  const head = Buffer.from(`id: ${event.seq}\nevent: ${event.type}\ndata: `);
  const chunk = Buffer.concat([head, eventLine(event), BLANK]);
  chunks.set(event, chunk);
  return chunk;
}

function chunkOfAll(events: readonly JobEvent[]): Buffer {
  const [only, ...more] = events;
  return only !== undefined && more.length === 0 ? chunkOf(only) : Buffer.concat(events.map(chunkOf));
}

/** What is to be sent next. */
interface Source {
  /** A piece of a page, a word where nothing came for a while, or `null` at the end. */
  next(): Promise<Buffer | null>;
  leave(): void;
}

type Arrived = { readonly result: IteratorResult<readonly JobEvent[], void> } | { readonly error: unknown };

/** Reads a stream page by page. A page that is awaited is asked for once, however many words pass meanwhile. */
function createSource(stream: LiveStream): Source {
  const { pages, patience } = stream;
  let pieces: readonly (readonly JobEvent[])[] = [];
  let arrived: Arrived | null = null;
  let isAsked = false;
  let wake = (): void => {};
  const take = (next: Arrived): void => {
    arrived = next;
    wake();
  };
  const ask = (): void => {
    if (isAsked) return;
    isAsked = true;
    pages
      .next()
      .then((result) => take({ result }))
      .catch((error: unknown) => take({ error }));
  };
  const something = (): Promise<Arrived | null> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), patience.heartbeatMs);
      wake = () => {
        clearTimeout(timer);
        resolve(arrived);
      };
      if (arrived !== null) wake();
    });
  return {
    async next() {
      const [piece, ...rest] = pieces;
      if (piece !== undefined) {
        pieces = rest;
        return chunkOfAll(piece);
      }
      ask();
      const came = await something();
      if (came === null) return STILL_HERE;
      [arrived, isAsked] = [null, false];
      if ('error' in came) throw came.error;
      if (came.result.done === true) return null;
      const [first = [], ...others] = piecesOf(came.result.value);
      pieces = others;
      return chunkOfAll(first);
    },
    leave() {
      stream.leave();
      // Ends the generator where it waits, which nobody waits for here.
      void pages.return().catch(() => {});
    },
  };
}

/**
 * The body of a response. Nothing is sent ahead of the client but a piece of a page; one that takes nothing for a minute is
 * let go, one that is slow delays nobody.
 *
 * @param destroy ends the connection
 */
function bodyOf(stream: LiveStream, destroy: () => void): ReadableStream<Uint8Array> {
  const source = createSource(stream);
  let stalled: NodeJS.Timeout | null = null;
  const give = (controller: ReadableStreamDefaultController<Uint8Array>, chunk: Buffer): void => {
    controller.enqueue(chunk);
    stalled = setTimeout(destroy, stream.patience.stallMs);
  };
  const leave = (): void => {
    if (stalled !== null) clearTimeout(stalled);
    source.leave();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        give(controller, Buffer.from(`retry: ${RETRY_MS}\n\n`));
      },
      async pull(controller) {
        if (stalled !== null) clearTimeout(stalled);
        try {
          const chunk = await source.next();
          if (chunk !== null) {
            give(controller, chunk);
            return;
          }
          leave();
          controller.close();
        } catch (error) {
          leave();
          controller.error(error);
        }
      },
      cancel: leave,
    },
    { highWaterMark: 1 },
  );
}

/**
 * The response that follows a log.
 *
 * @param open begins to follow; `null` where only the headers are asked for, and nobody would ever leave
 */
export function sseResponse(open: (() => LiveStream) | null, destroy: () => void): Response {
  return new Response(open === null ? null : bodyOf(open(), destroy), {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // Proxies that collect a response before they pass it on would show a log when it is over.
      'x-accel-buffering': 'no',
    },
  });
}
