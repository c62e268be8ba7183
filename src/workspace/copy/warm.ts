/**
 * Warm trees: the files of one base commit, checked out once and never written again, with the index that
 * belongs to them. Copy-on-write working copies and gate checkouts lie over them. A tree is versioned by its
 * commit, so a moved branch never changes the ground under a running job.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { splitNul, type Git } from '../git.ts';
import { runProcess } from '../../sandbox/process.ts';
import { markUsed, removeFolder } from '../keep/folders.ts';
import { copyIndex } from '../staging.ts';
import { checkOut, type JobRepository } from './checkout.ts';

/** Other inode data differ where a tree is linked or mounted; size and time do not. */
export const SAME_FILES: readonly string[] = ['-c', 'core.checkStat=minimal', '-c', 'core.trustctime=false'];

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

/** Longest time that linking a tree may take. */
const LINK_TIMEOUT_MS = 5 * 60 * 1000;
const MAX_SAID_BYTES = 4096;

/**
 * Lays a commit beside the warm tree of another one: what both have is linked, so that it costs no bytes; git replaces a
 * file that differs by a new one, and never writes into it. Measured on 5,000 files of 20 MB, ten steps of a run: 28 MB
 * and not 204 MB.
 *
 * @returns whether it is laid; where it is not, nothing is left
 */
async function layBeside(
  git: Git,
  { dir }: JobRepository,
  building: string,
  known: WarmTree,
  from: string,
  to: string,
): Promise<boolean> {
  const [workTree, index] = [join(building, 'tree'), join(building, 'index')];
  const tools = { PATH: '/usr/local/bin:/usr/bin:/bin' };
  const options = { cwd: '/', env: tools, timeoutMs: LINK_TIMEOUT_MS, maxBytes: MAX_SAID_BYTES };
  const linked = await runProcess(['cp', '-a', '-l', '--', known.tree, workTree], options);
  try {
    // No `cp` that links, a file that has as many links as it may, or the other tree is just being removed.
    if (linked.exitCode !== 0) throw new Error('not linked');
    await copyIndex(known.index, index);
    const args = [...SAME_FILES, 'read-tree', '-m', '-u', '--end-of-options', from, to];
    await git({ dir, workTree, index }, args);
    return true;
  } catch {
    await removeFolder(workTree);
    await rm(index, { force: true });
    return false;
  }
}

/**
 * The warm tree of `commit`, checked out on first use.
 *
 * @param folder holds the warm trees of this repository, one folder a commit; what was used last is newest
 * @param near a commit that it mostly has in common with: what its warm tree has, where there is one, is not laid again
 */
export async function openWarmTree(
  git: Git,
  repository: JobRepository,
  folder: string,
  commit: string,
  near: string = commit,
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
    const other = near === commit ? null : await read(join(folder, near));
    const isLaid = other !== null && (await layBeside(git, repository, building, other, near, commit));
    if (!isLaid) await checkOut(git, repository, join(building, 'tree'), index, commit);
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
