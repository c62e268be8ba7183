/** What pipelines and their runs look like on the wire. */
import { z } from 'zod';
import type { StoredPipeline } from '../../job/pipeline/definition.ts';
import { RUN_STATUSES, STEP_STATUSES, type RunView } from '../../job/pipeline/run.ts';
import { errorInfo, name, outcome, submitBody, time } from '../jobs/schema.ts';
import * as jobs from '../jobs/samples.ts';

/** The path of an operation on a pipeline. */
export const pipelinePath: z.ZodObject<{ id: z.ZodString }> = z.strictObject({
  id: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[^\p{C}/]+$/u, 'printable characters without /')
    .meta({ description: 'Id or name of a pipeline', example: 'checks' }),
});
/** The path of an operation on a run. */
export const runPath: z.ZodObject<{ run_id: z.ZodString }> = z.strictObject({
  run_id: z
    .string()
    .regex(/^(run|job)-[0-9a-f]{12}$/, 'the id of a run, or of its job')
    .meta({ description: 'Id of a run', example: 'run-0123456789ab' }),
});

const id = z.string().meta({ description: '`pipe-` and twelve hexadecimal digits' });
/** A pipeline that is kept. */
export const stored = z
  .object({
    pipeline_id: id,
    definition: z
      .record(z.string(), z.unknown())
      .meta({ description: 'In its whole form: every field is there, and short forms are spelled out' }),
    created_at: time,
    updated_at: time,
    created_by: z.string().nullable(),
  })
  .meta({ id: 'Pipeline' });
/** A page of them. */
export const pipelinePage = z
  .object({
    pipelines: z.array(stored),
    next_cursor: z.string().nullable().meta({ description: 'Gives the next page; null where there is none' }),
  })
  .meta({ id: 'PipelinePage' });

const output = z.record(z.string(), z.unknown());
const stepView = z
  .object({
    name: z.string(),
    job_id: z.string().nullable().meta({ description: 'The job that it is, once it has begun' }),
    status: z.enum(STEP_STATUSES),
    outcome: outcome.nullable(),
    output: output.meta({ description: 'The defaults and what its agent gave' }),
    error: errorInfo.nullable(),
    reason: z.string().nullable().meta({ description: 'Why it was skipped' }),
    depends_on: z.array(z.string()),
    approval: z
      .object({ approvers: z.array(z.string()), message: z.string() })
      .nullable()
      .meta({ description: 'Set while it waits for a person' }),
    needs_approval: z.boolean().meta({ description: 'Whether it asks a person before it begins' }),
    decision: z
      .object({ approved: z.boolean(), by: z.string(), comment: z.string().nullable(), time })
      .nullable()
      .meta({ description: 'Who said what, once somebody has' }),
    mode: z.enum(['change', 'ask']),
    total_cost: z
      .number()
      .nullable()
      .meta({ description: 'What its job has spent; null before it has ended, and where nobody counted' }),
  })
  .meta({ id: 'RunStep' });
/** A run as it stands. */
export const runView = z
  .object({
    run_id: z.string(),
    job_id: z.string().meta({ description: 'Its job, whose log, diff and result are those of the run' }),
    pipeline_id: z.string().nullable(),
    pipeline: z.string(),
    repo: z.string(),
    status: z.enum(RUN_STATUSES).meta({ id: 'RunStatus' }),
    outcome: outcome.nullable(),
    pr_url: z.string().nullable(),
    error: errorInfo.nullable(),
    retries: z.string().nullable().meta({ description: 'The run that this one tries again' }),
    total_cost: z.number().nullable(),
    created_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    steps: z.array(stepView),
  })
  .meta({ id: 'Run' });
/** A page of runs. */
export const runPage = z
  .object({
    runs: z.array(runView),
    next_cursor: z.string().nullable().meta({ description: 'Gives the next page; null where there is none' }),
  })
  .meta({ id: 'RunPage' });

const asked = submitBody.omit({
  task: true,
  prompt: true,
  instruction: true,
  mode: true,
  issue: true,
  session_id: true,
  executor: true,
});
/** What a run of a pipeline that is named in the path may be asked by: what is said here wins over the pipeline. */
export const runOptions = asked.meta({ id: 'RunOptions' });
/** The same with its pipeline. */
export const runBody = asked
  .extend({
    // What is wrong with a definition is told field by field, which no schema does.
    pipeline: z
      .union([name, z.record(z.string(), z.unknown())], { error: 'a name, or a pipeline as an object' })
      .meta({
        description:
          'Id or name of a pipeline that is kept, or the name of one in `.agent-runner/pipelines` of the repository, or a definition as `POST /api/pipelines` takes it',
      }),
  })
  .meta({ id: 'RunRequest' });
export type RunOptions = z.output<typeof runOptions>;

/** An answer to a step that asks. */
export const approvalBody = z
  .strictObject({
    step: z.string().min(1).max(64),
    approved: z.boolean(),
    comment: z
      .string()
      .max(10_000)
      .refine((value) => value.isWellFormed() && !value.includes('\0'), 'text of valid Unicode without NUL')
      .optional(),
  })
  .meta({ id: 'RunApproval' });

/** A definition, as an example. */
export const DEFINITION: Readonly<Record<string, unknown>> = {
  name: 'checks',
  steps: [
    { name: 'lint', task: 'Mend what the linter finds' },
    { name: 'test', task: 'Add the tests that are missing', depends_on: ['lint'] },
  ],
};
/** The same as it is kept. */
export const STORED: StoredPipeline = {
  pipeline_id: 'pipe-0123456789ab',
  definition: {
    name: 'checks',
    repo_url: null,
    base: null,
    agent: null,
    model: null,
    resolve: 'fail',
    policy: {},
    budget: {},
    draft: false,
    labels: [],
    reviewers: [],
    steps: [],
  },
  created_at: jobs.job.created_at,
  updated_at: jobs.job.updated_at,
  created_by: 'ci',
};
/** A run that has ended. */
export const RUN: RunView = {
  run_id: 'run-0123456789ab',
  job_id: jobs.job.job_id,
  pipeline_id: STORED.pipeline_id,
  pipeline: 'checks',
  repo: jobs.job.repo,
  status: 'completed',
  outcome: 'pr_opened',
  pr_url: 'https://git.example.org/shop/pulls/7',
  error: null,
  retries: null,
  total_cost: 0.42,
  created_at: jobs.job.created_at,
  started_at: jobs.job.started_at,
  finished_at: jobs.job.finished_at,
  steps: [
    {
      name: 'lint',
      job_id: 'job-0123456789ac',
      status: 'completed',
      outcome: 'proposed',
      output: { summary: 'Two findings are mended.', outcome: 'proposed', files: ['src/price.js'], count: 2 },
      error: null,
      reason: null,
      depends_on: [],
      approval: null,
      needs_approval: false,
      decision: null,
      mode: 'change',
      total_cost: 0.42,
    },
  ],
};
