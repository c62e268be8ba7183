/** The job as it is stored: what was asked, where it stands, what came out, and its append-only log. */
import type { JobRequest } from './request.ts';
import type { JobResult } from './result.ts';
import type { JobStatus, Outcome } from './status.ts';
import type { Phase } from './step.ts';

/**
 * Version of the procedure. A stored job of another version starts again from its last saved tree; nothing
 * is replayed over other code. Raise it whenever `decide.ts` or `procedure.ts` decides differently.
 */
export const PROCEDURE_VERSION = 3;

const JOB_ID = /^job-[0-9a-f]{12}$/;

/**
 * The job that a session began with by its name: every job is the first of a session that bears its id.
 *
 * @returns that job's id; `null` for a session that people named
 */
export function firstOf(sessionId: string): string | null {
  return JOB_ID.test(sessionId) ? sessionId : null;
}

/** The session that a job belongs to: the one it names, else the one that bears its own id. */
export function sessionOf({ job_id: jobId, request }: Pick<Job, 'job_id' | 'request'>): string {
  return request.session_id ?? jobId;
}

/** One task on one repository, ending in exactly one outcome. */
export interface Job {
  readonly job_id: string;
  readonly request: JobRequest;
  readonly status: JobStatus;
  readonly outcome: Outcome | null;
  readonly procedure_version: number;
  /** How often an infrastructure failure made the job try again, plus one. */
  readonly attempt: number;
  readonly branch: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  /** The question a person must answer while the status is `needs_input`. */
  readonly question: string | null;
  readonly result: JobResult | null;
}

/** What a store may change of a job; the rest is fixed when it is accepted. */
export type JobPatch = Partial<
  Pick<Job, 'status' | 'outcome' | 'attempt' | 'started_at' | 'finished_at' | 'question' | 'result'>
>;

/** Types of the log's entries: the one cursor for CLI, SSE, WebSocket and MCP. */
export const EVENT_TYPES = [
  'status',
  'phase',
  'message',
  'tool_call',
  'plan',
  'usage',
  'gate',
  'sandbox',
  'log',
  'delivery',
  'error',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** An event before it has a number. `data` is plain JSON. */
export interface NewEvent {
  readonly type: EventType;
  readonly phase: Phase | null;
  readonly attempt: number;
  /** RFC 3339 UTC. */
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An entry of the log; `seq` starts at 1 and has no gaps. */
export interface JobEvent extends NewEvent {
  readonly seq: number;
  readonly job_id: string;
}
