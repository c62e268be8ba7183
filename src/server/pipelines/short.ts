/** Pipelines in the short dialect: the same handlers under shorter paths, with errors as text and fewer fields. */
import { z } from 'zod';
import type { StoredPipeline } from '../../job/pipeline/definition.ts';
import type { RunView } from '../../job/pipeline/run.ts';
import { pipelineDefinition } from '../../runner/pipeline/file/schema.ts';
import { json, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { SUBMIT_REFUSES } from '../jobs/submit.ts';
import { whoIs } from './allowed.ts';
import { acceptRun } from './asked.ts';
import { pipelineOf, removeOwn } from './keep.ts';
import { DEFINITION, pipelinePath, RUN, runOptions, runPath, STORED } from './schema.ts';

/** Most pipelines and runs that a list holds. */
const MAX_ROWS = 200;

const text = z.string().nullable();
const pipelineView = z
  .object({
    pipeline_id: z.string(),
    name: z.string(),
    repo_url: text,
    steps: z.array(z.record(z.string(), z.unknown())),
  })
  .meta({ id: 'ShortPipeline' });
const runView = z
  .object({
    run_id: z.string(),
    pipeline_id: text,
    status: z.string(),
    pr_url: text,
    error: text,
    steps: z.array(
      z.object({
        name: z.string(),
        job_id: text,
        status: z.string(),
        outcome: text,
        output: z.record(z.string(), z.unknown()),
        error: text,
      }),
    ),
  })
  .meta({ id: 'ShortRun' });

function shortPipeline({ pipeline_id, definition }: StoredPipeline): z.output<typeof pipelineView> {
  const { name, repo_url, steps } = definition;
  return { pipeline_id, name, repo_url, steps: steps.map((step) => ({ ...step })) };
}

function shortRun({ run_id, pipeline_id, status, pr_url, error, steps }: RunView): z.output<typeof runView> {
  return {
    run_id,
    pipeline_id,
    status,
    pr_url,
    error: error?.message ?? null,
    steps: steps.map((step) => ({
      name: step.name,
      job_id: step.job_id,
      status: step.status,
      outcome: step.outcome,
      output: { ...step.output },
      error: step.error?.message ?? null,
    })),
  };
}

const ONE_PIPELINE = { 'application/json': { schema: pipelineView, example: shortPipeline(STORED) } };
const ONE_RUN = { 'application/json': { schema: runView, example: shortRun(RUN) } };

function keptEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  const { pipelines } = runner;
  const found = { 200: { description: 'The pipeline', content: ONE_PIPELINE } };
  return [
    define({
      method: 'post',
      path: '/pipelines',
      id: 'shortCreatePipeline',
      tag: 'short',
      summary: 'Keep a pipeline',
      role: 'submit',
      refuses: { 409: 'There is one of this name' },
      body: { schema: pipelineDefinition, also: 'application/yaml', examples: { two: DEFINITION } },
      answers: found,
      async handle({ body, principal, about }) {
        const kept = await pipelines.create(pipelineOf(principal, body), { by: whoIs(principal) });
        about(kept.pipeline_id);
        return json(shortPipeline(kept));
      },
    }),
    define({
      method: 'get',
      path: '/pipelines',
      id: 'shortPipelines',
      tag: 'short',
      summary: `The last ${MAX_ROWS} pipelines, newest first`,
      role: 'read',
      answers: {
        200: {
          description: 'The pipelines',
          content: { 'application/json': { schema: z.object({ pipelines: z.array(pipelineView) }) } },
        },
      },
      handle: async () => json({ pipelines: (await pipelines.list({ limit: MAX_ROWS })).map(shortPipeline) }),
    }),
    define({
      method: 'get',
      path: '/pipelines/{id}',
      id: 'shortPipeline',
      tag: 'short',
      summary: 'A pipeline',
      role: 'read',
      params: pipelinePath,
      answers: found,
      handle: async ({ params }) => json(shortPipeline(await pipelines.get(params.id))),
    }),
    define({
      method: 'delete',
      path: '/pipelines/{id}',
      id: 'shortDeletePipeline',
      tag: 'short',
      summary: 'Forget a pipeline; its runs stay',
      role: 'submit',
      params: pipelinePath,
      answers: found,
      async handle({ params, principal, about }) {
        const gone = await removeOwn(runner, principal, params.id);
        about(gone.pipeline_id);
        return json(shortPipeline(gone));
      },
    }),
  ];
}

function runEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  const { pipelines } = runner;
  return [
    define({
      method: 'post',
      path: '/pipelines/{id}/run',
      id: 'shortRunPipeline',
      tag: 'short',
      summary: 'Run a pipeline',
      role: 'submit',
      refuses: SUBMIT_REFUSES,
      headers: { 'idempotency-key': 'As for POST /api/jobs' },
      params: pipelinePath,
      body: {
        schema: runOptions,
        isOptional: true,
        examples: { plain: { repo_url: 'https://git.example.org/shop.git' } },
      },
      answers: { 200: { description: 'Accepted', content: ONE_RUN } },
      async handle({ params, body, principal, request, about }) {
        const key = request.headers.get('idempotency-key');
        const { view } = await acceptRun(runner, principal, params.id, { body, key });
        about(view.run_id);
        return json(shortRun(view));
      },
    }),
    define({
      method: 'get',
      path: '/pipelines/{id}/runs',
      id: 'shortPipelineRuns',
      tag: 'short',
      summary: `The last ${MAX_ROWS} runs of a pipeline, newest first`,
      role: 'read',
      params: pipelinePath,
      answers: {
        200: {
          description: 'The runs',
          content: { 'application/json': { schema: z.object({ runs: z.array(runView) }) } },
        },
      },
      async handle({ params }) {
        const { pipeline_id: pipelineId } = await pipelines.get(params.id);
        const runs = await pipelines.listRuns({ pipelineId, limit: MAX_ROWS });
        return json({ runs: runs.map(shortRun) });
      },
    }),
    define({
      method: 'get',
      path: '/runs/{run_id}',
      id: 'shortRun',
      tag: 'short',
      summary: 'A run as it stands',
      role: 'read',
      params: runPath,
      answers: { 200: { description: 'The run', content: ONE_RUN } },
      handle: async ({ params }) => json(shortRun(await pipelines.view(params.run_id))),
    }),
  ];
}

/** Endpoints about pipelines and runs in the short dialect. */
export function shortPipelineEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  return [...keptEndpoints(parts, define), ...runEndpoints(parts, define)];
}
