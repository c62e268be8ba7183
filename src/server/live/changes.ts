/** Following all jobs: what changed, as a page or as it changes. */
import { z } from 'zod';
import { changeView, type Told } from '../../runner/queue/changes.ts';
import { json, type Call, type Endpoint } from '../endpoint.ts';
import { eventChunk, sseResponse } from './sse.ts';
import type { Define, Parts } from '../parts.ts';
import { lastEventId, wantsStream } from '../jobs/read.ts';
import { count, jobView, wholeParam } from '../jobs/schema.ts';
import * as samples from '../jobs/samples.ts';

/** Events that are sent before the client has taken them; each is bounded by what is kept of a job's texts. */
const PIECE = 20;

const chunks = new WeakMap<Told['changes'][number], Buffer>();

/** A change as it is sent to everybody. */
function chunkOf(change: Told['changes'][number]): Buffer {
  const known = chunks.get(change);
  if (known !== undefined) return known;
  const chunk = eventChunk(change.change, 'job', change.job);
  chunks.set(change, chunk);
  return chunk;
}

function piecesOf({ changes, last, isReset }: Told): readonly (readonly Buffer[])[] {
  if (isReset) return [[eventChunk(last, 'reset', { change: last })]];
  if (changes.length === 0) return [[eventChunk(last, 'ready', { change: last })]];
  const pieces: Buffer[][] = [];
  for (const [at, change] of changes.entries()) {
    if (at % PIECE === 0) pieces.push([]);
    pieces.at(-1)?.push(chunkOf(change));
  }
  return pieces;
}

function follow({ streams }: Parts, call: Call, after: number | null): Response {
  const { request, isStillIn, destroy } = call;
  const from = lastEventId(request) ?? after;
  const open = request.method === 'HEAD' ? null : () => streams.openChanges(from);
  return sseResponse({ open, encode: piecesOf, isStillIn, destroy });
}

/** Jobs that changed. */
const changePage = z
  .object({
    changes: z.array(
      z.object({
        change: z.int().min(1).meta({ description: 'Grows with every change of any job' }),
        job: jobView,
      }),
    ),
    next_after: count.meta({ description: 'The `after` of the next page' }),
    reset: z.boolean().meta({
      description: '`after` is no change of this database: the list is to be read anew',
    }),
  })
  .meta({ id: 'ChangePage' });

const changesQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,15}$/, 'the number of a change')
    .transform(Number)
    .optional()
    .meta({
      description: 'Only changes after this number; none, but where one goes on, unless given',
      override: { type: 'integer', minimum: 0 },
    }),
  limit: wholeParam(1, 200, 100, 'Changes on a page'),
});

/** The endpoint. */
export function changeEndpoint(parts: Parts, define: Define): Endpoint {
  return define({
    method: 'get',
    path: '/api/changes',
    id: 'getChanges',
    tag: 'jobs',
    summary: 'Jobs that changed, as a page or as they change',
    description:
      'With `Accept: text/event-stream` jobs are followed: an event `job` for each that was accepted or changed, with the number of the change as its id, behind which `Last-Event-ID` (or `after`) goes on; without either it begins with the next change, after an event `ready` that says where. An event `reset` says that more changed than is told, and that the list is to be read anew. Tasks, questions and errors are cut to 2,000 characters.',
    role: 'read',
    refuses: { 503: 'Too many follow' },
    query: changesQuery,
    headers: { 'last-event-id': 'The number of the last change that was received; wins over `after`' },
    answers: {
      200: {
        description: 'A page, or the stream',
        content: {
          'application/json': {
            schema: changePage,
            example: { changes: [{ change: 7, job: samples.job }], next_after: 7, reset: false },
          },
          'text/event-stream': { schema: z.string(), example: samples.changeStream },
        },
      },
    },
    async handle(call) {
      const { after: given, limit } = call.query;
      const after = given ?? null;
      if (wantsStream(call.request)) return follow(parts, call, after);
      const { changes, last } = await parts.runner.store.listChanges(after, limit);
      const isReset = after !== null && after > last;
      const next = after === null || isReset ? last : (changes.at(-1)?.change ?? after);
      return json({ changes: changes.map(changeView), next_after: next, reset: isReset });
    },
  });
}
