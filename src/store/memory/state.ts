/** What a store in memory holds, and how it is looked up. */
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { EventRow } from '../rules/event.ts';
import { noSuchJob } from '../rules/job.ts';
import { checkHeld, type Hold } from '../rules/lease.ts';
import type { QueueEntry, QueueState } from '../rules/queue.ts';
import type { StepRow } from '../rules/step.ts';
import { fromJson } from '../rules/value.ts';
import type { Lease } from '../store.ts';

/** Everything about one job. JSON is kept as text, so that nobody can change it through an object they hold. */
export interface Entry {
  readonly jobId: string;
  readonly repo: string;
  readonly createdMs: number;
  /** Order of acceptance. */
  readonly number: number;
  job: string;
  /** The number of its last change. */
  changed: number;
  hold: Hold;
  /** `null` for a job that has ended, or that no worker may take. */
  queued: Queued | null;
  readonly events: EventRow[];
  readonly steps: Map<string, StepRow>;
  readonly waiting: string[];
  /** Messages by the step that took them. */
  readonly taken: Map<string, string>;
  /** Decisions by the step that asked, each as JSON. */
  readonly approvals: Map<string, { readonly json: string; readonly isSeen: boolean }>;
}

/** A job's place in the queue. */
export interface Queued extends QueueEntry {
  state: QueueState;
  cancelling: boolean;
}

/** Everything that a store in memory holds. */
export interface State {
  readonly jobs: Map<string, Entry>;
  readonly baselines: Map<string, { readonly number: number; readonly json: string }>;
  baselineNumber: number;
  /** The number of the last change of all jobs. */
  changes: number;
  /** Which job was accepted under an idempotency key. */
  readonly once: Map<string, { readonly digest: string; readonly jobId: string; readonly untilMs: number }>;
  paused: boolean;
  /** Until when the turn of something is taken, in milliseconds since 1970. */
  readonly turns: Map<string, number>;
  closed: boolean;
  readonly now: () => Date;
}

/** The state of a store that is open. @throws JobError `infra_failed` */
export function opened(state: State): State {
  if (state.closed) throw new JobError('infra_failed', 'the store in memory is closed');
  return state;
}

/** A job by its id. @throws JobError `not_found` */
export function entryOf(state: State, jobId: string): Entry {
  const entry = opened(state).jobs.get(jobId);
  if (entry === undefined) throw noSuchJob(jobId);
  return entry;
}

/** A job that `lease` still holds. @throws JobError `not_found`, `conflict` */
export function heldEntry(state: State, lease: Lease): Entry {
  const entry = entryOf(state, lease.job_id);
  checkHeld(entry.hold, lease);
  return entry;
}

/** A copy of the stored job. */
export function jobOf(entry: Entry): Job {
  return fromJson(entry.job) as Job;
}

/** Newest first; among jobs of the same millisecond, the one accepted last. */
export function newestFirst(a: Entry, b: Entry): number {
  return b.createdMs - a.createdMs || b.number - a.number;
}

/** The one accepted last first, whenever it says that it was created. */
export function lastFirst(a: Entry, b: Entry): number {
  return b.number - a.number;
}
