/** Callbacks of a job: what was sent, every try at it, and another one. */
import { z } from 'zod';
import { DELIVERY_STATUSES } from '../../job/delivery/delivery.ts';
import { JobError } from '../../job/error.ts';
import { json, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { findJob } from './read.ts';
import { jobPath } from './schema.ts';

const time = z.string().meta({ format: 'date-time' });
const delivery = z
  .object({
    delivery_id: z.string().meta({ description: 'The `webhook-id`, the same for every try' }),
    job_id: z.string(),
    url: z.string(),
    body: z.string().meta({ description: 'What is sent and signed, byte by byte' }),
    status: z.enum(DELIVERY_STATUSES),
    created_at: time,
    due_at: time.nullable().meta({ description: 'When the next try is due; null when none is' }),
    round: z.int().min(0),
    tries: z.array(
      z.object({
        number: z.int().min(1),
        started_at: time,
        duration_ms: z.number(),
        http_status: z.int().nullable(),
        error: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Delivery' });
const deliveryList = z.object({ deliveries: z.array(delivery) }).meta({ id: 'Deliveries' });

const EXAMPLE: z.output<typeof deliveryList> = {
  deliveries: [
    {
      delivery_id: 'delivery-job-0123456789ab-proposed',
      job_id: 'job-0123456789ab',
      url: 'https://ci.example.org/hook',
      body: '{"job_id":"job-0123456789ab","status":"completed","outcome":"proposed"}',
      status: 'delivered',
      created_at: '2026-11-21T10:02:00.000Z',
      due_at: null,
      round: 1,
      tries: [
        { number: 1, started_at: '2026-11-21T10:02:00.100Z', duration_ms: 84, http_status: 200, error: null },
      ],
    },
  ],
};

/** Endpoints about callbacks. A receiver's URL may be a secret in itself, so looking takes what asking for jobs does. */
export function deliveryEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  const answered = {
    description: 'The deliveries',
    content: { 'application/json': { schema: deliveryList, example: EXAMPLE } },
  };
  return [
    define({
      method: 'get',
      path: '/api/jobs/{job_id}/deliveries',
      id: 'listDeliveries',
      tag: 'jobs',
      summary: "A job's callbacks and every try at them",
      role: 'submit',
      params: jobPath,
      answers: { 200: answered },
      async handle({ params }) {
        await findJob(runner, params.job_id);
        return json({ deliveries: await runner.callbacks.list(params.job_id) });
      },
    }),
    define({
      method: 'post',
      path: '/api/jobs/{job_id}/redeliver',
      id: 'redeliver',
      tag: 'jobs',
      summary: "Send a job's callbacks again, now, and then by the schedule until they arrive",
      role: 'submit',
      refuses: { 409: 'There is nothing to send, or it is being sent' },
      params: jobPath,
      answers: { 200: { ...answered, description: 'How they stand after one more try' } },
      async handle({ params, about }) {
        about(params.job_id);
        await findJob(runner, params.job_id);
        const deliveries = await runner.callbacks.redeliver(params.job_id);
        if (deliveries.length > 0) return json({ deliveries });
        throw new JobError('conflict', `redeliver: ${params.job_id} named no callback, or has not ended`);
      },
    }),
  ];
}
