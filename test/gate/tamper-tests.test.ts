import { describe, expect, test } from 'vitest';
import type { TamperFinding } from '../../src/job/gate.ts';
import { findTampering, type Change } from '../../src/gate/tamper/tamper.ts';
import { memoryFiles } from './memory-files.ts';

type Tree = Readonly<Record<string, string>>;

async function guard(base: Tree, head: Tree): Promise<readonly TamperFinding[]> {
  const changes = [...new Set([...Object.keys(base), ...Object.keys(head)])].flatMap((path): Change[] => {
    const status = !(path in base) ? 'added' : !(path in head) ? 'deleted' : 'modified';
    return base[path] === head[path] ? [] : [{ path, oldPath: null, status }];
  });
  return findTampering({ changes, base: memoryFiles(base), head: memoryFiles(head), checks: [] });
}

/** A test file with one test in a language: `body` is what stands in the test. */
interface Language {
  readonly path: string;
  readonly file: (body: string) => string;
  readonly asserting: string;
}

const LANGUAGES = {
  'node:test': {
    path: 'test/a.test.js',
    file: (body) => `import test from 'node:test';\n\ntest('adds', () => {\n${body}\n});\n`,
    asserting: '  assert.equal(add(1, 22), 23);',
  },
  vitest: {
    path: 'src/a.spec.ts',
    file: (body) => `describe('add', () => {\n  it('adds', async () => {\n${body}\n  });\n});\n`,
    asserting: '    expect(add(1, 22)).toBe(23);',
  },
  ava: {
    path: 'test/a.test.mjs',
    file: (body) => `import test from 'ava';\n\ntest('adds', (t) => {\n${body}\n});\n`,
    asserting: '  t.is(add(1, 22), 23);',
  },
  pytest: {
    path: 'tests/test_a.py',
    file: (body) => `from a import add\n\n\ndef test_adds():\n${body}\n`,
    asserting: '    assert add(1, 22) == 23',
  },
  unittest: {
    path: 'tests/test_b.py',
    file: (body) => `class TestA(unittest.TestCase):\n    def test_adds(self):\n${body}\n`,
    asserting: '        self.assertEqual(add(1, 22), 23)',
  },
  go: {
    path: 'a_test.go',
    file: (body) => `package a\n\nfunc TestAdds(t *testing.T) {\n${body}\n}\n`,
    asserting: '\tif got := Add(1, 22); got != 23 {\n\t\tt.Errorf("got %d", got)\n\t}',
  },
  rust: {
    path: 'tests/a.rs',
    file: (body) => `#[test]\nfn adds() {\n${body}\n}\n`,
    asserting: '    assert_eq!(add(1, 22), 23);',
  },
  junit: {
    path: 'src/test/java/ATest.java',
    file: (body) => `class ATest {\n    @Test\n    void adds() {\n${body}\n    }\n}\n`,
    asserting: '        assertEquals(23, A.add(1, 22));',
  },
  kotlin: {
    path: 'src/test/kotlin/ATest.kt',
    file: (body) => `class ATest {\n    @Test\n    fun adds() {\n${body}\n    }\n}\n`,
    asserting: '        assertEquals(23, add(1, 22))',
  },
  xunit: {
    path: 'A.Tests/ATests.cs',
    file: (body) => `public class ATests\n{\n    [Fact]\n    public void Adds()\n    {\n${body}\n    }\n}\n`,
    asserting: '        Assert.Equal(23, A.Add(1, 22));',
  },
  rspec: {
    path: 'spec/a_spec.rb',
    file: (body) => `describe A do\n  it 'adds' do\n${body}\n  end\nend\n`,
    asserting: '    expect(A.add(1, 22)).to eq(23)',
  },
  minitest: {
    path: 'test/a_test.rb',
    file: (body) => `class ATest < Minitest::Test\n  def test_adds\n${body}\n  end\nend\n`,
    asserting: '    assert_equal 23, A.add(1, 22)',
  },
  phpunit: {
    path: 'tests/ATest.php',
    file: (body) =>
      `<?php\nclass ATest extends TestCase\n{\n    public function testAdds()\n    {\n${body}\n    }\n}\n`,
    asserting: '        $this->assertSame(23, add(1, 22));',
  },
  exunit: {
    path: 'test/a_test.exs',
    file: (body) => `defmodule ATest do\n  test "adds" do\n${body}\n  end\nend\n`,
    asserting: '    assert A.add(1, 22) == 23',
  },
} as const satisfies Readonly<Record<string, Language>>;
type Name = keyof typeof LANGUAGES;

const BLOCK = (open: string, close: string) => (asserting: string) => `${open}\n${asserting}\n${close}`;
const DEEPER = (open: string, close = '') => {
  return (asserting: string) => {
    const pad = /^[ \t]*/.exec(asserting)?.[0] ?? '';
    const inner = asserting.replaceAll(/^/gm, '    ');
    return `${pad}${open}\n${inner}${close === '' ? '' : `\n${close.replaceAll(/^/gm, pad)}`}`;
  };
};
const AFTER = (line: string) => (asserting: string) => {
  const pad = /^[ \t]*/.exec(asserting)?.[0] ?? '';
  return `${pad}prepare()\n${pad}${line}\n${asserting}`;
};

/** What makes a test unable to fail, beside what looks like it and is honest. */
const TWINS: readonly (readonly [
  language: Name,
  how: string,
  cheat: (asserting: string) => string,
  honest: (asserting: string) => string,
])[] = [
  ['node:test', 'if false', BLOCK('  if (false) {', '  }'), BLOCK('  if (ready()) {', '  }')],
  ['node:test', 'if (0 && x)', BLOCK('  if (0 && x) {', '  }'), BLOCK('  if (x || 0) {', '  }')],
  [
    'node:test',
    'try and catch',
    BLOCK('  try {', '  } catch {}'),
    BLOCK('  try {', '  } catch (error) {\n    throw new Error("while adding", { cause: error });\n  }'),
  ],
  [
    'node:test',
    'a handler that logs',
    BLOCK('  try {', '  } catch (error) {\n    console.log(error);\n  }'),
    BLOCK('  try {', '  } finally {\n    close();\n  }'),
  ],
  [
    'node:test',
    'a function nobody calls',
    BLOCK('  const later = () => {', '  };'),
    BLOCK('  const now = () => {', '  };\n  now();'),
  ],
  [
    'node:test',
    'no items',
    BLOCK('  for (const x of []) {', '  }'),
    BLOCK('  for (const x of [1]) {', '  }'),
  ],
  ['node:test', 'return before', AFTER('return;'), AFTER('if (x) prepare(); else prepare(1);')],
  [
    'vitest',
    'dropped rejection',
    (a) => `    await Promise.resolve().then(() => {\n${a}\n    }).catch(() => {});`,
    (a) => `    await Promise.resolve().then(() => {\n${a}\n    }).finally(() => {});`,
  ],
  [
    'vitest',
    'no matcher',
    () => '    expect(add(1, 22));',
    () => '    expect(add(1, 22)).toBe(23);\n    expect(1);',
  ],
  [
    'vitest',
    'matcher not called',
    () => '    expect(add(1, 22)).toBe;',
    (a) => `${a}\n    // expect(x).toBe;`,
  ],
  ['ava', 'if false', BLOCK('  if (!true) {', '  }'), BLOCK('  if (!ready) {', '  }')],
  ['pytest', 'if False', DEEPER('if False:'), DEEPER('if add:')],
  [
    'pytest',
    'except',
    DEEPER('try:', 'except AssertionError:\n    pass'),
    DEEPER('try:', 'except OSError:\n    pass'),
  ],
  [
    'pytest',
    'suppress',
    DEEPER('with contextlib.suppress(AssertionError):'),
    DEEPER('with contextlib.suppress(OSError):'),
  ],
  ['pytest', 'return before', AFTER('return'), AFTER('prepare(1)')],
  ['pytest', 'nobody calls it', DEEPER('def inner():'), DEEPER('def inner():', 'inner()')],
  [
    'unittest',
    'bare except',
    DEEPER('try:', 'except:\n    print("no")'),
    DEEPER('try:', 'except Exception as e:\n    raise AssertionError from e'),
  ],
  ['unittest', 'no items', DEEPER('for _ in []:'), DEEPER('for _ in [1]:')],
  ['go', 'if false', BLOCK('\tif false {', '\t}'), BLOCK('\tif ready() {', '\t}')],
  ['go', 'return before', AFTER('return'), AFTER('defer close()')],
  ['go', 'never called', BLOCK('\t_ = func() {', '\t}'), BLOCK('\tfunc() {', '\t}()')],
  ['rust', 'if false', BLOCK('    if false {', '    }'), BLOCK('    if ready() {', '    }')],
  [
    'rust',
    'caught panic',
    BLOCK('    let _ = std::panic::catch_unwind(|| {', '    });'),
    BLOCK('    std::panic::catch_unwind(|| {', '    }).unwrap();'),
  ],
  [
    'junit',
    'caught',
    BLOCK('        try {', '        } catch (Throwable t) {\n        }'),
    BLOCK('        try {', '        } catch (Exception e) {\n        }'),
  ],
  [
    'junit',
    'if false',
    BLOCK('        if (false) {', '        }'),
    BLOCK('        if (ready) {', '        }'),
  ],
  ['kotlin', 'runCatching', BLOCK('        runCatching {', '        }'), BLOCK('        run {', '        }')],
  [
    'xunit',
    'caught',
    BLOCK('        try\n        {', '        }\n        catch (Exception)\n        {\n        }'),
    BLOCK('        try\n        {', '        }\n        finally\n        {\n        }'),
  ],
  [
    'rspec',
    'rescue',
    DEEPER('begin', 'rescue Exception\n  nil\nend'),
    DEEPER('begin', 'rescue IOError\n  nil\nend'),
  ],
  ['minitest', 'if false', DEEPER('if false', 'end'), DEEPER('if ready', 'end')],
  ['minitest', 'return before', AFTER('return'), AFTER('prepare(1)')],
  [
    'phpunit',
    'caught',
    BLOCK('        try {', '        } catch (\\Throwable $e) {\n        }'),
    BLOCK('        try {', '        } catch (\\Throwable $e) {\n            throw $e;\n        }'),
  ],
  ['exunit', 'if false', DEEPER('if false do', 'end'), DEEPER('if ready() do', 'end')],
];

describe('a test that can’t fail any more', () => {
  test.each(TWINS)('%s: %s', async (language, _how, cheat, honest) => {
    const { path, file, asserting }: Language = LANGUAGES[language];
    const base = { [path]: file(asserting) };
    const found = await guard(base, { [path]: file(cheat(asserting)) });
    expect(found).toContainEqual(expect.objectContaining({ kind: 'test_emptied', severity: 'block' }));
    const fine = await guard(base, { [path]: file(honest(asserting)) });
    expect(fine.filter((one) => one.severity !== 'report')).toEqual([]);
  });

  test.each(Object.keys(LANGUAGES) as Name[])('%s: assertions taken out, the call left', async (language) => {
    const { path, file, asserting }: Language = LANGUAGES[language];
    const pad = /^[ \t]*/.exec(asserting)?.[0] ?? '';
    const base = { [path]: file(`${pad}add(1, 22)\n${asserting}`) };
    const found = await guard(base, { [path]: file(`${pad}add(1, 22)`) });
    expect(found).toContainEqual(expect.objectContaining({ kind: 'test_emptied', severity: 'block' }));
  });

  test.each(Object.keys(LANGUAGES) as Name[])('%s: the same test, reformatted', async (language) => {
    const { path, file, asserting }: Language = LANGUAGES[language];
    const base = { [path]: file(asserting) };
    expect(await guard(base, { [path]: file(`\n${asserting}\n`) })).toEqual([]);
  });
});

describe('what tests or asserts, replaced by nothing', () => {
  const JS = LANGUAGES['node:test'];
  test.each([
    ['node:test', 'const test = () => {};'],
    ['node:test', 'function test(name, body) {}'],
    ['node:test', 'assert.equal = () => {};'],
    ['vitest', 'const expect = () => ({ toBe() {} });'],
    ['vitest', 'const assert = new Proxy({}, {});'],
    ['unittest', 'unittest.TestCase.assertEqual = quiet'],
    ['unittest', 'def assertEqual(self, a, b):\n    pass\n'],
    ['go', 'var t = &testing.T{}'],
    ['rust', 'macro_rules! assert_eq { ($($x:tt)*) => {}; }'],
    ['junit', 'class Quiet { static void assertEquals(int a, int b) {} }'],
    ['minitest', 'def assert_equal(*)\nend'],
    ['phpunit', 'trait Quiet { function assertSame($a, $b) {} }'],
    ['exunit', 'defmacro assert(_), do: nil'],
  ] as const)('%s: %s', async (language, line) => {
    const { path, file, asserting }: Language = LANGUAGES[language];
    const text = file(asserting);
    const found = await guard({ [path]: text }, { [path]: `${text}\n${line}\n` });
    expect(found).toContainEqual(expect.objectContaining({ kind: 'assertion_replaced', severity: 'block' }));
  });

  test.each([
    'const { test } = suite;',
    'const it = test;',
    'const expect = chai.expect;',
    'const test = base.extend({ page: async () => {} });',
    'function assertPrice(a) { assert.ok(a > 0); }',
  ])('is not: %s', async (line) => {
    const text = JS.file(JS.asserting);
    expect(await guard({ [JS.path]: text }, { [JS.path]: `${line}\n${text}` })).toEqual([]);
  });
});

describe('a skip', () => {
  const { path, file, asserting } = LANGUAGES['node:test'];
  const base = { [path]: file(asserting) };

  test('in an option over several lines blocks, and shows its line', async () => {
    const head = file(asserting).replace("'adds', ", "'adds', {\n  skip: 'not on this machine',\n}, ");
    const found = await guard(base, { [path]: head });
    expect(found.map(({ kind, severity }) => `${kind} ${severity}`)).toEqual(['test_skipped block']);
  });

  test('is no changed expectation beside', async () => {
    const one = "test('adds', () => assert.equal(add(1, 22), 23));\n";
    const found = await guard({ [path]: one }, { [path]: one.replace('test(', 'test.skip(') });
    expect(found).toEqual([
      expect.objectContaining({
        kind: 'test_skipped',
        severity: 'block',
        line: 1,
        detail: "a test is switched off: test.skip('adds', () => assert.equal(add(1, 22), 23));",
      }),
    ]);
  });

  test('of a test that base does not have only tells', async () => {
    const fresh =
      "\ntest('new', { skip: process.platform === 'win32' }, () => {\n  assert.equal(1, x);\n});\n";
    const found = await guard(base, { [path]: file(asserting) + fresh });
    expect(found.map(({ kind, severity }) => `${kind} ${severity}`)).toEqual(['test_skipped report']);
  });

  test('of a renamed test is a removed one', async () => {
    const head = file(asserting).replace("test('adds'", "test.skip('adds two'");
    const found = await guard(base, { [path]: head });
    const detail: unknown = expect.stringMatching(/^1 test fewer: /);
    expect(found).toContainEqual(
      expect.objectContaining({ kind: 'test_removed', severity: 'block', detail }),
    );
  });

  test.each([
    ['node:test', '  if (process.env.CI) return;'],
    ['pytest', '    if os.environ.get("CI"):\n        return'],
    ['go', '\tif os.Getenv("CI") != "" {\n\t\treturn\n\t}'],
    ['phpunit', "        if (getenv('CI')) {\n            return;\n        }"],
    ['junit', '        if (System.getenv("CI") != null) return;'],
  ] as const)('by the environment: %s', async (language, line) => {
    const own: Language = LANGUAGES[language];
    const found = await guard(
      { [own.path]: own.file(own.asserting) },
      { [own.path]: own.file(`${line}\n${own.asserting}`) },
    );
    expect(found).toContainEqual(expect.objectContaining({ kind: 'test_skipped', severity: 'block' }));
  });
});

describe('tests rewritten as rows of a table', () => {
  const rewrites: readonly (readonly [string, string, string, string])[] = [
    [
      'test/a.test.js',
      "test('one', () => {\n  assert.equal(add(1, 22), 23);\n});\n\ntest('two', () => {\n  assert.equal(add(5, 6), 11);\n});\n",
      'const rows = [\n  [1, 22, 23],\n  [5, 6, 11],\n];\nfor (const [a, b, sum] of rows) {\n  test(`${a} and ${b}`, () => {\n    assert.equal(add(a, b), sum);\n  });\n}\n',
      'const rows = [\n  [1, 22, 23],\n];\nfor (const [a, b, sum] of rows) {\n  test(`${a} and ${b}`, () => {\n    assert.equal(add(a, b), sum);\n  });\n}\n',
    ],
    [
      'tests/test_a.py',
      'def test_one():\n    assert add(1, 22) == 23\n\n\ndef test_two():\n    assert add(5, 6) == 11\n',
      '@pytest.mark.parametrize("a,b,total", [(1, 22, 23), (5, 6, 11)])\ndef test_add(a, b, total):\n    assert add(a, b) == total\n',
      '@pytest.mark.parametrize("a,b,total", [(1, 22, 23)])\ndef test_add(a, b, total):\n    assert add(a, b) == total\n',
    ],
    [
      'a_test.go',
      'package a\n\nfunc TestOne(t *testing.T) {\n\tif got := Add(1, 22); got != 23 {\n\t\tt.Errorf("got %d", got)\n\t}\n}\n\nfunc TestTwo(t *testing.T) {\n\tif got := Add(5, 6); got != 11 {\n\t\tt.Errorf("got %d", got)\n\t}\n}\n',
      'package a\n\nfunc TestAdd(t *testing.T) {\n\tfor _, row := range [][3]int{{1, 22, 23}, {5, 6, 11}} {\n\t\tif got := Add(row[0], row[1]); got != row[2] {\n\t\t\tt.Errorf("got %d", got)\n\t\t}\n\t}\n}\n',
      'package a\n\nfunc TestAdd(t *testing.T) {\n\tfor _, row := range [][3]int{{1, 22, 23}} {\n\t\tif got := Add(row[0], row[1]); got != row[2] {\n\t\t\tt.Errorf("got %d", got)\n\t\t}\n\t}\n}\n',
    ],
    [
      'tests/a.rs',
      '#[test]\nfn one() {\n    assert_eq!(add(1, 22), 23);\n}\n\n#[test]\nfn two() {\n    assert_eq!(add(5, 6), 11);\n}\n',
      '#[rstest]\n#[case(1, 22, 23)]\n#[case(5, 6, 11)]\nfn adds(#[case] a: i32, #[case] b: i32, #[case] sum: i32) {\n    assert_eq!(add(a, b), sum);\n}\n',
      '#[rstest]\n#[case(1, 22, 23)]\nfn adds(#[case] a: i32, #[case] b: i32, #[case] sum: i32) {\n    assert_eq!(add(a, b), sum);\n}\n',
    ],
    [
      'A.Tests/ATests.cs',
      'class ATests\n{\n    [Fact]\n    public void One()\n    {\n        Assert.Equal(23, A.Add(1, 22));\n    }\n\n    [Fact]\n    public void Two()\n    {\n        Assert.Equal(11, A.Add(5, 6));\n    }\n}\n',
      'class ATests\n{\n    [Theory]\n    [InlineData(1, 22, 23)]\n    [InlineData(5, 6, 11)]\n    public void Adds(int a, int b, int sum)\n    {\n        Assert.Equal(sum, A.Add(a, b));\n    }\n}\n',
      'class ATests\n{\n    [Theory]\n    [InlineData(1, 22, 23)]\n    public void Adds(int a, int b, int sum)\n    {\n        Assert.Equal(sum, A.Add(a, b));\n    }\n}\n',
    ],
  ];
  test.each(rewrites)('%s', async (path, before, all, fewer) => {
    const kept = await guard({ [path]: before }, { [path]: all });
    expect(kept.filter((one) => one.severity === 'block')).toEqual([]);
    const cut = await guard({ [path]: before }, { [path]: fewer });
    expect(cut.filter((one) => one.kind === 'test_removed').length).toBeGreaterThan(0);
  });

  test('values in a list that no test reads excuse nothing', async () => {
    const [, before = ''] = rewrites[0] ?? [];
    const head = "const rows = [1, 22, 23, 5, 6, 11];\ntest('is there', () => {\n  assert.ok(rows);\n});\n";
    const found = await guard({ 'test/a.test.js': before }, { 'test/a.test.js': head });
    expect(found).toContainEqual(expect.objectContaining({ kind: 'test_removed', severity: 'block' }));
  });

  test('nor does the test’s own body, left in a function that nobody runs', async () => {
    const [path = '', before = ''] = rewrites[1] ?? [];
    const head = before
      .replace('def test_one', 'def _test_one')
      .replace('add(5, 6) == 11', 'add(5, 6) == 11, add');
    const found = await guard({ [path]: before }, { [path]: head });
    expect(found).toContainEqual(expect.objectContaining({ kind: 'test_removed', severity: 'block' }));
  });

  test('a list of cases that is emptied blocks, one that is shorter is a draft', async () => {
    const path = 'test/a.test.js';
    const file = (rows: string): string =>
      `const cases = [${rows}];\n\nfor (const [a, b] of cases) {\n  test(\`twice \${a}\`, () => assert.equal(twice(a), b));\n}\n`;
    const base = { [path]: file('[1, 2], [2, 4]') };
    expect(await guard(base, { [path]: file('') })).toEqual([
      expect.objectContaining({ kind: 'test_removed', severity: 'block', line: 1 }),
    ]);
    expect(await guard(base, { [path]: file('[1, 2]') })).toEqual([
      expect.objectContaining({ kind: 'test_removed', severity: 'draft' }),
    ]);
    expect(await guard(base, { [path]: file('[1, 2], [2, 4], [3, 6]') })).toEqual([]);
  });

  test('lists of one name are told apart by their tests and their order', async () => {
    const path = 'tests/grow.rs';
    const list = (rows: string): string =>
      `    let rows = vec![${rows}];\n    assert_eq!(Stack::from(rows.iter()).len(), rows.len());\n`;
    const rust = (name: string, ...lists: readonly string[]): string =>
      `#[test]\nfn ${name}() {\n${lists.map(list).join('')}}\n\n`;
    const base = rust('small', '', '1, 2, 3') + rust('large', '7, 8, 9, 10');
    const guarded = async (head: string): Promise<readonly string[]> =>
      (await guard({ [path]: base }, { [path]: head }))
        .filter(({ kind }) => kind === 'test_removed')
        .map(({ severity, detail }) => `${severity}: ${detail}`);
    // A test more, before, between and behind, and a list more in one of them, take nothing away.
    const more = rust('none', '') + base + rust('one', '1');
    expect(await guarded(more)).toEqual([]);
    expect(await guarded(rust('small', '', '4', '1, 2, 3') + rust('large', '7, 8, 9, 10'))).toEqual([]);
    const emptied = rust('small', '', '') + rust('large', '7, 8, 9, 10');
    expect(await guarded(emptied)).toEqual(['block: 3 of 3 cases are gone from rows']);
    expect(await guarded(rust('small', '', '1, 2, 3') + rust('large', ''))).toEqual([
      'block: 4 of 4 cases are gone from rows',
    ]);
    // The only list of a test is followed to the first of its name: a copy behind it may be read by nothing.
    expect(await guarded(rust('small', '', '1, 2, 3') + rust('large', '', '7, 8, 9, 10'))).toEqual([
      'block: 4 of 4 cases are gone from rows',
    ]);
  });
});

describe('hints about the code itself', () => {
  const tests = {
    'test/a.test.js':
      "test('a', () => {\n  assert.equal(price('12.50'), 1250);\n  assert.equal(price('0.07'), 7);\n});\n",
    'tests/test_a.py':
      'def test_a():\n    assert split(100, 3) == [34, 33, 33]\n    assert split(10, 4) == [3, 3, 2, 2]\n',
  };
  const hints: readonly (readonly [
    path: string,
    kind: string,
    before: string,
    after: string,
    line: number,
  ])[] = [
    [
      'src/a.js',
      'hard_coded',
      'export const price = (x) => Number(x) * 100;\n',
      "export const price = (x) => ({ '12.50': 1250, '0.07': 7 })[x];\n",
      1,
    ],
    [
      'a.py',
      'hard_coded',
      'def split(a, b):\n    return go(a, b)\n',
      'def split(a, b):\n    if (a, b) == (100, 3):\n        return [34, 33, 33]\n    if (a, b) == (10, 4):\n        return [3, 3, 2, 2]\n',
      2,
    ],
    ['src/a.js', 'knows_it_is_tested', 'run();\n', 'run();\nif (process.env.NODE_TEST_CONTEXT) stop();\n', 2],
    ['a.py', 'knows_it_is_tested', 'run()\n', 'run()\nif "pytest" in sys.modules:\n    stop()\n', 2],
    ['a.go', 'knows_it_is_tested', 'package a\n', 'package a\n\nvar quiet = testing.Testing()\n', 3],
    ['lib/a.rb', 'knows_it_is_tested', 'run\n', 'run\nstop if defined?(RSpec)\n', 2],
    ['src/a.js', 'catch_all', 'f();\n', "try {\n  f();\n} catch {\n  value = '';\n}\n", 3],
    ['src/A.java', 'catch_all', 'f();\n', 'try {\n  f();\n} catch (Exception e) {\n  return 0;\n}\n', 3],
    ['a.go', 'catch_all', 'package a\n', 'package a\n\nfunc f() {\n\tdefer func() { recover() }()\n}\n', 4],
  ];
  test.each(hints)('%s: %s', async (path, kind, before, after, line) => {
    const found = await guard({ ...tests, [path]: before }, { ...tests, [path]: after });
    expect(found).toContainEqual(expect.objectContaining({ kind, severity: 'report', file: path, line }));
    expect(found.filter((one) => one.severity !== 'report')).toEqual([]);
  });

  test.each([
    ['src/a.js', 'run();\n', 'run();\nconst limit = 1250;\n'],
    [
      'src/a.js',
      'f();\n',
      'try {\n  f();\n} catch (error) {\n  throw new Error("f", { cause: error });\n}\n',
    ],
    ['a.py', 'f()\n', 'try:\n    f()\nexcept ValueError:\n    pass\n'],
    ['src/a.js', 'f();\n', "if (process.env.NODE_ENV === 'production') f();\n"],
  ])('%s is left alone: %j', async (path, before, after) => {
    expect(await guard({ ...tests, [path]: before }, { ...tests, [path]: after })).toEqual([]);
  });
});

describe('hostile sources', () => {
  const MIB = 1024 * 1024;
  test.each([
    ['a.test.js', 'try{'],
    ['a.test.js', 'if(false)'],
    ['a.test.js', '.catch(()=>{})'],
    ['a.test.js', 'return\n'],
    ['a.test.js', 'x=[x=['],
    ['a.test.js', 'for (x of x) const x=['],
    ['a.test.js', '        '],
    ['test_a.py', 'try:\n'],
    ['test_a.py', 'return\n'],
    ['test_a.py', 'def f():\n '],
    ['a_spec.rb', 'begin\nrescue Exception\n'],
    ['a_test.go', '_ = func() {'],
    ['tests/a.rs', 'let _ = catch_unwind('],
    ['src/a.js', 'catch{'],
    ['src/a.js', "'12':1200,"],
    ['a.py', 'except:\n'],
  ])('%s: 1 MiB of %j are read', { timeout: 60_000 }, async (path, piece) => {
    const text = piece.repeat(Math.floor(MIB / piece.length));
    const found = await guard({ [path]: text }, { [path]: `${text}x` });
    expect(found.length).toBeLessThanOrEqual(200);
  });
});
