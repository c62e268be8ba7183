/** What was done over HTTP, for administrators. */
import { z } from 'zod';
import { ROLES } from '../../job/access/access.ts';
import { json, type Endpoint } from '../endpoint.ts';
import { name, wholeParam } from '../jobs/schema.ts';
import type { Define, Parts } from '../parts.ts';

const MAX_NUMBER = 1e15;

const auditPage = z
  .object({
    entries: z.array(
      z.object({
        number: z.int().min(1),
        time: z.string().meta({ format: 'date-time' }),
        actor: z.string(),
        role: z.enum(ROLES),
        action: z.string(),
        target: z.string().nullable(),
        status: z.int(),
        address: z.string().nullable(),
      }),
    ),
    next_before: z.int().nullable(),
  })
  .meta({ id: 'AuditPage' });

/** The endpoint. */
export function auditEndpoint({ runner: { store } }: Parts, define: Define): Endpoint {
  return define({
    method: 'get',
    path: '/api/audit',
    id: 'getAudit',
    tag: 'server',
    summary: 'Who did what, newest first',
    role: 'admin',
    query: z.strictObject({
      before: wholeParam(1, MAX_NUMBER, MAX_NUMBER, 'Only entries with a smaller number'),
      limit: wholeParam(1, 1000, 100, 'Entries on a page'),
      actor: name.optional().meta({ description: 'Only what this key did (its id), or `local`' }),
      action: name.optional().meta({ description: 'Only this operation', example: 'submitJob' }),
      target: name.optional().meta({ description: 'Only what was done to this job, run or key' }),
    }),
    answers: {
      200: {
        description: 'A page',
        content: {
          'application/json': {
            schema: auditPage,
            example: {
              entries: [
                {
                  number: 1,
                  time: '2026-11-21T10:00:00.000Z',
                  actor: '0123456789ab',
                  role: 'submit',
                  action: 'submitJob',
                  target: 'job-0123456789ab',
                  status: 201,
                  address: '127.0.0.1',
                },
              ],
              next_before: null,
            },
          },
        },
      },
    },
    async handle({ query: { before, limit, actor, action, target } }) {
      const entries = await store.listAudit(before, limit, {
        ...(actor === undefined ? {} : { actor }),
        ...(action === undefined ? {} : { action }),
        ...(target === undefined ? {} : { target }),
      });
      const last = entries.at(-1)?.number ?? 1;
      return json({ entries, next_before: entries.length === limit && last > 1 ? last : null });
    },
  });
}
