/** Logins of browsers: a signed cookie that names a key, so that no page and no script ever holds the key itself. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, JobError } from '../../job/error.ts';
import type { Store } from '../../store/store.ts';
import type { Principal } from '../endpoint.ts';

const COOKIE = 'agent_runner_login';
/** How long a login lasts, in seconds. */
const MAX_AGE_S = 30 * 24 * 3600;
const SECRET_BYTES = 32;

/** Signs logins, and knows them again. */
export interface Logins {
  /** The header that logs a key's holder in. */
  cookieFor(keyId: string): string;
  /** The header that logs out. */
  readonly noCookie: string;
  /** Whom a request's cookie names; `null` where it names nobody, any more or at all. */
  holderOf(cookies: string | null): Promise<Principal | null>;
}

/**
 * The secret that logins are signed with; made at the first start, readable by its owner alone.
 *
 * @throws JobError `bad_configuration` where what lies there is none
 */
export async function loginSecret(home: string): Promise<Buffer> {
  const path = join(home, 'login-secret');
  // Two that start at once: one makes it, and both read what it made.
  await writeFile(path, randomBytes(SECRET_BYTES).toString('hex'), { flag: 'wx', mode: 0o600 }).catch(
    (error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    },
  );
  const text = await readFile(path, 'utf8');
  if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, 'hex');
  throw new JobError('bad_configuration', `login-secret: ${path} holds no secret`, {
    hint: 'remove the file: a new one is made, and everybody logs in again',
  });
}

/**
 * Makes the logins of one server.
 *
 * @param isSecure whether people reach it by TLS, and the cookie is to go no other way
 */
export function createLogins(store: Store, secret: Buffer, isSecure: boolean): Logins {
  const sign = (text: string): Buffer => createHmac('sha256', secret).update(text).digest();
  const attributes = `${isSecure ? 'Secure; ' : ''}HttpOnly; SameSite=Strict; Path=/`;
  return {
    cookieFor(keyId) {
      const claim = `${keyId}.${Math.floor(Date.now() / 1000) + MAX_AGE_S}`;
      const value = `${claim}.${sign(claim).toString('base64url')}`;
      return `${COOKIE}=${value}; ${attributes}; Max-Age=${MAX_AGE_S}`;
    },
    noCookie: `${COOKIE}=; ${attributes}; Max-Age=0`,
    async holderOf(cookies) {
      const found = /(?:^|;\s*)agent_runner_login=([0-9a-f]{12})\.(\d{1,12})\.([\w-]{43})(?:;|$)/.exec(
        cookies ?? '',
      );
      const [, keyId = '', until = '', signature = ''] = found ?? [];
      if (found === null) return null;
      const isSigned = timingSafeEqual(sign(`${keyId}.${until}`), Buffer.from(signature, 'base64url'));
      if (!isSigned || Number(until) * 1000 < Date.now()) return null;
      const key = await store.getKey(keyId);
      return key === null || key.revoked_at !== null
        ? null
        : { id: key.key_id, role: key.role, name: key.name };
    },
  };
}
