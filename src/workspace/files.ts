/** The tracked files of one commit, read from git objects: no symbolic link followed, nothing huge. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { listChanges } from './diff.ts';
import type { Git, GitTarget } from './git.ts';
import { splitNul } from './git.ts';
import { readLooseBlob } from './loose.ts';

/** The files of a commit. */
export interface CommitFiles {
  /** Tracked paths, relative and `/`-separated, in git's order. */
  readonly paths: readonly string[];
  /** Text of a file, or `null` when it is absent, a link, binary or larger than `MAX_READ_BYTES`. */
  read(path: string): Promise<string | null>;
  /** Paths of submodules, which are not checked out. */
  readonly submodules: readonly string[];
}

const MAX_READ_BYTES = 1024 * 1024;
/** Listings that are kept, so that the steps of a job share them: a commit never changes. */
const MAX_LISTINGS = 8;
const SUBMODULE = '160000';
const LINK = '120000';

interface Entry {
  readonly mode: string;
  readonly id: string;
}

/** The entries of a commit; its paths as one list, shared by all who ask, so that what they make of it can be kept. */
interface Listing {
  readonly paths: readonly string[];
  readonly submodules: readonly string[];
  get(path: string): Entry | undefined;
}

const listings = new Map<string, Promise<Listing>>();

async function list(git: Git, target: GitTarget, commit: string): Promise<Listing> {
  const rows = splitNul((await git(target, ['ls-tree', '-r', '-z', '--full-tree', commit])).stdout);
  const entries = new Map<string, Entry>();
  const submodules: string[] = [];
  for (const row of rows) {
    const tab = row.indexOf('\t');
    const [path, mode] = [row.slice(tab + 1), row.slice(0, 6)];
    entries.set(path, { mode, id: row.slice(tab - 40, tab) });
    if (mode === SUBMODULE) submodules.push(path);
  }
  return { paths: [...entries.keys()], submodules, get: (path) => entries.get(path) };
}

async function listOnce(git: Git, target: GitTarget, commit: string): Promise<Listing> {
  const known = listings.get(commit);
  if (known !== undefined) return known;
  const listing = list(git, target, commit);
  listings.set(commit, listing);
  for (const oldest of listings.keys()) {
    if (listings.size <= MAX_LISTINGS) break;
    listings.delete(oldest);
  }
  // A failure is not kept: the next one who asks tries again.
  listing.catch(() => listings.delete(commit));
  return listing;
}

/** A tracked file's path and the id of its text. */
export interface Blob {
  readonly path: string;
  readonly id: string;
}

/** The plain files of a commit, in git's order: no links and no submodules. */
export async function listBlobs(git: Git, target: GitTarget, commit: string): Promise<readonly Blob[]> {
  const listing = await listOnce(git, target, commit);
  return listing.paths.flatMap((path) => {
    const { mode, id } = listing.get(path) ?? { mode: SUBMODULE, id: '' };
    return mode === SUBMODULE || mode === LINK ? [] : [{ path, id }];
  });
}

/** Text, or `null` for what is none. */
function textOf(content: Buffer): string | null {
  return content.length > MAX_READ_BYTES || content.includes(0) ? null : content.toString('utf8');
}

async function readBlob(git: Git, target: GitTarget, id: string): Promise<string | null> {
  const loose = await readLooseBlob(target.dir, id, MAX_READ_BYTES);
  if (loose !== null) return textOf(loose);
  const { stdout } = await git(target, ['cat-file', '--batch'], { stdin: `${id}\n` });
  const headerEnd = stdout.indexOf(10);
  const size = Number.parseInt(stdout.subarray(0, headerEnd).toString().split(' ')[2] ?? '', 10);
  if (!Number.isInteger(size)) return null;
  return textOf(stdout.subarray(headerEnd + 1, headerEnd + 1 + size));
}

/** Reads a plain file of a folder that only the runner writes; `undefined` where it is not as git has it. */
async function readFolder(folder: string, path: string): Promise<string | null | undefined> {
  const file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => null);
  if (file === null) return undefined;
  try {
    const { size } = await file.stat();
    return size > MAX_READ_BYTES ? null : textOf(await file.readFile());
  } finally {
    await file.close();
  }
}

function filesOf(
  listing: Listing,
  readOne: (path: string, id: string) => Promise<string | null>,
): CommitFiles {
  const cache = new Map<string, Promise<string | null>>();
  return {
    paths: listing.paths,
    submodules: listing.submodules,
    read(path) {
      const entry = listing.get(path);
      if (entry === undefined || entry.mode === SUBMODULE || entry.mode === LINK)
        return Promise.resolve(null);
      const known = cache.get(entry.id) ?? readOne(path, entry.id);
      cache.set(entry.id, known);
      return known;
    },
  };
}

/**
 * Lists a commit's files; their contents are read when asked for, each once.
 *
 * @param warm folder with exactly these files that nobody but the runner can write, to read from instead of git
 */
export async function openCommitFiles(
  git: Git,
  target: GitTarget,
  commit: string,
  warm: string | null = null,
): Promise<CommitFiles> {
  const listing = await listOnce(git, target, commit);
  return filesOf(listing, async (path, id) => {
    const found = warm === null ? undefined : await readFolder(warm, path);
    return found === undefined ? readBlob(git, target, id) : found;
  });
}

/** A listing with other entries for some paths; `undefined` is for one that is gone. */
function changedListing(before: Listing, changed: ReadonlyMap<string, Entry | undefined>): Listing {
  const get: Listing['get'] = (path) => (changed.has(path) ? changed.get(path) : before.get(path));
  const isSame = [...changed].every(([path, entry]) => entry !== undefined && before.get(path) !== undefined);
  const added = [...changed.keys()].filter((path) => before.get(path) === undefined);
  const paths = isSame ? before.paths : [...before.paths, ...added].filter((path) => get(path) !== undefined);
  const modules = new Set([...before.submodules, ...changed.keys()]);
  return { paths, submodules: [...modules].filter((path) => get(path)?.mode === SUBMODULE), get };
}

/** The files of a commit that differs little from another one: only the difference is listed. */
export async function openChangedFiles(
  git: Git,
  target: GitTarget,
  from: string,
  to: string,
  warm: string | null = null,
): Promise<CommitFiles> {
  const before = await listOnce(git, target, from);
  const changed = new Map<string, Entry | undefined>();
  const changes = await listChanges(git, target, from, to);
  for (const { oldPath } of changes) if (oldPath !== null) changed.set(oldPath, undefined);
  for (const { path, mode, id } of changes) changed.set(path, mode === '000000' ? undefined : { mode, id });
  return filesOf(changedListing(before, changed), async (path, id) => {
    const found = warm === null || changed.has(path) ? undefined : await readFolder(warm, path);
    return found === undefined ? readBlob(git, target, id) : found;
  });
}
