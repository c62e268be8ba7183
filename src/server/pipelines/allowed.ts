/** What of a pipeline's definition only the server may decide, as of a job's request. */
import type { Config } from '../../config.ts';
import { JobError } from '../../job/error.ts';
import type { Pipeline, StoredPipeline } from '../../job/pipeline/definition.ts';
import type { Budget } from '../../job/request.ts';
import type { Principal } from '../endpoint.ts';
import { knownAgents, refuse } from '../jobs/submit.ts';

/**
 * What the change is judged by is not for whoever may ask for one.
 *
 * @throws Refused 403 for a definition with a `policy` that comes from a key of another role than admin
 */
export function checkPolicy(principal: Principal, { policy, steps }: Pipeline): void {
  if (principal.role === 'admin') return;
  const said = 'only from a key of the role admin';
  if (Object.keys(policy).length > 0) refuse('policy', policy, said, 403);
  for (const [at, step] of steps.entries())
    if (Object.keys(step.policy).length > 0) refuse(`steps[${at}].policy`, step.policy, said, 403);
}

/** What somebody is called who keeps pipelines and approves: the name of their key. */
export function whoIs({ id, name }: Principal): string {
  return name ?? id;
}

/**
 * What an administrator laid down, and who has to be asked, is not undone by whoever may start jobs: others run the pipeline
 * by its name and trust that it asks.
 *
 * @throws JobError `no_permission` for a pipeline with a `policy` or with `approvers`, unless one kept it or is an admin
 */
export function checkOwn(principal: Principal, { definition, created_by: by }: StoredPipeline): void {
  if (principal.role === 'admin' || by === whoIs(principal)) return;
  const { name, policy, steps } = definition;
  const isLaidDown =
    Object.keys(policy).length > 0 ||
    steps.some((one) => Object.keys(one.policy).length > 0 || (one.approval?.approvers.length ?? 0) > 0);
  if (!isLaidDown) return;
  throw new JobError(
    'no_permission',
    `pipeline: ${name} names a policy or approvers, and ${by ?? 'nobody'} kept it`,
    {
      hint: 'who kept it replaces or deletes it, or a key of the role admin',
    },
  );
}

/** @throws Refused 400 for more than `times` of what a job may spend here */
export function checkBudget(
  { budget: most }: Config,
  given: { readonly [K in keyof Budget]?: Budget[K] | undefined },
  { field, times }: { readonly field: string; readonly times: number },
): void {
  for (const [name, value] of Object.entries(given)) {
    const limit = most[name as keyof Budget];
    if (value === undefined || limit === null || (value !== null && value <= limit * times)) continue;
    refuse(`${field}.${name}`, value, `at most ${limit * times}, as configured`);
  }
}

/**
 * Looks at what a run of this pipeline would use: agents that the server knows, and no more than it may spend.
 *
 * @throws Refused 400 that names the field
 */
export function checkUse(config: Config, { agent, budget, steps }: Pipeline): void {
  const known = knownAgents(config);
  const checkAgent = (name: string | null, field: string): void => {
    if (name !== null && !known.includes(name)) refuse(field, name, known.join(', '));
  };
  checkAgent(agent, 'pipeline.agent');
  checkBudget(config, budget, { field: 'pipeline.budget', times: steps.length });
  for (const [at, step] of steps.entries()) {
    checkAgent(step.agent, `pipeline.steps[${at}].agent`);
    checkBudget(config, step.budget, { field: `pipeline.steps[${at}].budget`, times: 1 });
  }
}
