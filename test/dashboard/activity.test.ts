/** What the agent means to do and what it did, as its log tells it. */
import { describe, expect, test } from 'vitest';
import { editLines } from '../../dashboard/src/job/activity/edit.ts';
import { itemsOf } from '../../dashboard/src/job/activity/items.ts';
import { planOf } from '../../dashboard/src/job/activity/plan.ts';
import { doingOf } from '../../dashboard/src/job/told.ts';
import type { EventType, JobEvent } from '../../src/job/job.ts';

let seq = 0;
function event(type: EventType, data: JobEvent['data']): JobEvent {
  const time = '2026-11-22T10:00:00.000Z';
  return { seq: ++seq, job_id: 'job-1', type, phase: null, attempt: 1, time, data };
}

describe('the list of what is to be done', () => {
  test('is the newest that the agent told; there is none before', () => {
    expect(planOf([event('log', { text: 'x' }), event('plan', { problem: 'no plan' })])).toEqual([]);
    const first = event('plan', { entries: [{ content: 'a', status: 'in_progress' }] });
    const second = event('plan', {
      entries: [
        { content: 'a', status: 'completed' },
        { content: 'b', status: 'odd' },
        7,
        { status: 'pending' },
      ],
    });
    expect(planOf([first, second])).toEqual([
      { text: 'a', state: 'done' },
      { text: 'b', state: 'open' },
    ]);
  });

  test('is read from the tool by which some agents keep it, where its input is whole', () => {
    const input = JSON.stringify({ todos: [{ content: 'a', status: 'in_progress' }] });
    expect(planOf([event('tool_call', { title: 'TodoWrite', input })])).toEqual([
      { text: 'a', state: 'doing' },
    ]);
    expect(planOf([event('tool_call', { title: 'TodoWrite', input: input.slice(0, 20) })])).toEqual([]);
    expect(planOf([event('tool_call', { title: 'Bash', input })])).toEqual([]);
  });

  test('of a task that was planned in pieces goes on with its turns', () => {
    const plan = event('plan', { subtasks: [{ name: 'one' }, { name: 'two' }, { name: 'three' }] });
    const turn = (number: number): JobEvent => event('message', { turn: `sub-task ${number} of 3: x` });
    const done = event('phase', { step: 'build-2', state: 'done' });
    const states = (...later: readonly JobEvent[]): string =>
      planOf([plan, ...later])
        .map(({ state }) => state)
        .join(' ');
    expect(states()).toBe('open open open');
    expect(states(turn(1), turn(2))).toBe('done doing open');
    expect(states(turn(1), turn(2), done)).toBe('done done open');
  });
});

describe('activity', () => {
  test('a call stands where it began, as it ended, with what only its beginning told', () => {
    const items = itemsOf([
      event('tool_call', {
        id: '1',
        title: 'sh: npm test',
        kind: 'execute',
        status: 'in_progress',
        input: '{"command":"npm test"}',
      }),
      event('message', { role: 'agent', text: 'Let me see' }),
      event('message', { role: 'agent', text: 'what fails.' }),
      event('tool_call', {
        id: '1',
        title: 'sh: npm test',
        kind: 'execute',
        status: 'failed',
        output: 'not ok',
      }),
      event('message', { role: 'thought', text: 'Hm.' }),
      event('message', { turn: 'sub-task 2 of 3: words', agent: 'builtin' }),
    ]);
    expect(items.map(({ kind, title, input, output, state }) => [kind, title, input, output, state])).toEqual(
      [
        ['tool', 'sh: npm test', 'npm test', 'not ok', 'failed'],
        ['agent', 'Let me see\nwhat fails.', '', '', ''],
        ['thought', 'Hm.', '', '', ''],
        ['mark', 'The agent gets piece 2 of 3: words (builtin)', '', '', ''],
      ],
    );
  });

  test('whatever an event holds, it is told within bounds', () => {
    const long = 'x'.repeat(100_000);
    const odd = [
      null,
      7,
      { path: 1 },
      { path: 'a', new_text: long },
      { path: 'b', old_text: 'o', new_text: 'n' },
    ];
    const [item, ...more] = itemsOf([
      event('tool_call', {
        id: {},
        title: null,
        kind: 'edit',
        input: '[1',
        output: long,
        locations: [1, 'a'],
        diffs: odd,
      }),
      event('message', { text: null, reason: 5 }),
      event('plan', { entries: [null, 'x', {}] }),
    ]);
    expect(item).toMatchObject({ title: 'edit', places: ['a'], input: '' });
    expect(item?.edits.map(({ path, before }) => [path, before])).toEqual([
      ['a', null],
      ['b', 'o'],
    ]);
    expect(item?.output.length).toBeLessThan(20_010);
    expect(more.map(({ kind }) => kind)).toEqual(['plan']);
  });

  test('an edit is shown by what went and what came', () => {
    const told = editLines('1\n2\n3\nold\n5\n6\n7\n8\n', '1\n2\n3\nnew\nmore\n5\n6\n7\n8\n');
    expect(told.lines.map(({ sign, text }) => `${sign}${text}`)).toEqual([
      ' 2',
      ' 3',
      '−old',
      '+new',
      '+more',
      ' 5',
      ' 6',
    ]);
    expect(editLines(null, 'a\nb\n').lines.map(({ sign }) => sign)).toEqual(['+', '+']);
    expect(editLines('a', 'a')).toEqual({ lines: [{ sign: ' ', text: 'a' }], left: 0 });
    expect(editLines(null, 'x\n'.repeat(100)).left).toBe(40);
  });

  test('what it does now is its last word or call, until its turn ends', () => {
    const call = event('tool_call', { title: 'read src/a.js' });
    expect(doingOf([call])).toBe('read src/a.js');
    expect(doingOf([call, event('message', { text: 'Done.' })])).toBe('Done.');
    expect(doingOf([call, event('phase', { step: 'build-1', state: 'done' })])).toBeNull();
    expect(doingOf([])).toBeNull();
  });
});
