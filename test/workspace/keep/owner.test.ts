/** Locks that outlive nobody. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isDead, ownName, withLock } from '../../../src/workspace/keep/owner.ts';

let root: string;
let lock: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'agent-runner-lock-'));
  lock = join(root, 'lock');
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe('withLock', () => {
  it('lets one in after the other, and leaves nothing behind', async () => {
    let [inside, most, done] = [0, 0, 0];
    const work = async (): Promise<void> => {
      inside++;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
      done++;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(lock, work)));
    expect({ most, done }).toEqual({ most: 1, done: 8 });
    expect(readdirSync(root)).toEqual([]);
  });

  it('breaks the lock of a dead process, and of a reused pid; not that of a living one', async () => {
    for (const dead of [`${hostname()}/999999999/1`, `${hostname()}/${process.pid}/1`]) {
      writeFileSync(lock, dead);
      expect(await isDead(dead)).toBe(true);
      expect(await withLock(lock, () => Promise.resolve('in'), 0)).toBe('in');
    }
    writeFileSync(lock, await ownName());
    await expect(withLock(lock, () => Promise.resolve(), 0)).rejects.toMatchObject({ code: 'conflict' });
    writeFileSync(lock, 'another-machine/1/1');
    await expect(withLock(lock, () => Promise.resolve(), 0)).rejects.toMatchObject({ code: 'conflict' });
    expect(readdirSync(root)).toEqual(['lock']);
  });

  it('is given back when the work fails', async () => {
    await expect(withLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(root)).toEqual([]);
  });
});
