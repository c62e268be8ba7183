/** A store that lives as long as its process: for tests and dry runs, with the semantics of the durable ones. */
import { JobError } from '../job/error.ts';
import type { Job } from '../job/job.ts';
import type { Lease, Once, Store } from './store.ts';
import { checkWaiting, eventRow, jobEvent, type EventRow } from './rules/event.ts';
import { changeJob, createdMs, isListed, jobExists, newJob, noSuchJob } from './rules/job.ts';
import { checkHeld, claim, isHeld, leaseOf, NEVER_HELD, release, renew, type Hold } from './rules/lease.ts';
import {
  checkOnce,
  checkSame,
  MAX_QUEUE_ROWS,
  queueEntry,
  waitingState,
  type QueueEntry,
  type QueueState,
} from './rules/queue.ts';
import { addNote, begin, checkBegin, finish, resultJson, stepRecord, type StepRow } from './rules/step.ts';
import { sumTallies, talliesOf } from './rules/tally.ts';
import { accessMethods } from './memory/access.ts';
import { checkInteger, checkLimit, checkName, fromJson, MAX_BASELINES, toJson } from './rules/value.ts';

/** Everything about one job. JSON is kept as text, so that nobody can change it through an object they hold. */
interface Entry {
  readonly jobId: string;
  readonly repo: string;
  readonly createdMs: number;
  /** Order of acceptance. */
  readonly number: number;
  job: string;
  hold: Hold;
  /** `null` for a job that has ended, or that no worker may take. */
  queued: Queued | null;
  readonly events: EventRow[];
  readonly steps: Map<string, StepRow>;
  readonly waiting: string[];
  /** Messages by the step that took them. */
  readonly taken: Map<string, string>;
}

/** A job's place in the queue. */
interface Queued extends QueueEntry {
  state: QueueState;
  cancelling: boolean;
}

interface State {
  readonly jobs: Map<string, Entry>;
  readonly baselines: Map<string, { readonly number: number; readonly json: string }>;
  baselineNumber: number;
  /** Which job was accepted under an idempotency key. */
  readonly once: Map<string, { readonly digest: string; readonly jobId: string; readonly untilMs: number }>;
  paused: boolean;
  closed: boolean;
  readonly now: () => Date;
}

type JobMethods = Pick<Store, 'createJob' | 'getJob' | 'listJobs' | 'updateJob'>;
type QueueMethods = Pick<
  Store,
  'claimNext' | 'listHeld' | 'countQueue' | 'requestCancel' | 'listCancelling' | 'setPaused' | 'isPaused'
>;
type LeaseMethods = Pick<Store, 'acquireLease' | 'getLease' | 'renewLease' | 'releaseLease'>;
type StepMethods = Pick<Store, 'beginStep' | 'noteStep' | 'finishStep' | 'readSteps' | 'clearSteps'>;
type EventMethods = Pick<Store, 'appendEvents' | 'readEvents' | 'addMessage' | 'takeMessage'>;

function opened(state: State): State {
  if (state.closed) throw new JobError('infra_failed', 'the store in memory is closed');
  return state;
}

function entryOf(state: State, jobId: string): Entry {
  const entry = opened(state).jobs.get(jobId);
  if (entry === undefined) throw noSuchJob(jobId);
  return entry;
}

function heldEntry(state: State, lease: Lease): Entry {
  const entry = entryOf(state, lease.job_id);
  checkHeld(entry.hold, lease);
  return entry;
}

function jobOf(entry: Entry): Job {
  return fromJson(entry.job) as Job;
}

/** Newest first; among jobs of the same millisecond, the one accepted last. */
function newestFirst(a: Entry, b: Entry): number {
  return b.createdMs - a.createdMs || b.number - a.number;
}

function acceptedBefore(state: State, given: Once): string | null {
  const once = checkOnce(given);
  for (const [key, { untilMs }] of state.once) if (untilMs < once.now.getTime()) state.once.delete(key);
  const known = state.once.get(once.key);
  if (known === undefined) return null;
  checkSame(once, known.digest);
  return known.jobId;
}

function queuedAs(job: Job): Queued | null {
  const entry = queueEntry(job);
  return entry === null ? null : { ...entry, state: 'ready', cancelling: false };
}

/** Jobs of a session that have not ended, in the order of their acceptance. */
function sessionOf(state: State, sessionId: string | null): readonly Entry[] {
  if (sessionId === null) return [];
  return [...state.jobs.values()].filter((entry) => entry.queued?.session_id === sessionId);
}

function letWait(state: State, entry: Entry): void {
  const { queued } = entry;
  if (queued === null) return;
  const isEarlier = sessionOf(state, queued.session_id).some((other) => other.number < entry.number);
  queued.state = waitingState(jobOf(entry), {
    isAnswered: queued.cancelling || entry.waiting.length > 0,
    isBlocked: isEarlier && !queued.cancelling,
  });
}

function setHold(state: State, entry: Entry, hold: Hold): void {
  entry.hold = hold;
  if (hold.owner === null) letWait(state, entry);
  else if (entry.queued !== null) entry.queued.state = 'held';
}

function dequeue(state: State, entry: Entry): void {
  const sessionId = entry.queued?.session_id ?? null;
  entry.queued = null;
  const next = sessionOf(state, sessionId)[0];
  if (next?.queued?.state === 'blocked') next.queued.state = 'ready';
}

function queueMethods(state: State): QueueMethods {
  const entries = (): readonly (Entry & { readonly queued: Queued })[] =>
    [...opened(state).jobs.values()].filter(
      (entry): entry is Entry & { readonly queued: Queued } => entry.queued !== null,
    );
  return {
    async claimNext({ owner, leaseMs, now, perRepo }) {
      if (perRepo !== null) checkInteger(perRepo, 'perRepo', 1);
      const isExpired = ({ hold }: Entry): boolean => (hold.expires_ms ?? Infinity) < now.getTime();
      for (const entry of entries())
        if (entry.queued.state === 'held' && isExpired(entry)) entry.queued.state = 'ready';
      const held = entries().filter((entry) => entry.queued.state === 'held');
      const isFree = (repo: string): boolean =>
        perRepo === null || held.filter((entry) => entry.repo === repo).length < perRepo;
      const next = entries()
        .filter((entry) => entry.queued.state === 'ready' && isFree(entry.repo))
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
  };
}

function jobMethods(state: State): JobMethods {
  return {
    async createJob(job, { hold, once } = {}) {
      const accepted = newJob(job);
      const json = toJson(accepted, `job ${job.job_id}`);
      const { jobs } = opened(state);
      const before = once === undefined ? null : acceptedBefore(state, once);
      if (before !== null) return { job: jobOf(entryOf(state, before)), lease: null, isNew: false };
      if (jobs.has(accepted.job_id)) throw jobExists(accepted.job_id);
      const entry: Entry = {
        jobId: accepted.job_id,
        repo: accepted.request.repo,
        createdMs: createdMs(accepted),
        number: jobs.size,
        job: json,
        hold: NEVER_HELD,
        queued: queuedAs(accepted),
        events: [],
        steps: new Map(),
        waiting: [],
        taken: new Map(),
      };
      jobs.set(accepted.job_id, entry);
      letWait(state, entry);
      if (once !== undefined) state.once.set(once.key, { ...once, jobId: accepted.job_id });
      const claimed = hold === undefined ? null : claim(entry.hold, hold.owner, hold.leaseMs, hold.now);
      if (claimed !== null) setHold(state, entry, claimed);
      const lease = claimed === null ? null : leaseOf(accepted.job_id, claimed);
      return { job: fromJson(json) as Job, lease, isNew: true };
    },
    async getJob(jobId) {
      const entry = opened(state).jobs.get(jobId);
      return entry === undefined ? null : jobOf(entry);
    },
    async listJobs(filter) {
      const limit = checkLimit(filter.limit);
      const before = filter.before === undefined ? null : entryOf(state, filter.before);
      const found: Job[] = [];
      for (const entry of [...opened(state).jobs.values()].sort(newestFirst)) {
        if (found.length === limit) break;
        if (before !== null && newestFirst(before, entry) >= 0) continue;
        const job = jobOf(entry);
        if (isListed(job, filter)) found.push(job);
      }
      return found;
    },
    async updateJob(lease, patch) {
      const entry = heldEntry(state, lease);
      entry.job = toJson(changeJob(jobOf(entry), patch, state.now()), `job ${lease.job_id}`);
      const job = jobOf(entry);
      if (job.outcome !== null) dequeue(state, entry);
      return job;
    },
  };
}

function leaseMethods(state: State): LeaseMethods {
  return {
    async acquireLease(jobId, owner, leaseMs, now) {
      const entry = entryOf(state, jobId);
      const hold = claim(entry.hold, owner, leaseMs, now);
      if (hold === null) return null;
      setHold(state, entry, hold);
      return leaseOf(jobId, hold);
    },
    async getLease(jobId) {
      return leaseOf(jobId, entryOf(state, jobId).hold);
    },
    async renewLease(lease, leaseMs, now) {
      const entry = entryOf(state, lease.job_id);
      setHold(state, entry, renew(entry.hold, lease, leaseMs, now));
      return leaseOf(lease.job_id, entry.hold) ?? lease;
    },
    async releaseLease(lease) {
      const entry = entryOf(state, lease.job_id);
      if (isHeld(entry.hold, lease)) setHold(state, entry, release(entry.hold));
    },
  };
}

function eventMethods(state: State): EventMethods {
  return {
    async appendEvents(jobId, events) {
      const rows = events.map(eventRow);
      const log = entryOf(state, jobId).events;
      const first = log.length + 1;
      for (const row of rows) log.push(row);
      return rows.map((row, at) => jobEvent(jobId, first + at, row));
    },
    async readEvents(jobId, after, limit) {
      const from = checkInteger(after, 'after');
      const to = from + checkLimit(limit);
      const page = entryOf(state, jobId).events.slice(from, to);
      return page.map((row, at) => jobEvent(jobId, from + at + 1, row));
    },
    async addMessage(jobId, text) {
      const json = toJson(text, 'message');
      const entry = entryOf(state, jobId);
      checkWaiting(jobId, entry.waiting.length);
      entry.waiting.push(json);
      if (entry.queued?.state === 'parked') entry.queued.state = 'ready';
    },
    async takeMessage(lease, stepKey) {
      checkName(stepKey, 'step');
      const { waiting, taken } = heldEntry(state, lease);
      const json = taken.get(stepKey) ?? waiting.shift();
      if (json === undefined) return null;
      taken.set(stepKey, json);
      return fromJson(json) as string;
    },
  };
}

function stepMethods(state: State): StepMethods {
  return {
    async beginStep(lease, key, procedureVersion) {
      checkBegin(key, procedureVersion);
      const { steps } = heldEntry(state, lease);
      const row = begin(steps.get(key) ?? null, key, procedureVersion, steps.size);
      steps.set(key, row);
      return stepRecord(row);
    },
    async noteStep(lease, key, note) {
      const { steps } = heldEntry(state, lease);
      steps.set(key, addNote(steps.get(key) ?? null, key, note));
    },
    async finishStep(lease, key, result) {
      const json = resultJson(key, result);
      const { steps } = heldEntry(state, lease);
      steps.set(key, finish(steps.get(key) ?? null, key, json));
    },
    async readSteps(jobId) {
      return [...entryOf(state, jobId).steps.values()].map(stepRecord);
    },
    async clearSteps(lease) {
      heldEntry(state, lease).steps.clear();
    },
  };
}

/**
 * A store in memory with the semantics of the durable stores, except that nothing survives the process.
 *
 * @param options.now the clock for `updated_at`; the real one unless given
 */
export function createMemoryStore(options: { readonly now?: () => Date } = {}): Store {
  const now = options.now ?? (() => new Date());
  const state: State = {
    jobs: new Map(),
    baselines: new Map(),
    baselineNumber: 0,
    once: new Map(),
    paused: false,
    closed: false,
    now,
  };
  return {
    ...jobMethods(state),
    ...leaseMethods(state),
    ...queueMethods(state),
    ...eventMethods(state),
    ...stepMethods(state),
    async trimJobs(finishedBefore, limit, dryRun) {
      checkLimit(limit);
      const old = [...opened(state).jobs.values()].filter((entry) => {
        const { outcome, finished_at: finished } = jobOf(entry);
        const isFull = entry.events.length > 0 || entry.steps.size > 0;
        return outcome !== null && finished !== null && finished < finishedBefore && isFull;
      });
      const chosen = old.toSorted((a, b) => a.createdMs - b.createdMs || a.number - b.number).slice(0, limit);
      if (!dryRun) {
        for (const entry of chosen) {
          entry.events.length = 0;
          entry.waiting.length = 0;
          entry.steps.clear();
          entry.taken.clear();
        }
      }
      return chosen.map((entry) => entry.jobId);
    },
    ...accessMethods(),
    async readTallies() {
      return sumTallies([...opened(state).jobs.values()].flatMap((entry) => talliesOf(jobOf(entry))));
    },
    async probe() {
      opened(state);
    },
    async getBaseline(key) {
      const found = opened(state).baselines.get(key);
      return found === undefined ? null : fromJson(found.json);
    },
    async putBaseline(key, value) {
      const json = toJson(value, 'baseline');
      const { baselines } = opened(state);
      const number = ++state.baselineNumber;
      baselines.delete(checkName(key, 'baseline key'));
      baselines.set(key, { number, json });
      // Written in order, so at most one has become too old.
      for (const [oldest, entry] of baselines) {
        if (entry.number > number - MAX_BASELINES) break;
        baselines.delete(oldest);
      }
    },
    async close() {
      state.closed = true;
    },
  };
}
