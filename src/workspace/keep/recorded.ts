/**
 * The repository of a recorded job: its base and the trees of its turns, and no more history than there is at hand.
 * It travels as one pack. What came from elsewhere is unpacked by git with all its checks, into a repository without
 * hooks or settings that nothing else uses yet.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { JobError } from '../../job/error.ts';
import type { TreeDifference } from '../../job/recording/compare.ts';
import type { Git } from '../git.ts';
import { createBare } from '../remote/mirror.ts';
import { linkPacks } from '../remote/packs.ts';
import { keepShallow, turnsRef } from '../remote/saved.ts';
import { withLock } from './owner.ts';

/** What such a repository holds, by full ids. */
export interface Recorded {
  /** The tree that the job left. */
  readonly left: string;
  /** The commit a job began at. */
  readonly base: string;
  /** The commit whose tree holds the trees of its turns; `base` is its parent. */
  readonly trees: string;
}

/** The branch of such a repository; its job begins there. */
const MAIN = 'refs/heads/main';
/** Objects of a pack from elsewhere: a tree of 300,000 files, and room for its folders. */
const MAX_OBJECTS = 500_000;
/** Bytes of a pack from elsewhere, and of everything in it once unpacked: git's deltas make a terabyte of a kilobyte. */
const MAX_PACK_BYTES = 1024 ** 3;
const MAX_UNPACKED_BYTES = 4 * 1024 ** 3;
const UNPACK_TIMEOUT_MS = 5 * 60 * 1000;
/**
 * Git holds no object of a stranger in memory that is larger: it reads large files piece by piece, and gives up on
 * commits, trees and deltas of that size (`GIT_ALLOC_LIMIT`, wrapper.c).
 */
const FRUGAL = {
  GIT_ALLOC_LIMIT: '128m',
  GIT_CONFIG_COUNT: '2',
  GIT_CONFIG_KEY_0: 'core.bigFileThreshold',
  GIT_CONFIG_VALUE_0: '16m',
  GIT_CONFIG_KEY_1: 'pack.threads',
  GIT_CONFIG_VALUE_1: '1',
};
const PACK_HEADER_BYTES = 12;
const PACK_SUM_BYTES = 20;

async function pointRefs(git: Git, dir: string, { base, trees }: Recorded): Promise<void> {
  await git({ dir }, ['update-ref', MAIN, base], {
    next: [{ args: ['update-ref', turnsRef('recorded'), trees] }],
  });
}

/**
 * Fills a new repository with what saved work holds of a job, by hard links.
 *
 * @param saved the repository of saved work
 * @param to where it is made; nothing is there yet
 */
export async function linkRecorded(git: Git, saved: string, to: string, what: Recorded): Promise<void> {
  await createBare(to);
  await withLock(`${saved}.lock`, () => linkPacks([join(saved, 'objects')], to));
  await keepShallow(saved, to);
  await pointRefs(git, to, what);
}

/**
 * Writes the base without its history, and the trees, as one pack.
 *
 * @param dir repository that has them
 * @param folder where the pack is made
 * @returns the path of the pack
 */
export async function packRecorded(git: Git, dir: string, folder: string, what: Recorded): Promise<string> {
  return packFrom(git, dir, folder, what.base, [what.trees, what.left]);
}

/**
 * Writes a base without its history, and what else is named by full ids, as one pack.
 *
 * @param folder where the pack is made
 * @returns the path of the pack
 */
export async function packFrom(
  git: Git,
  dir: string,
  folder: string,
  base: string,
  others: readonly string[],
): Promise<string> {
  // Told that history ends at the base, git packs that commit and nothing before it.
  const stdin = [`--shallow ${base}`, base, ...others].map((line) => `${line}\n`).join('');
  const packed = await git({ dir }, ['pack-objects', '--revs', '--quiet', join(folder, 'recorded')], {
    stdin,
  });
  return join(folder, `recorded-${packed.text}.pack`);
}

function refused(why: string): JobError {
  return new JobError('invalid_request', `recording: its files can't be used: ${why}`, {
    hint: 'make it again: agent-runner replay <job> --export <file>',
  });
}

/** Where a pack lies in a file: from a place on, to the file's end unless its length is said. */
interface PackPlace {
  readonly path: string;
  readonly start: number;
  readonly bytes?: number;
}

/** What must be in a pack from elsewhere, by full ids. */
interface Wanted {
  readonly base: string;
  readonly commits: readonly string[];
  readonly trees: readonly string[];
}

/**
 * Copies the pack of a file, after a look at its header. Its name is the sum at its end, which git checks: two packs that
 * differ never have the same.
 *
 * @returns its path
 */
async function copyPack({ path: from, start, bytes }: PackPlace, folder: string): Promise<string> {
  const file = await open(from);
  const size = bytes ?? (await file.stat()).size - start;
  const sum = Buffer.alloc(PACK_SUM_BYTES);
  try {
    const head = Buffer.alloc(PACK_HEADER_BYTES);
    const { bytesRead } = await file.read(head, 0, PACK_HEADER_BYTES, start);
    if (bytesRead < PACK_HEADER_BYTES || head.toString('latin1', 0, 4) !== 'PACK')
      throw refused('no pack follows the header');
    if (size > MAX_PACK_BYTES) throw refused(`${size} bytes are too many (at most ${MAX_PACK_BYTES})`);
    const objects = head.readUInt32BE(8);
    if (objects > MAX_OBJECTS) throw refused(`${objects} objects are too many (at most ${MAX_OBJECTS})`);
    await file.read(sum, 0, PACK_SUM_BYTES, start + size - PACK_SUM_BYTES);
  } finally {
    await file.close();
  }
  const to = join(folder, `pack-${sum.toString('hex')}.pack`);
  await pipeline(createReadStream(from, { start, end: start + size - 1 }), createWriteStream(to));
  return to;
}

/** Refuses what is larger than it looks, is not whole, or is not what it is said to be. */
async function examine(git: Git, dir: string, { base, commits, trees }: Wanted): Promise<void> {
  const sizes = await git({ dir }, [
    'cat-file',
    '--batch-all-objects',
    '--unordered',
    '--batch-check=%(objectsize)',
  ]);
  const bytes = sizes.text.split('\n').reduce((sum, line) => sum + Number(line), 0);
  if (bytes > MAX_UNPACKED_BYTES)
    throw refused(`${bytes} bytes unpacked are too many (at most ${MAX_UNPACKED_BYTES})`);
  const wanted = [...[base, ...commits].map((id) => `${id} commit`), ...trees.map((id) => `${id} tree`)];
  const stdin = wanted.map((line) => `${line.slice(0, 40)}\n`).join('');
  const check = ['cat-file', '--batch-check=%(objectname) %(objecttype)'];
  const found = (await git({ dir }, check, { stdin })).text.split('\n');
  const missing = wanted.find((line, at) => found[at] !== line);
  if (missing !== undefined) throw refused(`there is no ${missing.slice(41)} ${missing.slice(0, 40)}`);
  const walk = ['rev-list', '--objects', '--quiet', '--end-of-options', base, ...commits, ...trees];
  const whole = await git({ dir }, walk, { okCodes: [0, 1, 128] });
  if (whole.code !== 0) throw refused(`objects are missing: ${whole.stderr.trim().slice(0, 200)}`);
}

/**
 * Fills a new repository with the pack at the end of a file that anybody may have written.
 *
 * @param from the file; its first `start` bytes are passed over
 * @param to where it is made; nothing is there yet
 * @param turns ids of further trees that must be in it
 * @throws JobError `invalid_request` when git finds anything wrong with an object, or one is missing
 */
export async function unpackRecorded(
  git: Git,
  from: { readonly path: string; readonly start: number },
  to: string,
  what: Recorded,
  turns: readonly string[],
): Promise<void> {
  await unpackChecked(git, from, to, {
    base: what.base,
    commits: [what.trees],
    trees: [...new Set([what.left, ...turns])],
  });
  await pointRefs(git, to, what);
}

/**
 * Fills a new repository with a pack that anybody may have written; it has no refs.
 *
 * @param to where it is made; nothing is there yet
 * @throws JobError `invalid_request` when git finds anything wrong with an object, or one of what is wanted is missing
 */
export async function unpackChecked(git: Git, from: PackPlace, to: string, wanted: Wanted): Promise<void> {
  await createBare(to);
  const folder = join(to, 'objects', 'pack');
  await mkdir(folder, { recursive: true });
  const pack = await copyPack(from, folder);
  // Every object is looked at: no `.git`, `..` or slash in a tree, no duplicates, no modules that run anything.
  const unpack = { env: FRUGAL, timeoutMs: UNPACK_TIMEOUT_MS };
  await git({ dir: to }, ['index-pack', '--fsck-objects', pack], unpack).catch(async (error: unknown) => {
    await rm(pack, { force: true });
    throw refused(error instanceof Error ? error.message : String(error));
  });
  await writeFile(join(to, 'shallow'), `${wanted.base}\n`);
  await examine(git, to, wanted);
}

/**
 * The paths in which two trees differ, in the order of their names.
 *
 * @param dirs repositories that together have both
 */
export async function differingPaths(
  git: Git,
  dirs: readonly [string, ...string[]],
  first: string,
  second: string,
): Promise<readonly TreeDifference[]> {
  const [dir, ...others] = dirs;
  const env = { GIT_ALTERNATE_OBJECT_DIRECTORIES: others.map((one) => join(one, 'objects')).join(':') };
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--name-status', '--end-of-options', first, second];
  const fields = (await git({ dir }, args, { env })).stdout.toString('utf8').split('\0');
  const found: TreeDifference[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2)
    found.push({ status: fields[at] ?? '', path: fields[at + 1] ?? '' });
  return found;
}
