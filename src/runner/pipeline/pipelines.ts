/** Pipelines and their runs, for the doors. */
import { randomBytes } from 'node:crypto';
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { Pipeline, StoredPipeline } from '../../job/pipeline/definition.ts';
import { jobOfRun, runIdOf, type ApprovalDecision, type RunView } from '../../job/pipeline/run.ts';
import { nearest } from '../../job/text/distance.ts';
import type { JobRequest } from '../../job/request.ts';
import type { JobStatus } from '../../job/status.ts';
import type { RunnerParts } from '../context.ts';
import type { RequestInput } from '../request/resolve.ts';
import type { Runner, SubmitOptions } from '../runner.ts';
import { approveStep, type Said } from './approve.ts';
import { checkRun, runRequest } from './submit.ts';
import { retryRequest } from './walk/retry.ts';
import { viewRun } from './view.ts';

/** What a run is asked for with: fields of the caller win over those of the pipeline. */
export type RunInput = Omit<RequestInput, 'task' | 'repo' | 'mode' | 'sessionId' | 'inPlace' | 'issue'> & {
  /** A pipeline's id or name, or one that comes along. */
  readonly pipeline: string | Pipeline;
  /** Absent: the pipeline's own. */
  readonly repo?: string;
};

/** How a run is submitted. */
export type RunSubmitOptions = Pick<SubmitOptions, 'once' | 'token'> & {
  /** Kept for this process, which is about to run it with its steps; absent: a worker takes it. */
  readonly here?: boolean;
  /** Whether it is looked first if it can start; `true` unless given. A server does not: nobody waits for a forge there. */
  readonly isChecked?: boolean;
};

/** Which runs to list, newest first. */
export interface RunFilter {
  readonly pipelineId?: string;
  /** Only runs whose job stands so; one that ended `completed_with_failures` is `completed` here. */
  readonly status?: JobStatus;
  /** A run's id: only older ones. */
  readonly before?: string;
  readonly limit: number;
}

/** Every id of a run may be that of its job as well. Each method rejects with a `JobError`. */
export interface Pipelines {
  /**
   * Keeps a pipeline.
   *
   * @param options.replace whether one of this name is replaced; else it is a `conflict`
   * @param options.by who keeps it
   */
  create(
    definition: Pipeline,
    options?: { readonly replace?: boolean; readonly by?: string | null },
  ): Promise<StoredPipeline>;
  /** A pipeline by its id or name. @throws JobError `not_found` that says what there is */
  get(idOrName: string): Promise<StoredPipeline>;
  list(filter: { readonly before?: string; readonly limit: number }): Promise<readonly StoredPipeline[]>;
  /** Forgets a pipeline; its runs stay. */
  remove(idOrName: string): Promise<StoredPipeline>;
  /**
   * Looks whether a run can start here, unless that is not wanted, and accepts it. It is durable when it resolves.
   *
   * @returns its job, or the one that was accepted under the same key before
   * @throws JobError `invalid_request` that names the field, or what else is in the way
   */
  submit(input: RunInput, options?: RunSubmitOptions): ReturnType<Runner['submit']>;
  view(id: string): Promise<RunView>;
  listRuns(filter: RunFilter): Promise<readonly RunView[]>;
  /**
   * Says yes or no to a step that asks.
   *
   * @throws JobError `no_permission` that names who may; `conflict` where the step asks nothing
   */
  approve(id: string, step: string, said: Said): Promise<ApprovalDecision>;
  /**
   * Runs what failed or was skipped once more, in a new run on the same base and for the same pull request.
   *
   * @throws JobError `conflict` where there is nothing to run again, or where it is no longer known what was done
   */
  retry(id: string, options?: RunSubmitOptions): ReturnType<Runner['submit']>;
}

/** Pipelines that are named where one is not found. */
const MAX_NAMED = 100;

function noPipeline(idOrName: string, known: readonly StoredPipeline[]): JobError {
  const meant = nearest(
    idOrName,
    known.map(({ definition: { name } }) => name),
  );
  return new JobError('not_found', `pipeline: there is no ${JSON.stringify(idOrName.slice(0, 100))}`, {
    hint: meant === null ? '`agent-runner pipeline list` shows what there is' : `did you mean ${meant}?`,
  });
}

/** A run's job by either of its names. @throws JobError `not_found` */
export async function findRun({ store }: Pick<RunnerParts, 'store'>, id: string): Promise<Job> {
  const jobId = jobOfRun(id);
  const job = jobId === null ? null : await store.getJob(jobId);
  if (job?.request.pipeline !== undefined) return job;
  const { run, name } = job?.request.step ?? {};
  if (run !== undefined && name !== undefined)
    throw new JobError('not_found', `run: ${id} is the job of the step ${name} of ${runIdOf(run)}`, {
      hint: `ask for ${runIdOf(run)}; of the step alone, \`agent-runner status ${job?.job_id ?? id}\` tells`,
    });
  const said =
    job === null ? `there is no ${JSON.stringify(id.slice(0, 100))}` : `${job.job_id} is a job, and no run`;
  throw new JobError('not_found', `run: ${said}`, { hint: 'see `agent-runner pipeline runs`' });
}

/** Accepts a run, for a worker or for this process. */
async function acceptRun(
  runner: Pick<Runner, 'accept' | 'submit'>,
  request: JobRequest,
  { here = false, isChecked: _isChecked, ...options }: RunSubmitOptions & Pick<SubmitOptions, 'follows'>,
): ReturnType<Runner['submit']> {
  if (!here) return runner.submit(request, options);
  return { job: await runner.accept(request, options), isNew: true };
}

/** Wires them; `runner` is asked for only when one is used. */
export function createPipelines(
  parts: RunnerParts,
  runner: () => Pick<Runner, 'accept' | 'submit'>,
): Pipelines {
  const { store } = parts;
  const get: Pipelines['get'] = async (idOrName) => {
    const found = await store.getPipeline(idOrName);
    if (found !== null) return found;
    throw noPipeline(idOrName, await store.listPipelines({ limit: MAX_NAMED }));
  };
  return {
    async create(definition, { replace = false, by = null } = {}) {
      const now = new Date().toISOString();
      const pipeline_id = `pipe-${randomBytes(6).toString('hex')}`;
      const kept = { pipeline_id, definition, created_at: now, updated_at: now, created_by: by };
      return store.putPipeline(kept, { replace });
    },
    get,
    list: (filter) => store.listPipelines(filter),
    async remove(idOrName) {
      const found = await get(idOrName);
      await store.deletePipeline(found.pipeline_id);
      return found;
    },
    async submit(input, options = {}) {
      const stored = typeof input.pipeline === 'string' ? await get(input.pipeline) : null;
      const definition = stored?.definition ?? (input.pipeline as Pipeline);
      const request = await runRequest(parts, input, definition, stored?.pipeline_id ?? null);
      if (options.isChecked !== false) await checkRun(parts, request, definition, input.token);
      return acceptRun(runner(), request, options);
    },
    view: async (id) => viewRun(store, await findRun(parts, id)),
    async listRuns({ pipelineId, status, before, limit }) {
      const jobs = await store.listJobs({
        isRun: true,
        limit,
        ...(pipelineId === undefined ? {} : { pipelineId }),
        ...(status === undefined ? {} : { status }),
        ...(before === undefined ? {} : { before: (await findRun(parts, before)).job_id }),
      });
      return Promise.all(jobs.map((job) => viewRun(store, job)));
    },
    async approve(id, step, said) {
      return approveStep(store, await findRun(parts, id), step, said);
    },
    async retry(id, options = {}) {
      const { request, follows } = await retryRequest(parts, await findRun(parts, id), options.token);
      return acceptRun(runner(), request, { ...options, follows });
    },
  };
}
