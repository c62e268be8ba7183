/** How a run stands and what became of it, for results and for people. */
import type { Job } from '../job.ts';
import type { ProposedStep } from '../step.ts';
import { OUTCOMES, type JobStatus, type Outcome } from '../status.ts';
import { runIdOf, type RunStatus, type RunSummary, type StepEnd } from './run.ts';

/** Most steps that a summary tells of, and longest line of it, in characters. */
const MAX_LINES = 100;
const MAX_LINE_CHARS = 200;

/** The status of a run: that of its job, unless it completed although steps failed. */
export function runStatusOf(status: JobStatus, steps: readonly { readonly status: string }[]): RunStatus {
  const isMarred = steps.some((step) => step.status === 'failed' || step.status === 'cancelled');
  return status === 'completed' && isMarred ? 'completed_with_failures' : status;
}

/** The steps of a run that ended, in the order of definition; what never came to its turn was skipped. */
function allEnds(job: Job, ends: readonly StepEnd[]): RunSummary['steps'] {
  const byName = new Map(ends.map((end) => [end.name, end]));
  return (job.request.pipeline?.definition.steps ?? []).map(({ name }) => {
    const end = byName.get(name);
    if (end === undefined)
      return {
        name,
        job_id: null,
        status: 'skipped',
        outcome: null,
        error: null,
        reason: 'the run ended before it',
      };
    const { job_id, status, outcome, error, reason } = end;
    return { name, job_id, status, outcome, error, reason };
  });
}

/** What became of a run's steps, for its result; `null` for a job that is no run. */
export function runSummary(job: Job, outcome: Outcome, ends: readonly StepEnd[]): RunSummary | null {
  const run = job.request.pipeline;
  if (run === undefined) return null;
  const steps = allEnds(job, ends);
  return {
    run_id: runIdOf(job.job_id),
    pipeline_id: run.pipeline_id,
    pipeline: run.definition.name,
    status: runStatusOf(OUTCOMES[outcome].status, steps),
    steps,
  };
}

function oneLine(text: string): string {
  const line = text
    .slice(0, MAX_LINE_CHARS * 4)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS - 1).toWellFormed()}…` : line;
}

/** Why a step failed or was skipped; else the first line of what its agent said it did. */
function whyOf(step: RunSummary['steps'][number], end: StepEnd | undefined): string {
  const said = end?.output['summary'];
  const line = typeof said === 'string' ? said.trim().split('\n')[0] : '';
  return step.reason ?? step.error?.message ?? line ?? '';
}

/** The steps as the proposal of their run tells of them, in the order of definition. Agents' words among it are data. */
export function proposedSteps(job: Job, ends: readonly StepEnd[]): readonly ProposedStep[] {
  const byName = new Map(ends.map((end) => [end.name, end]));
  return allEnds(job, ends).map((step) => {
    const { name, job_id, status, outcome } = step;
    return { name, job_id, status, outcome, summary: oneLine(whyOf(step, byName.get(name))) };
  });
}

function lineOf(step: RunSummary['steps'][number], end: StepEnd | undefined): string {
  const why = whyOf(step, end);
  const how = step.status === 'skipped' ? 'skipped' : (step.outcome ?? step.status);
  return oneLine(`- ${step.name}: ${how}${why === '' ? '' : `: ${why}`}`);
}

/** Which step did what, one line each. Agents' words among them are data. */
export function runText(run: RunSummary, ends: readonly StepEnd[]): string {
  const byName = new Map(ends.map((end) => [end.name, end]));
  const lines = run.steps.slice(0, MAX_LINES).map((step) => lineOf(step, byName.get(step.name)));
  const more = run.steps.length - lines.length;
  return [...lines, ...(more > 0 ? [`- and ${more} more steps`] : [])].join('\n');
}
