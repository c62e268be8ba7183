/** Port: what may be done with pipelines and their runs, the same on this machine and on a server. */
import type { StoredPipeline } from '../../job/pipeline/definition.ts';
import type { RunView } from '../../job/pipeline/run.ts';
import type { RepoPipelines } from '../../runner/look/pipelines.ts';
import type { RunRequest } from '../generated/types.ts';

/** How a run is asked for, in the words of the API; what is not said is as in the pipeline, else as configured. */
export type AskedRun = Omit<RunRequest, 'pipeline'>;

/** Which pipeline is run: one that is kept, or of the repository, by id or name; or a definition. */
export type AskedPipeline = string | Readonly<Record<string, unknown>>;

/** Which runs are listed, newest first. */
export interface RunFilter {
  /** Id or name of their pipeline. */
  readonly pipeline?: string;
  readonly limit: number;
  /** Id of the run that the list goes on behind. */
  readonly before?: string;
}

/** What somebody says to a step that asks. */
export interface AskedApproval {
  readonly step: string;
  readonly approved: boolean;
  readonly comment?: string;
}

/** Pipelines, wherever they are kept. Every method rejects with a `JobError`. */
export interface PipelineClient {
  /** Keeps a pipeline. @throws JobError `conflict` where its name is taken, unless it is to be replaced */
  create(definition: unknown, options?: { readonly replace?: boolean }): Promise<StoredPipeline>;
  get(idOrName: string): Promise<StoredPipeline>;
  list(filter: { readonly limit: number; readonly before?: string }): Promise<readonly StoredPipeline[]>;
  /** Those that a repository brings along, where it can be read from here; `base: null` is its default branch. */
  inRepository?(repo: string, base: string | null): Promise<RepoPipelines>;
  /** Forgets a pipeline; its runs stay. @returns what it was */
  remove(idOrName: string): Promise<StoredPipeline>;
  /** Puts a run into the queue; asked twice under one key within 24 hours it is one. */
  run(pipeline: AskedPipeline, asked: AskedRun, key?: string): Promise<RunView>;
  view(runId: string): Promise<RunView>;
  runs(filter: RunFilter): Promise<readonly RunView[]>;
  /** Answers a step that asks. @throws JobError `conflict` where it asks nothing, `no_permission` */
  approve(runId: string, approval: AskedApproval): Promise<RunView>;
  /** Runs what failed once more, without what was successful. @returns the new run */
  retry(runId: string, key?: string): Promise<RunView>;
}
