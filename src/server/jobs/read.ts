/** Looking at jobs: lists, one job, its result, log and diff. */
import { JobError } from '../../job/error.ts';
import type { Job, JobEvent } from '../../job/job.ts';
import { JOB_STATUSES, parseStatus } from '../../job/status.ts';
import {
  MAX_SEARCH_CHARS,
  MAX_SEARCH_WORDS,
  MIN_BEGINNING_CHARS,
  searchWords,
} from '../../job/text/words.ts';
import type { Runner } from '../../runner/runner.ts';
import { json, type Call, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { Refused } from '../problem.ts';
import { logPieces, sseResponse } from '../live/sse.ts';
import { checkAfter } from '../live/streams.ts';
import {
  cursor,
  eventPage,
  jobPage,
  jobPath,
  jobView,
  name,
  resultView,
  stepList,
  text,
  wholeParam,
} from './schema.ts';
import * as samples from './samples.ts';
import { stepView } from '../../job/view/view.ts';
import { viewOf } from '../../job/view/view.ts';
import { z } from 'zod';

const MAX_SEQ = 1e15;
/** Events of a page of the log as text. */
const PAGE = 500;

/** What may be asked for apart from the rest, as the store is asked. */
const KINDS = {
  top: { isStep: false },
  job: { isRun: false, isStep: false },
  run: { isRun: true },
  step: { isStep: true },
} as const;
type Kind = keyof typeof KINDS;

/** A time, or a day in UTC. */
const moment = z
  .string()
  .regex(
    /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/,
    'a day or a time (RFC 3339)',
  )
  .refine((value) => Number.isFinite(Date.parse(value)), 'a day or a time that there is');

/** The query of the list of jobs. */
const listQuery = z.strictObject({
  status: z
    .enum([...JOB_STATUSES, 'created', 'pending'])
    .optional()
    .meta({ description: '`created` and `pending` are names of `queued`' }),
  repo: text(4096).optional(),
  q: text(MAX_SEARCH_CHARS)
    .refine((value) => searchWords(value) !== null, {
      error: `1 to ${MAX_SEARCH_WORDS} words in at most ${MAX_SEARCH_CHARS} characters, ${MIN_BEGINNING_CHARS} or more before a *`,
    })
    .optional()
    .meta({
      description:
        'Words that are each in the task, the repository, the branch, the id or the URL of the pull request; `disc*` is what one begins with',
      example: 'rounding shop disc*',
    }),
  agent: name.optional(),
  about: text(400)
    .optional()
    .meta({ description: 'The issue or pull request that it was asked for on, as `owner/name#12`' }),
  kind: z
    .enum(Object.keys(KINDS) as readonly Kind[])
    .optional()
    .meta({
      description:
        '`top`: all but the steps of runs; `job`: neither runs nor their steps; `run`: runs of pipelines; `step`: their steps',
    }),
  since: moment.optional().meta({ description: 'Only jobs created from then on' }),
  until: moment.optional().meta({ description: 'Only jobs created before' }),
  session: name.optional(),
  user: name.optional(),
  cursor,
  limit: wholeParam(1, 200, 50, 'Jobs on a page'),
});

/** A job by its id. @throws JobError `not_found` */
export async function findJob(runner: Runner, jobId: string): Promise<Job> {
  const job = await runner.store.getJob(jobId);
  if (job !== null) return job;
  throw new JobError('not_found', `job: there is no ${jobId}`, {
    hint: 'GET /api/jobs lists those there are',
  });
}

/** Refuses a cursor that names no job. @throws Refused 400 */
export async function checkCursor(runner: Runner, cursor: string | undefined): Promise<void> {
  if (cursor === undefined || (await runner.store.getJob(cursor)) !== null) return;
  const errors = [{ field: 'query.cursor', came: JSON.stringify(cursor), allowed: 'what next_cursor said' }];
  throw new Refused({
    status: 400,
    code: 'invalid_request',
    detail: 'query.cursor: no page goes on there',
    errors,
  });
}

function listEndpoint({ runner }: Parts, define: Define): Endpoint {
  return define({
    method: 'get',
    path: '/api/jobs',
    id: 'listJobs',
    tag: 'jobs',
    summary: 'Jobs, newest first',
    role: 'read',
    query: listQuery,
    answers: {
      200: {
        description: 'A page',
        content: {
          'application/json': {
            schema: jobPage,
            example: { jobs: [samples.job], next_cursor: null, change: 7 },
          },
        },
      },
    },
    async handle({ query }) {
      const { status, repo, q, agent, about, kind, since, until, session, user, cursor, limit } = query;
      const known = status === undefined ? null : parseStatus(status);
      await checkCursor(runner, cursor);
      const { last } = await runner.store.listChanges(null, 1);
      const jobs = await runner.store.listJobs({
        // One more than is shown tells whether there is another page.
        limit: limit + 1,
        ...(known === null ? {} : { status: known }),
        ...(repo === undefined ? {} : { repo }),
        ...(q === undefined ? {} : { search: q }),
        ...(agent === undefined ? {} : { agent }),
        ...(about === undefined ? {} : { about }),
        ...(kind === undefined ? {} : KINDS[kind]),
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
        ...(session === undefined ? {} : { sessionId: session }),
        ...(user === undefined ? {} : { userId: user }),
        ...(cursor === undefined ? {} : { before: cursor }),
      });
      const page = jobs.slice(0, limit);
      return json({
        jobs: page.map(viewOf),
        next_cursor: jobs.length > limit ? (page.at(-1)?.job_id ?? null) : null,
        change: last,
      });
    },
  });
}

/** What a job ended with. @throws JobError `conflict` while it has not ended */
export function resultOf(job: Job): NonNullable<Job['result']> {
  if (job.result !== null) return job.result;
  throw new JobError('conflict', `result: ${job.job_id} has not ended, it is ${job.status}`, {
    hint: `GET /api/jobs/${job.job_id}/events with \`Accept: text/event-stream\` follows it to its end`,
  });
}

function jobEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  return [
    define({
      method: 'get',
      path: '/api/jobs/{job_id}',
      id: 'getJob',
      tag: 'jobs',
      summary: 'A job as it stands',
      role: 'read',
      params: jobPath,
      answers: {
        200: {
          description: 'The job',
          content: { 'application/json': { schema: jobView, example: samples.job } },
        },
      },
      handle: async ({ params }) => json(viewOf(await findJob(runner, params.job_id))),
    }),
    define({
      method: 'get',
      path: '/api/jobs/{job_id}/result',
      id: 'getResult',
      tag: 'jobs',
      summary: 'What a job ended with',
      description: '409 while it has not ended.',
      role: 'read',
      refuses: { 409: 'The job has not ended' },
      params: jobPath,
      answers: {
        200: {
          description: 'The result',
          content: { 'application/json': { schema: resultView, example: samples.result } },
        },
      },
      handle: async ({ params }) => json(resultOf(await findJob(runner, params.job_id))),
    }),
    define({
      method: 'get',
      path: '/api/jobs/{job_id}/diff',
      id: 'getDiff',
      tag: 'jobs',
      summary: "A job's change against its base, as a unified diff",
      role: 'read',
      params: jobPath,
      answers: {
        200: {
          description: 'The diff',
          content: { 'text/x-diff': { schema: z.string(), example: samples.diff } },
        },
      },
      async handle({ params }) {
        await findJob(runner, params.job_id);
        return new Response(await runner.diff(params.job_id), {
          headers: { 'content-type': 'text/x-diff; charset=utf-8' },
        });
      },
    }),
  ];
}

function stepsEndpoint({ runner }: Parts, define: Define): Endpoint {
  return define({
    method: 'get',
    path: '/api/jobs/{job_id}/steps',
    id: 'getSteps',
    tag: 'jobs',
    summary: 'The steps of a job so far',
    role: 'read',
    params: jobPath,
    answers: {
      200: {
        description: 'Its steps, in their order',
        content: {
          'application/json': {
            schema: stepList,
            example: { steps: [{ key: 'prepare-1', done: true, tries: 1 }] },
          },
        },
      },
    },
    async handle({ params }) {
      await findJob(runner, params.job_id);
      return json({ steps: (await runner.store.readSteps(params.job_id)).map(stepView) });
    },
  });
}

/** An event as lines of text: what an agent or a check printed as it is, anything else with its type. */
function linesOf({ type, time, data }: JobEvent): string {
  const { text, message, status, name } = data;
  const said = [text, message, status, name].find((one) => typeof one === 'string');
  if (type === 'log') return typeof said === 'string' ? said.replace(/\n?$/, '\n') : '';
  return `${time} ${type} ${typeof said === 'string' ? said : JSON.stringify(data)}\n`;
}

/** The log so far, read as it is taken. */
function logBody(runner: Runner, jobId: string): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let after = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const events = await runner.store.readEvents(jobId, after, PAGE);
        after = events.at(-1)?.seq ?? after;
        if (events.length > 0)
          controller.enqueue(encoder.encode(events.map(linesOf).join('').toWellFormed()));
        if (events.length < PAGE) controller.close();
      },
    },
    { highWaterMark: 1 },
  );
}

/** The number of the event that a client says it received last. @throws JobError `invalid_request` for what is none */
export function lastEventId({ headers }: Request): number | null {
  const last = headers.get('last-event-id');
  if (last === null) return null;
  if (/^\d{1,15}$/.test(last)) return Number(last);
  throw new JobError('invalid_request', 'header.last-event-id: allowed is the number of an event');
}

/** Whether a request asks for a stream of events. */
export function wantsStream({ headers }: Request): boolean {
  return /\btext\/event-stream\b/i.test(headers.get('accept') ?? '');
}

async function follow(
  { runner, streams }: Parts,
  call: Call,
  jobId: string,
  after: number,
): Promise<Response> {
  const last = lastEventId(call.request);
  const from = last ?? after;
  const standing = await checkAfter(
    runner,
    jobId,
    from,
    last === null ? 'query.after' : 'header.last-event-id',
  );
  // Browsers come again after every end; this is how they are told that there is nothing more.
  if (standing === 'over') return new Response(null, { status: 204 });
  const open = call.request.method === 'HEAD' ? null : () => streams.open(jobId, from);
  return sseResponse({ open, encode: logPieces, isStillIn: call.isStillIn, destroy: call.destroy });
}

const eventsQuery = z.strictObject({
  after: wholeParam(0, MAX_SEQ, 0, 'Only events after this number'),
  limit: wholeParam(1, 1000, 100, 'Events on a page'),
});

function logEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  const { runner } = parts;
  return [
    define({
      method: 'get',
      path: '/api/jobs/{job_id}/events',
      id: 'getEvents',
      tag: 'jobs',
      summary: "A job's log, as a page or as it grows",
      description:
        'With `Accept: text/event-stream` the log is followed until the job has ended: the id of each event is its `seq`, and `Last-Event-ID` (or `after`) goes on behind it. 204 says that the job has ended and that nothing follows.',
      role: 'read',
      refuses: { 503: 'Too many follow' },
      params: jobPath,
      query: eventsQuery,
      headers: { 'last-event-id': 'The number of the last event that was received; wins over `after`' },
      answers: {
        200: {
          description: 'A page, or the stream',
          content: {
            'application/json': { schema: eventPage, example: { events: [samples.event], next_after: 1 } },
            'text/event-stream': { schema: z.string(), example: samples.stream },
          },
        },
        204: { description: 'The job has ended, and nothing follows (only when followed)' },
      },
      async handle(call) {
        const { params, query, request } = call;
        await findJob(runner, params.job_id);
        if (wantsStream(request)) return follow(parts, call, params.job_id, query.after);
        const events = await runner.store.readEvents(params.job_id, query.after, query.limit);
        return json({ events, next_after: events.at(-1)?.seq ?? query.after });
      },
    }),
    define({
      method: 'get',
      path: '/api/jobs/{job_id}/log',
      id: 'getLog',
      tag: 'jobs',
      summary: "A job's log as text",
      role: 'read',
      params: jobPath,
      answers: {
        200: {
          description: 'The log so far',
          content: { 'text/plain': { schema: z.string(), example: samples.log } },
        },
      },
      async handle({ params }) {
        await findJob(runner, params.job_id);
        return new Response(logBody(runner, params.job_id), {
          headers: { 'content-type': 'text/plain; charset=utf-8' },
        });
      },
    }),
  ];
}

/** Endpoints that look at jobs. */
export function readEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  return [
    listEndpoint(parts, define),
    ...jobEndpoints(parts, define),
    stepsEndpoint(parts, define),
    ...logEndpoints(parts, define),
  ];
}
