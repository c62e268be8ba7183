/**
 * The doorbell: tells whoever waits that something was committed, in this process at once and in other processes of
 * the same home by a file that they watch. A missed ring costs no more than a poll: nobody relies on it.
 */
import { watch, type FSWatcher } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/store.ts';

/**
 * `queue`: a job may be claimed, cancelled or answered now. `log`: a job's log or state grew. `trigger`: something
 * happened on a forge.
 */
export type Ring = 'queue' | 'log' | 'trigger';

/** Called with the job it is about, or `null` where another process rang. */
type Listener = (jobId: string | null) => void;

/** Tells of commits. */
export interface Bell {
  ring(kind: Ring, jobId: string): void;
  /** Listens until the returned function is called. */
  on(kind: Ring, listener: Listener): () => void;
  close(): void;
}

/** Least pause between two rings that other processes hear, in milliseconds: a log may grow a thousand times a second. */
const PAUSE_MS = 10;
const KINDS: readonly Ring[] = ['queue', 'log', 'trigger'];

/** Touches the file of a ring; where it can't be, other processes find out by polling. */
async function touch(folder: string, kind: Ring): Promise<void> {
  const path = join(folder, kind);
  const now = new Date();
  await utimes(path, now, now)
    .catch(async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(path, '', { mode: 0o600 });
    })
    .catch(() => {});
}

/** Rings for other processes: at once, and then at most every `PAUSE_MS`. */
function createOutside(folder: string): (kind: Ring) => void {
  const wanted = new Set<Ring>();
  const busy = new Set<Ring>();
  const go = async (kind: Ring): Promise<void> => {
    busy.add(kind);
    while (wanted.delete(kind)) {
      await touch(folder, kind);
      await sleep(PAUSE_MS, undefined, { ref: false });
    }
    busy.delete(kind);
  };
  return (kind) => {
    wanted.add(kind);
    if (!busy.has(kind)) void go(kind);
  };
}

/**
 * The doorbell of a home.
 *
 * @param folder where its files lie; made at the first ring
 */
export function createBell(folder: string): Bell {
  const listeners: Readonly<Record<Ring, Set<Listener>>> = {
    queue: new Set(),
    log: new Set(),
    trigger: new Set(),
  };
  const outside = createOutside(folder);
  let watcher: FSWatcher | null = null;
  let closed = false;

  const tell = (kind: Ring, jobId: string | null): void => {
    for (const listener of listeners[kind]) listener(jobId);
  };

  /** Watches from the first listener on: a process that only rings pays nothing for it. */
  const open = async (): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (closed || watcher !== null) return;
    watcher = watch(folder, { persistent: false }, (_, name) => {
      for (const kind of KINDS) if (name === null || name === kind) tell(kind, null);
    });
    // Watches are a bounded resource of the machine; without one, polling remains.
    watcher.on('error', () => {
      watcher?.close();
    });
  };

  return {
    ring(kind, jobId) {
      if (closed) return;
      tell(kind, jobId);
      outside(kind);
    },
    on(kind, listener) {
      listeners[kind].add(listener);
      if (watcher === null) open().catch(() => {});
      return () => {
        listeners[kind].delete(listener);
      };
    },
    close() {
      closed = true;
      watcher?.close();
    },
  };
}

/** Rings after each commit that somebody may wait for. */
export function withBell(store: Store, bell: Bell): Store {
  return {
    ...store,
    async createJob(job, acceptance) {
      const accepted = await store.createJob(job, acceptance);
      if (accepted.isNew) bell.ring('queue', job.job_id);
      return accepted;
    },
    async updateJob(lease, patch, delivery) {
      const job = await store.updateJob(lease, patch, delivery);
      bell.ring('log', job.job_id);
      // Its repository and its session have room now.
      if (job.outcome !== null) bell.ring('queue', job.job_id);
      return job;
    },
    async releaseLease(lease) {
      await store.releaseLease(lease);
      bell.ring('queue', lease.job_id);
      bell.ring('log', lease.job_id);
    },
    async appendEvents(jobId, events, durability) {
      const stored = await store.appendEvents(jobId, events, durability);
      bell.ring('log', jobId);
      return stored;
    },
    async addMessage(jobId, text, time) {
      await store.addMessage(jobId, text, time);
      bell.ring('queue', jobId);
    },
    async decideApproval(runJobId, step, decision) {
      const decided = await store.decideApproval(runJobId, step, decision);
      bell.ring('queue', runJobId);
      return decided;
    },
    async requestCancel(jobId) {
      await store.requestCancel(jobId);
      bell.ring('queue', jobId);
    },
    async addTriggers(events, arrival) {
      const added = await store.addTriggers(events, arrival);
      if (added !== null && added > 0) bell.ring('trigger', '');
      return added;
    },
    async setPaused(paused) {
      await store.setPaused(paused);
      bell.ring('queue', '');
    },
  };
}
