/** A job's event log as the runner writes it: in order, in batches, shown to nobody before its commit. */
import type { EventType, JobEvent, NewEvent } from '../../job/job.ts';
import type { Phase } from '../../job/step.ts';
import type { Store } from '../../store/store.ts';

/** Writes events of one job. */
export interface Journal {
  emit(type: EventType, phase: Phase | null, data: Readonly<Record<string, unknown>>): void;
  /** Resolves when everything emitted so far is stored and shown; rejects with the store's error. */
  flush(): Promise<void>;
}

/** Events that may wait unwritten; an agent that talks faster than the disk loses its oldest log lines first. */
const MAX_PENDING = 10_000;
/** Longest text in an event, in characters; logs keep the rest. */
const MAX_TEXT_CHARS = 4096;

/** Every text in a value, masked and bounded. */
export function cleanData(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value === 'string') {
    const masked = mask(value);
    return masked.length > MAX_TEXT_CHARS ? `${masked.slice(0, MAX_TEXT_CHARS)}…` : masked;
  }
  if (Array.isArray(value)) return value.map((one) => cleanData(one, mask));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, cleanData(one, mask)]));
}

/** What a journal does with events besides storing them. */
export interface JournalOptions {
  readonly attempt: number;
  /** Takes secrets out of every text before it is stored. */
  readonly mask: (text: string) => string;
  /** Called with every event after it is stored; must not throw. */
  readonly show: (event: JobEvent) => void;
}

/** Opens the journal of a job. */
export function createJournal(store: Store, jobId: string, options: JournalOptions): Journal {
  const { attempt, mask, show } = options;
  let pending: NewEvent[] = [];
  let writing: Promise<void> | null = null;
  let dropped = 0;

  const write = async (): Promise<void> => {
    while (pending.length > 0) {
      const batch = pending;
      pending = [];
      if (dropped > 0) {
        batch.unshift({
          type: 'log',
          phase: null,
          attempt,
          time: new Date().toISOString(),
          data: { dropped },
        });
        dropped = 0;
      }
      for (const event of await store.appendEvents(jobId, batch)) show(event);
    }
  };

  const start = (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = null;
    });
    return writing;
  };

  return {
    emit(type, phase, data) {
      if (type === 'log' && pending.length >= MAX_PENDING) {
        dropped++;
        return;
      }
      pending.push({
        type,
        phase,
        attempt,
        time: new Date().toISOString(),
        data: cleanData(data, mask) as Record<string, unknown>,
      });
      // A failed write shows itself at the next flush, which every step ends with.
      start().catch(() => {});
    },
    async flush() {
      await start();
    },
  };
}
