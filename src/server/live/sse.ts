/** What grows, as server-sent events: each event's number is its id, so that a browser resumes where it was cut off. */
import type { JobEvent } from '../../job/job.ts';
import { eventLine, piecesOf, type Live } from './streams.ts';

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

/** An event of any stream. @param id where one goes on that was cut off behind it */
export function eventChunk(id: number, type: string, data: unknown): Buffer {
  return Buffer.from(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** What is followed by whom. */
export interface Followed<T> {
  /** Begins to follow; `null` where only the headers are asked for, and nobody would ever leave. */
  readonly open: (() => Live<T>) | null;
  /** A page as it is sent, in pieces of bounded size. */
  readonly encode: (page: T) => readonly (readonly Buffer[])[];
  /** Whether whoever follows may still come in: keys are taken back, and logins end. */
  readonly isStillIn: () => Promise<boolean>;
  /** Ends the connection. */
  readonly destroy: () => void;
}

/** Events of a log as they are sent. */
export function logPieces(events: readonly JobEvent[]): readonly (readonly Buffer[])[] {
  return piecesOf(events).map((piece) => piece.map(chunkOf));
}

function chunkOfAll(chunks: readonly Buffer[]): Buffer {
  const [only, ...more] = chunks;
  return only !== undefined && more.length === 0 ? only : Buffer.concat(chunks);
}

/** What is to be sent next. */
interface Source {
  /** A piece of a page, a word where nothing came for a while, or `null` at the end. */
  next(): Promise<Buffer | null>;
  leave(): void;
}

type Arrived<T> = { readonly result: IteratorResult<T, void> } | { readonly error: unknown };

/** Reads a stream page by page. A page that is awaited is asked for once, however many words pass meanwhile. */
function createSource<T>(stream: Live<T>, { encode, isStillIn }: Followed<T>): Source {
  const { pages, patience } = stream;
  let pieces: readonly (readonly Buffer[])[] = [];
  let arrived: Arrived<T> | null = null;
  let isAsked = false;
  let wake = (): void => {};
  const take = (next: Arrived<T>): void => {
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
  const something = (): Promise<Arrived<T> | null> =>
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
      if (!(await isStillIn())) return null;
      if (came === null) return STILL_HERE;
      [arrived, isAsked] = [null, false];
      if ('error' in came) throw came.error;
      if (came.result.done === true) return null;
      const [first = [], ...others] = encode(came.result.value);
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
 */
function bodyOf<T>(stream: Live<T>, followed: Followed<T>): ReadableStream<Uint8Array> {
  const { destroy } = followed;
  const source = createSource(stream, followed);
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

/** The response that follows something; it ends with the right to see it. */
export function sseResponse<T>(followed: Followed<T>): Response {
  const { open } = followed;
  return new Response(open === null ? null : bodyOf(open(), followed), {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // Proxies that collect a response before they pass it on would show a log when it is over.
      'x-accel-buffering': 'no',
    },
  });
}
