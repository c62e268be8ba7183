/** Refs, read and written without a process where their files are all there is to it. */
import { constants } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Git } from '../git.ts';
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

/** Refs of the runner's own: nobody else names, packs or locks them for long. */
const OWN_REF = /^refs\/agent-runner(?:\/[\w-]+)+$/;

/** What a ref of the runner's own points at where that can be told by its file alone: `null` is none, `undefined` is to be asked of git. */
export async function readLooseRef(dir: string, ref: string): Promise<string | null | undefined> {
  if (!OWN_REF.test(ref)) return undefined;
  const text = await readRefFile(join(dir, ref));
  if (text !== null) return /^[0-9a-f]{40}\n$/.test(text) ? text.slice(0, 40) : undefined;
  return (await exists(join(dir, 'packed-refs'))) ? undefined : null;
}

/** Writes the file of a ref as git does: a lock that only one can make, then a rename. Says whether it could be done. */
async function writeLooseRef(dir: string, ref: string, id: string): Promise<boolean> {
  const path = join(dir, ref);
  const lock = `${path}.lock`;
  const before = await readRefFile(path);
  if (before !== null && !/^[0-9a-f]{40}\n$/.test(before)) return false;
  await mkdir(dirname(path), { recursive: true });
  const file = await open(lock, 'wx', 0o644);
  try {
    await file.writeFile(`${id}\n`);
    await file.sync();
    await rename(lock, path);
    return true;
  } catch (error) {
    await rm(lock, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/**
 * Points a ref at a commit that is there.
 *
 * @param dir repository that only the runner writes
 */
export async function setRef(git: Git, dir: string, ref: string, id: string): Promise<void> {
  const isOwn = OWN_REF.test(ref) && /^[0-9a-f]{40}$/.test(id);
  // What stands in the way (a lock, a folder of that name), git names.
  if (isOwn && (await writeLooseRef(dir, ref, id).catch(() => false))) return;
  await git({ dir }, ['update-ref', ref, id]);
}
