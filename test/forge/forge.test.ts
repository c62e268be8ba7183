/** The test forge as Octokit and git see it. */
import { afterEach, describe, expect, it } from 'vitest';
import { checkout, octokit, run, type Checkout } from './clients.ts';
import { startTestForge, type TestForge } from './forge.ts';

const FILES = { 'README.md': '# Shop\n', 'src/index.js': 'export const a = 1;\n' };
const SHOP = { owner: 'ann', repo: 'shop' };
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
async function refused(call: Promise<unknown>): Promise<readonly [status: number, message: string]> {
  return call.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: { status: number; message: string }) => [error.status, error.message] as const,
  );
}

describe('from a repository to a pull request', () => {
  it('forks, pushes, opens one pull request across the fork, and moves it with the next push', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    const bot = octokit(f.apiUrl, 'bot-token');
    const fork = await bot.rest.repos.createFork({ ...SHOP, default_branch_only: true });
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

    listen(f);
    const ask = { ...SHOP, title: 'Two', head: 'bot:agent/1', base: 'main', body: 'why' };
    const { data: pull } = await bot.rest.pulls.create(ask);
    expect(pull).toMatchObject({
      number: 1,
      commits: 1,
      additions: 1,
      deletions: 1,
      changed_files: 1,
      mergeable: null,
    });
    expect(await refused(bot.rest.pulls.create(ask))).toEqual([
      422,
      expect.stringContaining('A pull request already exists for bot:agent/1.'),
    ]);
    const { data: found } = await bot.rest.pulls.list({ ...SHOP, head: 'bot:agent/1', state: 'open' });
    expect(found.map((one) => one.number)).toEqual([1]);
    expect((await bot.rest.pulls.list({ ...SHOP, head: 'ann:agent/1' })).data).toEqual([]);
    expect((await bot.rest.pulls.get({ ...SHOP, pull_number: 1 })).data.mergeable).toBe(true);

    const second = await work.commit('agent/1', 'src/other.js', 'export const b = 1;\n');
    await work.git('push', '-q', f.gitUrl('bot', 'shop', 'bot-token'), 'agent/1');
    expect(f.repo('ann', 'shop').pulls.map((one) => one.headSha)).toEqual([second]);
    expect((await f.refs('ann', 'shop'))['refs/pull/1/head']).toBe(second);
    const { data: files } = await bot.rest.pulls.listFiles({ ...SHOP, pull_number: 1 });
    expect(files.map((file) => [file.filename, file.status])).toEqual([
      ['src/index.js', 'modified'],
      ['src/other.js', 'added'],
    ]);
    expect((await bot.rest.pulls.listCommits({ ...SHOP, pull_number: 1 })).data).toHaveLength(2);
    await bot.rest.pulls.update({
      ...SHOP,
      pull_number: 1,
      title: 'Three',
      body: 'because',
      state: 'closed',
    });
    expect(f.repo('ann', 'shop').pulls[0]).toMatchObject({
      title: 'Three',
      body: 'because',
      state: 'closed',
    });
  });

  it('opens one of two that are asked for at the same time', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    const ann = octokit(f.apiUrl, 'ann-token');
    const work = await cloned(f.gitUrl('ann', 'shop', 'ann-token'));
    await work.commit('x', 'a', '1');
    await work.git('push', '-q', 'origin', 'x');
    const ask = { ...SHOP, title: 'x', head: 'x', base: 'main' };
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => ann.rest.pulls.create(ask)));
    expect(all.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    expect(f.repo('ann', 'shop').pulls).toHaveLength(1);
    const forks = Array.from({ length: 3 }, () => octokit(f.apiUrl, 'bot-token').rest.repos.createFork(SHOP));
    expect(new Set((await Promise.all(forks)).map((one) => one.data.id)).size).toBe(1);
  });

  it('refuses what GitHub refuses', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    const ann = octokit(f.apiUrl, 'ann-token');
    const ask = { ...SHOP, title: 'x', base: 'main' };
    expect(await refused(ann.rest.pulls.create({ ...ask, head: 'main' }))).toEqual([
      422,
      expect.stringContaining('No commits between main and main'),
    ]);
    expect(await refused(ann.rest.pulls.create({ ...ask, head: 'gone' }))).toEqual([
      422,
      expect.stringContaining('"field":"head"'),
    ]);
    expect(await refused(ann.rest.pulls.create({ ...ask, base: 'gone', head: 'main' }))).toEqual([
      422,
      expect.stringContaining('"field":"base"'),
    ]);
    const issue = { ...SHOP, title: 'x', body: 'y'.repeat(65_537) };
    expect(await refused(ann.rest.issues.create(issue))).toEqual([
      422,
      expect.stringContaining('body is too long'),
    ]);
    expect(await refused(ann.rest.issues.create({ ...SHOP, title: 'x'.repeat(257) }))).toEqual([
      422,
      expect.stringContaining('title is too long'),
    ]);
    expect(await refused(octokit(f.apiUrl, 'nobody').rest.repos.get(SHOP))).toEqual([
      401,
      expect.stringContaining('Bad credentials'),
    ]);
    const bot = octokit(f.apiUrl, 'bot-token');
    expect(
      (
        await refused(
          bot.rest.repos.createCommitStatus({
            ...SHOP,
            sha: (await f.branch('ann', 'shop', 'main')) ?? '',
            state: 'success',
          }),
        )
      )[0],
    ).toBe(403);
    expect((await refused(octokit(f.apiUrl).rest.issues.create({ ...SHOP, title: 'x' })))[0]).toBe(401);
  });
});

describe('forks', () => {
  it('come late, by polls: first no repository, then no branches, then both, for git too', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    f.setForkDelays({ repositoryPolls: 1, branchesPolls: 2 });
    const bot = octokit(f.apiUrl, 'bot-token');
    await bot.rest.repos.createFork(SHOP);
    const mine = { owner: 'bot', repo: 'shop' };
    expect((await refused(bot.rest.repos.get(mine)))[0]).toBe(404);
    expect((await bot.rest.repos.get(mine)).data.fork).toBe(true);
    const seen = [];
    for (let at = 0; at < 3; at += 1) seen.push((await bot.rest.repos.listBranches(mine)).data.length);
    expect(seen).toEqual([0, 0, 1]);
    expect((await run('git', ['ls-remote', f.gitUrl('bot', 'shop', 'bot-token')])).code).toBe(0);
  });

  it('are one per account and network, take the next free name, and are not of one’s own', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    await f.addRepository({ owner: 'bot', name: 'shop', from: FILES });
    const bot = octokit(f.apiUrl, 'bot-token');
    expect((await bot.rest.repos.createFork(SHOP)).data.full_name).toBe('bot/shop-1');
    expect((await bot.rest.repos.createFork(SHOP)).data.full_name).toBe('bot/shop-1');
    expect((await refused(octokit(f.apiUrl, 'ann-token').rest.repos.createFork(SHOP)))[0]).toBe(403);
    f.setForkDelays({ never: true });
    f.addUser({ login: 'cat', token: 'cat-token' });
    const cat = octokit(f.apiUrl, 'cat-token');
    expect((await cat.rest.repos.createFork(SHOP)).status).toBe(202);
    expect((await refused(cat.rest.repos.get({ owner: 'cat', repo: 'shop' })))[0]).toBe(404);
    expect((await bot.rest.repos.listForks(SHOP)).data.map((one) => one.full_name)).toEqual([
      'bot/shop-1',
      'cat/shop',
    ]);
  });

  it('are synced forward, by a merge commit, or not at all', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    const bot = octokit(f.apiUrl, 'bot-token');
    await bot.rest.repos.createFork(SHOP);
    const sync = async (): Promise<unknown> =>
      (await bot.rest.repos.mergeUpstream({ owner: 'bot', repo: 'shop', branch: 'main' })).data.merge_type;
    const theirs = await cloned(f.gitUrl('ann', 'shop', 'ann-token'));
    const mine = await cloned(f.gitUrl('bot', 'shop', 'bot-token'));
    expect(await sync()).toBe('none');
    await theirs.commit('main', 'a', '1');
    await theirs.git('push', '-q', 'origin', 'main');
    expect(await sync()).toBe('fast-forward');
    await mine.git('pull', '-q');
    await mine.commit('main', 'b', '1');
    await mine.git('push', '-q', 'origin', 'main');
    await theirs.commit('main', 'a', '2');
    await theirs.git('push', '-q', 'origin', 'main');
    expect(await sync()).toBe('merge');
    await mine.git('pull', '-q');
    await mine.commit('main', 'a', '3');
    await mine.git('push', '-q', 'origin', 'main');
    await theirs.commit('main', 'a', '4');
    await theirs.git('push', '-q', 'origin', 'main');
    expect((await refused(sync()))[0]).toBe(409);
  });
});

describe('git', () => {
  it('lets anybody fetch what is public, and only who may write push', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    await f.addRepository({
      owner: 'ann',
      name: 'safe',
      from: FILES,
      private: true,
      collaborators: { bot: 'read' },
    });
    f.addUser({ login: 'cat', token: 'cat-token' });
    const work = await cloned(f.gitUrl('ann', 'shop'));
    await work.commit('x', 'a', '1');
    const push = (name: string, token?: string): Promise<{ code: number; out: string }> =>
      work.git('push', '-q', f.gitUrl('ann', name, token), 'x');
    expect((await push('shop')).out).toContain('could not read Username');
    expect((await push('shop', 'bot-token')).out).toContain('403');
    expect((await push('safe', 'bot-token')).out).toContain('403');
    expect((await push('safe', 'cat-token')).out).toContain('not found');
    expect((await push('shop', 'wrong')).out).toContain('Authentication failed');
    expect((await push('shop', 'ann-token')).code).toBe(0);
    const list = (token?: string): Promise<{ code: number; out: string }> =>
      run('git', ['ls-remote', f.gitUrl('ann', 'safe', token)]);
    expect((await list('bot-token')).code).toBe(0);
    expect((await list('cat-token')).out).toContain('not found');
    expect((await list()).code).not.toBe(0);
    const hidden = await work.git('push', '-q', f.gitUrl('ann', 'shop', 'ann-token'), 'x:refs/pull/1/head');
    expect(hidden.out).toContain('deny updating a hidden ref');
  });

  it('lets workflows be changed only with the scope for it', async () => {
    const f = await forge();
    f.addUser({ login: 'ann', token: 'narrow', scopes: ['repo'] });
    await f.addRepository({ owner: 'ann', name: 'shop', from: { '.github/workflows/ci.yml': 'on: push\n' } });
    const work = await cloned(f.gitUrl('ann', 'shop', 'narrow'));
    await work.commit('fine', 'a', '1');
    expect(await work.git('push', '-q', 'origin', 'fine')).toEqual({ code: 0, out: '' });
    await work.commit('fine', '.github/workflows/ci.yml', 'on: pull_request\n');
    expect((await work.git('push', '-q', 'origin', 'fine')).out).toContain('without `workflow` scope');
    expect((await work.git('push', '-q', 'origin', 'fine:new')).code).not.toBe(0);
    expect((await work.git('push', '-q', f.gitUrl('ann', 'shop', 'ann-token'), 'fine')).code).toBe(0);
  });

  it('reads branches, refs, commits, comparisons and files of what was pushed, and moves refs itself', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    const ann = octokit(f.apiUrl, 'ann-token');
    const work = await cloned(f.gitUrl('ann', 'shop', 'ann-token'));
    const top = await work.commit('feature/ä', 'docs.md', 'new\n');
    await work.git('push', '-q', 'origin', 'feature/ä');
    const names = (await ann.rest.repos.listBranches(SHOP)).data.map((one) => one.name);
    expect(names).toEqual(['feature/ä', 'main']);
    expect((await ann.rest.repos.getBranch({ ...SHOP, branch: 'feature/ä' })).data.commit.sha).toBe(top);
    expect((await ann.rest.git.getRef({ ...SHOP, ref: 'heads/feature/ä' })).data.object.sha).toBe(top);
    expect((await ann.rest.git.listMatchingRefs({ ...SHOP, ref: 'heads/feature' })).data).toHaveLength(1);
    const { data: compared } = await ann.rest.repos.compareCommitsWithBasehead({
      ...SHOP,
      basehead: 'main...feature/ä',
    });
    expect([compared.status, compared.ahead_by, compared.files?.map((one) => one.filename)]).toEqual([
      'ahead',
      1,
      ['docs.md'],
    ]);
    expect((await ann.rest.repos.getCommit({ ...SHOP, ref: top })).data.commit.message).toBe(
      'Change docs.md',
    );
    expect((await ann.rest.repos.listCommits({ ...SHOP, sha: top })).data).toHaveLength(2);
    const file = (await ann.rest.repos.getContent({ ...SHOP, path: 'docs.md', ref: top })).data;
    expect(Buffer.from('content' in file ? file.content : '', 'base64').toString()).toBe('new\n');
    const folder = (await ann.rest.repos.getContent({ ...SHOP, path: '' })).data;
    expect(Array.isArray(folder) && folder.map((one) => one.path)).toEqual(['README.md', 'src']);
    await ann.rest.git.createRef({ ...SHOP, ref: 'refs/heads/copy', sha: top });
    expect(
      (await refused(ann.rest.git.createRef({ ...SHOP, ref: 'refs/heads/copy', sha: top })))[1],
    ).toContain('Reference already exists');
    const base = (await f.branch('ann', 'shop', 'main')) ?? '';
    expect((await refused(ann.rest.git.updateRef({ ...SHOP, ref: 'heads/copy', sha: base })))[1]).toContain(
      'not a fast forward',
    );
    await ann.rest.git.updateRef({ ...SHOP, ref: 'heads/copy', sha: base, force: true });
    expect(await f.branch('ann', 'shop', 'copy')).toBe(base);
    await ann.rest.git.deleteRef({ ...SHOP, ref: 'heads/copy' });
    expect(await f.branch('ann', 'shop', 'copy')).toBeNull();
  });
});

/** Events go nowhere; their payloads are judged all the same. */
function listen(f: TestForge): void {
  f.addHook('ann', 'shop', { url: 'http://127.0.0.1:1/', secret: 'x' });
}

describe('talk', () => {
  it('holds issues, comments, labels, assignees and reactions', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES, collaborators: { bot: 'triage' } });
    const bot = octokit(f.apiUrl, 'bot-token');
    listen(f);
    const { data: issue } = await bot.rest.issues.create({
      ...SHOP,
      title: 'Broken',
      body: 'it is',
      labels: ['bug'],
      assignees: ['ann', 'cat'],
    });
    expect([issue.number, issue.assignees?.map((one) => one.login)]).toEqual([1, ['ann']]);
    const at = { ...SHOP, issue_number: 1 };
    const { data: comment } = await bot.rest.issues.createComment({ ...at, body: 'one' });
    await bot.rest.issues.updateComment({ ...SHOP, comment_id: comment.id, body: 'two' });
    expect((await bot.rest.issues.listComments(at)).data.map((one) => one.body)).toEqual(['two']);
    await bot.rest.reactions.createForIssueComment({ ...SHOP, comment_id: comment.id, content: 'eyes' });
    expect((await bot.rest.reactions.createForIssue({ ...at, content: 'eyes' })).status).toBe(201);
    expect((await bot.rest.reactions.createForIssue({ ...at, content: 'eyes' })).status).toBe(200);
    expect((await bot.rest.issues.getComment({ ...SHOP, comment_id: comment.id })).data.reactions?.eyes).toBe(
      1,
    );
    await bot.rest.issues.addLabels({ ...at, labels: ['agent', 'BUG'] });
    expect(f.repo('ann', 'shop').issues[0]?.labels).toEqual(['bug', 'agent']);
    await bot.rest.issues.removeLabel({ ...at, name: 'bug' });
    expect((await refused(bot.rest.issues.removeLabel({ ...at, name: 'bug' })))[0]).toBe(404);
    await bot.rest.issues.createLabel({ ...SHOP, name: 'wide', color: 'ff0000' });
    expect((await refused(bot.rest.issues.createLabel({ ...SHOP, name: 'wide' })))[1]).toContain(
      'already_exists',
    );
    expect((await bot.rest.issues.listLabelsForRepo(SHOP)).data.map((one) => one.name)).toEqual([
      'bug',
      'agent',
      'wide',
    ]);
    await bot.rest.issues.update({ ...at, title: 'Worse', state: 'closed', state_reason: 'not_planned' });
    expect((await bot.rest.issues.listForRepo(SHOP)).data).toEqual([]);
    await bot.rest.issues.deleteComment({ ...SHOP, comment_id: comment.id });
    expect(f.repo('ann', 'shop').comments).toEqual([]);
  });

  it('holds reviews, their comments and replies, reviewers and drafts', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES, collaborators: { bot: 'write' } });
    listen(f);
    const [ann, bot] = [octokit(f.apiUrl, 'ann-token'), octokit(f.apiUrl, 'bot-token')];
    const work = await cloned(f.gitUrl('ann', 'shop', 'bot-token'));
    const sha = await work.commit('x', 'src/index.js', 'export const a = 3;\n');
    await work.git('push', '-q', 'origin', 'x');
    const { data: pull } = await bot.rest.pulls.create({
      ...SHOP,
      title: 'x',
      head: 'x',
      base: 'main',
      draft: true,
    });
    const at = { ...SHOP, pull_number: pull.number };
    await bot.rest.pulls.requestReviewers({ ...at, reviewers: ['ann'] });
    expect((await bot.rest.pulls.listRequestedReviewers(at)).data.users.map((one) => one.login)).toEqual([
      'ann',
    ]);
    expect((await refused(bot.rest.pulls.createReview({ ...at, event: 'APPROVE' })))[1]).toContain(
      'your own pull request',
    );
    const { data: review } = await ann.rest.pulls.createReview({
      ...at,
      event: 'REQUEST_CHANGES',
      body: 'no',
      comments: [{ path: 'src/index.js', line: 1, body: 'why 3?' }],
    });
    expect([review.state, review.commit_id]).toEqual(['CHANGES_REQUESTED', sha]);
    const { data: comments } = await bot.rest.pulls.listReviewComments(at);
    expect(comments[0]).toMatchObject({ path: 'src/index.js', pull_request_review_id: review.id });
    await bot.rest.pulls.createReplyForReviewComment({
      ...at,
      comment_id: comments[0]?.id ?? 0,
      body: 'because',
    });
    expect(
      (
        await refused(
          ann.rest.pulls.createReviewComment({ ...at, path: 'gone', line: 1, body: 'x', commit_id: sha }),
        )
      )[0],
    ).toBe(422);
    expect(f.repo('ann', 'shop').pulls[0]?.reviewComments.map((one) => one.body)).toEqual([
      'why 3?',
      'because',
    ]);
    // A reply is a review of its own.
    expect((await ann.rest.pulls.listReviews(at)).data).toHaveLength(2);
    await bot.graphql(
      'mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }',
      { id: pull.node_id },
    );
    expect((await bot.rest.pulls.get(at)).data.draft).toBe(false);
    const toDraft =
      'mutation($id: ID!) { convertPullRequestToDraft(input: {pullRequestId: $id}) { clientMutationId } }';
    await bot.graphql(toDraft, { id: pull.node_id });
    await bot.rest.issues.addLabels({ ...SHOP, issue_number: pull.number, labels: ['agent'] });
    await bot.rest.issues.removeLabel({ ...SHOP, issue_number: pull.number, name: 'agent' });
    await bot.rest.issues.addAssignees({ ...SHOP, issue_number: pull.number, assignees: ['ann'] });
    await ann.rest.pulls.updateReviewComment({
      ...SHOP,
      comment_id: comments[0]?.id ?? 0,
      body: 'why three?',
    });
    await ann.rest.pulls.deleteReviewComment({ ...SHOP, comment_id: comments[0]?.id ?? 0 });
    await bot.rest.pulls.dismissReview({ ...at, review_id: Number(review.id), message: 'done' });
    await bot.rest.pulls.removeRequestedReviewers({ ...at, reviewers: ['ann'] });
    await bot.rest.pulls.update({ ...at, title: 'y', state: 'closed' });
    await bot.rest.pulls.update({ ...at, state: 'open' });
    expect(f.repo('ann', 'shop').pulls[0]).toMatchObject({
      draft: true,
      state: 'open',
      labels: [],
      assignees: ['ann'],
    });
    expect(new Set((await f.deliveries()).map((one) => one.event))).toEqual(
      new Set(['pull_request', 'pull_request_review', 'pull_request_review_comment', 'push']),
    );
  });

  it('pages long lists, with links that Octokit follows', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    const ann = octokit(f.apiUrl, 'ann-token');
    await ann.rest.issues.create({ ...SHOP, title: 'long' });
    for (let at = 0; at < 7; at += 1)
      await ann.rest.issues.createComment({ ...SHOP, issue_number: 1, body: String(at) });
    const all = await ann.paginate(ann.rest.issues.listComments, { ...SHOP, issue_number: 1, per_page: 3 });
    expect(all.map((one) => one.body)).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    expect(f.requests().filter((one) => one.method === 'GET')).toHaveLength(3);
  });
});

describe('evidence', () => {
  it('keeps statuses by context, and what they come to', async () => {
    const f = await forge();
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    const ann = octokit(f.apiUrl, 'ann-token');
    const sha = (await f.branch('ann', 'shop', 'main')) ?? '';
    listen(f);
    const say = (context: string, state: 'pending' | 'success' | 'failure'): Promise<unknown> =>
      ann.rest.repos.createCommitStatus({
        ...SHOP,
        sha,
        context,
        state,
        target_url: 'https://example.com/1',
      });
    await say('agent-runner/gate', 'pending');
    await say('agent-runner/gate', 'success');
    expect((await ann.rest.repos.getCombinedStatusForRef({ ...SHOP, ref: 'main' })).data).toMatchObject({
      state: 'success',
      total_count: 1,
    });
    await say('other', 'failure');
    expect((await ann.rest.repos.getCombinedStatusForRef({ ...SHOP, ref: 'main' })).data.state).toBe(
      'failure',
    );
    expect((await ann.rest.repos.listCommitStatusesForRef({ ...SHOP, ref: sha })).data).toHaveLength(3);
    expect((await refused(ann.rest.checks.create({ ...SHOP, name: 'x', head_sha: sha })))[1]).toContain(
      'GitHub App',
    );
  });

  it('dispatches workflows of the default branch, and runs go as the test says', async () => {
    const f = await forge();
    const yaml = 'on:\n  workflow_dispatch:\n    inputs:\n      task: {required: true}\njobs: {}\n';
    await f.addRepository({ owner: 'ann', name: 'shop', from: { '.github/workflows/agent.yml': yaml } });
    const ann = octokit(f.apiUrl, 'ann-token');
    listen(f);
    const ask = { ...SHOP, workflow_id: 'agent.yml', ref: 'main' };
    expect((await refused(ann.rest.actions.createWorkflowDispatch(ask)))[1]).toContain(
      "Required input 'task'",
    );
    expect(
      (await refused(ann.rest.actions.createWorkflowDispatch({ ...ask, inputs: { task: 'x', y: 'z' } })))[1],
    ).toContain('Unexpected inputs');
    expect(
      (await refused(ann.rest.actions.createWorkflowDispatch({ ...ask, workflow_id: 'no.yml' })))[0],
    ).toBe(404);
    await ann.rest.actions.createWorkflowDispatch({ ...ask, inputs: { task: 'x' } });
    expect((await ann.rest.actions.listRepoWorkflows(SHOP)).data.workflows.map((one) => one.path)).toEqual([
      '.github/workflows/agent.yml',
    ]);
    const [queued] = (await ann.rest.actions.listWorkflowRuns({ ...SHOP, workflow_id: 'agent.yml' })).data
      .workflow_runs;
    expect(queued).toMatchObject({ status: 'queued', conclusion: null, event: 'workflow_dispatch' });
    const run_id = queued?.id ?? 0;
    await f.moveRun('ann', 'shop', run_id, {
      status: 'completed',
      conclusion: 'failure',
      jobs: [{ name: 'gate', conclusion: 'failure', log: 'it broke\n' }],
    });
    expect((await ann.rest.actions.getWorkflowRun({ ...SHOP, run_id })).data.conclusion).toBe('failure');
    const [job] = (await ann.rest.actions.listJobsForWorkflowRun({ ...SHOP, run_id })).data.jobs;
    expect(
      (await ann.rest.actions.downloadJobLogsForWorkflowRun({ ...SHOP, job_id: job?.id ?? 0 })).data,
    ).toBe('it broke\n');
  });
});

describe('what breaks the rules fails the test', () => {
  it('a merge, an answer or a request that GitHub does not know', async () => {
    const f = await startTestForge({ users: [{ login: 'ann', token: 'ann-token' }] });
    await f.addRepository({ owner: 'ann', name: 'shop', from: FILES });
    const ann = octokit(f.apiUrl, 'ann-token');
    const work = await cloned(f.gitUrl('ann', 'shop', 'ann-token'));
    await work.commit('x', 'a', '1');
    await work.git('push', '-q', 'origin', 'x');
    await ann.rest.pulls.create({ ...SHOP, title: 'x', head: 'x', base: 'main' });
    expect(f.violations()).toEqual([]);
    expect((await refused(ann.rest.pulls.merge({ ...SHOP, pull_number: 1 })))[0]).toBe(405);
    const labels: string = 'POST /repos/{owner}/{repo}/issues/{issue_number}/labels';
    await ann.request(labels, {
      ...SHOP,
      issue_number: 1,
      labels: [1],
    });
    const [pull] = f.repo('ann', 'shop').pulls;
    if (pull !== undefined) Object.assign(pull, { title: 7 });
    await ann.rest.pulls.get({ ...SHOP, pull_number: 1 });
    expect(f.violations()).toEqual([
      'ann tried to merge ann/shop#1',
      expect.stringMatching(/labels → 200: the request: /),
      expect.stringMatching(/^GET .*pull_number\} → 200: \/title must be string/),
    ]);
    await expect(f.close()).rejects.toThrow('tried to merge');
  });
});
