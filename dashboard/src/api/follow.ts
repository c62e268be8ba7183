/**
 * The log of a job as it grows: one stream for the tab that shows it. A browser's `EventSource` comes again by itself
 * and goes on behind the last event, so a server that starts again is no more than a pause.
 */
import { useEffect, useSyncExternalStore } from 'react';
import type { EventType, JobEvent } from '../../../src/job/job.ts';
import { whileSeen } from './awake.ts';

/** Every type of event: a browser hears only those that it is told of. */
const TYPES: Readonly<Record<EventType, true>> = {
  status: true,
  phase: true,
  message: true,
  tool_call: true,
  plan: true,
  usage: true,
  gate: true,
  sandbox: true,
  log: true,
  delivery: true,
  error: true,
};

/** How a stream stands. */
export type Connection = 'connecting' | 'live' | 'lost' | 'over';

/** What is known of a job's log. The list is replaced when it grows, and its events never change. */
export interface Followed {
  readonly events: readonly JobEvent[];
  readonly connection: Connection;
}

interface Stream {
  readonly subscribe: (listener: () => void) => () => void;
  readonly current: () => Followed;
  readonly open: () => () => void;
}

/** Pause in which events are collected before they are shown, in milliseconds: a log may grow a thousand times a second. */
const COLLECT_MS = 80;
/** A long log is shown anew less often, because the whole of it is looked at then: 50,000 events twice a second. */
const EVENTS_PER_MS = 100;
/** Pause before a stream that was refused is tried again, in milliseconds. */
const AGAIN_MS = 2000;

/**
 * What a stream is answered with, which a browser does not tell: there may be nothing more to come (the log of an old job
 * is forgotten one day, one from elsewhere may have no end), or the job is gone. 0 where nobody answers.
 */
async function statusOf(address: string): Promise<number> {
  const headers = { accept: 'text/event-stream' };
  return fetch(address, { method: 'HEAD', headers }).then(
    ({ status }) => status,
    () => 0,
  );
}

function hasEnd(events: readonly JobEvent[]): boolean {
  const ended = events.findLast((event) => event.type === 'status');
  return ['completed', 'failed', 'cancelled'].includes(String(ended?.data['status']));
}

function hear(source: EventSource, take: (message: MessageEvent<string>) => void): void {
  for (const type of Object.keys(TYPES)) {
    source.addEventListener(type, (event: Event) => {
      // An event of the job may be of the type `error`, and so is what the browser says of the connection.
      if (event instanceof MessageEvent) take(event);
    });
  }
}

function createStream(jobId: string): Stream {
  let followed: Followed = { events: [], connection: 'connecting' };
  const listeners = new Set<() => void>();
  let waiting: JobEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const show = (next: Followed): void => {
    followed = next;
    for (const listener of listeners) listener();
  };
  const flush = (): void => {
    timer = null;
    if (waiting.length === 0) return;
    const last = followed.events.at(-1)?.seq ?? 0;
    const fresh = waiting.filter((event) => event.seq > last);
    waiting = [];
    show({ events: [...followed.events, ...fresh], connection: 'live' });
  };
  const take = (message: MessageEvent<string>): void => {
    waiting.push(JSON.parse(message.data) as JobEvent);
    timer ??= setTimeout(flush, Math.max(COLLECT_MS, followed.events.length / EVENTS_PER_MS));
  };
  const addressOf = (): string => `/api/jobs/${jobId}/events?after=${followed.events.at(-1)?.seq ?? 0}`;
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    current: () => followed,
    open() {
      let again: ReturnType<typeof setTimeout> | null = null;
      let source: EventSource | null = null;
      const rest = (): void => {
        source?.close();
        source = null;
        if (again !== null) clearTimeout(again);
        again = null;
      };
      const ask = async (asked: EventSource): Promise<void> => {
        const status = await statusOf(addressOf());
        if (source !== asked) return;
        if (status === 204 || status === 404) show({ ...followed, connection: 'over' });
        // The log is shorter than it was: a back-up took its place.
        else if (status === 400) show({ ...followed, events: [] });
        if (followed.connection !== 'over') again = setTimeout(connect, AGAIN_MS);
      };
      const connect = (): void => {
        rest();
        flush();
        if (followed.connection === 'over') return;
        const opened = new EventSource(addressOf());
        source = opened;
        opened.addEventListener('open', () => show({ ...followed, connection: 'live' }));
        hear(opened, take);
        opened.addEventListener('error', (event) => {
          if (event instanceof MessageEvent) return;
          flush();
          const connection = hasEnd(followed.events) ? 'over' : 'lost';
          if (connection === 'over') opened.close();
          show({ ...followed, connection });
          // Refused, not cut off: the browser gives up, and this does not, unless there is nothing more to come.
          if (connection === 'lost' && opened.readyState === EventSource.CLOSED) void ask(opened);
        });
      };
      const stop = whileSeen(connect, rest);
      return () => {
        stop();
        if (timer !== null) clearTimeout(timer);
        flush();
      };
    },
  };
}

/** Logs of the jobs that were looked at last; an old one is forgotten, and read again when it is asked for. */
const MAX_STREAMS = 4;
const streams = new Map<string, Stream>();

function streamOf(jobId: string): Stream {
  const stream = streams.get(jobId) ?? createStream(jobId);
  streams.delete(jobId);
  streams.set(jobId, stream);
  for (const oldest of [...streams.keys()].slice(0, -MAX_STREAMS)) streams.delete(oldest);
  return stream;
}

/** Follows a job's log while a page shows it. */
export function useFollowed(jobId: string): Followed {
  const stream = streamOf(jobId);
  const followed = useSyncExternalStore(stream.subscribe, stream.current);
  useEffect(() => (stream.current().connection === 'over' ? undefined : stream.open()), [stream]);
  return followed;
}
