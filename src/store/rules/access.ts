/** What may be stored of keys and of what their holders did; pure, so that every store decides alike. */
import { JobError } from '../../job/error.ts';
import { ROLES, type ApiKey, type AuditEntry } from '../../job/access/access.ts';
import { checkInteger, checkName, notFound } from './value.ts';

/** Entries of the audit that are kept; the oldest are forgotten. */
export const MAX_AUDIT_ENTRIES = 100_000;
/** Most keys there may be, revoked ones included. */
export const MAX_KEYS = 10_000;

/** Checks a key. @throws JobError `bug` */
export function checkKey(key: ApiKey): ApiKey {
  checkName(key.key_id, 'key_id');
  checkName(key.name, 'name of a key');
  if (!ROLES.includes(key.role)) throw new JobError('bug', `role: ${key.role} is unknown`);
  if (!/^[0-9a-f]{64}$/.test(key.hash)) throw new JobError('bug', 'hash of a key: it is no SHA-256');
  return key;
}

/** Refuses a key when there are too many. @throws JobError `conflict` */
export function checkKeyCount(count: number): void {
  if (count < MAX_KEYS) return;
  throw new JobError('conflict', `keys: there are ${count} (at most ${MAX_KEYS})`);
}

/** The error of a key that is not there. */
export function noSuchKey(keyId: string): JobError {
  return notFound('key', keyId);
}

/** Checks an entry of the audit. @throws JobError `bug` */
export function checkAudit(entry: AuditEntry): AuditEntry {
  checkName(entry.actor, 'actor');
  checkName(entry.action, 'action');
  checkInteger(entry.status, 'status');
  if (entry.target !== null) checkName(entry.target, 'target');
  return entry;
}
