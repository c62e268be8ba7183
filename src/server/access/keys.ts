/** API keys: `ar_<id>_<secret>`. Only a hash of a key is kept, so nobody reads one out of the database. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { JobError } from '../../job/error.ts';
import { ROLES, type ApiKey, type Role } from '../../job/access/access.ts';
import type { Store } from '../../store/store.ts';
import type { Principal } from '../endpoint.ts';

const FORM = /^ar_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;
/** Bytes of a secret: as many as the hash has, so that guessing one is as hard as the other. */
const SECRET_BYTES = 32;

// One round suffices: what is hashed is 256 random bits, and no password.
function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** The role of a name. @throws JobError `usage` */
export function parseRole(name: string): Role {
  const role = ROLES.find((one) => one === name);
  if (role !== undefined) return role;
  throw new JobError(
    'usage',
    `role: ${JSON.stringify(name.slice(0, 100))} is unknown (allowed: ${ROLES.join(', ')})`,
  );
}

/** A new key, and what of it may be shown ever after. */
export interface MadeKey {
  /** The key itself: it is shown once, and known to nobody afterwards. */
  readonly secret: string;
  readonly key: ApiKey;
}

/**
 * Makes a key and stores its hash.
 *
 * @param options.onlyFirst makes none where there is one already
 * @returns `null` where none was made
 */
export async function createKey(
  store: Store,
  options: { readonly name: string; readonly role: Role; readonly onlyFirst?: boolean },
): Promise<MadeKey | null> {
  const { name, role, onlyFirst = false } = options;
  if (!/^[^\p{C}]{1,100}$/u.test(name)) {
    throw new JobError(
      'usage',
      `name: ${JSON.stringify(name.slice(0, 100))} is not allowed (1 to 100 printable characters)`,
    );
  }
  const keyId = randomBytes(6).toString('hex');
  const secret = `ar_${keyId}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  const hash = hashOf(secret).toString('hex');
  const key: ApiKey = {
    key_id: keyId,
    name,
    role,
    hash,
    created_at: new Date().toISOString(),
    revoked_at: null,
  };
  return (await store.createKey(key, { onlyFirst })) ? { secret, key } : null;
}

/** Who holds a key; `null` where it is none, or was revoked. Takes as long for a wrong secret as for the right one. */
export async function holderOf(store: Store, secret: string): Promise<Principal | null> {
  const keyId = FORM.exec(secret)?.[1];
  if (keyId === undefined) return null;
  const key = await store.getKey(keyId);
  const isRight = timingSafeEqual(hashOf(secret), Buffer.from(key?.hash ?? '0'.repeat(64), 'hex'));
  return key !== null && isRight && key.revoked_at === null
    ? { id: key.key_id, role: key.role, name: key.name }
    : null;
}
