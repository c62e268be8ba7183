/** Reading a change: its colours, its changed words, and what one has to say on it, kept until it is sent. */
import hljs from 'highlight.js/lib/core';
import { describe, expect, test } from 'vitest';
import { coloursOf, prepared } from '../../dashboard/src/job/changes/colour/colour.ts';
import { LANGUAGES, languageOf } from '../../dashboard/src/job/changes/colour/language.ts';
import {
  forgetKept,
  keep,
  NOTHING,
  readKept,
  settle,
  type Keeper,
} from '../../dashboard/src/job/changes/kept.ts';
import { remarkOn } from '../../dashboard/src/job/changes/remarking.ts';
import { taskOf, whereOf } from '../../dashboard/src/job/changes/remarks.ts';
import { filesOf, linesOfRow, rowsOf } from '../../dashboard/src/job/changes/rows.ts';
import { markOf, marksOf, piecesOf } from '../../dashboard/src/job/changes/colour/words.ts';

/** Texts that are no code, or code that was written to break what reads it. */
const HOSTILE: readonly string[] = [
  '<img src=x onerror=alert(1)></span><script>alert(1)</script>',
  '\u202edesrever \u0000 \u001b[31mred \ud800 &amp; &lt;b&gt;',
  `${'('.repeat(400)}${'['.repeat(90)}`,
  '`${`${`${`${`${`${',
  '"'.repeat(399),
  'a'.repeat(499),
  '/*'.repeat(200),
  '\\'.repeat(400),
  ' '.repeat(499),
  '<<EOF <<EOF <<~A "#{"#{"#{',
  '</style></script>-->]]>',
  '__proto__ constructor toString hasOwnProperty',
];

describe('colours', async () => {
  const own = prepared(hljs);
  for (const language of LANGUAGES) {
    const { default: grammar } = (await import(`highlight.js/lib/languages/${language}`)) as {
      default: Parameters<typeof own.registerLanguage>[1];
    };
    own.registerLanguage(language, grammar);
  }

  test.each(LANGUAGES)('%s: hostile text stays as it is, line by line', (language) => {
    const runs = coloursOf(own, language, HOSTILE);
    expect(runs?.map((line) => line.reduce((sum, [chars]) => sum + chars, 0))).toEqual(
      HOSTILE.map(({ length }) => length),
    );
    for (const [at, text] of HOSTILE.entries())
      expect(
        piecesOf(text, runs?.[at], [3, 9])
          .map((piece) => piece.text)
          .join(''),
      ).toBe(text);
  });

  test('say what a word is, over lines and within other languages', () => {
    const told = coloursOf(own, 'typescript', ['const a = `x', 'y`; // z', '']);
    expect(told?.map((line) => line.filter(([, scope]) => scope !== ''))).toEqual([
      [
        [5, 'k'],
        [2, 's'],
      ],
      [
        [2, 's'],
        [4, 'c'],
      ],
      [],
    ]);
    expect(coloursOf(own, 'no such language', ['x'])).toBeNull();
  });

  test('the language of a file is told by its name alone', () => {
    const names = [
      'src/a.TSX',
      'Dockerfile',
      'a/Makefile',
      'x.toml',
      'LICENSE',
      'a.constructor',
      '.env',
      'b.',
    ];
    expect(names.map(languageOf)).toEqual([
      'typescript',
      'dockerfile',
      'makefile',
      'ini',
      null,
      null,
      'ini',
      null,
    ]);
  });
});

describe('the words of a line that differ', () => {
  test('are between what both lines begin and end with', () => {
    expect(marksOf('return a + b;', 'return a + c(b);')).toEqual(
      [
        [11, 11],
        [11, 13],
      ].map(([from, to], at) => (at === 0 ? [11, 12] : [from, (to ?? 0) + 2])),
    );
    expect(marksOf('let x = 1;', 'let y = 1;')).toEqual([
      [4, 5],
      [4, 5],
    ]);
  });

  test('are not told of lines that are equal, too long, or have nothing in common', () => {
    expect(marksOf('a', 'a')).toBeNull();
    expect(marksOf('x'.repeat(2000), `${'x'.repeat(2000)}y`)).toBeNull();
    expect(marksOf('import a from b', 'while (true) {')).toBeNull();
  });

  test('a line is compared with what it became, where as many came as went', () => {
    const [file] = filesOf(
      [
        'diff --git a/a b/a',
        '--- a/a',
        '+++ b/a',
        '@@ -1,3 +1,3 @@',
        '-one 1',
        '-two 2',
        '+one 3',
        '+two 4',
        ' end',
        '',
      ].join('\n'),
    );
    const changes = file?.hunks[0]?.changes ?? [];
    expect(changes.map((_, at) => markOf(changes, at))).toEqual([[4, 5], [4, 5], [4, 5], [4, 5], null]);
    expect(changes.slice(0, 3).map((_, at) => markOf(changes.slice(0, 3), at))).toEqual([null, null, null]);
  });
});

const DIFF = [
  'diff --git a/old.js b/new.js',
  'similarity index 90%',
  'rename from old.js',
  'rename to new.js',
  'index 1111111..2222222 100644',
  '--- a/old.js',
  '+++ b/new.js',
  '@@ -1,3 +1,4 @@',
  ' one',
  '-two',
  '+zwei',
  '+drei',
  ' end',
  'diff --git a/run.sh b/run.sh',
  'old mode 100644',
  'new mode 100755',
  'diff --git a/empty b/empty',
  'new file mode 100644',
  'index 0000000..e69de29',
  'diff --git a/p.png b/p.png',
  'index 1111111..2222222 100644',
  'Binary files a/p.png and b/p.png differ',
  '',
].join('\n');

describe('rows', () => {
  test('tell of a file what its lines do not', () => {
    expect(filesOf(DIFF).map(({ path, notes }) => [path, ...notes])).toEqual([
      ['new.js', 'Moved from old.js, 90% alike'],
      ['run.sh', 'Mode changed from 100644 to 100755'],
      ['empty', 'A new file, empty'],
      ['p.png', 'A binary file: its content is not shown'],
    ]);
  });

  test('side by side, what went stands beside what came', () => {
    const pairs = rowsOf(filesOf(DIFF), new Set(), true).filter((row) => row.kind === 'pair');
    expect(pairs.map(({ left, right }) => [left?.text, right?.text])).toEqual([
      ['one', 'one'],
      ['two', 'zwei'],
      [undefined, 'drei'],
      ['end', 'end'],
    ]);
    expect(pairs.map((row) => linesOfRow(row).length)).toEqual([1, 2, 1, 1]);
  });
});

describe('a diff is read as git writes it', () => {
  test('paths with blanks, quotes and other letters', () => {
    const paths = filesOf(
      [
        'diff --git a/a b.txt b/a b.txt',
        'index 1..2 100644',
        '--- a/a b.txt\t',
        '+++ b/a b.txt\t',
        '@@ -1 +1 @@',
        '-x',
        '+y',
        String.raw`diff --git "a/\303\244\"\t.txt" "b/\303\244\"\t.txt"`,
        'new file mode 100755',
        'index 0..0',
        'diff --git a/two words b/two words',
        'old mode 100644',
        'new mode 100755',
      ].join('\n'),
    ).map(({ path, type }) => `${type} ${path}`);
    expect(paths).toEqual(['modify a b.txt', 'add ä"\t.txt', 'modify two words']);
  });

  test('lines that look like heads are lines; a last line without an end is told', () => {
    const [file, ...more] = filesOf(
      [
        'diff --git a/x b/x',
        '--- a/x',
        '+++ b/x',
        '@@ -1,3 +1,3 @@ here',
        '--- a/y',
        '-diff --git a/z b/z',
        '+++ b/y',
        '+@@ -1 +1 @@',
        ' end',
        '\\ No newline at end of file',
        '@@ -9 +9,0 @@',
        '-gone',
        'rubbish',
        '',
      ].join('\n'),
    );
    expect(more).toEqual([]);
    expect(
      file?.hunks.map(({ changes }) => changes.map(({ type, content }) => `${type} ${content}`)),
    ).toEqual([
      ['delete -- a/y', 'delete diff --git a/z b/z', 'insert ++ b/y', 'insert @@ -1 +1 @@', 'normal end'],
      ['delete gone'],
    ]);
    expect(filesOf('no diff at all\n@@ -1 +1 @@\n+x')).toEqual([]);
    expect(
      filesOf('diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file')[0]
        ?.notes,
    ).toEqual(['Its last line has no end any more']);
  });
});

describe('ends of lines', () => {
  const fileOf = (lines: string): ReturnType<typeof filesOf>[number] | undefined =>
    filesOf(`diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n${lines}`)[0];
  const textOf = (file: ReturnType<typeof fileOf>): readonly string[] =>
    file?.hunks.flatMap(({ changes }) => changes.map(({ content }) => content)) ?? [];

  test('are told once where they are alike, and shown on each line where they are mixed', () => {
    const windows = fileOf(' a\r\n-b\r\n+c\r\n');
    expect([windows?.notes, textOf(windows)]).toEqual([['Its lines end with CR LF'], ['a', 'b', 'c']]);
    const open = fileOf(' a\r\n-b\r\n+c\n\\ No newline at end of file\n');
    expect([open?.notes.at(-1), textOf(open)]).toEqual(['Its lines end with CR LF', ['a', 'b', 'c']]);
    const turned = fileOf('-a\n-b\n+a\r\n+b\r\n');
    expect(turned?.notes).toEqual(['Its lines end with CR LF now, and no more with LF']);
    expect(textOf(turned)).toEqual(['a', 'b', 'a', 'b']);
    const mixed = fileOf(' a\r\n-b\n+b\r\n');
    expect([mixed?.notes, textOf(mixed)]).toEqual([[], ['a\r', 'b', 'b\r']]);
    expect(fileOf(' a\n-b\n+c\n')?.notes).toEqual([]);
  });
});

function keeper(): Keeper & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    get length() {
      return kept.size;
    },
    key: (at) => [...kept.keys()][at] ?? null,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

describe('remarks', () => {
  const rows = rowsOf(filesOf(DIFF), new Set());
  const lines = rows.flatMap(linesOfRow);

  test('on several lines are about those of the new side, and quote them', () => {
    const remark = remarkOn(lines.slice(1, 4), 'In English, please.');
    expect(remark).toEqual({
      path: 'new.js',
      line: 2,
      to: 3,
      quote: 'zwei\ndrei',
      text: 'In English, please.',
    });
    expect(taskOf(remark === null ? [] : [remark])).toBe(
      'Address a remark on the change: In English, please.\n\nnew.js, lines 2–3:\n> zwei\n> drei\nIn English, please.',
    );
    expect(whereOf({ line: -2, to: -4 })).toBe('lines 2–4 of before');
    expect(remarkOn([], 'x')).toBeNull();
  });

  test('are kept by job until they are sent, whatever else lies there', () => {
    const store = keeper();
    const remark = { path: 'a', line: 1, quote: 'x', text: 'y' };
    keep(store, 'job-1', { head: 'c', remarks: [['a:1', remark]], viewed: ['a'] });
    expect(readKept(store, 'job-1')).toEqual({ head: 'c', remarks: [['a:1', remark]], viewed: ['a'] });
    expect(readKept(store, 'job-2')).toEqual(NOTHING);
    keep(store, 'job-1', NOTHING);
    expect(store.kept.size).toBe(0);
    for (const wrong of ['{', '[]', '{"remarks":[["a",{"line":"x"}],7],"viewed":[1],"head":5}']) {
      store.setItem('agent-runner changes job-1', wrong);
      expect(readKept(store, 'job-1')).toEqual(NOTHING);
    }
  });

  test('are gone with the login, and nothing else that a browser keeps', () => {
    const store = keeper();
    store.setItem('theme', 'dark');
    for (const job of ['job-1', 'job-2', 'job-3'])
      keep(store, job, { head: 'c', remarks: [], viewed: ['a'] });
    forgetKept(store);
    expect([...store.kept.keys()]).toEqual(['theme']);
  });

  test('of many jobs the oldest are forgotten; a browser that keeps nothing is left alone', () => {
    const store = keeper();
    const some = { head: null, remarks: [], viewed: ['a'] };
    for (let at = 0; at < 80; at++) keep(store, `job-${at}`, some);
    expect([store.kept.size, readKept(store, 'job-79').viewed]).toEqual([50, ['a']]);
    const full: Keeper = {
      ...keeper(),
      setItem() {
        throw new Error('full');
      },
    };
    expect(() => keep(full, 'job-1', some)).not.toThrow();
  });

  test('on another commit keep their place where the line says the same, and are told of where it does not', () => {
    const one = { path: 'a', line: 1, quote: 'same', text: 'x' };
    const kept = {
      head: 'old',
      viewed: [],
      remarks: [
        ['a:1', one],
        ['a:2', { ...one, quote: 'gone' }],
      ],
    } as const;
    const textAt = (id: string): string | undefined => (id === 'a:1' ? 'same' : 'other');
    expect(settle(kept, 'new', textAt)).toEqual({ placed: [kept.remarks[0]], homeless: [kept.remarks[1]] });
    expect(settle(kept, 'old', textAt)).toEqual({ placed: kept.remarks, homeless: [] });
  });
});
