/** Recordings from a file: nobody knows who wrote it. What is not as it must be is refused, never guessed. */
import type { z as Zod } from 'zod';
import { ERROR_CODES, JobError, type ErrorCode } from '../../job/error.ts';
import { CHECK_KINDS } from '../../job/gate.ts';
import {
  AGENT_EVENT_TYPES,
  isShallow,
  MAX_RECORDED_EVENTS,
  MAX_RECORDED_TURNS,
  MAX_REPLY_CHARS,
  MAX_SESSION_CHARS,
  RECORDING_VERSION,
  turnKey,
  type RecordedTurn,
  type Recording,
} from '../../job/recording/recording.ts';
import { parseTask } from '../../job/request.ts';
import { OUTCOMES, type Outcome } from '../../job/status.ts';
import { parseJson } from '../../job/text/json.ts';

const MAX_NAME_CHARS = 200;
const MAX_COMMAND_CHARS = 64 * 1024;
const MAX_CHECKS = 1000;
const MAX_GATE_RUNS = 1000;
const MAX_SECONDS = 1e8;
/** Notes of what was cut, in one turn. */
const MAX_CUT = 20;

function keysOf<T extends string>(record: Readonly<Record<T, unknown>>): [T, ...T[]] {
  return Object.keys(record) as [T, ...T[]];
}

function partsOf(z: typeof Zod) {
  const name = z.string().max(MAX_NAME_CHARS);
  const reply = z.string().max(MAX_REPLY_CHARS);
  const count = z.number();
  return {
    name,
    reply,
    sha: z.string().regex(/^[0-9a-f]{40}$/, 'no full id of an object'),
    usage: z.strictObject({
      cost_usd: count.nullable(),
      tokens_in: count.nullable(),
      tokens_out: count.nullable(),
      turns: count,
    }),
    error: z.strictObject({
      code: z.enum(keysOf<ErrorCode>(ERROR_CODES)),
      blame: z.enum(['user', 'operator', 'bug']),
      message: reply,
      hint: reply.nullable(),
    }),
  };
}

function turnSchema(z: typeof Zod) {
  const { name, reply, sha, usage, error } = partsOf(z);
  return z.strictObject({
    version: z.literal(RECORDING_VERSION),
    phase: z.enum(['explore', 'plan', 'build']),
    number: z.int().min(1).max(9999),
    why: z.string().max(MAX_NAME_CHARS * 10),
    agent: name,
    model: name.nullable(),
    answer: reply.nullable(),
    prompt: z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), chars: z.int().nonnegative() }),
    started_at: z.iso.datetime(),
    ended_at: z.iso.datetime(),
    trees: z.strictObject({ before: sha, after: sha }).nullable(),
    events: z
      .array(
        z.strictObject({
          type: z.enum(AGENT_EVENT_TYPES),
          data: z.record(z.string(), z.unknown()).refine((data) => isShallow(data), 'nested too deep'),
        }),
      )
      .max(MAX_RECORDED_EVENTS),
    ending: z.discriminatedUnion('ok', [
      z.strictObject({
        ok: z.literal(true),
        summary: reply,
        question: reply.nullable(),
        session_id: z.string().max(MAX_SESSION_CHARS).nullable(),
      }),
      z.strictObject({ ok: z.literal(false), error }),
    ]),
    usage: usage.nullable(),
    cut: z.array(name).max(MAX_CUT),
  });
}

function requestSchema(z: typeof Zod) {
  const command = z.string().max(MAX_COMMAND_CHARS);
  const check = z.strictObject({
    name: z.string().regex(/^[\w.:-]{1,60}$/, 'no name of a check'),
    kind: z.enum(CHECK_KINDS),
    command: command.min(1),
    timeout_s: z.number().positive().max(MAX_SECONDS),
    report: command.exactOptional(),
    parts: z.array(command).max(MAX_CHECKS).exactOptional(),
  });
  const rule = <const T extends readonly [string, ...string[]]>(values: T) => z.enum(values).exactOptional();
  return z.strictObject({
    task: z.string(),
    mode: z.enum(['change', 'ask']),
    policy: z.strictObject({
      on_red: rule(['block', 'draft']),
      on_inconclusive: rule(['block', 'draft', 'open']),
      on_none: rule(['block', 'draft', 'open']),
      on_tamper: rule(['block', 'draft', 'allow']),
    }),
    max_gate_runs: z.int().min(1).max(MAX_GATE_RUNS).nullable(),
    checks: z.array(check).max(MAX_CHECKS).nullable(),
    setup: command.nullable(),
    allow_test_changes: z.boolean(),
    draft: z.boolean(),
    timeout_s: z.number().positive().max(MAX_SECONDS),
  });
}

function recordingSchema(z: typeof Zod) {
  const { name, sha, error } = partsOf(z);
  const gate = z.strictObject({
    verdict: z.enum(['green', 'red', 'inconclusive', 'none']),
    checks: z
      .array(
        z.strictObject({
          name,
          verdict: z.enum(['passed', 'failed', 'pre_existing', 'fixed', 'flaky', 'inconclusive']),
        }),
      )
      .max(MAX_CHECKS),
  });
  return z.strictObject({
    version: z.literal(RECORDING_VERSION),
    job_id: z.string().regex(/^job-[0-9a-f]{12}$/, 'no id of a job'),
    agent: name,
    request: requestSchema(z),
    base_sha: sha,
    trees_sha: sha,
    result: z.strictObject({
      outcome: z.enum(keysOf<Outcome>(OUTCOMES)),
      error: error.nullable(),
      gate: z.array(gate).max(MAX_GATE_RUNS),
      tree: sha,
    }),
    turns: z.array(turnSchema(z)).max(MAX_RECORDED_TURNS),
  });
}

function refused(where: string, why: string): JobError {
  return new JobError('invalid_request', `recording: ${where}: ${why}`, {
    hint: 'make it again: agent-runner replay <job> --export <file>',
  });
}

function check<T>(schema: Zod.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.map(String).join('.').slice(0, MAX_NAME_CHARS) ?? '';
  throw refused(where, `${path === '' ? '' : `${path}: `}${issue?.message ?? 'it is none'}`);
}

function jsonOf(text: string, where: string): unknown {
  const value = parseJson(text);
  if (value === undefined) throw refused(where, 'it is no JSON');
  return value;
}

/**
 * Reads one recorded turn.
 *
 * @param where its file, for the message
 * @throws JobError `invalid_request`
 */
export async function parseTurn(text: string, where: string): Promise<RecordedTurn> {
  const { z } = await import('zod');
  return check<RecordedTurn>(turnSchema(z), jsonOf(text, where), where);
}

/**
 * Reads a whole recording.
 *
 * @param where its file, for the message
 * @throws JobError `invalid_request` that names the field
 */
export async function parseRecording(text: string, where: string): Promise<Recording> {
  const { z } = await import('zod');
  const recording = check<Recording>(recordingSchema(z), jsonOf(text, where), where);
  try {
    parseTask(recording.request.task);
  } catch (error) {
    throw refused(where, error instanceof Error ? error.message : String(error));
  }
  const keys = recording.turns.map((turn) => turnKey(turn));
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice !== undefined) throw refused(where, `${twice} comes twice`);
  return recording;
}
