import { execFileSync } from 'node:child_process';
import { chownSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findBase } from '../../src/workspace/remote/listing.ts';
import { readLooseRef, readRefFile } from '../../src/workspace/remote/refs.ts';
import { readSaved } from '../../src/workspace/remote/saved.ts';
import { setScene, sh, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = setScene();
});
afterEach(() => scene.remove());

function commitMore(): void {
  writeFileSync(join(scene.repo, 'more.txt'), String(Math.random()));
  sh(scene.repo, 'add', '-A');
  sh(scene.repo, 'commit', '--quiet', '-m', 'more');
}

/** HEAD in every way that a repository on this machine can say it; the answer is git's own. */
const WAYS: Readonly<Record<string, () => void>> = {
  'a branch in a file of its own': () => {},
  'a packed branch': () => sh(scene.repo, 'pack-refs', '--all'),
  'a packed branch that moved on': () => {
    sh(scene.repo, 'pack-refs', '--all');
    commitMore();
  },
  'a branch whose name ends like another one': () => {
    sh(scene.repo, 'branch', 'x-main');
    sh(scene.repo, 'update-ref', 'refs/backup/refs/heads/main', 'HEAD');
    commitMore();
    sh(scene.repo, 'pack-refs', '--all');
  },
  'a branch with a slash': () => sh(scene.repo, 'checkout', '--quiet', '-b', 'a/b'),
  'no branch': () => sh(scene.repo, 'checkout', '--quiet', '--detach'),
};

describe('the base of a repository on this machine', () => {
  it.each(Object.keys(WAYS))('is what git says: %s', async (way) => {
    WAYS[way]?.();
    const wanted = sh(scene.repo, 'rev-parse', 'HEAD');
    const name = sh(scene.repo, 'rev-parse', '--abbrev-ref', 'HEAD');
    const isBranch = name !== 'HEAD';
    const found = await findBase(
      scene.git,
      join(scene.root, 'listed'),
      { url: scene.repo, kind: 'checkout' },
      null,
    );
    expect(found).toMatchObject({ sha: wanted, isBranch, name: isBranch ? name : wanted.slice(0, 12) });
  });

  it('is not waited for, nor read without end, where files of refs are pipes and devices', async () => {
    const pipe = join(scene.root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await readRefFile(pipe)).toBe('');
    expect(await readRefFile('/dev/zero')).toBe('');
    expect(await readRefFile(scene.root)).toBe('');
    expect(await readRefFile(join(scene.root, 'none'))).toBeNull();
    // Git answers from the packed refs, since the branch's own file is none of its kind.
    sh(scene.repo, 'pack-refs', '--all');
    symlinkSync('/dev/null', join(scene.repo, '.git/refs/heads/main'));
    const source = { url: scene.repo, kind: 'checkout' } as const;
    await expect(findBase(scene.git, join(scene.root, 'listed'), source, null)).rejects.toMatchObject({
      code: 'repo_unusable',
    });
  });

  it.skipIf(process.geteuid?.() !== 0)(
    'is refused where it is another user’s (needs root, to give it away)',
    async () => {
      for (const path of ['', '.git']) chownSync(join(scene.repo, path), 65534, 65534);
      const source = { url: scene.repo, kind: 'checkout' } as const;
      await expect(findBase(scene.git, join(scene.root, 'listed'), source, null)).rejects.toMatchObject({
        code: 'repo_unusable',
        hint: expect.stringContaining('another user'),
      });
    },
  );

  it('knows which of the runner’s own refs only git can tell', async () => {
    const [dir, ref] = [join(scene.repo, '.git'), 'refs/agent-runner/wip/job_1'];
    expect(await readLooseRef(dir, ref)).toBeNull();
    sh(scene.repo, 'update-ref', ref, 'HEAD');
    expect(await readLooseRef(dir, ref)).toBe(sh(scene.repo, 'rev-parse', 'HEAD'));
    sh(scene.repo, 'pack-refs', '--all');
    expect(await readLooseRef(dir, ref)).toBeUndefined();
    expect(await readSaved(scene.git, dir, ref)).toBe(sh(scene.repo, 'rev-parse', 'HEAD'));
    expect(await readLooseRef(dir, 'refs/agent-runner/../../HEAD')).toBeUndefined();
  });

  it('is asked of git where a ref’s file holds no commit', async () => {
    writeFileSync(join(scene.repo, '.git/HEAD'), 'ref: refs/heads/other\n');
    writeFileSync(join(scene.repo, '.git/refs/heads/other'), 'ref: refs/heads/main\n');
    const found = await findBase(
      scene.git,
      join(scene.root, 'listed'),
      { url: scene.repo, kind: 'checkout' },
      null,
    );
    expect(found.sha).toBe(sh(scene.repo, 'rev-parse', 'refs/heads/main'));
  });
});
