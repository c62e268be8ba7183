/** What is decided of an event, case by case; and what never is, whatever comes. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideTrigger, type Decision, type TriggerSettings } from '../../../src/job/trigger/decide.ts';
import type { ForgeEvent } from '../../../src/job/trigger/event.ts';
import type { Thread } from '../../../src/job/trigger/facts.ts';
import { DEFAULT_RULES, type TriggerRule } from '../../../src/job/trigger/rules.ts';
import {
  assigned,
  checked,
  closed,
  commented,
  factsOf,
  labelled,
  OPEN,
  OWN,
  QUIET,
  RED,
  REPO,
  reviewed,
  SELF,
  SHA,
  type Scene,
} from './scene.ts';

const CAPS = { fixes_per_head: 3, fixes_per_pull: 10, turns_per_pull: 50 };
const SETTINGS: TriggerSettings = { rules: DEFAULT_RULES, ...CAPS };

function decide(event: ForgeEvent, scene: Scene = {}, settings = SETTINGS): Promise<Decision> {
  return decideTrigger(event, settings, factsOf(scene));
}

/** A decision in short. */
async function brief(event: ForgeEvent, scene: Scene = {}, settings = SETTINGS): Promise<string> {
  const decision = await decide(event, scene, settings);
  switch (decision.kind) {
    case 'ignore':
      return `ignore: ${decision.reason}${decision.tell === null ? '' : ' (told)'}`;
    case 'job':
      return `job ${decision.number} ${JSON.stringify(decision.words)}`;
    case 'turn':
      return `turn ${decision.pull.session_id} ${JSON.stringify(decision.words)}`;
    case 'cancel':
      return `cancel ${decision.job}`;
    case 'wait':
      return `wait for ${decision.job ?? 'a while'}`;
  }
}

const OURS: Thread = { ...QUIET, pull: OWN };
const BUSY: Thread = { ...QUIET, live: 'job-9' };
const onPull = { number: 7, isPull: true };
const own: Scene = { threads: { 7: OURS, 3: OURS }, heads: { [SHA]: [7] } };
const person: Scene = { pulls: { 7: { ...OPEN, headBranch: 'ann/fix' } } };
const withOwn = (over: Partial<Thread>): Scene => ({ ...own, threads: { 7: { ...OURS, ...over } } });
const fix = { sha: SHA, run: 'r0' };

describe('an issue', () => {
  it.each<[string, ForgeEvent, Scene, string]>([
    ['a label', labelled(), {}, 'job 3 null'],
    ['a label in capitals', labelled({ label: 'Agent' }), {}, 'job 3 null'],
    ['another label', labelled({ label: 'bug' }), {}, 'ignore: no rule asks for it'],
    ['an assignment to us', assigned(), {}, 'job 3 null'],
    ['an assignment to our App', assigned({ assignee: 'Shop-Bot[bot]' }), {}, 'job 3 null'],
    ['one to others', assigned({ assignee: 'ann' }), {}, 'ignore: somebody else is to do it'],
    ['/agent', commented('/agent'), {}, 'job 3 null'],
    ['/agent with words', commented('/agent in blue'), {}, 'job 3 "in blue"'],
    ['a mention', commented(`@${SELF} do it`), {}, `job 3 "@${SELF} do it"`],
    ['talk', commented('nice'), {}, 'ignore: the comment asks nothing of us'],
    [
      'a label while a job is live',
      labelled(),
      { threads: { 3: BUSY } },
      'ignore: job-9 is at work on it already',
    ],
    ['words while a job is live', commented('/agent x'), { threads: { 3: BUSY } }, 'wait for job-9'],
    [
      'a label with an open pull request',
      labelled(),
      own,
      'ignore: pull request #7 came of it already, and is open',
    ],
    ['words with an open pull request', commented('/agent x'), own, 'turn job-1 "x"'],
    [
      'a label after a closed pull request',
      labelled(),
      { ...own, pulls: { 7: { ...OPEN, isOpen: false } } },
      'job 3 null',
    ],
    [
      'a label that was told of again, a second later',
      labelled(),
      { threads: { 3: { ...QUIET, askedAt: '2026-11-21T10:00:01.000Z' } } },
      'ignore: work on it was begun since',
    ],
    [
      'a label that was put on again',
      labelled(),
      { threads: { 3: { ...QUIET, askedAt: '2026-11-21T09:00:00.000Z' } } },
      'job 3 null',
    ],
    ['a label on a closed issue', labelled(), { closedIssues: [3] }, 'ignore: the issue is closed'],
    ['/agent cancel', commented('/agent cancel'), { threads: { 3: BUSY } }, 'cancel job-9'],
    ['/agent cancel of nothing', commented('/agent cancel'), {}, 'ignore: there is no job at work to cancel'],
    [
      'a close',
      closed({ number: 3, isPull: false }),
      { threads: { 3: BUSY } },
      'ignore: a close asks for nothing',
    ],
  ])('%s', async (_name, event, scene, expected) => {
    expect(await brief(event, scene)).toBe(expected);
  });
});

describe('a pull request of ours', () => {
  it.each<[string, ForgeEvent, Scene, string]>([
    ['a comment', commented('/agent x', onPull), own, 'turn job-1 "x"'],
    [
      'a call without words',
      commented('/agent', onPull),
      own,
      'ignore: /agent was called without saying what for',
    ],
    [
      'a label',
      labelled(onPull),
      own,
      'turn job-1 "Go on with this pull request: look again at what was asked, and at what its checks say."',
    ],
    ['changes requested', reviewed(), own, 'turn job-1 "No."'],
    ['remarks alone', reviewed({ state: 'commented', text: '' }), { ...own, remarks: true }, 'turn job-1 ""'],
    [
      'a review that says nothing',
      reviewed({ state: 'commented', text: ' ' }),
      own,
      'ignore: the review says nothing',
    ],
    [
      'an approval',
      reviewed({ state: 'approved', text: 'Thanks' }),
      own,
      'ignore: the review asks for nothing: approved',
    ],
    ['an approval that asks', reviewed({ state: 'approved', text: '/agent x' }), own, 'turn job-1 "x"'],
    ['a review while a job is live', reviewed(), withOwn({ live: 'job-9' }), 'wait for job-9'],
    [
      'a review after it was closed',
      reviewed(),
      { ...own, pulls: { 7: { ...OPEN, isOpen: false } } },
      'ignore: the pull request is closed',
    ],
    [
      'a review where the branch is not ours',
      reviewed(),
      { ...own, pulls: { 7: { ...OPEN, headBranch: 'main' } } },
      'ignore: its branch is main, and no job of ours made that',
    ],
    [
      'a review too many',
      reviewed(),
      withOwn({ turns: 50 }),
      'ignore: turns_per_pull: 50 turns were taken (told)',
    ],
    ['its close', closed(), withOwn({ live: 'job-9' }), 'cancel job-9'],
    ['its close at rest', closed(), own, 'ignore: a close asks for nothing'],
    ['/agent stop', commented('/agent stop', onPull), withOwn({ live: 'job-9' }), 'cancel job-9'],
  ])('%s', async (_name, event, scene, expected) => {
    expect(await brief(event, scene)).toBe(expected);
  });
});

describe('checks', () => {
  it.each<[string, Scene, string]>([
    ['red', own, 'turn job-1 null'],
    ['green', { ...own, checks: { ...RED, failed: 0 } }, 'ignore: no check failed'],
    ['pending', { ...own, checks: { ...RED, isPending: true } }, 'wait for a while'],
    ['of nobody', { ...own, heads: {} }, 'ignore: the commit is no head of a pull request of ours'],
    [
      "of a person's pull request",
      { heads: { [SHA]: [7] } },
      'ignore: the commit is no head of a pull request of ours',
    ],
    ['while a job is live', withOwn({ live: 'job-9' }), 'wait for job-9'],
    [
      'of an older head',
      { ...own, pulls: { 7: { ...OPEN, headSha: 'b'.repeat(40) } } },
      'ignore: the commit is no head any more',
    ],
    [
      'of what a person pushed',
      withOwn({ pull: { ...OWN, head_sha: 'b'.repeat(40) } }),
      'ignore: somebody else pushed that commit: its checks are theirs',
    ],
    [
      'that a turn was taken for',
      withOwn({ fixes: [{ sha: SHA, run: 'r1' }] }),
      'ignore: a turn was taken for these checks already',
    ],
    ['the third time', withOwn({ fixes: [fix, fix] }), 'turn job-1 null'],
    [
      'the fourth time',
      withOwn({ fixes: [fix, fix, fix] }),
      'ignore: fixes_per_head: 3 turns were taken (told)',
    ],
    [
      'the eleventh time in all',
      withOwn({ fixes: Array.from({ length: 10 }, () => ({ sha: 'b'.repeat(40), run: null })) }),
      'ignore: fixes_per_pull: 10 turns were taken (told)',
    ],
  ])('%s', async (_name, scene, expected) => {
    expect(await brief(checked(), scene)).toBe(expected);
  });

  it('are never mended by themselves where the cap is 0, and nothing is said', async () => {
    expect(await brief(checked(), own, { ...SETTINGS, fixes_per_head: 0 })).toBe(
      'ignore: fixes_per_head: it is 0',
    );
  });
});

describe('a pull request of a person', () => {
  it.each<[string, ForgeEvent, Scene, string]>([
    ['/agent with words', commented('/agent x', onPull), person, 'job 7 "x"'],
    ['a review that calls', reviewed({ text: '/agent x' }), person, 'job 7 "x"'],
    [
      'a review',
      reviewed(),
      person,
      'ignore: it is the pull request of a person, where only /agent asks for something',
    ],
    [
      'a label',
      labelled(onPull),
      person,
      'ignore: it is the pull request of a person, where only /agent asks for something',
    ],
    [
      'a call without words',
      commented('/agent', onPull),
      person,
      'ignore: /agent was called without saying what for',
    ],
    [
      'one from a fork',
      commented('/agent x', onPull),
      { pulls: { 7: { ...OPEN, headRepo: 'eve/shop' } } },
      'ignore: the pull request comes from a fork (told)',
    ],
    [
      'one whose fork is gone',
      commented('/agent x', onPull),
      { pulls: { 7: { ...OPEN, headRepo: null } } },
      'ignore: the pull request comes from a fork (told)',
    ],
    [
      'while a job is live',
      commented('/agent x', onPull),
      { ...person, threads: { 7: BUSY } },
      'wait for job-9',
    ],
    ['its close', closed(), { ...person, threads: { 7: BUSY } }, 'ignore: a close asks for nothing'],
  ])('%s', async (_name, event, scene, expected) => {
    expect(await brief(event, scene)).toBe(expected);
  });
});

describe('who may not', () => {
  it.each<[string, Partial<{ actor: string; isBot: boolean }>, string]>([
    ['a bot', { isBot: true }, 'ignore: a program did it'],
    ['we ourselves', { actor: 'Shop-Bot' }, 'ignore: we did it ourselves'],
    ['we as an App', { actor: 'shop-bot[bot]' }, 'ignore: we did it ourselves'],
    ['somebody without the right to write', { actor: 'eve' }, 'ignore: eve may not write to the repository'],
  ])('%s', async (_name, who, expected) => {
    for (const event of [labelled(who), assigned(who), commented('/agent x', who), reviewed(who)])
      expect(await brief(event, own)).toBe(expected);
  });

  it('costs no question to the forge where the event itself says enough', async () => {
    for (const event of [
      labelled({ isBot: true }),
      labelled({ label: 'bug' }),
      commented('x', { isBot: true }),
    ]) {
      const asked: string[] = [];
      await decideTrigger(event, SETTINGS, factsOf({}, asked));
      expect(asked).toEqual([]);
    }
    const asked: string[] = [];
    await decideTrigger(commented('talk'), SETTINGS, factsOf({}, asked));
    expect(asked).toEqual(['self']);
  });
});

describe('rules', () => {
  const rules = (...all: readonly TriggerRule[]): TriggerSettings => ({ ...SETTINGS, rules: all });
  it('none at all acts on nothing', async () => {
    for (const event of [labelled(), assigned(), commented('/agent x'), reviewed(), checked(), closed()])
      expect(await brief(event, withOwn({ live: 'job-9' }), rules())).toMatch(/^ignore: no rule/);
  });
  it('the first that fits counts', async () => {
    const settings = rules(
      { on: 'label', label: 'quick', model: 'small' },
      { on: 'label', repositories: ['octo/*'], model: 'large' },
      { on: 'label' },
    );
    const ruleOf = async (event: ForgeEvent): Promise<unknown> => {
      const decision = await decide(event, {}, settings);
      return decision.kind === 'job' ? decision.rule.model : decision.kind;
    };
    expect(await ruleOf(labelled({ label: 'quick' }))).toBe('small');
    expect(await ruleOf(labelled())).toBe('large');
    expect(await ruleOf(labelled({ repo: 'ann/shop' }))).toBeUndefined();
    expect(await ruleOf(commented('/agent'))).toBe('ignore');
  });
  it('may be for some repositories alone', async () => {
    const settings = rules({ on: 'label', repositories: [REPO] });
    expect(await brief(labelled({ repo: 'octo/shopping' }), {}, settings)).toBe(
      'ignore: no rule asks for it',
    );
    expect(await brief(labelled({ repo: 'Octo/Shop' }), {}, settings)).toBe('job 3 null');
  });
});

type Over = { actor: string; isBot: boolean; number: number; isPull: boolean };
const MAKERS: readonly ((over: Over) => ForgeEvent)[] = [
  labelled,
  assigned,
  reviewed,
  (over) => commented('/agent x', over),
];

/** Anything that may be told of, by anybody. */
const event: fc.Arbitrary<ForgeEvent> = fc
  .record({
    which: fc.nat(MAKERS.length - 1),
    actor: fc.constantFrom('ann', 'eve', SELF, 'ci[bot]'),
    isBot: fc.boolean(),
    number: fc.constantFrom(3, 7),
    isPull: fc.boolean(),
  })
  .map(({ which, ...over }) => MAKERS[which]?.(over) ?? labelled(over));

const scene: fc.Arbitrary<Scene> = fc.record({
  threads: fc.dictionary(
    fc.constantFrom('3', '7'),
    fc.record({
      pull: fc.constantFrom(null, OWN),
      askedAt: fc.constant(null),
      live: fc.constantFrom(null, 'job-9'),
      turns: fc.nat(60),
      fixes: fc.array(fc.constant(fix), { maxLength: 12 }),
    }),
  ),
  heads: fc.constantFrom({}, { [SHA]: [7] }),
  checks: fc.record({ isPending: fc.boolean(), failed: fc.nat(2), run: fc.constant('r1') }),
  remarks: fc.boolean(),
});

describe('whatever comes', () => {
  it('programs, we ourselves and people without the right to write lead to nothing, and nothing is said', async () => {
    await fc.assert(
      fc.asyncProperty(event, scene, async (one, where) => {
        const decision = await decide(one, where);
        if ('actor' in one && (one.isBot || one.actor !== 'ann'))
          expect(decision).toMatchObject({ kind: 'ignore', tell: null });
      }),
      { numRuns: 500 },
    );
  });

  it('nothing is begun beside a job that is live, and no cap is passed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(event, fc.constant(checked())), scene, async (one, where) => {
        const decision = await decide(one, where);
        const number = 'number' in one ? one.number : 7;
        const thread = where.threads?.[number] ?? QUIET;
        if (decision.kind === 'job' || decision.kind === 'turn') expect(thread.live).toBeNull();
        if (decision.kind === 'turn') expect(thread.turns).toBeLessThan(CAPS.turns_per_pull);
        if (decision.kind === 'turn' && one.kind === 'checks')
          expect(thread.fixes.length).toBeLessThan(CAPS.fixes_per_head);
      }),
      { numRuns: 500 },
    );
  });
});
