/** What the files of an archive of jobs may hold: nobody knows who wrote one. What is not as it must be is refused. */
import type { z as Zod } from 'zod';
import { EXECUTORS } from '../../job/elsewhere/executor.ts';
import { ERROR_CODES, JobError, type ErrorCode } from '../../job/error.ts';
import { CHECK_KINDS } from '../../job/gate.ts';
import { EVENT_TYPES, type Job, type NewEvent } from '../../job/job.ts';
import {
  MAX_PRIORITY,
  parseRef,
  parseRepo,
  parseSessionId,
  parseTask,
  FORK_MODES,
  SANDBOX_NAMES,
} from '../../job/request.ts';
import { PHASES_MODES } from '../../job/phases/choose.ts';
import { OUTCOMES, type JobStatus, type Outcome } from '../../job/status.ts';
import { PHASES } from '../../job/step.ts';
import {
  LOGIN,
  MAX_TURN_PEOPLE,
  MAX_TURN_TITLE_CHARS,
  parsePull,
  TURN_KINDS,
} from '../../job/trigger/turn.ts';
import type { StepRecord } from '../../store/store.ts';

/** Version of the form; an archive of another one is refused and not guessed at. */
export const ARCHIVE_VERSION = 1;
const MAX_TEXT = 1024 * 1024;
/** As many as the settings take. */
const MAX_NAMES = 50;
const MAX_LIST = 10_000;
const MAX_NAME_CHARS = 200;
const JOB_ID = /^job-[0-9a-f]{12}$/;

/** The file that says what an archive is. */
export interface Manifest {
  readonly format: 'agent-runner jobs';
  readonly version: typeof ARCHIVE_VERSION;
  readonly jobs: readonly string[];
}

/** The saved work of a job, whose objects are in a pack beside it. */
export interface WorkFile {
  readonly base: string;
  readonly refs: readonly { readonly ref: string; readonly commit: string }[];
}

/** The error of an archive that can't be used. */
export function refused(where: string, why: string): JobError {
  return new JobError('invalid_request', `import: ${where}: ${why}`, {
    hint: 'make it again: agent-runner export <job> --out <file>',
  });
}

function keysOf<T extends string>(record: Readonly<Record<T, unknown>>): [T, ...T[]] {
  return Object.keys(record) as [T, ...T[]];
}

/** A check of ours, by the words of its refusal. */
function passes(parse: (value: string) => unknown): (value: string) => boolean {
  return (value) => {
    try {
      parse(value);
      return true;
    } catch {
      return false;
    }
  };
}

/** What asked for a follow-up. */
function turnSchema(z: typeof Zod) {
  return z.object({
    kinds: z.array(z.enum(TURN_KINDS)).max(TURN_KINDS.length),
    by: z.array(z.string().regex(LOGIN, 'no login')).max(MAX_TURN_PEOPLE),
    title: z.string().max(MAX_TURN_TITLE_CHARS),
    sha: z
      .string()
      .regex(/^[0-9a-f]{40}$/, 'no full id of a commit')
      .nullable(),
  });
}

function requestSchema(z: typeof Zod) {
  const text = z.string().max(MAX_TEXT);
  const name = z.string().max(MAX_NAME_CHARS);
  const amount = z.number().nonnegative().nullable();
  const rule = <const T extends readonly [string, ...string[]]>(values: T) => z.enum(values).optional();
  const check = z.looseObject({
    name,
    kind: z.enum(CHECK_KINDS),
    command: text,
    timeout_s: z.number().positive(),
  });
  const looking = z.object({ agent: name.nullable(), model: name.nullable() });
  // What is not named here is dropped: where a callback went, and whatever a later version knows.
  return z.object({
    repo: z.string().refine(passes(parseRepo), 'no repository'),
    task: z.string().refine(passes(parseTask), 'no task'),
    mode: z.enum(['change', 'ask']),
    base: name.nullable(),
    agent: name,
    model: name.nullable(),
    sandbox: z.enum(SANDBOX_NAMES),
    allow_host: z.boolean(),
    network: z.boolean(),
    budget: z.looseObject({
      max_cost_usd: amount,
      max_tokens: amount,
      max_turns: amount,
      timeout_s: z.number().positive(),
    }),
    policy: z.object({
      on_red: rule(['block', 'draft']),
      on_inconclusive: rule(['block', 'draft', 'open']),
      on_none: rule(['block', 'draft', 'open']),
      on_tamper: rule(['block', 'draft', 'allow']),
    }),
    max_gate_runs: z.int().min(1).nullable(),
    checks: z.array(check).max(MAX_LIST).nullable(),
    setup: text.nullable(),
    allow_test_changes: z.boolean(),
    draft: z.boolean(),
    user_id: z
      .string()
      .max(MAX_NAME_CHARS)
      .refine((value) => value.isWellFormed(), 'no valid Unicode')
      .nullable(),
    priority: z.int().min(-MAX_PRIORITY).max(MAX_PRIORITY).optional(),
    session_id: z.string().refine(passes(parseSessionId), 'no session').optional(),
    executor: z.enum(EXECUTORS).optional(),
    fork: z.enum(FORK_MODES).optional(),
    labels: z.array(name).max(MAX_NAMES).optional(),
    reviewers: z.array(name).max(MAX_NAMES).optional(),
    issue: z
      .string()
      .max(MAX_NAME_CHARS)
      .regex(/^[\w.-]+\/[\w.-]+#\d{1,9}$/, 'no issue')
      .optional(),
    pull: z.string().refine(passes(parsePull), 'no pull request').optional(),
    turn: turnSchema(z).optional(),
    // That it came with a token of its own, erased by now: here, too, nobody else's takes its place.
    sealed_token: z.null('it holds a token').optional(),
    phases: z.object({ mode: z.enum(PHASES_MODES), explore: looking, plan: looking }).optional(),
    in_place: z.never('jobs for a checkout that a person stands in are not moved').optional(),
    pipeline: z.never('runs of pipelines are not moved').optional(),
    step: z.never('steps of pipelines are not moved').optional(),
    replay: z.never('playbacks are not moved').optional(),
  });
}

function resultSchema(z: typeof Zod, status: JobStatus, jobId: string) {
  const text = z.string().max(MAX_TEXT);
  const sha = z
    .string()
    .regex(/^[0-9a-f]{40}$/, 'no full id of a commit')
    .nullable();
  const amount = z.number().nonnegative().nullable();
  const check = z.looseObject({ name: text, kind: text, command: text, verdict: text, log: text.nullable() });
  const texts = z.array(text).max(MAX_LIST);
  return z.looseObject({
    job_id: z.literal(jobId),
    status: z.literal(status),
    outcome: z.enum(keysOf<Outcome>(OUTCOMES)),
    base_sha: sha,
    head_sha: sha,
    branch: z.string().refine(passes(parseRef), 'no branch').nullable(),
    pr_url: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/[^\s"'<>]+$/, 'no URL')
      .nullable(),
    patch_path: text.nullable(),
    wip_ref: z.literal(`refs/agent-runner/wip/${jobId}`).nullable(),
    gate: z.looseObject({
      verdict: z.enum(['green', 'red', 'inconclusive', 'none']).nullable(),
      runs: z.array(z.looseObject({ verdict: text, checks: z.array(check).max(MAX_LIST) })).max(MAX_LIST),
    }),
    tamper: z.array(z.looseObject({ kind: text, severity: text, file: text, detail: text })).max(MAX_LIST),
    subtasks: z.array(z.looseObject({ name: text, task: text })).max(MAX_LIST),
    iterations: z.int().nonnegative(),
    turns: z.int().nonnegative(),
    total_cost: amount,
    total_tokens_in: amount,
    total_tokens_out: amount,
    phases: z
      .array(z.looseObject({ name: z.enum(PHASES), started_at: z.iso.datetime(), duration_ms: z.number() }))
      .max(MAX_LIST),
    notices: texts,
    labels: texts,
    summary: text,
    session_id: text.nullable(),
    error: z
      .strictObject({
        code: z.enum(keysOf<ErrorCode>(ERROR_CODES)),
        blame: z.enum(['user', 'operator', 'bug']),
        message: text,
        hint: text.nullable(),
      })
      .nullable(),
  });
}

function check(schema: Zod.ZodType, value: unknown, where: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.map(String).join('.').slice(0, MAX_NAME_CHARS) ?? '';
  throw refused(where, `${path === '' ? '' : `${path}: `}${issue?.message ?? 'it is none'}`);
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw refused(where, 'it is no JSON');
  }
}

/** Reads what an archive says that it is. @throws JobError `invalid_request` */
export async function parseManifest(text: string, where: string): Promise<Manifest> {
  const { z } = await import('zod');
  const value = parsed(text, where);
  const version = typeof value === 'object' && value !== null && 'version' in value ? value.version : null;
  if (version !== ARCHIVE_VERSION)
    throw refused(where, `version: ${JSON.stringify(version)} came, allowed: ${ARCHIVE_VERSION}`);
  const schema = z.strictObject({
    format: z.literal('agent-runner jobs'),
    version: z.literal(ARCHIVE_VERSION),
    jobs: z.array(z.string().regex(JOB_ID, 'no id of a job')).min(1).max(MAX_LIST),
  });
  const manifest = check(schema, value, where) as Manifest;
  if (new Set(manifest.jobs).size !== manifest.jobs.length) throw refused(where, 'jobs: one comes twice');
  return manifest;
}

/** Reads a job that ended. @throws JobError `invalid_request` that names the field */
export async function parseJob(text: string, jobId: string, where: string): Promise<Job> {
  const { z } = await import('zod');
  const time = z.iso.datetime();
  const schema = z.strictObject({
    job_id: z.literal(jobId),
    request: requestSchema(z),
    status: z.enum(['completed', 'failed', 'cancelled']),
    outcome: z.enum(keysOf<Outcome>(OUTCOMES)),
    procedure_version: z.int().nonnegative(),
    attempt: z.int().nonnegative(),
    branch: z.string().max(MAX_NAME_CHARS).refine(passes(parseRef), 'no branch'),
    created_at: time,
    updated_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    question: z.string().max(MAX_TEXT).nullable(),
    result: z.looseObject({}).nullable(),
  });
  const job = check(schema, parsed(text, where), where) as Job;
  const { status, outcome, result } = job;
  if (outcome === null || OUTCOMES[outcome].status !== status)
    throw refused(where, `outcome: ${outcome} does not belong to ${status}`);
  if (result !== null) check(resultSchema(z, status, jobId), result, `${where}: result`);
  return job;
}

/** Reads a log: one event a line, numbered from 1 without gaps. @throws JobError `invalid_request` */
export async function parseEvents(text: string, jobId: string, where: string): Promise<readonly NewEvent[]> {
  const { z } = await import('zod');
  const schema = z.strictObject({
    seq: z.int(),
    job_id: z.literal(jobId),
    type: z.enum(EVENT_TYPES),
    phase: z.enum(PHASES).nullable(),
    attempt: z.int().nonnegative(),
    time: z.iso.datetime(),
    data: z.record(z.string(), z.unknown()),
  });
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line, at) => {
    const here = `${where}: line ${at + 1}`;
    const event = check(schema, parsed(line, here), here) as NewEvent & { readonly seq: number };
    if (event.seq !== at + 1) throw refused(here, `seq: ${event.seq} came, allowed: ${at + 1}`);
    const { type, phase, attempt, time, data } = event;
    return { type, phase, attempt, time, data };
  });
}

/** Reads the steps of a job. @throws JobError `invalid_request` */
export async function parseSteps(text: string, where: string): Promise<readonly StepRecord[]> {
  const { z } = await import('zod');
  const step = z.strictObject({
    key: z.string().regex(/^[a-z]{1,20}-\d{1,5}$/, 'no name of a step'),
    tries: z.int().min(1),
    procedure_version: z.int().nonnegative(),
    note: z.record(z.string(), z.unknown()),
    result: z.looseObject({ ok: z.boolean() }).nullable(),
  });
  const steps = check(z.array(step).max(MAX_LIST), parsed(text, where), where) as readonly StepRecord[];
  if (new Set(steps.map(({ key }) => key)).size !== steps.length) throw refused(where, 'a step comes twice');
  return steps;
}

/** Reads what is saved of a job: refs of its own alone. @throws JobError `invalid_request` */
export async function parseWork(text: string, jobId: string, where: string): Promise<WorkFile> {
  const { z } = await import('zod');
  const sha = z.string().regex(/^[0-9a-f]{40}$/, 'no full id of a commit');
  const own = new RegExp(
    `^refs/agent-runner/(?:wip/${jobId}|turns/${jobId}|partial/${jobId}/partial-\\d{1,5})$`,
  );
  const schema = z.strictObject({
    base: sha,
    refs: z
      .array(z.strictObject({ ref: z.string().regex(own, 'no ref of this job'), commit: sha }))
      .min(1)
      .max(MAX_LIST),
  });
  return check(schema, parsed(text, where), where) as WorkFile;
}
