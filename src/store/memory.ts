/** A store that lives as long as its process: for tests and dry runs, with the semantics of the durable ones. */
import { JobError } from '../job/error.ts';
import type { Job } from '../job/job.ts';
import type { Lease, Store } from './store.ts';
import { checkWaiting, eventRow, jobEvent, type EventRow } from './rules/event.ts';
import { changeJob, createdMs, jobExists, newJob, noSuchJob } from './rules/job.ts';
import { checkHeld, claim, isHeld, leaseOf, NEVER_HELD, release, renew, type Hold } from './rules/lease.ts';
import { addNote, begin, checkBegin, finish, resultJson, stepRecord, type StepRow } from './rules/step.ts';
import { checkUsage, sumUp, usageOf, usagePage } from './rules/usage.ts';
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
  readonly events: EventRow[];
  readonly steps: Map<string, StepRow>;
  readonly waiting: string[];
  /** Messages by the step that took them. */
  readonly taken: Map<string, string>;
}

interface State {
  readonly jobs: Map<string, Entry>;
  readonly baselines: Map<string, { readonly number: number; readonly json: string }>;
  baselineNumber: number;
  closed: boolean;
  readonly now: () => Date;
}

type JobMethods = Pick<Store, 'createJob' | 'getJob' | 'listJobs' | 'sumUsage' | 'updateJob'>;
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

function jobMethods(state: State): JobMethods {
  return {
    async createJob(job) {
      const accepted = newJob(job);
      const json = toJson(accepted, `job ${job.job_id}`);
      const { jobs } = opened(state);
      if (jobs.has(accepted.job_id)) throw jobExists(accepted.job_id);
      jobs.set(accepted.job_id, {
        jobId: accepted.job_id,
        repo: accepted.request.repo,
        createdMs: createdMs(accepted),
        number: jobs.size,
        job: json,
        hold: NEVER_HELD,
        events: [],
        steps: new Map(),
        waiting: [],
        taken: new Map(),
      });
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
        if (filter.repo !== undefined && entry.repo !== filter.repo) continue;
        const job = jobOf(entry);
        if (filter.status === undefined || job.status === filter.status) found.push(job);
      }
      return found;
    },
    async sumUsage(filter) {
      const from = checkUsage(filter);
      const counted = [...opened(state).jobs.values()].filter((entry) => entry.createdMs >= from);
      return usagePage(
        sumUp(counted.map((entry) => usageOf(jobOf(entry), entry.createdMs, filter.by))),
        filter,
      );
    },
    async updateJob(lease, patch) {
      const entry = heldEntry(state, lease);
      entry.job = toJson(changeJob(jobOf(entry), patch, state.now()), `job ${lease.job_id}`);
      return jobOf(entry);
    },
  };
}

function leaseMethods(state: State): LeaseMethods {
  return {
    async acquireLease(jobId, owner, leaseMs, now) {
      const entry = entryOf(state, jobId);
      const hold = claim(entry.hold, owner, leaseMs, now);
      if (hold === null) return null;
      entry.hold = hold;
      return leaseOf(jobId, hold);
    },
    async getLease(jobId) {
      return leaseOf(jobId, entryOf(state, jobId).hold);
    },
    async renewLease(lease, leaseMs, now) {
      const entry = entryOf(state, lease.job_id);
      entry.hold = renew(entry.hold, lease, leaseMs, now);
      return leaseOf(lease.job_id, entry.hold) ?? lease;
    },
    async releaseLease(lease) {
      const entry = entryOf(state, lease.job_id);
      if (isHeld(entry.hold, lease)) entry.hold = release(entry.hold);
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
      const { waiting } = entryOf(state, jobId);
      checkWaiting(jobId, waiting.length);
      waiting.push(json);
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
  const state: State = { jobs: new Map(), baselines: new Map(), baselineNumber: 0, closed: false, now };
  return {
    ...jobMethods(state),
    ...leaseMethods(state),
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
