/**
 * What is kept only to be quick: mirrors, packs, warm trees, symbols, dependencies and recordings laid out to be played
 * back. What was not used for longest goes
 * first; what a job that lives needs stays, whatever the limit.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from '../layout.ts';
import { moveToTrash } from '../remote/mirror.ts';
import { lastUsedMs, measure, namesIn } from './folders.ts';

/** One thing that can be made again. */
export interface CacheEntry {
  readonly kind: 'mirror' | 'history' | 'warm' | 'symbols' | 'dependencies' | 'replay';
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
  /** Paths that are of no use without this one. */
  readonly neededBy: readonly string[];
}

const SHA = /^[0-9a-f]{40}$/;

async function below(root: string, isEntry: RegExp): Promise<string[]> {
  return (await namesIn(root)).filter((name) => isEntry.test(name)).map((name) => join(root, name));
}

async function twoBelow(root: string): Promise<string[]> {
  const all = await Promise.all((await below(root, /^[^.]/)).map((repo) => below(repo, SHA)));
  return all.flat();
}

/** The packs of earlier bases that a base's packs are read together with. */
async function chainOf(history: string): Promise<string[]> {
  const text = await readFile(join(history, 'chain'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((name) => SHA.test(name))
    .map((name) => join(history, '..', name));
}

/** Everything in the cache, with size and last use. */
export async function listCache(layout: Layout, signal: AbortSignal): Promise<readonly CacheEntry[]> {
  const { home } = layout;
  const found = {
    mirror: await below(join(home, 'mirrors'), /\.git$/),
    history: await twoBelow(join(home, 'history')),
    warm: await twoBelow(join(home, 'warm')),
    symbols: await below(join(home, 'symbols'), /^[^.]/),
    dependencies: await below(layout.dependencies, /^[0-9a-f]{16,}$/),
    replay: await below(join(home, 'replays'), /^[0-9a-f]{16}$/),
  };
  const sizes = await measure(Object.values(found).flat(), signal);
  const neededBy = new Map<string, string[]>();
  for (const path of found.history) {
    for (const earlier of await chainOf(path)) {
      if (earlier !== path) neededBy.set(earlier, [...(neededBy.get(earlier) ?? []), path]);
    }
  }
  const entries = Object.entries(found).flatMap(([kind, paths]) =>
    paths.map(async (path): Promise<CacheEntry> => {
      const later = neededBy.get(path) ?? [];
      const used = await Promise.all([path, ...later].map(lastUsedMs));
      const bytes = sizes.get(path) ?? 0;
      return { kind: kind as CacheEntry['kind'], path, bytes, usedMs: Math.max(...used), neededBy: later };
    }),
  );
  return Promise.all(entries);
}

/**
 * What to evict so that the rest fits: least recently used first, and packs that others build on only after those.
 * Pure.
 *
 * @param needed paths that jobs which live use
 * @param quietSinceMs what was used later stays, since a job may just be beginning with it
 */
export function chooseEvicted(
  entries: readonly CacheEntry[],
  maxBytes: number,
  needed: ReadonlySet<string>,
  quietSinceMs: number,
): readonly CacheEntry[] {
  let total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const gone = new Set<string>();
  const chosen: CacheEntry[] = [];
  // Of equal age, the one that others need comes last.
  const byAge = entries.toSorted((a, b) => a.usedMs - b.usedMs || a.neededBy.length - b.neededBy.length);
  for (const entry of byAge) {
    if (total <= maxBytes) break;
    const isUsed = needed.has(entry.path) || entry.neededBy.some((path) => !gone.has(path));
    if (isUsed || entry.usedMs > quietSinceMs) continue;
    gone.add(entry.path);
    chosen.push(entry);
    total -= entry.bytes;
  }
  return chosen;
}

/** Evicts one entry by a rename, unless somebody used it since it was listed. */
export async function evict(entry: CacheEntry, trash: string): Promise<boolean> {
  if ((await lastUsedMs(entry.path)) > entry.usedMs) return false;
  return (await moveToTrash(entry.path, trash)) !== null;
}
