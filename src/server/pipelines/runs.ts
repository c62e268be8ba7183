/** Runs of pipelines: starting, listing, showing them, and what can be done to one. */
import { z } from 'zod';
import { runIdOf, type RunView } from '../../job/pipeline/run.ts';
import { json, type Endpoint } from '../endpoint.ts';
import { status, wholeParam } from '../jobs/schema.ts';
import { onceOf, SUBMIT_REFUSES } from '../jobs/submit.ts';
import type { Define, Parts } from '../parts.ts';
import { whoIs } from './allowed.ts';
import { acceptRun } from './asked.ts';
import { approvalBody, pipelinePath, RUN, runBody, runOptions, runPage, runPath, runView } from './schema.ts';

const KEY_HEADER = { 'idempotency-key': 'Any text of yours: 1 to 255 printable ASCII characters' };
const ONE = { 'application/json': { schema: runView, example: RUN } };

const pageQuery = z.strictObject({
  cursor: z
    .string()
    .regex(/^(run|job)-[0-9a-f]{12}$/, 'what `next_cursor` said')
    .optional(),
  limit: wholeParam(1, 200, 50, 'Runs on a page'),
  status: status
    .optional()
    .meta({ description: 'Only runs that stand so; `completed` are also those that did `with_failures`' }),
});

function startedAnswer({ view, isNew }: { readonly view: RunView; readonly isNew: boolean }): Response {
  return json(view, 201, {
    location: `/api/runs/${view.run_id}`,
    ...(isNew ? {} : { 'idempotent-replayed': 'true' }),
  });
}

const STARTED = {
  201: {
    description: 'Accepted; `Idempotent-Replayed: true` where it had been before',
    content: ONE,
    headers: { location: 'Where the run is' },
  },
} as const;

function startEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  return [
    define({
      method: 'post',
      path: '/api/pipelines/{id}/run',
      id: 'runPipeline',
      tag: 'pipelines',
      summary: 'Run a pipeline',
      description:
        'The run is durable when this is answered; `Idempotency-Key` as for POST /api/jobs. What the body says wins over what the pipeline says.',
      role: 'submit',
      refuses: SUBMIT_REFUSES,
      headers: KEY_HEADER,
      params: pipelinePath,
      body: {
        schema: runOptions,
        isOptional: true,
        examples: { plain: {}, branch: { repo: 'https://git.example.org/shop.git', base: 'next' } },
      },
      answers: STARTED,
      async handle({ params, body, principal, request, about }) {
        const key = request.headers.get('idempotency-key');
        const started = await acceptRun(runner, principal, params.id, { body, key });
        about(started.view.run_id);
        return startedAnswer(started);
      },
    }),
    define({
      method: 'post',
      path: '/api/runs',
      id: 'startRun',
      tag: 'pipelines',
      summary: 'Run a pipeline that comes along, or that is named',
      description: 'As `POST /api/pipelines/{id}/run`; a definition is not kept.',
      role: 'submit',
      refuses: { ...SUBMIT_REFUSES, 404: 'There is no such pipeline' },
      headers: KEY_HEADER,
      body: {
        schema: runBody,
        examples: { named: { pipeline: 'checks', repo: 'https://git.example.org/shop.git' } },
      },
      answers: STARTED,
      async handle({ body: { pipeline, ...body }, principal, request, about }) {
        const key = request.headers.get('idempotency-key');
        const started = await acceptRun(runner, principal, pipeline, { body, key });
        about(started.view.run_id);
        return startedAnswer(started);
      },
    }),
  ];
}

function listEndpoints({ runner: { pipelines } }: Parts, define: Define): readonly Endpoint[] {
  const page = async (
    pipelineId: string | null,
    { cursor, limit, status: wanted }: z.output<typeof pageQuery>,
  ): Promise<Response> => {
    const found = await pipelines.listRuns({
      // One more than is shown tells whether there is another page.
      limit: limit + 1,
      ...(pipelineId === null ? {} : { pipelineId }),
      ...(cursor === undefined ? {} : { before: cursor }),
      ...(wanted === undefined ? {} : { status: wanted }),
    });
    const runs = found.slice(0, limit);
    return json({ runs, next_cursor: found.length > limit ? (runs.at(-1)?.run_id ?? null) : null });
  };
  const answers = {
    200: {
      description: 'A page',
      content: { 'application/json': { schema: runPage, example: { runs: [RUN], next_cursor: null } } },
    },
  };
  return [
    define({
      method: 'get',
      path: '/api/pipelines/{id}/runs',
      id: 'listPipelineRuns',
      tag: 'pipelines',
      summary: 'The runs of a pipeline, newest first',
      role: 'read',
      params: pipelinePath,
      query: pageQuery,
      answers,
      handle: async ({ params, query }) => page((await pipelines.get(params.id)).pipeline_id, query),
    }),
    define({
      method: 'get',
      path: '/api/runs',
      id: 'listRuns',
      tag: 'pipelines',
      summary: 'Runs of all pipelines, newest first',
      role: 'read',
      refuses: { 404: 'There is no such run to go on behind' },
      query: pageQuery,
      answers,
      handle: async ({ query }) => page(null, query),
    }),
    define({
      method: 'get',
      path: '/api/runs/{run_id}',
      id: 'getRun',
      tag: 'pipelines',
      summary: 'A run as it stands',
      description:
        'Its log, diff, result and deliveries are those of its job: /api/jobs/{job_id} takes its id as well.',
      role: 'read',
      params: runPath,
      answers: { 200: { description: 'The run', content: ONE } },
      handle: async ({ params }) => json(await pipelines.view(params.run_id)),
    }),
  ];
}

function actEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  const { pipelines } = runner;
  return [
    define({
      method: 'post',
      path: '/api/runs/{run_id}/cancel',
      id: 'cancelRun',
      tag: 'pipelines',
      summary: 'Stop a run and the jobs of its steps; what they did is saved',
      role: 'submit',
      refuses: { 409: 'The run has ended' },
      params: runPath,
      answers: { 202: { description: 'The run, ended or about to', content: ONE } },
      async handle({ params, about }) {
        about(params.run_id);
        const { job_id: jobId } = await pipelines.view(params.run_id);
        await runner.cancel(jobId);
        return json(await pipelines.view(params.run_id), 202);
      },
    }),
    define({
      method: 'post',
      path: '/api/runs/{run_id}/retry',
      id: 'retryRun',
      tag: 'pipelines',
      summary: 'Run what failed once more, without what was successful, as a new run',
      role: 'submit',
      refuses: {
        409: 'The run has not ended, nothing of it failed, or the idempotency key was used for another request',
        503: 'The disk is nearly full',
      },
      headers: KEY_HEADER,
      params: runPath,
      answers: STARTED,
      async handle({ params, about, principal, request }) {
        about(params.run_id);
        const once = onceOf(principal, request.headers.get('idempotency-key'), { retry: params.run_id });
        const { job, isNew } = await pipelines.retry(params.run_id, once);
        return startedAnswer({ view: await pipelines.view(runIdOf(job.job_id)), isNew });
      },
    }),
    define({
      method: 'post',
      path: '/api/runs/{run_id}/approve',
      id: 'approveRun',
      tag: 'pipelines',
      summary: 'Say yes or no to a step that asks',
      description:
        'Who decides is the name of the key; where the step names `approvers`, it must be one of them. The first word counts.',
      role: 'submit',
      refuses: { 409: 'The step asks nothing, or somebody decided otherwise' },
      params: runPath,
      body: {
        schema: approvalBody,
        examples: {
          yes: { step: 'release', approved: true },
          no: { step: 'release', approved: false, comment: 'Not on a Friday' },
        },
      },
      answers: { 202: { description: 'The run', content: ONE } },
      async handle({ params, body, principal, about }) {
        about(params.run_id);
        const { step, approved, comment = null } = body;
        await pipelines.approve(params.run_id, step, { approved, comment, by: whoIs(principal) });
        return json(await pipelines.view(params.run_id), 202);
      },
    }),
  ];
}

/** Endpoints about runs. */
export function runEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  return [...startEndpoints(parts, define), ...listEndpoints(parts, define), ...actEndpoints(parts, define)];
}
