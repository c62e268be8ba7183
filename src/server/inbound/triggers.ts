/** What happened on the forge, and what was decided. */
import { z } from 'zod';
import { TRIGGER_ACTIONS, TRIGGER_STATES } from '../../job/trigger/record.ts';
import { EVENT_KINDS } from '../../job/trigger/event.ts';
import { json, type Endpoint } from '../endpoint.ts';
import { wholeParam } from '../jobs/schema.ts';
import type { Define, Parts } from '../parts.ts';

const MAX_NUMBER = 1e15;
const time = z.string().meta({ format: 'date-time' });
const trigger = z
  .object({
    number: z.int().min(1),
    key: z.string().meta({ description: 'Names what happened, whoever told of it' }),
    repo: z.string(),
    kind: z.enum(EVENT_KINDS),
    subject: z.int().nullable().meta({ description: 'Issue or pull request; null for checks' }),
    actor: z.string().nullable(),
    at: time.meta({ description: 'When it happened' }),
    received_at: time,
    state: z.enum(TRIGGER_STATES),
    action: z.enum(TRIGGER_ACTIONS).nullable().meta({ description: 'What came of it' }),
    reason: z.string().nullable().meta({ description: 'Why nothing came of it, or what it waits for' }),
    job_id: z.string().nullable(),
    due_at: time.nullable(),
    decided_at: time.nullable(),
  })
  .meta({ id: 'Trigger' });
const page = z
  .object({ triggers: z.array(trigger), next_cursor: z.int().nullable() })
  .meta({ id: 'Triggers' });

const EXAMPLE: z.output<typeof trigger> = {
  number: 12,
  key: 'comment:octo/shop:991',
  repo: 'octo/shop',
  kind: 'comment',
  subject: 7,
  actor: 'ann',
  at: '2026-11-21T10:02:00Z',
  received_at: '2026-11-21T10:02:01.100Z',
  state: 'done',
  action: 'turn',
  reason: null,
  job_id: 'job-0123456789ab',
  due_at: null,
  decided_at: '2026-11-21T10:02:02.400Z',
};

/** Most words of a filter, in characters. */
const MAX_REPO_CHARS = 256;

const query = z.strictObject({
  state: z.enum(TRIGGER_STATES).optional().meta({ description: 'Only those that stand so' }),
  repo: z.string().min(1).max(MAX_REPO_CHARS).optional().meta({ description: 'Only those of `owner/name`' }),
  cursor: wholeParam(1, MAX_NUMBER, MAX_NUMBER, 'Only those before this number'),
  limit: wholeParam(1, 200, 50, 'Events on a page'),
});

/** Endpoints about events of the forge. */
export function triggerEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  return [
    define({
      method: 'get',
      path: '/api/triggers',
      id: 'listTriggers',
      tag: 'server',
      summary: 'What happened on the forge, newest first, and what was decided',
      role: 'read',
      query,
      answers: {
        200: {
          description: 'A page of events',
          content: {
            'application/json': { schema: page, example: { triggers: [EXAMPLE], next_cursor: null } },
          },
        },
      },
      async handle({ query: { state, repo, cursor: before, limit } }) {
        const found = await runner.triggers.list({
          before,
          limit,
          ...(state === undefined ? {} : { state }),
          ...(repo === undefined ? {} : { repo: repo.toLowerCase() }),
        });
        const last = found.length < limit ? undefined : found.at(-1);
        return json({ triggers: found, next_cursor: last?.number ?? null });
      },
    }),
  ];
}
