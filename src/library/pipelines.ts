/** Pipelines from a program: kept, run, and answered. */
import type { AskedPipeline } from '../client/pipelines/pipelines.ts';
import type { JobClient } from '../client/client.ts';
import type { StoredPipeline } from '../job/pipeline/definition.ts';
import type { RunView } from '../job/pipeline/run.ts';
import { besideOf, given, type RunOptions } from './asked.ts';

/** Rows of a list where nothing is said. */
const LIST_LIMIT = 50;

/** Which pipelines are listed, newest first. */
export interface PipelineListOptions {
  /** At most so many; 50 unless given. */
  readonly limit?: number;
  /** Id that the list goes on behind. */
  readonly before?: string;
}

/** Which runs are listed, newest first. */
export interface RunListOptions extends PipelineListOptions {
  /** Id or name of their pipeline. */
  readonly pipeline?: string;
}

/** An answer to a step that asks. */
export interface ApproveOptions {
  /** `true` unless given. */
  readonly approved?: boolean;
  readonly comment?: string;
}

/**
 * Pipelines and their runs. A run is a job as well: `waitForJob`, `events`, `getDiff`, `getResult`, `cancelJob` take its
 * id. Every method rejects with a `JobError`.
 */
export interface Pipelines {
  /** Keeps a pipeline. Rejects with `conflict` where its name is taken, unless `replace` is given. */
  create(definition: object, options?: { readonly replace?: boolean }): Promise<StoredPipeline>;
  /** A pipeline by its id or name. */
  get(idOrName: string): Promise<StoredPipeline>;
  list(options?: PipelineListOptions): Promise<readonly StoredPipeline[]>;
  /** Forgets a pipeline; its runs stay. */
  remove(idOrName: string): Promise<StoredPipeline>;
  /** Asks for a run of a pipeline, by its id or name or as it is given; it is durable when this resolves. */
  run(pipeline: string | object, options?: RunOptions): Promise<RunView>;
  getRun(runId: string): Promise<RunView>;
  listRuns(options?: RunListOptions): Promise<readonly RunView[]>;
  /** Says yes, or no, to a step that asks. */
  approve(runId: string, step: string, options?: ApproveOptions): Promise<RunView>;
  /** Runs what failed once more, without what was successful; gives the new run. */
  retry(runId: string, options?: { readonly idempotencyKey?: string }): Promise<RunView>;
}

/**
 * Makes them.
 *
 * @param client opened when the first of them is called
 * @param jobToken sent with each run, where a server runs them
 */
export function createPipelines(client: () => Promise<JobClient>, jobToken: string | null): Pipelines {
  const kept = async (): Promise<JobClient['pipelines']> => (await client()).pipelines;
  return {
    create: async (definition, options) => (await kept()).create(definition, options),
    get: async (idOrName) => (await kept()).get(idOrName),
    list: async ({ limit = LIST_LIMIT, before } = {}) => (await kept()).list({ limit, ...given({ before }) }),
    remove: async (idOrName) => (await kept()).remove(idOrName),
    async run(pipeline, options = {}) {
      const asked = besideOf(options, jobToken);
      const what: AskedPipeline = typeof pipeline === 'string' ? pipeline : { ...pipeline };
      return (await kept()).run(what, asked, options.idempotencyKey);
    },
    getRun: async (runId) => (await kept()).view(runId),
    listRuns: async ({ limit = LIST_LIMIT, before, pipeline } = {}) =>
      (await kept()).runs({ limit, ...given({ before, pipeline }) }),
    approve: async (runId, step, { approved = true, comment } = {}) =>
      (await kept()).approve(runId, { step, approved, ...given({ comment }) }),
    retry: async (runId, { idempotencyKey } = {}) => (await kept()).retry(runId, idempotencyKey),
  };
}
