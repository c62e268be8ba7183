/**
 * Warm trees: the files of one base commit, checked out once and never written again, with the index that
 * belongs to them. Copy-on-write working copies and gate checkouts lie over them. A tree is versioned by its
 * commit, so a moved branch never changes the ground under a running job.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { splitNul, type Git } from '../git.ts';
import { markUsed } from '../keep/folders.ts';
import { checkOut, type JobRepository } from './checkout.ts';

/** The files of a commit, ready to be a lower layer. */
export interface WarmTree {
  readonly tree: string;
  /** Index of exactly these files. */
  readonly index: string;
  /** Paths of submodules, which are empty folders. */
  readonly submodules: readonly string[];
}

async function read(root: string): Promise<WarmTree | null> {
  const text = await readFile(join(root, 'submodules.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const listed: unknown = JSON.parse(text);
  const submodules = Array.isArray(listed) ? listed.filter((path) => typeof path === 'string') : [];
  return { tree: join(root, 'tree'), index: join(root, 'index'), submodules };
}

/**
 * The warm tree of `commit`, checked out on first use.
 *
 * @param folder holds the warm trees of this repository, one folder a commit; what was used last is newest
 */
export async function openWarmTree(
  git: Git,
  repository: JobRepository,
  folder: string,
  commit: string,
): Promise<WarmTree> {
  const root = join(folder, commit);
  const known = await read(root);
  if (known !== null) {
    await markUsed(root);
    return known;
  }
  const building = join(folder, `.new-${randomBytes(6).toString('hex')}`);
  await mkdir(building, { recursive: true });
  try {
    const index = join(building, 'index');
    await checkOut(git, repository, join(building, 'tree'), index, commit);
    const staged = await git({ dir: repository.dir, index }, ['ls-files', '-z', '--stage']);
    const submodules = splitNul(staged.stdout)
      .filter((row) => row.startsWith('160000 '))
      .map((row) => row.slice(row.indexOf('\t') + 1));
    // Written last: a folder with this file in it is whole.
    await writeFile(join(building, 'submodules.json'), JSON.stringify(submodules));
    await rename(building, root);
  } catch (error) {
    // Another process may have made the same meanwhile: its result is as good.
    await rm(building, { recursive: true, force: true });
    if ((await read(root)) === null) throw error;
  }
  const made = await read(root);
  if (made === null) throw new Error(`the warm tree ${root} vanished while it was made`);
  return made;
}
