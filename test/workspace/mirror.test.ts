/** The mirror as a cache: asked seldom, pinned while a job runs, replaced when it is broken. */
import { readdirSync, rmSync, truncateSync, utimesSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Git } from '../../src/workspace/git.ts';
import { findBase } from '../../src/workspace/remote/listing.ts';
import { fetchBase, restoreBase, unpinBase } from '../../src/workspace/remote/mirror.ts';
import { readSaved, saveCommit, wipRef } from '../../src/workspace/remote/saved.ts';
import { setScene, sh, write, type Scene } from './scene.ts';

let scene: Scene;
let asked: string[];
let git: Git;
beforeEach(() => {
  scene = setScene();
  asked = [];
  git = (target, args, options) => {
    asked.push(args[0] ?? '');
    return scene.git(target, args, options);
  };
});
afterEach(() => {
  scene.remove();
});

const local = (): { url: string; kind: 'checkout' } => ({ url: scene.repo, kind: 'checkout' });
const remote = (): { url: string; kind: 'url' } => ({ url: `file://${scene.repo}`, kind: 'url' });

function commit(text: string): string {
  write(scene.repo, { 'a.txt': text });
  sh(scene.repo, 'commit', '--quiet', '--all', '--message', text);
  return sh(scene.repo, 'rev-parse', 'HEAD');
}

function packs(dir: string): string[] {
  const folder = join(dir, 'objects', 'pack');
  return readdirSync(folder).map((name) => join(folder, name));
}

/** Takes away every object of a repository, as a person's `rm` or a broken disk does. */
function empty(dir: string): void {
  rmSync(join(dir, 'objects'), { recursive: true });
  sh(scene.root, 'init', '--quiet', '--bare', dir);
}

describe('a remote elsewhere', () => {
  it('is listed once in a while, and a path of this machine every time', async () => {
    const { listed } = scene.repoPaths;
    const first = await findBase(git, listed, remote(), 'main');
    commit('two\n');
    expect(await findBase(git, listed, remote(), 'main')).toEqual(first);
    expect(asked.filter((one) => one === 'ls-remote')).toHaveLength(1);
    const old = new Date(Date.now() - 60_000);
    for (const name of readdirSync(listed)) utimesSync(join(listed, name), old, old);
    expect((await findBase(git, listed, remote(), 'main')).sha).not.toBe(first.sha);
    asked = [];
    await findBase(git, listed, local(), 'main');
    await findBase(git, listed, local(), 'main');
    expect(asked).toEqual(['ls-remote', 'ls-remote']);
  });

  it('gives a commit of the mirror only to those who can read the remote', async () => {
    const { sha } = await fetchBase(git, scene.repoPaths, local(), null, 'job-1');
    const gone = { url: `file://${scene.root}/gone`, kind: 'url' as const };
    await expect(fetchBase(git, scene.repoPaths, gone, sha, 'job-2')).rejects.toMatchObject({
      code: 'repo_unusable',
    });
  });
});

describe('the mirror', () => {
  it('fetches nothing that it has, and pins it all the same', async () => {
    const { mirror } = scene.repoPaths;
    const { sha } = await fetchBase(git, scene.repoPaths, local(), null, 'job-1');
    asked = [];
    await fetchBase(git, scene.repoPaths, local(), null, 'job-2');
    expect(asked).not.toContain('fetch');
    await unpinBase(git, mirror, 'job-1');
    expect(sh(mirror, 'rev-parse', 'refs/agent-runner/jobs/job-2')).toBe(sha);
  });

  it('keeps what a job started from after a force-push and a pruning by hand', async () => {
    const { copy, base } = await scene.open('job-1');
    sh(scene.repo, 'commit', '--quiet', '--amend', '--message', 'other');
    const { base: other } = await scene.open('job-2');
    expect(other.sha).not.toBe(base.sha);
    sh(scene.repoPaths.mirror, 'gc', '--quiet', '--prune=now');
    await copy.reset(base.sha);
    expect(sh(scene.repoPaths.mirror, 'cat-file', '-t', base.sha)).toBe('commit');
  });

  it('that lost its objects is replaced, with the pins whose bases are still known', async () => {
    const { mirror } = scene.repoPaths;
    const { base } = await scene.open('job-1');
    empty(mirror);
    sh(scene.repo, 'commit', '--quiet', '--amend', '--message', 'other');
    const sha = sh(scene.repo, 'rev-parse', 'HEAD');
    expect((await fetchBase(git, scene.repoPaths, local(), null, 'job-2')).sha).toBe(sha);
    sh(mirror, 'fsck', '--connectivity-only');
    expect(sh(mirror, 'rev-parse', 'refs/agent-runner/jobs/job-1')).toBe(base.sha);
    expect(readdirSync(scene.repoPaths.trash)).toHaveLength(1);
  });

  it.each(['cut', 'deleted'])('with packs that were %s still serves a job', async (how) => {
    const { mirror, history } = scene.repoPaths;
    const { sha } = await fetchBase(git, scene.repoPaths, local(), null, 'job-1');
    sh(mirror, 'repack', '-a', '-d', '--quiet');
    for (const path of packs(mirror).filter((one) => one.endsWith('.pack'))) {
      chmodSync(path, 0o600);
      if (how === 'cut') truncateSync(path, 40);
      else rmSync(path);
    }
    await fetchBase(git, scene.repoPaths, local(), null, 'job-2');
    await restoreBase(git, scene.repoPaths, local(), sha, 'job-2');
    expect(readdirSync(join(history, sha, 'pack')).some((name) => name.endsWith('.idx'))).toBe(true);
    sh(mirror, 'fsck', '--connectivity-only');
  });

  it('that is in order is not replaced because a commit is nowhere', async () => {
    await fetchBase(git, scene.repoPaths, local(), null, 'job-1');
    await expect(fetchBase(git, scene.repoPaths, local(), '1'.repeat(40), 'job-2')).rejects.toMatchObject({
      code: 'base_missing',
    });
    expect(sh(scene.repoPaths.mirror, 'rev-parse', 'refs/agent-runner/jobs/job-1')).not.toBe('');
  });
});

describe('the base of a job that runs', () => {
  it('comes back from the remote when mirror and packs are gone, also after a force-push', async () => {
    const { base } = await scene.open('job-1');
    sh(scene.repo, 'commit', '--quiet', '--amend', '--message', 'other');
    rmSync(scene.repoPaths.mirror, { recursive: true });
    rmSync(scene.repoPaths.history, { recursive: true });
    await restoreBase(git, scene.repoPaths, local(), base.sha, 'job-1');
    expect(sh(scene.repoPaths.mirror, 'rev-parse', 'refs/agent-runner/jobs/job-1')).toBe(base.sha);
    asked = [];
    await restoreBase(git, scene.repoPaths, local(), base.sha, 'job-1');
    expect(asked).toEqual([]);
  });

  it('that is nowhere any more is a named error', async () => {
    const { base } = await scene.open('job-1');
    sh(scene.repo, 'commit', '--quiet', '--amend', '--message', 'other');
    sh(scene.repo, 'reflog', 'expire', '--expire=now', '--all');
    sh(scene.repo, 'gc', '--quiet', '--prune=now');
    rmSync(scene.repoPaths.mirror, { recursive: true });
    rmSync(scene.repoPaths.history, { recursive: true });
    await expect(restoreBase(git, scene.repoPaths, local(), base.sha, 'job-1')).rejects.toMatchObject({
      code: 'infra_failed',
      message: expect.stringContaining(`the base ${base.sha.slice(0, 12)} is lost`) as string,
    });
  });
});

describe('saved work', () => {
  it.each(['full', 'shallow'])('of a %s repository outlives mirror, history and job', async (kind) => {
    commit('two\n');
    const url = kind === 'full' ? scene.repo : join(scene.root, 'shallow');
    if (kind === 'shallow') sh(scene.root, 'clone', '--quiet', '--depth=1', `file://${scene.repo}`, url);
    const repo = scene.layout.repo(url);
    const base = await fetchBase(git, repo, { url, kind: 'checkout' }, null, 'job-1');
    // The mirror stands for the job's own repository, which borrows from it.
    const tree = sh(repo.mirror, 'rev-parse', `${base.sha}^{tree}`);
    const work = sh(repo.mirror, 'commit-tree', tree, '-p', base.sha, '-m', 'work');
    await saveCommit(git, repo, repo.mirror, work, base.sha, wipRef('job-1'));
    await saveCommit(git, repo, repo.mirror, work, base.sha, wipRef('job-1'));
    rmSync(repo.mirror, { recursive: true });
    rmSync(repo.history, { recursive: true });
    expect(await readSaved(git, repo.saved, wipRef('job-1'))).toBe(work);
    sh(repo.saved, 'fsck', '--strict');
    sh(url, 'fetch', '--quiet', repo.saved, wipRef('job-1'));
  });
});
