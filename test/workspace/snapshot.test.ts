/** The tree an agent left, whatever it made of files and folders. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { snapshotTree } from '../../src/workspace/change.ts';
import { createGit, type Git, type GitTarget } from '../../src/workspace/git.ts';
import { copyIndex } from '../../src/workspace/staging.ts';
import { DESCEND, makeRepository, sh } from './scene.ts';

const git = createGit({ path: process.env['PATH'] ?? '', home: homedir(), network: {} });
let root: string;
let tree: string;
let target: GitTarget;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'agent-runner-snapshot-'));
  const repo = makeRepository(join(root, 'repo'), {
    'a.txt': 'one\n',
    'dir/b.txt': 'two\n',
    'dir/sub/c.txt': 'three\n',
  });
  sh(root, 'clone', '--quiet', '--bare', repo, join(root, 'own.git'));
  tree = join(root, 'tree');
  mkdirSync(tree);
  target = { dir: join(root, 'own.git'), workTree: tree, index: join(root, 'index') };
  await git(target, ['read-tree', '--reset', '-u', 'HEAD']);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The entries of a snapshot, as `mode path`. */
async function entries(): Promise<string[]> {
  const id = await snapshotTree(git, target);
  const rows = await git(target, ['ls-tree', '-r', '-z', id]);
  return rows.text
    .split('\0')
    .filter(Boolean)
    .map((row) => row.replace(/ \w+ \w+\t/, ' '));
}

/** The names in a snapshot, one character a byte. */
async function names(): Promise<string[]> {
  const id = await snapshotTree(git, target);
  const { stdout } = await git(target, ['ls-tree', '-r', '-z', '--name-only', id]);
  return stdout.toString('latin1').split('\0').filter(Boolean);
}

describe('a snapshot', () => {
  it('takes a folder that became a link for a link, and does not look through it', async () => {
    mkdirSync(join(root, 'outside'));
    writeFileSync(join(root, 'outside', 'b.txt'), 'of the host\n');
    rmSync(join(tree, 'dir'), { recursive: true });
    symlinkSync(join(root, 'outside'), join(tree, 'dir'));
    expect(await entries()).toEqual(['100644 a.txt', '120000 dir']);
  });

  it('takes a file that became a folder, and a folder that became a file', async () => {
    unlinkSync(join(tree, 'a.txt'));
    mkdirSync(join(tree, 'a.txt'));
    writeFileSync(join(tree, 'a.txt', 'x'), 'x\n');
    rmSync(join(tree, 'dir'), { recursive: true });
    writeFileSync(join(tree, 'dir'), 'a file\n');
    expect(await entries()).toEqual(['100644 a.txt/x', '100644 dir']);
  });

  it('keeps files that an attribute makes git refuse, byte by byte', async () => {
    writeFileSync(join(tree, '.gitattributes'), '* working-tree-encoding=UTF-16\n');
    writeFileSync(join(tree, 'a.txt'), 'changed\n');
    writeFileSync(join(tree, 'new\nline.sh'), '#!/bin/sh\n', { mode: 0o755 });
    symlinkSync('a.txt', join(tree, 'link'));
    rmSync(join(tree, 'dir', 'sub'), { recursive: true });
    const found = await entries();
    expect(found).toEqual([
      '100644 .gitattributes',
      '100644 a.txt',
      '100644 dir/b.txt',
      '120000 link',
      '100755 new\nline.sh',
    ]);
    const id = await snapshotTree(git, target);
    expect((await git(target, ['cat-file', 'blob', `${id}:a.txt`])).text).toBe('changed');
    expect((await git(target, ['cat-file', 'blob', `${id}:link`])).text).toBe('a.txt');
  });

  it('keeps names that are not UTF-8, also beside files that git refuses', async () => {
    const odd = Buffer.from(`${tree}/odd-\xff "\\\n.txt`, 'latin1');
    writeFileSync(odd, 'odd\n');
    expect(await names()).toContain('odd-\xff "\\\n.txt');
    writeFileSync(join(tree, '.gitattributes'), '* working-tree-encoding=UTF-16\n');
    for (const path of [odd, join(root, 'new')]) writeFileSync(path, 'new\n');
    expect(await names()).toContain('odd-\xff "\\\n.txt');
    const { stdout } = await git(target, ['ls-files', '-z', '--stage']);
    const id = sh(root, '--git-dir=own.git', 'hash-object', '--no-filters', join(root, 'new'));
    expect(stdout.toString('latin1')).toContain(`100644 ${id} 0\todd-\xff`);
  });

  it('passes by what lies deeper than the system can name', async () => {
    execFileSync('sh', ['-c', DESCEND], { cwd: tree });
    const found = await names();
    expect(found.filter((name) => name.includes('/f')).length).toBeGreaterThan(15);
    expect(found.filter((name) => name.includes('/l')).length).toBeGreaterThan(15);
    expect(found.length).toBeLessThan(43);
    execFileSync('rm', ['-r', tree]);
  });

  it('does not take a failure of git for a file that an attribute makes it refuse', async () => {
    writeFileSync(join(tree, 'a.txt'), 'changed\n');
    const failing: Git = (at, args, options) =>
      git(
        at,
        args.includes('--add') ? ['update-index', '--no-such-option', ...args.slice(1)] : args,
        options,
      );
    await expect(snapshotTree(failing, target)).rejects.toThrow(/update-index failed .*no-such-option/);
  });
});

describe('a copy of an index', () => {
  it('hides no edit of the same size within the second that the index was written in', async () => {
    const own = join(root, 'index');
    const file = join(tree, 'a.txt');
    const second = 1_700_000_000;
    const look = ['-c', 'core.trustctime=false', '-c', 'core.checkStat=minimal'];
    utimesSync(file, second, second);
    await git(target, [...look, 'update-index', '--refresh']);
    utimesSync(own, second, second + 0.7);
    writeFileSync(file, 'two\n');
    utimesSync(file, second, second + 0.3);
    await copyIndex(own, join(root, 'copy'));
    const copied = { ...target, index: join(root, 'copy') };
    const changed = await git(copied, [...look, 'diff-files', '--name-only']);
    expect(changed.text).toBe('a.txt');
  });
});
