/** The test forge as Octokit and git see it. */
import { afterEach, describe, expect, it } from 'vitest';
import { checkout, octokit, type Checkout } from './clients.ts';
import { startTestForge, type TestForge } from './forge.ts';

const FILES = { 'README.md': '# Shop\n', 'src/index.js': 'export const a = 1;\n' };
const open: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function forge(options: Parameters<typeof startTestForge>[0] = {}): Promise<TestForge> {
  const made = await startTestForge({
    users: [
      { login: 'ann', token: 'ann-token' },
      { login: 'bot', token: 'bot-token' },
    ],
    ...options,
  });
  open.push(() => made.close());
  return made;
}

async function cloned(url: string): Promise<Checkout> {
  const made = await checkout(url);
  open.push(() => made.remove());
  return made;
}

/** What an answer was refused with. */
async function refused(call: Promise<unknown>): Promise<{ status: number; message: string }> {
  return call.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: { status: number; message: string }) => ({ status: error.status, message: error.message }),
  );
}

describe('from a repository to a pull request', () => {
  it('forks, pushes, opens one pull request across the fork, and moves it with the next push', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    const bot = octokit(f.apiUrl, 'bot-token');
    const fork = await bot.rest.repos.createFork({ owner: 'ann', repo: 'shop', default_branch_only: true });
    expect([fork.status, fork.data.full_name, fork.data.parent?.full_name]).toEqual([
      202,
      'bot/shop',
      'ann/shop',
    ]);
    const { data: mine } = await bot.rest.repos.get({ owner: 'bot', repo: 'shop' });
    expect(mine.permissions).toMatchObject({ push: true, admin: true });
    const work = await cloned(f.gitUrl('ann', 'shop'));
    const first = await work.commit('agent/1', 'src/index.js', 'export const a = 2;\n');
    const pushed = await work.git('push', '-q', f.gitUrl('bot', 'shop', 'bot-token'), 'agent/1');
    expect(pushed).toEqual({ code: 0, out: '' });
    expect(await f.branch('bot', 'shop', 'agent/1')).toBe(first);

    const ask = { owner: 'ann', repo: 'shop', title: 'Two', head: 'bot:agent/1', base: 'main', body: 'why' };
    const { data: pull } = await bot.rest.pulls.create(ask);
    expect(pull).toMatchObject({
      number: 1,
      commits: 1,
      additions: 1,
      deletions: 1,
      changed_files: 1,
      mergeable: null,
    });
    expect(await refused(bot.rest.pulls.create(ask))).toEqual({
      status: 422,
      message: expect.stringContaining('A pull request already exists for bot:agent/1.'),
    });
    const { data: found } = await bot.rest.pulls.list({
      owner: 'ann',
      repo: 'shop',
      head: 'bot:agent/1',
      state: 'open',
    });
    expect(found.map((one) => one.number)).toEqual([1]);
    expect((await bot.rest.pulls.get({ owner: 'ann', repo: 'shop', pull_number: 1 })).data.mergeable).toBe(
      true,
    );

    const second = await work.commit('agent/1', 'src/other.js', 'export const b = 1;\n');
    await work.git('push', '-q', f.gitUrl('bot', 'shop', 'bot-token'), 'agent/1');
    expect(f.repo('ann', 'shop').pulls.map((one) => one.headSha)).toEqual([second]);
    expect((await f.refs('ann', 'shop'))['refs/pull/1/head']).toBe(second);
    const { data: files } = await bot.rest.pulls.listFiles({ owner: 'ann', repo: 'shop', pull_number: 1 });
    expect(files.map((file) => [file.filename, file.status])).toEqual([
      ['src/index.js', 'modified'],
      ['src/other.js', 'added'],
    ]);
    await bot.rest.pulls.update({
      owner: 'ann',
      repo: 'shop',
      pull_number: 1,
      title: 'Three',
      state: 'closed',
    });
    expect(f.repo('ann', 'shop').pulls[0]).toMatchObject({ title: 'Three', state: 'closed' });
  });
});
