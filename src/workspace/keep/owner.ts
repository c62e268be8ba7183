/** Which process owns something that lies on the disk, and whether it still lives. */
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, JobError } from '../../job/error.ts';

/** When a process started, in clock ticks since boot, so that a reused pid is told apart; `0` where unknown. */
async function startTime(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
}

let own: Promise<string> | null = null;

/** The name of this process: host, pid and start. */
export async function ownName(): Promise<string> {
  own ??= startTime(process.pid);
  return `${hostname()}/${process.pid}/${await own}`;
}

/** Whether an owner is a process of this machine that is gone. */
export async function isDead(owner: string): Promise<boolean> {
  const [host, pidText, started] = owner.split('/');
  const pid = Number(pidText);
  if (host !== hostname() || !Number.isInteger(pid)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
  const now = await startTime(pid);
  return started !== '0' && now !== '0' && now !== started;
}

/** Longest wait for a lock, in milliseconds: a large saved repository is repacked meanwhile. */
const LOCK_TIMEOUT_MS = 10 * 60_000;
const PAUSE_MS = 50;

/** Takes a lock file, breaking one whose owner is dead; `null` while somebody alive holds it. */
async function tryLock(path: string): Promise<(() => Promise<void>) | null> {
  const own = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(own, await ownName());
  try {
    // A link is made with its content, so nobody ever reads a lock without an owner.
    await link(own, path);
    return () => rm(path, { force: true });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(own, { force: true });
  }
  const owner = await readFile(path, 'utf8').catch(() => null);
  if (owner === null || !(await isDead(owner))) return null;
  // Renamed first: of two that find it dead, only one breaks it, and never the lock that the other then takes.
  const broken = `${path}.${randomBytes(6).toString('hex')}`;
  if (
    await rename(path, broken).then(
      () => true,
      () => false,
    )
  ) {
    const was = await readFile(broken, 'utf8').catch(() => owner);
    if (was !== owner) await link(broken, path).catch(() => {});
    await rm(broken, { force: true });
  }
  return null;
}

/**
 * Runs `work` while no other process runs something under the same lock file.
 *
 * @param timeoutMs longest wait for the lock; 0 does not wait
 * @throws JobError `conflict` when somebody alive holds it for longer
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  timeoutMs: number = LOCK_TIMEOUT_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let tries = 0; ; tries++) {
    const release = await tryLock(path);
    if (release !== null) {
      try {
        return await work();
      } finally {
        await release();
      }
    }
    // Twice at least: the first try may have broken a dead owner's lock.
    if (tries > 0 && performance.now() >= deadline) break;
    await sleep(PAUSE_MS);
  }
  const owner = await readFile(path, 'utf8').catch(() => 'somebody');
  throw new JobError('conflict', `${path} is held by ${owner}`, { hint: 'wait for that process to end' });
}
