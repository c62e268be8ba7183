/**
 * What is kept between the jobs of a session: the agent's HOME and the conversations of agents in our own process, in
 * one of which its conversation lies. Kept by one rename, taken by another.
 */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from '../../job/job.ts';
import type { JobResult } from '../../job/result.ts';
import { findPlace } from '../../workspace/copy/layers.ts';
import { removeFolder, exists } from '../../workspace/keep/folders.ts';
import type { JobPaths } from '../../workspace/layout.ts';

/** Where a job's agent wrote its HOME, as the host sees it. */
async function writtenHome(paths: JobPaths): Promise<string> {
  const place = await findPlace(paths.layers, paths.tree, paths.home);
  return place?.homeLayers?.upper ?? paths.home;
}

/** Puts a folder in the place of another; nothing where there is none. */
async function move(from: string, to: string): Promise<void> {
  if (!(await exists(from))) return;
  await removeFolder(to);
  await rename(from, to);
}

/**
 * The session under whose name an ended job's HOME is kept: the one it names; its own where it opened a pull request, on which
 * people go on. `null`: it is not kept.
 */
export function keptFor(
  { job_id: jobId, request }: Pick<Job, 'job_id' | 'request'>,
  result: Pick<JobResult, 'pr_url'> | null,
): string | null {
  return request.session_id ?? (result?.pr_url == null ? null : jobId);
}

/**
 * Keeps HOME and conversations of an ended job for the next of its session. Losing it costs a conversation and no work, so
 * nothing here fails a job.
 *
 * @param kept the session's folder
 */
export async function keepHome(paths: JobPaths, kept: string): Promise<void> {
  const home = await writtenHome(paths);
  if (!(await exists(home)) && !(await exists(paths.conversations))) return;
  await mkdir(kept, { recursive: true, mode: 0o700 });
  await move(home, join(kept, 'home'));
  await move(paths.conversations, join(kept, 'conversations'));
}

/**
 * Gives a job what was kept.
 *
 * @param home the job's empty HOME, as the host sees it
 */
export async function takeHome(kept: string, paths: JobPaths, home: string): Promise<void> {
  await move(join(kept, 'home'), home);
  await move(join(kept, 'conversations'), paths.conversations);
}
