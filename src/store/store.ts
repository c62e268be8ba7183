/**
 * Port: WHERE IT WAITS. Jobs, their gapless events, step results, messages and baselines. Asynchronous from
 * the first commit, because a server's store lives in another thread or on another machine.
 */
import type { JobEvent, NewEvent } from '../job/job.ts';
import type { Job, JobPatch } from '../job/job.ts';
import type { UsageFilter, UsageSum } from '../job/model/usage.ts';
import type { JobStatus } from '../job/status.ts';

/**
 * How safe a write is when its promise resolves. `full`: survives a power failure (accepted, terminal, intent
 * and result of external effects). `normal`: survives a killed process.
 */
export type Durability = 'full' | 'normal';

/** A claim on a job: only its holder may write the job's state. */
export interface Lease {
  readonly job_id: string;
  readonly owner: string;
  /** Grows with every claim; a write with an old token is refused. */
  readonly token: number;
  readonly expires_at: string;
}

/** A step that was begun. `result` is `null` until it ended; `tries` counts how often it was begun. */
export interface StepRecord {
  readonly key: string;
  readonly tries: number;
  readonly procedure_version: number;
  /** What the step noted when it began (snapshot refs and the like): plain JSON. */
  readonly note: Readonly<Record<string, unknown>>;
  readonly result: unknown;
}

/** Which jobs to list; newest first. */
export interface JobFilter {
  readonly status?: JobStatus;
  readonly repo?: string;
  /** Cursor: only jobs created before this job id's. */
  readonly before?: string;
  readonly limit: number;
}

/** Largest step result in bytes; diffs, logs and transcripts are references. */
export const MAX_STEP_RESULT_BYTES = 64 * 1024;

/** The store. Every method rejects with a `JobError`: `not_found`, `conflict` (lease lost), `infra_failed`. */
export interface Store {
  /** Accepts a job. Durable (`full`) when it resolves; a second job with the same id is a `conflict`. */
  createJob(job: Job): Promise<void>;
  getJob(jobId: string): Promise<Job | null>;
  listJobs(filter: JobFilter): Promise<readonly Job[]>;
  /** Sums what jobs have spent: days from the newest on, anything else from the most expensive on. */
  sumUsage(filter: UsageFilter): Promise<readonly UsageSum[]>;
  /**
   * Changes a job under a lease and returns it. An illegal status change is refused with
   * `illegal_transition`; a change to a terminal status is `full`.
   */
  updateJob(lease: Lease, patch: JobPatch): Promise<Job>;

  /** Claims a job that nobody holds, or whose lease ended before `now`; `null` when somebody holds it. */
  acquireLease(jobId: string, owner: string, leaseMs: number, now: Date): Promise<Lease | null>;
  /** The lease that is held on a job, expired or not. */
  getLease(jobId: string): Promise<Lease | null>;
  /** Extends a lease; rejects with `conflict` when somebody else has claimed the job meanwhile. */
  renewLease(lease: Lease, leaseMs: number, now: Date): Promise<Lease>;
  releaseLease(lease: Lease): Promise<void>;

  /** Appends events in order, numbered on from the last one without gaps, and returns them as stored. */
  appendEvents(
    jobId: string,
    events: readonly NewEvent[],
    durability?: Durability,
  ): Promise<readonly JobEvent[]>;
  /** Events with `seq > after`, in order, at most `limit`. */
  readEvents(jobId: string, after: number, limit: number): Promise<readonly JobEvent[]>;

  /** Notes that a step begins and returns its record; a step that already has a result keeps it. */
  beginStep(lease: Lease, key: string, procedureVersion: number): Promise<StepRecord>;
  /** Adds to a begun step's note, before the effect that the note is about. */
  noteStep(
    lease: Lease,
    key: string,
    note: Readonly<Record<string, unknown>>,
    durability: Durability,
  ): Promise<void>;
  /** Stores a step's result. A result of more than `MAX_STEP_RESULT_BYTES` is refused. */
  finishStep(lease: Lease, key: string, result: unknown, durability: Durability): Promise<void>;
  readSteps(jobId: string): Promise<readonly StepRecord[]>;
  /** Forgets all steps of a job, so that it starts again (another procedure version). */
  clearSteps(lease: Lease): Promise<void>;

  /** Leaves a message for a job; durable (`full`) when it resolves. */
  addMessage(jobId: string, text: string, time: string): Promise<void>;
  /**
   * Takes the oldest message of a job that nobody has taken, or `null`. The step that takes it keeps it: asked
   * again by the same step (after a crash), the same message is returned.
   */
  takeMessage(lease: Lease, stepKey: string): Promise<string | null>;

  /**
   * Forgets events, steps and messages of jobs that ended before `finishedBefore` (RFC 3339), oldest first; the jobs
   * and their results stay. `dryRun` changes nothing.
   *
   * @returns their ids, at most `limit`: fewer when no more are left
   */
  trimJobs(finishedBefore: string, limit: number, dryRun: boolean): Promise<readonly string[]>;

  getBaseline(key: string): Promise<unknown>;
  putBaseline(key: string, value: unknown): Promise<void>;

  close(): Promise<void>;
}
