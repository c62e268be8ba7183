/** What the pages make of words, times and events, without a browser. */
import { describe, expect, test } from 'vitest';
import { filesOf, rowsOf, treeOf } from '../../dashboard/src/job/changes/rows.ts';
import { taskOf } from '../../dashboard/src/job/changes/remarks.ts';
import { found, fromSource, linesOf, namedLine, textOf } from '../../dashboard/src/job/log/lines.ts';
import { plain, settled } from '../../dashboard/src/job/log/terminal.ts';
import { foldedOf, waitOf } from '../../dashboard/src/job/timeline.tsx';
import { liveGateOf, phasesOf, spentOf } from '../../dashboard/src/job/told.ts';
import { aheadMs } from '../../dashboard/src/parts/now.ts';
import { ago, firstLine, money, repoName, shown, span, webAddress } from '../../dashboard/src/parts/words.ts';
import type { EventType, JobEvent } from '../../src/job/job.ts';

let seq = 0;
function event(type: EventType, data: JobEvent['data']): JobEvent {
  return {
    seq: ++seq,
    job_id: 'job-1',
    type,
    phase: null,
    attempt: 1,
    time: '2026-11-21T10:00:00.000Z',
    data,
  };
}

describe('words', () => {
  test.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1000, '1.0 s'],
    [59_400, '59 s'],
    [185_000, '3 m 05 s'],
    [7_800_000, '2 h 10 m'],
  ])('%i milliseconds are %s', (ms, text) => {
    expect(span(ms)).toBe(text);
  });

  test('money that nobody knows is not nothing', () => {
    expect([null, 0, 0.004, 1.5].map(money)).toEqual(['–', '$0', '<$0.01', '$1.50']);
  });

  test('a time that a clock ahead of ours wrote is now', () => {
    expect(ago('2026-11-21T10:00:09.000Z', Date.parse('2026-11-21T10:00:00.000Z'))).toBe('now');
    expect(ago('2026-11-21T10:00:00.000Z', Date.parse('2026-11-23T10:00:00.000Z'))).toBe('2d');
  });

  test('a clock that is wrong is corrected by that of the server, one that is nearly right is left', () => {
    const atMs = Date.parse('2026-11-21T10:00:00.000Z');
    expect(aheadMs('Sat, 21 Nov 2026 11:00:00 GMT', atMs)).toBe(3_600_500);
    expect(aheadMs('Sat, 21 Nov 2026 09:00:00 GMT', atMs)).toBe(-3_599_500);
    expect(
      ['Sat, 21 Nov 2026 10:00:02 GMT', 'Sat, 21 Nov 2026 09:59:58 GMT', 'never', null].map((date) =>
        aheadMs(date, atMs),
      ),
    ).toEqual([0, 0, 0, 0]);
  });

  test('a repository is called by its name', () => {
    const names = [
      'https://git.example.org/ann/shop.git',
      'git@example.org:ann/shop.git',
      '/home/ann/shop',
      'ann/shop',
    ];
    expect(names.map(repoName)).toEqual(['ann/shop', 'ann/shop', 'shop', 'shop']);
  });

  test('what deceives the eye is shown by its number', () => {
    expect(shown('a\u202eb\u2066c\u200bd\u0007e')).toBe('a⟨202E⟩b⟨2066⟩c⟨200B⟩d⟨0007⟩e');
    expect(firstLine('\n\n  one \ntwo')).toBe('one');
  });

  test('a link leads nowhere but to the web', () => {
    expect(['https://x.example/1', 'javascript:alert(1)', 'data:text/html,x', null].map(webAddress)).toEqual([
      'https://x.example/1',
      null,
      null,
      null,
    ]);
  });
});

describe('a terminal', () => {
  test('shows in the end what was not overwritten, and none of its commands', () => {
    expect(settled('10%\r20%\rdone\n')).toBe('done\n');
    expect(
      plain(
        '\u001b]0;title\u0007\u001b[2K\u001b[31mred\u001b[0m \u001b]8;;https://x\u001b\\link\u001b]8;;\u001b\\',
      ),
    ).toBe('red link');
  });

  test('lines are found by their words, in any case and under any colour', () => {
    const lines = linesOf(event('log', { stream: 'stdout', text: 'one\n\u001b[1mTw\u001b[0mo\nthree\n' }));
    expect(lines.map(({ text }) => plain(text))).toEqual(['one', 'Two', 'three']);
    expect(found(lines, ' tWO ')).toEqual([1]);
    expect(found(lines, '')).toEqual([]);
  });

  test('lines are shown by where they come from, under the names they have, and copied without colours', () => {
    const lines = [
      event('log', { stream: 'stdout', text: 'out\n' }),
      event('log', { stream: 'stderr', text: '\u001b[31merr\u001b[0m\n' }),
      event('tool_call', { title: 'read a', status: 'completed' }),
      event('phase', { step: 'build-1', state: 'failed', message: 'no' }),
    ].flatMap(linesOf);
    const shownOf = (source: Parameters<typeof fromSource>[1]): string => textOf(fromSource(lines, source));
    expect(shownOf('printed')).toBe('out\nerr');
    expect(shownOf('agent')).toBe('read a completed');
    expect(shownOf('errors')).toBe('err\nbuild-1 failed no');
    expect(fromSource(lines, 'errors')[0]?.id).toBe(lines[1]?.id);
    expect(fromSource(lines, 'all')).toBe(lines);
    expect([':12', ' :3.4 ', '12', ':x'].map(namedLine)).toEqual(['12', '3.4', null, null]);
  });

  test('a line without an end is cut, and says by how much', () => {
    const [line] = linesOf(event('log', { text: 'x'.repeat(1_000_000) }));
    expect(line?.text.length).toBeLessThan(20_100);
    expect(line?.text).toMatch(/980,000 more characters$/);
  });
});

describe('events', () => {
  const begun = [
    event('gate', { checks: [{ name: 'lint' }, { name: 'test' }], sources: ['checks: detected'] }),
    event('phase', { step: 'build-1', state: 'started', try: 1 }),
    event('usage', { cost_usd: 0.1, tokens_in: 100, tokens_out: 20, turns: 1 }),
    event('usage', { cost_usd: 0.25, tokens_in: 1, tokens_out: 2, turns: 1 }),
    event('usage', { cost_usd: null, tokens_in: null, tokens_out: null, turns: 1 }),
    event('phase', { step: 'build-1', state: 'done', duration_ms: 40 }),
    event('phase', { step: 'verify-1', state: 'started', try: 1 }),
    event('gate', { run: 1, side: 'base', check: 'lint', state: 'passed' }),
    event('gate', { run: 1, side: 'head', check: 'lint', state: 'running' }),
  ];

  test('become steps, money, and a gate at work', () => {
    expect(phasesOf(begun)).toMatchObject([
      { key: 'build-1', name: 'build', number: 1, state: 'done', ms: 40 },
      { key: 'verify-1', state: 'running', ms: null },
    ]);
    expect(spentOf(begun)).toEqual({ usd: 0.35, tokens: 123, turns: 0 });
    // A step that was done before the worker was another one is not done anew.
    const again = event('phase', { step: 'build-1', state: 'replayed', duration_ms: 0 });
    expect(phasesOf([...begun, again])[0]).toMatchObject({ key: 'build-1', state: 'done', ms: 40 });
    expect(liveGateOf(begun)).toEqual({
      run: 1,
      checks: [
        { name: 'lint', base: 'passed', head: 'running', restored: null, verdict: null },
        { name: 'test', base: 'waiting', head: 'waiting', restored: null, verdict: null },
      ],
    });
  });

  test('a gate that has said its verdict is at work no more', () => {
    expect(liveGateOf([...begun, event('gate', { run: 1, verdict: 'red', checks: [] })])).toBeNull();
    expect(liveGateOf([])).toBeNull();
  });
});

describe('steps', () => {
  const steps = Array.from({ length: 80 }, (_, at) => ({
    key: `build-${at}`,
    name: 'build',
    number: at,
    state: 'done' as const,
    startedAt: '',
    ms: 5,
  }));

  test('of very many the first and the last are shown, and none is lost', () => {
    const { first, folded, last } = foldedOf(steps);
    expect([first.length, folded.length, last.length]).toEqual([2, 71, 7]);
    expect([...first, ...folded, ...last]).toEqual(steps);
    expect(foldedOf(steps.slice(0, 12)).folded).toEqual([]);
  });

  test('waiting in the queue is one, while it lasts and where it was long', () => {
    const created_at = '2026-11-22T10:00:00.000Z';
    const wait = (status: 'queued' | 'running' | 'cancelled', started_at: string | null) =>
      waitOf({ status, created_at, started_at });
    expect(wait('queued', null)).toMatchObject({ name: 'queue', state: 'running', ms: null });
    expect(wait('running', '2026-11-22T10:00:09.000Z')).toMatchObject({ state: 'done', ms: 9000 });
    expect([wait('running', '2026-11-22T10:00:00.400Z'), wait('cancelled', null)]).toEqual([null, null]);
  });
});

describe('a change', () => {
  const diff = [
    'diff --git a/src/a.js b/src/a.js',
    'index 1111111..2222222 100644',
    '--- a/src/a.js',
    '+++ b/src/a.js',
    '@@ -1,2 +1,2 @@',
    ' const a = 1;',
    '-const b = 2;',
    '+const b = 3; // <b>',
    'diff --git a/src/deep/er/new.js b/src/deep/er/new.js',
    'new file mode 100644',
    'index 0000000..3333333',
    '--- /dev/null',
    '+++ b/src/deep/er/new.js',
    '@@ -0,0 +1 @@',
    '+x',
    '',
  ].join('\n');

  test('becomes files, rows and a tree', () => {
    const files = filesOf(diff);
    expect(files).toMatchObject([
      { path: 'src/a.js', type: 'modify', added: 1, removed: 1 },
      { path: 'src/deep/er/new.js', type: 'add', added: 1, removed: 0 },
    ]);
    const rows = rowsOf(files, new Set(['src/deep/er/new.js']));
    expect(rows.map(({ kind }) => kind)).toEqual(['file', 'hunk', 'line', 'line', 'line', 'file']);
    expect(rows[3]).toMatchObject({ type: 'delete', old: 2, new: null, text: 'const b = 2;' });
    expect(rows[4]).toMatchObject({ type: 'insert', old: null, new: 2 });
    const tree = treeOf(files);
    expect(tree.folders).toMatchObject([
      { name: 'src', files: [{ name: 'a.js' }], folders: [{ name: 'deep/er', files: [{ name: 'new.js' }] }] },
    ]);
    expect(filesOf('  ')).toEqual([]);
  });

  test('a remark on a line of a megabyte quotes the beginning of it', () => {
    const task = taskOf([{ path: 'a', line: 1, quote: 'x'.repeat(1_000_000), text: 'Why?' }]);
    expect(task.length).toBeLessThan(500);
  });

  test('remarks on it are told with what they are about', () => {
    expect(taskOf([{ path: 'src/a.js', line: -2, quote: ' const b = 2;', text: 'Keep it.' }])).toBe(
      'Address a remark on the change: Keep it.\n\nsrc/a.js, line 2 of before:\n>  const b = 2;\nKeep it.',
    );
  });
});
