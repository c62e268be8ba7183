import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EQUAL_FAILURES_TO_GIVE_UP, MAX_QUESTIONS, MAX_REBASES } from '../../src/job/decide.ts';
import { MAX_SUBTASKS } from '../../src/job/phases/plan.ts';
import { runJob } from '../../src/job/procedure.ts';
import type { Policy } from '../../src/job/request.ts';
import { OUTCOMES } from '../../src/job/status.ts';
import type { Entry, Usage } from '../../src/job/step.ts';
import {
  ALL_CODES,
  BLOCKING,
  DRAFTING,
  job,
  play,
  REPORTING,
  scriptedSteps,
  UNLIKE_FAILURES,
  type BuildAct,
  type Played,
  type Ran,
  type Script,
  type Trouble,
  type VerifyAct,
} from './script.ts';

const MAX_RUNS = 12;

const usage: fc.Arbitrary<Usage | null> = fc.option(
  fc.record({
    cost_usd: fc.option(fc.double({ min: 0, max: 4, noNaN: true }), { nil: null }),
    tokens_in: fc.nat(1000),
    tokens_out: fc.nat(1000),
    turns: fc.nat(5),
  }),
  { nil: null },
);
const seconds = fc.integer({ min: 0, max: 2000 });
const code = fc.constantFrom(...ALL_CODES);
const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  fc.record({ do: fc.constant('fail' as const), code, usage, seconds }),
  fc.constant({ do: 'cancel' as const }),
  fc.constant({ do: 'throw' as const }),
  fc.record({ do: fc.constant('throw' as const), code }),
);
const rarely = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<T | Trouble> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: trouble });

const build: fc.Arbitrary<BuildAct> = rarely(
  fc.record({
    do: fc.constant('build' as const),
    changed: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, fc.boolean()),
    question: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, fc.constant('which?')),
    usage,
    seconds,
  }),
);
const verify: fc.Arbitrary<VerifyAct> = rarely(
  fc.record({
    do: fc.constant('verify' as const),
    verdict: fc.oneof(
      { weight: 4, arbitrary: fc.constant('red' as const) },
      fc.constantFrom('green' as const, 'inconclusive' as const, 'none' as const),
    ),
    failure: fc.oneof(fc.constantFrom(...UNLIKE_FAILURES), fc.string()),
    tamper: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      fc.array(fc.constantFrom(BLOCKING, DRAFTING, REPORTING), { maxLength: 3 }),
    ),
  }),
);
const phases: fc.Arbitrary<NonNullable<Script['phases']>> = fc.record({
  explore: rarely(fc.record({ do: fc.constant('explore' as const), report: fc.string(), usage, seconds })),
  plan: rarely(
    fc.record({
      do: fc.constant('plan' as const),
      answer: fc.oneof(
        fc.string(),
        fc
          .uniqueArray(fc.string({ minLength: 1 }), { maxLength: 8 })
          .map((names) => JSON.stringify({ subtasks: names.map((name) => ({ name, task: name })) })),
      ),
      usage,
      seconds,
    }),
  ),
});
const policy: fc.Arbitrary<Policy> = fc.record({
  on_red: fc.constantFrom('block', 'draft'),
  on_inconclusive: fc.constantFrom('block', 'draft', 'open'),
  on_none: fc.constantFrom('block', 'draft', 'open'),
  on_tamper: fc.constantFrom('block', 'draft', 'allow'),
});
const limit = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: null });
const plain = fc.record({
  prepare: rarely(fc.constant({ do: 'prepare' as const })),
  builds: fc.array(build, { minLength: 1, maxLength: 20 }),
  messages: fc.array(rarely(fc.record({ do: fc.constant('answer' as const), answer: fc.string() })), {
    minLength: 1,
    maxLength: 4,
  }),
  verifies: fc.array(verify, { minLength: 1, maxLength: 14 }),
  rebases: fc.array(
    rarely(
      fc.record({
        do: fc.constant('rebase' as const),
        onto: fc.constantFrom(undefined, 'd'.repeat(40)),
        fits: fc.boolean(),
      }),
    ),
    { maxLength: 5 },
  ),
  upstream: fc.constantFrom(undefined, 'ann/tool'),
  propose: rarely(
    fc.record({
      do: fc.constant('propose' as const),
      outcome: fc.constantFrom('pr_opened', 'pr_updated', 'proposed'),
    }),
  ),
  save: fc.oneof(
    fc.record({ do: fc.constant('save' as const), ref: fc.constantFrom(null, 'refs/agent-runner/wip/x') }),
    fc.record({ do: fc.constant('fail' as const), code }),
  ),
  policy,
  maxGateRuns: fc.integer({ min: 1, max: MAX_RUNS }),
  request: fc.record({
    mode: fc.oneof({ weight: 8, arbitrary: fc.constant('change' as const) }, fc.constant('ask' as const)),
    draft: fc.boolean(),
    budget: fc.record({
      max_cost_usd: limit(20),
      max_tokens: limit(20_000),
      max_turns: limit(40),
      timeout_s: fc.integer({ min: 1, max: 20_000 }),
    }),
  }),
});

const script: fc.Arbitrary<Script> = fc
  .tuple(plain, fc.option(phases, { nil: null }))
  .map(([story, looks]): Script => (looks === null ? story : { ...story, phases: looks }));

/** Checks `says` on many stories. */
async function always(says: (played: Played, script: Script) => void): Promise<void> {
  await fc.assert(
    fc.asyncProperty(script, async (story) => {
      says(await play(story), story);
    }),
    { numRuns: 400 },
  );
}

/** The history that a played story had when it ended. */
function historyOf(played: Played): readonly Entry[] {
  return played.ran
    .filter((r) => r.result !== undefined)
    .map((r) => ({ ...r, ...(r.input as object) }) as unknown as Entry);
}

function lastVerified(played: Played): Extract<Entry, { step: 'verify' }>['result'] | undefined {
  return historyOf(played).findLast((e) => e.step === 'verify')?.result;
}

/** How often a change was carried over to a base that moved. */
function rebased(played: Played): number {
  return historyOf(played).filter((e) => e.step === 'rebase' && e.result.ok && e.result.fits).length;
}

describe('every story', () => {
  it('ends in exactly one outcome, with its status and a known exit code', async () => {
    await always(({ result }) => {
      if (result.outcome === null) throw new Error('no outcome');
      expect(result.status).toBe(OUTCOMES[result.outcome].status);
      expect([0, 1, 2, 3, 4, 5, 7, 130]).toContain(OUTCOMES[result.outcome].exit_code);
      expect(result.error === null || result.error.message !== '').toBe(true);
    });
  });

  it('names an error exactly when it is no success, apart from work that could not be saved', async () => {
    await always(({ result }, { save }) => {
      if (result.status !== 'completed') expect(result.error).not.toBeNull();
      else expect(result.error !== null).toBe(save?.do === 'fail');
    });
  });

  it('saves and notifies exactly once, last and in this order', async () => {
    await always((played) => {
      expect([played.count('save'), played.count('notify')]).toEqual([1, 1]);
      expect(played.ran.slice(-2).map((r) => r.step)).toEqual(['save', 'notify']);
      expect(played.ran.at(-2)?.input).toEqual({ outcome: played.result.outcome });
    });
  });

  it('stays within its bounds of gate runs, builds, questions and proposals', async () => {
    await always((played, { maxGateRuns = 5 }) => {
      const carried = rebased(played);
      expect(carried).toBeLessThanOrEqual(MAX_REBASES);
      expect(played.count('prepare')).toBeLessThanOrEqual(1 + carried);
      expect(played.count('verify')).toBeLessThanOrEqual(maxGateRuns + carried);
      expect(played.count('message')).toBeLessThanOrEqual(MAX_QUESTIONS);
      expect(played.count('build')).toBeLessThanOrEqual(maxGateRuns + MAX_QUESTIONS + MAX_SUBTASKS - 1);
      expect(played.count('explore')).toBeLessThanOrEqual(1);
      expect(played.count('plan')).toBeLessThanOrEqual(played.count('explore'));
      expect(played.count('propose')).toBeLessThanOrEqual(1);
      expect(played.builds.filter((b) => b.turn.kind === 'tamper').length).toBeLessThanOrEqual(1);
      for (const { timeout_ms } of played.builds) expect(timeout_ms).toBeGreaterThan(0);
    });
  });

  it('claims a proposal only with a green gate or a policy that allows it, and never over a red one', async () => {
    await always((played, { policy: rules }) => {
      if (!['pr_opened', 'pr_updated', 'proposed'].includes(played.result.outcome ?? '')) return;
      const last = lastVerified(played);
      if (last?.ok !== true) throw new Error('a proposal without a gate');
      expect(last.report.verdict).not.toBe('red');
      if (last.report.verdict === 'none') expect(rules?.on_none).not.toBe('block');
      if (last.report.verdict === 'inconclusive') expect(rules?.on_inconclusive).not.toBe('block');
      if (played.result.tests_passed) expect(last.report.verdict).toBe('green');
      const red = last.report.checks.some((one) => one.kind === 'test' && one.verdict === 'pre_existing');
      expect(played.result.tests_passed).toBe(last.report.verdict === 'green' && !red);
    });
  });

  it('proposes a red change only as a draft under on_red: draft, and then does not succeed', async () => {
    await always((played, { policy: rules }) => {
      const last = lastVerified(played);
      if (played.count('propose') === 0 || last?.ok !== true || last.report.verdict !== 'red') return;
      expect(rules?.on_red).toBe('draft');
      expect(played.proposals[0]?.draft).toBe(true);
      expect(played.result.status).not.toBe('completed');
    });
  });

  it('never proposes what weakens its judge against the policy, and what it drafts it labels', async () => {
    await always((played, { policy: rules }) => {
      const last = lastVerified(played);
      if (played.count('propose') === 0 || last?.ok !== true) return;
      const severities = last.report.tamper.map((finding) => finding.severity);
      if (rules?.on_tamper === 'block') expect(severities).not.toContain('block');
      if (rules?.on_tamper !== 'allow' && severities.some((s) => s !== 'report')) {
        expect(played.proposals[0]).toMatchObject({ draft: true });
        expect(played.proposals[0]?.labels).toContain('judge-changed');
      }
    });
  });

  it('gives up only in debug mode, and ends as gate_failed only when it is not stuck and has no run left', async () => {
    await always((played, { maxGateRuns = 5 }) => {
      const failed = played.ran.some((r) => (r.result as { ok: boolean } | undefined)?.ok === false);
      const threw = played.ran.some(
        (r) => r.result === undefined && r.step !== 'save' && r.step !== 'notify',
      );
      if (failed || threw) return;
      if (played.result.outcome === 'gave_up') {
        expect(played.result.debug_mode).toBe(true);
        expect(played.count('verify')).toBeGreaterThan(EQUAL_FAILURES_TO_GIVE_UP);
      }
      if (played.result.outcome === 'gate_failed')
        expect(played.count('verify')).toBe(maxGateRuns + rebased(played));
    });
  });

  it('never builds on without a budget', async () => {
    await always((played, { request }) => {
      const budget = request?.budget;
      if (budget === undefined) return;
      let [turns, tokens] = [0, 0];
      for (const entry of historyOf(played)) {
        if (entry.step !== 'build' && entry.step !== 'explore' && entry.step !== 'plan') continue;
        if (budget.max_turns !== null) expect(turns).toBeLessThan(budget.max_turns);
        if (budget.max_tokens !== null) expect(tokens).toBeLessThan(budget.max_tokens);
        turns += entry.result.usage?.turns ?? 1;
        tokens += (entry.result.usage?.tokens_in ?? 0) + (entry.result.usage?.tokens_out ?? 0);
      }
    });
  });

  it('proposes nothing that was not judged on the base it goes to', async () => {
    await always((played, { upstream }) => {
      const order = played.ran.map((r) => r.step);
      if (upstream === undefined) expect(order).not.toContain('rebase');
      const carried = historyOf(played).findLastIndex(
        (e) => e.step === 'rebase' && e.result.ok && e.result.fits,
      );
      const proposed = order.indexOf('propose');
      if (carried < 0 || proposed < 0) return;
      expect(order.slice(carried + 1, carried + 3)).toEqual(['prepare', 'verify']);
    });
  });

  it('is plain JSON from end to end', async () => {
    await always(({ result }) => {
      expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    });
  });
});

describe('phases', () => {
  it('come before every build, once, and each piece is built at most once and in its order', async () => {
    await always((played, { phases: looks }) => {
      const order = played.ran.map((r) => r.step);
      if (looks === undefined) expect(order).not.toContain('explore');
      const firstBuild = order.indexOf('build');
      if (firstBuild >= 0) expect(order.lastIndexOf('plan')).toBeLessThan(firstBuild);
      const parts = played.builds.flatMap(({ turn }) => (turn.kind === 'subtask' ? [turn.number] : []));
      expect(parts).toEqual(parts.map((_, at) => at + 1));
      const judged = order.indexOf('verify');
      const before = played.ran.slice(0, judged).filter((r) => r.step === 'build').length;
      const late = played.builds.slice(before).filter(({ turn }) => turn.kind === 'subtask');
      if (judged >= 0) expect(late).toEqual([]);
    });
  });
});

describe('replay', () => {
  it('takes the same way and ends the same from any prefix of its recorded results', async () => {
    await fc.assert(
      fc.asyncProperty(script, fc.nat(60), async (story, cut) => {
        const first = await play(story);
        const recorded = first.ran.filter((r) => r.result !== undefined);
        const again = await play(story, recorded.slice(0, cut % (recorded.length + 1)));
        expect(again.ran).toEqual(first.ran);
        expect(again.result).toEqual(first.result);
      }),
      { numRuns: 400 },
    );
  });

  it('survives JSON: results read back from a store decide alike', async () => {
    await fc.assert(
      fc.asyncProperty(script, async (story) => {
        const first = await play(story);
        const recorded = JSON.parse(JSON.stringify(first.ran.filter((r) => r.result !== undefined))) as Ran[];
        const ran: Ran[] = [];
        expect(await runJob(job(story.request), scriptedSteps(story, ran, recorded))).toEqual(first.result);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the generators', () => {
  it('reach every outcome, so that the properties above are about something', async () => {
    const seen = new Set<string>();
    const samples = fc.sample(script, { numRuns: 4000, seed: 7 });
    for (const story of samples) seen.add((await play(story)).result.outcome ?? 'none');
    expect(Object.keys(OUTCOMES).filter((outcome) => !seen.has(outcome))).toEqual([]);
  });
});
