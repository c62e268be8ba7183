/**
 * What was written to a copy-on-write working copy, read from its upper folder alone: the cost is that of the
 * change, not of the repository.
 */
import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { withOverlays } from '../../sandbox/process/overlay.ts';
import { runProcess } from '../../sandbox/process.ts';
import type { Git, GitTarget } from '../git.ts';
import {
  below,
  bytes,
  copyIndex,
  indexFiles,
  isTooLong,
  removeFromIndex,
  splitBytes,
  type ByteName,
} from '../staging.ts';
import type { LayeredPlace } from './layers.ts';
import type { WarmTree } from './warm.ts';

/** What an upper folder holds. */
interface Written {
  /** Regular files and links where base has one. */
  readonly changed: ByteName[];
  /** Those where base has none. */
  readonly fresh: ByteName[];
  /**
   * Base's files and folders that are gone: the kernel leaves a character device of number 0, which nobody else
   * can make here, or something else has their place.
   */
  readonly gone: ByteName[];
  /** Folders that base has, too, with the names in their upper twin; the root is ''. */
  readonly shared: Map<ByteName, ReadonlySet<ByteName>>;
}

/** Entries that are looked at; more can't be a change that anybody reviews, and is refused as what it is. */
const MAX_ENTRIES = 2_000_000;
const LIST_TIMEOUT_MS = 5 * 60 * 1000;
const MAX_LIST_BYTES = 256 * 1024 * 1024;
/** Folders that one `find` is asked for, so that its arguments fit. */
const FOLDERS_PER_CALL = 500;

/** Names that git keeps for itself, in every spelling that some file system takes for it. */
function isGitName(name: ByteName): boolean {
  return /^(?:\.git|git~1)$/i.test(name);
}

async function listFolder(path: Buffer): Promise<Dirent[]> {
  const read = async (): Promise<Dirent[]> => readdir(path, { withFileTypes: true, encoding: 'latin1' });
  return read().catch(async (error: unknown) => {
    // Deeper than the system can name, git can't keep it either.
    if (isTooLong(error)) return [];
    // An agent may have taken our right to look.
    await chmod(path, 0o700);
    return read();
  });
}

async function kindOf(path: Buffer): Promise<'folder' | 'file' | null> {
  const info = await lstat(path).catch(() => null);
  if (info === null) return null;
  return info.isDirectory() ? 'folder' : 'file';
}

/**
 * Pipes and sockets are no files to git, and one named `.gitignore` would keep it waiting for ever: they are
 * removed. A file that we may not read is made readable.
 */
async function isKept(entry: Dirent, path: Buffer): Promise<boolean> {
  if (!entry.isFile() && !entry.isSymbolicLink()) {
    await rm(path, { force: true }).catch(() => {});
    return false;
  }
  const info = await lstat(path).catch((error: unknown) => {
    if (isTooLong(error)) return null;
    throw error;
  });
  if (info === null) return false;
  if (entry.isFile() && (info.mode & 0o400) === 0) await chmod(path, info.mode | 0o600);
  return true;
}

async function walk(upper: string, warm: WarmTree): Promise<Written> {
  const submodules = new Set(warm.submodules.map((path) => Buffer.from(path).toString('latin1')));
  const written: Written = { changed: [], fresh: [], gone: [], shared: new Map() };
  const queue: ByteName[] = [''];
  let seen = 0;
  for (let folder = queue.pop(); folder !== undefined; folder = queue.pop()) {
    const entries = await listFolder(below(upper, folder));
    seen += entries.length;
    if (seen > MAX_ENTRIES) throw new Error(`the working copy has more than ${MAX_ENTRIES} new entries`);
    const before = folder === '' ? 'folder' : await kindOf(below(warm.tree, folder));
    if (before === 'folder') written.shared.set(folder, new Set(entries.map((entry) => entry.name)));
    if (before === 'file') written.gone.push(folder);
    for (const entry of entries) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (isGitName(entry.name) || submodules.has(name)) continue;
      if (entry.isDirectory()) queue.push(name);
      else if (entry.isCharacterDevice()) written.gone.push(name);
      else if (await isKept(entry, below(upper, name))) {
        const known = await kindOf(below(warm.tree, name));
        if (known === 'folder') written.gone.push(name);
        (known === 'file' ? written.changed : written.fresh).push(name);
      }
    }
  }
  return written;
}

/** What the mounted folders hold, named from the root; a folder that was made anew hides what lay below it. */
async function listMounted(place: LayeredPlace, folders: readonly ByteName[]): Promise<Set<ByteName>> {
  const found = new Set<ByteName>();
  const mount = { layers: place.treeLayers, target: place.tree, readOnly: true };
  for (let at = 0; at < folders.length; at += FOLDERS_PER_CALL) {
    const some = folders.slice(at, at + FOLDERS_PER_CALL);
    const names = some.map((folder) => below('.', folder));
    const words = names.map((name) => name.toString('utf8'));
    // Arguments are UTF-8 here; names that are not have to come through a pipe.
    const isText = names.every((name, index) => name.equals(Buffer.from(words[index] ?? '')));
    const only = ['-mindepth', '1', '-maxdepth', '1', '-print0'] as const;
    const argv = isText
      ? (['find', ...words, ...only] as const)
      : (['xargs', '-0', 'sh', '-c', `exec find "$@" ${only.join(' ')}`, 'sh'] as const);
    const result = await runProcess(withOverlays([mount], place.tree, argv), {
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' },
      ...(isText ? {} : { stdin: Buffer.concat(names.flatMap((name) => [name, Buffer.from([0])])) }),
      timeoutMs: LIST_TIMEOUT_MS,
      maxBytes: MAX_LIST_BYTES,
      encoding: 'buffer',
      isOwn: true,
    });
    if (result.end !== 'exited' || result.exitCode !== 0 || result.truncated)
      throw new Error(
        `the working copy can't be mounted to look at it: ${result.message ?? result.stderr.trim()}`,
      );
    for (const name of splitBytes(result.stdoutBuffer)) found.add(name.slice('./'.length));
  }
  return found;
}

/** Base's entries that are gone because their folder was removed and made anew: nothing marks each of them. */
async function findHidden(
  place: LayeredPlace,
  warm: WarmTree,
  shared: Written['shared'],
): Promise<readonly ByteName[]> {
  const candidates: ByteName[] = [];
  const asked: ByteName[] = [];
  for (const [folder, upper] of shared) {
    // The root is never made anew: what is not in its upper folder shows through.
    if (folder === '') continue;
    const through = (await listFolder(below(warm.tree, folder))).filter((entry) => !upper.has(entry.name));
    if (through.length === 0) continue;
    asked.push(folder);
    candidates.push(...through.map((entry) => `${folder}/${entry.name}`));
  }
  if (asked.length === 0) return [];
  const mounted = await listMounted(place, asked);
  return candidates.filter((name) => !mounted.has(name));
}

async function withoutIgnored(
  git: Git,
  target: GitTarget,
  place: LayeredPlace,
  files: readonly ByteName[],
): Promise<readonly ByteName[]> {
  if (files.length === 0) return [];
  const mount = { layers: place.treeLayers, target: place.tree, readOnly: true };
  // `./` keeps a name that begins with a colon from being read as a pattern.
  const stdin = bytes(files.map((name) => `./${name}\0`).join(''));
  const answer = await git({ ...target, workTree: place.tree }, ['check-ignore', '-z', '--stdin'], {
    stdin,
    // 1: nothing is ignored.
    okCodes: [0, 1],
    wrap: (argv) => withOverlays([mount], place.tree, argv),
  });
  const ignored = new Set(splitBytes(answer.stdout).map((name) => name.slice('./'.length)));
  return files.filter((name) => !ignored.has(name));
}

/** The files of an index that are among some names, or below one of them. */
async function listBelow(
  git: Git,
  target: GitTarget,
  names: readonly ByteName[],
): Promise<readonly ByteName[]> {
  if (names.length === 0) return [];
  const all = new Set(names);
  const listed = splitBytes((await git(target, ['ls-files', '-z'])).stdout);
  return listed.filter((path) => {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1))
      if (all.has(path.slice(0, end))) return true;
    return false;
  });
}

/**
 * Writes the present state of a copy-on-write working copy as a tree object. Nothing may run in it meanwhile.
 *
 * @param target the runner's GIT_DIR and the index to use; the index is made anew from the warm tree's
 * @returns the tree's id
 */
export async function snapshotWritten(
  git: Git,
  target: GitTarget,
  place: LayeredPlace,
  warm: WarmTree,
): Promise<string> {
  const { upper } = place.treeLayers;
  const index = target.index ?? `${target.dir}/index`;
  const own = { dir: target.dir, index };
  await copyIndex(warm.index, index);
  const { changed, fresh, gone, shared } = await walk(upper, warm);
  const wanted = await withoutIgnored(git, own, place, fresh);
  await removeFromIndex(git, own, await listBelow(git, own, gone));
  const [tree, hidden] = await Promise.all([
    indexFiles(git, { ...own, workTree: upper }, upper, [...changed, ...wanted]),
    findHidden(place, warm, shared),
  ]);
  if (hidden.length === 0) return tree;
  // Rarely: then the tree is written once more, without them.
  await removeFromIndex(git, own, await listBelow(git, own, hidden));
  return (await git(own, ['write-tree'])).text;
}
