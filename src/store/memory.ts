/** A store that lives as long as its process: for tests and dry runs, with the semantics of the durable ones. */
import type { Job } from '../job/job.ts';
import type { JobChanges, JobFilter, Store } from './store.ts';
import {
  acceptedBefore,
  dequeue,
  earlierOf,
  letWait,
  queuedAs,
  queueMethods,
  seeDecisions,
  setHold,
} from './memory/queue.ts';
import {
  entryOf,
  heldEntry,
  jobOf,
  lastFirst,
  newestFirst,
  opened,
  type Entry,
  type State,
} from './memory/state.ts';
import { createDeliveryMemory, type DeliveryMemory } from './deliveries/memory.ts';
import { checkWaiting, eventRow, jobEvent } from './rules/event.ts';
import {
  changeJob,
  checkDelivers,
  createdMs,
  isListed,
  isRun,
  isTakenUp,
  jobExists,
  newJob,
  searchOf,
  timeMs,
} from './rules/job.ts';
import { claim, isHeld, leaseOf, NEVER_HELD, release, renew } from './rules/lease.ts';
import { checkAlone } from './rules/queue.ts';
import { addNote, begin, checkBegin, finish, resultJson, stepRecord } from './rules/step.ts';
import { sumTallies, talliesOf } from './rules/tally.ts';
import { accessMethods } from './memory/access.ts';
import { createTriggerMemory, type TriggerMemory } from './triggers/memory.ts';
import { importMethods } from './memory/imported.ts';
import { pipelineMethods } from './pipelines/memory.ts';
import { sessionMethods } from './memory/sessions.ts';
import { checkUsage, costOf, sumUp, usageOf, usagePage } from './rules/usage.ts';
import { checkInteger, checkLimit, checkName, fromJson, MAX_BASELINES, toJson } from './rules/value.ts';

type JobMethods = Pick<
  Store,
  'createJob' | 'getJob' | 'listJobs' | 'listChanges' | 'sumUsage' | 'listCosts' | 'updateJob'
>;
type LeaseMethods = Pick<Store, 'acquireLease' | 'getLease' | 'renewLease' | 'releaseLease'>;
type StepMethods = Pick<Store, 'beginStep' | 'noteStep' | 'finishStep' | 'readSteps' | 'clearSteps'>;
type EventMethods = Pick<
  Store,
  'appendEvents' | 'readEvents' | 'addMessage' | 'takeMessage' | 'countMessages'
>;

function listed(state: State, filter: JobFilter): readonly Job[] {
  const limit = checkLimit(filter.limit);
  const before = filter.before === undefined ? null : entryOf(state, filter.before);
  const found: Job[] = [];
  const order = searchOf(filter) === null ? newestFirst : lastFirst;
  // Said wrong is refused, whether there is anything to be narrowed or not.
  for (const name of ['since', 'until'] as const) {
    const time = filter[name];
    if (time !== undefined) timeMs(time, name);
  }
  for (const entry of [...opened(state).jobs.values()].sort(order)) {
    if (found.length === limit) break;
    if (before !== null && order(before, entry) >= 0) continue;
    const job = jobOf(entry);
    if (isListed(job, filter)) found.push(job);
  }
  return found;
}

function changed(state: State, after: number | null, limit: number): JobChanges {
  const most = checkLimit(limit);
  const from = after === null ? Infinity : checkInteger(after, 'after');
  const changes = [...opened(state).jobs.values()]
    .filter((entry) => entry.changed > from)
    .sort((a, b) => a.changed - b.changed)
    .slice(0, most)
    .map((entry) => ({ change: entry.changed, job: jobOf(entry) }));
  return { changes, last: state.changes };
}

function jobMethods(state: State, deliveries: DeliveryMemory, triggers: TriggerMemory): JobMethods {
  return {
    async createJob(job, { hold, once, settles } = {}) {
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
        changed: state.changes + 1,
        hold: NEVER_HELD,
        queued: queuedAs(accepted),
        events: [],
        steps: new Map(),
        waiting: [],
        taken: new Map(),
        approvals: new Map(),
      };
      letWait(state, entry);
      checkAlone(accepted, hold !== undefined, earlierOf(state, entry));
      if (settles !== undefined) triggers.settle(settles, accepted.job_id);
      jobs.set(accepted.job_id, entry);
      state.changes++;
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
    listJobs: async (filter) => listed(state, filter),
    listChanges: async (after, limit) => changed(state, after, limit),
    async sumUsage(filter) {
      const from = checkUsage(filter);
      const counted = [...opened(state).jobs.values()].flatMap((entry) => {
        const job = jobOf(entry);
        return entry.createdMs < from || isRun(job) ? [] : [usageOf(job, entry.createdMs, filter.by)];
      });
      return usagePage(sumUp(counted), filter);
    },
    async listCosts(repo, limit) {
      return listed(state, { repo, isRun: false, limit }).map(costOf);
    },
    async updateJob(lease, patch, delivery) {
      if (delivery !== undefined) checkDelivers(lease.job_id, patch);
      const entry = heldEntry(state, lease);
      const before = jobOf(entry);
      const json = toJson(changeJob(before, patch, state.now()), `job ${lease.job_id}`);
      if (delivery !== undefined) deliveries.insert(lease.job_id, delivery);
      entry.job = json;
      entry.changed = ++state.changes;
      const job = jobOf(entry);
      if (isTakenUp(before, job)) seeDecisions(entry);
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
      if (entry.queued?.state === 'parked') letWait(state, entry);
    },
    async countMessages(jobId) {
      return entryOf(state, jobId).waiting.length;
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

function trimMethods(state: State, deliveries: DeliveryMemory): Pick<Store, 'trimJobs'> {
  return {
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
          deliveries.forget(entry.jobId);
        }
      }
      return chosen.map((entry) => entry.jobId);
    },
  };
}

/**
 * A store in memory with the semantics of the durable stores, except that nothing survives the process.
 *
 * @param options.now the clock for `updated_at`; the real one unless given
 */
export function createMemoryStore(options: { readonly now?: () => Date } = {}): Store {
  const state: State = {
    jobs: new Map(),
    baselines: new Map(),
    baselineNumber: 0,
    changes: 0,
    once: new Map(),
    paused: false,
    turns: new Map(),
    closed: false,
    now: options.now ?? (() => new Date()),
  };
  const deliveries = createDeliveryMemory({
    check: () => void opened(state),
    attempt: (jobId) => jobOf(entryOf(state, jobId)).attempt,
    append: (jobId, event) => void entryOf(state, jobId).events.push(eventRow(event)),
  });
  const triggers = createTriggerMemory({
    check: () => void opened(state),
    hasEnded(jobId) {
      const entry = state.jobs.get(jobId);
      return entry !== undefined && jobOf(entry).outcome !== null;
    },
  });
  return {
    ...jobMethods(state, deliveries, triggers),
    ...triggers.methods,
    ...deliveries.methods,
    ...leaseMethods(state),
    ...queueMethods(state),
    ...eventMethods(state),
    ...stepMethods(state),
    ...trimMethods(state, deliveries),
    ...accessMethods(),
    ...sessionMethods(state),
    ...importMethods(state),
    ...pipelineMethods(state),
    async readTallies() {
      const jobs = [...opened(state).jobs.values()].flatMap((entry) => talliesOf(jobOf(entry)));
      return sumTallies([...jobs, ...deliveries.tallies(), ...triggers.tallies()]);
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
