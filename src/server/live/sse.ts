/** A job's log as server-sent events: each event's number is its id, so that a browser resumes where it was cut off. */
import type { JobEvent } from '../../job/job.ts';
import { eventText, piecesOf, type LiveStream } from './streams.ts';

/** How soon a client that was cut off comes again, in milliseconds. */
const RETRY_MS = 1000;

function chunkOf(events: readonly JobEvent[]): string {
  return events
    .map((event) => `id: ${event.seq}\nevent: ${event.type}\ndata: ${eventText(event)}\n\n`)
    .join('');
}

/**
 * The body of a response. Nothing is sent ahead of the client but a piece of a page; one that takes nothing for a minute is
 * let go, one that is slow delays nobody.
 *
 * @param destroy ends the connection
 */
function bodyOf(stream: LiveStream, destroy: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const { pages, patience } = stream;
  let next: ReturnType<typeof pages.next> | null = null;
  let stalled: NodeJS.Timeout | null = null;
  let pieces: readonly (readonly JobEvent[])[] = [];
  const give = (controller: ReadableStreamDefaultController<Uint8Array>, text: string): void => {
    controller.enqueue(encoder.encode(text));
    stalled = setTimeout(destroy, patience.stallMs);
  };
  const leave = (): void => {
    if (stalled !== null) clearTimeout(stalled);
    stream.leave();
    // Ends the generator where it waits, which nobody waits for here.
    void pages.return().catch(() => {});
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        give(controller, `retry: ${RETRY_MS}\n\n`);
      },
      async pull(controller) {
        if (stalled !== null) clearTimeout(stalled);
        const [piece, ...rest] = pieces;
        if (piece !== undefined) {
          pieces = rest;
          give(controller, chunkOf(piece));
          return;
        }
        next ??= pages.next();
        const quiet = Promise.withResolvers<null>();
        const timer = setTimeout(() => quiet.resolve(null), patience.heartbeatMs);
        try {
          const page = await Promise.race([next, quiet.promise]);
          if (page === null) {
            give(controller, ': still here\n\n');
            return;
          }
          next = null;
          if (page.done !== true) {
            const [first = [], ...others] = piecesOf(page.value);
            pieces = others;
            give(controller, chunkOf(first));
            return;
          }
          leave();
          controller.close();
        } catch (error) {
          leave();
          controller.error(error);
        } finally {
          clearTimeout(timer);
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
