/**
 * One execution of a pipeline. A run is a job: it has a working copy, a log, a lease, a branch and a pull request of its
 * own, and instead of prompting an agent it starts jobs, its steps, and brings their work together.
 */
import type { ErrorInfo } from '../error.ts';
import { JOB_STATUSES, type Outcome } from '../status.ts';
import type { Saved, StepResult, Steps, Usage } from '../step.ts';
import type { OutputPromise, Pipeline } from './definition.ts';

/** A run's id is its job's with another name in front: `run-0123456789ab` is `job-0123456789ab`. */
const RUN_ID = /^run-([0-9a-f]{12})$/;

/** The run that a job is. */
export function runIdOf(jobId: string): string {
  return jobId.replace(/^job-/, 'run-');
}

/** Whether this is the id of a run as such, and not that of its job. */
export function isRunId(id: string): boolean {
  return RUN_ID.test(id);
}

/** The job of a run, by either of its names; `null` for what is the id of neither. */
export function jobOfRun(id: string): string | null {
  const [, digits] = RUN_ID.exec(id) ?? /^job-([0-9a-f]{12})$/.exec(id) ?? [];
  return digits === undefined ? null : `job-${digits}`;
}

/** Statuses of a run: those of jobs, and that of one whose `on_failure: continue` steps failed. */
export const RUN_STATUSES = [...JOB_STATUSES, 'completed_with_failures'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** Statuses of a step: those of jobs, and that of one that was never begun. */
export const STEP_STATUSES = [...JOB_STATUSES, 'skipped'] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

/** In the request of a run's job. */
export interface RunRequest {
  /** `null` for one that came with its definition. */
  readonly pipeline_id: string | null;
  readonly definition: Pipeline;
  /** The job of the run before, whose successful steps are not run again; `null` for a first run. */
  readonly retries: string | null;
  /** Where that run began: its branch and commit; absent or `null`: at the base of the request as it stands. */
  readonly start?: { readonly base: string; readonly base_sha: string } | null;
}

/** In the request of a job that is a step of a run. */
export interface StepRequest {
  /** Job id of the run. */
  readonly run: string;
  readonly pipeline: string;
  /** The step's name. */
  readonly name: string;
  /** `resolve`: an agent solves a conflict that the step's work, or what it begins with, is part of. */
  readonly kind: 'step' | 'resolve';
  /** The branch that the run's pull request is for, and the commit that this job begins with and is judged against. */
  readonly base: string;
  readonly base_sha: string;
  /** The commit that the run began with: what stands there sets the rules, and not what agents of earlier steps wrote. */
  readonly origin_sha: string;
  /** Files that hold conflict markers when the job begins, for `resolve`; else empty. */
  readonly conflicts: readonly string[];
  /** For `resolve`: the commit with the markers, whose files are laid over the base's. */
  readonly start: string | null;
  readonly outputs: Readonly<Record<string, OutputPromise>> | null;
}

/** Values of outputs: plain JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Output = Readonly<Record<string, Json>>;

/** How the job of a step ended, as far as the run looks at it. */
export interface ChildEnd {
  readonly job_id: string;
  readonly outcome: Outcome;
  /** The commit it was judged against, and its work; the same, or `null`, where it changed nothing. */
  readonly base_sha: string | null;
  readonly head_sha: string | null;
  /** The defaults (`summary, outcome, branch, head_sha, files, tests_passed`) and those that the agent gave. */
  readonly output: Output;
  readonly spent: Usage & { readonly agent_ms: number };
  readonly error: ErrorInfo | null;
}

/** How a step ended, and why it did not begin. */
export interface StepEnd {
  readonly name: string;
  /** `null` where no job was started for it. */
  readonly job_id: string | null;
  readonly status: 'completed' | 'failed' | 'cancelled' | 'skipped';
  readonly outcome: Outcome | null;
  readonly output: Output;
  /** The commit it began with; `null` where it did not begin. */
  readonly base_sha: string | null;
  /** Its work, where it was successful; `null` where it changed nothing. */
  readonly head_sha: string | null;
  readonly error: ErrorInfo | null;
  /** Why it was skipped. */
  readonly reason: string | null;
}

/** Asks for the job of a step. `task` has its templates filled in. */
export interface ChildInput {
  /** The step; for `resolve` the one that waits to begin, or, at the run's end, the one whose work does not fit. */
  readonly name: string;
  readonly kind: 'step' | 'resolve';
  readonly task: string;
  readonly base_sha: string;
  readonly start: string | null;
  readonly conflicts: readonly string[];
}

/** The change of one step: from what it began with to what it left. */
export interface Change {
  readonly step: string;
  readonly base_sha: string;
  readonly head_sha: string;
}

/** Work to be brought together: changes are carried over to a commit, one after another. */
export interface AssembleInput {
  /** Which step begins with it; `null` for the run's own pull request. */
  readonly for: string | null;
  readonly onto: string;
  readonly changes: readonly Change[];
}

/** What came out. */
export interface Assembled {
  /** The commit with all changes, or with those before the one that does not fit. */
  readonly commit: string;
  readonly conflict: {
    /** The change that does not fit, and its place among the changes that were asked for. */
    readonly step: string;
    readonly at: number;
    readonly paths: readonly string[];
    /** The steps whose work it does not fit with, where they can be told. */
    readonly with: readonly string[];
    /** A commit with conflict markers in those files. */
    readonly marked: string;
  } | null;
}

/** Who said what to a step that asks. */
export interface ApprovalDecision {
  readonly approved: boolean;
  readonly by: string;
  readonly comment: string | null;
  /** RFC 3339 UTC. */
  readonly time: string;
}

/** What is stored of one step of a run. */
export interface Begun {
  readonly name: string;
  /** Whether a job was begun for it, ended or not, be it to solve a conflict: then it is joined, whatever else happened. */
  readonly job: boolean;
  /** How many results of `approve`, `assemble` and `child` are stored for it. */
  readonly results: number;
}

/**
 * What a run does, beside what every job does. Each is durable under its name, so that parallel ones replay. `wait`:
 * `approve`, which parks the run where nothing else of it goes on.
 */
export interface RunSteps extends Pick<
  Steps,
  'prepare' | 'verify' | 'rebase' | 'propose' | 'save' | 'notify'
> {
  /**
   * What is stored of steps that an earlier process of this run went about; an engine that replays in order knows of
   * none. What was begun is joined, and nothing new begins before all that is stored has been heard.
   */
  begun(): Promise<readonly Begun[]>;
  /**
   * How steps ended whose ends are stored, those among them that were taken over from an earlier run: the last word where
   * the run ends before its story came to them, as one that is cancelled while it waits for a person.
   */
  ended(): Promise<readonly StepEnd[]>;
  /** A step of the run that this one tries again, where it was successful; `null` for all others. */
  before(name: string): Promise<StepEnd | null>;
  approve(input: {
    readonly step: string;
    readonly approvers: readonly string[];
    readonly message: string;
  }): Promise<StepResult<ApprovalDecision>>;
  assemble(input: AssembleInput): Promise<StepResult<Assembled>>;
  child(input: ChildInput): Promise<StepResult<ChildEnd>>;
  /** Lays what was brought together into the run's working copy, for `verify`. */
  lay(input: {
    readonly commit: string;
  }): Promise<StepResult<{ readonly tree: string; readonly changed: boolean }>>;
  /** Tells how a step stands; not durable. */
  tell(step: StepEnd | { readonly name: string; readonly status: 'running' | 'needs_input' }): void;
  save(input: { readonly outcome: Outcome }): Promise<StepResult<Saved>>;
}

/** A run as doors show it. */
export interface RunView {
  readonly run_id: string;
  readonly job_id: string;
  readonly pipeline_id: string | null;
  readonly pipeline: string;
  readonly repo: string;
  readonly status: RunStatus;
  readonly outcome: Outcome | null;
  readonly pr_url: string | null;
  readonly error: ErrorInfo | null;
  /** The run that this one tries again. */
  readonly retries: string | null;
  /** What all its steps have spent so far, in US dollars; `null` where nobody counted. */
  readonly total_cost: number | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly steps: readonly {
    readonly name: string;
    readonly job_id: string | null;
    readonly status: StepStatus;
    readonly outcome: Outcome | null;
    readonly output: Output;
    readonly error: ErrorInfo | null;
    readonly reason: string | null;
    readonly depends_on: readonly string[];
    /** Set while it waits for a person: who may approve, and what they are asked. */
    readonly approval: { readonly approvers: readonly string[]; readonly message: string } | null;
    /** Whether it asks a person before it begins, and who said what, once somebody has. */
    readonly needs_approval: boolean;
    readonly decision: ApprovalDecision | null;
    /** What its job may do: change the repository, or answer a question. */
    readonly mode: 'change' | 'ask';
    /** What its job has spent, in US dollars; `null` before it has ended, and where nobody counted. */
    readonly total_cost: number | null;
  }[];
}

/** The part of a run's result that only runs have. */
export interface RunSummary {
  readonly run_id: string;
  readonly pipeline_id: string | null;
  readonly pipeline: string;
  readonly status: RunStatus;
  readonly steps: readonly Pick<StepEnd, 'name' | 'job_id' | 'status' | 'outcome' | 'error' | 'reason'>[];
}
