/** Which parts of the cache go first. */
import { describe, expect, it } from 'vitest';
import { chooseEvicted, type CacheEntry } from '../../../src/workspace/keep/cache.ts';
import { mountsBelow } from '../../../src/workspace/keep/leftovers.ts';

function entry(path: string, usedMs: number, neededBy: readonly string[] = []): CacheEntry {
  return { kind: 'history', path, bytes: 10, usedMs, neededBy };
}

function chosen(entries: readonly CacheEntry[], maxBytes: number, needed: readonly string[] = []): string[] {
  return chooseEvicted(entries, maxBytes, new Set(needed), 1000).map((one) => one.path);
}

describe('chooseEvicted', () => {
  it('takes nothing while everything fits, and then the oldest, only as much as must go', () => {
    const all = [entry('b', 2), entry('a', 1), entry('c', 3)];
    expect(chosen(all, 30)).toEqual([]);
    expect(chosen(all, 29)).toEqual(['a']);
    expect(chosen(all, 15)).toEqual(['a', 'b']);
    expect(chosen(all, 0)).toEqual(['a', 'b', 'c']);
  });

  it('leaves what a living job needs and what was used just now', () => {
    expect(chosen([entry('a', 1), entry('b', 2), entry('new', 1001)], 0, ['a'])).toEqual(['b']);
  });

  it('takes packs that others build on only after those, and not at all where those stay', () => {
    const [base, next] = [entry('base', 5, ['next']), entry('next', 5)];
    expect(chosen([base, next], 15)).toEqual(['next']);
    expect(chosen([base, next], 0)).toEqual(['next', 'base']);
    expect(chosen([base, next], 0, ['next'])).toEqual([]);
  });
});

describe('mountsBelow', () => {
  it('reads mount points with their escapes, deepest first, and only those below the folder', () => {
    const line = (point: string): string => `36 35 98:0 / ${point} rw,noatime master:1 - ext4 /dev/root rw`;
    const text = [
      line('/'),
      line('/h/jobs/a'),
      line('/h/jobs/a/with\\040space'),
      line('/h/jobs/ab'),
      '',
    ].join('\n');
    expect(mountsBelow(text, '/h/jobs/a')).toEqual(['/h/jobs/a/with space']);
    expect(mountsBelow(text, '/h/jobs')).toEqual(['/h/jobs/a/with space', '/h/jobs/ab', '/h/jobs/a']);
  });
});
