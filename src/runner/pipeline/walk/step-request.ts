/** The request of a job that is a step of a run, made from the run's own. Pure. */
import { JobError } from '../../../job/error.ts';
import type { Job } from '../../../job/job.ts';
import type { Pipeline, StepDefinition } from '../../../job/pipeline/definition.ts';
import type { ChildInput, RunRequest } from '../../../job/pipeline/run.ts';
import type { Budget, JobRequest } from '../../../job/request.ts';

/** What a job asks that is a run. @throws JobError `bug` for one that is none */
export function runRequestOf({ job_id: jobId, request }: Pick<Job, 'job_id' | 'request'>): RunRequest {
  if (request.pipeline !== undefined) return request.pipeline;
  throw new JobError('bug', `job: ${jobId} is no run of a pipeline`);
}

/** A step by its name. @throws JobError `bug` for one that is not there */
export function stepOf({ name: pipeline, steps }: Pipeline, name: string): StepDefinition {
  const step = steps.find((one) => one.name === name);
  if (step !== undefined) return step;
  throw new JobError('bug', `step: ${pipeline} has no ${JSON.stringify(name.slice(0, 100))}`);
}

/** What a step may spend, before the run's own limits. @param usual of a job that names no budget */
export function ownBudget(step: StepDefinition | null, usual: Budget): Budget {
  return { ...usual, ...step?.budget };
}

/** Who works on a step. Another agent may not know the model of the run's. */
export function agentOfStep(
  request: Pick<JobRequest, 'agent' | 'model'>,
  step: Pick<Pipeline['steps'][number], 'agent' | 'model'> | null,
): Pick<JobRequest, 'agent' | 'model'> {
  const agent = step?.agent ?? request.agent;
  return { agent, model: step?.model ?? (agent === request.agent ? request.model : null) };
}

/** Where a run began: the branch that its pull request is for, and its commit. */
export interface Origin {
  readonly base: string;
  readonly base_sha: string;
}

/** What the request of a step is made from. */
interface StepOf {
  readonly run: Job;
  /** `null` for a conflict in the run's own pull request, which is no step's. */
  readonly step: StepDefinition | null;
  readonly origin: Origin;
  readonly input: ChildInput;
  readonly budget: Budget;
}

/**
 * The request. Whom the run tells of its end, and what its pull request is made with, is the run's alone: a step is never
 * pushed.
 */
export function stepRequest({ run, step, origin, input, budget }: StepOf): JobRequest {
  const { request } = run;
  const { definition } = runRequestOf(run);
  const { base, base_sha: originSha } = origin;
  const isStep = input.kind === 'step';
  return {
    repo: request.repo,
    task: input.task,
    mode: isStep && step !== null ? step.mode : 'change',
    base,
    ...agentOfStep(request, step),
    sandbox: request.sandbox,
    allow_host: request.allow_host,
    network: request.network,
    budget,
    policy: { ...request.policy, ...step?.policy },
    max_gate_runs: request.max_gate_runs,
    checks: request.checks,
    setup: request.setup,
    allow_test_changes: request.allow_test_changes,
    draft: false,
    user_id: request.user_id,
    ...(request.priority === undefined ? {} : { priority: request.priority }),
    ...(request.phases === undefined ? {} : { phases: request.phases }),
    step: {
      run: run.job_id,
      pipeline: definition.name,
      name: input.name,
      kind: input.kind,
      base,
      base_sha: input.base_sha,
      origin_sha: originSha,
      conflicts: input.conflicts,
      start: input.start,
      outputs: isStep ? (step?.outputs ?? null) : null,
    },
  };
}
