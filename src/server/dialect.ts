/** The short dialect: the same handlers under shorter paths, with `repo_url` for `repo` and errors as text. */
import { z } from 'zod';
import type { Job } from '../job/job.ts';
import { JOB_STATUSES } from '../job/status.ts';
import type { Runner } from '../runner/runner.ts';
import { json, type Endpoint } from './endpoint.ts';
import { findJob, resultOf } from './jobs/read.ts';
import { errorInfo, jobPath, submitBody } from './jobs/schema.ts';
import { onceOf, requestOf, SUBMIT_REFUSES } from './jobs/submit.ts';
import type { Define, Parts } from './parts.ts';
import { shortPipelineEndpoints } from './pipelines/short.ts';

/** Most jobs that `/jobs` lists, and most events that `logs` holds. */
const MAX_JOBS = 200;
const MAX_LOGS = 1000;

const status = z.enum(JOB_STATUSES);
const text = z.string().nullable();
const amount = z.number().nullable();
const statusView = z
  .object({
    job_id: z.string(),
    status,
    repo_url: z.string(),
    task: z.string(),
    created_at: z.string(),
    updated_at: z.string(),
    pr_url: text,
    error: text,
    error_detail: errorInfo.nullable(),
  })
  .meta({ id: 'ShortStatus' });
const resultView = z
  .object({
    job_id: z.string(),
    status,
    pr_url: text,
    total_cost: amount,
    total_tokens_in: amount,
    total_tokens_out: amount,
    iterations: z.int(),
    tests_passed: z.boolean(),
    debug_mode: z.boolean(),
    resumed_from_checkpoint: z.boolean(),
    exploration_report_generated: z.boolean(),
    logs: z.array(z.string()).meta({ description: `What was printed, at most ${MAX_LOGS} pieces` }),
    error: text,
    error_detail: errorInfo.nullable(),
    timing: z.object({
      created_at: z.string(),
      started_at: text,
      finished_at: z.string(),
      phases: z.array(z.object({ name: z.string(), started_at: z.string(), duration_ms: z.number() })),
    }),
  })
  .meta({ id: 'ShortResult' });

function shortStatus({
  job_id,
  status: at,
  request,
  created_at,
  updated_at,
  result,
}: Job): z.output<typeof statusView> {
  return {
    job_id,
    status: at,
    repo_url: request.repo,
    task: request.task,
    created_at,
    updated_at,
    pr_url: result?.pr_url ?? null,
    error: result?.error?.message ?? null,
    error_detail: result?.error ?? null,
  };
}

async function shortResult(runner: Runner, job: Job): Promise<z.output<typeof resultView>> {
  const result = resultOf(job);
  const events = await runner.store.readEvents(job.job_id, 0, MAX_LOGS);
  return {
    job_id: result.job_id,
    status: result.status,
    pr_url: result.pr_url,
    total_cost: result.total_cost,
    total_tokens_in: result.total_tokens_in,
    total_tokens_out: result.total_tokens_out,
    iterations: result.iterations,
    tests_passed: result.tests_passed,
    debug_mode: result.debug_mode,
    resumed_from_checkpoint: result.resumed_from_checkpoint,
    exploration_report_generated: result.exploration_report_generated,
    logs: events.flatMap(({ type, data }) =>
      type === 'log' && typeof data['text'] === 'string' ? [data['text']] : [],
    ),
    error: result.error?.message ?? null,
    error_detail: result.error,
    timing: {
      created_at: result.created_at,
      started_at: result.started_at,
      finished_at: result.finished_at,
      phases: [...result.phases],
    },
  };
}

const STATUS_EXAMPLE: z.output<typeof statusView> = {
  job_id: 'job-0123456789ab',
  status: 'running',
  repo_url: 'https://git.example.org/shop.git',
  task: 'Fix the rounding in src/price.js',
  created_at: '2026-11-21T10:00:00.000Z',
  updated_at: '2026-11-21T10:00:01.000Z',
  pr_url: null,
  error: null,
  error_detail: null,
};

function readingEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  return [
    define({
      method: 'get',
      path: '/status/{job_id}',
      id: 'shortStatus',
      tag: 'short',
      summary: 'Where a job stands',
      role: 'read',
      params: jobPath,
      answers: {
        200: {
          description: 'The job',
          content: { 'application/json': { schema: statusView, example: STATUS_EXAMPLE } },
        },
      },
      handle: async ({ params }) => json(shortStatus(await findJob(runner, params.job_id))),
    }),
    define({
      method: 'get',
      path: '/result/{job_id}',
      id: 'shortResult',
      tag: 'short',
      summary: 'What a job ended with; 409 while it has not',
      role: 'read',
      refuses: { 409: 'The job has not ended' },
      params: jobPath,
      answers: {
        200: { description: 'The result', content: { 'application/json': { schema: resultView } } },
      },
      handle: async ({ params }) => json(await shortResult(runner, await findJob(runner, params.job_id))),
    }),
    define({
      method: 'get',
      path: '/jobs',
      id: 'shortJobs',
      tag: 'short',
      summary: `The last ${MAX_JOBS} jobs, newest first`,
      role: 'read',
      answers: {
        200: {
          description: 'The jobs',
          content: {
            'application/json': {
              schema: z.object({ jobs: z.array(statusView) }),
              example: { jobs: [STATUS_EXAMPLE] },
            },
          },
        },
      },
      handle: async () => json({ jobs: (await runner.store.listJobs({ limit: MAX_JOBS })).map(shortStatus) }),
    }),
  ];
}

/** Endpoints of the short dialect. */
export function dialectEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  const { runner } = parts;
  const submit = define({
    method: 'post',
    path: '/submit',
    id: 'shortSubmit',
    tag: 'short',
    summary: 'Ask for a job',
    role: 'submit',
    refuses: SUBMIT_REFUSES,
    headers: { 'idempotency-key': 'As for POST /api/jobs' },
    body: {
      schema: submitBody,
      examples: { short: { repo_url: STATUS_EXAMPLE.repo_url, task: STATUS_EXAMPLE.task, user_id: 'ada' } },
    },
    answers: {
      200: {
        description: 'Accepted',
        content: {
          'application/json': {
            schema: z.object({ job_id: z.string(), status }).meta({ id: 'ShortAccepted' }),
            example: { job_id: STATUS_EXAMPLE.job_id, status: 'queued' },
          },
        },
      },
    },
    async handle({ body, principal, request, about }) {
      const asked = await requestOf(runner, principal, body);
      const once = onceOf(principal, request.headers.get('idempotency-key'), body);
      const { job } = await runner.submit(asked, { ...once, token: body.github_token });
      about(job.job_id);
      return json({ job_id: job.job_id, status: job.status });
    },
  });
  const health = define({
    method: 'get',
    path: '/health',
    id: 'shortHealth',
    tag: 'short',
    summary: 'Whether the server lives',
    role: null,
    answers: {
      200: {
        description: 'It does',
        content: {
          'application/json': { schema: z.object({ status: z.literal('ok') }), example: { status: 'ok' } },
        },
      },
    },
    handle: async () => json({ status: 'ok' }),
  });
  return [submit, ...readingEndpoints(parts, define), ...shortPipelineEndpoints(parts, define), health];
}
