/** What a request may ask for here, and what budgets leave: read before one asks, so that nobody is refused by surprise. */
import { z } from 'zod';
import { SANDBOX_NAMES } from '../../job/request.ts';
import { readBudgets } from '../../runner/models/budgets.ts';
import { hasForge } from '../../runner/request/resolve.ts';
import { json, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { remembered } from './remembered.ts';
import type { LimitsView } from './view.ts';

/** How long what was found of spending holds, in milliseconds: it is summed over the jobs of two weeks. */
const SPENT_MS = 10_000;

const most = z.number().nullable();
const limits = z
  .object({
    model: z.string().nullable().meta({ description: 'Who is asked unless a request says otherwise' }),
    sandbox: z.enum(SANDBOX_NAMES),
    sandboxes: z.array(z.enum(SANDBOX_NAMES)).meta({ description: 'Those that a request may name' }),
    has_forge: z
      .boolean()
      .meta({ description: 'Whether `owner/name` can be forked, pushed to and proposed on' }),
    callbacks: z.boolean().meta({ description: 'Whether a request may name a callback_url' }),
    budgets: z.array(
      z.object({
        scope: z.enum(['day', 'repository', 'session']),
        repo: z.string().nullable(),
        max_cost_usd: most,
        max_tokens: most,
        max_calls: most,
        spent_usd: most.meta({ description: 'Of it, today (UTC), as far as it is known' }),
        spent_tokens: most,
      }),
    ),
  })
  .meta({ id: 'Offer' });

const EXAMPLE: LimitsView = {
  model: null,
  sandbox: 'auto',
  sandboxes: ['auto', 'bubblewrap'],
  has_forge: true,
  callbacks: true,
  budgets: [
    {
      scope: 'day',
      repo: null,
      max_cost_usd: 50,
      max_tokens: null,
      max_calls: null,
      spent_usd: 12.4,
      spent_tokens: 2_100_000,
    },
  ],
};

/** The endpoint. */
export function limitsEndpoint({ runner, config }: Parts, define: Define): Endpoint {
  const budgets = remembered(SPENT_MS, async () => await readBudgets(runner, new Date()));
  return define({
    method: 'get',
    path: '/api/limits',
    id: 'getLimits',
    tag: 'server',
    summary: 'What a request may ask for here, and what budgets leave',
    role: 'read',
    answers: {
      200: {
        description: 'The limits; what was spent, as it was at most ten seconds ago',
        content: { 'application/json': { schema: limits, example: EXAMPLE } },
      },
    },
    async handle() {
      const { model, sandbox, webhooks } = config;
      const answer: LimitsView = {
        model,
        sandbox: sandbox.name,
        sandboxes: SANDBOX_NAMES.filter((name) => name !== 'host' || sandbox.name === 'host'),
        has_forge: hasForge(config),
        callbacks: webhooks.secret !== null || webhooks.allowInsecure,
        budgets: await budgets(),
      };
      return json(answer);
    },
  });
}
