/**
 * Jobs as they change. Everybody in this process who follows them shares one look at the store, which costs what changed
 * since the last one, however many jobs there are; while nobody follows, nobody looks.
 */
import { viewOf, type JobView } from '../../job/view/view.ts';
import type { JobChange, Store } from '../../store/store.ts';
import type { Bell } from './bell.ts';

/** Least pause between two looks, in milliseconds: logs ring a thousand times a second, and their jobs stay as they are. */
const PAUSE_MS = 150;
/** How long is waited for a ring before it is looked all the same, in milliseconds. */
const POLL_MS = 1000;
/** Changes that one look reads at once, and pages of them before it takes the rest for too many. */
const PAGE = 200;
const MAX_PAGES = 5;
/** Latest changes that are kept for all followers; who is further behind reads the store. */
const MAX_RECENT = 500;
/** Changes that somebody may lack and still be told of each. */
const MAX_LACKING = 500;
/** Longest text that is kept of a task, a question or an error, in characters: lists show their first line. */
const MAX_TEXT_CHARS = 2000;

/** A job as it stood after a change, its texts cut to what lists show. */
export interface ChangeView {
  readonly change: number;
  readonly job: JobView;
}

/** What a follower is told next. */
export interface Told {
  /** Jobs that changed, in the order of their changes; those that follow from a job's later changes come with these. */
  readonly changes: readonly ChangeView[];
  /** The number of the last change that is told hereby: where one goes on. */
  readonly last: number;
  /** Whether more changed than is told, or another database is there: whoever follows looks at all of it anew. */
  readonly isReset: boolean;
}

/** How changes are followed. */
export interface ChangesOptions {
  /** The number of the last change that is known; `null` begins with the next one. */
  readonly after: number | null;
  readonly signal: AbortSignal;
}

/** Follows changes of jobs. */
export interface Changes {
  /** What changes, until `signal` is aborted; without a change to go on from, it first tells where it begins. */
  follow(options: ChangesOptions): AsyncGenerator<Told, void, undefined>;
}

function cut<T extends string | null>(text: T): T | string {
  if (text === null || text.length <= MAX_TEXT_CHARS) return text;
  return `${text.slice(0, MAX_TEXT_CHARS - 1).toWellFormed()}…`;
}

/** A change as it is shown. Hundreds are kept, so that what they hold is bounded. */
export function changeView({ change, job: stored }: JobChange): ChangeView {
  const job = viewOf(stored);
  const error = job.error === null ? null : { ...job.error, message: cut(job.error.message) };
  return { change, job: { ...job, task: cut(job.task), question: cut(job.question), error } };
}

/** What has been read, for everybody who follows. */
interface Tail {
  /** Every change after `from` that was read, up to `last`. */
  recent: readonly ChangeView[];
  from: number;
  last: number;
}

/** Reads on where a tail ends; what is too much is passed over, and its readers have to look anew. */
async function readOn(store: Store, tail: Tail): Promise<Tail> {
  let { recent, from, last } = tail;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { changes } = await store.listChanges(last, PAGE);
    recent = [...recent, ...changes.map(changeView)];
    last = changes.at(-1)?.change ?? last;
    if (changes.length < PAGE) {
      const dropped = recent.slice(0, Math.max(0, recent.length - MAX_RECENT));
      from = dropped.at(-1)?.change ?? from;
      return { recent: recent.slice(dropped.length), from, last };
    }
  }
  const end = (await store.listChanges(null, 1)).last;
  return { recent: [], from: end, last: end };
}

/** What a follower that has had all up to `seen` is told next; `null` where that is everything. */
async function toldAfter(store: Store, tail: Tail, seen: number): Promise<Told | null> {
  // Who was behind and read the store itself may be ahead of what all read.
  if (seen >= tail.last) return null;
  if (seen >= tail.from) {
    return { changes: tail.recent.filter(({ change }) => change > seen), last: tail.last, isReset: false };
  }
  const { changes, last } = await store.listChanges(seen, MAX_LACKING + 1);
  if (changes.length > MAX_LACKING) return { changes: [], last, isReset: true };
  return { changes: changes.map(changeView), last: changes.at(-1)?.change ?? seen, isReset: false };
}

/** The look at the store that all share. */
interface Watch {
  /** What is known now; read first where something may have changed. */
  look(): Promise<Tail>;
  /** Resolves when there may be something new. */
  changed(): Promise<void>;
  begin(): void;
  leave(): void;
}

function createWatch(store: Store, bell: Bell): Watch {
  let tail: Tail | null = null;
  let reading: Promise<Tail> | null = null;
  let isStale = true;
  let lookedMs = 0;
  let followers = 0;
  let off = (): void => {};
  let soon: NodeJS.Timeout | null = null;
  let changed = Promise.withResolvers<void>();
  const tell = (): void => {
    soon = null;
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const wake = (): void => {
    isStale = true;
    soon ??= setTimeout(tell, Math.max(0, lookedMs + PAUSE_MS - performance.now()));
  };
  const read = async (): Promise<Tail> => {
    isStale = false;
    lookedMs = performance.now();
    if (tail !== null) return readOn(store, tail);
    const { last } = await store.listChanges(null, 1);
    return { recent: [], from: last, last };
  };
  return {
    changed: () => changed.promise,
    look() {
      if (!isStale && tail !== null && reading === null) return Promise.resolve(tail);
      reading ??= read()
        .then((next) => (tail = next))
        .catch((error: unknown) => {
          isStale = true;
          throw error;
        })
        .finally(() => {
          reading = null;
        });
      return reading;
    },
    begin() {
      if (followers++ > 0) return;
      const offs = [bell.on('queue', wake), bell.on('log', wake)];
      const poll = setInterval(wake, POLL_MS);
      off = () => {
        for (const one of offs) one();
        clearInterval(poll);
      };
    },
    leave() {
      if (--followers > 0) return;
      off();
      if (soon !== null) clearTimeout(soon);
      soon = null;
      // Nothing is kept while nobody follows, and what happens meanwhile is nobody's.
      tail = null;
      isStale = true;
    },
  };
}

/** Makes what follows the changes of a home's jobs, once for a process. */
export function createChanges(store: Store, bell: Bell): Changes {
  const watch = createWatch(store, bell);
  const firstOf = async (after: number | null): Promise<Told | null> => {
    const { last } = await watch.look();
    if (after === null) return { changes: [], last, isReset: false };
    const isAhead = after > last && after > (await store.listChanges(null, 1)).last;
    return isAhead ? { changes: [], last, isReset: true } : null;
  };
  return {
    async *follow({ after, signal }) {
      watch.begin();
      let stopWaiting = (): void => {};
      const onAbort = (): void => stopWaiting();
      signal.addEventListener('abort', onAbort);
      try {
        const first = await firstOf(after);
        let seen = first?.last ?? after ?? 0;
        if (first !== null) yield first;
        while (!signal.aborted) {
          const changed = watch.changed();
          const told = await toldAfter(store, await watch.look(), seen);
          if (told !== null) {
            seen = told.last;
            yield told;
            continue;
          }
          await new Promise<void>((resolve) => {
            stopWaiting = resolve;
            void changed.then(resolve);
            if (signal.aborted) resolve();
          });
        }
      } finally {
        signal.removeEventListener('abort', onAbort);
        watch.leave();
      }
    },
  };
}
