/**
 * Port: WHERE JOBS ARE ASKED FOR. What a person, a program or a command may do with jobs, the same whether they are
 * kept in a home folder of this machine (`local.ts`) or behind the URL of a server (`remote.ts`).
 */
import type { Delivery } from '../job/delivery/delivery.ts';
import type { JobEvent } from '../job/job.ts';
import type { UsageKey, UsageSum } from '../job/model/usage.ts';
import type { JobResult } from '../job/result.ts';
import type { JobStatus } from '../job/status.ts';
import type { TraceView } from '../job/trace/span.ts';
import type { TriggerState, TriggerView } from '../job/trigger/record.ts';
import type { SessionDetail, SessionView } from '../job/view/session.ts';
import type { AcceptedView, JobView, StepView } from '../job/view/view.ts';
import type { JobRequest } from './generated/types.ts';
import type { PipelineClient } from './pipelines/pipelines.ts';

/** What a job is asked by, in the words of the API; each thing has one name here. */
export type AskedJob = Omit<
  JobRequest,
  'repo' | 'task' | 'repo_url' | 'upstream_repo' | 'prompt' | 'instruction' | 'provider'
> & {
  /** May be left out with an issue. */
  readonly repo?: string;
  readonly task?: string;
};

/** Which jobs are listed, newest first. */
export interface ListFilter {
  readonly limit: number;
  readonly status?: JobStatus;
  readonly repo?: string;
  readonly sessionId?: string;
  readonly userId?: string;
  /** Words of the task, the repository, the branch, the id or the pull request; `disc*` is what one begins with. */
  readonly search?: string;
  /** Id of the job that the list goes on behind. */
  readonly before?: string;
}

/** A result, and the repository on this machine that holds saved work; `null` where that is elsewhere. */
export interface EndedJob {
  readonly result: JobResult;
  readonly savedIn: string | null;
}

/** Sums of what jobs have spent. */
export interface UsageReport {
  readonly rows: readonly UsageSum[];
  readonly total: UsageSum | null;
}

/** Jobs, wherever they are kept. Every method rejects with a `JobError`. */
export interface JobClient {
  /** The server's URL; `null` for a home folder of this machine. */
  readonly url: string | null;
  /**
   * Accepts a request into the queue; it is durable when this resolves.
   *
   * @param key accepted once under this key, within 24 hours
   */
  submit(asked: AskedJob, key?: string): Promise<AcceptedView>;
  job(jobId: string): Promise<JobView>;
  list(filter: ListFilter): Promise<readonly JobView[]>;
  /** Sessions, those with the latest job first. */
  sessions(limit: number): Promise<readonly SessionView[]>;
  /** A session with its newest jobs. */
  session(sessionId: string, limit: number): Promise<SessionDetail>;
  /** @throws JobError `conflict` while it has not ended */
  result(jobId: string): Promise<EndedJob>;
  steps(jobId: string): Promise<readonly StepView[]>;
  /** What took how long in it. */
  trace(jobId: string): Promise<TraceView>;
  /** At most `limit` events after a number, in order. */
  events(jobId: string, after: number, limit: number): Promise<readonly JobEvent[]>;
  /**
   * The events after a number, in order, each once, until the job has ended and all was given, or `signal` is aborted.
   * Over a connection that breaks it goes on where it was.
   */
  follow(
    jobId: string,
    options: { readonly after: number; readonly signal: AbortSignal },
  ): AsyncGenerator<readonly JobEvent[], void, undefined>;
  /** The unified diff of its latest state. */
  diff(jobId: string): Promise<string>;
  /** @returns the job, ended or about to */
  cancel(jobId: string): Promise<JobView>;
  /** @returns the new job; asked twice under one key within 24 hours it is one */
  retry(jobId: string, key?: string): Promise<AcceptedView>;
  message(jobId: string, text: string): Promise<JobView>;
  deliveries(jobId: string): Promise<readonly Delivery[]>;
  /** Tries every callback of a job again, now. */
  redeliver(jobId: string): Promise<readonly Delivery[]>;
  usage(filter: {
    readonly by: UsageKey;
    readonly since: string | null;
    readonly limit: number;
  }): Promise<UsageReport>;
  /** What happened on the forge and what was decided, newest first. */
  triggers(filter: {
    readonly limit: number;
    /** `owner/name`; capitals are not told apart. */
    readonly repo?: string;
    readonly state?: TriggerState;
  }): Promise<readonly TriggerView[]>;
  readonly pipelines: PipelineClient;
  close(): Promise<void>;
}
