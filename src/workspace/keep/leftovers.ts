/** What a process that died left in a home: half-built folders, locks of git, mounts. */
import { readFile, rm } from 'node:fs/promises';
import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { runProcess } from '../../sandbox/process.ts';
import type { Layout } from '../layout.ts';
import { lastUsedMs, namesIn, removeFolder } from './folders.ts';

/** A folder that is being built is at most so old: setup may take half an hour a command. */
const BUILDING_MS = 24 * 3600_000;
/** A git command ends within ten minutes, and its locks with it. */
const GIT_LOCK_MS = 3600_000;
const UMOUNT_TIMEOUT_MS = 10_000;

/** Removes folders of builds that never ended. @returns what was removed */
export async function removeUnfinished(layout: Layout, now: Date): Promise<readonly string[]> {
  const { home } = layout;
  const names = ['mirrors', 'saved', 'replays', 'backups'].map((name) => join(home, name));
  const roots = [...names, layout.dependencies];
  for (const cache of ['history', 'warm'])
    for (const repo of await namesIn(join(home, cache))) roots.push(join(home, cache, repo));
  const removed: string[] = [];
  for (const root of roots) {
    for (const name of await namesIn(root)) {
      const path = join(root, name);
      if (!/\.new-[0-9a-f]{12}$/.test(name) || now.getTime() - (await lastUsedMs(path)) < BUILDING_MS)
        continue;
      await removeFolder(path);
      removed.push(path);
    }
  }
  return removed;
}

/** Removes locks that a killed git left in mirrors and saved repositories. @returns what was removed */
export async function removeGitLocks(layout: Layout, now: Date): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const kind of ['mirrors', 'saved']) {
    const root = join(layout.home, kind);
    for (const repository of (await namesIn(root)).filter((name) => name.endsWith('.git'))) {
      const top = (await namesIn(join(root, repository))).filter((name) => name.endsWith('.lock'));
      const refs = await readdir(join(root, repository, 'refs'), { recursive: true }).catch(() => []);
      const locks = [
        ...top,
        ...refs.filter((name) => name.endsWith('.lock')).map((name) => join('refs', name)),
      ];
      for (const lock of locks.map((name) => join(root, repository, name))) {
        if (now.getTime() - (await lastUsedMs(lock)) < GIT_LOCK_MS) continue;
        await rm(lock, { force: true });
        removed.push(lock);
      }
    }
  }
  return removed;
}

/**
 * Mount points below a folder, deepest first, as `/proc/self/mountinfo` names them (fifth field, octal escapes; see
 * proc(5)). Pure.
 */
export function mountsBelow(mountinfo: string, folder: string): readonly string[] {
  const points = mountinfo.split('\n').flatMap((line) => {
    const point = line
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    return point?.startsWith(folder + sep) === true ? [point] : [];
  });
  return points.toSorted((a, b) => b.length - a.length);
}

/** Takes away the mounts below a folder whose processes are dead. @returns the mount points */
export async function unmountBelow(folder: string): Promise<readonly string[]> {
  const points = mountsBelow(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''), folder);
  const gone: string[] = [];
  for (const point of points) {
    const result = await runProcess(['umount', '-l', '--', point], {
      cwd: '/',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      timeoutMs: UMOUNT_TIMEOUT_MS,
      maxBytes: 4096,
    });
    if (result.exitCode === 0) gone.push(point);
  }
  return gone;
}
