/**
 * Saved work that moves from one home to another: the commits of a job and the files of its base, as one pack without
 * further history. What comes from elsewhere is unpacked apart, with all of git's checks, before anything reads it.
 */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Git } from '../git.ts';
import { createBare } from '../remote/mirror.ts';
import { linkPacks } from '../remote/packs.ts';
import { setRef } from '../remote/refs.ts';
import { baseRef, readSaved, type Kept } from '../remote/saved.ts';
import { withLock } from './owner.ts';
import { packFrom, unpackChecked } from './recorded.ts';
import { listSaved } from './work.ts';

/** What is saved of one job. */
export interface MovedWork {
  /** Full id of the commit that the job began at. */
  readonly base: string;
  readonly refs: readonly Kept[];
}

/** What a repository of saved work holds of a job; `null` where that is nothing. */
export async function findMoved(git: Git, saved: string, jobId: string): Promise<MovedWork | null> {
  const refs = (await listSaved(git, saved, ['wip', 'partial', 'turns'])).filter(
    (one) => one.jobId === jobId,
  );
  const base = refs.find((one) => /^[0-9a-f]{40}$/.test(one.base))?.base;
  return base === undefined ? null : { base, refs: refs.map(({ ref, commit }) => ({ ref, commit })) };
}

/** Writes that work as one pack below `folder`, and returns its path. */
export async function packMoved(git: Git, saved: string, folder: string, work: MovedWork): Promise<string> {
  const commits = [...new Set(work.refs.map(({ commit }) => commit))];
  return packFrom(git, saved, folder, work.base, commits);
}

/** Cuts the history of a base off whose commits before it are not here. */
async function cutAt(saved: string, base: string): Promise<void> {
  const known = await readFile(join(saved, 'shallow'), 'utf8').catch(() => '');
  if (!known.split('\n').includes(base)) await appendFile(join(saved, 'shallow'), `${base}\n`);
}

/**
 * Takes work from elsewhere into a repository of saved work. Done twice, it has the effect of once.
 *
 * @param from a file, and where in it the pack lies
 * @param folder an empty one for this alone, on the same file system
 * @param saved the repository; made where it is missing
 * @throws JobError `invalid_request` when git finds anything wrong with an object, or one is missing
 */
export async function landMoved(
  git: Git,
  from: { readonly path: string; readonly start: number; readonly bytes: number },
  folder: string,
  saved: string,
  work: MovedWork,
): Promise<void> {
  const apart = join(folder, 'work.git');
  const commits = [...new Set(work.refs.map(({ commit }) => commit))];
  await unpackChecked(git, from, apart, { base: work.base, commits, trees: [] });
  await mkdir(dirname(saved), { recursive: true });
  await withLock(`${saved}.lock`, async () => {
    await createBare(saved);
    const isKnown = (await readSaved(git, saved, baseRef(work.base))) !== null;
    await linkPacks([join(apart, 'objects')], saved);
    if (!isKnown) {
      await cutAt(saved, work.base);
      await setRef(git, saved, baseRef(work.base), work.base);
    }
    for (const { ref, commit } of work.refs) await setRef(git, saved, ref, commit);
  });
}
