/** A request for a run, as it came over the network. */
import type { Pipeline, StoredPipeline } from '../../job/pipeline/definition.ts';
import { checkPipeline } from '../../job/pipeline/parse.ts';
import { runIdOf, type RunView } from '../../job/pipeline/run.ts';
import type { Budget } from '../../job/request.ts';
import { pipelineFor } from '../../runner/look/pipelines.ts';
import type { Runner } from '../../runner/runner.ts';
import type { Principal } from '../endpoint.ts';
import { checkBudget, checkPolicy, checkUse } from './allowed.ts';
import { checkJudging, checkRepo, inputOf, onceOf, oneOf, repoFor } from '../jobs/submit.ts';
import { refusedPipeline } from './refused.ts';
import type { RunOptions } from './schema.ts';

/** What is there of a budget. */
function given(budget: NonNullable<RunOptions['budget']>): Partial<Budget> {
  return Object.fromEntries(Object.entries(budget).filter(([, value]) => value !== undefined));
}

/** What a pipeline is, wherever it comes from. */
async function foundPipeline(
  runner: Runner,
  given: unknown,
  repo: string | undefined,
  { base, github_token: token }: Pick<RunOptions, 'base' | 'github_token'>,
): Promise<StoredPipeline | Pipeline> {
  if (typeof given === 'string') return pipelineFor(runner, given, repo ?? null, { base, token });
  const checked = checkPipeline(given);
  if (checked.ok) return checked.pipeline;
  throw refusedPipeline(
    checked.problems.map((one) => ({ ...one, at: null })),
    'pipeline',
  );
}

/**
 * Accepts the run that a body asks for.
 *
 * @param pipeline id, name or definition
 * @returns the run, and whether it is new under the key that came
 * @throws Refused 400 or 403; JobError
 */
export async function acceptRun(
  runner: Runner,
  principal: Principal,
  pipeline: unknown,
  { body, key }: { readonly body: RunOptions; readonly key: string | null },
): Promise<{ readonly view: RunView; readonly isNew: boolean }> {
  const { config } = runner;
  const named = oneOf(body, ['repo', 'repo_url', 'upstream_repo']);
  const { github_token: token } = body;
  checkJudging(principal, body);
  const repo = named === undefined ? undefined : repoFor(config, named, token !== undefined);
  if (repo !== undefined) await checkRepo(config, principal, repo);
  const { budget = {}, ...rest } = body;
  const input = inputOf(config, rest);
  const found = await foundPipeline(runner, pipeline, repo, body);
  const isKept = 'pipeline_id' in found;
  const definition = isKept ? found.definition : found;
  const { repo_url: own } = definition;
  // What is kept was looked at then, and a repository's own is as its base commit says.
  if (typeof pipeline !== 'string') checkPolicy(principal, definition);
  checkUse(config, definition);
  checkBudget(config, budget, { field: 'budget', times: definition.steps.length });
  // Whoever kept it may have been somebody else, on this machine.
  if (repo === undefined && own !== null) await checkRepo(config, principal, repoFor(config, own, false));
  const once = onceOf(principal, key, { ...body, pipeline });
  const { job, isNew } = await runner.pipelines.submit(
    {
      ...input,
      budget: given(budget),
      pipeline: isKept ? found.pipeline_id : found,
      ...(repo === undefined ? {} : { repo }),
    },
    { ...once, isChecked: false, ...(token === undefined ? {} : { token }) },
  );
  return { view: await runner.pipelines.view(runIdOf(job.job_id)), isNew };
}
