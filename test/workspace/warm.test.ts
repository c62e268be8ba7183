/** Warm trees that lie beside each other: what two commits have in common is there once, and neither changes the other. */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openWarmTree, type WarmTree } from '../../src/workspace/copy/warm.ts';
import { setScene, sh, write, type Scene } from './scene.ts';

let scene: Scene;
let folder: string;
let base: string;
let next: string;
beforeEach(() => {
  scene = setScene({
    'same.txt': 'same\n',
    'edit.txt': 'one\n',
    'mode.sh': 'x\n',
    'gone/a': 'a\n',
    turn: 't\n',
  });
  base = sh(scene.repo, 'rev-parse', 'HEAD');
  write(scene.repo, { 'edit.txt': 'two\n', 'new/b': 'b\n' });
  chmodSync(join(scene.repo, 'mode.sh'), 0o755);
  rmSync(join(scene.repo, 'gone'), { recursive: true });
  rmSync(join(scene.repo, 'turn'));
  write(scene.repo, { 'turn/in': 'in\n' });
  symlinkSync('same.txt', join(scene.repo, 'link'));
  sh(scene.repo, 'add', '--all');
  sh(scene.repo, 'commit', '--quiet', '--message', 'next');
  next = sh(scene.repo, 'rev-parse', 'HEAD');
  folder = join(scene.root, 'warm');
  mkdirSync(folder);
});
afterEach(() => scene.remove());

function open(commit: string, near?: string): Promise<WarmTree> {
  const dir = join(scene.repo, '.git');
  return openWarmTree(scene.git, { dir, mirror: dir }, folder, commit, near);
}

/** What git finds different between the files, the index that belongs to them, and a commit. */
async function differences({ tree, index }: WarmTree, commit: string): Promise<string> {
  const target = { dir: join(scene.repo, '.git'), workTree: tree, index };
  const staged = await scene.git(target, ['diff-index', '--cached', '--raw', commit]);
  const { text } = await scene.git(target, [
    'status',
    '--porcelain',
    '--untracked-files=all',
    '--no-renames',
  ]);
  // Against HEAD, which is `next`.
  return (
    staged.text +
    (commit === next
      ? text
      : text
          .split('\n')
          .filter((row) => row[1] !== ' ')
          .join('\n'))
  );
}

it('what two commits share is linked, and what differs is replaced, never written into', async () => {
  const first = await open(base);
  const second = await open(next, base);
  const at = (path: string): number[] => [first, second].map(({ tree }) => statSync(join(tree, path)).ino);
  expect(new Set(at('same.txt')).size).toBe(1);
  expect(new Set(at('edit.txt')).size).toBe(2);
  expect(readFileSync(join(first.tree, 'edit.txt'), 'utf8')).toBe('one\n');
  expect(statSync(join(first.tree, 'mode.sh')).mode & 0o111).toBe(0);
  expect(await differences(second, next)).toBe('');
  expect(await differences(first, base)).toBe('');
});

it('is checked out whole where the other one is not there, or is just going', async () => {
  expect(await differences(await open(next, base), next)).toBe('');
  const { tree } = await open(base);
  rmSync(join(folder, next), { recursive: true });
  renameSync(tree, `${tree}.gone`);
  expect(await differences(await open(next, base), next)).toBe('');
});
