/** The jobs that a worker has in hand, and the places that they take. */
import { errorInfoOf } from '../../job/error.ts';
import type { Claimed } from '../../store/store.ts';
import type { Place } from '../pipeline/walk/run-steps.ts';
import type { WorkerOptions, WorkerParts } from './worker.ts';

type CrewParts = Pick<WorkerParts, 'run' | 'deliverer'>;
type CrewOptions = Pick<WorkerOptions, 'concurrency' | 'log'>;

/** What became of jobs. */
export interface Counts {
  started: number;
  completed: number;
  failed: number;
  skipped: number;
}

export const NOTHING: Readonly<Counts> = { started: 0, completed: 0, failed: 0, skipped: 0 };

/**
 * Runs of pipelines that are in the hands of one process at once. Each keeps a working copy and the background work of its
 * base; steps of more runs than that would only wait behind each other's.
 */
const MAX_RUNS = 16;

/** How long nothing may be at work before a worker that goes through the queue once leaves runs to others. */
const STUCK_MS = 5000;

/** A job in the hands of this process. */
interface Member {
  readonly done: Promise<void>;
  readonly isRun: boolean;
  readonly handBack: AbortController;
  /** Whether it takes a place: a run that waits for its steps takes none. */
  isAtWork: boolean;
}

/** Who takes a place, and who waits for one. */
interface Places {
  /** That of a job, by its id. */
  of(jobId: string): Place;
  /** Those that may be given to jobs of the queue. */
  readonly free: () => number;
  /** Gives what has become free to those who wait. */
  changed(): void;
  readonly isStuck: () => boolean;
}

function createPlaces(
  running: ReadonlyMap<string, Member>,
  count: number,
  isDraining: () => boolean,
  onDone: () => void,
): Places {
  /** Runs whose steps have ended, and that want to go on: before any job of the queue. */
  const returning = new Set<() => void>();
  let workedMs = performance.now();
  const atWork = (): number => [...running.values()].filter(({ isAtWork }) => isAtWork).length;
  const changed = (): void => {
    workedMs = performance.now();
    for (const enter of returning) if (atWork() < count) enter();
    onDone();
  };
  return {
    of: (jobId) => ({
      leave() {
        const member = running.get(jobId);
        if (member === undefined) return;
        member.isAtWork = false;
        if (isDraining()) member.handBack.abort();
        changed();
      },
      async enter(signal) {
        const member = running.get(jobId);
        if (member === undefined) return;
        const { promise, resolve } = Promise.withResolvers<void>();
        const enter = (): void => {
          returning.delete(enter);
          member.isAtWork = true;
          resolve();
        };
        // What is cut off needs no place to end.
        signal.addEventListener('abort', enter, { once: true });
        returning.add(enter);
        if (signal.aborted) enter();
        changed();
        await promise;
        signal.removeEventListener('abort', enter);
      },
    }),
    free: () => count - atWork() - returning.size,
    changed,
    isStuck: () => atWork() === 0 && performance.now() - workedMs > STUCK_MS,
  };
}

/** Jobs in work, and what became of those that are not. */
export interface Crew {
  readonly counts: Counts;
  readonly size: () => number;
  /** Places that may be given to jobs of the queue. */
  readonly free: () => number;
  readonly hasRoomForRuns: () => boolean;
  /** Whether all that is left waits, and has done so for a while: for a person, or for jobs that others work on. */
  readonly isStuck: () => boolean;
  start(claimed: Claimed): void;
  /** Resolves when no job is in work any more. */
  idle(): Promise<void>;
  /** Hands back what only waits, now and from now on: nobody here takes up what it waits for. */
  drain(): void;
  handBack(): void;
}

/** Makes the crew of a worker. @param onDone called when there may be room for another job */
export function createCrew(parts: CrewParts, options: CrewOptions, onDone: () => void): Crew {
  const counts: Counts = { ...NOTHING };
  const running = new Map<string, Member>();
  let isDraining = false;

  const places = createPlaces(running, options.concurrency, () => isDraining, onDone);

  const one = async ({ job, lease }: Claimed, handBack: AbortSignal): Promise<void> => {
    const { job_id: jobId } = job;
    options.log.info('job started', { job_id: jobId, attempt: job.attempt });
    try {
      const end = await parts.run({ job, lease }, handBack, places.of(jobId));
      if (end.kind === 'parked') {
        options.log.info('job waits for an answer', { job_id: jobId });
        return;
      }
      if (end.kind === 'triggered') {
        options.log.info('job was handed to a workflow', { job_id: jobId });
        return;
      }
      parts.deliverer?.wake();
      if (end.result.status === 'completed') counts.completed++;
      else counts.failed++;
      options.log.info('job ended', { job_id: jobId, outcome: end.result.outcome });
    } catch (error) {
      const { code, message } = errorInfoOf(error);
      const isHandedBack = handBack.aborted && code === 'conflict';
      if (!isHandedBack) counts.skipped++;
      const what = { job_id: jobId, code, message };
      if (isHandedBack) options.log.info('job handed back', what);
      else options.log.warn('job skipped', what);
    }
  };
  return {
    counts,
    size: () => running.size,
    free: places.free,
    hasRoomForRuns: () => [...running.values()].filter(({ isRun }) => isRun).length < MAX_RUNS,
    isStuck: places.isStuck,
    start(claimed) {
      counts.started++;
      const id = claimed.job.job_id;
      const handBack = new AbortController();
      const done = one(claimed, handBack.signal).finally(() => {
        running.delete(id);
        places.changed();
      });
      const isRun = claimed.job.request.pipeline !== undefined;
      running.set(id, { done, isRun, handBack, isAtWork: true });
    },
    async idle() {
      await Promise.all([...running.values()].map(({ done }) => done));
    },
    drain() {
      isDraining = true;
      for (const { isAtWork, handBack } of running.values()) if (!isAtWork) handBack.abort();
    },
    handBack() {
      for (const { handBack } of running.values()) handBack.abort();
    },
  };
}
