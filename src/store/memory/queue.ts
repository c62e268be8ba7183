/** The queue of a store in memory. */
import type { Job } from '../../job/job.ts';
import { claim, leaseOf, type Hold } from '../rules/lease.ts';
import {
  checkOnce,
  checkSame,
  MAX_QUEUE_ROWS,
  queueEntry,
  RUNS,
  waitingState,
  type QueueState,
} from '../rules/queue.ts';
import { isRun } from '../rules/job.ts';
import { checkInteger, checkName } from '../rules/value.ts';
import type { Once, Store } from '../store.ts';
import { entryOf, jobOf, opened, type Entry, type Queued, type State } from './state.ts';

type QueueMethods = Pick<
  Store,
  | 'claimNext'
  | 'listHeld'
  | 'countQueue'
  | 'requestCancel'
  | 'listCancelling'
  | 'setPaused'
  | 'isPaused'
  | 'takeTurn'
>;
/** The job that was accepted under a key; `null` where it is new. */
export function acceptedBefore(state: State, given: Once): string | null {
  const once = checkOnce(given);
  for (const [key, { untilMs }] of state.once) if (untilMs < once.now.getTime()) state.once.delete(key);
  const known = state.once.get(once.key);
  if (known === undefined) return null;
  checkSame(once, known.digest);
  return known.jobId;
}

/** Where an accepted job stands in the queue. */
export function queuedAs(job: Job): Queued | null {
  const entry = queueEntry(job);
  return entry === null ? null : { ...entry, state: 'ready', cancelling: false };
}

/** Jobs of a session that have not ended, in the order of their acceptance. */
function inSession(state: State, sessionId: string | null): readonly Entry[] {
  if (sessionId === null) return [];
  return [...state.jobs.values()].filter((entry) => entry.queued?.session_id === sessionId);
}

/** The latest job of a job's session that was accepted before it and has not ended. */
export function earlierOf(state: State, { queued, number }: Entry): string | null {
  const others = inSession(state, queued?.session_id ?? null);
  return others.findLast((other) => other.number < number)?.jobId ?? null;
}

/** Puts a job that nobody holds where it waits. */
export function letWait(state: State, entry: Entry): void {
  const { queued } = entry;
  if (queued === null) return;
  const job = jobOf(entry);
  queued.state = waitingState(job, {
    isAnswered: isRun(job)
      ? [...entry.approvals.values()].some(({ isSeen }) => !isSeen)
      : entry.waiting.length > 0,
    isCancelling: queued.cancelling,
    isBlocked: earlierOf(state, entry) !== null,
  });
}

/** Notes that a run goes on and looks at what was decided. */
export function seeDecisions({ approvals }: Entry): void {
  for (const [step, { json }] of approvals) approvals.set(step, { json, isSeen: true });
}

/** Stores a claim, and where it leaves the job in the queue. */
export function setHold(state: State, entry: Entry, hold: Hold): void {
  entry.hold = hold;
  if (hold.owner === null) letWait(state, entry);
  else if (entry.queued !== null) entry.queued.state = 'held';
}

/** Takes an ended job out of the queue. */
export function dequeue(state: State, entry: Entry): void {
  const sessionId = entry.queued?.session_id ?? null;
  entry.queued = null;
  const next = inSession(state, sessionId)[0];
  if (next?.queued?.state === 'blocked') next.queued.state = 'ready';
}

/** Methods of the store about the queue. */
export function queueMethods(state: State): QueueMethods {
  const entries = (): readonly (Entry & { readonly queued: Queued })[] =>
    [...opened(state).jobs.values()].filter(
      (entry): entry is Entry & { readonly queued: Queued } => entry.queued !== null,
    );
  return {
    async claimNext({ owner, leaseMs, now, perRepo, withoutRuns = false }) {
      if (perRepo !== null) checkInteger(perRepo, 'perRepo', 1);
      const isExpired = ({ hold }: Entry): boolean => (hold.expires_ms ?? Infinity) < now.getTime();
      for (const entry of entries())
        if (entry.queued.state === 'held' && isExpired(entry)) entry.queued.state = 'ready';
      const held = entries().filter((entry) => entry.queued.state === 'held');
      const isFree = (repo: string): boolean =>
        perRepo === null ||
        repo === RUNS ||
        held.filter(({ queued }) => queued.repo === repo).length < perRepo;
      const next = entries()
        .filter(({ queued: { state, repo } }) => state === 'ready' && isFree(repo))
        .filter(({ queued }) => !withoutRuns || queued.repo !== RUNS)
        .toSorted((a, b) => b.queued.priority - a.queued.priority || a.number - b.number)[0];
      const hold = next === undefined ? null : claim(next.hold, owner, leaseMs, now);
      if (next === undefined || hold === null) return null;
      setHold(state, next, hold);
      const lease = leaseOf(next.jobId, hold);
      return lease === null ? null : { job: jobOf(next), lease };
    },
    async listHeld() {
      const leases = [...opened(state).jobs.values()].flatMap(
        (entry) => leaseOf(entry.jobId, entry.hold) ?? [],
      );
      return leases.slice(0, MAX_QUEUE_ROWS);
    },
    async countQueue() {
      const count = (name: QueueState): number =>
        entries().filter((entry) => entry.queued.state === name).length;
      return {
        ready: count('ready'),
        held: count('held'),
        parked: count('parked'),
        blocked: count('blocked'),
      };
    },
    async requestCancel(jobId) {
      const { queued } = entryOf(state, jobId);
      if (queued === null) return;
      queued.cancelling = true;
      if (queued.state !== 'held') queued.state = 'ready';
    },
    async listCancelling() {
      const cancelling = entries().filter((entry) => entry.queued.cancelling);
      return cancelling.map((entry) => entry.jobId).slice(0, MAX_QUEUE_ROWS);
    },
    async setPaused(paused) {
      opened(state).paused = paused;
    },
    async isPaused() {
      return opened(state).paused;
    },
    async takeTurn(name, forMs, now) {
      const { turns } = opened(state);
      const until = checkInteger(now.getTime(), 'now') + checkInteger(forMs, 'forMs', 1);
      const taken = turns.get(checkName(name, 'turn')) ?? 0;
      if (taken > now.getTime() && taken <= until) return false;
      turns.set(name, until);
      return true;
    },
  };
}
