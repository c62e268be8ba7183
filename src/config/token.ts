/** The key for a server, from the environment or from a file that nobody else may read. */
import { open } from 'node:fs/promises';
import { JobError } from '../job/error.ts';

/** Longest file of a key, in bytes. */
const MAX_TOKEN_BYTES = 1024;
/** Permissions of the group and of everybody. */
const OTHERS = 0o077;

/**
 * The key: `AGENT_RUNNER_TOKEN`, else what stands in the file.
 *
 * @returns `null` where there is neither
 * @throws JobError `bad_configuration` for a file that can't be read, holds none, or that others may read
 */
export async function readToken(remote: {
  readonly token: string | null;
  readonly tokenFile: string | null;
}): Promise<string | null> {
  const { token, tokenFile } = remote;
  if (token !== null || tokenFile === null) return token;
  const refuse = (why: string, hint: string): never => {
    throw new JobError('bad_configuration', `token_file: ${tokenFile} ${why}`, { hint });
  };
  const file = await open(tokenFile, 'r').catch((error: unknown) =>
    refuse(
      `can't be read: ${error instanceof Error ? error.message : String(error)}`,
      'write the key of `agent-runner keys create` into it, or set AGENT_RUNNER_TOKEN',
    ),
  );
  try {
    // Of the opened file, so that it is the one that is read.
    const stat = await file.stat();
    if (!stat.isFile()) refuse('is no file', 'name a file with nothing but the key in it');
    if ((stat.mode & OTHERS) !== 0)
      refuse(
        `may be read by others (mode ${(stat.mode & 0o777).toString(8)})`,
        `make it yours alone: chmod 600 ${tokenFile}`,
      );
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_TOKEN_BYTES), 0, MAX_TOKEN_BYTES, 0);
    const text = buffer.toString('utf8', 0, bytesRead).trim();
    return /^[\x21-\x7e]+$/.test(text) ? text : refuse('holds no key', 'write one line into it, the key');
  } finally {
    await file.close();
  }
}
