/** A look before a request becomes a job: what can't work is said at once, and to the one who asked. */
import type { Remote } from '../../forge/forge.ts';
import { isElsewhere } from '../../job/elsewhere/executor.ts';
import { JobError } from '../../job/error.ts';
import type { JobRequest } from '../../job/request.ts';
import { selectSandbox } from '../../sandbox/select.ts';
import { findBase } from '../../workspace/remote/listing.ts';
import { agentOf, checkCommand, lookingAgents } from '../agents.ts';
import type { RunnerParts } from '../context.ts';
import { reachRemote } from '../forge/reach.ts';
import { checkInPlace } from '../in-place/begin.ts';
import { checkModel } from '../models/resolve.ts';

/** Longest look at a remote before a request becomes a job. */
const PREFLIGHT_TIMEOUT_MS = 60_000;

/**
 * Looks whether a request's agents are usable, and may have the models that they would take.
 *
 * @throws JobError that says what is wrong and what to do
 */
export async function checkAgents(parts: RunnerParts, request: JobRequest): Promise<void> {
  const { config } = parts;
  await checkCommand(config, request);
  const agent = await agentOf(config, request);
  const { explore, plan } = await lookingAgents(config, request, agent);
  for (const one of new Set([agent, explore.agent, plan.agent])) {
    const { ready, detail, fix } = await one.check();
    if (ready) continue;
    throw new JobError(
      'bad_configuration',
      `agent: ${one.name} can't start: ${detail}`,
      fix === null ? {} : { hint: fix },
    );
  }
  for (const one of [{ agent, model: request.model }, explore, plan]) {
    const use = { ...one, maxCostUsd: request.budget.max_cost_usd };
    checkModel(parts.models.models, use, config.models.allowUnpriced);
  }
}

/**
 * Looks whether a sandbox is usable, and repository and base can be read.
 *
 * @param token the job's own for the forge
 * @throws JobError as above
 */
export async function checkPlace(
  parts: RunnerParts,
  request: JobRequest,
  token: string | undefined,
): Promise<Remote> {
  if (request.callback_url !== undefined) parts.callbacks.check(request.callback_url);
  await selectSandbox(request.sandbox, { allowHost: request.allow_host });
  return checkBase(parts, request, token);
}

/**
 * Looks whether a request can start here: repository and base readable, agent and sandbox usable.
 *
 * @param token the job's own for the forge
 * @throws JobError that says what is wrong and what to do
 */
export async function preflight(parts: RunnerParts, request: JobRequest, token?: string): Promise<void> {
  if (isElsewhere(request)) {
    if (request.callback_url !== undefined) parts.callbacks.check(request.callback_url);
    await checkBase(parts, request, token);
    return;
  }
  await checkAgents(parts, request);
  const remote = await checkPlace(parts, request, token);
  if (request.in_place !== undefined) await checkInPlace(parts.git, remote, request.in_place);
}

/** Repository and base can be read. */
async function checkBase(
  parts: RunnerParts,
  request: JobRequest,
  token: string | undefined,
): Promise<Remote> {
  const remote = await parts.forge.resolve(request.repo);
  const signal = AbortSignal.timeout(PREFLIGHT_TIMEOUT_MS);
  const visit = { jobId: 'preflight', signal, token, onNotice: () => {} };
  const { git, repo } = reachRemote(parts, remote, visit);
  await findBase(git, repo.listed, remote, request.base);
  return remote;
}
