/** Pipelines of a server, over its HTTP API. */
import { randomUUID } from 'node:crypto';
import type { StoredPipeline } from '../../job/pipeline/definition.ts';
import type { RunView } from '../../job/pipeline/run.ts';
import type { Pipeline, Run } from '../generated/types.ts';
import { call, type Place } from '../http/call.ts';
import { pages } from '../http/pages.ts';
import type { PipelineClient } from './pipelines.ts';

// The document says of definitions and outputs that they are objects; the server sends what its own code typed.
function runOf(run: Run): RunView {
  return run as unknown as RunView;
}

function pipelineOf(pipeline: Pipeline): StoredPipeline {
  return pipeline as unknown as StoredPipeline;
}

/** Makes the client of a server's pipelines. */
export function createRemotePipelines(place: Place): PipelineClient {
  const of = (id: string): { readonly path: { readonly id: string } } => ({ path: { id } });
  const ofRun = (id: string): { readonly path: { readonly run_id: string } } => ({ path: { run_id: id } });
  return {
    create: async (definition, { replace = false } = {}) =>
      pipelineOf(
        await call(place, 'createPipeline', {
          body: definition as never,
          query: { replace: replace ? 'true' : 'false' },
        }),
      ),
    get: async (idOrName) => pipelineOf(await call(place, 'getPipeline', of(idOrName))),
    list: ({ limit, before }) =>
      pages(limit, before, async (most, cursor) => {
        const page = await call(place, 'listPipelines', { query: { limit: most, ...cursor } });
        return { rows: page.pipelines.map(pipelineOf), next: page.next_cursor };
      }),
    remove: async (idOrName) => pipelineOf(await call(place, 'deletePipeline', of(idOrName))),
    // Under a key of its own a request can be sent again when its answer is lost.
    run: async (pipeline, asked, key = randomUUID()) =>
      runOf(
        await call(
          place,
          'startRun',
          { body: { ...asked, pipeline }, header: { 'idempotency-key': key } },
          true,
        ),
      ),
    view: async (runId) => runOf(await call(place, 'getRun', ofRun(runId))),
    runs: ({ pipeline, limit, before }) =>
      pages(limit, before, async (most, cursor) => {
        const query = { limit: most, ...cursor };
        const page =
          pipeline === undefined
            ? await call(place, 'listRuns', { query })
            : await call(place, 'listPipelineRuns', { ...of(pipeline), query });
        return { rows: page.runs.map(runOf), next: page.next_cursor };
      }),
    // The first word counts, so that saying it twice is saying it once.
    approve: async (runId, approval) =>
      runOf(await call(place, 'approveRun', { ...ofRun(runId), body: approval }, true)),
    retry: async (runId, key = randomUUID()) =>
      runOf(await call(place, 'retryRun', { ...ofRun(runId), header: { 'idempotency-key': key } }, true)),
  };
}
