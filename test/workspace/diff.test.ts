import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commitTree } from '../../src/workspace/change.ts';
import { listChanges, showDiff } from '../../src/workspace/diff.ts';
import { AUTHOR, makeRepository, setScene, sh, write, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = setScene();
});
afterEach(() => scene.remove());

function commitAll(): string {
  sh(scene.repo, 'add', '-A');
  sh(scene.repo, 'commit', '--quiet', '--allow-empty', '-m', 'x');
  return sh(scene.repo, 'rev-parse', 'HEAD');
}

describe('the difference of two commits', () => {
  it('tells names that look like its own records, renames and what is gone, and where the diff begins', async () => {
    const text = 'one\ntwo\nthree\nfour\nfive\n';
    for (const name of ['moved', 'gone', ':100644 x', 'diff --git a b', 'tab\tnew\nline'])
      writeFileSync(join(scene.repo, name), `${name} ${text}`);
    const from = commitAll();
    mkdirSync(join(scene.repo, 'to'));
    renameSync(join(scene.repo, 'moved'), join(scene.repo, 'to/:there'));
    rmSync(join(scene.repo, 'gone'));
    for (const name of [':100644 x', 'diff --git a b', 'tab\tnew\nline'])
      writeFileSync(join(scene.repo, name), `${name} ${text}more\n`);
    const to = commitAll();
    const target = { dir: join(scene.repo, '.git') };
    const changes = await listChanges(scene.git, target, from, to);
    expect(changes.map(({ path, oldPath, status }) => [path, oldPath, status])).toEqual([
      [':100644 x', null, 'modified'],
      ['diff --git a b', null, 'modified'],
      ['gone', null, 'deleted'],
      ['tab\tnew\nline', null, 'modified'],
      ['to/:there', 'moved', 'renamed'],
    ]);
    expect(changes.find(({ path }) => path === 'gone')?.mode).toBe('000000');
    const diff = await showDiff(scene.git, target, from, to);
    expect(diff).toBe(`${sh(scene.repo, 'diff-tree', '-r', '-p', '-M', from, to)}\n`);
    expect(diff.startsWith('diff --git ')).toBe(true);
  });

  it('reads and writes a repository whose path is full of what a shell would obey', async () => {
    const repo = makeRepository(join(scene.root, 'it\'s $(>planted) `>planted` "; >planted\n#'), {
      a: 'one\n',
    });
    const target = { dir: join(repo, '.git') };
    const from = sh(repo, 'rev-parse', 'HEAD');
    write(repo, { a: 'two\n' });
    sh(repo, 'commit', '--quiet', '-am', 'second');
    const to = sh(repo, 'rev-parse', 'HEAD');
    expect((await listChanges(scene.git, target, from, to)).map(({ path }) => path)).toEqual(['a']);
    const info = { message: "$(>planted) 'x'", author: AUTHOR, date: '2026-01-01T00:00:00Z' };
    const made = await commitTree(scene.git, target, `${to}^{tree}`, from, 'refs/agent-runner/work', info);
    expect(sh(repo, 'log', '-1', '--format=%H %s', 'refs/agent-runner/work')).toBe(`${made} ${info.message}`);
    expect(readdirSync(scene.root)).not.toContain('planted');
    expect(readdirSync('/')).not.toContain('planted');
  });

  it('names its paths also where the diff is too long to be read', async () => {
    const from = commitAll();
    writeFileSync(join(scene.repo, 'long.txt'), 'a line of thirty-two characters\n'.repeat(2 * 1024 * 1024));
    const to = commitAll();
    const target = { dir: join(scene.repo, '.git') };
    const changes = await listChanges(scene.git, target, from, to);
    expect(changes.map(({ path, status }) => [path, status])).toEqual([['long.txt', 'added']]);
    await expect(showDiff(scene.git, target, from, to)).rejects.toMatchObject({
      code: 'diff_too_large',
      hint: expect.stringContaining('smaller change'),
    });
  });

  it('is empty between equals, and a failure is not remembered', async () => {
    const id = commitAll();
    const target = { dir: join(scene.repo, '.git') };
    expect(await listChanges(scene.git, target, id, id)).toEqual([]);
    expect(await showDiff(scene.git, target, id, id)).toBe('');
    const later = '1234567890123456789012345678901234567890';
    await expect(listChanges(scene.git, target, id, later)).rejects.toThrow('diff-tree');
    await expect(listChanges(scene.git, target, id, later)).rejects.toThrow('diff-tree');
  });
});
