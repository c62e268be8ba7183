/** What GitHub's webhooks tell: signed by whom, and what of it is taken, whatever is sent. */
import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGithubHook, verifyGithubHook } from '../../../src/forge/github/hooks.ts';
import { MAX_EVENT_TEXT_CHARS } from '../../../src/job/trigger/event.ts';

const AT = '2026-11-22T10:00:00Z';
const SHA = 'a'.repeat(40);
const ANN = { login: 'ann', type: 'User' };
const BOT = { login: 'helper', type: 'Bot' };
const repository = { full_name: 'Octo/Shop' };
const issue = { number: 12, title: 'Sell', body: 'Tea', user: ANN, updated_at: AT, closed_at: AT };
const pull = { ...issue, number: 3 };
const comment = { id: 991, body: '/agent do it', user: ANN, created_at: AT };
const review = { id: 77, state: 'changes_requested', body: null, user: ANN, submitted_at: AT };
const done = { repo: 'octo/shop', at: AT, actor: 'ann', isBot: false };
const subject = { title: 'Sell', text: 'Tea', author: 'ann' };
const base = { repository, sender: ANN };

function parse(event: string, payload: unknown): unknown {
  return parseGithubHook(event, payload).events[0] ?? null;
}

describe('a webhook is signed', () => {
  const body = Buffer.from('{"zen":"Keep it logically awesome."}');
  const hex = (secret: string, bytes: Uint8Array = body): string =>
    createHmac('sha256', secret).update(bytes).digest('hex');
  const flipped = Buffer.from(body);
  flipped.writeUInt8(flipped.readUInt8(3) ^ 1, 3);

  it.each<[string, boolean, Uint8Array, string | null, readonly string[]]>([
    ['by the secret', true, body, `sha256=${hex('one')}`, ['one']],
    ['by the secret that was', true, body, `sha256=${hex('old')}`, ['new', 'old']],
    ['by another secret', false, body, `sha256=${hex('two')}`, ['one']],
    ['over another body, by one bit', false, flipped, `sha256=${hex('one')}`, ['one']],
    [
      'by one other digit',
      false,
      body,
      `sha256=${hex('one').replace(/.$/, (d) => (d === '0' ? '1' : '0'))}`,
      ['one'],
    ],
    ['without its prefix', false, body, hex('one'), ['one']],
    ['in capitals, as GitHub never writes', false, body, `sha256=${hex('one').toUpperCase()}`, ['one']],
    ['by SHA-1 alone', false, body, `sha1=${createHmac('sha1', 'one').update(body).digest('hex')}`, ['one']],
    ['with more behind it', false, body, `sha256=${hex('one')}0`, ['one']],
    ['by nobody', false, body, null, ['one']],
    ['by an empty secret', false, body, `sha256=${hex('')}`, ['', 'one']],
    ['where no secret is set', false, body, `sha256=${hex('one')}`, []],
  ])('%s: %s', (_, isSigned, bytes, signature, secrets) => {
    expect(verifyGithubHook(bytes, signature, secrets)).toBe(isSigned);
  });

  it('as GitHub’s own example says', () => {
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    expect(verifyGithubHook(Buffer.from('Hello, World!'), signature, ["It's a Secret to Everybody"])).toBe(
      true,
    );
  });

  it('and no larger than is looked at', () => {
    const large = Buffer.alloc(5 * 1024 * 1024 + 1);
    expect(verifyGithubHook(large, `sha256=${hex('one', large)}`, ['one'])).toBe(false);
  });
});

describe('a payload tells', () => {
  const labelled = { kind: 'label', number: 12, isPull: false, label: 'Agent', subject, ...done };
  const said = {
    kind: 'comment',
    key: 'comment:octo/shop:991',
    id: 991,
    text: '/agent do it',
    subject,
    ...done,
  };
  const checked = { kind: 'checks', repo: 'octo/shop', at: AT, sha: SHA };
  const end = { id: 5, head_sha: SHA, completed_at: AT, updated_at: AT };
  it.each<[string, string, object, object]>([
    [
      'a label',
      'issues',
      { action: 'labeled', issue, label: { name: 'Agent' } },
      { ...labelled, key: `label:octo/shop#12:agent:${AT}` },
    ],
    [
      'a label of a pull request',
      'pull_request',
      { action: 'labeled', pull_request: pull, label: { name: 'Agent' } },
      { ...labelled, number: 3, isPull: true, key: `label:octo/shop#3:agent:${AT}` },
    ],
    [
      'an assignment',
      'issues',
      { action: 'assigned', issue, assignee: { login: 'Bot-1' } },
      {
        kind: 'assignment',
        key: `assignment:octo/shop#12:bot-1:${AT}`,
        number: 12,
        isPull: false,
        assignee: 'Bot-1',
        subject,
        ...done,
      },
    ],
    [
      'an end',
      'pull_request',
      { action: 'closed', pull_request: pull },
      { kind: 'closed', key: `closed:octo/shop#3:${AT}`, repo: 'octo/shop', at: AT, number: 3, isPull: true },
    ],
    [
      'a comment',
      'issue_comment',
      { action: 'created', issue, comment },
      { ...said, number: 12, isPull: false },
    ],
    [
      'a comment on a pull request',
      'issue_comment',
      { action: 'created', issue: { ...issue, pull_request: {} }, comment },
      { ...said, number: 12, isPull: true },
    ],
    [
      'a comment of a bot',
      'issue_comment',
      { action: 'created', issue, comment: { ...comment, user: BOT } },
      { ...said, number: 12, isPull: false, actor: 'helper', isBot: true },
    ],
    [
      'a comment of an App',
      'issue_comment',
      { action: 'created', issue, comment: { ...comment, user: { login: 'x[bot]' } } },
      { ...said, number: 12, isPull: false, actor: 'x[bot]', isBot: true },
    ],
    [
      'a comment by an App',
      'issue_comment',
      { action: 'created', issue, comment: { ...comment, performed_via_github_app: {} } },
      { ...said, number: 12, isPull: false, isBot: true },
    ],
    [
      'a review',
      'pull_request_review',
      { action: 'submitted', pull_request: pull, review },
      {
        kind: 'review',
        key: 'review:octo/shop:77',
        number: 3,
        isPull: true,
        id: 77,
        state: 'changes_requested',
        text: '',
        ...done,
      },
    ],
    [
      'the end of a check',
      'check_run',
      { action: 'completed', check_run: end },
      { ...checked, key: `checks:octo/shop:${SHA}:check-5` },
    ],
    [
      'the end of a suite',
      'check_suite',
      { action: 'completed', check_suite: end },
      { ...checked, key: `checks:octo/shop:${SHA}:suite-5` },
    ],
    [
      'the end of a workflow, run twice',
      'workflow_run',
      { action: 'completed', workflow_run: { ...end, run_attempt: 2 } },
      { ...checked, key: `checks:octo/shop:${SHA}:workflow-5.2` },
    ],
    [
      'a status',
      'status',
      { id: 5, sha: SHA, state: 'error', context: 'ci', updated_at: AT },
      { ...checked, key: `checks:octo/shop:${SHA}:status-5` },
    ],
  ])('%s', (_, event, payload, expected) => {
    expect(parseGithubHook(event, { ...base, ...payload })).toEqual({
      repo: 'octo/shop',
      events: [expected],
    });
  });

  const created = { action: 'created', issue, comment };
  it.each<[string, string, object]>([
    ['a ping', 'ping', { zen: 'x' }],
    ['an event that is not known', 'gollum', { action: 'created' }],
    ['an event that objects have by nature', 'constructor', { action: 'created' }],
    ['an action that objects have by nature', 'issue_comment', { ...created, action: 'constructor' }],
    ['a comment that was edited', 'issue_comment', { ...created, action: 'edited' }],
    ['a comment that was deleted', 'issue_comment', { ...created, action: 'deleted' }],
    ['a remark, whose review is told of', 'pull_request_review_comment', { ...created, pull_request: pull }],
    [
      'a review that was dismissed',
      'pull_request_review',
      { action: 'dismissed', pull_request: pull, review },
    ],
    [
      'a review that is not submitted',
      'pull_request_review',
      { action: 'submitted', pull_request: pull, review: { ...review, state: 'pending' } },
    ],
    [
      'a check that begins',
      'check_run',
      { action: 'created', check_run: { id: 5, head_sha: SHA, completed_at: AT } },
    ],
    [
      'our own verdict, as a status',
      'status',
      { id: 5, sha: SHA, state: 'failure', context: 'agent-runner/gate', updated_at: AT },
    ],
    [
      'our own verdict, as a check',
      'check_run',
      {
        action: 'completed',
        check_run: { id: 5, head_sha: SHA, name: 'agent-runner/gate', completed_at: AT },
      },
    ],
    [
      'a status that is not there yet',
      'status',
      { id: 5, sha: SHA, state: 'pending', context: 'ci', updated_at: AT },
    ],
    [
      'a status that is an object',
      'status',
      { id: 5, sha: SHA, state: { toString: 1, valueOf: 1 }, updated_at: AT },
    ],
    ['an id that is text', 'issue_comment', { ...created, comment: { ...comment, id: '991' } }],
    ['an id that is no number', 'issue_comment', { ...created, comment: { ...comment, id: Number.NaN } }],
    ['an id too large to be exact', 'issue_comment', { ...created, comment: { ...comment, id: 2 ** 60 } }],
    ['a number below one', 'issue_comment', { ...created, issue: { ...issue, number: 0 } }],
    [
      'a time that is none',
      'issue_comment',
      { ...created, comment: { ...comment, created_at: '2026-99-99T' } },
    ],
    [
      'a login that is a path',
      'issue_comment',
      { ...created, comment: { ...comment, user: { login: '../../x' } } },
    ],
    ['a comment of nobody', 'issue_comment', { ...created, comment: { ...comment, user: null } }],
    [
      'a commit that is an option',
      'status',
      { id: 5, sha: '--upload-pack=x', state: 'error', updated_at: AT },
    ],
    ['a label that is a list', 'issues', { action: 'labeled', issue, label: ['Agent'] }],
    ['a label without end', 'issues', { action: 'labeled', issue, label: { name: 'a'.repeat(300) } }],
  ])('nothing by %s', (_, event, payload) => {
    expect(parseGithubHook(event, { ...base, ...payload }).events).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', [created]],
    ['text', 'x'],
    ['no repository', created],
    ['a repository of three parts', { ...created, repository: { full_name: 'a/b/c' } }],
    ['a repository that climbs', { ...created, repository: { full_name: 'a/..' } }],
    ['a repository by nature', JSON.parse('{"__proto__":{"repository":{"full_name":"a/b"}}}')],
  ])('nothing where it is %s', (_, payload) => {
    expect(parseGithubHook('issue_comment', payload)).toEqual({ repo: null, events: [] });
  });

  it('texts that are cut', () => {
    const body = `${'x'.repeat(MAX_EVENT_TEXT_CHARS - 1)}${'👀'.repeat(500_000)}`;
    const event = parse('issue_comment', { ...base, ...created, comment: { ...comment, body } });
    expect(event).toMatchObject({ text: `${'x'.repeat(MAX_EVENT_TEXT_CHARS - 1)}\uFFFD` });
  });

  it('nothing of another repository, whatever is sent, and throws at nothing', () => {
    const names = [
      'issue',
      'pull_request',
      'comment',
      'review',
      'check_run',
      'check_suite',
      'workflow_run',
      'label',
      'assignee',
      'sender',
      'user',
      'action',
      'number',
      'id',
      'state',
      'sha',
      'head_sha',
      'created_at',
      'updated_at',
      'completed_at',
      'submitted_at',
      'login',
      'name',
      'type',
      '__proto__',
      'repository',
      'full_name',
    ];
    const words = [
      'labeled',
      'assigned',
      'closed',
      'created',
      'submitted',
      'completed',
      'failure',
      AT,
      SHA,
      'ann',
      'eve/other',
    ];
    const value = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<unknown>(...words, 7, -1, Number.NaN, null, [], {}),
        tie('object'),
      ),
      object: fc.dictionary(fc.constantFrom(...names), tie('tree'), { maxKeys: 8 }),
    })).object;
    const kinds = [
      'issues',
      'pull_request',
      'issue_comment',
      'pull_request_review',
      'check_run',
      'check_suite',
      'workflow_run',
      'status',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...kinds), value, fc.boolean(), (event, payload, isWhole) => {
        const action = event === 'issues' ? 'labeled' : event === 'issue_comment' ? 'created' : 'completed';
        const whole = isWhole ? { action, issue, pull_request: pull, comment, review, ...payload } : payload;
        const { repo, events } = parseGithubHook(event, { ...whole, repository });
        expect(repo).toBe('octo/shop');
        for (const one of events) {
          expect(one.repo).toBe('octo/shop');
          expect(one.key).toMatch(/^[a-z]+:octo\/shop[:#]/);
        }
      }),
      { numRuns: 300 },
    );
  });
});
