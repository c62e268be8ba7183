/**
 * The log of a job as it grows: what is there already is read in large pages, which takes less time than one
 * event after the other, and from there on one stream for the tab that shows it. A browser's `EventSource` comes again by itself
 * and goes on behind the last event, so a server that starts again is no more than a pause.
 */
import { useEffect, useSyncExternalStore } from 'react';
import type { EventType, JobEvent } from '../../../src/job/job.ts';
import { whileSeen } from './awake.ts';
import { get } from './call.ts';
import { noteLogin } from './session.ts';
import { ANSWER_MS, createEar } from './silence.ts';

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
  return fetch(address, { method: 'HEAD', headers, signal: AbortSignal.timeout(ANSWER_MS) }).then(
    ({ status }) => status,
    () => 0,
  );
}

/** Events on a page of what is there already, and pages that are asked for at the same time. */
const PAGE = 1000;
const AT_ONCE = 4;
/** Most rounds of pages; what is left comes by the stream. */
const MAX_ROUNDS = 250;

/**
 * Reads what is there already. Numbers of events have no gaps, so that the next pages are known before they are read.
 *
 * @param take gets the events of the first page, and then those of several at once
 */
async function readPages(
  jobId: string,
  after: number,
  take: (events: readonly JobEvent[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const page = async (from: number): Promise<readonly JobEvent[]> => {
    const address = `/api/jobs/${jobId}/events?after=${from}&limit=${PAGE}`;
    return (await get<{ readonly events: readonly JobEvent[] }>(address, signal)).events;
  };
  for (let from = after, round = 0; round < MAX_ROUNDS; round++) {
    const start = from;
    const pages = await Promise.all(
      Array.from({ length: round === 0 ? 1 : AT_ONCE }, (_, at) => page(start + at * PAGE)),
    );
    // The log may grow between two answers: behind a page that was not full nothing of this round counts.
    const short = pages.findIndex(({ length }) => length < PAGE);
    const events = pages.slice(0, short === -1 ? pages.length : short + 1).flat();
    // Whoever asked may have gone while the last answer was on its way.
    if (signal.aborted) return;
    take(events);
    if (short !== -1) return;
    from = events.at(-1)?.seq ?? from;
  }
}

/** A log with what came since; what comes twice counts once, also where two readings brought it at the same time. */
export function grown(events: readonly JobEvent[], come: readonly JobEvent[]): readonly JobEvent[] {
  const all = [...events];
  let last = events.at(-1)?.seq ?? 0;
  for (const event of come) {
    if (event.seq <= last) continue;
    all.push(event);
    last = event.seq;
  }
  return all;
}

/** Whether the last that is known of a job is its end. */
function hasEnd(events: readonly JobEvent[]): boolean {
  const ended = events.findLast((event) => event.type === 'status');
  return ['completed', 'failed', 'cancelled'].includes(String(ended?.data['status']));
}

/** Hears a stream. @param alive is called when it is opened, and with all that comes */
function hear(source: EventSource, alive: () => void, take: (event: JobEvent) => void): void {
  source.addEventListener('open', alive);
  for (const type of Object.keys(TYPES)) {
    source.addEventListener(type, (event: Event) => {
      // An event of the job may be of the type `error`, and so is what the browser says of the connection.
      if (!(event instanceof MessageEvent)) return;
      alive();
      take(JSON.parse(String(event.data)) as JobEvent);
    });
  }
}

/** A log as it was read so far. */
interface Held {
  readonly current: () => Followed;
  readonly subscribe: (listener: () => void) => () => void;
  readonly show: (change: Partial<Followed>) => void;
  /** Takes events, and shows them with others that come at the same time. */
  readonly take: (events: readonly JobEvent[]) => void;
  /** Takes a page; the first of a log is shown at once. */
  readonly takePage: (events: readonly JobEvent[]) => void;
  /** Shows what was taken at once. */
  readonly flush: () => void;
}

function hold(): Held {
  let followed: Followed = { events: [], connection: 'connecting' };
  const listeners = new Set<() => void>();
  let waiting: JobEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const show: Held['show'] = (change) => {
    followed = { ...followed, ...change };
    for (const listener of listeners) listener();
  };
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (waiting.length === 0) return;
    const events = grown(followed.events, waiting);
    waiting = [];
    show({ events, connection: 'live' });
  };
  const take: Held['take'] = (events) => {
    for (const event of events) waiting.push(event);
    timer ??= setTimeout(flush, Math.max(COLLECT_MS, followed.events.length / EVENTS_PER_MS));
  };
  return {
    current: () => followed,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    show,
    take,
    takePage(events) {
      const isFirst = followed.events.length === 0;
      take(events);
      if (isFirst) flush();
    },
    flush,
  };
}

/** Reads a log and hears how it goes on, while the page is seen. @returns ends that */
function followOn(jobId: string, { current, show, take, takePage, flush }: Held): () => void {
  let again: ReturnType<typeof setTimeout> | null = null;
  let source: EventSource | null = null;
  let reading = new AbortController();
  const lastSeq = (): number => current().events.at(-1)?.seq ?? 0;
  const addressOf = (): string => `/api/jobs/${jobId}/events?after=${lastSeq()}`;
  const hearAgain = (): void => {
    // Pages that are slow to come are waited for.
    if (source !== null) hearOn();
  };
  const ear = createEar(hearAgain, () => show({ connection: 'lost' }));
  const rest = (): void => {
    ear.rest();
    reading.abort();
    source?.close();
    source = null;
    if (again !== null) clearTimeout(again);
    again = null;
  };
  const ask = async (asked: EventSource): Promise<void> => {
    const status = await statusOf(addressOf());
    if (source !== asked) return;
    if (status === 204 || status === 404) show({ connection: 'over' });
    // The log is shorter than it was: a back-up took its place.
    else if (status === 400) show({ events: [] });
    // Whoever may not come in any more is asked to log in.
    if (status === 401) noteLogin(false);
    if (current().connection !== 'over') again = setTimeout(connect, AGAIN_MS);
  };
  const hearOn = (): void => {
    source?.close();
    flush();
    const opened = new EventSource(addressOf());
    source = opened;
    ear.asked();
    opened.addEventListener('open', () => show({ connection: 'live' }));
    hear(opened, ear.heard, (event) => take([event]));
    opened.addEventListener('error', (event) => {
      if (event instanceof MessageEvent) return;
      flush();
      ear.rest();
      const connection = hasEnd(current().events) ? 'over' : 'lost';
      if (connection === 'over') opened.close();
      show({ connection });
      // Refused, not cut off: the browser gives up, and this does not, unless there is nothing more to come.
      if (connection === 'lost' && opened.readyState === EventSource.CLOSED) void ask(opened);
      else if (connection === 'lost') ear.asked();
    });
  };
  const readOn = async ({ signal }: AbortController): Promise<void> => {
    const takeOne = (events: readonly JobEvent[]): void => {
      ear.asked();
      takePage(events);
    };
    // Where it can't be read the stream tells why, and goes on when it can.
    await readPages(jobId, lastSeq(), takeOne, signal).catch(() => {});
    if (!signal.aborted) hearOn();
  };
  const connect = (): void => {
    rest();
    flush();
    if (current().connection === 'over') return;
    reading = new AbortController();
    ear.asked();
    void readOn(reading);
  };
  const stop = whileSeen(connect, rest);
  return () => {
    stop();
    flush();
  };
}

function createStream(jobId: string): Stream {
  const held = hold();
  return { subscribe: held.subscribe, current: held.current, open: () => followOn(jobId, held) };
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
