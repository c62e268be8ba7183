/** Refs, read and written without a process where their files are all there is to it. */
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../job/error.ts';
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
    return codeOf(error) === 'ENOENT' ? null : '';
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

/** A ref is written within milliseconds: a lock of this age was left by a process that was killed. */
const STALE_MS = 2000;
const PAUSE_MS = 50;

/** Makes a lock, after the one that is there has gone or grown stale. */
async function openLock(lock: string): Promise<FileHandle> {
  for (let waitedMs = 0; ; waitedMs += PAUSE_MS) {
    try {
      return await open(lock, 'wx', 0o644);
    } catch (error) {
      const isThere = codeOf(error) === 'EEXIST';
      if (!isThere || waitedMs > 2 * STALE_MS) throw error;
    }
    const made = await lstat(lock).catch(() => null);
    if (made !== null && Date.now() - made.mtimeMs > STALE_MS) await rm(lock, { force: true });
    else await sleep(PAUSE_MS);
  }
}

/** Writes the file of a ref as git does: a lock that only one can make, then a rename. Says whether it could be done. */
async function writeLooseRef(dir: string, ref: string, id: string): Promise<boolean> {
  const path = join(dir, ref);
  const lock = `${path}.lock`;
  const before = await readRefFile(path);
  if (before !== null && !/^[0-9a-f]{40}\n$/.test(before)) return false;
  await mkdir(dirname(path), { recursive: true });
  const file = await openLock(lock);
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
