/** Pipelines of a home folder on this machine, over the runner that has it open. */
import { userInfo } from 'node:os';
import { parsePipeline } from '../../job/pipeline/parse.ts';
import { runIdOf, type RunView } from '../../job/pipeline/run.ts';
import { pipelineFor } from '../../runner/look/pipelines.ts';
import type { Runner } from '../../runner/runner.ts';
import { inputOf, onceOf } from '../asked.ts';
import type { AskedPipeline, AskedRun, PipelineClient } from './pipelines.ts';

/** How a run is begun. */
export interface BeginOptions {
  /** Asked twice under it within 24 hours it is one. */
  readonly key?: string | undefined;
  /** Whether this process is about to run it; else a worker takes it. */
  readonly here?: boolean;
  /** The repository where neither the run nor its pipeline names one; `null` refuses that. */
  readonly otherwise?: string | null;
}

/** The person who runs this process, as the system calls them. */
function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // Containers run under numbers that have no name.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

/**
 * Accepts a run of a pipeline; it is durable when this resolves.
 *
 * @throws JobError `not_found`, or `invalid_request` that names the field
 */
export async function beginRun(
  runner: Runner,
  pipeline: AskedPipeline,
  asked: AskedRun,
  { key, here = false, otherwise = null }: BeginOptions = {},
): Promise<RunView> {
  const { repo, github_token: token, ...rest } = asked;
  const named = repo ?? otherwise;
  const found =
    typeof pipeline === 'string'
      ? await pipelineFor(runner, pipeline, named, { base: asked.base, token })
      : parsePipeline(pipeline);
  const isKept = 'pipeline_id' in found;
  const definition = isKept ? found.definition : found;
  const where = repo ?? (definition.repo_url === null ? otherwise : null);
  const { job } = await runner.pipelines.submit(
    {
      ...inputOf(runner, { ...rest, ...(token === undefined ? {} : { github_token: token }) }),
      pipeline: isKept ? found.pipeline_id : found,
      ...(where === null ? {} : { repo: where }),
    },
    { ...onceOf({ pipeline, repo: where, ...rest }, key), here, ...(token === undefined ? {} : { token }) },
  );
  return runner.pipelines.view(runIdOf(job.job_id));
}

/** Makes the client of a runner's pipelines. */
export function createLocalPipelines(runner: Runner): PipelineClient {
  // Asked for when it is used, so that a runner is complete by then.
  const kept = (): Runner['pipelines'] => runner.pipelines;
  return {
    async create(definition, { replace = false } = {}) {
      return kept().create(parsePipeline(definition), { replace, by: systemUser() });
    },
    get: (idOrName) => kept().get(idOrName),
    list: (filter) => kept().list(filter),
    inRepository: (repo, base) => runner.repoPipelines(repo, base),
    remove: (idOrName) => kept().remove(idOrName),
    run: (pipeline, asked, key) => beginRun(runner, pipeline, asked, { key }),
    view: (runId) => kept().view(runId),
    async runs({ pipeline, ...filter }) {
      const found = pipeline === undefined ? {} : { pipelineId: (await kept().get(pipeline)).pipeline_id };
      return kept().listRuns({ ...filter, ...found });
    },
    async approve(runId, { step, approved, comment = null }) {
      await kept().approve(runId, step, { approved, comment, by: systemUser() });
      return kept().view(runId);
    },
    async retry(runId, key) {
      const { job } = await kept().retry(runId, onceOf({ retry: runId }, key));
      return kept().view(runIdOf(job.job_id));
    },
  };
}
