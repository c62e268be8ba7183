/** What the gate has said of a job, run by run, while the job goes on too: with the failures themselves. */
import { z } from 'zod';
import { CHECK_KINDS, type GateReport } from '../../job/gate.ts';
import type { StepResult, Verified } from '../../job/step.ts';
import type { StepRecord } from '../../store/store.ts';
import { json, type Endpoint } from '../endpoint.ts';
import { findJob } from '../jobs/read.ts';
import { jobPath } from '../jobs/schema.ts';
import type { Define, Parts } from '../parts.ts';
import type { GateRunsView } from './view.ts';

const count = z.int().min(0);
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

/** The report of a step, where it is one of the gate that came to an end. */
function reportOf({ key, result }: StepRecord): GateReport | null {
  if (!key.startsWith('verify-') || result === null) return null;
  const verified = result as StepResult<Verified>;
  return verified.ok ? verified.report : null;
}

/** The endpoint. */
export function gateEndpoint({ runner }: Parts, define: Define): Endpoint {
  return define({
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
      const job = await findJob(runner, params.job_id);
      // A job from elsewhere has no steps here, and its result all the same.
      const told = job.result?.gate.runs ?? [];
      const steps = told.length > 0 ? [] : await runner.store.readSteps(params.job_id);
      const runs = steps.map(reportOf).filter((report) => report !== null);
      const answer: GateRunsView = { runs: told.length > 0 ? told : runs };
      return json(answer);
    },
  });
}
