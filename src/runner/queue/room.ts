/** Whether there is room for more jobs: a disk that is nearly full would hurt those that run. */
import { statfs } from 'node:fs/promises';
import { JobError } from '../../job/error.ts';

/**
 * Why no job should be begun; `null` when there is room.
 *
 * @param minFreeBytes bytes that must be free where `home` lies
 */
export async function lackOfRoom(home: string, minFreeBytes: number): Promise<string | null> {
  const { bavail, bsize } = await statfs(home);
  const free = bavail * bsize;
  if (free >= minFreeBytes) return null;
  return `${free} bytes are free in ${home}, fewer than min_free_bytes (${minFreeBytes})`;
}

/** @throws JobError `infra_failed` when there is no room for another job */
export async function checkRoom(home: string, minFreeBytes: number): Promise<void> {
  const lack = await lackOfRoom(home, minFreeBytes);
  if (lack === null) return;
  throw new JobError('infra_failed', `disk: ${lack}`, {
    hint: 'free space (`agent-runner gc` frees what is no longer kept), or set min_free_bytes lower',
  });
}
