/** What the pages make of pipelines and runs, without a browser: where steps are drawn, how they stand, and in what words. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { beside, draw, meets, orderOf, type Node } from '../../dashboard/src/runs/graph/layout.ts';
import { offsetOf, textOf } from '../../dashboard/src/runs/text.ts';
import {
  cameOf,
  happenedTo,
  notesOf,
  ownEvents,
  progressOf,
  readableEvents,
  shownSteps,
  timesOf,
  toldOfStep,
  toldOfWhole,
  whyNot,
  withSkipped,
  type RunStep,
} from '../../dashboard/src/runs/told.ts';
import type { JobEvent } from '../../src/job/job.ts';
import { checkPipeline } from '../../src/job/pipeline/parse.ts';
import { RUN } from '../../src/server/pipelines/schema.ts';

function node(name: string, ...depends_on: readonly string[]): Node {
  return { name, depends_on };
}

const DIAMOND: readonly Node[] = [node('a'), node('b', 'a'), node('c', 'a'), node('d', 'b', 'c'), node('e')];

function step(name: string, more: Partial<RunStep> = {}): RunStep {
  return {
    name,
    job_id: null,
    status: 'queued',
    outcome: null,
    output: {},
    error: null,
    reason: null,
    depends_on: [],
    approval: null,
    needs_approval: false,
    decision: null,
    mode: 'change',
    total_cost: null,
    ...more,
  };
}

let seq = 0;
function phase(data: JobEvent['data'], time: string): JobEvent {
  return { seq: ++seq, job_id: 'job-1', type: 'phase', phase: 'build', attempt: 1, time, data };
}

describe('the drawing', () => {
  test('puts each step to the right of all that it waits for, and no two over each other', () => {
    // As defined, dependents come first, and one is called like what every object has.
    const steps = [...DIAMOND, node('constructor', 'd'), node('toString', 'constructor')].toReversed();
    const { nodes, edges } = draw(steps);
    const at = new Map(nodes.map((one) => [one.name, one]));
    expect(nodes).toHaveLength(steps.length);
    expect(edges).toHaveLength(6);
    for (const { name, depends_on: on } of steps)
      for (const other of on) expect(at.get(other)?.right).toBeLessThan(at.get(name)?.left ?? 0);
    for (const one of nodes)
      for (const other of nodes) if (one !== other) expect(meets(one, other)).toBe(false);
    for (const { from, to, path } of edges) {
      const [source, target] = [at.get(from), at.get(to)];
      expect(path.startsWith(`M${source?.right} `)).toBe(true);
      expect(path).toMatch(new RegExp(` ${target?.left} \\d+$`));
    }
  });

  test('is in topological order, whatever the order of the definition', () => {
    for (const steps of [DIAMOND, DIAMOND.toReversed()]) {
      const order = orderOf(steps);
      expect(order.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
      for (const { name, depends_on: on } of steps)
        for (const other of on) expect(order.indexOf(other)).toBeLessThan(order.indexOf(name));
    }
  });

  test('is walked by arrow keys: along edges, to who stands beside, to both ends, and nowhere else', () => {
    const drawing = draw(DIAMOND);
    const [upper, lower] = ['b', 'c'].toSorted((one, other) => {
      const top = (name: string): number => drawing.nodes.find((at) => at.name === name)?.top ?? 0;
      return top(one) - top(other);
    });
    expect(['b', 'c']).toContain(beside(drawing, 'a', 'ArrowRight'));
    expect(beside(drawing, 'b', 'ArrowRight')).toBe('d');
    expect(beside(drawing, 'c', 'ArrowLeft')).toBe('a');
    expect(beside(drawing, upper ?? '', 'ArrowDown')).toBe(lower);
    expect(beside(drawing, lower ?? '', 'ArrowUp')).toBe(upper);
    expect(beside(drawing, 'a', 'ArrowLeft')).toBeNull();
    expect(beside(drawing, 'd', 'ArrowRight')).toBeNull();
    expect(beside(drawing, 'a', 'End')).toBe(drawing.nodes.at(-1)?.name);
    expect(beside(drawing, 'd', 'Home')).toBe('a');
    expect(beside(drawing, 'a', 'x')).toBeNull();
    expect(beside(drawing, 'nobody', 'Home')).toBeNull();
  });
});

describe('a step', () => {
  test('that waits for others, for a place, or was left out, is told in words of its own', () => {
    const words = [
      step('a'),
      step('a', { job_id: 'job-1' }),
      step('a', { status: 'skipped', reason: 'b failed' }),
      step('a', { status: 'needs_input' }),
      step('a', { status: 'completed', outcome: 'proposed', job_id: 'job-1' }),
    ].map((one) => toldOfStep(one).word);
    expect(words).toEqual(['Waiting', 'Queued', 'Skipped', 'Asks you', 'Proposed']);
    expect(new Set(words).size).toBe(words.length);
  });

  test('says what became of it, or what it waits for', () => {
    const all = [
      step('done', { status: 'completed', outcome: 'proposed', output: { summary: '\n  It is so.\nMore' } }),
      step('runs', { status: 'running' }),
      step('waits', { depends_on: ['done', 'runs'] }),
      step('next', { depends_on: ['done'] }),
      step('queued', { job_id: 'job-1' }),
      step('asks', { status: 'needs_input', approval: { approvers: [], message: 'Shall it?\u202e' } }),
      step('agent', { status: 'needs_input' }),
      step('left', { status: 'skipped', reason: 'its condition does not hold' }),
    ];
    const byName = new Map(all.map((one) => [one.name, one]));
    expect(all.map((one) => cameOf(one, byName))).toEqual([
      'It is so.',
      '',
      'Waits for runs',
      'It is about to begin',
      'It waits for its turn',
      'Asks: Shall it?⟨202E⟩',
      'Its agent asks something',
      'its condition does not hold',
    ]);
  });

  test('names who decided, and the run that did it before', () => {
    const decision = { approved: false, by: 'Bob', comment: 'Not on a Friday', time: '2026-11-20T10:00:00Z' };
    expect(notesOf(step('a', { decision }), null, null)).toEqual(['rejected by Bob: “Not on a Friday”']);
    const done = step('a', { status: 'completed', job_id: 'job-1' });
    expect(notesOf(done, 'run-1', null)).toEqual(['done in run-1 already']);
    expect(notesOf(done, 'run-1', { startedAt: '2026-11-20T10:00:00Z', ms: 1 })).toEqual([]);
  });
});

describe('a run', () => {
  test('that asks while other steps go on asks, and says how far it is', () => {
    const steps = [
      step('a', { status: 'completed', outcome: 'proposed' }),
      step('b', { status: 'running' }),
      step('c', { status: 'needs_input' }),
      step('d'),
    ];
    const run = { ...RUN, status: 'running', outcome: null, steps } as const;
    expect(toldOfWhole(run).word).toBe('Asks you');
    expect(toldOfWhole({ ...run, steps: steps.slice(0, 2) }).word).toBe('Running');
    expect(happenedTo(run, null)).toBe('1 step at work, 1 step waiting for a person');
    expect(happenedTo(run, 'verify')).toBe('The gate judges all steps together');
    expect(progressOf(steps)).toMatchObject({
      of: 4,
      ended: 1,
      running: 1,
      asking: 1,
      failed: 0,
      cancelled: 0,
    });
    const marred = { ...RUN, status: 'completed_with_failures' } as const;
    expect(toldOfWhole(marred).word).toBe('With failures');
  });

  test('is read from its log: times of its steps, and what it does itself apart from them', () => {
    const events = [
      phase({ step: 'prepare-1', state: 'started' }, '2026-11-20T10:00:00.000Z'),
      phase({ step: 'build-1', state: 'running' }, '2026-11-20T10:00:01.000Z'),
      phase({ step: 'child:build-1-1', state: 'started' }, '2026-11-20T10:00:01.000Z'),
      phase({ step: 'build-1', state: 'ended', outcome: 'proposed' }, '2026-11-20T10:00:03.500Z'),
      phase({ step: 'late', state: 'running' }, '2026-11-20T10:00:04.000Z'),
      // Taken up again, it tells once more of what had ended.
      phase({ step: 'build-1', state: 'running' }, '2026-11-20T10:00:04.500Z'),
      phase({ step: 'child:build-1-1', state: 'replayed' }, '2026-11-20T10:00:04.501Z'),
      phase({ step: 'build-1', state: 'ended', outcome: 'proposed' }, '2026-11-20T10:00:04.502Z'),
      phase(
        { step: 'out', state: 'ended', status: 'skipped', reason: 'b failed' },
        '2026-11-20T10:00:05.000Z',
      ),
      phase({ step: 'assemble:-1', state: 'failed', message: 'a conflict' }, '2026-11-20T10:00:06.000Z'),
    ];
    const times = timesOf(events);
    expect(times.get('build-1')).toEqual({ startedAt: '2026-11-20T10:00:01.000Z', ms: 2500 });
    expect(times.get('late')?.ms).toBeNull();
    expect(times.has('out')).toBe(false);
    expect(ownEvents(events).map(({ data }) => data['step'])).toEqual(['prepare-1']);
    expect(
      readableEvents(events).map(({ data: { step: name, state } }) => `${String(name)} ${String(state)}`),
    ).toEqual([
      'prepare-1 started',
      'step build-1: running',
      'step build-1: proposed',
      'step late: running',
      'step build-1: running',
      'step build-1: proposed',
      'step out: skipped',
      'assemble:-1 failed',
    ]);
    const whole = {
      ...RUN,
      steps: [step('late', { status: 'running', job_id: 'job-3' }), step('out'), step('b')],
    };
    expect(withSkipped(whole, events).steps.map(({ status, reason }) => [status, reason])).toEqual([
      ['running', null],
      ['skipped', 'b failed'],
      ['queued', null],
    ]);
    const [shown] = shownSteps(
      { steps: [step('build-1', { status: 'running', job_id: 'job-2' })], retries: null },
      times,
    );
    expect(shown).toMatchObject({ href: '/job/job-2', kind: 'change', time: { ms: 2500 } });
  });

  test('is answered by whom the step names, and by nobody who only looks', () => {
    const ann = { role: 'admin', id: '0123', name: 'Ann' };
    expect(whyNot(ann, [])).toBeNull();
    expect(whyNot(ann, ['Bob', 'Ann'])).toBeNull();
    expect(whyNot(ann, ['Bob', 'Cy'])).toBe('Bob, Cy may answer; you are Ann.');
    expect(whyNot({ ...ann, role: 'read' }, ['Ann'])).toMatch(/role submit/);
    // Without keys the server knows whoever asks as `local`, whatever the page calls them.
    expect(whyNot({ role: 'admin', id: 'local', name: 'this machine' }, ['local'])).toBeNull();
  });
});

describe('the text of a pipeline', () => {
  test('says what has to be said, and is the same pipeline when it is read', async () => {
    const given = {
      name: 'checks',
      budget: { max_cost_usd: 2 },
      steps: [
        { name: 'lint', task: 'Mend it.\nAll of it.', outputs: { count: 'integer' } },
        { name: 'open', task: 'x', outputs: {}, approval: true },
        {
          name: 'test',
          task: 'y',
          depends_on: 'lint',
          approval: ['ann'],
          on_failure: 'continue',
          mode: 'ask',
        },
      ],
    };
    const checked = checkPipeline(given);
    if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
    const text = await textOf(checked.pipeline);
    expect(text).not.toMatch(/null|on_failure: stop|mode: change|resolve|labels|policy/);
    const again = checkPipeline(parse(text));
    expect(again.ok && again.pipeline).toEqual(checked.pipeline);
  });

  test('is entered where a mistake is', () => {
    const text = 'name: a\nsteps:\n  - name: b\n';
    expect(text.slice(offsetOf(text, 3, 5))).toBe('name: b\n');
    expect(offsetOf(text, 1, 1)).toBe(0);
    // Behind what is there: at its end.
    expect(offsetOf(text, 2, 99)).toBe('name: a\nsteps:'.length);
    expect(offsetOf(text, 99, 1)).toBe(text.length);
  });
});
