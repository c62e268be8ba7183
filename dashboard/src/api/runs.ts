/** What is asked of the server about pipelines and their runs. */
import { queryOptions } from '@tanstack/react-query';
import type { StoredPipeline } from '../../../src/job/pipeline/definition.ts';
import type { RunStatus, RunView } from '../../../src/job/pipeline/run.ts';
import { get } from './call.ts';

/** How often a run is asked for whose stream may be broken, and how often lists are, in milliseconds. */
const RUN_MS = 5000;
const LIST_MS = 3000;
/** Runs of a page of the list: each comes with all its steps. */
const PAGE_RUNS = 25;

const ENDED: readonly RunStatus[] = ['completed', 'failed', 'cancelled', 'completed_with_failures'];

/** Whether nothing will happen to a run any more. */
export function isOver({ status }: Pick<RunView, 'status'>): boolean {
  return ENDED.includes(status);
}

/** A page of runs. */
export interface RunPage {
  readonly runs: readonly RunView[];
  readonly next_cursor: string | null;
}

/** One run. */
export function runQuery(runId: string) {
  return queryOptions({
    queryKey: ['run', runId],
    queryFn: ({ signal }) => get<RunView>(`/api/runs/${runId}`, signal),
    refetchInterval: ({ state }) => (state.data !== undefined && isOver(state.data) ? false : RUN_MS),
  });
}

/** Runs, newest first. @param pipeline id of a pipeline, or empty for all @param cursor where the page before ended */
export function runsQuery({
  pipeline,
  status,
  cursor,
  limit = PAGE_RUNS,
}: {
  readonly pipeline: string;
  readonly status: string;
  readonly cursor: string;
  readonly limit?: number;
}) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (status !== '') query.set('status', status);
  if (cursor !== '') query.set('cursor', cursor);
  const path =
    pipeline === '' ? '/api/runs' : `/api/pipelines/${encodeURIComponent(pipeline.toWellFormed())}/runs`;
  return queryOptions({
    queryKey: ['runs', pipeline, status, cursor, limit],
    queryFn: ({ signal }) => get<RunPage>(`${path}?${query}`, signal),
    refetchInterval: LIST_MS,
  });
}

/** Most pipelines that are shown. */
const MAX_PIPELINES = 200;

/** A page of pipelines. */
export interface PipelinePage {
  readonly pipelines: readonly StoredPipeline[];
  readonly next_cursor: string | null;
}

/** Pipelines that are kept. */
export const pipelinesQuery = queryOptions({
  queryKey: ['pipelines'],
  queryFn: ({ signal }) => get<PipelinePage>(`/api/pipelines?limit=${MAX_PIPELINES}`, signal),
});

/** One of them. */
export function pipelineQuery(id: string) {
  return queryOptions({
    queryKey: ['pipeline', id],
    queryFn: ({ signal }) =>
      get<StoredPipeline>(`/api/pipelines/${encodeURIComponent(id.toWellFormed())}`, signal),
  });
}
