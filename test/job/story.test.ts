import { describe, expect, it } from 'vitest';
import type { CheckReport, GateVerdict } from '../../src/job/gate.ts';
import { MAX_QUESTIONS } from '../../src/job/decide.ts';
import type { Policy } from '../../src/job/request.ts';
import { runJob } from '../../src/job/procedure.ts';
import {
  BLOCKING,
  DRAFTING,
  job,
  play,
  REPORTING,
  scriptedSteps,
  UNLIKE_FAILURES,
  type Ran,
  type VerifyAct,
} from './script.ts';

const red = (failure?: string): VerifyAct => ({
  do: 'verify',
  verdict: 'red',
  ...(failure === undefined ? {} : { failure }),
});
const green: VerifyAct = { do: 'verify', verdict: 'green' };
const UNLIKE = UNLIKE_FAILURES.map((failure) => red(failure));

describe('the straight story', () => {
  it('prepares, builds, verifies, proposes, saves and notifies, in this order', async () => {
    const { result, ran } = await play({});
    expect(ran.map((r) => r.step)).toEqual(['prepare', 'build', 'verify', 'propose', 'save', 'notify']);
    expect(result).toMatchObject({
      status: 'completed',
      outcome: 'proposed',
      draft: false,
      labels: [],
      tests_passed: true,
      debug_mode: false,
      iterations: 1,
      attempts: 1,
      patch_path: '/srv/patch',
      wip_ref: 'refs/agent-runner/wip/job-0123456789ab',
      error: null,
    });
  });

  it('hands the result to notify exactly as it returns it', async () => {
    const { result, ran } = await play({});
    expect(ran.at(-1)).toEqual({ step: 'notify', input: result });
  });

  it('reports the pull request of a forge', async () => {
    const { result } = await play({ propose: { do: 'propose', outcome: 'pr_opened' } });
    expect(result).toMatchObject({ outcome: 'pr_opened', pr_url: 'https://forge.test/pull/1' });
  });

  it('names the phases with their times and leaves waits out', async () => {
    const { result } = await play({
      builds: [
        { do: 'build', question: 'which?' },
        { do: 'build', seconds: 7 },
      ],
    });
    expect(result.phases.map((phase) => phase.name)).toEqual([
      'prepare',
      'build',
      'build',
      'verify',
      'propose',
    ]);
    expect(result.phases[2]?.duration_ms).toBe(7000);
  });

  it('ends a change that is none as no_change, without gate and proposal', async () => {
    const played = await play({ builds: [{ do: 'build', changed: false }] });
    expect(played.result).toMatchObject({
      outcome: 'no_change',
      status: 'completed',
      summary: 'done',
      tests_passed: false,
    });
    expect(played.count('verify') + played.count('propose')).toBe(0);
  });

  it('answers a question in ask mode, without gate and proposal, even when files changed', async () => {
    const played = await play({ request: { mode: 'ask' } });
    expect(played.result).toMatchObject({ outcome: 'answered', summary: 'done' });
    expect(played.count('verify') + played.count('propose')).toBe(0);
  });
});

describe('red, green and debug mode', () => {
  it('feeds a red gate back and proposes what the fix turned green', async () => {
    const played = await play({ verifies: [red(), green] });
    expect(played.result).toMatchObject({
      outcome: 'proposed',
      iterations: 2,
      tests_passed: true,
      debug_mode: false,
    });
    expect(played.builds[1]?.turn).toEqual({ kind: 'fix', debug: false, gate_run: 1, error_history: [] });
  });

  it('ends as gate_failed after exactly five unlike red runs', async () => {
    const played = await play({ verifies: UNLIKE });
    expect(played.result).toMatchObject({
      outcome: 'gate_failed',
      status: 'failed',
      iterations: 5,
      debug_mode: false,
    });
    expect(played.count('verify')).toBe(5);
    expect(played.count('propose')).toBe(0);
    expect(played.builds.map((build) => (build.turn.kind === 'fix' ? build.turn.debug : null))).toEqual([
      null,
      false,
      false,
      false,
      false,
    ]);
  });

  it('ends as gate_failed at once when one gate run is allowed', async () => {
    const played = await play({ verifies: [red()], maxGateRuns: 1 });
    expect(played.result).toMatchObject({ outcome: 'gate_failed', iterations: 1 });
    expect(played.result.error?.message).toContain('after 1 gate run');
    expect(played.count('verify')).toBe(1);
  });

  it('turns debug mode on at the second similar failure', async () => {
    const played = await play({
      verifies: [red('sum.js:3: expected 4 but got 5'), red('sum.js:9: expected 7 but got 1'), green],
    });
    expect(played.builds.map((build) => build.turn)).toMatchObject([
      { kind: 'task' },
      { kind: 'fix', debug: false },
      { kind: 'fix', debug: true, error_history: ['sum.js:3: expected 4 but got 5'] },
    ]);
    expect(played.result).toMatchObject({ outcome: 'proposed', debug_mode: true });
  });

  it('compares with any earlier failure, and stays in debug mode for the rest of the job', async () => {
    const [a, b, c] = UNLIKE_FAILURES;
    const played = await play({ verifies: [red(a), red(b), red(a), red(c), green] });
    expect(played.builds.map((build) => build.turn.kind === 'fix' && build.turn.debug)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it('gives up at the third equal failure counted from the one that turned debug mode on: the fourth in a row', async () => {
    const played = await play({ verifies: [red()] });
    expect(played.result).toMatchObject({
      outcome: 'gave_up',
      status: 'failed',
      iterations: 4,
      debug_mode: true,
    });
    expect(played.count('verify')).toBe(4);
    expect(played.result.error?.code).toBe('gave_up');
  });

  it('does not give up at three equal failures in a row', async () => {
    const played = await play({ verifies: [red(), red(), red(), green] });
    expect(played.result.outcome).toBe('proposed');
  });

  it('counts equal failures that are not neighbours', async () => {
    const [a, b] = UNLIKE_FAILURES;
    const played = await play({ verifies: [red(a), red(a), red(b), red(a), red(a)], maxGateRuns: 9 });
    expect(played.result).toMatchObject({ outcome: 'gave_up', iterations: 5 });
  });

  it('prefers gave_up to gate_failed when both are due', async () => {
    const played = await play({ verifies: [red()], maxGateRuns: 4 });
    expect(played.result.outcome).toBe('gave_up');
    expect((await play({ verifies: [red()], maxGateRuns: 3 })).result.outcome).toBe('gate_failed');
  });

  it('tells the agent at most the last three earlier errors', async () => {
    const played = await play({ verifies: UNLIKE, maxGateRuns: 7 });
    const last = played.builds.at(-1)?.turn;
    expect(last?.kind === 'fix' ? last.error_history : null).toEqual(UNLIKE_FAILURES.slice(2, 5));
  });

  it.each([
    ['gate_failed', UNLIKE],
    ['gave_up', [red()]],
  ] as const)('proposes a draft under on_red: draft and still ends as %s', async (outcome, verifies) => {
    const played = await play({
      verifies,
      policy: { on_red: 'draft' },
      propose: { do: 'propose', outcome: 'pr_opened' },
    });
    expect(played.proposals).toEqual([expect.objectContaining({ draft: true, labels: ['gate-red'] })]);
    expect(played.result).toMatchObject({
      outcome,
      status: 'failed',
      draft: true,
      pr_url: 'https://forge.test/pull/1',
      tests_passed: false,
    });
    expect(played.result.error?.code).toBe(outcome);
  });
});

describe('a base that is red already', () => {
  const red = (kind: CheckReport['kind']): CheckReport => ({
    name: 'nightly',
    kind,
    command: 'sh nightly.sh',
    base: 'failed',
    head: 'failed',
    verdict: 'pre_existing',
    duration_ms: 1,
    log: null,
    reason: '1 test failed, and failed on the base too',
    new_failures: [],
    excerpt: '',
  });

  it.each([
    ['test', false],
    ['other', false],
    ['lint', true],
  ] as const)('a %s check leaves tests_passed %s, and is named in a notice', async (kind, passed) => {
    const played = await play({ verifies: [{ do: 'verify', verdict: 'green', checks: [red(kind)] }] });
    expect(played.result).toMatchObject({ outcome: 'proposed', tests_passed: passed });
    expect(played.result.notices.join(' ')).toContain('nightly');
  });
});

describe('a base that moves while the agent works', () => {
  const onto = 'd'.repeat(40);
  const rebases = [{ do: 'rebase', onto, fits: true }] as const;

  it('is prepared anew, and the change is judged there before it is proposed', async () => {
    const played = await play({ upstream: 'ann/tool', rebases });
    expect(played.ran.map((r) => r.step)).toEqual([
      'prepare',
      'build',
      'verify',
      'rebase',
      'prepare',
      'verify',
      'rebase',
      'propose',
      'save',
      'notify',
    ]);
    expect(played.result.notices).toContainEqual(expect.stringContaining('carried over and judged again'));
  });

  it('is told of, and the change proposed where it was judged, where the two do not fit', async () => {
    const played = await play({ upstream: 'ann/tool', rebases: [{ do: 'rebase', onto, fits: false }] });
    expect(played.ran.map((r) => r.step)).toEqual([
      'prepare',
      'build',
      'verify',
      'rebase',
      'propose',
      'save',
      'notify',
    ]);
    expect(played.result.notices).toContainEqual(expect.stringContaining('does not fit it'));
  });

  it('gives the agent a turn where the change is red there', async () => {
    const played = await play({
      upstream: 'ann/tool',
      rebases,
      verifies: [
        { do: 'verify', verdict: 'green' },
        { do: 'verify', verdict: 'red' },
        { do: 'verify', verdict: 'green' },
      ],
    });
    expect(played.builds.map((input) => input.turn.kind)).toEqual(['task', 'fix']);
    expect(played.count('propose')).toBe(1);
  });

  it('is followed twice at most', async () => {
    const moving = Array.from({ length: 5 }, () => rebases[0]);
    const played = await play({ upstream: 'ann/tool', rebases: moving });
    expect([played.count('prepare'), played.count('rebase'), played.count('propose')]).toEqual([3, 2, 1]);
  });

  it('is not looked at for jobs of a session, and where there is no forge', async () => {
    expect((await play({ upstream: 'ann/tool', request: { session_id: 's' } })).count('rebase')).toBe(0);
    expect((await play({})).count('rebase')).toBe(0);
  });
});

describe("checks of somebody else's pull request", () => {
  const turn = { kinds: ['checks'] as const, by: [], title: 'Mend', sha: 'd'.repeat(40) };
  const onto = { branch: 'feature', pr_url: 'https://forge.test/pull/1' };
  const check = (verdict: CheckReport['verdict']): CheckReport => ({
    name: 'ci',
    kind: 'test',
    command: 'ci',
    base: 'failed',
    head: verdict === 'fixed' ? 'passed' : 'failed',
    verdict,
    duration_ms: 1,
    log: null,
    reason: '',
    new_failures: [],
    excerpt: '',
  });
  const judged = (verdict: CheckReport['verdict']): VerifyAct => ({
    do: 'verify',
    verdict: 'green',
    checks: [check('pre_existing'), check(verdict)],
  });

  it('are mended where one that failed passes now', async () => {
    for (const request of [{ turn }, { turn, onto }]) {
      const { proposals } = await play({ request, verifies: [judged('fixed')] });
      expect(proposals).toEqual([expect.objectContaining({ draft: false, labels: [] })]);
    }
  });

  it('are not known to be mended where all that failed fails still: a draft, and nothing on the branch itself', async () => {
    const verifies = [judged('pre_existing')];
    const { proposals } = await play({ request: { turn }, verifies });
    expect(proposals).toEqual([expect.objectContaining({ draft: true, labels: ['unverified'] })]);
    const pushed = await play({ request: { turn, onto }, verifies });
    expect(pushed.proposals).toEqual([]);
    expect(pushed.result).toMatchObject({ outcome: 'refused', error: { code: 'inconclusive' } });
    // Judged against the session's base, a turn of our own shows what it mends as passed.
    const own = await play({ request: { turn, session_id: 'job-0123456789ab' }, verifies });
    expect(own.proposals).toEqual([expect.objectContaining({ draft: false })]);
  });

  it.each<[string, VerifyAct, Partial<Policy>]>([
    ['stays red', red(), { on_red: 'draft' }],
    [
      'weakens its judge',
      { do: 'verify', verdict: 'green', checks: [check('fixed')], tamper: [DRAFTING] },
      {},
    ],
    ['was judged by nothing', { do: 'verify', verdict: 'none' }, { on_none: 'open' }],
  ])('get nothing pushed that %s, whatever the policy says of drafts', async (_what, act, policy) => {
    const { proposals, result } = await play({ request: { turn, onto }, verifies: [act], policy });
    expect(proposals).toEqual([]);
    expect(result.error).not.toBeNull();
  });
});

describe('policies for what was not verified', () => {
  const cases: readonly [GateVerdict, 'on_none' | 'on_inconclusive'][] = [
    ['none', 'on_none'],
    ['inconclusive', 'on_inconclusive'],
  ];
  it.each(cases)('%s is a draft with the label unverified by default', async (verdict) => {
    const played = await play({ verifies: [{ do: 'verify', verdict }] });
    expect(played.proposals).toEqual([expect.objectContaining({ draft: true, labels: ['unverified'] })]);
    expect(played.result).toMatchObject({
      outcome: 'proposed',
      draft: true,
      labels: ['unverified'],
      tests_passed: false,
    });
  });

  it.each(cases)('%s opens under %s: open, and tests_passed stays false', async (verdict, policy) => {
    const played = await play({ verifies: [{ do: 'verify', verdict }], policy: { [policy]: 'open' } });
    expect(played.proposals).toEqual([expect.objectContaining({ draft: false, labels: [] })]);
    expect(played.result).toMatchObject({ outcome: 'proposed', tests_passed: false, gate: { verdict } });
  });

  it.each(cases)('%s is refused under %s: block', async (verdict, policy) => {
    const played = await play({ verifies: [{ do: 'verify', verdict }], policy: { [policy]: 'block' } });
    expect(played.result).toMatchObject({ outcome: 'refused', status: 'failed' });
    expect(played.result.error?.code).toBe(verdict === 'none' ? 'nothing_verified' : 'inconclusive');
    expect(played.count('propose')).toBe(0);
  });

  it('keeps a draft that was asked for', async () => {
    const played = await play({ request: { draft: true } });
    expect(played.proposals).toEqual([expect.objectContaining({ draft: true, labels: [] })]);
  });
});

describe('a change that weakens its judge', () => {
  const tampered: VerifyAct = { do: 'verify', verdict: 'green', tamper: [BLOCKING, REPORTING] };

  it('is told once and then ends as tampered', async () => {
    const played = await play({ verifies: [tampered] });
    expect(played.builds.map((build) => build.turn)).toEqual([
      { kind: 'task' },
      { kind: 'tamper', findings: [BLOCKING] },
    ]);
    expect(played.result).toMatchObject({
      outcome: 'tampered',
      status: 'failed',
      tamper: [BLOCKING, REPORTING],
    });
    expect(played.result.error?.message).toContain('test/sum.test.js');
    expect(played.count('propose')).toBe(0);
  });

  it('is not told to use a flag that was used already', async () => {
    const hint = async (allowed: boolean): Promise<string> => {
      const played = await play({ verifies: [tampered], request: { allow_test_changes: allowed } });
      return played.result.error?.hint ?? '';
    };
    expect(await hint(false)).toContain('allow it with --allow-test-changes');
    expect(await hint(true)).not.toContain('allow it with --allow-test-changes');
  });

  it('is proposed once the agent takes it back', async () => {
    const played = await play({ verifies: [tampered, green] });
    expect(played.proposals).toEqual([expect.objectContaining({ draft: false, labels: [] })]);
  });

  it('ends as tampered at once when no gate run is left', async () => {
    const played = await play({ verifies: [tampered], maxGateRuns: 1 });
    expect(played.result).toMatchObject({ outcome: 'tampered', iterations: 1 });
  });

  it.each(['inconclusive', 'none'] as const)(
    'blocks before the policy for %s may open it',
    async (verdict) => {
      const played = await play({
        verifies: [{ do: 'verify', verdict, tamper: [BLOCKING] }],
        policy: { on_none: 'open', on_inconclusive: 'open' },
      });
      expect(played.result.outcome).toBe('tampered');
    },
  );

  it('is a labelled draft under on_tamper: draft', async () => {
    const played = await play({ verifies: [tampered], policy: { on_tamper: 'draft' } });
    expect(played.proposals).toEqual([expect.objectContaining({ draft: true, labels: ['judge-changed'] })]);
    expect(played.result.outcome).toBe('proposed');
  });

  it('is proposed under on_tamper: allow', async () => {
    const played = await play({ verifies: [tampered], policy: { on_tamper: 'allow' } });
    expect(played.proposals).toEqual([expect.objectContaining({ draft: false, labels: [] })]);
  });

  it('makes a draft of changed expectations and nothing of what is only reported', async () => {
    const drafted = await play({ verifies: [{ do: 'verify', verdict: 'green', tamper: [DRAFTING] }] });
    expect(drafted.proposals).toEqual([expect.objectContaining({ draft: true, labels: ['judge-changed'] })]);
    const reported = await play({ verifies: [{ do: 'verify', verdict: 'green', tamper: [REPORTING] }] });
    expect(reported.proposals).toEqual([expect.objectContaining({ draft: false, labels: [] })]);
    expect(reported.result.tamper).toEqual([REPORTING]);
  });

  it('does not slip out as a red draft', async () => {
    const played = await play({
      verifies: [{ do: 'verify', verdict: 'red', tamper: [BLOCKING] }],
      maxGateRuns: 1,
      policy: { on_red: 'draft' },
    });
    expect(played.result.outcome).toBe('tampered');
    expect(played.count('propose')).toBe(0);
  });

  it('is labelled when it goes out as a red draft that its policy allows', async () => {
    const played = await play({
      verifies: [{ do: 'verify', verdict: 'red', tamper: [DRAFTING] }],
      maxGateRuns: 1,
      policy: { on_red: 'draft' },
    });
    expect(played.proposals).toEqual([
      expect.objectContaining({ draft: true, labels: ['gate-red', 'judge-changed'] }),
    ]);
    expect(played.result.outcome).toBe('gate_failed');
  });

  it('stays gate_failed when it is red and blocked', async () => {
    const played = await play({
      verifies: [{ do: 'verify', verdict: 'red', tamper: [BLOCKING] }],
      maxGateRuns: 1,
    });
    expect(played.result).toMatchObject({ outcome: 'gate_failed', tamper: [BLOCKING] });
  });
});

describe('budgets', () => {
  const usage = (cost: number | null, tokens = 0, turns = 1) => ({
    cost_usd: cost,
    tokens_in: tokens,
    tokens_out: tokens,
    turns,
  });

  it('stops before the next turn when money is spent, and says what', async () => {
    const played = await play({
      request: { budget: { max_cost_usd: 2, max_tokens: null, max_turns: null, timeout_s: 3600 } },
      builds: [{ do: 'build', usage: usage(2.5) }],
      verifies: [red()],
    });
    expect(played.result).toMatchObject({ outcome: 'budget_exceeded', iterations: 1, total_cost: 2.5 });
    expect(played.result.error?.message).toContain('2.5 of 2');
  });

  it('proposes a green change although it spent the whole budget', async () => {
    const played = await play({
      request: { budget: { max_cost_usd: 2, max_tokens: 1, max_turns: 1, timeout_s: 1 } },
      builds: [{ do: 'build', usage: usage(9, 50, 9), seconds: 99 }],
    });
    expect(played.result.outcome).toBe('proposed');
  });

  it('counts tokens in both directions', async () => {
    const played = await play({
      request: { budget: { max_cost_usd: null, max_tokens: 100, max_turns: null, timeout_s: 3600 } },
      builds: [{ do: 'build', usage: usage(null, 50) }],
      verifies: [red()],
    });
    expect(played.result).toMatchObject({
      outcome: 'budget_exceeded',
      total_cost: null,
      total_tokens_in: 50,
    });
  });

  it('counts turns, also of agents that report none', async () => {
    const played = await play({
      request: { budget: { max_cost_usd: null, max_tokens: null, max_turns: 2, timeout_s: 3600 } },
      verifies: UNLIKE,
    });
    expect(played.result).toMatchObject({ outcome: 'budget_exceeded', iterations: 2 });
  });

  it('gives each turn the time that is left, and counts neither gate nor waits', async () => {
    const played = await play({
      request: { budget: { max_cost_usd: null, max_tokens: null, max_turns: null, timeout_s: 10 } },
      builds: [
        { do: 'build', question: 'which?', seconds: 4 },
        { do: 'build', seconds: 6 },
      ],
      verifies: [red()],
    });
    expect(played.builds.map((build) => build.timeout_ms)).toEqual([10_000, 6_000]);
    expect(played.result).toMatchObject({ outcome: 'timed_out', status: 'failed' });
  });

  it('counts what a failed turn spent', async () => {
    const played = await play({ builds: [{ do: 'fail', code: 'agent_failed', usage: usage(1.5, 10) }] });
    expect(played.result).toMatchObject({
      outcome: 'agent_failed',
      total_cost: 1.5,
      total_tokens_out: 10,
      iterations: 1,
    });
  });

  it('knows no cost once one turn had no price', async () => {
    const played = await play({
      builds: [
        { do: 'build', usage: usage(1) },
        { do: 'build', usage: usage(null) },
      ],
      verifies: [red(), green],
    });
    expect(played.result.total_cost).toBeNull();
  });
});

describe('what nobody counted', () => {
  it('is unknown and never 0: no turn has ended, or one did not say', async () => {
    const cut = await play({ builds: [{ do: 'cancel' }] });
    expect(cut.result).toMatchObject({ total_cost: null, total_tokens_in: null, total_tokens_out: null });
    const silent = await play({
      builds: [
        { do: 'build', usage: { cost_usd: 1, tokens_in: 5, tokens_out: 5, turns: 1 } },
        { do: 'build', usage: { cost_usd: 1, tokens_in: null, tokens_out: null, turns: 1 } },
      ],
      verifies: [red(), green],
    });
    expect(silent.result).toMatchObject({ total_cost: 2, total_tokens_in: null, total_tokens_out: null });
  });

  it('does not hide from the budget what was counted', async () => {
    const played = await play({
      request: { budget: { max_cost_usd: null, max_tokens: 10, max_turns: null, timeout_s: 3600 } },
      builds: [
        { do: 'build', usage: { cost_usd: null, tokens_in: 8, tokens_out: 8, turns: 1 } },
        { do: 'build', usage: null },
      ],
      verifies: [red()],
    });
    expect(played.result).toMatchObject({ outcome: 'budget_exceeded', iterations: 1 });
  });
});

describe('the branch of a result', () => {
  it('is there only where something was proposed', async () => {
    expect((await play({})).result.branch).toBe('bot/job-0123456789ab');
    expect((await play({ verifies: [red()], maxGateRuns: 1 })).result.branch).toBeNull();
  });
});

describe('questions', () => {
  it('waits for the answer and goes on with it', async () => {
    const played = await play({
      builds: [{ do: 'build', changed: false, question: 'red or blue?' }, { do: 'build' }],
      messages: [{ do: 'answer', answer: 'blue' }],
    });
    expect(played.builds[1]?.turn).toEqual({ kind: 'answer', question: 'red or blue?', answer: 'blue' });
    expect(played.result.outcome).toBe('proposed');
  });

  it('stops an agent that only asks', async () => {
    const played = await play({ builds: [{ do: 'build', question: 'and now?' }] });
    expect(played.result).toMatchObject({ outcome: 'agent_failed', status: 'failed' });
    expect(played.count('message')).toBe(MAX_QUESTIONS);
  });
});

describe('trouble', () => {
  it.each([
    ['setup_failed', 'setup_failed'],
    ['repo_unusable', 'refused'],
    ['base_missing', 'refused'],
    ['infra_failed', 'infra_failed'],
  ] as const)('a prepare that fails with %s ends as %s', async (code, outcome) => {
    const played = await play({ prepare: { do: 'fail', code } });
    expect(played.result).toMatchObject({ outcome, base: null, base_sha: null, iterations: 0 });
    expect(played.ran.map((r) => r.step)).toEqual(['prepare', 'save', 'notify']);
  });

  it.each([
    ['secret_in_diff', 'refused'],
    ['diff_too_large', 'refused'],
    ['protected_path', 'refused'],
    ['infra_failed', 'infra_failed'],
  ] as const)('a proposal that fails with %s ends as %s and is no draft', async (code, outcome) => {
    const played = await play({ propose: { do: 'fail', code }, request: { draft: true } });
    expect(played.result).toMatchObject({ outcome, draft: false, labels: [], pr_url: null });
  });

  it('keeps what had happened before a person cancelled', async () => {
    const played = await play({ verifies: [{ do: 'cancel' }] });
    expect(played.result).toMatchObject({
      outcome: 'cancelled',
      status: 'cancelled',
      iterations: 1,
      base: 'main',
    });
    expect(played.ran.slice(-2).map((r) => r.step)).toEqual(['save', 'notify']);
  });

  it('calls a throw infrastructure and keeps its words', async () => {
    const played = await play({ builds: [{ do: 'throw' }] });
    expect(played.result).toMatchObject({
      outcome: 'infra_failed',
      error: { message: 'the disk is full', blame: 'operator' },
    });
  });

  it('says that nothing was saved when saving fails, without hiding why the job ended', async () => {
    const failed = await play({
      verifies: [red()],
      maxGateRuns: 1,
      save: { do: 'fail', code: 'infra_failed' },
    });
    expect(failed.result).toMatchObject({
      outcome: 'gate_failed',
      wip_ref: null,
      error: { code: 'gate_failed', message: expect.stringMatching(/; save failed$/) as string },
    });
    const proposed = await play({ save: { do: 'fail', code: 'infra_failed' } });
    expect(proposed.result).toMatchObject({
      outcome: 'proposed',
      wip_ref: null,
      error: { message: 'save failed' },
    });
  });

  it('claims no result when the engine itself breaks: the job is not ended, so it can be recovered', async () => {
    const ran: Ran[] = [];
    const steps = { ...scriptedSteps({}, ran), save: () => Promise.reject(new Error('the store is gone')) };
    await expect(runJob(job(), steps)).rejects.toThrow('the store is gone');
    expect(ran.filter((r) => r.step === 'notify')).toEqual([]);
  });
});

describe('a message that came by itself', () => {
  const waiting: VerifyAct = { ...green, messageWaits: true };

  it('is given to the agent before a green change is proposed, and judged again', async () => {
    const { result, ran, builds } = await play({
      verifies: [waiting, green],
      messages: [{ do: 'answer', answer: 'and b' }],
    });
    expect(ran.map((r) => r.step)).toEqual([
      'prepare',
      'build',
      'verify',
      'message',
      'build',
      'verify',
      'propose',
      'save',
      'notify',
    ]);
    expect(builds[1]?.turn).toEqual({ kind: 'answer', question: '', answer: 'and b' });
    expect(result.outcome).toBe('proposed');
  });

  it('waits for the fix of a red one, whose turn takes it', async () => {
    const played = await play({ verifies: [{ ...waiting, verdict: 'red' }, green] });
    expect(played.count('message')).toBe(0);
  });

  it('does not keep a job from its end for ever', async () => {
    const played = await play({
      verifies: [waiting],
      messages: [{ do: 'answer', answer: 'more' }],
      request: { budget: { max_cost_usd: null, max_tokens: null, max_turns: null, timeout_s: 1e6 } },
    });
    expect(played.count('message')).toBe(MAX_QUESTIONS);
    expect(played.result.outcome).toBe('proposed');
  });
});
