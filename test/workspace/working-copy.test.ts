import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commitTree, formatPatch, measureChange, restorePaths } from '../../src/workspace/change.ts';
import { listChanges, showDiff } from '../../src/workspace/diff.ts';
import { dirtyPaths } from '../../src/workspace/copy/dirty.ts';
import { openCommitFiles } from '../../src/workspace/files.ts';
import { openHistory } from '../../src/workspace/copy/history.ts';
import { fetchBase } from '../../src/workspace/remote/mirror.ts';
import { pushBranch, readRemoteBranch } from '../../src/workspace/remote/publish.ts';
import { readSaved, saveCommit, wipRef } from '../../src/workspace/remote/saved.ts';
import { reopenWorkingCopy } from '../../src/workspace/copy/working-copy.ts';
import { AUTHOR, BURY, makeRepository, setScene, sh, write, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = setScene();
});
afterEach(() => scene.remove());

const INFO = { message: 'change\n', author: AUTHOR, date: '2026-01-02T03:04:05.000Z' };

describe('the base', () => {
  it('is the checked-out branch of a path', async () => {
    sh(scene.repo, 'switch', '--quiet', '--create', 'feature');
    const { base } = await scene.open('job-1');
    expect(base).toEqual({ name: 'feature', sha: sh(scene.repo, 'rev-parse', 'HEAD'), isBranch: true });
  });

  it('is the commit of a detached HEAD, and says that it is no branch', async () => {
    sh(scene.repo, 'switch', '--quiet', '--detach');
    expect((await scene.open('job-1')).base).toMatchObject({
      sha: sh(scene.repo, 'rev-parse', 'HEAD'),
      isBranch: false,
    });
  });

  it('can be a branch, a tag or a full commit id', async () => {
    sh(scene.repo, 'tag', '--annotate', 'v1', '--message', 'one');
    const sha = sh(scene.repo, 'rev-parse', 'HEAD');
    for (const wanted of ['main', 'v1', sha]) expect((await scene.open('job-1', wanted)).base.sha).toBe(sha);
  });

  it('that does not exist is named, with what is allowed', async () => {
    await expect(scene.open('job-1', 'nowhere')).rejects.toMatchObject({
      code: 'base_missing',
      message: expect.stringContaining('nowhere') as string,
    });
    await expect(scene.open('job-1', '0'.repeat(40))).rejects.toMatchObject({ code: 'base_missing' });
  });

  it('of an empty repository is an error that says so', async () => {
    const empty = join(scene.root, 'empty');
    mkdirSync(empty);
    sh(empty, 'init', '--quiet');
    const source = { url: empty, kind: 'checkout' as const };
    await expect(fetchBase(scene.git, scene.layout.repo(empty), source, null, 'job-1')).rejects.toMatchObject(
      {
        code: 'repo_unusable',
        message: expect.stringContaining('no commits') as string,
      },
    );
  });

  it('works from a shallow repository', async () => {
    write(scene.repo, { 'c.txt': '3' });
    sh(scene.repo, 'add', '--all');
    sh(scene.repo, 'commit', '--quiet', '--message', 'second');
    const shallow = join(scene.root, 'shallow');
    sh(scene.root, 'clone', '--quiet', '--depth=1', `file://${scene.repo}`, shallow);
    const paths = scene.layout.repo(shallow);
    const base = await fetchBase(scene.git, paths, { url: shallow, kind: 'checkout' }, null, 'job-1');
    expect(base.sha).toBe(sh(scene.repo, 'rev-parse', 'HEAD'));
    expect(await openHistory(scene.git, paths.mirror, paths.history, base.sha)).toHaveLength(1);
  });
});

describe('the working copy', () => {
  it('holds the files of the base, and an inner .git that is clean, without remote and hook', async () => {
    const { copy } = await scene.open('job-1');
    expect(readFileSync(join(copy.tree, 'dir/b.txt'), 'utf8')).toBe('two\n');
    expect(sh(copy.tree, 'status', '--porcelain')).toBe('');
    expect(sh(copy.tree, 'log', '--format=%s')).toBe('first');
    expect(sh(copy.tree, 'branch', '--show-current')).toBe('bot/job-1');
    expect(sh(copy.tree, 'remote')).toBe('');
    expect(existsSync(join(copy.tree, '.git/hooks'))).toBe(false);
    sh(copy.tree, 'commit', '--quiet', '--allow-empty', '--message', 'the agent may play');
  });

  it('snapshots new, changed, deleted, renamed, executable and linked files, and odd names', async () => {
    const { base, copy } = await scene.open('job-1');
    write(copy.tree, { 'a.txt': 'changed\n', 'new/ä "q"\n.txt': 'x', 'run.sh': '#!/bin/sh\n' });
    chmodSync(join(copy.tree, 'run.sh'), 0o755);
    symlinkSync('/etc/passwd', join(copy.tree, 'link'));
    rmSync(join(copy.tree, 'dir/b.txt'));
    const tree = await copy.snapshot();
    const rows = (await scene.git(copy.target, ['ls-tree', '-r', '-z', tree])).text;
    expect(rows).toContain('100755 blob');
    expect(rows).toContain('120000 blob');
    const linked = await scene.git(copy.target, ['cat-file', 'blob', `${tree}:link`]);
    expect(linked.text).toBe('/etc/passwd');
    const changes = await listChanges(scene.git, copy.target, base.sha, tree);
    expect(changes.map((one) => `${one.status} ${one.path}`).sort()).toEqual(
      ['modified a.txt', 'deleted dir/b.txt', 'added link', 'added new/ä "q"\n.txt', 'added run.sh'].sort(),
    );
    expect(await copy.snapshot()).toBe(tree);
  });

  it('leaves out dependencies, litter and what is ignored, but not what is tracked', async () => {
    scene.remove();
    scene = setScene({ '.gitignore': 'secret.env\n', 'node_modules/kept.js': '1\n' });
    const { base, copy } = await scene.open('job-1');
    write(copy.tree, {
      'secret.env': 'x',
      'node_modules/dep/i.js': 'x',
      '.venv/bin/python': 'x',
      'p/__pycache__/a.pyc': 'x',
      'node_modules/kept.js': '2\n',
    });
    const changes = await listChanges(scene.git, copy.target, base.sha, await copy.snapshot());
    expect(changes.map((one) => one.path)).toEqual(['node_modules/kept.js']);
  });

  it('takes the files of a repository that was made inside it, without its .git', async () => {
    const { base, copy } = await scene.open('job-1');
    makeRepository(join(copy.tree, 'app'), { 'index.js': '1', '.gitignore': 'dist\n' });
    write(copy.tree, { 'app/dist/out.js': 'x', 'app/later.js': '2' });
    mkdirSync(join(copy.tree, 'fresh'));
    sh(join(copy.tree, 'fresh'), 'init', '--quiet');
    write(copy.tree, { 'fresh/f.txt': 'f' });
    const changes = await listChanges(scene.git, copy.target, base.sha, await copy.snapshot());
    expect(changes.map((one) => one.path).sort()).toEqual([
      'app/.gitignore',
      'app/index.js',
      'app/later.js',
      'fresh/f.txt',
    ]);
  });

  it(
    'is not held up by pipes and sockets, wherever git would read or add them',
    { timeout: 20_000 },
    async () => {
      const { base, copy } = await scene.open('job-1');
      rmSync(join(copy.tree, 'a.txt'));
      execFileSync(
        'mkfifo',
        ['.gitignore', 'a.txt', 'dir/.gitattributes', '-odd'].map((name) => join(copy.tree, name)),
      );
      write(copy.tree, { 'new.txt': 'x' });
      const changes = await listChanges(scene.git, copy.target, base.sha, await copy.snapshot());
      expect(changes.map((one) => `${one.status} ${one.path}`)).toEqual(['deleted a.txt', 'added new.txt']);
    },
  );

  it('ignores what the agent commits, stages or configures in the inner .git', async () => {
    const { base, copy } = await scene.open('job-1');
    write(copy.tree, { 'a.txt': 'mine\n' });
    sh(copy.tree, 'add', '--all');
    sh(copy.tree, 'commit', '--quiet', '--message', 'agent');
    rmSync(join(copy.tree, '.git/objects'), { recursive: true });
    const changes = await listChanges(scene.git, copy.target, base.sha, await copy.snapshot());
    expect(changes).toMatchObject([{ path: 'a.txt', oldPath: null, status: 'modified' }]);
  });

  it('can be thrown away and laid again, in this process or another', async () => {
    const { copy, options } = await scene.open('job-1');
    write(copy.tree, { 'a.txt': 'half done\n' });
    const half = await copy.snapshot();
    write(copy.tree, { 'a.txt': 'worse\n', junk: 'x' });
    const again = await reopenWorkingCopy(options);
    await again.reset(half);
    expect(readFileSync(join(copy.tree, 'a.txt'), 'utf8')).toBe('half done\n');
    expect(existsSync(join(copy.tree, 'junk'))).toBe(false);
    expect(await again.snapshot()).toBe(half);
    expect(sh(copy.tree, 'diff', '--stat')).toContain('a.txt');
  });

  it('can be laid anew over what an agent buried too deep to name', async () => {
    const { copy, options } = await scene.open('job-1');
    const bury = (cwd: string): unknown => execFileSync('sh', ['-c', BURY], { cwd });
    bury(copy.tree);
    await expect(rm(copy.tree, { recursive: true })).rejects.toThrow(/ENAMETOOLONG/);
    await copy.reset(options.baseSha);
    expect(readdirSync(copy.tree).toSorted()).toEqual(['.git', 'a.txt', 'dir']);
    const checkout = await copy.checkOutClean('head', options.baseSha);
    bury(checkout.tree);
    await checkout.remove();
    expect(readdirSync(options.paths.checkouts)).toEqual([]);
    bury(copy.tree);
    const { copy: again } = await scene.open('job-1');
    expect(readdirSync(again.tree).toSorted()).toEqual(['.git', 'a.txt', 'dir']);
  });

  it('gives clean checkouts of a commit, each with a .git of its own', async () => {
    const { base, copy, options } = await scene.open('job-1');
    write(copy.tree, { 'a.txt': 'changed\n' });
    const commit = await commitTree(scene.git, copy.target, await copy.snapshot(), base.sha, 'refs/x', INFO);
    // A process that was thought dead laid the same, and removes it while this one is at work.
    const late = await (await reopenWorkingCopy(options)).checkOutClean('head-1', commit);
    const clean = await copy.checkOutClean('head-1', commit);
    await late.remove();
    expect(readFileSync(join(clean.tree, 'a.txt'), 'utf8')).toBe('changed\n');
    expect(sh(clean.tree, 'status', '--porcelain')).toBe('');
    expect(sh(clean.tree, 'rev-parse', 'HEAD~')).toBe(base.sha);
    await clean.remove();
    expect(readdirSync(scene.job('job-1').checkouts)).toEqual([]);
  });
});

describe('the history shown to an agent', () => {
  it('reaches the base and nothing else', async () => {
    sh(scene.repo, 'switch', '--quiet', '--create', 'other');
    write(scene.repo, { 'private.txt': 'not for main\n' });
    sh(scene.repo, 'add', '--all');
    sh(scene.repo, 'commit', '--quiet', '--message', 'other work');
    const foreign = sh(scene.repo, 'rev-parse', 'HEAD');
    await scene.open('job-other', 'other');
    const { copy } = await scene.open('job-main', 'main');
    expect(() => sh(copy.tree, 'cat-file', '-e', foreign)).toThrow();
    const cloned = sh(scene.repo, 'rev-parse', 'main');
    expect(sh(copy.tree, 'cat-file', '-t', cloned)).toBe('commit');
  });

  it('is packed once a base, and only what is new for a descendant', async () => {
    await scene.open('job-1');
    write(scene.repo, { 'c.txt': 'three\n' });
    sh(scene.repo, 'add', '--all');
    sh(scene.repo, 'commit', '--quiet', '--message', 'second');
    const { base, copy } = await scene.open('job-2');
    const { mirror, history } = scene.repoPaths;
    const dirs = await openHistory(scene.git, mirror, history, base.sha);
    expect(dirs).toHaveLength(2);
    expect(sh(copy.tree, 'log', '--format=%s')).toBe('second\nfirst');
    expect(sh(copy.tree, 'fsck', '--full')).not.toMatch(/missing|broken/);
  });
});

describe('a change', () => {
  it('made twice is the same commit, and is a patch that git am takes', async () => {
    const { base, copy } = await scene.open('job-1');
    write(copy.tree, { 'a.txt': 'changed\n', bin: '\0\u0001binary' });
    const tree = await copy.snapshot();
    const first = await commitTree(scene.git, copy.target, tree, base.sha, 'refs/x', INFO);
    expect(await commitTree(scene.git, copy.target, tree, base.sha, 'refs/x', INFO)).toBe(first);
    const patch = join(scene.root, 'p.patch');
    writeFileSync(patch, await formatPatch(scene.git, copy.target, base.sha, first));
    sh(scene.repo, 'am', '--quiet', patch);
    expect(sh(scene.repo, 'rev-parse', 'HEAD^{tree}')).toBe(tree);
    expect(await showDiff(scene.git, copy.target, base.sha, first)).toContain('+changed');
    expect(await measureChange(scene.git, copy.target, base.sha, first)).toEqual({
      files: 2,
      insertions: 1,
      deletions: 1,
    });
  });

  it('can have some paths put back as base has them, whatever became of them', async () => {
    const { base, copy } = await scene.open('job-1');
    write(copy.tree, { 'a.txt': 'changed\n', 'new "x".txt': 'new\n', 'kept.txt': 'kept\n' });
    rmSync(join(copy.tree, 'dir/b.txt'));
    const head = await copy.snapshot();
    const tree = await restorePaths(scene.git, copy.target, head, base.sha, [
      'a.txt',
      'dir/b.txt',
      'new "x".txt',
    ]);
    const changes = await listChanges(scene.git, copy.target, base.sha, tree);
    expect(changes).toMatchObject([{ path: 'kept.txt', oldPath: null, status: 'added', mode: '100644' }]);
    expect(await copy.snapshot()).toBe(head);
  });

  it('is saved in a repository of its own, twice without harm', async () => {
    const { base, copy } = await scene.open('job-1');
    write(copy.tree, { 'a.txt': 'changed\n' });
    const commit = await commitTree(scene.git, copy.target, await copy.snapshot(), base.sha, 'refs/x', INFO);
    for (let times = 0; times < 2; times++)
      await saveCommit(scene.git, scene.repoPaths, copy.target.dir, commit, base.sha, wipRef('job-1'));
    expect(await readSaved(scene.git, scene.repoPaths.saved, wipRef('job-1'))).toBe(commit);
    expect(await readSaved(scene.git, scene.repoPaths.saved, wipRef('job-2'))).toBeNull();
    sh(scene.repo, 'fetch', '--quiet', scene.repoPaths.saved, wipRef('job-1'));
    expect(sh(scene.repo, 'show', 'FETCH_HEAD:a.txt')).toBe('changed');
  });

  it('goes to its own branch, twice without harm, and never over somebody else’s', async () => {
    const { base, copy } = await scene.open('job-1');
    write(copy.tree, { 'a.txt': 'changed\n' });
    const commit = await commitTree(scene.git, copy.target, await copy.snapshot(), base.sha, 'refs/x', INFO);
    const source = { url: scene.repo, kind: 'checkout' as const };
    write(scene.repo, {
      '.git/hooks/pre-receive': '#!/bin/sh\ntouch hook-ran\nexit 1\n',
      '.git/hooks/update': '#!/bin/sh\nexit 1\n',
    });
    chmodSync(join(scene.repo, '.git/hooks/pre-receive'), 0o755);
    chmodSync(join(scene.repo, '.git/hooks/update'), 0o755);
    for (let times = 0; times < 2; times++)
      await pushBranch(scene.git, copy.target.dir, source, 'bot/job-1', commit, [commit]);
    expect(await readRemoteBranch(scene.git, source, 'bot/job-1')).toBe(commit);
    expect(sh(scene.repo, 'rev-parse', 'main')).toBe(base.sha);
    expect(sh(scene.repo, 'status', '--porcelain')).toBe('');
    sh(scene.repo, 'branch', '--force', 'bot/job-1', 'main');
    await expect(
      pushBranch(scene.git, copy.target.dir, source, 'bot/job-1', commit, [commit]),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect(sh(scene.repo, 'rev-parse', 'bot/job-1')).toBe(base.sha);
  });
});

describe('files of a commit', () => {
  it('are read from objects: no link followed, nothing binary, nothing huge', async () => {
    symlinkSync('/etc/passwd', join(scene.repo, 'AGENTS.md'));
    write(scene.repo, { 'bin.dat': '\0\u0001', 'big.txt': 'x'.repeat(1024 * 1024 + 1) });
    sh(scene.repo, 'add', '--all');
    sh(scene.repo, 'commit', '--quiet', '--message', 'odd');
    const { base, copy } = await scene.open('job-1');
    const files = await openCommitFiles(scene.git, copy.target, base.sha);
    expect([...files.paths].sort()).toEqual(['AGENTS.md', 'a.txt', 'big.txt', 'bin.dat', 'dir/b.txt']);
    expect(await files.read('a.txt')).toBe('one\n');
    for (const path of ['AGENTS.md', 'bin.dat', 'big.txt', 'absent'])
      expect(await files.read(path)).toBeNull();
  });
});

describe('uncommitted changes', () => {
  it('are named and left as they are', async () => {
    const { base, copy } = await scene.open('job-1');
    expect(await dirtyPaths(scene.git, copy.target, scene.repo, base.sha)).toEqual([]);
    // A file that was only touched, as all are in a clone that was copied, is as it was.
    utimesSync(join(scene.repo, 'a.txt'), 1, 1);
    expect(await dirtyPaths(scene.git, copy.target, scene.repo, base.sha)).toEqual([]);
    write(scene.repo, { 'a.txt': 'dirty\n', 'untracked.txt': 'x', 'staged.txt': 's' });
    sh(scene.repo, 'add', 'staged.txt');
    const before = sh(scene.repo, 'status', '--porcelain');
    expect([...(await dirtyPaths(scene.git, copy.target, scene.repo, base.sha))].sort()).toEqual([
      'a.txt',
      'staged.txt',
      'untracked.txt',
    ]);
    expect(sh(scene.repo, 'status', '--porcelain')).toBe(before);
  });
});
