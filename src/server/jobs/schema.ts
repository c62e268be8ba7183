/** What jobs look like on the wire. */
import { z } from 'zod';
import { EXECUTORS } from '../../job/elsewhere/executor.ts';
import { ERROR_CODES, type ErrorCode } from '../../job/error.ts';
import { EVENT_TYPES } from '../../job/job.ts';
import {
  FORK_MODES,
  MAX_CALLBACK_CHARS,
  MAX_NAMES,
  MAX_PRIORITY,
  MAX_TASK_BYTES,
  SANDBOX_NAMES,
} from '../../job/request.ts';
import { jobOfRun } from '../../job/pipeline/run.ts';
import { JOB_STATUSES, OUTCOMES, type Outcome } from '../../job/status.ts';
import { PHASES } from '../../job/step.ts';
import { budget, limits } from './budget.ts';
import type { AcceptedView, JobView, StepView } from '../../job/view/view.ts';

const OUTCOME_NAMES = Object.keys(OUTCOMES) as readonly Outcome[];
/** How a job ended. */
export const outcome = z.enum(OUTCOME_NAMES).meta({ id: 'Outcome' });
/** Where a job stands. */
export const status = z.enum(JOB_STATUSES).meta({ id: 'JobStatus' });
/** A time on the wire. */
export const time: z.ZodString = z.string().meta({ format: 'date-time', description: 'RFC 3339, UTC' });
const phase = z.enum(PHASES);
/** How many there are of something. */
export const count: z.ZodInt = z.int().min(0);
/** How many jobs there are, and what they have spent together. */
export const spending = {
  jobs: count,
  running: count.meta({
    description: 'Of these, jobs that have not ended: what they spend is not in the sums',
  }),
  unpriced: count.meta({ description: 'Ended jobs whose cost nobody knows' }),
  cost_usd: z.number().nullable(),
  uncounted: count.meta({ description: 'Ended jobs whose tokens nobody counted' }),
  tokens_in: count.nullable(),
  tokens_out: count.nullable(),
  turns: count,
};

/** Text that can be stored and shown, of a length in characters: no half of a surrogate pair, no NUL. */
export function text(maxChars: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(maxChars)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), 'text of valid Unicode without NUL');
}

/** A short text in one line. */
export const name: z.ZodString = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{C}]+$/u, 'printable characters');

/** The path of an operation on a job; a run is one, and may be named by its own id. */
export const jobPath: z.ZodObject<{ job_id: z.ZodPipe<z.ZodString, z.ZodTransform<string, string>> }> =
  z.strictObject({
    job_id: z
      .string()
      .min(1)
      .max(100)
      .regex(/^[\w-]+$/, 'letters, digits, _ and -')
      .meta({ description: 'Id of a job, or of a run', example: 'job-0123456789ab' })
      .transform((id) => jobOfRun(id) ?? id),
  });

const check = z.strictObject({
  name: z.string().regex(/^[\w.:-]{1,60}$/, '1 to 60 of A-Z a-z 0-9 _ . : -'),
  command: text(10_000).meta({ description: 'Shell command, run in the root of a clean checkout' }),
  timeout_s: z.int().min(1).max(21_600).default(600),
});

const REPO =
  'URL (https, ssh or file) of a repository, `owner/name` on the forge, or the absolute path of one that this server admits';

/** What a job is asked by. */
export const submitBody = z
  .strictObject({
    repo: text(4096).optional().meta({ description: REPO }),
    repo_url: text(4096).optional().meta({ description: 'The same as `repo`' }),
    upstream_repo: text(4096).optional().meta({ description: 'The same as `repo`' }),
    task: text(MAX_TASK_BYTES).optional().meta({ description: 'What to do, in a sentence or more' }),
    prompt: text(MAX_TASK_BYTES).optional().meta({ description: 'The same as `task`' }),
    instruction: text(MAX_TASK_BYTES).optional().meta({ description: 'The same as `task`' }),
    mode: z.enum(['change', 'ask']).optional(),
    executor: z.enum(EXECUTORS).optional().meta({
      description:
        'Where the job is executed: by this server, or by the workflow of its `runner_repo`, which takes a prompt and no more',
    }),
    base: text(200)
      .optional()
      .meta({ description: 'Branch, tag or commit to start from; the default branch unless given' }),
    agent: name.optional().meta({ description: 'Who edits, by a name that the server knows' }),
    provider: name.optional().meta({ description: 'The same as `agent`' }),
    model: name.optional(),
    session_id: name.optional().meta({ description: 'Jobs of one session run one after another' }),
    user_id: name.optional().meta({ description: 'For whom it is done; kept for the audit' }),
    priority: z
      .int()
      .min(-MAX_PRIORITY)
      .max(MAX_PRIORITY)
      .optional()
      .meta({ description: 'Higher goes first' }),
    draft: z.boolean().optional(),
    sandbox: z
      .enum(SANDBOX_NAMES)
      .optional()
      .meta({ description: '`host` only where the server itself is set to it' }),
    budget: budget.optional(),
    gate: z
      .array(check)
      .min(1)
      .max(50)
      .optional()
      .meta({ description: "Instead of the repository's own checks; role admin" }),
    setup: z
      .string()
      .max(10_000)
      .optional()
      .meta({ description: "Instead of the repository's own setup; role admin" }),
    allow_test_changes: z.boolean().optional(),
    issue: text(400).optional().meta({
      description:
        'Issue to implement, `owner/name#12` or its URL: it is read now and is the task, beside which `task` may say more; `repo` may be left out',
      example: 'octo/shop#12',
    }),
    fork: z
      .enum(FORK_MODES)
      .optional()
      .meta({ description: 'Whether the branch goes to a fork; `auto`: where the account may not push' }),
    labels: z.array(name).max(MAX_NAMES).optional().meta({ description: 'Labels of the pull request' }),
    reviewers: z
      .array(name)
      .max(MAX_NAMES)
      .optional()
      .meta({ description: 'Who is asked to review: logins, and teams as `org/team`' }),
    github_token: text(1000).optional().meta({
      description:
        "The job's own token for the forge, used instead of the server's: kept sealed until the job has ended, and never shown",
    }),
    callback_url: text(MAX_CALLBACK_CHARS)
      .optional()
      .meta({ description: 'Told of the end by a signed POST' }),
  })
  .meta({ id: 'JobRequest' });
export type SubmitBody = z.output<typeof submitBody>;

/** Why a job did not succeed. */
export const errorInfo = z
  .object({
    code: z.enum(Object.keys(ERROR_CODES) as readonly ErrorCode[]),
    blame: z.enum(['user', 'operator', 'bug']),
    message: z.string(),
    hint: z.string().nullable(),
  })
  .meta({ id: 'ErrorInfo' });

/** What is answered when a job was accepted. */
export const accepted = z
  .object({
    job_id: z.string(),
    status,
    upstream_repo: z.string().nullable(),
    fork_repo: z.string().nullable(),
    branch: z.string(),
  })
  .meta({ id: 'AcceptedJob' }) satisfies z.ZodType<AcceptedView>;

/** A job as it stands. */
export const jobView = z
  .object({
    job_id: z.string(),
    status,
    outcome: outcome.nullable(),
    repo: z.string(),
    task: z.string(),
    mode: z.enum(['change', 'ask']),
    executor: z.enum(EXECUTORS),
    base: z.string().nullable(),
    agent: z.string(),
    model: z.string().nullable(),
    sandbox: z.enum(SANDBOX_NAMES),
    draft: z.boolean(),
    priority: z.int(),
    session_id: z.string().nullable(),
    retry_of: z.string().nullable().meta({ description: 'The job whose request it repeats' }),
    budget: limits,
    run_id: z.string().nullable().meta({ description: 'The run of a pipeline that it is, or is a step of' }),
    step: z.string().nullable().meta({ description: 'The step of that run that it does' }),
    about: z
      .string()
      .nullable()
      .meta({ description: 'The issue or pull request that it was asked for on, as `owner/name#12`' }),
    user_id: z.string().nullable(),
    branch: z.string(),
    upstream_repo: z.string().nullable(),
    fork_repo: z.string().nullable(),
    pr_url: z.string().nullable(),
    gate_verdict: z
      .enum(['green', 'red', 'inconclusive', 'none'])
      .nullable()
      .meta({ description: 'What the gate said last; null before the end' }),
    total_cost: z.number().nullable(),
    attempt: count,
    question: z
      .string()
      .nullable()
      .meta({ description: 'What a person is asked while the status is `needs_input`' }),
    created_at: time,
    updated_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    error: errorInfo.nullable(),
  })
  .meta({ id: 'Job' }) satisfies z.ZodType<JobView>;

/** The steps of a job so far. */
export const stepList = z
  .object({
    steps: z.array(
      z.object({
        key: z
          .string()
          .meta({ description: 'Name and occurrence: `build-2` is the second turn of the agent' }),
        done: z.boolean(),
        tries: count,
      }),
    ),
  })
  .meta({ id: 'Steps' }) satisfies z.ZodType<{ steps: StepView[] }>;

/** A page of jobs. */
export const jobPage = z
  .object({
    jobs: z.array(jobView),
    next_cursor: z.string().nullable().meta({ description: 'Gives the next page; null where there is none' }),
    change: count.meta({ description: 'The `after` with which GET /api/changes goes on behind this page' }),
  })
  .meta({ id: 'JobPage' });

/** An entry of a job's log. */
export const eventView = z
  .object({
    seq: z.int().min(1).meta({ description: 'From 1, without gaps' }),
    job_id: z.string(),
    type: z.enum(EVENT_TYPES),
    phase: phase.nullable(),
    attempt: count,
    time,
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'JobEvent' });

/** A page of a log. */
export const eventPage = z
  .object({
    events: z.array(eventView),
    next_after: count.meta({ description: 'The `after` of the next page' }),
  })
  .meta({ id: 'EventPage' });

const amount = z.number().nullable();
const check_report = z.object({
  name: z.string(),
  kind: z.string(),
  command: z.string(),
  base: z.string(),
  head: z.string(),
  verdict: z.string(),
  duration_ms: z.number(),
});

/** What a job ended with; `docs/outcomes.md` tells what each outcome means. */
export const resultView = z
  .object({
    job_id: z.string(),
    status,
    outcome: outcome.nullable(),
    repo: z.string(),
    task: z.string(),
    base: z.string().nullable(),
    base_sha: z.string().nullable(),
    branch: z.string().nullable(),
    head_sha: z.string().nullable(),
    draft: z.boolean(),
    labels: z.array(z.string()),
    pr_url: z.string().nullable(),
    patch_path: z.string().nullable(),
    push_command: z.string().nullable(),
    wip_ref: z.string().nullable(),
    gate: z.object({
      verdict: z.string().nullable(),
      runs: z.array(z.object({ verdict: z.string(), checks: z.array(check_report) })),
    }),
    tamper: z.array(z.record(z.string(), z.unknown())),
    iterations: count,
    turns: count,
    subtasks: z.array(z.record(z.string(), z.unknown())),
    attempts: count,
    tests_passed: z.boolean(),
    debug_mode: z.boolean(),
    resumed_from_checkpoint: z.boolean(),
    exploration_report_generated: z.boolean(),
    agent: z.string(),
    model: z.string().nullable(),
    total_cost: amount,
    total_tokens_in: amount,
    total_tokens_out: amount,
    phases: z.array(z.object({ name: phase, started_at: time, duration_ms: z.number() })),
    notices: z.array(z.string()),
    summary: z.string(),
    question: z.string().nullable(),
    upstream_repo: z.string().nullable(),
    fork_repo: z.string().nullable(),
    session_id: z.string().nullable(),
    user_id: z.string().nullable(),
    created_at: time,
    started_at: time.nullable(),
    finished_at: time,
    error: errorInfo.nullable(),
  })
  .meta({ id: 'JobResult' });

const whole = (least: number, most: number): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> =>
  z
    .string()
    .refine((value) => /^\d{1,15}$/.test(value) && Number(value) >= least && Number(value) <= most, {
      error: `a whole number from ${least} to ${most}`,
    })
    .transform(Number);

/** A whole number in a query. @param fallback what holds where it is not given */
export function wholeParam(
  least: number,
  most: number,
  fallback: number,
  description: string,
): z.ZodType<number> {
  return whole(least, most)
    .optional()
    .transform((value) => value ?? fallback)
    .meta({
      description,
      override: { type: 'integer', minimum: least, maximum: most, default: fallback },
    });
}

/** Where a list goes on. */
export const cursor: z.ZodOptional<z.ZodString> = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[\w-]+$/, 'what `next_cursor` said')
  .optional();

/** A message to a job's agent. */
export const messageBody = z.strictObject({ text: text(100_000) }).meta({ id: 'Message' });
/** What is asked otherwise when a job is asked for once more. */
export const retryBody = z
  .strictObject({ budget: budget.optional() })
  .meta({ id: 'Retry', description: 'What is asked otherwise than before' });
/** An approval, with a word to the agent. */
export const approveBody = z.strictObject({ text: text(100_000).optional() }).meta({ id: 'Approval' });
/** The query of the WebSocket. */
export const socketQuery = z.strictObject({ after: wholeParam(0, 1e15, 0, 'Only events after this number') });
