import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addedLines, type AddedText } from '../../src/gate/secrets/added-lines.ts';
import { OWN_RULES } from '../../src/gate/secrets/rules.ts';
import { maskSecret, scanAdded, type SecretFinding } from '../../src/gate/secrets/scan.ts';
import { describeSecrets, scanForSecrets } from '../../src/gate/secrets/secrets.ts';
import { isTestFile } from '../../src/gate/tamper/tests/test-files.ts';
import { JobError } from '../../src/job/error.ts';
import { drawn, HARMLESS, SECRETS, type Sample } from './secret-samples.ts';

function added(path: string, text: string): AddedText {
  return { path, lines: text.split('\n').map((line, at) => ({ number: at + 1, text: line })) };
}

/** In this thread, for the many small texts. */
function scanned(sample: Pick<Sample, 'path' | 'text'>): Promise<readonly SecretFinding[]> {
  return scanAdded([{ ...added(sample.path, sample.text), test: isTestFile(sample.path) }], 50);
}

const token = (seed = 36): string => ['ghp', drawn(36, undefined, seed)].join('_');
const KEY_HEAD = ['-----BEGIN PRIVATE', 'KEY-----'].join(' ');

describe('what is found', () => {
  test('there are many kinds of both', () => {
    expect(new Set(SECRETS.map((s) => s.rule)).size).toBeGreaterThanOrEqual(45);
    expect(HARMLESS.length).toBeGreaterThanOrEqual(40);
  });

  test.each(SECRETS)('$name', async (sample) => {
    const findings = await scanned(sample);
    expect(findings.map(({ rule, file, line }) => ({ rule, file, line }))).toEqual([
      { rule: sample.rule, file: sample.path, line: sample.line },
    ]);
  });

  test.each(HARMLESS)('left alone: $name', async (sample) => {
    expect(await scanned(sample)).toEqual([]);
  });

  test('a comment switches nothing off', async () => {
    const text = `// secretlint-disable\n// gitleaks:allow\nconst t = '${token()}'; // secretlint-disable-line`;
    expect(await scanned({ path: 'a.ts', text })).toMatchObject([{ rule: 'github', line: 3 }]);
  });

  test('the name of a file counts for nothing', async () => {
    expect(await scanned({ path: '.env', text: 'PORT=8080\nLOG_LEVEL=debug' })).toEqual([]);
    expect(await scanned({ path: 'id_rsa', text: 'see the vault' })).toEqual([]);
    expect(await scanned({ path: 'notes/plan.md', text: `use ${token()}` })).toHaveLength(1);
  });

  test('test files hide no token of a provider', async () => {
    expect(await scanned({ path: 'test/a.test.ts', text: `const t = '${token()}'` })).toHaveLength(1);
  });

  test('one secret is one finding, two are two', async () => {
    const text = `password = "${token(1)}"\nTOKEN="${token(2)}" # ${token(3)}`;
    expect((await scanned({ path: 'a.env', text })).map(({ line }) => line)).toEqual([1, 2, 2]);
  });

  test('a secret of two lines that are no neighbours is none', async () => {
    const lines = [
      { number: 1, text: KEY_HEAD },
      { number: 2, text: '-----END-----' },
      { number: 90, text: drawn(64) },
    ];
    expect(await scanAdded([{ path: 'a', lines, test: false }], 9)).toEqual([]);
  });

  test('every rule of ours names its source and has a bounded pattern', () => {
    for (const { source, pattern } of OWN_RULES) {
      expect(source).toMatch(/^https:\/\//);
      expect(pattern.flags).toContain('g');
      expect(pattern.source.replace(/\\[+*]|\[[^\]]*\]/g, '')).not.toMatch(/[+*]|,\}/);
    }
  });
});

describe('masking', () => {
  test('shows at most four characters and the length, of short secrets less', () => {
    const secret = token();
    expect(maskSecret(secret)).toBe('ghp_… (40 characters)');
    expect(maskSecret('abcdefgh')).toBe('ab… (8 characters)');
    expect(maskSecret('abc')).toBe('… (3 characters)');
    expect(maskSecret(`\u001b\n${secret}`)).toBe('??gh… (42 characters)');
  });

  test('no finding tells more', async () => {
    for (const sample of SECRETS) {
      for (const { masked } of await scanned(sample)) {
        const parts = /^(.{0,4})… \(\d+ characters\)$/u.exec(masked);
        expect(parts, masked).not.toBeNull();
      }
    }
  });

  test('the sentence names places and no secret', async () => {
    const secret = token();
    const findings = await scanned({ path: 'a.ts', text: `'${secret}'`.concat('\n').repeat(7) });
    const said = describeSecrets(findings);
    expect(said).toContain('a.ts:1 github ghp_… (40 characters)');
    expect(said).toContain('and 2 more');
    expect(said).not.toContain(secret.slice(0, 6));
  });

  test('any text: nothing throws, lines are lines of the text, masks are masks', async () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom(...SECRETS.map(({ text }) => text)),
      fc.constantFrom('\n', '\r\n', '"', "'", '=', 'password', '://', '@', '-----BEGIN ', '\0', '\ud800'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.string(), async (pieces, path) => {
        const text = pieces.join('');
        for (const finding of await scanned({ path, text })) {
          expect(finding.line).toBeLessThanOrEqual(text.split('\n').length);
          expect(finding.masked).toMatch(/^.{0,4}… \(\d+ characters\)$/u);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the scan of a change', () => {
  test.each([
    ['here', 0],
    ['in a thread', 100_000],
  ])('runs %s and keeps the order and the line numbers', async (_name, padding) => {
    const files: AddedText[] = [
      {
        path: 'b.ts',
        lines: [
          { number: 41, text: 'const a = 1;' },
          { number: 77, text: `'${token(1)}'` },
        ],
      },
      { path: 'a.ts', lines: [{ number: 5, text: `'${token(2)}'` }] },
      { path: 'c.ts', lines: [{ number: 1, text: ' '.repeat(padding) }] },
    ];
    expect(await scanForSecrets(files)).toEqual([
      { rule: 'github', file: 'b.ts', line: 77, masked: 'ghp_… (40 characters)' },
      { rule: 'github', file: 'a.ts', line: 5, masked: 'ghp_… (40 characters)' },
    ]);
    expect(await scanForSecrets([])).toEqual([]);
  });

  test('gives at most 50 findings', async () => {
    const text = Array.from({ length: 200 }, (_, at) => token(at + 1)).join('\n');
    expect(await scanForSecrets([added('a', text), added('b', text)])).toHaveLength(50);
  });

  test.each([
    [
      'code',
      () => `export function handle(request: Request): string { return request.url + 'x'; }\n`.repeat(55_000),
    ],
    ['one line of base64', () => drawn(4 * 1024 * 1024)],
    ['one line of one letter', () => 'a'.repeat(4 * 1024 * 1024)],
    ['beginnings of assignments', () => 'password_secret_token'.repeat(200_000)],
    ['beginnings of keys', () => KEY_HEAD.repeat(150_000)],
    ['beginnings of URLs', () => 'https://user:'.repeat(320_000)],
  ])('4 MB of %s are scanned while the event loop goes on', async (_name, text) => {
    const input = [added('src/a.ts', text())];
    let [beats, isOver] = [0, false];
    const beat = (): void => {
      beats += 1;
      if (!isOver) setImmediate(beat);
    };
    setImmediate(beat);
    await scanForSecrets(input);
    isOver = true;
    // A scan on this thread would leave one turn of the loop, or two.
    expect(beats).toBeGreaterThan(20);
  });

  test.each([
    ['beginnings of GitHub tokens', 'ghs_1_'],
    ['beginnings of keys', KEY_HEAD],
    ['beginnings of URLs', 'mongodb://a:'],
    ['beginnings of assignments', 'token: a = '],
    ['beginnings of Slack tokens', ['xoxb', 'a'.repeat(45), ''].join('-')],
    ['a JSON without an end', '{"a":'],
  ])('32 KiB of %s do not hold the event loop', async (_name, piece) => {
    const text = piece.repeat(Math.floor(32_000 / piece.length));
    const started = performance.now();
    await scanForSecrets([added('account.json', text)]);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('what takes too long is refused, and the thread is gone', async () => {
    const slow = scanForSecrets([added('a', 'x '.repeat(1_000_000))], { timeoutMs: 1 });
    await expect(slow).rejects.toMatchObject({ code: 'diff_too_large' });
  });

  test('what is too large is refused before it is scanned', async () => {
    const large = scanForSecrets([added('big.txt', 'é'.repeat(5 * 1024 * 1024))]);
    await expect(large).rejects.toThrow(/^big\.txt gains 10485761 bytes \(at most 8388608 /);
    const many = Array.from({ length: 5 }, (_, at) => added(`f${at}`, 'x'.repeat(7 * 1024 * 1024)));
    await expect(scanForSecrets(many)).rejects.toBeInstanceOf(JobError);
  });

  test('it stops when it is told to', async () => {
    const controller = new AbortController();
    const scan = scanForSecrets([added('a', 'x'.repeat(2_000_000))], { signal: controller.signal });
    controller.abort(new Error('cancelled'));
    await expect(scan).rejects.toThrow('cancelled');
    await expect(scanForSecrets([], { signal: controller.signal })).rejects.toThrow('cancelled');
  });
});

describe('added lines of a diff', () => {
  test('numbers are those of the new file', () => {
    const diff = [
      'diff --git a/a.txt b/a.txt',
      'index 1..2 100644',
      '--- a/a.txt',
      '+++ b/a.txt',
      '@@ -1,3 +1,4 @@ head',
      ' one',
      '-two',
      '+2',
      '+2.5',
      ' three',
      '@@ -10 +11,2 @@',
      '-ten',
      '+10',
      '+11',
    ].join('\n');
    expect(addedLines(diff)).toEqual([
      {
        path: 'a.txt',
        lines: [
          { number: 2, text: '2' },
          { number: 3, text: '2.5' },
          { number: 11, text: '10' },
          { number: 12, text: '11' },
        ],
      },
    ]);
  });

  test('content that looks like a head is content', () => {
    const diff =
      'diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,4 @@\n--- a/x\n-- y\n+++ b/other\n+diff --git a/x b/x\n+@@ -1 +1 @@\n+++\n';
    expect(addedLines(diff)).toEqual([
      {
        path: 'a',
        lines: ['++ b/other', 'diff --git a/x b/x', '@@ -1 +1 @@', '++'].map((text, at) => ({
          number: at + 1,
          text,
        })),
      },
    ]);
  });

  test('any text: never throws', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'diff --git a/a b/a\n',
        '+++ b/a\n',
        '+++ "b/\\',
        '@@ -1,9 +1,9 @@\n',
        '\n+',
        '\n-',
        '\n\\',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        for (const file of addedLines(pieces.join(''))) expect(file.lines.length).toBeGreaterThan(0);
      }),
    );
  });

  describe('as git writes them', () => {
    let repo: string;
    const git = (...args: string[]): string => {
      const ran = spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: repo });
      if (ran.status !== 0) throw new Error(ran.stderr.toString());
      return ran.stdout.toString('utf8');
    };
    const put = (path: string, text: string | Buffer): void => {
      mkdirSync(dirname(join(repo, path)), { recursive: true });
      writeFileSync(join(repo, path), text);
    };
    const save = (): string => {
      git('add', '-A');
      git('commit', '-q', '--allow-empty', '-m', 'x');
      return git('rev-parse', 'HEAD').trim();
    };
    const diffOf = (change: () => void, ...options: string[]): readonly AddedText[] => {
      const from = save();
      change();
      return addedLines(git(...options, 'diff-tree', '-r', '-p', '-M', '--no-color', from, save()));
    };
    beforeAll(() => {
      repo = mkdtempSync(join(tmpdir(), 'added-lines-'));
      git('init', '-q');
    });
    afterAll(() => rmSync(repo, { recursive: true, force: true }));

    const NAMES = [
      'with space.txt',
      'tab\there',
      'quote".txt',
      'back\\slash',
      'naïve-名.txt',
      'b/b/c',
      ' lead',
      'a => b',
      'new\nline',
      '"',
    ];
    test.each([['core.quotePath=false'], ['core.quotePath=true']])('odd names, %s', (option) => {
      const files = diffOf(() => NAMES.forEach((name) => put(`${option}/${name}`, 'x\n')), '-c', option);
      expect(files.map(({ path }) => path).toSorted()).toEqual(
        NAMES.map((name) => `${option}/${name}`).toSorted(),
      );
      expect(files.every(({ lines }) => lines.length === 1 && lines[0]?.text === 'x')).toBe(true);
    });

    test('renames, deletions, binaries, modes, ends', () => {
      const body = Array.from({ length: 30 }, (_, at) => `line ${at}`).join('\n');
      put('moved.txt', `${body}\n`);
      put('gone.txt', 'gone\n');
      put('end.txt', 'a\nb');
      const files = diffOf(() => {
        renameSync(join(repo, 'moved.txt'), join(repo, 'to here.txt'));
        put('to here.txt', `${body}\nmore\n`);
        rmSync(join(repo, 'gone.txt'));
        put('end.txt', 'a\nb\nc');
        put('crlf.txt', 'one\r\ntwo\r\n');
        put('image.png', Buffer.from([0x89, 0x50, 0, 1, 2]));
        put('empty.txt', '');
      });
      expect(files).toEqual([
        {
          path: 'crlf.txt',
          lines: [
            { number: 1, text: 'one' },
            { number: 2, text: 'two' },
          ],
        },
        {
          path: 'end.txt',
          lines: [
            { number: 2, text: 'b' },
            { number: 3, text: 'c' },
          ],
        },
        { path: 'to here.txt', lines: [{ number: 31, text: 'more' }] },
      ]);
    });

    test('whatever is written is read back', () => {
      const text = fc.array(
        fc.constantFrom(
          'a',
          'b',
          '',
          '+++ b/x',
          '--- a/x',
          '@@ -1 +1 @@',
          '\\ No',
          'é\tz',
          'diff --git a/a b/a',
        ),
      );
      fc.assert(
        fc.property(text, text, (before, after) => {
          put('p', before.map((line) => `${line}\n`).join(''));
          const files = diffOf(() => put('p', after.map((line) => `${line}\n`).join('')));
          for (const { path, lines } of files) {
            expect(path).toBe('p');
            for (const line of lines) expect(line.text).toBe(after[line.number - 1]);
          }
          const kept = new Set(before);
          const fresh = after.filter((line) => !kept.has(line)).length;
          expect(files.flatMap(({ lines }) => lines).length).toBeGreaterThanOrEqual(fresh);
        }),
        { numRuns: 25 },
      );
    });

    test('a secret is found where it stands', async () => {
      put('src/app config.ts', 'a\nb\nc\n');
      const files = diffOf(() => put('src/app config.ts', `a\nb\nc\nconst t = '${token()}';\n`));
      expect(await scanForSecrets(files)).toMatchObject([
        { file: 'src/app config.ts', line: 4, rule: 'github' },
      ]);
    });
  });
});
