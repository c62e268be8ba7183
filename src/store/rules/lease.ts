/** Who may write a job's state; pure, so that every store decides alike. */
import { JobError } from '../../job/error.ts';
import type { Lease } from '../store.ts';
import { checkInteger, checkName } from './value.ts';

/** What is known of a job's claims. `token` stays when a lease is released, so that it only ever grows. */
export interface Hold {
  readonly token: number;
  readonly owner: string | null;
  /** Milliseconds since 1970; `null` while nobody holds the job. */
  readonly expires_ms: number | null;
}

/** A job that nobody has claimed yet. */
export const NEVER_HELD: Hold = { token: 0, owner: null, expires_ms: null };

function expiry(leaseMs: number, now: Date): number {
  return checkInteger(now.getTime(), 'now') + checkInteger(leaseMs, 'leaseMs', 1);
}

/** The lease that a hold means, or `null` when nobody holds the job. */
export function leaseOf(jobId: string, hold: Hold): Lease | null {
  if (hold.owner === null || hold.expires_ms === null) return null;
  const expires_at = new Date(hold.expires_ms).toISOString();
  return { job_id: jobId, owner: hold.owner, token: hold.token, expires_at };
}

/** The hold after `owner` claims the job, or `null` while somebody (be it the same owner) holds it. */
export function claim(hold: Hold, owner: string, leaseMs: number, now: Date): Hold | null {
  const expires_ms = expiry(leaseMs, now);
  checkName(owner, 'owner');
  if (hold.expires_ms !== null && hold.expires_ms >= now.getTime()) return null;
  return { token: hold.token + 1, owner, expires_ms };
}

/** Whether `lease` is the one that is held. An expired lease is held until somebody else claims the job. */
export function isHeld(hold: Hold, lease: Lease): boolean {
  return hold.owner !== null && hold.token === lease.token;
}

/**
 * The fence: refuses a writer whose lease has passed to somebody else, or was given back.
 *
 * @throws JobError `conflict` that names both tokens
 */
export function checkHeld(hold: Hold, lease: Lease): void {
  if (isHeld(hold, lease)) return;
  const holder =
    hold.owner === null ? 'nobody holds it' : `${JSON.stringify(hold.owner)} holds it by token ${hold.token}`;
  throw new JobError(
    'conflict',
    `job ${lease.job_id}: the lease with token ${lease.token} is lost; now ${holder}`,
    {
      hint: 'stop working on this job; a worker that wants it must claim it anew',
    },
  );
}

/** The hold after its holder extends it, counted from `now`. @throws JobError `conflict` when it is lost */
export function renew(hold: Hold, lease: Lease, leaseMs: number, now: Date): Hold {
  const expires_ms = expiry(leaseMs, now);
  checkHeld(hold, lease);
  return { ...hold, expires_ms };
}

/** The hold after its holder gives it back: the token stays. */
export function release(hold: Hold): Hold {
  return { token: hold.token, owner: null, expires_ms: null };
}
