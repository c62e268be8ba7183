import { describe, expect, it } from 'vitest';
import { runStatusOf } from '../../../src/job/pipeline/summary.ts';
import { newWorld, playRun, type Act, type Played, type RunScript } from './script.ts';

const step = (name: string, depends_on: readonly string[] = [], more: object = {}) => ({
  name,
  task: `do ${name}`,
  depends_on,
  ...more,
});
const of = (...steps: readonly object[]) => ({ name: 'p', steps });
const DIAMOND = of(step('a'), step('b', ['a']), step('c', ['a']), step('d', ['b', 'c']));
const red: Act = { outcome: 'gate_failed' };

async function play(pipeline: unknown, script: Omit<RunScript, 'pipeline'> = {}): Promise<Played> {
  return playRun({ pipeline, ...script });
}

/** How each step ended: `a completed proposed`, and why. */
function ends({ result }: Played): readonly string[] {
  return (result?.run?.steps ?? []).map(({ name, status, outcome, error, reason }) =>
    [name, status, outcome, error?.message ?? reason].filter((part) => part !== null).join(' '),
  );
}

describe('a run', () => {
  it('runs a diamond, brings its work together and proposes it once', async () => {
    const played = await play(DIAMOND);
    const { result, world, ran } = played;
    expect(result).toMatchObject({ status: 'completed', outcome: 'proposed', total_cost: 0, error: null });
    expect(result?.run).toMatchObject({ run_id: 'run-0123456789ab', pipeline: 'p', status: 'completed' });
    expect(result?.summary).toBe(
      '- a: proposed: a did it\n- b: proposed: b did it\n- c: proposed: c did it\n- d: proposed: d did it',
    );
    expect(world.inputs.get('b')?.base_sha).toBe('=a');
    expect(world.inputs.get('d')?.base_sha).toBe('=a+b+c');
    // The first of b and c is taken as it is, and what d has made holds all.
    expect(world.assembled).toEqual([{ for: 'd', onto: '=a+b', changes: ['c'] }]);
    expect(world.told).toContain('laid =a+b+c+d');
    expect(ran.find((one) => one.step === 'propose')?.input).toMatchObject({
      draft: false,
      spent: { cost_usd: 4, turns: 4 },
    });
    expect(ran.filter((one) => one.step === 'save' || one.step === 'notify')).toHaveLength(2);
  });

  it('of one step takes its commit as it is', async () => {
    const { world, result } = await play(of(step('a')));
    expect(world.assembled).toEqual([]);
    expect(result?.outcome).toBe('proposed');
  });

  it('tells how steps stand', async () => {
    const { world } = await play(of(step('a', [], { approval: true })));
    expect(world.told).toEqual([
      'a needs_input',
      'asked May the step a begin?',
      'a running',
      'a completed',
      'laid =a',
    ]);
  });

  it('of steps that change nothing proposes nothing', async () => {
    const nothing = await play(of(step('a')), { acts: { a: { outcome: 'no_change' } } });
    expect(nothing.result).toMatchObject({ status: 'completed', outcome: 'no_change' });
    const answered = await play(of(step('a'), step('b', ['a'])), {
      acts: { a: { outcome: 'answered' }, b: { outcome: 'no_change' } },
    });
    expect(answered.result?.outcome).toBe('answered');
    expect(answered.world.log.join(' ')).not.toMatch(/propose|verify/);
  });

  it('of steps that undo each other proposes nothing', async () => {
    const { result, ran } = await play(of(step('a'), step('b', ['a'])), { isUndone: true });
    expect(result).toMatchObject({ outcome: 'no_change', run: { status: 'completed' } });
    expect(ran.map((one) => one.step)).not.toContain('propose');
  });

  it('gives outputs to tasks and conditions', async () => {
    const pipeline = of(
      step('lint', [], { mode: 'ask' }),
      step('fix', ['lint'], {
        task: 'Mend {{ steps.lint.output.count }}',
        condition: 'steps.lint.output.count > 0',
      }),
    );
    const act: Act = { outcome: 'answered', output: { count: 2 } };
    expect((await play(pipeline, { acts: { lint: act } })).world.inputs.get('fix')?.task).toBe('Mend 2');
    const none = await play(pipeline, { acts: { lint: { outcome: 'answered', output: { count: 0 } } } });
    expect(ends(none)).toEqual([
      'lint completed answered',
      'fix skipped its condition does not hold: steps.lint.output.count > 0',
    ]);
    expect(none.result?.run?.status).toBe('completed');
  });

  it('fails a step by the name of the output that is not there', async () => {
    const played = await play(of(step('a'), step('b', ['a'], { task: '{{steps.a.output.x}}' })));
    expect(ends(played)[1]).toBe(
      'b failed agent_failed steps.a.output.x: the step a gave no "x" (it has summary, outcome, tests_passed)',
    );
    const asked = await play(of(step('a'), step('b', ['a'], { condition: 'steps.a.output.x == 1' })));
    expect(asked.result?.error).toMatchObject({
      code: 'output_missing',
      message: 'step b: steps.a.output.x: the step a gave no "x" (it has summary, outcome, tests_passed)',
    });
  });
});

describe('a step that fails', () => {
  it('stops the run: the rest is skipped, nothing is proposed, the outcome is its own', async () => {
    const played = await play(DIAMOND, { acts: { a: red } });
    expect(ends(played)).toEqual([
      'a failed gate_failed a stayed red',
      'b skipped a failed, and stops the run',
      'c skipped a failed, and stops the run',
      'd skipped a failed, and stops the run',
    ]);
    expect(played.result).toMatchObject({
      status: 'failed',
      outcome: 'gate_failed',
      error: { message: 'step a: a stayed red' },
      run: { status: 'failed' },
    });
    expect(played.world.log.join(' ')).not.toMatch(/propose|verify|lay/);
  });

  it('with continue leaves out what depends on it, and the run ends completed_with_failures', async () => {
    const pipeline = of(
      step('a'),
      step('b', ['a'], { on_failure: 'continue' }),
      step('c', ['b']),
      step('d', ['c']),
      step('e', ['a']),
    );
    const played = await play(pipeline, { acts: { b: red } });
    expect(ends(played)).toEqual([
      'a completed proposed',
      'b failed gate_failed b stayed red',
      'c skipped b failed',
      'd skipped c was skipped',
      'e completed proposed',
    ]);
    expect(played.result).toMatchObject({
      status: 'completed',
      outcome: 'proposed',
      run: { status: 'completed_with_failures' },
    });
    expect(played.world.told).toContain('laid =a+e');
  });

  it('lets a step go on whose condition names it', async () => {
    const pipeline = of(
      step('test', [], { on_failure: 'continue' }),
      step('mend', ['test'], {
        condition: 'steps.test.status == "failed" and not steps.test.output.tests_passed',
        task: 'It said: {{steps.test.output.summary}}',
      }),
      step('after', ['mend']),
    );
    const failed = await play(pipeline, { acts: { test: red } });
    expect(failed.world.inputs.get('mend')?.task).toBe('It said: test did it');
    expect(ends(failed).slice(1)).toEqual(['mend completed proposed', 'after completed proposed']);
    // What it did not come to say is null; of a step that ended well that is an error.
    const count = { ...step('mend', ['test'], { condition: 'steps.test.output.count == null' }) };
    const counting = of(step('test', [], { on_failure: 'continue' }), count);
    expect(ends(await play(counting, { acts: { test: red } }))[1]).toBe('mend completed proposed');
    expect(ends(await play(counting))[1]).toMatch(/^mend failed .*gave no "count"/);
    // Left out by its own condition it counts as done: what is behind it runs.
    expect(ends(await play(pipeline)).slice(1)).toEqual([
      'mend skipped its condition does not hold: steps.test.status == "failed" and not steps.test.output.tests_passed',
      'after completed proposed',
    ]);
  });

  it('by the budget of the run ends it, whatever it says of failures', async () => {
    const pipeline = of(step('a', [], { on_failure: 'continue' }), step('b', ['a']));
    const played = await play(pipeline, { acts: { a: { refuse: 'budget_exceeded' } } });
    expect(played.result).toMatchObject({ outcome: 'budget_exceeded', run: { status: 'failed' } });
    expect(ends(played)[1]).toBe('b skipped the budget of the run is spent');
  });

  it('because somebody cancelled its job ends the run as cancelled', async () => {
    const { result } = await play(of(step('a')), { acts: { a: { outcome: 'cancelled' } } });
    expect(result).toMatchObject({ status: 'cancelled', outcome: 'cancelled', run: { status: 'cancelled' } });
  });
});

describe('an approval', () => {
  it('that is refused fails the step and names who and why', async () => {
    const pipeline = of(
      step('a'),
      step('b', ['a'], { approval: { approvers: ['ann'], message: 'Ship {{steps.a.output.summary}}?' } }),
    );
    const played = await play(pipeline, { refused: ['b'] });
    expect(played.result).toMatchObject({
      outcome: 'refused',
      error: { code: 'not_approved', message: 'step b: ann did not approve: too early' },
    });
    expect(played.world.told).toContain('asked Ship a did it?');
  });

  it('has a question to answer, whatever the steps before it said', async () => {
    const message = '{{steps.a.output.note}}';
    const pipeline = of(step('a'), step('b', ['a'], { approval: { message } }));
    const asked = async (note: string): Promise<string | undefined> => {
      const acts = { a: { outcome: 'proposed', output: { note } } } as const;
      const { world } = await play(pipeline, { acts });
      return world.told.find((line) => line.startsWith('asked '));
    };
    expect(await asked(' \n\0')).toBe('asked May the step b begin?');
    expect((await asked('x'.repeat(30_000)))?.length).toBe('asked '.length + 16_000);
  });

  it('that nobody gave is not waited for once the run has failed', async () => {
    const pipeline = of(step('a', [], { approval: true }), step('b'));
    const played = await play(pipeline, { unanswered: ['a'], acts: { b: red } });
    expect(ends(played)).toEqual([
      'a skipped b failed, and stops the run',
      'b failed gate_failed b stayed red',
    ]);
    expect((await play(pipeline, { unanswered: ['a'] })).result).toBeNull();
  });
});

describe('work that does not fit', () => {
  const conflicts = [['b', 'c']] as const;

  it('fails the step that was to begin with it, and names steps and files', async () => {
    const played = await play(DIAMOND, { conflicts });
    expect(ends(played)[3]).toBe(
      'd failed refused the work of c does not fit with that of b: both change src/both.ts',
    );
    expect(played.result).toMatchObject({ outcome: 'refused', error: { code: 'conflict' } });
  });

  it('fails the run where only the pull request needs both', async () => {
    const played = await play(of(step('b'), step('c')), { conflicts });
    expect(played.result).toMatchObject({
      outcome: 'refused',
      error: {
        code: 'conflict',
        message: 'the work of c does not fit with that of b: both change src/both.ts',
        hint: 'let one of the steps depend on the other, or set resolve: agent',
      },
    });
  });

  it('is solved by an agent, and its head goes on with what remains', async () => {
    const pipeline = { ...of(step('b'), step('c'), step('e'), step('d', ['b', 'c', 'e'])), resolve: 'agent' };
    const played = await play(pipeline, { conflicts });
    expect(played.result?.outcome).toBe('proposed');
    expect(played.world.inputs.get('resolve:d')).toMatchObject({
      kind: 'resolve',
      base_sha: '=b',
      start: '=b+c',
      conflicts: ['src/both.ts'],
      task: expect.stringMatching(
        /The work of the step c is added to that of b.*"src\/both.ts".*was to do\ndo b.*do c$/s,
      ),
    });
    expect(played.world.assembled).toEqual([
      { for: 'd', onto: '=b', changes: ['c', 'e'] },
      { for: 'd', onto: '=b+c', changes: ['e'] },
    ]);
    expect(played.world.told).toContain('laid =b+c+d+e');
  });

  it('that an agent could not solve is the same failure', async () => {
    const pipeline = { ...of(step('b'), step('c')), resolve: 'agent' };
    for (const act of [red, { outcome: 'no_change' }] as const) {
      const { result } = await play(pipeline, { conflicts, acts: { 'resolve:c': act } });
      expect(result?.error?.code).toBe('conflict');
      expect(result?.error?.message).toContain(`; the agent that was to solve it ended as ${act.outcome}`);
    }
  });

  it('is not solved twice: a step that changed nothing passes on what it began with', async () => {
    const pipeline = {
      ...of(step('b'), step('c'), step('look', ['b', 'c']), step('d', ['look'])),
      resolve: 'agent',
    };
    const { world } = await play(pipeline, { conflicts, acts: { look: { outcome: 'answered' } } });
    expect(world.inputs.get('d')?.base_sha).toBe('=b+c');
    expect(world.assembled).toHaveLength(1);
  });
});

describe('the whole is judged by the rules of every job', () => {
  const one = of(step('a'));

  it.each([
    ['red', {}, 'gate_failed', []],
    ['red', { on_red: 'draft' }, 'gate_failed', ['gate-red']],
    ['none', {}, 'proposed', ['unverified']],
    ['none', { on_none: 'block' }, 'refused', []],
    ['inconclusive', { on_inconclusive: 'open' }, 'proposed', []],
    ['green', {}, 'proposed', []],
  ] as const)('%s with %j: %s, %j', async (verdict, policy, outcome, labels) => {
    const { result } = await play(one, { rest: { verifies: [{ do: 'verify', verdict }], policy } });
    expect(result).toMatchObject({ outcome, labels });
    expect(result?.draft).toBe(labels.length > 0);
  });

  it('a message to the run is no turn of an agent', async () => {
    const { result } = await play(one, {
      rest: { verifies: [{ do: 'verify', verdict: 'green', messageWaits: true }] },
    });
    expect(result?.outcome).toBe('proposed');
  });

  it('a base that moved: carried over by prepare, judged again, and laid once', async () => {
    const { world, result } = await play(one, {
      rest: { upstream: 'ann/tool', rebases: [{ do: 'rebase', onto: 'd'.repeat(40), fits: true }] },
    });
    expect(result?.outcome).toBe('proposed');
    expect(world.log.filter((line) => line.startsWith('end')).map((line) => line.slice(4))).toEqual([
      'prepare-1',
      'child:a-1',
      'lay-1',
      'verify-1',
      'rebase-1',
      'prepare-2',
      'verify-2',
      'rebase-2',
      'propose-1',
    ]);
  });
});

describe('whatever happens, the work is saved and told of once', () => {
  it.each<[string, Omit<RunScript, 'pipeline'>, string]>([
    ['prepare fails', { rest: { prepare: { do: 'fail', code: 'base_missing' } } }, 'refused'],
    ['prepare throws', { rest: { prepare: { do: 'throw' } } }, 'infra_failed'],
    [
      'one of several is cancelled',
      { acts: { b: { throw: 'infra' }, c: { throw: 'cancelled' } } },
      'cancelled',
    ],
    ['one of several throws', { acts: { b: { throw: 'infra' } } }, 'infra_failed'],
    ['the gate throws', { rest: { verifies: [{ do: 'throw' }] } }, 'infra_failed'],
  ])('%s', async (_what, script, outcome) => {
    const { result, ran } = await play(DIAMOND, script);
    expect(result?.outcome).toBe(outcome);
    expect(result?.run?.steps).toHaveLength(4);
    expect(ran.filter((one) => one.step === 'save' || one.step === 'notify').map((one) => one.step)).toEqual([
      'save',
      'notify',
    ]);
  });
});

it('the status of a run follows from its job and its steps', () => {
  expect(runStatusOf('completed', [{ status: 'completed' }, { status: 'skipped' }])).toBe('completed');
  expect(runStatusOf('completed', [{ status: 'cancelled' }])).toBe('completed_with_failures');
  expect(runStatusOf('running', [{ status: 'failed' }])).toBe('running');
});

describe('after a crash, what was decided before holds, whatever is heard first:', () => {
  const failed = { ok: false, error: { code: 'agent_failed', blame: 'operator', message: 'no', hint: null } };

  it.each([
    [
      'a refused approval, behind which a step began',
      of(
        step('x'),
        step('a', [], { approval: true, on_failure: 'continue' }),
        step('b', ['a'], { condition: 'steps.a.status == "failed"' }),
      ),
      { 'approve:a-1': { ok: true, approved: false, by: 'ann', comment: null }, 'child:x-1': failed },
    ],
    [
      'a condition that left a step out, behind which another began',
      of(step('x'), step('a'), step('s', ['a'], { condition: 'false' }), step('b', ['s'])),
      {
        'child:a-1': {
          ok: true,
          job_id: 'job-of-a',
          outcome: 'no_change',
          head_sha: null,
          output: {},
          error: null,
        },
        'child:x-1': failed,
      },
    ],
  ])('%s', async (_what, pipeline, stored) => {
    for (let seed = 0; seed < 12; seed++) {
      const world = newWorld();
      for (const [key, value] of [...Object.entries(stored), ['child:b-1', null] as const]) {
        world.begun.add(key);
        if (value !== null) world.records.set(key, value);
      }
      const played = await playRun({ pipeline }, { seed, world });
      expect(ends(played).at(-1)).toBe('b completed proposed');
      expect(played.result?.outcome).toBe('agent_failed');
    }
  });

  it('a failure that stops the run is heard before anything new begins', async () => {
    for (let seed = 0; seed < 12; seed++) {
      const world = newWorld();
      const done = {
        ok: true,
        job_id: 'job-of-a',
        outcome: 'no_change',
        head_sha: null,
        output: {},
        error: null,
      };
      for (const [key, value] of [
        ['child:a-1', done],
        ['child:x-1', failed],
      ] as const) {
        world.begun.add(key);
        world.records.set(key, value);
      }
      const played = await playRun({ pipeline: of(step('x'), step('a'), step('b', ['a'])) }, { seed, world });
      expect(ends(played)[2]).toBe('b skipped x failed, and stops the run');
      expect(world.log.join()).not.toContain('child:b');
    }
  });
});

describe('a run that is tried again', () => {
  it('takes over what was successful, and runs what failed and what is behind it', async () => {
    const script = { pipeline: DIAMOND, acts: { c: red } };
    const first = await playRun(script);
    expect(ends(first)[2]).toBe('c failed gate_failed c stayed red');
    const done = Object.fromEntries(
      (first.result?.run?.steps ?? [])
        .filter(({ status }) => status === 'completed')
        .map((end) => {
          const base_sha = end.name === 'a' ? 'b'.repeat(40) : '=a';
          const head_sha = end.name === 'a' ? '=a' : `=a+${end.name}`;
          return [end.name, { ...end, output: {}, base_sha, head_sha }] as const;
        }),
    );
    expect(Object.keys(done)).toEqual(['a', 'b']);
    const again = await playRun({ pipeline: DIAMOND, before: done });
    expect([...again.world.inputs.keys()]).toEqual(['c', 'd']);
    expect(again.world.inputs.get('d')?.base_sha).toBe('=a+b+c');
    expect(again.result?.outcome).toBe('proposed');
  });

  it('runs a step again whose foundations are others now', async () => {
    const pipeline = of(
      step('a', [], { on_failure: 'continue' }),
      step('b', ['a'], { condition: 'steps.a.status != "skipped"' }),
    );
    const before = {
      b: {
        name: 'b',
        job_id: 'job-of-b',
        status: 'completed',
        outcome: 'proposed',
        output: {},
        base_sha: 'b'.repeat(40),
        head_sha: '=b',
        error: null,
        reason: null,
      },
    } as const;
    const mended = await playRun({ pipeline, before });
    expect([...mended.world.inputs.keys()]).toEqual(['a', 'b']);
    const red_again = await playRun({ pipeline, before, acts: { a: red } });
    expect([...red_again.world.inputs.keys()]).toEqual(['a']);
    expect(red_again.world.told).toContain('laid =b');
  });
});
