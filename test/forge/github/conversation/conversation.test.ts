/** What people and checks say on GitHub, against the forge for tests, by the client that jobs have. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer as bufferOf } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conversation } from '../../../../src/forge/forge.ts';
import { createGithubForge } from '../../../../src/forge/github.ts';
import { parseGithubHook, verifyGithubHook } from '../../../../src/forge/github/hooks.ts';
import { accountTokens } from '../../../../src/forge/github/tokens.ts';
import { createLocalForge } from '../../../../src/forge/local.ts';
import type { ForgeEvent } from '../../../../src/job/trigger/event.ts';
import { checkout, octokit, type Checkout } from '../../clients.ts';
import { startTestForge, type TestForge } from '../../forge.ts';

const SHOP = { owner: 'ann', repo: 'shop' };
const WORKFLOW = 'on:\n  workflow_dispatch:\njobs: {}\n';
const LOG = [
  '2026-11-22T10:00:00.0000000Z ##[group]Run npm ci',
  '2026-11-22T10:00:00.0000000Z ok',
  '2026-11-22T10:00:01.0000000Z ##[group]Run npm test',
  '2026-11-22T10:00:02.0000000Z \u001B[31m1 failed\u001B[0m',
  '2026-11-22T10:00:02.0000000Z ##[error]Process completed with exit code 1.',
  '2026-11-22T10:00:03.0000000Z Post job cleanup.',
].join('\n');

let forge: TestForge;
let work: Checkout;
/** The forge's clock, which goes on by a second with each thing that somebody does. */
let nowMs = Date.parse('2026-11-22T10:00:00Z');
function as(login: string): ReturnType<typeof octokit>['rest'] {
  nowMs += 1000;
  return octokit(forge.apiUrl, `${login}-token`).rest;
}
const ann = () => as('ann');

beforeEach(async () => {
  forge = await startTestForge({
    clock: () => nowMs,
    users: [
      { login: 'ann', token: 'ann-token' },
      { login: 'bot', token: 'bot-token' },
      { login: 'eve', token: 'eve-token' },
    ],
  });
  await forge.addRepository({
    owner: 'ann',
    name: 'shop',
    from: { 'a.txt': 'a\n', '.github/workflows/ci.yml': WORKFLOW },
    collaborators: { bot: 'write' },
  });
  work = await checkout(forge.gitUrl('ann', 'shop', 'bot-token'));
});
afterEach(async () => {
  work.remove();
  await forge.close();
});

function conversations(token = 'bot-token'): () => Conversation {
  const github = createGithubForge({
    url: forge.url,
    apiUrl: forge.apiUrl,
    tokens: accountTokens(token),
    app: null,
    otherwise: createLocalForge({ cwd: '/' }),
    account: null,
    forkTimeoutMs: 1000,
    forkPollMs: 10,
    paceMs: 0,
  });
  const signal = new AbortController().signal;
  return () => {
    const remote = {
      url: `${forge.url}/ann/shop`,
      display: 'ann/shop',
      kind: 'url',
      name: 'ann/shop',
    } as const;
    const { conversation } = github.access(remote, { jobId: 'job-1', signal, onNotice() {} });
    if (conversation === undefined) throw new Error('GitHub has conversations');
    return conversation;
  };
}

function talk(token?: string): Conversation {
  return conversations(token)();
}

/** Commits on a branch, pushes it and opens a pull request of it. */
async function propose(branch: string): Promise<{ readonly number: number; readonly sha: string }> {
  const sha = await work.commit(branch, 'a.txt', `${branch}\n`);
  await work.git('push', '-q', 'origin', branch);
  const { data } = await as('bot').pulls.create({ ...SHOP, title: branch, head: branch, base: 'main' });
  return { number: data.number, sha };
}

/** Runs the workflow on a branch, to these jobs. */
async function runJobs(
  branch: string,
  jobs: readonly { readonly name: string; readonly conclusion: string; readonly log: string }[],
): Promise<number> {
  await ann().actions.createWorkflowDispatch({ ...SHOP, workflow_id: 'ci.yml', ref: branch });
  const id = forge.repo('ann', 'shop').runs.at(-1)?.id ?? 0;
  await forge.moveRun('ann', 'shop', id, { status: 'completed', conclusion: 'failure', jobs });
  return id;
}

let server: Server | null = null;
afterEach(() => {
  server?.close();
  server = null;
});

/** Takes in the webhooks of the repository; what they tell, as it comes. */
async function listen(): Promise<readonly ForgeEvent[]> {
  const told: ForgeEvent[] = [];
  const secret = 'It is a secret';
  const take = async (request: IncomingMessage): Promise<number> => {
    const body = await bufferOf(request);
    const { 'x-hub-signature-256': signature, 'x-github-event': event } = request.headers;
    if (!verifyGithubHook(body, String(signature), ['It was another', secret])) return 401;
    told.push(...parseGithubHook(String(event), JSON.parse(body.toString('utf8'))).events);
    return 202;
  };
  const made = createServer((request, response) => {
    take(request).then(
      (status) => response.writeHead(status).end(),
      () => response.destroy(),
    );
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const { port } = made.address() as AddressInfo;
  forge.addHook('ann', 'shop', { url: `http://127.0.0.1:${port}/`, secret });
  return told;
}

describe('what happened', () => {
  it('is the same, by the same keys, from a webhook and by looking', async () => {
    const told = await listen();
    const before = new Date(nowMs).toISOString();
    const { data: issue } = await ann().issues.create({
      ...SHOP,
      title: 'Sell',
      body: 'Tea',
      labels: ['agent'],
    });
    const at = { ...SHOP, issue_number: issue.number };
    await ann().issues.addAssignees({ ...at, assignees: ['bot'] });
    await ann().issues.createComment({ ...at, body: '/agent go' });
    await ann().issues.removeLabel({ ...at, name: 'agent' });
    await ann().issues.addLabels({ ...at, labels: ['agent'] });
    const { number, sha } = await propose('fix');
    const pull = { ...SHOP, pull_number: number };
    await ann().issues.addLabels({ ...SHOP, issue_number: number, labels: ['agent'] });
    await ann().issues.createComment({ ...SHOP, issue_number: number, body: 'not yet' });
    const remarks = [{ path: 'a.txt', line: 1, body: 'Why?' }];
    await ann().pulls.createReview({ ...pull, event: 'REQUEST_CHANGES', body: 'Hm', comments: remarks });
    const [remark] = (await ann().pulls.listReviewComments(pull)).data;
    await ann().pulls.createReplyForReviewComment({ ...pull, comment_id: remark?.id ?? 0, body: 'And why?' });
    await ann().repos.createCommitStatus({ ...SHOP, sha, state: 'failure', context: 'lint' });
    await ann().repos.createCommitStatus({ ...SHOP, sha, state: 'failure', context: 'agent-runner/gate' });
    await runJobs('fix', [{ name: 'test', conclusion: 'failure', log: LOG }]);
    await ann().issues.update({ ...at, state: 'closed' });

    await forge.deliveries();
    const found = await talk().since(before);
    const inOrder = (events: readonly ForgeEvent[]): readonly ForgeEvent[] =>
      events.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    // By looking, checks are all that is seen of suites and workflows.
    const expected = told.filter(({ key }) => !/:(suite|workflow)-/.test(key));
    // Only a webhook brings the text of the issue below which a comment was written.
    const comments = told.filter((event) => event.kind === 'comment');
    expect(comments).toMatchObject([{ subject: { title: 'Sell', text: 'Tea' } }, { subject: {} }]);
    const seen = expected.map((one) => {
      if (one.kind !== 'comment') return one;
      const { subject: _told, ...rest } = one;
      return rest;
    });
    expect(inOrder(found)).toEqual(inOrder(seen));
    expect(told.length - expected.length).toBe(2);
    const kinds = found.map(({ kind }) => kind).toSorted();
    expect(kinds.join(' ')).toBe(
      'assignment checks checks closed comment comment label label label review review',
    );
    expect(found).toEqual(found.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)));
    expect(await talk().since(new Date(nowMs + 60_000).toISOString())).toEqual([]);
  });

  it('costs one request that counts where nothing did, and is seen when something does', async () => {
    const { sha } = await propose('fix');
    await ann().repos.createCommitStatus({ ...SHOP, sha, state: 'failure', context: 'ci' });
    const conversation = conversations();
    const later = new Date(nowMs + 60_000).toISOString();
    expect(await conversation().since(later)).toEqual([]);
    const seen = forge.requests().length;
    expect(await conversation().since(later)).toEqual([]);
    const counted = forge
      .requests()
      .slice(seen)
      .filter(({ status }) => status !== 304);
    expect(counted.map(({ template }) => template)).toEqual(['/repos/{owner}/{repo}/issues/comments']);
    const before = new Date(nowMs).toISOString();
    await ann().repos.createCommitStatus({ ...SHOP, sha, state: 'success', context: 'ci' });
    expect(await conversation().since(before)).toMatchObject([{ kind: 'checks', sha }]);
    // What was there is told again to whoever asks from before it.
    expect(await conversation().since(before)).toMatchObject([{ kind: 'checks', sha }]);
  });

  it('is found on every page', async () => {
    const { data: issue } = await ann().issues.create({ ...SHOP, title: 'Sell', labels: ['agent'] });
    const { comments, events } = forge.repo('ann', 'shop');
    const before = new Date(nowMs + 2500).toISOString();
    const shared = { issue: issue.number, login: 'ann' };
    const label = { event: 'labeled', what: 'agent' } as const;
    for (let at = 0; at < 230; at++) {
      nowMs += 1000;
      const createdAt = new Date(nowMs).toISOString();
      const said = { createdAt, updatedAt: createdAt, body: `${at}`, reactions: [] };
      comments.push({ id: 50_000 + at, ...shared, ...said });
      events.push({ id: 60_000 + at, ...shared, ...label, createdAt });
    }
    const found = await talk().since(before);
    expect(found.map(({ kind }) => kind)).toEqual(
      Array.from({ length: 229 }, () => ['comment', 'label']).flat(),
    );
  });

  it('is no comment that was edited, and nothing that was before', async () => {
    const { data: issue } = await ann().issues.create({ ...SHOP, title: 'Sell' });
    const at = { ...SHOP, issue_number: issue.number };
    await ann().issues.createComment({ ...at, body: 'old' });
    const before = new Date(nowMs + 1500).toISOString();
    const { data: edited } = await ann().issues.createComment({ ...at, body: 'hello' });
    await ann().issues.updateComment({ ...SHOP, comment_id: edited.id, body: '/agent rm' });
    const { data: left } = await ann().issues.createComment({ ...at, body: 'new' });
    expect(await talk().since(before)).toMatchObject([{ id: left.id, text: 'new' }]);
  });
});

it('may write who was given the right; anything else is no', async () => {
  const conversation = talk();
  expect(await conversation.self()).toBe('bot');
  const people = ['ann', 'bot', 'eve', 'nobody', '../../x', ''];
  expect(await Promise.all(people.map((one) => conversation.mayWrite(one)))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  // A limit is no answer.
  forge.setFault({ kind: 'primary_limit', path: /permission/, retryAfterSeconds: 3600 });
  await expect(conversation.mayWrite('ann')).rejects.toMatchObject({ code: 'infra_failed' });
});

describe('an answer by a look', () => {
  const event = { key: 'k', repo: 'ann/shop', at: '2026-11-22T10:00:00Z', actor: 'ann', isBot: false };

  it.each(['lost_answer', 'lost_request', 'bad_gateway'] as const)('is there once, with %s', async (kind) => {
    const { number } = await propose('fix');
    const { data: said } = await ann().issues.createComment({ ...SHOP, issue_number: number, body: 'x' });
    forge.setFault({ kind, method: 'POST', path: /reactions/, times: 1 });
    const on = { ...event, number, isPull: true };
    const conversation = talk();
    for (let times = 0; times < 2; times++)
      await conversation.acknowledge({ kind: 'comment', id: Number(said.id), text: 'x', ...on });
    await conversation.acknowledge({ kind: 'review', id: 7, state: 'commented', text: '', ...on });
    await conversation.acknowledge({ kind: 'closed', ...on });
    const shop = forge.repo('ann', 'shop');
    const eyes = [{ login: 'bot', content: 'eyes' }];
    expect(shop.comments.map(({ reactions }) => reactions)).toMatchObject([eyes]);
    expect(shop.pulls.map(({ reactions }) => reactions)).toMatchObject([eyes]);
  });

  it('is none where the comment is gone, and an error where it is refused', async () => {
    const gone = { kind: 'comment', id: 7, text: '', number: 1, isPull: false, ...event } as const;
    await expect(talk().acknowledge(gone)).resolves.toBeUndefined();
    forge.repo('ann', 'shop').archived = true;
    const refused = { code: 'repo_unusable', message: expect.stringContaining('archived') as string };
    await expect(talk().acknowledge(gone)).rejects.toMatchObject(refused);
  });
});

it('pull requests are read, and found by their heads, those of forks too', async () => {
  const { number, sha } = await propose('fix');
  await as('eve').repos.createFork(SHOP);
  await work.git('push', '-q', forge.gitUrl('eve', 'shop', 'eve-token'), 'fix:theirs');
  const theirs = await work.commit('theirs', 'a.txt', 'theirs\n');
  await work.git('push', '-q', '-f', forge.gitUrl('eve', 'shop', 'eve-token'), 'theirs');
  await as('eve').pulls.create({ ...SHOP, title: 'theirs', head: 'eve:theirs', base: 'main' });
  const conversation = talk();
  const own = {
    number,
    title: 'fix',
    author: 'bot',
    url: `${forge.url}/ann/shop/pull/${number}`,
    isOpen: true,
  };
  const head = { repo: 'ann/shop', branch: 'fix', sha };
  expect(await conversation.readPull(number)).toMatchObject({ ...own, head, base: { branch: 'main' } });
  expect(await conversation.pullsOf(sha)).toMatchObject([{ number }]);
  expect(await conversation.pullsOf(theirs)).toMatchObject([
    { head: { repo: 'eve/shop', branch: 'theirs' } },
  ]);
  expect(await conversation.pullsOf('0'.repeat(40))).toEqual([]);
  await as('bot').pulls.update({ ...SHOP, pull_number: number, state: 'closed' });
  expect(await conversation.pullsOf(sha)).toEqual([]);
  await expect(conversation.readPull(99)).rejects.toMatchObject({ code: 'not_found' });
});

it('a review is read with its remarks, and a reply as a review of its own', async () => {
  const { number } = await propose('fix');
  const pull = { ...SHOP, pull_number: number };
  const { data: made } = await ann().pulls.createReview({
    ...pull,
    event: 'REQUEST_CHANGES',
    body: 'Two things',
    comments: [
      { path: 'a.txt', line: 1, body: 'Why?' },
      { path: 'a.txt', line: 1, side: 'LEFT', body: 'It was good' },
    ],
  });
  const conversation = talk();
  const review = await conversation.readReview(number, Number(made.id));
  expect(review).toMatchObject({ author: 'ann', state: 'changes_requested', text: 'Two things' });
  expect(review.remarks).toMatchObject([
    { author: 'ann', path: 'a.txt', line: 1, startLine: 1, isOnBase: false, text: 'Why?' },
    { isOnBase: true, text: 'It was good' },
  ]);
  expect(review.remarks[0]?.hunk).toContain('+fix');
  const comment_id = review.remarks[0]?.id ?? 0;
  const { data: reply } = await ann().pulls.createReplyForReviewComment({
    ...pull,
    comment_id,
    body: 'Really',
  });
  const own = await conversation.readReview(number, Number(reply.pull_request_review_id));
  const answers = { author: 'ann', text: 'Why?' };
  expect(own).toMatchObject({ state: 'commented', text: '', remarks: [{ text: 'Really', answers }] });
  expect(review.remarks.map((one) => one.answers)).toEqual([null, null]);
  await expect(conversation.readReview(number, 7)).rejects.toMatchObject({ code: 'not_found' });
});

describe('checks of a commit', () => {
  it('are told where they failed, with the step that did, and without ours', async () => {
    const { sha } = await propose('fix');
    const status = { ...SHOP, sha, target_url: 'https://ci.example/7' };
    const conversation = talk();
    expect(await conversation.readChecks(sha)).toMatchObject({ isPending: false, failed: [] });
    await ann().repos.createCommitStatus({ ...status, state: 'failure', context: 'agent-runner/gate' });
    await ann().repos.createCommitStatus({ ...status, state: 'failure', context: 'old' });
    await ann().repos.createCommitStatus({ ...status, state: 'success', context: 'old' });
    await ann().repos.createCommitStatus({ ...status, state: 'error', context: 'lint', description: 'No' });
    const long = `${'x'.repeat(99)}\n`.repeat(20_000);
    await runJobs('fix', [
      { name: 'test', conclusion: 'failure', log: LOG },
      { name: 'long', conclusion: 'timed_out', log: `${long}${LOG}` },
      { name: 'gone', conclusion: 'failure', log: '' },
      { name: 'stopped', conclusion: 'cancelled', log: LOG },
      { name: 'asked', conclusion: 'action_required', log: LOG },
      { name: 'good', conclusion: 'success', log: LOG },
    ]);
    const step = ['##[group]Run npm test', '1 failed', '##[error]Process completed with exit code 1.'].join(
      '\n',
    );
    const checks = await conversation.readChecks(sha);
    expect(checks.isPending).toBe(false);
    expect(checks.failed.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toMatchObject([
      { name: 'gone', log: null },
      { name: 'lint', summary: 'No', url: 'https://ci.example/7', log: null },
      { name: 'long', summary: 'it ended as timed_out', log: step },
      { name: 'test', summary: 'it ended as failure', log: step },
    ]);
    // A success that is said again is no new state, a failure that is one.
    await ann().repos.createCommitStatus({ ...status, state: 'success', context: 'other' });
    expect((await conversation.readChecks(sha)).run).toBe(checks.run);
    await ann().repos.createCommitStatus({ ...status, state: 'error', context: 'lint' });
    expect((await conversation.readChecks(sha)).run).not.toBe(checks.run);
  });

  it('are told without a log where it can’t be had', async () => {
    const { sha } = await propose('fix');
    await runJobs('fix', [{ name: 'test', conclusion: 'failure', log: LOG }]);
    forge.setFault({ kind: 'unprocessable', path: /logs$/ });
    expect((await talk().readChecks(sha)).failed).toMatchObject([{ name: 'test', log: null }]);
  });

  it('are the jobs of workflows to a token that may not see checks, and none to one that may see neither', async () => {
    const before = new Date(nowMs).toISOString();
    const { sha } = await propose('fix');
    await runJobs('fix', [
      { name: 'test', conclusion: 'failure', log: LOG },
      { name: 'good', conclusion: 'success', log: LOG },
    ]);
    const permissions = {
      contents: 'read',
      issues: 'read',
      pull_requests: 'read',
      statuses: 'read',
    } as const;
    const narrow = { login: 'bot', permissions: { ...permissions, actions: 'read' } } as const;
    forge.addUser({ ...narrow, token: 'narrow' });
    forge.addUser({ login: 'bot', permissions, token: 'closed' });
    const checks = await talk('narrow').readChecks(sha);
    const log = expect.stringContaining('1 failed') as string;
    expect(checks).toMatchObject({ isPending: false, failed: [{ name: 'test', log }] });
    expect(checks.run).toBe((await talk().readChecks(sha)).run);
    expect(await talk('narrow').since(before)).toMatchObject([{ kind: 'checks', sha }]);
    expect(await talk('closed').since(before)).toEqual([]);
    await expect(talk('closed').readChecks(sha)).rejects.toMatchObject({ code: 'repo_unusable' });
  });

  it('are not over while a workflow is not, or a status is to come', async () => {
    const { sha } = await propose('fix');
    await ann().actions.createWorkflowDispatch({ ...SHOP, workflow_id: 'ci.yml', ref: 'fix' });
    const id = forge.repo('ann', 'shop').runs.at(-1)?.id ?? 0;
    const conversation = talk();
    expect(await conversation.readChecks(sha)).toMatchObject({ isPending: true, failed: [] });
    await forge.moveRun('ann', 'shop', id, { status: 'completed', conclusion: 'success' });
    expect((await conversation.readChecks(sha)).isPending).toBe(false);
    await ann().repos.createCommitStatus({ ...SHOP, sha, state: 'pending', context: 'ci' });
    expect((await conversation.readChecks(sha)).isPending).toBe(true);
  });
});
