/** Pipelines that are kept: making, listing, showing and deleting them. */
import { z } from 'zod';
import { JobError } from '../../job/error.ts';
import type { Pipeline, StoredPipeline } from '../../job/pipeline/definition.ts';
import { readPipeline } from '../../runner/pipeline/file/file.ts';
import { pipelineDefinition } from '../../runner/pipeline/file/schema.ts';
import type { Runner } from '../../runner/runner.ts';
import { json, type Endpoint, type Principal } from '../endpoint.ts';
import { cursor, wholeParam } from '../jobs/schema.ts';
import type { Define, Parts } from '../parts.ts';
import { DEFINITION, pipelinePage, pipelinePath, stored, STORED } from './schema.ts';
import { checkOwn, checkPolicy, whoIs } from './allowed.ts';
import { refusedPipeline } from './refused.ts';

/** The pipeline of a body. @throws Refused 400, 403 */
export function pipelineOf(principal: Principal, text: unknown): Pipeline {
  const read = readPipeline(String(text));
  if (read.ok) {
    checkPolicy(principal, read.pipeline);
    return read.pipeline;
  }
  throw refusedPipeline(read.problems);
}

/** What is read of a query: yes or no. */
const flag = z
  .enum(['true', 'false'])
  .optional()
  .transform((value) => value === 'true');

/**
 * @param readAt when what is to be replaced was kept, as far as the sender knows: another one of the name was not read by them
 * @throws JobError `no_permission` where what stands under the name is not theirs to replace, `conflict` where it is another
 */
async function checkReplaced(
  { store }: Runner,
  principal: Principal,
  { name }: Pipeline,
  readAt: string | undefined,
): Promise<void> {
  const known = await store.getPipeline(name);
  if (known === null) return;
  checkOwn(principal, known);
  if (readAt === undefined || readAt === known.updated_at) return;
  throw new JobError(
    'conflict',
    `pipeline: ${name} (${known.pipeline_id}) was kept at ${known.updated_at}, and not at ${readAt}`,
    {
      hint: 'somebody changed it meanwhile, or the name is that of another one: read it before it is replaced',
    },
  );
}

/** Deletes what is theirs to delete. @throws JobError `not_found`, `no_permission` */
export async function removeOwn(
  { pipelines }: Runner,
  principal: Principal,
  idOrName: string,
): Promise<StoredPipeline> {
  checkOwn(principal, await pipelines.get(idOrName));
  return pipelines.remove(idOrName);
}

function createEndpoint({ runner }: Parts, define: Define): Endpoint {
  return define({
    method: 'post',
    path: '/api/pipelines',
    id: 'createPipeline',
    tag: 'pipelines',
    summary: 'Keep a pipeline',
    description:
      'As JSON or YAML. What is wrong is told field by field in `errors`, with line and column of the text.',
    role: 'submit',
    refuses: {
      409: 'There is one of this name; `replace=true` puts this one in its place, unless it is another than `read_at` says',
    },
    query: z.strictObject({
      replace: flag.meta({ description: 'Whether one of this name is replaced' }),
      read_at: z.string().min(1).max(40).optional().meta({
        description: 'Only where its `updated_at` is this: 409 where somebody changed it since',
        example: STORED.updated_at,
      }),
    }),
    body: { schema: pipelineDefinition, also: 'application/yaml', examples: { two: DEFINITION } },
    answers: {
      201: {
        description: 'Kept',
        content: { 'application/json': { schema: stored, example: STORED } },
        headers: { location: 'Where it is' },
      },
    },
    async handle({ body, query, principal, about }) {
      const definition = pipelineOf(principal, body);
      if (query.replace) await checkReplaced(runner, principal, definition, query.read_at);
      const kept = await runner.pipelines.create(definition, {
        replace: query.replace,
        by: whoIs(principal),
      });
      about(kept.pipeline_id);
      return json(kept, 201, { location: `/api/pipelines/${kept.pipeline_id}` });
    },
  });
}

/** Endpoints about pipelines that are kept. */
export function keptEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  const { pipelines } = parts.runner;
  return [
    define({
      method: 'get',
      path: '/api/pipelines',
      id: 'listPipelines',
      tag: 'pipelines',
      summary: 'Pipelines that are kept, newest first',
      role: 'read',
      refuses: { 404: 'There is no such pipeline to go on behind' },
      query: z.strictObject({ cursor, limit: wholeParam(1, 200, 50, 'Pipelines on a page') }),
      answers: {
        200: {
          description: 'A page',
          content: {
            'application/json': { schema: pipelinePage, example: { pipelines: [STORED], next_cursor: null } },
          },
        },
      },
      async handle({ query: { cursor: before, limit } }) {
        // One more than is shown tells whether there is another page.
        const found = await pipelines.list({ limit: limit + 1, ...(before === undefined ? {} : { before }) });
        const page = found.slice(0, limit);
        return json({
          pipelines: page,
          next_cursor: found.length > limit ? (page.at(-1)?.pipeline_id ?? null) : null,
        });
      },
    }),
    createEndpoint(parts, define),
    define({
      method: 'get',
      path: '/api/pipelines/{id}',
      id: 'getPipeline',
      tag: 'pipelines',
      summary: 'A pipeline',
      role: 'read',
      params: pipelinePath,
      answers: {
        200: {
          description: 'The pipeline',
          content: { 'application/json': { schema: stored, example: STORED } },
        },
      },
      handle: async ({ params }) => json(await pipelines.get(params.id)),
    }),
    define({
      method: 'delete',
      path: '/api/pipelines/{id}',
      id: 'deletePipeline',
      tag: 'pipelines',
      summary: 'Forget a pipeline; its runs stay',
      role: 'submit',
      params: pipelinePath,
      answers: {
        200: {
          description: 'What it was',
          content: { 'application/json': { schema: stored, example: STORED } },
        },
      },
      async handle({ params, principal, about }) {
        const gone = await removeOwn(parts.runner, principal, params.id);
        about(gone.pipeline_id);
        return json(gone);
      },
    }),
  ];
}
