/** What jobs have spent, summed. */
import { z } from 'zod';
import { USAGE_KEYS } from '../../job/model/usage.ts';
import { json, type Endpoint } from '../endpoint.ts';
import { spending, wholeParam } from '../jobs/schema.ts';
import type { Define, Parts } from '../parts.ts';

/** How far back is looked where nothing is said, in milliseconds. */
const SINCE_MS = 30 * 86_400_000;

const sum = z.object({ key: z.string().nullable(), ...spending }).meta({ id: 'UsageSum' });
const usage = z
  .object({
    by: z.enum(USAGE_KEYS),
    since: z.string().nullable(),
    rows: z.array(sum),
    total: sum.nullable(),
  })
  .meta({ id: 'Usage' });

const SINCE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2}))?$/;
const query = z.strictObject({
  by: z.enum(USAGE_KEYS).default('day'),
  since: z
    .string()
    .refine((text) => text === 'all' || (SINCE.test(text) && Number.isFinite(Date.parse(text))), {
      error: 'a day like 2026-11-01, a time of RFC 3339, or all',
    })
    .optional()
    .meta({
      description: 'Only jobs accepted since: a day, a time, or `all`; the last 30 days unless given',
    }),
  limit: wholeParam(1, 1000, 100, 'Rows; the total is of all'),
});

/** Endpoints about what was spent. */
export function usageEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  const one: z.output<typeof sum> = {
    key: '2026-11-21',
    jobs: 12,
    running: 1,
    unpriced: 0,
    cost_usd: 3.2,
    uncounted: 0,
    tokens_in: 810_000,
    tokens_out: 42_000,
    turns: 31,
  };
  return [
    define({
      method: 'get',
      path: '/api/usage',
      id: 'getUsage',
      tag: 'server',
      summary: 'What jobs have spent, by day, repository, agent or model',
      role: 'read',
      query,
      answers: {
        200: {
          description: 'The sums',
          content: {
            'application/json': {
              schema: usage,
              example: { by: 'day', since: null, rows: [one], total: { ...one, key: null } },
            },
          },
        },
      },
      async handle({ query: { by, since: asked, limit } }) {
        const at = asked === undefined ? Date.now() - SINCE_MS : asked === 'all' ? null : Date.parse(asked);
        const since = at === null ? null : new Date(at).toISOString();
        const rows = await runner.store.sumUsage({ by, since, limit });
        const [total = null] = await runner.store.sumUsage({ by: null, since, limit: 1 });
        return json({ by, since, rows, total });
      },
    }),
  ];
}
