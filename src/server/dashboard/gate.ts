/** What the gate has said of a job, run by run, while the job goes on too: with the failures themselves. */
import { z } from 'zod';
import { CHECK_KINDS } from '../../job/gate.ts';
import { json, type Endpoint } from '../endpoint.ts';
import { count, jobPath, wholeParam } from '../jobs/schema.ts';
import type { Define, Parts } from '../parts.ts';
import type { GateRunsView } from './view.ts';

const tests = z.object({ passed: count, failed: count, skipped: count }).nullable().optional();
const finding = z.object({
  kind: z.string(),
  severity: z.enum(['block', 'draft', 'report']),
  file: z.string(),
  line: z.int().nullable(),
  detail: z.string(),
  tests: z.array(z.string()).optional(),
});
const check = z.object({
  name: z.string(),
  kind: z.enum(CHECK_KINDS),
  command: z.string(),
  base: z.enum(['passed', 'failed', 'inconclusive', 'not_run']),
  head: z.enum(['passed', 'failed', 'inconclusive']),
  verdict: z.enum(['passed', 'failed', 'pre_existing', 'fixed', 'flaky', 'inconclusive']),
  duration_ms: z.number(),
  log: z.string().nullable(),
  reason: z.string(),
  base_tests: tests,
  head_tests: tests,
  new_failures: z.array(z.string()),
  excerpt: z.string(),
});
const gateRuns = z
  .object({
    runs: z.array(
      z.object({
        verdict: z.enum(['green', 'red', 'inconclusive', 'none']),
        commit: z.string(),
        tree: z.string(),
        checks: z.array(check),
        tamper: z.array(finding),
        duration_ms: z.number(),
      }),
    ),
  })
  .meta({ id: 'GateRuns' });

const EXAMPLE: GateRunsView = {
  runs: [
    {
      verdict: 'red',
      commit: '3f786850e387550fdab836ed7e6dc881de23001b',
      tree: '89e6c98d92887913cadf06b2adb97f26cde4849b',
      checks: [
        {
          name: 'test',
          kind: 'test',
          command: 'npm run --silent test',
          base: 'passed',
          head: 'failed',
          verdict: 'failed',
          duration_ms: 220,
          log: null,
          reason: 'failed with exit code 1; the base passes',
          base_tests: { passed: 5, failed: 0, skipped: 0 },
          head_tests: { passed: 4, failed: 1, skipped: 0 },
          new_failures: ['test/slug.test.js: keeps long titles whole'],
          excerpt: 'not ok 3 - keeps long titles whole\n',
        },
      ],
      tamper: [],
      duration_ms: 952,
    },
  ],
};

const outputQuery = z.strictObject({
  run: wholeParam(1, 1000, 1, 'The run of the gate, from 1'),
  check: z.string().min(1).max(200).meta({ description: 'Name of the check', example: 'test' }),
  side: z.enum(['base', 'head']).default('head'),
});

/** The endpoints. */
export function gateEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  return [
    define({
      method: 'get',
      path: '/api/jobs/{job_id}/gate',
      id: 'getGate',
      tag: 'jobs',
      summary: 'What the gate has said of a job so far, with what failed',
      role: 'read',
      params: jobPath,
      answers: {
        200: {
          description: 'Its runs, in their order',
          content: { 'application/json': { schema: gateRuns, example: EXAMPLE } },
        },
      },
      async handle({ params }) {
        const answer: GateRunsView = { runs: await runner.gateReports(params.job_id) };
        return json(answer);
      },
    }),
    define({
      method: 'get',
      path: '/api/jobs/{job_id}/output',
      id: 'getOutput',
      tag: 'jobs',
      summary: 'What a check of the gate printed',
      description:
        'At most 8 MiB: of more its beginning and its end. What the base printed is kept with the first job that it was judged for.',
      role: 'read',
      params: jobPath,
      query: outputQuery,
      answers: {
        200: {
          description: 'The output, secrets masked',
          content: { 'text/plain': { schema: z.string(), example: 'not ok 3 - keeps long titles whole\n' } },
        },
      },
      async handle({ params, query }) {
        return new Response((await runner.checkOutput(params.job_id, query)).toWellFormed(), {
          headers: { 'content-type': 'text/plain; charset=utf-8' },
        });
      },
    }),
  ];
}
