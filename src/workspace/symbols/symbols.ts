/**
 * What the files of a commit define, kept by blob: a text that was read once, by any job on the repository, is not
 * read again. Only what is new is taken out of git, some megabytes at a time.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { listBlobs, type Blob } from '../files.ts';
import type { Git, GitTarget } from '../git.ts';
import { markUsed } from '../keep/folders.ts';
import { aboutOf, extract, isReadable } from './extract.ts';
import { appendRows, readRows, writeRows } from './rows.ts';
import {
  aboutBefore,
  appendChanges,
  pathChanges,
  readSnapshot,
  withChanges,
  writeSnapshot,
  type FileSymbols,
} from './snapshot.ts';

/** Largest file that is read, in bytes; larger ones are generated. */
const MAX_FILE_BYTES = 256 * 1024;
/** Bytes of texts that are read at once. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Files and bytes that one look reads; what is left is read by the next one. */
const MAX_NEW_FILES = 60_000;
const MAX_NEW_BYTES = 512 * 1024 * 1024;
/** Stored rows a commit's file may have beside it before the store is written anew. */
const MAX_OTHER_ROWS = 20_000;
/** Paths in which a commit may differ from the snapshot; more are listed and read anew, with a snapshot of their own. */
const MAX_CHANGES = 50;
/** Commits whose files are kept in memory, so that the turns of a job and its neighbours share them. */
const MAX_KNOWN = 2;

const NOTHING = aboutOf({ summary: '', defines: '', uses: '' });
const known = new Map<string, Promise<readonly FileSymbols[]>>();

/** Ids with their sizes, in one question. */
async function sizesOf(
  git: Git,
  target: GitTarget,
  blobs: readonly Blob[],
  signal: AbortSignal,
): Promise<number[]> {
  const stdin = blobs.map((one) => `${one.id}\n`).join('');
  const { text } = await git(target, ['cat-file', '--batch-check=%(objectsize)', '--buffer'], {
    stdin,
    signal,
  });
  return text.split('\n').map((line) => (/^\d+$/.test(line) ? Number(line) : Infinity));
}

/** Cuts what is to be read into batches; what is too large is answered at once. */
function batchesOf(blobs: readonly Blob[], sizes: readonly number[], fresh: Map<string, string>): Blob[][] {
  const batches: Blob[][] = [];
  let [batch, bytes, all]: [Blob[], number, number] = [[], 0, 0];
  for (const [at, blob] of blobs.entries()) {
    const size = sizes[at] ?? Infinity;
    if (size > MAX_FILE_BYTES) {
      fresh.set(blob.id, NOTHING);
      continue;
    }
    all += size;
    if (all > MAX_NEW_BYTES) break;
    if (bytes + size > MAX_BATCH_BYTES && batch.length > 0) {
      batches.push(batch);
      [batch, bytes] = [[], 0];
    }
    batch.push(blob);
    bytes += size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** Takes the texts out of what `cat-file --batch` printed: a header line, the text, a line end. */
function readBatch(printed: Buffer, batch: readonly Blob[], fresh: Map<string, string>): void {
  let at = 0;
  for (const { id, path } of batch) {
    const headerEnd = printed.indexOf(10, at);
    if (headerEnd < 0) return;
    const size = Number(printed.toString('latin1', at, headerEnd).split(' ')[2]);
    if (!Number.isInteger(size)) {
      at = headerEnd + 1;
      continue;
    }
    const text = printed.subarray(headerEnd + 1, headerEnd + 1 + size);
    fresh.set(id, text.includes(0) ? NOTHING : aboutOf(extract(path, text.toString('utf8'))));
    at = headerEnd + size + 2;
  }
}

async function readNew(
  git: Git,
  target: GitTarget,
  blobs: readonly Blob[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const fresh = new Map<string, string>();
  if (blobs.length === 0) return fresh;
  const batches = batchesOf(blobs, await sizesOf(git, target, blobs, signal), fresh);
  const print = async (batch: readonly Blob[]): Promise<Buffer> => {
    const stdin = batch.map((one) => `${one.id}\n`).join('');
    return (await git(target, ['cat-file', '--batch', '--buffer'], { stdin, signal })).stdout;
  };
  // Git unpacks the next batch while this one is read.
  let next = batches[0] === undefined ? null : print(batches[0]);
  for (const [at, batch] of batches.entries()) {
    if (next === null) break;
    const printed = await next;
    const following = batches[at + 1];
    next = following === undefined ? null : print(following);
    // A failure shows itself when it is awaited, one batch later.
    next?.catch(() => {});
    readBatch(printed, batch, fresh);
  }
  return fresh;
}

/** The files of a commit that differs little from the one that was looked at last; `null` where it does not. */
async function lookAtChanges(
  git: Git,
  target: GitTarget,
  commit: string,
  store: string,
  signal: AbortSignal,
): Promise<readonly FileSymbols[] | null> {
  const snapshot = await readSnapshot(snapshotOf(store));
  if (snapshot === null) return null;
  if (snapshot.commit === commit) return snapshot.files;
  const changes = await pathChanges(git, target, snapshot.commit, commit, signal);
  if (changes === null || changes.length > MAX_CHANGES) return null;
  const blobs = changes.flatMap(({ path, id }) => (id !== null && isReadable(path) ? [{ path, id }] : []));
  const readable = changes.filter((one) => isReadable(one.path));
  const moved = aboutBefore(snapshot, readable);
  const missing = new Map(blobs.flatMap((one) => (moved.has(one.id) ? [] : [[one.id, one] as const])));
  const fresh = await readNew(git, target, [...missing.values()], signal);
  if (fresh.size < missing.size) return null;
  const changed = changes.map(({ path, id }) => ({
    path,
    about: id === null ? null : isReadable(path) ? (moved.get(id) ?? fresh.get(id) ?? NOTHING) : NOTHING,
  }));
  await appendChanges(snapshotOf(store), snapshot.commit, commit, changed);
  return withChanges(snapshot.files, changed);
}

function snapshotOf(store: string): string {
  return `${store}-files`;
}

async function look(
  git: Git,
  target: GitTarget,
  commit: string,
  store: string,
  signal: AbortSignal,
): Promise<readonly FileSymbols[]> {
  const known = await lookAtChanges(git, target, commit, store, signal);
  if (known !== null) {
    await markUsed(dirname(store));
    return known;
  }
  const blobs = await listBlobs(git, target, commit);
  const rows = await readRows(store);
  const missing = new Map<string, Blob>();
  const found = blobs.map((blob) => {
    if (!isReadable(blob.path)) return NOTHING;
    const about = rows.get(blob.id);
    if (about === undefined && missing.size < MAX_NEW_FILES) missing.set(blob.id, blob);
    return about;
  });
  const fresh = await readNew(git, target, [...missing.values()], signal);
  const files = blobs.map(({ path, id }, at) => ({ path, about: found[at] ?? fresh.get(id) ?? NOTHING }));
  // Also where nothing defines anything: what is known of that is kept as well.
  await mkdir(dirname(store), { recursive: true });
  if (fresh.size > 0) {
    if (rows.size === 0 || rows.size > files.length + MAX_OTHER_ROWS) {
      // In git's order, in which they will be asked for. What was left unread is asked for again.
      const rest = blobs.flatMap(({ path, id }, at) => {
        const about = found[at] ?? fresh.get(id);
        return about === undefined || !isReadable(path) ? [] : [[id, about] as const];
      });
      await writeRows(store, new Map(rest));
    } else await appendRows(store, fresh);
  }
  // What was left unread is read by the next look.
  const isWhole = blobs.every(
    ({ path, id }, at) => found[at] !== undefined || fresh.has(id) || !isReadable(path),
  );
  if (isWhole) await writeSnapshot(snapshotOf(store), { commit, files });
  await markUsed(dirname(store));
  return files;
}

/**
 * All files of a commit with what they define, in git's order; files that are no source have nothing.
 *
 * @param store file that keeps what was read, shared by all jobs on the repository; damage costs reading again
 */
export async function readSymbols(
  git: Git,
  target: GitTarget,
  commit: string,
  store: string,
  signal: AbortSignal,
): Promise<readonly FileSymbols[]> {
  const key = `${store}\0${commit}`;
  const files = known.get(key) ?? look(git, target, commit, store, signal);
  known.delete(key);
  known.set(key, files);
  for (const oldest of known.keys()) if (known.size > MAX_KNOWN) known.delete(oldest);
  // A failure, a cancelled one above all, is not kept.
  files.catch(() => known.delete(key));
  return files;
}
