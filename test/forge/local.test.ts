/** Repositories without a forge of ours: what a person is told to do with the branch. */
import { describe, expect, it } from 'vitest';
import type { Proposal, Remote } from '../../src/forge/forge.ts';
import { createLocalForge } from '../../src/forge/local.ts';

async function propose(remote: Remote, publishTo: string | null = null): Promise<Proposal> {
  const visit = { jobId: 'job-1', signal: new AbortController().signal, onNotice: () => {} };
  return createLocalForge({ cwd: '/' })
    .access(remote, visit)
    .propose({
      jobId: 'job-1',
      target: remote,
      branch: 'bot/job-1',
      base: 'main',
      headSha: 'a'.repeat(40),
      title: 't',
      body: 'b',
      draft: false,
      labels: [],
      staleLabels: [],
      reviewers: [],
      publishTo,
      goesOn: false,
      wasBegun: false,
      onBegin: () => Promise.resolve(),
      status: { state: 'success', description: '', url: null },
    });
}

function at(url: string): Remote {
  return { url, display: url, kind: 'url' };
}

describe('a branch that was pushed', () => {
  it.each([
    ['https://github.com/ann/tool', 'https://github.com/ann/tool/compare/main...bot/job-1'],
    ['https://github.com/ann/tool.git', 'https://github.com/ann/tool/compare/main...bot/job-1'],
    ['git@github.com:ann/tool.git', 'https://github.com/ann/tool/compare/main...bot/job-1'],
    ['ssh://git@codeberg.org/ann/tool', 'https://codeberg.org/ann/tool/compare/main...bot/job-1'],
    ['https://x:secret@github.com/ann/tool', 'https://github.com/ann/tool/compare/main...bot/job-1'],
  ])('to %s comes with the page where a pull request is opened', async (url, page) => {
    const { outcome, notices, prUrl } = await propose(at(url));
    expect([outcome, prUrl]).toEqual(['proposed', null]);
    expect(notices).toEqual([`open a pull request there: ${page}`]);
  });

  it.each(['https://git.example.org/ann/tool', 'file:///srv/tool', '/srv/tool'])(
    'to %s comes with none: nobody knows where that would be',
    async (url) => {
      expect((await propose(at(url))).notices).toEqual([]);
    },
  );

  it('of a person’s own repository comes with the command that publishes it', async () => {
    const remote: Remote = { url: "/srv/ann's tool", display: 'x', kind: 'checkout' };
    expect((await propose(remote, 'origin')).pushCommand).toBe(
      "git -C '/srv/ann'\\''s tool' push -u origin bot/job-1",
    );
  });
});
