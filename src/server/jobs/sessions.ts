/** Sessions: jobs that go on from one another, and what they have spent together. */
import { z } from 'zod';
import type { SessionDetail, SessionView } from '../../job/view/session.ts';
import { readSession } from '../../runner/look/session.ts';
import { json, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { checkCursor } from './read.ts';
import * as samples from './samples.ts';
import { cursor, jobView, outcome, spending, status, time, wholeParam } from './schema.ts';

const limit = z.number().nullable();
const fields = {
  session_id: z.string(),
  repo: z.string(),
  branch: z.string(),
  last_job_id: z.string().meta({ description: 'Its latest job, whose agent, status and outcome these are' }),
  agent: z.string(),
  status,
  outcome: outcome.nullable(),
  created_at: time,
  updated_at: time,
  ...spending,
};
const session = z.object(fields).meta({ id: 'Session' }) satisfies z.ZodType<SessionView>;
const page = z
  .object({
    sessions: z.array(session),
    next_cursor: z.string().nullable().meta({ description: 'Gives the next page; null where there is none' }),
  })
  .meta({ id: 'SessionPage' });
const detail = z
  .object({
    ...fields,
    budget: z
      .object({ max_cost_usd: limit, max_tokens: limit, max_calls: limit })
      .nullable()
      .meta({ description: 'What its jobs may spend together (`budgets.session` of the server)' }),
    latest: z.array(jobView).meta({ description: 'Its jobs, the newest first' }),
  })
  .meta({ id: 'SessionDetail' }) satisfies z.ZodType<SessionDetail>;

const path = z.strictObject({
  session_id: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[\w-]+$/, 'letters, digits, _ and -')
    .meta({ description: 'Name of a session', example: 'prices' }),
});

const EXAMPLE: SessionView = {
  session_id: 'prices',
  repo: samples.job.repo,
  branch: 'bot/prices',
  last_job_id: samples.job.job_id,
  agent: 'codex',
  status: 'completed',
  outcome: 'proposed',
  created_at: samples.job.created_at,
  updated_at: samples.job.updated_at,
  jobs: 2,
  running: 0,
  unpriced: 0,
  cost_usd: 0.42,
  uncounted: 0,
  tokens_in: 51_000,
  tokens_out: 2400,
  turns: 5,
};

/** Endpoints about sessions. */
export function sessionEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  return [
    define({
      method: 'get',
      path: '/api/sessions',
      id: 'listSessions',
      tag: 'jobs',
      summary: 'Sessions, those with the latest job first',
      role: 'read',
      query: z.strictObject({ cursor, limit: wholeParam(1, 200, 50, 'Sessions on a page') }),
      answers: {
        200: {
          description: 'A page',
          content: {
            'application/json': { schema: page, example: { sessions: [EXAMPLE], next_cursor: null } },
          },
        },
      },
      async handle({ query: { cursor: before, limit: most } }) {
        await checkCursor(runner, before);
        const found = await runner.store.listSessions({
          // One more than is shown tells whether there is another page.
          limit: most + 1,
          ...(before === undefined ? {} : { before }),
        });
        const sessions = found.slice(0, most);
        const next = found.length > most ? (sessions.at(-1)?.last_job_id ?? null) : null;
        return json({ sessions, next_cursor: next });
      },
    }),
    define({
      method: 'get',
      path: '/api/sessions/{session_id}',
      id: 'getSession',
      tag: 'jobs',
      summary: 'A session: its jobs, and what they have spent of what they may',
      description: 'Jobs beyond `limit` are in `GET /api/jobs?session=`.',
      role: 'read',
      params: path,
      query: z.strictObject({ limit: wholeParam(1, 200, 20, 'Jobs that are shown') }),
      answers: {
        200: {
          description: 'The session',
          content: {
            'application/json': {
              schema: detail,
              example: {
                ...EXAMPLE,
                budget: { max_cost_usd: 10, max_tokens: null, max_calls: null },
                latest: [{ ...samples.job, session_id: 'prices', branch: 'bot/prices' }],
              },
            },
          },
        },
      },
      handle: async ({ params, query }) => json(await readSession(runner, params.session_id, query.limit)),
    }),
  ];
}
