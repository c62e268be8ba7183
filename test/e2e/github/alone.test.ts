/** `fork` and `pr` as a CI calls them: no home, no job, one pull request. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ran } from '../cli.ts';
import { openForgePlace, OWNER_TOKEN, type ForgePlace } from './place.ts';

let place: ForgePlace;
beforeEach(async () => {
  place = await openForgePlace();
});
afterEach(() => place.close());

// In the background: the forge answers from this process.
const run = promisify(execFile);
const WHO = ['-c', 'user.name=ann', '-c', 'user.email=ann@example.org'];

async function clone(owner = 'ann', token = OWNER_TOKEN): Promise<string> {
  const path = join(place.bench.root, `clone-of-${owner}`);
  await run('git', ['clone', '-q', place.forge.gitUrl(owner, 'tool', token), path]);
  return path;
}

async function pushCommit(path: string, file: string): Promise<void> {
  writeFileSync(join(path, file), 'x\n');
  await run('git', ['-C', path, 'add', '.']);
  await run('git', ['-C', path, ...WHO, 'commit', '-qm', file]);
  await run('git', ['-C', path, 'push', '-q', 'origin', 'HEAD']);
}

function call(args: readonly string[], cwd?: string): Promise<Ran> {
  return place.bench.run(args, place.env(), cwd);
}

describe('fork', () => {
  it('makes it, finds it again, brings it forward, and says where it went its own way', async () => {
    const { forge } = place;
    expect((await call(['fork', 'ann/tool'])).stdout).toBe('bot/tool\n');
    const upstream = await clone();
    await pushCommit(upstream, 'more.txt');
    const synced = await call(['fork', `${forge.url}/ann/tool`, '--sync', '--json']);
    expect(JSON.parse(synced.stdout)).toMatchObject({ fork: 'bot/tool', synced: { branch: 'main' } });
    const main = await forge.branch('ann', 'tool', 'main');
    expect(await forge.branch('bot', 'tool', 'main')).toBe(main);
    expect((await call(['fork', 'ann/tool', '--sync'])).stderr).toContain('as it was');

    await pushCommit(await clone('bot', place.env()['BOT_TOKEN']), 'own.txt');
    await pushCommit(upstream, 'again.txt');
    const kept = await forge.branch('bot', 'tool', 'main');
    const apart = await call(['fork', 'ann/tool', '--sync']);
    expect(apart.code).toBe(64);
    expect(apart.stderr).toMatch(/main of \S+\/bot\/tool went its own way: it has 1 commits .* and lacks 1/);
    expect(await forge.branch('bot', 'tool', 'main')).toBe(kept);
  });

  it.each(['../x', 'https://elsewhere.test/ann/tool'])('%j is refused', async (name) => {
    expect((await call(['fork', '--', name])).code).toBe(64);
    expect(place.forge.requests()).toEqual([]);
  });
});

describe('pr', () => {
  const ARGS = 'pr --fork bot/tool --upstream ann/tool --branch bot/ci-1 --job-id ci-1 --json'.split(' ');

  it('opens one pull request of what is committed and what is not, and brings it up to date', async () => {
    const { forge } = place;
    await call(['fork', 'ann/tool']);
    const path = await clone();
    writeFileSync(join(path, 'notes.txt'), 'one\n');
    const head = readFileSync(join(path, '.git/HEAD'), 'utf8');
    const first = await call([...ARGS, '--title', 'Take notes'], path);
    expect(JSON.parse(first.stdout)).toMatchObject({
      outcome: 'pr_opened',
      pr_url: `${forge.url}/ann/tool/pull/1`,
    });
    writeFileSync(join(path, 'notes.txt'), 'two\n');
    const second = JSON.parse((await call(ARGS, path)).stdout) as { outcome: string; head_sha: string };
    expect(second.outcome).toBe('pr_updated');
    expect(await forge.branch('bot', 'tool', 'bot/ci-1')).toBe(second.head_sha);
    // The same again pushes nothing.
    expect(JSON.parse((await call(ARGS, path)).stdout)).toEqual(second);
    const [pull, ...others] = forge.repo('ann', 'tool').pulls;
    expect(others).toEqual([]);
    expect(pull?.title).toBe('Take notes');
    expect(readFileSync(join(path, '.git/HEAD'), 'utf8')).toBe(head);
    const { stdout } = await run('git', ['-C', path, 'status', '--porcelain']);
    expect(stdout).toBe('?? notes.txt\n');
  });

  it('has nothing to propose where nothing differs', async () => {
    await call(['fork', 'ann/tool']);
    expect(JSON.parse((await call(ARGS, await clone())).stdout)).toMatchObject({ outcome: 'no_change' });
    expect(place.forge.repo('ann', 'tool').pulls).toEqual([]);
  });

  it.each(['--upload-pack=x', 'x\u202ey'])('takes no branch %j', async (branch) => {
    const args = ARGS.map((word) => (word === 'bot/ci-1' ? `--branch=${branch}` : word));
    const ran = await call(args.filter((word) => word !== '--branch'));
    expect([ran.code, ran.stderr]).toEqual([64, expect.stringContaining('branch:')]);
    expect(place.forge.requests()).toEqual([]);
  });
});
