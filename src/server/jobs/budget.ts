/** What jobs may spend, on the wire. */
import { z } from 'zod';
import type { Budget } from '../../job/request.ts';

/** What a request asks to spend. */
export const budget = z
  .strictObject({
    max_cost_usd: z.number().min(0).max(1_000_000).optional(),
    max_tokens: z.int().min(1).max(1e12).optional(),
    max_turns: z.int().min(1).max(500).optional(),
    timeout_s: z.int().min(1).max(1_209_600).optional(),
  })
  .meta({ id: 'Budget', description: "What the job may spend; never more than the server's own settings" });

/** What is to be spent at most. */
export const limits = z
  .object({
    max_cost_usd: z.number().nullable(),
    max_tokens: z.number().nullable(),
    max_turns: z.number().nullable(),
    timeout_s: z.number(),
  })
  .meta({ id: 'Limits', description: 'What it may spend; `null` is no limit' }) satisfies z.ZodType<Budget>;
