/** The tables `keys` and `audit`. */
import { ROLES, type ApiKey, type NumberedAuditEntry } from '../../../job/access/access.ts';
import type { Store } from '../../store.ts';
import {
  checkAudit,
  checkKey,
  checkKeyCount,
  MAX_AUDIT_ENTRIES,
  MAX_KEYS,
  noSuchKey,
} from '../../rules/access.ts';
import { checkLimit } from '../../rules/value.ts';
import type { Connection } from '../connection.ts';
import type { Database } from '../database.ts';

/** The schema of these tables. */
export const ACCESS_TABLES: string = `
CREATE TABLE keys (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN (${ROLES.map((role) => `'${role}'`).join(', ')})),
  -- Only the hash: who reads this file can't act as anybody.
  hash TEXT NOT NULL CHECK (length(hash) = 64),
  created_at TEXT NOT NULL,
  revoked_at TEXT
) STRICT;

CREATE TABLE audit (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  time TEXT NOT NULL,
  actor TEXT NOT NULL,
  role TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT,
  status INTEGER NOT NULL,
  address TEXT
) STRICT;
`;

const KEY = 'key_id, name, role, hash, created_at, revoked_at';

function countKeys(db: Connection): number {
  return (db.get('SELECT count(*) AS count FROM keys') as { readonly count: number } | null)?.count ?? 0;
}

function readKey(db: Connection, keyId: string): ApiKey | null {
  return db.get(`SELECT ${KEY} FROM keys WHERE key_id = ?`, keyId) as ApiKey | null;
}

/** Methods of the store about keys and what their holders did. */
export function accessMethods(
  database: Database,
): Pick<Store, 'createKey' | 'getKey' | 'listKeys' | 'revokeKey' | 'addAudit' | 'listAudit'> {
  return {
    async createKey(key, { onlyFirst = false } = {}) {
      const { key_id: keyId, name, role, hash, created_at: createdAt, revoked_at: revokedAt } = checkKey(key);
      return await database.write('full', name.length, (db) => {
        const count = countKeys(db);
        if (onlyFirst && count > 0) return false;
        checkKeyCount(count);
        const values = [keyId, name, role, hash, createdAt, revokedAt];
        db.run(`INSERT INTO keys (${KEY}) VALUES (?, ?, ?, ?, ?, ?)`, ...values);
        return true;
      });
    },
    async getKey(keyId) {
      return await database.read((db) => readKey(db, keyId));
    },
    async listKeys() {
      return await database.read(
        (db) => db.all(`SELECT ${KEY} FROM keys ORDER BY number LIMIT ${MAX_KEYS}`) as ApiKey[],
      );
    },
    async revokeKey(keyId, time) {
      return await database.write('full', 0, (db) => {
        db.run('UPDATE keys SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL', time, keyId);
        const key = readKey(db, keyId);
        if (key === null) throw noSuchKey(keyId);
        return key;
      });
    },
    async addAudit(entry) {
      const { time, actor, role, action, target, status, address } = checkAudit(entry);
      await database.write('normal', action.length, (db) => {
        db.run(
          'INSERT INTO audit (time, actor, role, action, target, status, address) VALUES (?, ?, ?, ?, ?, ?, ?)',
          time,
          actor,
          role,
          action,
          target,
          status,
          address,
        );
        db.run(`DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ${MAX_AUDIT_ENTRIES}`);
      });
    },
    async listAudit(before, limit, { actor = null, action = null, target = null } = {}) {
      return await database.read(
        (db) =>
          db.all(
            `SELECT number, time, actor, role, action, target, status, address FROM audit
             WHERE number < ? AND actor = coalesce(?, actor) AND action = coalesce(?, action)
               AND (? IS NULL OR target = ?)
             ORDER BY number DESC LIMIT ?`,
            before ?? Number.MAX_SAFE_INTEGER,
            actor,
            action,
            target,
            target,
            checkLimit(limit),
          ) as NumberedAuditEntry[],
      );
    },
  };
}
