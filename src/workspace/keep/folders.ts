/** Folders that are looked at and taken away: their size, their last use, their removal. */
import { lstatSync } from 'node:fs';
import { access, lstat, readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess } from '../../sandbox/process.ts';

const TOOLS = { PATH: '/usr/local/bin:/usr/bin:/bin' };
/** A cache of millions of files on a slow disk; what was not measured by then counts as empty and stays. */
const MEASURE_TIMEOUT_MS = 5 * 60_000;
const REMOVE_TIMEOUT_MS = 10 * 60_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** Paths in one command line. */
const BATCH = 500;

/** The names in a folder; none where it is not there. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

/** Whether something exists at a path, links followed. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** When a path was last used, in milliseconds since 1970; 0 where it is not there. */
export async function lastUsedMs(path: string): Promise<number> {
  return (await lstat(path).catch(() => null))?.mtimeMs ?? 0;
}

/** Notes that a cached folder is in use now: what was not used for longest is evicted first. */
export async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}

/**
 * Bytes on the disk below each path. A file that is linked several times counts once, at the first path.
 *
 * @param paths absolute
 * @param signal ends the look; what was not measured by then is not in the answer
 */
export async function measure(
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (let at = 0; at < paths.length; at += BATCH) {
    const result = await runProcess(['du', '-sk', '--', ...paths.slice(at, at + BATCH)], {
      cwd: '/',
      env: TOOLS,
      timeoutMs: MEASURE_TIMEOUT_MS,
      maxBytes: MAX_OUTPUT_BYTES,
      signal,
    });
    for (const line of result.stdout.split('\n')) {
      const [kib = '', path = ''] = line.split('\t');
      if (path !== '') sizes.set(path, Number(kib) * 1024);
    }
  }
  return sizes;
}

/**
 * Removes folders that an agent or a setup command could write: what they closed is opened again, and what lies
 * deeper than a path can name, which Node can't remove, `rm` reaches step by step; it also takes a tenth of Node's
 * time for them. Rejects with why one is still there.
 *
 * @param paths absolute; what is not there is passed by
 */
export async function removeFolders(paths: readonly string[]): Promise<void> {
  const there = paths.filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
  if (there.length === 0) return;
  const options = { cwd: '/', env: TOOLS, timeoutMs: REMOVE_TIMEOUT_MS, maxBytes: 64 * 1024, isOwn: true };
  const remove = async (): Promise<boolean> =>
    (await runProcess(['rm', '-rf', '--', ...there], options)).exitCode === 0;
  if (await remove()) return;
  await runProcess(['chmod', '-R', 'u+rwX', '--', ...there], options);
  if (await remove()) return;
  for (const path of there) await rm(path, { recursive: true, force: true });
}

/** Removes one folder as `removeFolders` does. */
export async function removeFolder(path: string): Promise<void> {
  await removeFolders([path]);
}

/** Removes what was taken out of use earlier, here or by a process that died meanwhile. */
export async function emptyTrash(trash: string): Promise<void> {
  for (const name of await namesIn(trash)) await removeFolder(join(trash, name)).catch(() => {});
}
