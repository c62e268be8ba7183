import { describe, expect, it } from 'vitest';
import { play, TWO_PARTS } from '../script.ts';

const steps = async (script: Parameters<typeof play>[0]) => (await play(script)).ran.map((r) => r.step);
const PLANNED = ['prepare', 'explore', 'plan', 'build', 'build', 'verify', 'propose', 'save', 'notify'];

describe('a job with phases', () => {
  it('explores, plans, builds piece by piece, and judges once', async () => {
    const played = await play({ phases: {} });
    expect(played.ran.map((r) => r.step)).toEqual(PLANNED);
    expect(played.builds.map((build) => build.turn)).toEqual([
      { kind: 'subtask', number: 1, of: 2, name: 'code', task: 'mend the sum', files: ['src/sum.js'] },
      { kind: 'subtask', number: 2, of: 2, name: 'callers', task: 'call it rightly', files: [] },
    ]);
    expect(played.result).toMatchObject({
      outcome: 'proposed',
      exploration_report_generated: true,
      iterations: 2,
      turns: 4,
      subtasks: [{ name: 'code' }, { name: 'callers' }],
    });
    expect(played.result.phases.map((phase) => phase.name)).toEqual(PLANNED.slice(0, 7));
  });

  it('fixes a red gate in one turn, and does not build its pieces again', async () => {
    const played = await play({
      phases: {},
      verifies: [
        { do: 'verify', verdict: 'red' },
        { do: 'verify', verdict: 'green' },
      ],
    });
    expect(played.builds.map((build) => build.turn.kind)).toEqual(['subtask', 'subtask', 'fix']);
    expect(played.result.outcome).toBe('proposed');
  });

  it('goes on with the next piece after an answer', async () => {
    const played = await play({
      phases: {},
      builds: [{ do: 'build', question: 'which?' }, { do: 'build' }],
    });
    expect(played.builds.map((build) => build.turn.kind)).toEqual(['subtask', 'answer', 'subtask']);
  });

  it('is no_change where no piece changed anything', async () => {
    const played = await play({ phases: {}, builds: [{ do: 'build', changed: false }] });
    expect(played.result.outcome).toBe('no_change');
    expect(played.count('build')).toBe(2);
  });

  it('builds a plan that can not be read as one piece, and says so', async () => {
    const played = await play({ phases: { plan: { do: 'plan', answer: 'no idea' } } });
    expect(played.builds.map((build) => build.turn)).toMatchObject([{ kind: 'subtask', number: 1, of: 1 }]);
    expect(played.result.notices.join()).toContain('the answer holds no plan');
  });

  it.each(['agent_failed', 'timed_out'] as const)('goes on without a phase that ends as %s', async (code) => {
    const played = await play({ phases: { explore: { do: 'fail', code } } });
    expect(played.ran.map((r) => r.step)).toEqual(PLANNED.filter((s) => s !== 'plan').toSpliced(2, 1));
    expect(played.builds.map((build) => build.turn.kind)).toEqual(['task']);
    expect(played.result).toMatchObject({ outcome: 'proposed', exploration_report_generated: false });
    expect(played.result.notices.join()).toContain('explore failed');
    const unplanned = await play({ phases: { plan: { do: 'fail', code } } });
    expect(unplanned.builds.map((build) => build.turn.kind)).toEqual(['task']);
    expect(unplanned.result.notices.join()).toContain('plan failed');
  });

  it('ends where a phase spent the budget or was cancelled', async () => {
    const spent = await play({ phases: { explore: { do: 'fail', code: 'budget_exceeded' } } });
    expect(spent.result.outcome).toBe('budget_exceeded');
    expect(spent.count('build')).toBe(0);
    expect((await play({ phases: { plan: { do: 'cancel' } } })).result.outcome).toBe('cancelled');
  });

  it('counts what the phases spend, and leaves them a share of the time', async () => {
    const usage = { cost_usd: 1, tokens_in: 10, tokens_out: 5, turns: 3 };
    const played = await play({
      phases: {
        explore: { do: 'explore', usage, seconds: 100 },
        plan: { do: 'plan', answer: TWO_PARTS, usage, seconds: 50 },
      },
      builds: [{ do: 'build', usage }],
      request: { budget: { max_cost_usd: 4, max_tokens: null, max_turns: null, timeout_s: 1000 } },
    });
    const looks = played.ran.filter((r) => r.step === 'explore' || r.step === 'plan').map((r) => r.input);
    expect(looks).toEqual([{ timeout_ms: 250_000 }, { timeout_ms: 225_000 }]);
    expect(played.builds[0]?.timeout_ms).toBe(850_000);
    expect(played.result).toMatchObject({ total_cost: 4, total_tokens_in: 40, turns: 12 });
    const poor = await play({
      phases: { explore: { do: 'explore', usage } },
      request: { budget: { max_cost_usd: 1, max_tokens: null, max_turns: null, timeout_s: 1000 } },
    });
    expect(poor.result.outcome).toBe('budget_exceeded');
    expect(poor.ran.map((r) => r.step)).toEqual(['prepare', 'explore', 'save', 'notify']);
  });

  it('is not paid twice: a replay takes explore and plan as they are stored', async () => {
    const script = { phases: { explore: { do: 'explore', report: 'first' } as const } };
    const first = await play(script);
    const stored = first.ran.filter((r) => r.result !== undefined).slice(0, 3);
    const died = { phases: { explore: { do: 'throw' }, plan: { do: 'throw' } } as const };
    const again = await play(died, stored);
    expect(again.ran.map((r) => r.step)).toEqual(PLANNED);
    expect(again.result).toEqual(first.result);
  });

  it('is asked for by prepare alone', async () => {
    expect(await steps({})).not.toContain('explore');
  });
});
