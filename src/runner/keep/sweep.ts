/** Clean-up after processes that died: what they left goes, what a job needs to be resumed stays. */
import { join } from 'node:path';
import { isTerminal } from '../../job/status.ts';
import { emptyTrash, lastUsedMs, namesIn, removeFolder } from '../../workspace/keep/folders.ts';
import { removeGitLocks, removeUnfinished, unmountBelow } from '../../workspace/keep/leftovers.ts';
import { isDead } from '../../workspace/keep/owner.ts';
import type { RunnerParts } from '../context.ts';
import { isHeldAlive } from '../engine/lease.ts';
import { workFolders } from '../engine/settle.ts';
import { keepHome, keptFor } from '../session/home.ts';
import { readOwner } from './jobs.ts';

/** A folder without a known owner is that of a process that is just beginning, for so long. */
const YOUNG_MS = 3600_000;

/** What was cleaned up, as paths. */
export interface Swept {
  readonly removed: readonly string[];
  readonly unmounted: readonly string[];
}

async function isAlive({ layout, store }: RunnerParts, name: string, now: Date): Promise<boolean> {
  const job = name.startsWith('job-') ? await store.getJob(name) : null;
  if (job !== null) return isHeldAlive(store, name, now);
  const owner = await readOwner(layout, name);
  if (owner !== null) return !(await isDead(owner));
  return now.getTime() - (await lastUsedMs(layout.job(name).root)) < YOUNG_MS;
}

/** Folders of a job that nobody works on and that nobody will need again; what its session needs is taken out of them. */
async function deadFolders({ layout, store }: RunnerParts, name: string): Promise<readonly string[]> {
  const paths = layout.job(name);
  // A gate without a job has nothing to save or resume.
  if (!name.startsWith('job-')) return workFolders(paths);
  const job = await store.getJob(name);
  if (job === null) return [];
  const isDone =
    isTerminal(job.status) &&
    job.result !== null &&
    (job.result.wip_ref !== null || job.result.error === null);
  if (!isDone) return [paths.checkouts];
  // Its process died before it kept what the next job of the session goes on with.
  const session = keptFor(job, job.result);
  if (session !== null) await keepHome(paths, layout.session(session)).catch(() => {});
  return workFolders(paths);
}

/**
 * Removes what dead processes left below a home: clean checkouts, working copies of saved jobs, builds that never
 * ended, locks of git, mounts, the trash. Jobs of living processes are not touched.
 *
 * @param timeoutMs after which it stops between two folders
 */
export async function sweep(parts: RunnerParts, timeoutMs: number): Promise<Swept> {
  const { layout } = parts;
  const [now, deadline] = [new Date(), performance.now() + timeoutMs];
  const removed: string[] = [];
  const unmounted: string[] = [];
  for (const name of await namesIn(join(layout.home, 'jobs'))) {
    if (performance.now() > deadline) return { removed, unmounted };
    if (await isAlive(parts, name, now)) continue;
    unmounted.push(...(await unmountBelow(layout.job(name).root)));
    for (const folder of await deadFolders(parts, name)) {
      if ((await lastUsedMs(folder)) === 0) continue;
      await removeFolder(folder).catch(() => {});
      removed.push(folder);
    }
  }
  removed.push(...(await removeUnfinished(layout, now)), ...(await removeGitLocks(layout, now)));
  if (performance.now() < deadline) await emptyTrash(layout.trash);
  return { removed, unmounted };
}
