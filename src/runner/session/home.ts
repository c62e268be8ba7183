/** The agent's HOME between the jobs of a session: where its conversation lies. Kept by one rename, taken by another. */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFolder, exists } from '../../workspace/keep/folders.ts';
import type { JobPaths } from '../../workspace/layout.ts';

/** Where a job's agent wrote its HOME, as the host sees it. */
async function writtenHome(paths: JobPaths): Promise<string> {
  const layer = join(paths.layers, 'home', 'upper');
  return (await exists(layer)) ? layer : paths.home;
}

/**
 * Keeps the HOME of an ended job for the next of its session. Losing it costs a conversation and no work, so
 * nothing here fails a job.
 *
 * @param kept the session's folder
 */
export async function keepHome(paths: JobPaths, kept: string): Promise<void> {
  const written = await writtenHome(paths);
  if (!(await exists(written))) return;
  await mkdir(kept, { recursive: true, mode: 0o700 });
  await removeFolder(join(kept, 'home'));
  await rename(written, join(kept, 'home'));
}

/**
 * Gives a job the HOME that was kept.
 *
 * @param home the job's empty HOME, as the host sees it
 * @returns whether there was one
 */
export async function takeHome(kept: string, home: string): Promise<boolean> {
  if (!(await exists(join(kept, 'home')))) return false;
  await removeFolder(home);
  await rename(join(kept, 'home'), home);
  return true;
}
