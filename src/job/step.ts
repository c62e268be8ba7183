/** The steps a job is made of: what goes in, what comes out. Everything here is plain JSON. */
import type { ErrorInfo } from './error.ts';
import type { GateReport, TamperFinding } from './gate.ts';
import type { CostEstimate } from './model/estimate.ts';
import type { PhaseChoice } from './phases/choose.ts';
import type { Plan } from './phases/plan.ts';
import type { Owed } from './pipeline/output/given.ts';
import type { Output, StepEnd } from './pipeline/run.ts';
import type { Policy } from './request.ts';
import type { JobResult } from './result.ts';
import type { Outcome } from './status.ts';

/** Phases as people see them; every step belongs to one. */
export const PHASES = ['prepare', 'explore', 'plan', 'build', 'verify', 'propose', 'notify'] as const;
export type Phase = (typeof PHASES)[number];

/** What an agent spent. Money and tokens are `null` when nobody counted them, never 0 for "unknown". */
export interface Usage {
  readonly cost_usd: number | null;
  readonly tokens_in: number | null;
  readonly tokens_out: number | null;
  readonly turns: number;
}

/** When a step ran and what it spent: the only clock the procedure knows. Times are RFC 3339 UTC. */
export interface StepTimes {
  readonly started_at: string;
  readonly ended_at: string;
  readonly usage: Usage | null;
}

/** A step ends in plain JSON. A throw means cancelled or infrastructure, nothing else. */
export type StepResult<T> = StepTimes &
  (({ readonly ok: true } & T) | { readonly ok: false; readonly error: ErrorInfo });

/** The working copy is ready. `policy` and `max_gate_runs` are resolved from request, repository and defaults. */
export interface Prepared {
  readonly base: string;
  readonly base_sha: string;
  readonly branch: string;
  /** `owner/name` on a forge, and of the fork that gets the branch; absent where there is none. */
  readonly upstream_repo?: string | null;
  readonly fork_repo?: string | null;
  readonly policy: Policy;
  readonly max_gate_runs: number;
  /** Whether the job is explored and planned before it is built; absent: it is not. */
  readonly phases?: PhaseChoice;
  /** What earlier jobs say of its cost; absent or `null` where no model is asked. */
  readonly estimate?: CostEstimate | null;
  /** Facts a person should know: uncommitted changes stay out, no isolation, open network, … */
  readonly notices: readonly string[];
}

/** Phases in which an agent works. In the first two its workspace is read-only. */
export type AgentPhase = Extract<Phase, 'explore' | 'plan' | 'build'>;

/** A turn that only looks. */
export interface LookInput {
  /** Milliseconds the agent may still work. */
  readonly timeout_ms: number;
}

/** What the agent found out before anything is changed. Its words are data. */
export interface Explored {
  readonly report: string;
}

/** How the task is cut into pieces. */
export type Planned = Plan;

/** Why the agent is prompted. */
export type Turn =
  | { readonly kind: 'task' }
  /** One piece of the plan: `number` of `of`, from 1. */
  | {
      readonly kind: 'subtask';
      readonly number: number;
      readonly of: number;
      readonly name: string;
      readonly task: string;
      readonly files: readonly string[];
    }
  | { readonly kind: 'answer'; readonly question: string; readonly answer: string }
  | {
      readonly kind: 'fix';
      readonly debug: boolean;
      readonly gate_run: number;
      readonly error_history: readonly string[];
    }
  | { readonly kind: 'tamper'; readonly findings: readonly TamperFinding[] }
  /** What the step of a pipeline owes: promised outputs, conflicts that still stand in files. */
  | { readonly kind: 'owed'; readonly owed: readonly Owed[] };

/** How full an agent's session is. */
export interface SessionFill {
  /** Tokens that it holds, and can hold; `null`: as many as its model reads. */
  readonly used: number;
  readonly size: number | null;
  /** The agent's own command that shortens its history, without a slash; absent: it has none. */
  readonly compact?: string;
}

export interface BuildInput {
  readonly turn: Turn;
  /** Milliseconds the agent may still work. */
  readonly timeout_ms: number;
}

/** The agent ended its turn. Its words are claims; `tree` is what it left behind. */
export interface Built {
  readonly tree: string;
  /** Whether `tree` differs from what the job began with: base's, or its session's. */
  readonly changed: boolean;
  readonly summary: string;
  /** Set when the agent can't go on without an answer. */
  readonly question: string | null;
  readonly session_id: string | null;
  /** How full the agent's session is, where that is known. */
  readonly context?: SessionFill;
  /** The outputs that the agent has given so far, for a step of a pipeline, and what of them could not be read. */
  readonly output?: Output;
  readonly output_problem?: string | null;
  /** What the step still owes; absent or empty: nothing. */
  readonly owed?: readonly Owed[];
}

/** The gate's report and the failure, in full for people and normalised for comparing. */
export interface Verified {
  readonly report: GateReport;
  readonly head_sha: string;
  /** The new failures as one text; empty unless it counts as red (in place inconclusive and none do too). */
  readonly failure: string;
  /** Whether a person left a message that the agent has not been given; absent is no. */
  readonly message_waits?: boolean;
}

export interface ProposeInput {
  readonly draft: boolean;
  readonly labels: readonly string[];
  /** What the agent has spent until then; absent in jobs of older versions. */
  readonly spent?: Usage & { readonly agent_ms: number };
  /** What became of the steps, for the run of a pipeline. */
  readonly steps?: readonly ProposedStep[];
}

/** A step as the proposal of its run tells of it. */
export type ProposedStep = Pick<StepEnd, 'name' | 'job_id' | 'status' | 'outcome'> & {
  /** What its agent said it did; else why it failed or was skipped. */
  readonly summary: string;
};

/** The change is out: a pull request, or a branch and a patch. */
export interface Proposed {
  readonly outcome: 'pr_opened' | 'pr_updated' | 'proposed';
  readonly head_sha: string;
  readonly pr_url: string | null;
  readonly patch_path: string | null;
  /** The command that publishes the branch, where the runner may not. */
  readonly push_command: string | null;
  /** What a person should know of where the change is now. */
  readonly notices?: readonly string[];
  /** Paths that differ from the base, bounded, for a step of a pipeline; absent for other jobs. */
  readonly files?: readonly string[];
}

/** Where the base is after the change was judged. */
export interface Rebased {
  readonly moved: boolean;
  /** The commit that its branch is at now; `null` where it did not move. */
  readonly onto: string | null;
  /** Whether the change can be carried over to that commit, and then has to be judged there. */
  readonly fits: boolean;
}

export interface Answered {
  readonly answer: string;
}

/** Where the work is kept, whatever happened. */
export interface Saved {
  readonly wip_ref: string | null;
}

/**
 * One way to make the story durable. `do` steps have side effects, `message` waits; `save` and `notify`
 * belong to the engine, run on every path and can't be cancelled.
 */
export interface Steps {
  prepare(): Promise<StepResult<Prepared>>;
  explore(input: LookInput): Promise<StepResult<Explored>>;
  plan(input: LookInput): Promise<StepResult<Planned>>;
  build(input: BuildInput): Promise<StepResult<Built>>;
  message(input: { readonly question: string }): Promise<StepResult<Answered>>;
  verify(): Promise<StepResult<Verified>>;
  /** Looks whether the base moved. Where the change fits the new one, the next `prepare` is of that. */
  rebase(): Promise<StepResult<Rebased>>;
  propose(input: ProposeInput): Promise<StepResult<Proposed>>;
  save(input: { readonly outcome: Outcome }): Promise<StepResult<Saved>>;
  notify(result: JobResult): Promise<void>;
}

/** What has happened so far, in order: the only thing that decisions look at. */
export type Entry =
  | { readonly step: 'prepare'; readonly result: StepResult<Prepared> }
  | { readonly step: 'explore'; readonly input: LookInput; readonly result: StepResult<Explored> }
  | { readonly step: 'plan'; readonly input: LookInput; readonly result: StepResult<Planned> }
  | { readonly step: 'build'; readonly input: BuildInput; readonly result: StepResult<Built> }
  | { readonly step: 'message'; readonly question: string; readonly result: StepResult<Answered> }
  | { readonly step: 'verify'; readonly result: StepResult<Verified> }
  | { readonly step: 'rebase'; readonly result: StepResult<Rebased> }
  | { readonly step: 'propose'; readonly input: ProposeInput; readonly result: StepResult<Proposed> };

/** How the story ends. */
export interface Ending {
  readonly outcome: Outcome;
  readonly error: ErrorInfo | null;
}

/** Milliseconds between two RFC 3339 times. */
export function durationMs(times: { readonly started_at: string; readonly ended_at: string }): number {
  return Math.max(0, Date.parse(times.ended_at) - Date.parse(times.started_at));
}
