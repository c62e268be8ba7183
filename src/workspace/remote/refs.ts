/** Refs, read without a process where their files tell. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../keep/folders.ts';

/** The packed refs of 100,000 branches. Of more, and of what is no plain file, git is asked. */
const MAX_REFS_BYTES = 8 * 1024 * 1024;

/**
 * The text of a file of refs: `null` where there is none, `''` where it can't be one. A repository may be anybody's:
 * a pipe in the place of its HEAD would keep us waiting for ever, and a device fill the memory.
 */
export async function readRefFile(path: string): Promise<string | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      return found.isFile() && found.size <= MAX_REFS_BYTES ? await file.readFile('utf8') : '';
    } finally {
      await file.close();
    }
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? null : '';
  }
}

/** What a ref of the runner's own points at where that can be told by its file alone: `null` is none, `undefined` is to be asked of git. */
export async function readLooseRef(dir: string, ref: string): Promise<string | null | undefined> {
  if (!/^refs\/agent-runner(?:\/[\w-]+)+$/.test(ref)) return undefined;
  const text = await readRefFile(join(dir, ref));
  if (text !== null) return /^[0-9a-f]{40}\n$/.test(text) ? text.slice(0, 40) : undefined;
  return (await exists(join(dir, 'packed-refs'))) ? undefined : null;
}
