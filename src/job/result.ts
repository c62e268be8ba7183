/** The result of a job, derived from what happened and nothing else. */
import type { ErrorInfo } from './error.ts';
import type { GateReport, GateVerdict, TamperFinding } from './gate.ts';
import type { Job } from './job.ts';
import { isDebugging } from './decide.ts';
import type { CostEstimate } from './model/estimate.ts';
import type { Subtask } from './phases/plan.ts';
import { allOutputs } from './pipeline/output/given.ts';
import type { Output, RunSummary, StepEnd } from './pipeline/run.ts';
import { runSummary, runText } from './pipeline/summary.ts';
import { spentBy } from './spent.ts';
import { durationMs, type Ending, type Entry, type Phase, type Saved, type StepResult } from './step.ts';
import { OUTCOMES, type JobStatus, type Outcome } from './status.ts';

/** What `run --json` prints and `/api/jobs/{id}/result` returns. */
export interface JobResult {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly outcome: Outcome | null;
  readonly repo: string;
  readonly task: string;
  readonly base: string | null;
  readonly base_sha: string | null;
  /** The branch that was proposed; `null` where none was made. */
  readonly branch: string | null;
  readonly head_sha: string | null;
  readonly draft: boolean;
  readonly labels: readonly string[];
  readonly pr_url: string | null;
  readonly patch_path: string | null;
  readonly push_command: string | null;
  readonly wip_ref: string | null;
  readonly gate: { readonly verdict: GateVerdict | null; readonly runs: readonly GateReport[] };
  readonly tamper: readonly TamperFinding[];
  /** Turns in which the agent built. */
  readonly iterations: number;
  /** Turns of the agent in all, as it counts them: explore and plan are among them. */
  readonly turns: number;
  /** The pieces the task was built in; empty where it was not planned. */
  readonly subtasks: readonly Subtask[];
  readonly attempts: number;
  readonly tests_passed: boolean;
  readonly debug_mode: boolean;
  readonly resumed_from_checkpoint: boolean;
  readonly exploration_report_generated: boolean;
  readonly agent: string;
  readonly model: string | null;
  /** What was told of the cost before the job began; `null` where no model was asked. */
  readonly estimate: CostEstimate | null;
  readonly total_cost: number | null;
  readonly total_tokens_in: number | null;
  readonly total_tokens_out: number | null;
  readonly phases: readonly {
    readonly name: Phase;
    readonly started_at: string;
    readonly duration_ms: number;
  }[];
  readonly notices: readonly string[];
  readonly summary: string;
  readonly question: string | null;
  readonly upstream_repo: string | null;
  readonly fork_repo: string | null;
  readonly session_id: string | null;
  readonly user_id: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string;
  readonly error: ErrorInfo | null;
  /** The outputs of a step of a pipeline; absent for other jobs. */
  readonly output?: Output;
  /** What became of the steps of a pipeline's run; absent for other jobs. */
  readonly run?: RunSummary;
}

// What finds style, types and builds wrong runs no tests; `other` may.
const NO_TESTS: ReadonlySet<string> = new Set(['format', 'lint', 'types', 'build']);

/** Whether the tests passed on head: a green gate may hold some that fail on the base too. */
function testsPassed(report: GateReport): boolean {
  const isRed = report.checks.some((check) => check.verdict === 'pre_existing' && !NO_TESTS.has(check.kind));
  return report.verdict === 'green' && !isRed;
}

/** Says which checks are red on the base as well, so that nobody takes a green gate for green checks. */
export function redBaseNotices(report: GateReport): readonly string[] {
  const red = report.checks.filter((check) => check.verdict === 'pre_existing').map((check) => check.name);
  if (red.length === 0) return [];
  return [`red on the base already, with nothing new: ${red.join(', ')}`];
}

/** Says that the agent worked without a report or a plan of its own, though it should have had one. */
function lookNotices(entry: Entry): readonly string[] {
  if (entry.step !== 'explore' && entry.step !== 'plan') return [];
  if (!entry.result.ok)
    return [`${entry.step} failed, and the job went on without: ${entry.result.error.message}`];
  if (entry.step !== 'plan' || entry.result.problem === null) return [];
  return [`the plan was not followed, and the task was built as one: ${entry.result.problem}`];
}

/** The steps that people see as phases, with their times. */
function phasesOf(history: readonly Entry[]): JobResult['phases'] {
  return history.flatMap(({ step, result }) =>
    step === 'message' || step === 'rebase'
      ? []
      : [{ name: step, started_at: result.started_at, duration_ms: durationMs(result) }],
  );
}

/** Says on which base a change was judged where that moved meanwhile. */
function baseNotices(history: readonly Entry[]): readonly string[] {
  return history.flatMap((e) => {
    if (e.step !== 'rebase' || !e.result.ok || e.result.onto === null) return [];
    const to = e.result.onto.slice(0, 12);
    return e.result.fits
      ? [`the base moved to ${to} while the agent worked: the change was carried over and judged again`]
      : [
          `the base moved to ${to} while the agent worked, and the change does not fit it: it is proposed on the base it was judged on`,
        ];
  });
}

/** Why a job ended; where its work could not be saved either, that and the place where it lies come with it. */
function errorOf(ending: ErrorInfo | null, saved: StepResult<Saved>): ErrorInfo | null {
  if (saved.ok) return ending;
  if (ending === null) return saved.error;
  return {
    ...ending,
    message: `${ending.message}; ${saved.error.message}`,
    hint: saved.error.hint ?? ending.hint,
  };
}

/**
 * What only runs of pipelines have in their result. A run has no agent of its own: what its steps have spent is counted
 * with their jobs, and itself it spends nothing.
 */
function runFields(job: Job, { outcome }: Ending, ends: readonly StepEnd[]): Partial<JobResult> {
  const run = runSummary(job, outcome, ends);
  if (run === null) return {};
  return { run, summary: runText(run, ends), total_cost: 0, total_tokens_in: 0, total_tokens_out: 0 };
}

/** The outputs of a step: what its agent gave, and what every step has, which no agent can say otherwise. */
function outputOf(job: Job, history: readonly Entry[], result: JobResult): Partial<JobResult> {
  if (job.request.step === undefined) return {};
  const built = history.flatMap((e) => (e.step === 'build' && e.result.ok ? [e.result] : [])).at(-1);
  const proposed = history.flatMap((e) => (e.step === 'propose' && e.result.ok ? [e.result] : [])).at(-1);
  const { summary, outcome, branch, head_sha, tests_passed } = result;
  const files = proposed?.files ?? [];
  const known = { summary, outcome, branch, head_sha, files, tests_passed };
  return { output: allOutputs(built?.output ?? {}, known) };
}

/**
 * Builds the result of a job from its history, its ending and where its work was saved.
 *
 * @param ends how the steps of a run ended; empty for all other jobs
 */
export function toResult(
  job: Job,
  history: readonly Entry[],
  ending: Ending,
  saved: StepResult<Saved>,
  ends: readonly StepEnd[] = [],
): JobResult {
  const result = { ...plainResult(job, history, ending, saved), ...runFields(job, ending, ends) };
  return { ...result, ...outputOf(job, history, result) };
}

function plainResult(
  job: Job,
  history: readonly Entry[],
  ending: Ending,
  saved: StepResult<Saved>,
): JobResult {
  const prepared = history.flatMap((e) => (e.step === 'prepare' && e.result.ok ? [e.result] : [])).at(-1);
  const explored = history.flatMap((e) => (e.step === 'explore' && e.result.ok ? [e.result] : [])).at(-1);
  const planned = history.flatMap((e) => (e.step === 'plan' && e.result.ok ? [e.result] : [])).at(-1);
  const built = history.flatMap((e) => (e.step === 'build' && e.result.ok ? [e.result] : [])).at(-1);
  const proposed = history.flatMap((e) => (e.step === 'propose' && e.result.ok ? [e.result] : [])).at(-1);
  const runs = history.flatMap((e) => (e.step === 'verify' && e.result.ok ? [e.result] : []));
  const verified = runs.at(-1);
  const proposal = history.findLast((e) => e.step === 'propose');
  const spent = spentBy(history);
  return {
    job_id: job.job_id,
    status: OUTCOMES[ending.outcome].status,
    outcome: ending.outcome,
    repo: job.request.repo,
    task: job.request.task,
    base: prepared?.base ?? job.request.base,
    base_sha: prepared?.base_sha ?? null,
    branch: proposed === undefined ? null : job.branch,
    head_sha: proposed?.head_sha ?? verified?.head_sha ?? null,
    draft: proposed !== undefined && (proposal?.input.draft ?? false),
    labels: proposed === undefined ? [] : (proposal?.input.labels ?? []),
    pr_url: proposed?.pr_url ?? null,
    patch_path: proposed?.patch_path ?? null,
    push_command: proposed?.push_command ?? null,
    wip_ref: saved.ok ? saved.wip_ref : null,
    gate: { verdict: verified?.report.verdict ?? null, runs: runs.map((run) => run.report) },
    tamper: verified?.report.tamper ?? [],
    iterations: history.filter((e) => e.step === 'build').length,
    turns: spent.turns,
    subtasks: planned?.subtasks ?? [],
    attempts: job.attempt,
    tests_passed: verified !== undefined && testsPassed(verified.report),
    debug_mode: isDebugging(history),
    resumed_from_checkpoint: false,
    exploration_report_generated: explored !== undefined && explored.report !== '',
    agent: job.request.agent,
    model: job.request.model,
    estimate: prepared?.estimate ?? null,
    total_cost: spent.cost_usd,
    total_tokens_in: spent.tokens_in,
    total_tokens_out: spent.tokens_out,
    phases: phasesOf(history),
    notices: [
      ...(prepared?.notices ?? []),
      ...history.flatMap(lookNotices),
      ...baseNotices(history),
      ...(built?.output_problem == null ? [] : [built.output_problem]),
      ...(proposed?.notices ?? []),
      ...(verified === undefined ? [] : redBaseNotices(verified.report)),
    ],
    summary: built?.summary ?? '',
    question: null,
    upstream_repo: prepared?.upstream_repo ?? null,
    fork_repo: prepared?.fork_repo ?? null,
    session_id: built?.session_id ?? null,
    user_id: job.request.user_id,
    created_at: job.created_at,
    started_at: job.started_at,
    finished_at: saved.ended_at,
    error: errorOf(ending.error, saved),
  };
}
