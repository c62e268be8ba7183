/**
 * Port: WHERE IT WAITS. Jobs, their gapless events, step results, messages and baselines. Asynchronous from
 * the first commit, because a server's store lives in another thread or on another machine.
 */
import type {
  AfterTry,
  Delivery,
  DeliveryClaim,
  DeliveryTry,
  NewDelivery,
} from '../job/delivery/delivery.ts';
import type { ApiKey, AuditEntry, AuditFilter, NumberedAuditEntry } from '../job/access/access.ts';
import type { Job, JobEvent, JobPatch, NewEvent } from '../job/job.ts';
import type { PastJob } from '../job/model/estimate.ts';
import type { StoredPipeline } from '../job/pipeline/definition.ts';
import type { ApprovalDecision } from '../job/pipeline/run.ts';
import type { UsageFilter, UsageSum } from '../job/model/usage.ts';
import type { JobStatus } from '../job/status.ts';
import type { ForgeEvent } from '../job/trigger/event.ts';
import type {
  Settling,
  Trigger,
  TriggerArrival,
  TriggerClaim,
  TriggerFilter,
} from '../job/trigger/record.ts';
import type { SessionView } from '../job/view/session.ts';

/**
 * How safe a write is when its promise resolves: `full` survives a power failure, `normal` a killed process.
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

/** How a job is accepted, besides its being stored. */
export interface Acceptance {
  /** Claimed by whoever accepts it, so that no worker takes it meanwhile. */
  readonly hold?: { readonly owner: string; readonly leaseMs: number; readonly now: Date };
  /** Accepted once under this key: a second job with it is not stored, and the first one is returned. */
  readonly once?: Once;
  /**
   * Events of a forge that it comes of: they are settled in the same transaction, under its id. Where the claim on them
   * is lost, there is no job either (`conflict`).
   */
  readonly settles?: Settling;
}

/** An idempotency key. */
export interface Once {
  /** Who sends it and the key, as one name. */
  readonly key: string;
  /** Digest of what was asked: the same key for something else is a `conflict`. */
  readonly digest: string;
  /** Milliseconds since 1970 until which the key is remembered. */
  readonly untilMs: number;
  readonly now: Date;
}

/** An accepted job. */
export interface Accepted {
  /** The job, or the one that was accepted under the same key before. */
  readonly job: Job;
  readonly lease: Lease | null;
  readonly isNew: boolean;
}

/** What a worker asks for. */
export interface ClaimRequest {
  readonly owner: string;
  readonly leaseMs: number;
  readonly now: Date;
  /** Jobs of one repository that may be in work at once, by all processes, not counting runs; `null` is no limit. */
  readonly perRepo: number | null;
  /** Whether runs of pipelines are left to others; absent is no. */
  readonly withoutRuns?: boolean;
}

/** A job that a worker got. */
export interface Claimed {
  readonly job: Job;
  readonly lease: Lease;
}

/** How many jobs wait, and how many are in work. */
export interface QueueCounts {
  readonly ready: number;
  readonly held: number;
  /** Waiting for a person, or for a run elsewhere. */
  readonly parked: number;
  /** Waiting for an earlier job of their session. */
  readonly blocked: number;
}

/** Which jobs to list; newest first. A search gives them in the order of their acceptance, the last one first. */
export interface JobFilter {
  readonly status?: JobStatus;
  readonly repo?: string;
  readonly userId?: string;
  readonly sessionId?: string;
  /** The pull request that it opened or brought up to date, by its address; capitals are not told apart. */
  readonly pullUrl?: string;
  /** The issue or pull request that it was asked for on, as `owner/name#12`; capitals are not told apart. */
  readonly about?: string;
  /** Runs of the pipeline of this id. */
  readonly pipelineId?: string;
  /** Who was to edit, by name. */
  readonly agent?: string;
  /** Only those created from then on, and only those created before (RFC 3339). */
  readonly since?: string;
  readonly until?: string;
  /** Only runs of pipelines, or only what is none. */
  readonly isRun?: boolean;
  /** Only steps of runs, or only what is none. */
  readonly isStep?: boolean;
  /** The steps of a run, by the id of its job. */
  readonly stepsOf?: string;
  /** Words that are each in the job's id, repository, branch, pull request or task; `disc*` is what one begins with. */
  readonly search?: string;
  /** Cursor: only jobs created before this job id's. */
  readonly before?: string;
  readonly limit: number;
}

/** A job as it stands, and the number of its last change. */
export interface JobChange {
  /** Grows with every change of any job, the accepting of one among them; a job has the number of its last. */
  readonly change: number;
  readonly job: Job;
}

/** Jobs that changed. */
export interface JobChanges {
  /** Each once, in the order of its last change. */
  readonly changes: readonly JobChange[];
  /** The number of the last change of all, read before them; 0 where there is none. */
  readonly last: number;
}

/** Which sessions to list: those with the latest job first. */
export interface SessionFilter {
  /** Cursor: only sessions whose latest job was created before this job. */
  readonly before?: string;
  readonly limit: number;
}

/** Which deliveries to claim: those that are due by `now`, the longest due first. */
export interface DeliveryClaims {
  readonly now: Date;
  readonly limit: number;
  /** How long nobody else may send them. */
  readonly leaseMs: number;
  /** Only those of this job. */
  readonly jobId?: string;
}

/** A figure of all jobs and their deliveries: `of` is a status, an outcome, a phase or a verdict, as `series` says. */
export interface Tally {
  readonly series: string;
  readonly of: string;
  readonly agent: string;
  readonly value: number;
}

/** Largest step result in bytes; diffs, logs and transcripts are references. */
export const MAX_STEP_RESULT_BYTES = 64 * 1024;

/** The store. Every method rejects with a `JobError`: `not_found`, `conflict` (lease lost), `infra_failed`. */
export interface Store {
  /**
   * Accepts a job. Durable (`full`) when it resolves; a second job with the same id is a `conflict`. Unless it works
   * for a checkout that a person stands in, it waits in the queue from then on.
   */
  createJob(job: Job, acceptance?: Acceptance): Promise<Accepted>;
  /**
   * Stores a job that ended elsewhere, with its log and its steps, whole or not at all and `full`. Nothing of it is run,
   * and nobody is told. A job with the same id is a `conflict`.
   */
  importJob(job: Job, events: readonly NewEvent[], steps: readonly StepRecord[]): Promise<void>;
  getJob(jobId: string): Promise<Job | null>;
  listJobs(filter: JobFilter): Promise<readonly Job[]>;
  /** Jobs that changed after the change of this number, at most `limit`; `null` asks for the last number alone. */
  listChanges(after: number | null, limit: number): Promise<JobChanges>;
  /** Sessions, by their jobs: a session is there as long as a job names it. */
  listSessions(filter: SessionFilter): Promise<readonly SessionView[]>;
  getSession(sessionId: string): Promise<SessionView | null>;
  /** Sums what jobs have spent, runs left out, for their steps spend: days from the newest on, anything else from the most expensive on. */
  sumUsage(filter: UsageFilter): Promise<readonly UsageSum[]>;
  /** What the jobs of a repository have cost, runs left out, the newest first: nothing else of their results is read. */
  listCosts(repo: string, limit: number): Promise<readonly PastJob[]>;
  /**
   * Changes a job under a lease and returns it. An illegal status change is refused with
   * `illegal_transition`; a change to a terminal status is `full`.
   *
   * @param delivery stored in the same transaction, once for each id; refused with any but a terminal status
   */
  updateJob(lease: Lease, patch: JobPatch, delivery?: NewDelivery): Promise<Job>;

  /** Claims a job that nobody holds, or whose lease ended before `now`; `null` when somebody holds it. */
  acquireLease(jobId: string, owner: string, leaseMs: number, now: Date): Promise<Lease | null>;
  /** The lease that is held on a job, expired or not. */
  getLease(jobId: string): Promise<Lease | null>;
  /** Extends a lease; rejects with `conflict` when somebody else has claimed the job meanwhile. */
  renewLease(lease: Lease, leaseMs: number, now: Date): Promise<Lease>;
  releaseLease(lease: Lease): Promise<void>;

  /**
   * Claims the job that is next: highest priority first, then the one accepted first, also one whose holder's lease
   * has ended. Never one of a session of which another is in work or was accepted before.
   *
   * @returns `null` when none may be taken now
   */
  claimNext(request: ClaimRequest): Promise<Claimed | null>;
  /** Every lease that is held, also one that has expired or whose job has ended, at most 10,000. */
  listHeld(): Promise<readonly Lease[]>;
  countQueue(): Promise<QueueCounts>;
  /** Asks whoever works on a job to cancel it; a job that waits can be claimed at once. Ended jobs ignore it. */
  requestCancel(jobId: string): Promise<void>;
  /** Jobs that are to be cancelled and have not ended, at most 10,000. */
  listCancelling(): Promise<readonly string[]>;
  /** Stops claiming by every process, or lets it go on. */
  setPaused(paused: boolean): Promise<void>;
  isPaused(): Promise<boolean>;
  /**
   * Takes the turn of something that one process does at a time.
   *
   * @param name of what is done
   * @param forMs milliseconds from `now` on in which nobody else gets it
   * @returns whether it was to be had; a turn that ends later than one could last from `now` on, by a clock that was set
   *   back, counts for nothing
   */
  takeTurn(name: string, forMs: number, now: Date): Promise<boolean>;

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
  /** How many messages of a job nobody has taken. */
  countMessages(jobId: string): Promise<number>;

  /**
   * Forgets events, steps, messages and finished deliveries of jobs that ended before `finishedBefore` (RFC 3339), oldest first; the jobs
   * and their results stay. `dryRun` changes nothing.
   *
   * @returns their ids, at most `limit`: fewer when no more are left
   */
  trimJobs(finishedBefore: string, limit: number, dryRun: boolean): Promise<readonly string[]>;

  /** Claims deliveries that are due and that nobody has claimed, so that each try is sent by one process. */
  claimDeliveries(claims: DeliveryClaims): Promise<readonly DeliveryClaim[]>;
  /**
   * Stores a try and what follows it, and appends a `delivery` event to the job's log, in one transaction (`full`).
   * Rejects with `conflict` when the claim has passed to somebody else.
   */
  recordDeliveryTry(
    claim: DeliveryClaim,
    tried: Omit<DeliveryTry, 'number'>,
    after: AfterTry,
  ): Promise<Delivery>;
  /** Every delivery of a job, oldest first. */
  listDeliveries(jobId: string): Promise<readonly Delivery[]>;
  /**
   * Makes a delivery due now, with the schedule from its start, however it stands. Rejects with `conflict` while it is
   * being sent.
   */
  redeliver(deliveryId: string, now: Date): Promise<Delivery>;

  /**
   * Stores what happened on a forge, durably (`full`), for somebody to decide on. An event whose key is there is passed
   * over; of a delivery that came before, all are.
   *
   * @returns how many are new; `null` for a delivery that came before
   * @throws JobError `infra_failed` when too many wait
   */
  addTriggers(events: readonly ForgeEvent[], arrival: TriggerArrival): Promise<number | null>;
  /**
   * Claims the repository whose events have waited longest, for `leaseMs`, with its events that are due or wait for a
   * job; `null` where none is due, or others have claimed those that are.
   */
  claimTriggers(claims: {
    readonly now: Date;
    readonly leaseMs: number;
    readonly limit: number;
  }): Promise<TriggerClaim | null>;
  /** Stores what was decided, and goes on with the claim. Rejects with `conflict` when it has passed to somebody else. */
  settleTriggers(settling: Settling): Promise<void>;
  /** Ends a claim; one that has passed to somebody else stays theirs. */
  releaseTriggers(claim: Pick<TriggerClaim, 'repo' | 'token'>): Promise<void>;
  listTriggers(filter: TriggerFilter): Promise<readonly Trigger[]>;
  /** Forgets decided events and deliveries that came before (RFC 3339), at most 10,000 of each. @returns how many events */
  trimTriggers(receivedBefore: string): Promise<number>;
  /**
   * Begins a look at a repository, unless one was begun within `everyMs`.
   *
   * @returns until when it was looked at (RFC 3339; `null` for never), or `null` where no look is due
   */
  beginLook(repo: string, now: Date, everyMs: number): Promise<{ readonly seenUntil: string | null } | null>;
  /** Notes that all that happened in a repository until then was stored. */
  noteLook(repo: string, seenUntil: string): Promise<void>;

  /** Stores a key, unless `onlyFirst` is asked for and there is one already. @returns whether it was stored */
  createKey(key: ApiKey, options?: { readonly onlyFirst?: boolean }): Promise<boolean>;
  /** A key by its id, revoked or not. */
  getKey(keyId: string): Promise<ApiKey | null>;
  /** Every key, the oldest first. */
  listKeys(): Promise<readonly ApiKey[]>;
  /** Takes a key's right away, for good; once more changes nothing. */
  revokeKey(keyId: string, time: string): Promise<ApiKey>;
  /** Writes down what somebody did; the last 100,000 entries are kept. */
  addAudit(entry: AuditEntry): Promise<void>;
  /** What was done, newest first: entries with a number below `before`. */
  listAudit(
    before: number | null,
    limit: number,
    filter?: AuditFilter,
  ): Promise<readonly NumberedAuditEntry[]>;

  /**
   * Keeps a pipeline. Its name is its own: one that is taken is a `conflict`, unless it is to be replaced, and then the id
   * stays, and who made it when. Replaced is the pipeline of that id, under a new name where it has one, else the one of
   * that name.
   */
  putPipeline(pipeline: StoredPipeline, options?: { readonly replace?: boolean }): Promise<StoredPipeline>;
  /** A pipeline by its id or its name. */
  getPipeline(idOrName: string): Promise<StoredPipeline | null>;
  /** Pipelines, the newest first; `before` is an id. */
  listPipelines(filter: {
    readonly before?: string;
    readonly limit: number;
  }): Promise<readonly StoredPipeline[]>;
  /** Forgets a pipeline; its runs have their own copy. @returns whether it was there */
  deletePipeline(pipelineId: string): Promise<boolean>;
  /**
   * Stores what somebody said to a step of a run that asks (`full`), and wakes the run where it is parked. The first word
   * counts: the same once more, by anybody, changes nothing, another is a `conflict`; so is a run that has ended.
   *
   * A run that parks with a decision that came after it was last set from `needs_input` to `running` is ready at once, so that
   * none is lost; one that it could have seen wakes it no more, whether it was asked for or not. So whoever goes on with a
   * run sets it to `running` first, looks at each approval that is open after that, and sets `needs_input` last.
   *
   * @returns the decision that holds
   */
  decideApproval(runJobId: string, step: string, decision: ApprovalDecision): Promise<ApprovalDecision>;
  /** What was decided about a step of a run; anybody may look. @throws JobError `not_found` */
  getApproval(runJobId: string, step: string): Promise<ApprovalDecision | null>;
  /** Figures of all jobs, in order; those that are nothing are left out. */
  readTallies(): Promise<readonly Tally[]>;
  /** Writes something, to see whether it can be. @throws JobError `infra_failed` */
  probe(): Promise<void>;

  getBaseline(key: string): Promise<unknown>;
  putBaseline(key: string, value: unknown): Promise<void>;

  close(): Promise<void>;
}
