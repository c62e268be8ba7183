/** The request of a run: what the pipeline says, and over it what the caller says. */
import { JobError } from '../../job/error.ts';
import type { Pipeline } from '../../job/pipeline/definition.ts';
import type { Budget, JobRequest } from '../../job/request.ts';
import type { RunnerParts } from '../context.ts';
import { checkAgents, checkPlace } from '../request/preflight.ts';
import { resolveRequest, type RequestInput } from '../request/resolve.ts';
import type { RunInput } from './pipelines.ts';
import { agentOfStep } from './walk/step-request.ts';

/** Steps that the text of a run names. */
const MAX_NAMED = 20;

/** What people read where a job has its task. Steps' tasks stand in the steps. */
function taskOf({ name, steps }: Pipeline): string {
  const named = steps.slice(0, MAX_NAMED).map((step) => step.name);
  const rest = steps.length - named.length;
  const more = rest === 0 ? '' : ` and ${rest} more`;
  return `Pipeline ${name}\n\nSteps: ${named.join(', ')}${more}`;
}

/** Where nobody says more, a run may spend what its steps may as jobs of their own. */
function usualBudget(usual: Budget, steps: number): Budget {
  const times = (most: number | null): number | null => (most === null ? null : most * steps);
  return {
    max_cost_usd: times(usual.max_cost_usd),
    max_tokens: times(usual.max_tokens),
    max_turns: times(usual.max_turns),
    timeout_s: usual.timeout_s * steps,
  };
}

/** @throws JobError `invalid_request` where a workflow was asked for */
function checkExecutor(asked: string | null | undefined, from: string): void {
  if (asked !== 'github-actions') return;
  throw new JobError('invalid_request', `executor: github-actions${from} takes no run of a pipeline`, {
    hint: 'ask for executor local: its steps are run where the run is',
  });
}

function inputOf(input: RunInput, definition: Pipeline): RequestInput {
  const { pipeline: _pipeline, executor: _executor, repo = definition.repo_url, ...asked } = input;
  if (repo === null)
    throw new JobError(
      'invalid_request',
      `repo: neither the run nor the pipeline ${definition.name} names one`,
      {
        hint: 'name the repository of this run, or give the pipeline a repo_url',
      },
    );
  // The run itself prompts nobody; where every step names its agent, no other one need be here.
  const agent = asked.agent ?? definition.agent ?? onlyAgents(definition);
  const model = asked.model ?? definition.model ?? undefined;
  const base = asked.base ?? definition.base ?? undefined;
  return {
    ...asked,
    repo,
    task: taskOf(definition),
    executor: 'local',
    draft: asked.draft ?? definition.draft,
    labels: asked.labels ?? (definition.labels.length === 0 ? undefined : definition.labels),
    reviewers: asked.reviewers ?? (definition.reviewers.length === 0 ? undefined : definition.reviewers),
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...(base === undefined ? {} : { base }),
  };
}

/** The first step's agent, where all steps name one. */
function onlyAgents({ steps }: Pipeline): string | undefined {
  return steps.every(({ agent }) => agent !== null) ? (steps[0]?.agent ?? undefined) : undefined;
}

/** Looks at everybody who will work, once each. @throws JobError that names the step */
async function checkSteps(parts: RunnerParts, request: JobRequest, { steps }: Pipeline): Promise<void> {
  const seen = new Set<string>();
  for (const step of steps) {
    const { agent, model } = agentOfStep(request, step);
    const key = JSON.stringify([agent, model]);
    if (seen.has(key)) continue;
    seen.add(key);
    await checkAgents(parts, { ...request, agent, model }).catch((error: unknown) => {
      if (!(error instanceof JobError)) throw error;
      const hint = error.hint === null ? {} : { hint: error.hint };
      throw new JobError(error.code, `steps.${step.name}: ${error.message}`, hint);
    });
  }
}

/**
 * Makes the request of a run.
 *
 * @param pipelineId `null` for a definition that came along
 * @throws JobError that names the field
 */
export async function runRequest(
  parts: RunnerParts,
  input: RunInput,
  definition: Pipeline,
  pipelineId: string | null,
): Promise<JobRequest> {
  const { config } = parts;
  checkExecutor(input.executor, '');
  if (input.executor === undefined) checkExecutor(config.elsewhere.executor, ' (as configured)');
  const resolved = await resolveRequest(config, inputOf(input, definition));
  return {
    ...resolved,
    policy: { ...resolved.policy, ...definition.policy },
    budget: {
      ...usualBudget(config.budget, definition.steps.length),
      ...definition.budget,
      ...input.budget,
    },
    pipeline: { pipeline_id: pipelineId, definition, retries: null },
  };
}

/** Looks whether a run can start here. @param token its own for the forge @throws JobError that says what is in the way */
export async function checkRun(
  parts: RunnerParts,
  request: JobRequest,
  definition: Pipeline,
  token: string | undefined,
): Promise<void> {
  await checkSteps(parts, request, definition);
  await checkPlace(parts, request, token);
}
