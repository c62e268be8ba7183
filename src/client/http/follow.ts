/** A job's log from a server, as it grows: resumed behind the last event after every break, so that none is lost or repeated. */
import { setTimeout as sleep } from 'node:timers/promises';
import { JobError } from '../../job/error.ts';
import type { JobEvent } from '../../job/job.ts';
import { parseObject } from '../../job/text/json.ts';
import { OPERATIONS } from '../generated/operations.ts';
import { errorOf, headersOf, pauseMs, unreachable, urlOf, type Place } from './call.ts';

/** How long nothing may come, in milliseconds; the server shows life every 15 seconds. */
const SILENCE_MS = 45_000;
/** How long a server may be away before following is given up, in milliseconds. */
const AWAY_MS = 5 * 60_000;
/** A connection that holds for so long, in milliseconds, was none that fails. */
const HOLDS_MS = 10_000;
/** Longest event that is taken, in characters. */
const MAX_EVENT_CHARS = 4 * 1024 * 1024;

/** An event out of its data. @throws JobError `infra_failed` for what is none: it would be none the next time, too */
function eventOf(data: string): JobEvent {
  const event = parseObject(data);
  if (Number.isInteger(event?.['seq'])) return event as unknown as JobEvent;
  throw new JobError(
    'infra_failed',
    `server: ${JSON.stringify(data.slice(0, 200))} came instead of an event`,
  );
}

/** Splits server-sent events out of text, and gives the data of those that are whole. */
export function createEventReader(): (text: string) => readonly JobEvent[] {
  let rest = '';
  return (text) => {
    rest += text;
    if (rest.length > MAX_EVENT_CHARS && !rest.includes('\n\n'))
      throw new JobError('infra_failed', `server: an event of more than ${MAX_EVENT_CHARS} characters came`);
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => {
      const data = block.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
      return data.length === 0 ? [] : [eventOf(data.join('\n'))];
    });
  };
}

/** One connection: what it brings, until it ends. */
interface Connection {
  /** `over`: the job has ended and nothing follows. */
  readonly kind: 'open' | 'over';
  readonly pages: AsyncIterable<readonly JobEvent[]>;
}

async function* pagesOf(response: Response, alive: () => void): AsyncGenerator<readonly JobEvent[]> {
  const decoder = new TextDecoder();
  const read = createEventReader();
  for await (const part of response.body ?? []) {
    alive();
    const events = read(decoder.decode(part, { stream: true }));
    if (events.length > 0) yield events;
  }
}

async function connect(
  place: Place,
  jobId: string,
  after: number,
  signal: AbortSignal,
  alive: () => void,
): Promise<Connection | Response> {
  const url = urlOf(place, OPERATIONS.getEvents.path, { job_id: jobId }, {});
  const headers = headersOf(place, { accept: 'text/event-stream', 'last-event-id': String(after) });
  const response = await fetch(url, { headers, signal, redirect: 'error' });
  if (!response.ok) return response;
  alive();
  return { kind: response.status === 204 ? 'over' : 'open', pages: pagesOf(response, alive) };
}

/** Ends a connection that is silent for too long. */
function watchdog(signal: AbortSignal): {
  readonly signal: AbortSignal;
  readonly alive: () => void;
  readonly stop: () => void;
} {
  const silent = new AbortController();
  const end = (): void => silent.abort(new Error(`nothing came for ${SILENCE_MS / 1000} seconds`));
  const timer = setTimeout(end, SILENCE_MS);
  return {
    signal: AbortSignal.any([signal, silent.signal]),
    alive: () => void timer.refresh(),
    stop: () => {
      clearTimeout(timer);
      silent.abort();
    },
  };
}

/**
 * Follows a log. A server that goes away is waited for, five minutes from the last sign of it.
 *
 * @throws JobError with the server's words, or `infra_failed` when it stays away
 */
export async function* followLog(
  place: Place,
  jobId: string,
  options: { readonly after: number; readonly signal: AbortSignal },
  awayMs: number = AWAY_MS,
): AsyncGenerator<readonly JobEvent[], void, undefined> {
  const { signal } = options;
  let [last, failures, seenMs] = [options.after, 0, performance.now()];
  while (!signal.aborted) {
    let refused: Response | null = null;
    const watch = watchdog(signal);
    const beganMs = performance.now();
    const alive = (): void => {
      watch.alive();
      seenMs = performance.now();
      if (seenMs - beganMs > HOLDS_MS) failures = 0;
    };
    try {
      const connection = await connect(place, jobId, last, watch.signal, alive);
      if (connection instanceof Response) {
        if (connection.status < 500 && connection.status !== 429) throw await errorOf(connection);
        if (performance.now() - seenMs > awayMs) throw await errorOf(connection);
        refused = connection;
        await connection.body?.cancel();
      } else {
        if (connection.kind === 'over') return;
        for await (const events of connection.pages) {
          // A server that repeats an event is not believed.
          const fresh = events.filter(({ seq }) => seq > last);
          last = fresh.at(-1)?.seq ?? last;
          if (fresh.length === 0) continue;
          failures = 0;
          yield fresh;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof JobError) throw error;
      if (performance.now() - seenMs > awayMs) throw unreachable(place, error);
    } finally {
      watch.stop();
    }
    failures++;
    await sleep(pauseMs(refused, failures), undefined, { signal }).catch(() => {});
  }
}
