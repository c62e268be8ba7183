/** Keys of a server, over its HTTP API; for administrators. */
import type { KeyView, NumberedAuditEntry, Role } from '../job/access/access.ts';
import { call, type Place } from './http/call.ts';
import { placeOf } from './remote.ts';

/** Who may use a server, and what they did. */
export interface RemoteKeys {
  list(): Promise<readonly KeyView[]>;
  /** Makes a key; `key` is the key itself, which nobody knows afterwards. */
  create(name: string, role: Role): Promise<KeyView & { readonly key: string }>;
  revoke(keyId: string): Promise<KeyView>;
  /** What was done, newest first. */
  audit(limit: number): Promise<readonly NumberedAuditEntry[]>;
}

/** Makes what manages the keys of a server. @throws JobError `bad_configuration` for a URL or a key that can be none */
export function createRemoteKeys(given: Place): RemoteKeys {
  const place = placeOf(given);
  return {
    list: async () => (await call(place, 'listKeys', {})).keys,
    create: (name, role) => call(place, 'createKey', { body: { name, role } }),
    revoke: (keyId) => call(place, 'revokeKey', { path: { key_id: keyId } }),
    audit: async (limit) => (await call(place, 'getAudit', { query: { limit } })).entries,
  };
}
