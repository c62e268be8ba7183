/**
 * Tokens that come with a job, sealed while they wait: AES-256-GCM under a key that lies beside the database and in no
 * copy of it, so that neither a backup nor a row that was shown tells one.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { link, open, rm, writeFile } from 'node:fs/promises';
import { codeOf, JobError } from '../../job/error.ts';

/** Seals and opens tokens of jobs. */
export interface Seals {
  /** @returns text that tells nothing without the key of this home, and opens for this job alone */
  seal(jobId: string, token: string): Promise<string>;
  /** @throws JobError `bad_configuration` where the key is not the one it was sealed with */
  open(jobId: string, sealed: string): Promise<string>;
}

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 'v1.';
/** Permissions of the group and of everybody. */
const OTHERS = 0o077;

function refuseKey(file: string, why: string, hint: string): never {
  throw new JobError('bad_configuration', `the key for tokens of jobs, ${file}, ${why}`, { hint });
}

async function readKey(file: string): Promise<Buffer | null> {
  const opened = await open(file, 'r').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (opened === null) return null;
  try {
    // Of the opened file, so that it is the one that is read.
    const { mode } = await opened.stat();
    if ((mode & OTHERS) !== 0)
      refuseKey(file, 'may be read by others', `make it yours alone: chmod 600 ${file}`);
    const { buffer, bytesRead } = await opened.read(Buffer.alloc(KEY_BYTES + 1), 0, KEY_BYTES + 1, 0);
    if (bytesRead === KEY_BYTES) return buffer.subarray(0, KEY_BYTES);
    return refuseKey(file, 'is no key', `remove it: ${file}; tokens that wait under it are lost then`);
  } finally {
    await opened.close();
  }
}

/** Makes the key, whole or not at all; where another process was faster, theirs is taken. */
async function makeKey(file: string): Promise<void> {
  const building = `${file}.new-${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(building, randomBytes(KEY_BYTES), { mode: 0o600, flag: 'wx', flush: true });
    await link(building, file).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  } finally {
    await rm(building, { force: true });
  }
}

/**
 * Makes the seals of a home.
 *
 * @param file the key, made when the first token is sealed, readable by its owner alone
 */
export function createSeals(file: string): Seals {
  return {
    async seal(jobId, token) {
      if ((await readKey(file)) === null) await makeKey(file);
      const key = await readKey(file);
      if (key === null) throw new JobError('bug', `the key ${file} was removed while it was made`);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(jobId));
      const text = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]);
      return VERSION + Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    },
    async open(jobId, sealed) {
      const key = await readKey(file);
      const bytes = Buffer.from(sealed.slice(VERSION.length), 'base64url');
      try {
        if (key === null || !sealed.startsWith(VERSION)) throw new Error('no key');
        const nonce = bytes.subarray(0, NONCE_BYTES);
        const cipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
        cipher.setAAD(Buffer.from(jobId)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
        const text = bytes.subarray(NONCE_BYTES + TAG_BYTES);
        return Buffer.concat([cipher.update(text), cipher.final()]).toString('utf8');
      } catch {
        throw new JobError('bad_configuration', `github_token: the token of ${jobId} can't be unsealed`, {
          hint: `${file} is not the key it was sealed with; submit the job again with its token`,
        });
      }
    },
  };
}
