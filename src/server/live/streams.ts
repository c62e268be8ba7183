/** Logs, and changes of jobs, that are being followed over the network: how many there may be, and how all of them end. */
import type { JobEvent } from '../../job/job.ts';
import { isTerminal } from '../../job/status.ts';
import type { Told } from '../../runner/queue/changes.ts';
import type { Runner } from '../../runner/runner.ts';
import { Refused } from '../problem.ts';

/** Followers at once; each holds a connection and at most a page of events. */
const MAX_STREAMS = 5000;
/** The server's patience with followers. */
export interface Patience {
  /** Pause after which a follower hears that the server is still there, in milliseconds. */
  readonly heartbeatMs: number;
  /** How long a follower may leave what it was sent untaken, in milliseconds; then it is let go. */
  readonly stallMs: number;
}

/** What holds unless a test says otherwise. */
export const PATIENCE: Patience = { heartbeatMs: 15_000, stallMs: 60_000 };

/** One follower. */
export interface Live<T> {
  readonly patience: Patience;
  /** What it is told, until there can be no more or the stream is to end. */
  readonly pages: AsyncGenerator<T, void, undefined>;
  /** Whether the server is about to stop. */
  isStopping(): boolean;
  /** Ends the pages, and forgets the follower. */
  leave(): void;
}

/** One that follows a log: its events, in lists, until the job has ended. */
export type LiveStream = Live<readonly JobEvent[]>;

/** All followers of a server. */
export interface Streams {
  /** Follows a log. @throws Refused 503 where there are too many */
  open(jobId: string, after: number): LiveStream;
  /** Follows what changes of all jobs; `null` begins with the next change. @throws Refused 503 as well */
  openChanges(after: number | null): Live<Told>;
  /** Ends all. */
  stop(): void;
  count(): number;
}

/** Makes them. */
export function createStreams(runner: Runner, patience: Patience = PATIENCE): Streams {
  const open = new Set<AbortController>();
  const stopping = new AbortController();
  const begin = <T>(pagesOf: (signal: AbortSignal) => Live<T>['pages']): Live<T> => {
    if (open.size >= MAX_STREAMS) {
      throw new Refused({
        status: 503,
        code: 'too_many_streams',
        detail: `${open.size} followers are connected (at most ${MAX_STREAMS})`,
        headers: { 'retry-after': '30' },
      });
    }
    const end = new AbortController();
    if (stopping.signal.aborted) end.abort();
    open.add(end);
    return {
      patience,
      pages: pagesOf(end.signal),
      isStopping: () => stopping.signal.aborted,
      leave() {
        open.delete(end);
        end.abort();
      },
    };
  };
  return {
    open: (jobId, after) => begin((signal) => runner.follow(jobId, { after, signal })),
    openChanges: (after) => begin((signal) => runner.followChanges({ after, signal })),
    stop() {
      stopping.abort();
      for (const end of open) end.abort();
    },
    count: () => open.size,
  };
}

/** Where a follower stands: something may come, or the job has ended and it has had everything. */
export type Standing = 'open' | 'over';

/**
 * Checks the number of the last event that a follower says it had.
 *
 * @throws Refused 400 where no such event was ever written; JobError `not_found`
 */
export async function checkAfter(
  runner: Runner,
  jobId: string,
  after: number,
  field: string,
): Promise<Standing> {
  const { store } = runner;
  const job = await store.getJob(jobId);
  // Read after the job: what was written before its end is seen.
  const events = await store.readEvents(jobId, Math.max(0, after - 1), 2);
  const isOver = job !== null && isTerminal(job.status) && (await store.getLease(jobId)) === null;
  const isKnown = after === 0 || events[0]?.seq === after;
  if (isKnown) return isOver && (events.at(-1)?.seq ?? 0) === after ? 'over' : 'open';
  // The log of an old job is forgotten one day, and its followers with it.
  if (isOver) return 'over';
  const errors = [{ field, came: String(after), allowed: 'the number of an event of this job, or 0' }];
  throw new Refused({
    status: 400,
    code: 'invalid_request',
    detail: `${field}: there is no event ${after}`,
    errors,
  });
}

// Every follower of a job is given the same objects, so each is written down once for all of them.
const lines = new WeakMap<JobEvent, Buffer>();

/** An event as one line of JSON in UTF-8. */
export function eventLine(event: JobEvent): Buffer {
  const known = lines.get(event);
  if (known !== undefined) return known;
  const line = Buffer.from(JSON.stringify(event));
  lines.set(event, line);
  return line;
}

/** What a follower is sent before it has taken that, in bytes: its memory, and how soon a slow one shows life. */
const MAX_PIECE_BYTES = 128 * 1024;

/** A page in pieces of bounded size; an event that is larger is a piece by itself. */
export function piecesOf(events: readonly JobEvent[]): readonly (readonly JobEvent[])[] {
  const pieces: JobEvent[][] = [];
  let bytes = Infinity;
  for (const event of events) {
    const { length } = eventLine(event);
    const last = pieces.at(-1);
    if (last === undefined || bytes + length > MAX_PIECE_BYTES) {
      pieces.push([event]);
      bytes = length;
    } else {
      last.push(event);
      bytes += length;
    }
  }
  return pieces;
}
