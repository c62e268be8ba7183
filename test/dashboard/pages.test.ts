/** What the form for a new job sends, what the pages of cost draw, and how advice is read, without a browser. */
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../dashboard/src/api/call.ts';
import { pauseMs } from '../../dashboard/src/api/queries.ts';
import { bestMeasure, daysOf } from '../../dashboard/src/pages/cost/days.ts';
import { grouped } from '../../dashboard/src/pages/doctor.tsx';
import {
  bodyOf,
  checksOf,
  faultsOf,
  isEmpty,
  isIssue,
  NOTHING,
  readWish,
} from '../../dashboard/src/pages/new/wish.ts';
import { partsOf } from '../../dashboard/src/parts/mending.tsx';
import type { UsageSum } from '../../src/job/model/usage.ts';

describe('a wish', () => {
  test('sends what was said, and nothing else', () => {
    expect(bodyOf({ ...NOTHING, repo: ' ann/tool ', task: 'Mend it\n' })).toEqual({
      repo: 'ann/tool',
      task: 'Mend it',
    });
    const much = bodyOf({
      ...NOTHING,
      repo: 'ann/tool#12',
      agent: 'codex',
      maxCost: '0',
      minutes: '2.5',
      priority: '-3',
      draft: true,
      mode: 'ask',
      labels: 'bug, , ui ',
      checks: 'test: npm test\n\nnpm run lint',
      testChanges: true,
    });
    expect(much).toEqual({
      issue: 'ann/tool#12',
      agent: 'codex',
      budget: { max_cost_usd: 0, timeout_s: 150 },
      priority: -3,
      draft: true,
      mode: 'ask',
      labels: ['bug', 'ui'],
      gate: [
        { name: 'test', command: 'npm test' },
        { name: 'check-2', command: 'npm run lint' },
      ],
      allow_test_changes: true,
    });
  });

  test('a command with a colon in it is a command', () => {
    expect(checksOf('npm run test:unit\ncurl http://127.0.0.1').map(({ command }) => command)).toEqual([
      'npm run test:unit',
      'curl http://127.0.0.1',
    ]);
  });

  test('an issue is told from a repository', () => {
    const all = [
      'ann/tool#1',
      'https://git.example.org/ann/tool/issues/7',
      'ann/tool',
      '/srv/a#1',
      'ann/tool#x',
    ];
    expect(all.map(isIssue)).toEqual([true, true, false, false, false]);
  });

  test('what is refused is sorted by its field', () => {
    const error = (field: string): { field: string; came: string; allowed: string } => ({
      field,
      came: '',
      allowed: `so ${field}`,
    });
    const { byField, other } = faultsOf([
      error('budget.timeout_s'),
      error('labels[1]'),
      error('github_token'),
    ]);
    expect(byField).toEqual({ minutes: 'so budget.timeout_s', labels: 'so labels[1]' });
    expect(other.map(({ field }) => field)).toEqual(['github_token']);
  });

  test('a draft of an older dashboard is read as far as it fits', () => {
    expect(readWish('{"repo":"a","draft":"yes","gone":1}')).toEqual({ ...NOTHING, repo: 'a' });
    expect([readWish(null), readWish('{'), readWish('3')]).toEqual([null, null, null]);
    expect([isEmpty(NOTHING), isEmpty({ ...NOTHING, mode: 'ask' })]).toEqual([true, false]);
  });
});

function sum(key: string, over: Partial<UsageSum>): UsageSum {
  const none = { running: 0, unpriced: 0, uncounted: 0, turns: 0 };
  return { key, jobs: 1, cost_usd: null, tokens_in: null, tokens_out: null, ...none, ...over };
}

describe('days', () => {
  const nowMs = Date.parse('2026-11-22T00:00:01Z');

  test('are drawn without gaps up to today, and what nobody knows is not drawn as money', () => {
    const rows = [sum('2026-11-22', { cost_usd: 2 }), sum('2026-11-20', { unpriced: 1 })];
    expect(daysOf(rows, '2026-11-19', nowMs, 'cost').map(({ day, value }) => [day, value])).toEqual([
      ['2026-11-19', 0],
      ['2026-11-20', 0],
      ['2026-11-21', 0],
      ['2026-11-22', 2],
    ]);
    expect(daysOf(rows, 'all', nowMs, 'jobs').map(({ value }) => value)).toEqual([1, 0, 1]);
    expect(daysOf([sum('1999-01-01', {})], 'all', nowMs, 'jobs')).toHaveLength(366);
    expect(daysOf([], 'all', nowMs, 'cost')).toHaveLength(1);
  });

  test('are compared by what is known of them', () => {
    expect(bestMeasure([sum('a', { cost_usd: 0, tokens_in: 5 })])).toBe('tokens');
    expect(bestMeasure([sum('a', { cost_usd: 0.1 })])).toBe('cost');
    expect(bestMeasure([sum('a', { cost_usd: 0 })])).toBe('jobs');
  });
});

test('findings stand by what they are about, broken ones first', () => {
  const finding = (
    name: string,
    state: 'ok' | 'failed' | 'warning',
  ): Parameters<typeof grouped>[0][number] => ({
    name,
    state,
    detail: '',
    fix: null,
  });
  const groups = grouped([finding('agent claude', 'ok'), finding('git', 'ok'), finding('disk', 'failed')]);
  expect(groups.map(({ name, findings }) => [name, findings.map((one) => one.name)])).toEqual([
    ['This machine', ['disk', 'git']],
    ['Agents and models', ['agent claude']],
  ]);
});

test('advice is read as words and commands', () => {
  const commands = (advice: string): readonly string[] =>
    partsOf(advice)
      .filter(({ isCommand }) => isCommand)
      .map(({ text }) => text);
  expect(commands('npm install -g @openai/codex')).toEqual(['npm install -g @openai/codex']);
  expect(commands('run `git config x`, then `git pull`')).toEqual(['git config x', 'git pull']);
  expect(commands('it`s open')).toEqual([]);
  expect(commands('set LLM_MODEL, LLM_API_KEY')).toEqual([]);
});

test('a server is left alone for as long as it asks, but not for ever', () => {
  expect(pauseMs(0, new Refusal(429, {}, '3'))).toBe(3000);
  expect(pauseMs(0, new Refusal(503, {}, '86400'))).toBe(30_000);
  expect([0, 1, 2].map((tries) => pauseMs(tries, new Refusal(0, {})))).toEqual([1000, 2000, 4000]);
});
