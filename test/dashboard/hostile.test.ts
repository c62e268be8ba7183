/** Text that would deceive or break a page, as the pages make something of it, without a browser. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesOf, rowsOf } from '../../dashboard/src/job/changes/rows.ts';
import { linesOf } from '../../dashboard/src/job/log/lines.ts';
import { itemsOf } from '../../dashboard/src/job/story.tsx';
import { liveGateOf, phasesOf } from '../../dashboard/src/job/told.ts';
import { nextOf } from '../../dashboard/src/pages/login.tsx';
import { csvOf } from '../../dashboard/src/pages/cost/page.tsx';
import {
  ago,
  clock,
  firstLine,
  moment,
  shown,
  shownName,
  span,
  webAddress,
} from '../../dashboard/src/parts/words.ts';
import type { EventType, JobEvent } from '../../src/job/job.ts';

describe('text', () => {
  test.each([
    ['a command of a terminal', 'a\u001b[31mb\u009b0m', 'a⟨001B⟩[31mb⟨009B⟩0m'],
    ['turned text', '\u202eevil\u2066\u061c', '⟨202E⟩evil⟨2066⟩⟨061C⟩'],
    ['what nobody sees', 'pass\u00adwo\u200brd\ufeff\u2060\u3164', 'pass⟨00AD⟩wo⟨200B⟩rd⟨FEFF⟩⟨2060⟩⟨3164⟩'],
    ['ASCII hidden in tags', 'hi\u{e0041}\u{e007f}', 'hi⟨E0041⟩⟨E007F⟩'],
    ['ends of lines that are none', 'a\u2028b\u0085c\rd', 'a⟨2028⟩b⟨0085⟩c⟨000D⟩d'],
    ['half a character', 'a\ud800b\udfff', 'a⟨D800⟩b⟨DFFF⟩'],
    ['nothing at all', 'a\0b', 'a⟨0000⟩b'],
    ['a joiner between letters that know none', 'pay\u200dpal', 'pay⟨200D⟩pal'],
  ])('%s is told by numbers', (_what, text, told) => {
    expect(shown(text)).toBe(told);
  });

  test.each(['👩‍👩‍👧', '👩🏽‍💻', 'می‌خواهم', 'क्‍ष', 'שלום عالم', 'tab\tand\nline', '日本語 🇯🇵'])(
    '%s is as people write it',
    (text) => {
      expect(shown(text)).toBe(text);
    },
  );

  test('lines as another system ends them are lines', () => {
    expect(shown('one\r\ntwo')).toBe('one\ntwo');
  });

  test('a name of a file has one line, whatever is in it', () => {
    expect(shownName('a\tb\nc\u202ed')).toBe('a⟨0009⟩b⟨000A⟩c⟨202E⟩d');
  });

  test('a first line of a megabyte is cut, not in the middle of a character', () => {
    const line = firstLine(`\n  ${'🎉'.repeat(500_000)}`);
    expect(line.length).toBeLessThan(320);
    expect(line.isWellFormed()).toBe(true);
    expect(line.endsWith('…')).toBe(true);
  });

  test('times that are none are told as they came', () => {
    expect([moment('<b>'), clock('\u202e'), ago('never', 0), span(Number.NaN)]).toEqual([
      '<b>',
      '⟨202E⟩',
      '–',
      '–',
    ]);
  });

  test.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'data:text/html,<script>1</script>',
    'vbscript:x',
    'file:///etc/passwd',
    '//evil.example/x',
    'https://',
    'https://git.example.org@evil.example/pull/1',
    'https://user:secret@git.example.org/pull/1',
  ])('%s is no link', (address) => {
    expect(webAddress(address)).toBeNull();
  });
});

describe('after a login', () => {
  const ORIGIN = 'https://runner.example';
  const asked = (next: string): string => nextOf(`?${new URLSearchParams({ next })}`, ORIGIN);
  test.each([
    'https://evil.example/',
    'https://evil.example/cost',
    '//evil.example/',
    '/\\evil.example/',
    '\\\\evil.example',
    '/\t/evil.example/',
    '/.//evil.example/',
    'javascript:alert(1)',
    'data:text/html,x',
    'blob:https://runner.example/1',
    'https://runner.example@evil.example/',
    'http://runner.example/',
    'https://',
    '/login?next=%2Flogin',
    '',
  ])('%j leads home', (next) => {
    expect(asked(next)).toBe('/');
  });

  test('one goes on where one was', () => {
    expect(asked('/cost?by=agent&since=7')).toBe('/cost?by=agent&since=7');
    expect(asked('/job/job-0123456789ab?tab=log')).toBe('/job/job-0123456789ab?tab=log');
    expect(nextOf('', ORIGIN)).toBe('/');
  });
});

describe('a table of costs', () => {
  const sums = {
    jobs: 1,
    running: 0,
    unpriced: 0,
    cost_usd: -1,
    uncounted: 0,
    tokens_in: 1,
    tokens_out: 1,
    turns: 1,
  };
  test.each(['=1+1', '+1', '-1', '@x', '|x', '\t=1', '\n=1', ' =1', '＝1'])(
    'begins no formula with %j, and holds numbers as they are',
    (key) => {
      const csv = csvOf({ by: 'model', rows: [{ key, ...sums }] });
      expect(csv).toContain(`\r\n"'${key}","1","-1",`);
    },
  );

  test('has one row for one, whatever its name holds', () => {
    const csv = csvOf({ by: 'model', rows: [{ key: 'a"b,c', ...sums }] });
    expect(csv).toBe('model,jobs,cost_usd,tokens_in,tokens_out,turns\r\n"a""b,c","1","-1","1","1","1"\r\n');
  });
});

describe('events that nobody should have written', () => {
  const values: readonly unknown[] = [null, 0, '', [], [null], {}, { name: null }, 'x y unseen', ['x']];
  const types: readonly EventType[] = [
    'status',
    'phase',
    'message',
    'tool_call',
    'plan',
    'usage',
    'gate',
    'sandbox',
    'log',
    'delivery',
    'error',
  ];
  const names = [
    'step',
    'state',
    'checks',
    'sources',
    'check',
    'verdict',
    'text',
    'turn',
    'entries',
    'subtasks',
    'status',
    'title',
  ];
  test('are read all the same', () => {
    let seq = 0;
    const events = types.flatMap((type) =>
      values.flatMap((value) =>
        names.map((name): JobEvent => {
          const data = Object.fromEntries(names.map((one) => [one, one === name ? value : 'started']));
          return { seq: ++seq, job_id: 'job-1', type, phase: null, attempt: 1, time: 'never', data };
        }),
      ),
    );
    expect(events.flatMap((event) => linesOf(event)).length).toBeGreaterThan(events.length - 1);
    expect(
      itemsOf(events).every(({ title, body }) => typeof title === 'string' && typeof body === 'string'),
    ).toBe(true);
    for (const event of events) {
      phasesOf([event]);
      liveGateOf([event, { ...event, type: 'phase', data: { step: 'verify-1', state: 'started' } }]);
    }
  });

  test('of one tool call are one entry, which stands where it began', () => {
    const call = (seq: number, status: string): JobEvent => ({
      seq,
      job_id: 'job-1',
      type: 'tool_call',
      phase: 'build',
      attempt: 1,
      time: `2026-11-21T10:00:0${seq}.000Z`,
      data: { id: 'a', title: 'Edit', status },
    });
    const [first, ...more] = itemsOf([call(1, 'pending'), call(2, 'failed')]);
    expect([first, more]).toMatchObject([{ time: '2026-11-21T10:00:01.000Z', state: 'failed' }, []]);
  });

  test('hide no line: of a hundred thousand in one, what is not shown is counted', () => {
    const text = Array.from({ length: 100_000 }, (_, at) => `line ${at}`).join('\n');
    const lines = linesOf({
      seq: 1,
      job_id: 'job-1',
      type: 'log',
      phase: null,
      attempt: 1,
      time: '',
      data: { text },
    });
    expect(lines).toHaveLength(5001);
    expect(lines.at(-1)?.text).toBe('… and 95,000 more lines, in the text of the log');
  });
});

describe('a change, as git tells it', () => {
  let folder = '';
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.org', ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
  const write = (path: string, text: string | Uint8Array): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const NAMES = ['my file.txt', 'q"uo\\te.txt', 'ta\tb', 'new\nline', 'bidi\u202egpj.js', 'ä ö.txt', 'x b/y'];
  let diff = '';
  let counted: readonly string[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'agent-runner-diff-'));
    git('init', '--quiet', '--initial-branch=main');
    for (const name of NAMES) write(name, 'one\ntwo\n');
    write('looks.txt', '-- a/evil\n++ b/evil\n');
    write('link', 'text\n');
    write('picture', Uint8Array.from([0, 1, 2, 3, 0]));
    write('run.sh', 'run\n');
    write('moved', Array.from({ length: 50 }, (_, at) => `line ${at}\n`).join(''));
    write('gone', 'gone\n');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'before');
    for (const name of NAMES) write(name, 'one\nTWO\nthree');
    write('looks.txt', 'diff --git a/z b/z\n@@ -1 +1 @@\nBinary files a/z and b/z differ\n');
    unlinkSync(join(folder, 'link'));
    symlinkSync('/etc/passwd', join(folder, 'link'));
    write('picture', Uint8Array.from([0, 9, 9, 9, 0]));
    chmodSync(join(folder, 'run.sh'), 0o755);
    renameSync(join(folder, 'moved'), join(folder, 'moved to'));
    write(
      'moved to',
      Array.from({ length: 50 }, (_, at) => (at === 25 ? 'else\n' : `line ${at}\n`)).join(''),
    );
    unlinkSync(join(folder, 'gone'));
    write('em pty', '');
    git('add', '--all');
    diff = git('-c', 'core.quotePath=false', 'diff', '--cached', '--find-renames', 'HEAD');
    counted = git('diff', '--cached', '--find-renames', '--numstat', '-z', 'HEAD').split('\0');
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('has its files by their names, and every line that git counts', () => {
    const files = filesOf(diff);
    const told = files.map(({ path, added, removed }) => `${added}\t${removed}\t${path}`);
    for (const name of NAMES) expect(told).toContain(`2\t1\t${name}`);
    for (const line of counted.filter((one) => /^\d+\t\d+\t[^\t]/.test(one)))
      // What became a link is two files in a diff, and one in the count.
      if (!line.endsWith('\tlink')) expect(told).toContain(line);
    expect(told).toContain('3\t2\tlooks.txt');
    const one = (path: string): unknown => files.filter((file) => file.path === path);
    expect(one('moved to')).toMatchObject([{ type: 'rename', from: 'moved', added: 1, removed: 1 }]);
    expect(one('gone')).toMatchObject([{ type: 'delete', removed: 1 }]);
    expect(one('em pty')).toMatchObject([{ type: 'add', added: 0 }]);
    expect(one('picture')).toMatchObject([{ isBinary: true }]);
    expect(one('run.sh')).toMatchObject([{ nature: 'Mode 100644 → 100755: it may be executed now' }]);
    expect(one('link')).toMatchObject([
      { type: 'delete', nature: null },
      { type: 'add', nature: 'A symbolic link: its text is where it leads' },
    ]);
  });

  test('has as many lines as a hunk says, and none of the end of the text', () => {
    const added = filesOf('diff --git a/x b/x\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n');
    expect(added[0]?.hunks[0]?.changes).toEqual([
      { type: 'insert', content: 'x', old: null, new: 1, isCut: false },
    ]);
  });

  test('has rows that are told apart, and says what no line shows', () => {
    const rows = rowsOf(filesOf(diff), new Set());
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    const notes = rows.flatMap((row) => (row.kind === 'note' ? [row.text] : []));
    expect(new Set(notes)).toEqual(
      new Set([
        'A binary file',
        'No line differs',
        'No newline at its end',
        'Mode 100644 → 100755: it may be executed now',
        'A symbolic link: its text is where it leads',
      ]),
    );
  });

  test('that ends in the middle, or is none, is read as far as it goes', () => {
    for (let at = 0; at < diff.length; at += 7) rowsOf(filesOf(diff.slice(0, at)), new Set());
    expect(filesOf('@@ nonsense\ndiff --git \n@@ -1,9 +1,9 @@\nno sign\n\\ what\n')).toMatchObject([
      { added: 0, removed: 0 },
    ]);
  });
});
