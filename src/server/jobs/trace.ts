/** What took how long in a job, as spans of OpenTelemetry. */
import { z } from 'zod';
import type { TraceView } from '../../job/trace/span.ts';
import { readTrace } from '../../runner/look/trace.ts';
import { json, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { jobPath } from './schema.ts';

const nano = z
  .string()
  .regex(/^\d{1,19}$/)
  .meta({ description: 'Nanoseconds since 1970' });
const span = z.object({
  trace_id: z.string(),
  span_id: z.string(),
  parent_span_id: z.string().nullable(),
  name: z.string(),
  kind: z.enum(['internal', 'client']),
  start_time_unix_nano: nano,
  end_time_unix_nano: nano,
  status: z.object({ code: z.enum(['unset', 'ok', 'error']), message: z.string().nullable() }),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
const trace = z
  .object({
    job_id: z.string(),
    trace_id: z.string(),
    spans: z.array(span).meta({ description: 'The job itself first, the others in the order they began' }),
    left_out: z.int().min(0).meta({ description: 'Spans beyond the first 10,000' }),
  })
  .meta({ id: 'Trace' }) satisfies z.ZodType<TraceView>;

const EXAMPLE: TraceView = {
  job_id: 'job-0123456789ab',
  trace_id: '9b1c1d1b4f0a6f0e6a1f3c5d7e9b2a4c',
  spans: [
    {
      trace_id: '9b1c1d1b4f0a6f0e6a1f3c5d7e9b2a4c',
      span_id: '1f3c5d7e9b2a4c6d',
      parent_span_id: null,
      name: 'job job-0123456789ab',
      kind: 'internal',
      start_time_unix_nano: '1795255200000000000',
      end_time_unix_nano: '1795255320000000000',
      status: { code: 'ok', message: null },
      attributes: { 'cicd.pipeline.run.id': 'job-0123456789ab', 'cicd.pipeline.result': 'success' },
    },
  ],
  left_out: 0,
};

/** The endpoint of traces. */
export function traceEndpoint({ runner }: Parts, define: Define): Endpoint {
  return define({
    method: 'get',
    path: '/api/jobs/{job_id}/trace',
    id: 'getTrace',
    tag: 'jobs',
    summary: 'What took how long in a job, as spans of OpenTelemetry',
    description:
      'Made of its log: the steps, and in them setup, turns of the agent, tool calls, calls to models and checks. Of a job that has not ended, so far.',
    role: 'read',
    params: jobPath,
    answers: {
      200: {
        description: 'The trace',
        content: { 'application/json': { schema: trace, example: EXAMPLE } },
      },
    },
    handle: async ({ params }) => json(await readTrace(runner.store, params.job_id)),
  });
}
