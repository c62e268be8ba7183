import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLooseBlob } from '../../src/workspace/loose.ts';
import { readLooseRef, setRef } from '../../src/workspace/remote/refs.ts';
import { setScene, sh, type Scene } from './scene.ts';

const REF = 'refs/agent-runner/wip/job-1';
let scene: Scene;
let dir: string;
let ids: readonly string[];
beforeEach(() => {
  scene = setScene({ 'a.txt': 'one\n', 'b.bin': 'x\0y' });
  dir = join(scene.repo, '.git');
  sh(scene.repo, 'commit', '--quiet', '--allow-empty', '-m', 'second');
  ids = sh(scene.repo, 'rev-list', 'HEAD').split('\n');
});
afterEach(() => scene.remove());

describe('a ref of the runner’s own', () => {
  it('is what git reads, new, moved and packed', async () => {
    for (const id of ids) {
      await setRef(scene.git, dir, REF, id);
      expect(sh(scene.repo, 'rev-parse', REF)).toBe(id);
      expect(await readLooseRef(dir, REF)).toBe(id);
    }
    sh(scene.repo, 'pack-refs', '--all');
    await setRef(scene.git, dir, REF, ids[1] ?? '');
    expect(sh(scene.repo, 'rev-parse', REF)).toBe(ids[1]);
    sh(scene.repo, 'fsck', '--strict');
  });

  it('takes a lock over that a killed process left, waits for a young one, and breaks no other ref', async () => {
    const [id = ''] = ids;
    await setRef(scene.git, dir, REF, id);
    const lock = join(dir, `${REF}.lock`);
    writeFileSync(lock, '');
    const old = new Date(Date.now() - 60_000);
    utimesSync(lock, old, old);
    await setRef(scene.git, dir, REF, ids[1] ?? '');
    expect(sh(scene.repo, 'rev-parse', REF)).toBe(ids[1]);
    writeFileSync(lock, '');
    setTimeout(() => rmSync(lock, { force: true }), 200);
    await setRef(scene.git, dir, REF, id);
    expect(sh(scene.repo, 'rev-parse', REF)).toBe(id);
    expect(existsSync(lock)).toBe(false);
    await expect(setRef(scene.git, dir, `${REF}/below`, id)).rejects.toThrow(/cannot lock ref|exists/);
    sh(scene.repo, 'symbolic-ref', 'refs/agent-runner/pointer', 'refs/heads/elsewhere');
    await setRef(scene.git, dir, 'refs/agent-runner/pointer', id);
    expect(sh(scene.repo, 'rev-parse', 'refs/heads/elsewhere')).toBe(id);
    await expect(setRef(scene.git, dir, 'refs/agent-runner/x', 'not an id')).rejects.toThrow();
  });
});

describe('a blob that lies alone', () => {
  it('is read as git reads it, and everything else is left to git', async () => {
    for (const name of ['a.txt', 'b.bin']) {
      const id = sh(scene.repo, 'rev-parse', `HEAD:${name}`);
      const { stdout } = await scene.git({ dir }, ['cat-file', 'blob', id]);
      expect((await readLooseBlob(dir, id, 100))?.equals(stdout)).toBe(true);
    }
    const [a, tree] = [sh(scene.repo, 'rev-parse', 'HEAD:a.txt'), sh(scene.repo, 'rev-parse', 'HEAD^{tree}')];
    expect(await readLooseBlob(dir, tree, 100)).toBeNull();
    expect(await readLooseBlob(dir, '../../HEAD', 100)).toBeNull();
    writeFileSync(join(scene.repo, 'large.txt'), 'x'.repeat(100_000));
    const large = sh(scene.repo, 'hash-object', '-w', 'large.txt');
    expect(await readLooseBlob(dir, large, 1000)).toBeNull();
    const broken = 'f'.repeat(40);
    mkdirSync(join(dir, 'objects', 'ff'), { recursive: true });
    writeFileSync(join(dir, 'objects', 'ff', broken.slice(2)), 'no zlib');
    expect(await readLooseBlob(dir, broken, 1000)).toBeNull();
    rmSync(join(dir, 'objects', 'ff', broken.slice(2)));
    sh(scene.repo, 'repack', '-a', '-d', '--quiet');
    sh(scene.repo, 'prune-packed');
    expect(await readLooseBlob(dir, a, 100)).toBeNull();
  });
});
