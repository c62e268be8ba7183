/** An event of a forge as a row, and how it is decided on; pure, so that every store decides alike. */
import { JobError } from '../../job/error.ts';
import type { ForgeEvent } from '../../job/trigger/event.ts';
import {
  subjectOf,
  TRIGGER_ACTIONS,
  TRIGGER_STATES,
  type Settlement,
  type Trigger,
  type TriggerClaim,
} from '../../job/trigger/record.ts';
import { checkInteger, checkName, fromJson, toJson } from '../rules/value.ts';
import type { Tally } from '../store.ts';

/** Events and deliveries that are kept; the oldest decided ones are forgotten. */
export const MAX_TRIGGERS = 100_000;
/** Events that may wait for a decision; a repository that is worked on has a few. */
export const MAX_DUE_TRIGGERS = 20_000;
/** Rows that one trim takes. */
export const TRIM_ROWS = 10_000;
/** Largest event in bytes of JSON: its words are bounded where it is read. */
const MAX_EVENT_BYTES = 1024 * 1024;
const MAX_REASON_CHARS = 1000;

/** An event with its JSON still as text and its times as milliseconds since 1970: what a store keeps. */
export interface TriggerRow extends Omit<
  Trigger,
  'number' | 'due_at' | 'received_at' | 'decided_at' | 'event'
> {
  readonly due_ms: number | null;
  readonly received_ms: number;
  readonly decided_ms: number | null;
  readonly event: string;
}

/** Milliseconds of a time. @throws JobError `bug` */
export function timeMs(text: string, what: string): number {
  const ms = Date.parse(text);
  if (Number.isFinite(ms)) return ms;
  throw new JobError('bug', `${what}: ${JSON.stringify(text)} is no time (allowed: RFC 3339)`);
}

/** The row of an event that is to be decided at once. @throws JobError `bug` */
export function triggerRow(event: ForgeEvent, now: Date): TriggerRow {
  const nowMs = checkInteger(now.getTime(), 'now');
  const subject = subjectOf(event);
  return {
    key: checkName(event.key, 'key'),
    repo: checkName(event.repo, 'repo').toLowerCase(),
    kind: event.kind,
    subject: subject === null ? null : checkInteger(subject, 'number'),
    state: 'due',
    action: null,
    reason: null,
    job_id: null,
    tries: 0,
    due_ms: nowMs,
    waits_for: null,
    received_ms: nowMs,
    decided_ms: null,
    event: toJson(event, `event ${event.key}`, MAX_EVENT_BYTES),
  };
}

/** The event that callers see. */
export function triggerOf(number: number, row: TriggerRow): Trigger {
  const { due_ms: dueMs, received_ms: receivedMs, decided_ms: decidedMs, event, ...rest } = row;
  return {
    number,
    ...rest,
    due_at: dueMs === null ? null : new Date(dueMs).toISOString(),
    received_at: new Date(receivedMs).toISOString(),
    decided_at: decidedMs === null ? null : new Date(decidedMs).toISOString(),
    event: fromJson(event) as ForgeEvent,
  };
}

/** The row after a decision; one that is final stays. @throws JobError `bug`, `conflict` */
export function settledRow(row: TriggerRow, settlement: Settlement, now: Date): TriggerRow {
  const { state, action, reason, job_id, tries, due_at: dueAt, waits_for } = settlement;
  if (row.state !== 'due')
    throw new JobError('conflict', `event ${row.key}: it was decided already, as ${row.state}`);
  if (!TRIGGER_STATES.includes(state)) throw new JobError('bug', `state: ${state} is unknown`);
  if (action !== null && !TRIGGER_ACTIONS.includes(action))
    throw new JobError('bug', `action: ${action} is unknown`);
  if ((state === 'due') !== (dueAt !== null))
    throw new JobError('bug', `due_at: an event has one as long as it is due, and not after`);
  return {
    ...row,
    state,
    action,
    reason: reason?.slice(0, MAX_REASON_CHARS).toWellFormed() ?? null,
    job_id,
    tries: checkInteger(tries, 'tries'),
    due_ms: dueAt === null ? null : timeMs(dueAt, 'due_at'),
    waits_for: state === 'due' ? waits_for : null,
    decided_ms: state === 'due' ? null : checkInteger(now.getTime(), 'now'),
  };
}

/** What a decision adds to the figures: nothing while it waits. */
export function triggerTallies({ state, kind, action }: TriggerRow): readonly Tally[] {
  // In the place of the agent stands what was decided: figures have two names.
  return state === 'due' ? [] : [{ series: 'triggers', of: kind, agent: action ?? state, value: 1 }];
}

/** Refuses more events than may wait. @throws JobError `infra_failed` */
export function checkDue(count: number): void {
  if (count <= MAX_DUE_TRIGGERS) return;
  throw new JobError(
    'infra_failed',
    `triggers: ${count} events would wait for a decision (at most ${MAX_DUE_TRIGGERS})`,
    { hint: 'see `agent-runner triggers` for what they wait for; a worker decides on them' },
  );
}

/** The error of a claim that others have taken. */
export function claimLost({ repo, token }: Pick<TriggerClaim, 'repo' | 'token'>): JobError {
  return new JobError('conflict', `events of ${repo}: the claim ${token} is lost`, {
    hint: 'another process decides on them now',
  });
}
