/**
 * What state a job is in and how it can end. One `as const` source: types, SQL checks, exit codes and the
 * transition table all derive from the lists in this file.
 */
import { JobError } from './error.ts';

/** Every status a job can have, in the order of a normal life. */
export const JOB_STATUSES = [
  'queued',
  'forking',
  'triggered',
  'running',
  'retrying',
  'needs_input',
  'completed',
  'failed',
  'cancelled',
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];
/** The statuses by their names, for programs; `PENDING` is another name of `queued`. */
export const JobStatus = {
  PENDING: 'queued',
  QUEUED: 'queued',
  FORKING: 'forking',
  TRIGGERED: 'triggered',
  RUNNING: 'running',
  RETRYING: 'retrying',
  NEEDS_INPUT: 'needs_input',
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
} as const satisfies Record<Uppercase<JobStatus> | 'PENDING', JobStatus>;

/**
 * How a job can end: the status it ends in and the exit code of `run`. A job has exactly one of these, and
 * only once it is terminal; "completed and nothing happened" has the names `no_change` and `answered`.
 */
export const OUTCOMES = {
  pr_opened: { status: 'completed', exit_code: 0 },
  pr_updated: { status: 'completed', exit_code: 0 },
  proposed: { status: 'completed', exit_code: 0 },
  no_change: { status: 'completed', exit_code: 0 },
  answered: { status: 'completed', exit_code: 0 },
  gate_failed: { status: 'failed', exit_code: 1 },
  gave_up: { status: 'failed', exit_code: 2 },
  tampered: { status: 'failed', exit_code: 1 },
  agent_failed: { status: 'failed', exit_code: 3 },
  budget_exceeded: { status: 'failed', exit_code: 4 },
  timed_out: { status: 'failed', exit_code: 4 },
  setup_failed: { status: 'failed', exit_code: 1 },
  refused: { status: 'failed', exit_code: 7 },
  infra_failed: { status: 'failed', exit_code: 5 },
  cancelled: { status: 'cancelled', exit_code: 130 },
} as const satisfies Record<string, { status: JobStatus; exit_code: number }>;
export type Outcome = keyof typeof OUTCOMES;

/** Exit codes of the CLI that no outcome owns (sysexits.h from 64 on). */
export const EXIT_CODES = {
  needs_input: 6,
  usage: 64,
  unavailable: 69,
  no_permission: 77,
  bad_configuration: 78,
} as const;

const TERMINAL = ['completed', 'failed', 'cancelled'] as const satisfies readonly JobStatus[];

/** Which status may follow which. What is not listed is an error that names both ends. */
export const TRANSITIONS: Record<JobStatus, readonly JobStatus[]> = {
  queued: ['forking', 'triggered', 'running', ...TERMINAL],
  forking: ['triggered', 'running', 'retrying', ...TERMINAL],
  triggered: ['running', 'retrying', ...TERMINAL],
  running: ['retrying', 'needs_input', ...TERMINAL],
  retrying: ['forking', 'triggered', 'running', ...TERMINAL],
  needs_input: ['running', ...TERMINAL],
  completed: [],
  failed: [],
  cancelled: [],
};

/** Whether nothing can follow `status`. */
export function isTerminal(status: JobStatus): boolean {
  return TRANSITIONS[status].length === 0;
}

/** Whether a job may go from `from` to `to`. */
export function canTransition(from: JobStatus, to: JobStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

/** Throws `illegal_transition`, naming both ends and what is allowed, unless a job may go from `from` to `to`. */
export function assertTransition(from: JobStatus, to: JobStatus): void {
  if (canTransition(from, to)) return;
  const allowed = TRANSITIONS[from].join(', ') || 'nothing, it is terminal';
  throw new JobError('illegal_transition', `status: ${from} can't become ${to} (allowed: ${allowed})`);
}

/** `created` and `pending` are accepted as names of `queued`; anything unknown is `null`. */
export function parseStatus(text: string): JobStatus | null {
  if (text === 'created' || text === 'pending') return 'queued';
  return JOB_STATUSES.find((status) => status === text) ?? null;
}
