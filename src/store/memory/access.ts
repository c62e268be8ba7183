/** Keys and the audit of the store in memory. */
import type { ApiKey, AuditFilter, NumberedAuditEntry } from '../../job/access/access.ts';
import type { Store } from '../store.ts';
import { checkAudit, checkKey, checkKeyCount, MAX_AUDIT_ENTRIES, noSuchKey } from '../rules/access.ts';
import { checkLimit } from '../rules/value.ts';

type AccessMethods = Pick<
  Store,
  'createKey' | 'getKey' | 'listKeys' | 'revokeKey' | 'addAudit' | 'listAudit'
>;

/** Their methods. */
export function accessMethods(): AccessMethods {
  const keys = new Map<string, ApiKey>();
  const audit: NumberedAuditEntry[] = [];
  let number = 0;
  return {
    async createKey(key, { onlyFirst = false } = {}) {
      checkKey(key);
      if (onlyFirst && keys.size > 0) return false;
      checkKeyCount(keys.size);
      keys.set(key.key_id, key);
      return true;
    },
    async getKey(keyId) {
      return keys.get(keyId) ?? null;
    },
    async listKeys() {
      return [...keys.values()];
    },
    async revokeKey(keyId, time) {
      const key = keys.get(keyId);
      if (key === undefined) throw noSuchKey(keyId);
      const revoked = { ...key, revoked_at: key.revoked_at ?? time };
      keys.set(keyId, revoked);
      return revoked;
    },
    async addAudit(entry) {
      audit.push({ number: ++number, ...checkAudit(entry) });
      if (audit.length > MAX_AUDIT_ENTRIES) audit.shift();
    },
    async listAudit(before, limit, filter = {}) {
      checkLimit(limit);
      const wanted = Object.entries(filter) as [keyof AuditFilter, string][];
      const older = audit.filter(
        (entry) =>
          (before === null || entry.number < before) &&
          wanted.every(([name, value]) => value === undefined || entry[name] === value),
      );
      return older.toReversed().slice(0, limit);
    },
  };
}
