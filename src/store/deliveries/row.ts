/** How a delivery is stored, claimed, tried and asked for again; pure, so that every store decides alike. */
import { JobError } from '../../job/error.ts';
import type {
  AfterTry,
  Delivery,
  DeliveryClaim,
  DeliveryStatus,
  DeliveryTry,
  NewDelivery,
} from '../../job/delivery/delivery.ts';
import type { NewEvent } from '../../job/job.ts';
import { checkInteger, checkName, fromJson, notFound, toJson } from '../rules/value.ts';

/** Tries that are kept of one delivery: several rounds of the schedule. The oldest go first. */
const MAX_TRIES_KEPT = 50;

/** A delivery with its JSON still as text and its times as milliseconds since 1970: what a store keeps. */
export interface DeliveryRow {
  readonly delivery_id: string;
  readonly url: string;
  readonly body: string;
  readonly status: DeliveryStatus;
  readonly created_ms: number;
  readonly due_ms: number | null;
  readonly round: number;
  readonly tries: string;
  readonly token: number;
  /** Until when one process has it; `null` while none does. */
  readonly claimed_ms: number | null;
}

function timeMs(text: string, what: string): number {
  const ms = Date.parse(text);
  if (Number.isFinite(ms)) return ms;
  throw new JobError('bug', `${what}: ${JSON.stringify(text)} is no time (allowed: RFC 3339)`);
}

/** The row of a delivery whose first try is due at once. @throws JobError `bug` */
export function newRow(delivery: NewDelivery): DeliveryRow {
  const createdMs = timeMs(delivery.created_at, 'created_at');
  return {
    delivery_id: checkName(delivery.delivery_id, 'delivery_id'),
    url: checkName(delivery.url, 'url'),
    body: toJson(delivery.body, 'body'),
    status: 'pending',
    created_ms: createdMs,
    due_ms: createdMs,
    round: 0,
    tries: '[]',
    token: 0,
    claimed_ms: null,
  };
}

function triesOf(row: DeliveryRow): readonly DeliveryTry[] {
  return fromJson(row.tries) as readonly DeliveryTry[];
}

/** The delivery that callers see. */
export function deliveryOf(jobId: string, row: DeliveryRow): Delivery {
  return {
    delivery_id: row.delivery_id,
    job_id: jobId,
    url: row.url,
    body: fromJson(row.body) as string,
    status: row.status,
    created_at: new Date(row.created_ms).toISOString(),
    due_at: row.due_ms === null ? null : new Date(row.due_ms).toISOString(),
    round: row.round,
    tries: triesOf(row),
  };
}

/** Whether a delivery may be claimed. */
export function isDue(row: DeliveryRow, now: Date): boolean {
  const isFree = row.claimed_ms === null || row.claimed_ms < now.getTime();
  return isFree && row.due_ms !== null && row.due_ms <= now.getTime();
}

/** The row after a process claims it. */
export function claimedRow(row: DeliveryRow, leaseMs: number, now: Date): DeliveryRow {
  const claimed_ms = checkInteger(now.getTime(), 'now') + checkInteger(leaseMs, 'leaseMs', 1);
  return { ...row, token: row.token + 1, claimed_ms };
}

/** The claim that a claimed row means. */
export function claimOf(jobId: string, row: DeliveryRow): DeliveryClaim {
  const expires_at = new Date(row.claimed_ms ?? 0).toISOString();
  return { delivery: deliveryOf(jobId, row), token: row.token, expires_at };
}

/**
 * The row after a try, which ends its claim.
 *
 * @throws JobError `conflict` when another process has claimed the delivery meanwhile
 */
export function triedRow(
  row: DeliveryRow,
  claim: DeliveryClaim,
  tried: Omit<DeliveryTry, 'number'>,
  after: AfterTry,
): DeliveryRow {
  if (row.token !== claim.token || row.claimed_ms === null) {
    throw new JobError('conflict', `delivery ${row.delivery_id}: the claim ${claim.token} is lost`, {
      hint: 'another process sends it now',
    });
  }
  const known = triesOf(row);
  const number = (known.at(-1)?.number ?? 0) + 1;
  const tries = [...known, { number, ...tried }].slice(-MAX_TRIES_KEPT);
  return {
    ...row,
    status: after.status,
    due_ms: after.status === 'pending' ? timeMs(after.due_at, 'due_at') : null,
    round: row.round + 1,
    tries: toJson(tries, 'tries'),
    claimed_ms: null,
  };
}

/**
 * The row after a person asks for the delivery again: due at once, with the schedule from its start.
 *
 * @throws JobError `conflict` while it is being sent
 */
export function againRow(row: DeliveryRow, now: Date): DeliveryRow {
  if (row.claimed_ms !== null && row.claimed_ms >= now.getTime()) {
    throw new JobError('conflict', `delivery ${row.delivery_id}: it is being sent right now`, {
      hint: 'look again in a minute',
    });
  }
  return { ...row, status: 'pending', due_ms: now.getTime(), round: 0, claimed_ms: null };
}

/** The event that tells of a delivery's last try. It leaves the URL out, which may hold a secret of the receiver's. */
export function deliveryEvent(delivery: Delivery, attempt: number): NewEvent {
  const last = delivery.tries.at(-1);
  if (last === undefined) throw new JobError('bug', `delivery ${delivery.delivery_id} was never tried`);
  const { delivery_id, status, due_at } = delivery;
  const { number, http_status, error, started_at, duration_ms } = last;
  return {
    type: 'delivery',
    phase: 'notify',
    attempt,
    time: new Date(Date.parse(started_at) + duration_ms).toISOString(),
    data: { delivery_id, try: number, http_status, error, status, due_at },
  };
}

/** The error of a delivery that is not there. */
export function noSuchDelivery(deliveryId: string): JobError {
  return notFound('delivery', deliveryId);
}
