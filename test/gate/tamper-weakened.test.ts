/** Tests that are still there, run, and can fail for less; and code that is written for its tests. */
import { describe, expect, test } from 'vitest';
import { findTampering, type Change } from '../../src/gate/tamper/tamper.ts';
import { memoryFiles } from './memory-files.ts';

type Tree = Readonly<Record<string, string>>;

async function guard(base: Tree, head: Tree): Promise<readonly string[]> {
  const changes = [...new Set([...Object.keys(base), ...Object.keys(head)])].flatMap((path): Change[] => {
    const status = !(path in base) ? 'added' : !(path in head) ? 'deleted' : 'modified';
    return base[path] === head[path] ? [] : [{ path, oldPath: null, status }];
  });
  const found = await findTampering({
    changes,
    base: memoryFiles(base),
    head: memoryFiles(head),
    checks: [],
  });
  return found.map(({ severity, kind }) => `${severity} ${kind}`);
}

const JS = (body: string): string => `import test from 'node:test';\n\ntest('adds', () => {\n${body}\n});\n`;
const GO = (body: string): string =>
  `package a\n\nfunc TestAdds(t *testing.T) {\n\tfor _, tt := range tests {\n${body}\n\t}\n}\n`;
const PY = (body: string, owner = 'unittest.TestCase', how = 'def'): string =>
  `import unittest\n\n\nclass AddTest(${owner}):\n    ${how} test_adds(self):\n${body}\n`;
const RUST = (body: string): string => `#[test]\nfn adds() {\n${body}\n}\n`;

const JS_ASSERT = '  assert.equal(basket.add(1, 22), 23);';
const GO_ASSERT = '\t\tif got := Add(tt.a); got != tt.want {\n\t\t\tt.Errorf("got %d", got)\n\t\t}';
const PY_ASSERT = '        self.assertEqual(add(1, 22), 23)';
const RUST_ASSERT = '    assert_eq!(add(1, 22), 23);';

interface Row {
  readonly what: string;
  readonly path: string;
  readonly base: string;
  readonly head: string;
}

function js(what: string, head: string): Row {
  return { what: `JS: ${what}`, path: 'test/a.test.js', base: JS(JS_ASSERT), head: JS(head) };
}
function go(what: string, head: string): Row {
  return { what: `Go: ${what}`, path: 'a_test.go', base: GO(GO_ASSERT), head: GO(head) };
}
function python(what: string, head: string): Row {
  return { what: `Python: ${what}`, path: 'tests/test_a.py', base: PY(PY_ASSERT), head };
}
function rust(what: string, head: string): Row {
  return { what: `Rust: ${what}`, path: 'tests/a.rs', base: RUST(RUST_ASSERT), head: RUST(head) };
}

const EMPTIED: readonly Row[] = [
  js('a return in finally', `  try {\n  ${JS_ASSERT}\n  } finally {\n    return;\n  }`),
  js('a timer that nothing waits for', `  setTimeout(() => {\n  ${JS_ASSERT}\n  }, 60_000).unref();`),
  python('a coroutine that nobody awaits', PY(PY_ASSERT, 'unittest.TestCase', 'async def')),
  python('a generator', PY('        yield self.assertEqual(add(1, 22), 23)')),
  python(
    'a function that is only kept',
    PY(`        def adds():\n    ${PY_ASSERT}\n\n        self.adds = adds`),
  ),
  python('a return in finally', PY(`        try:\n    ${PY_ASSERT}\n        finally:\n            return`)),
];

const WEAKENED: readonly Row[] = [
  js('a return under a condition', `  if (basket.items > 0) {\n    return;\n  }\n${JS_ASSERT}`),
  js('the subject is replaced', `  mock.method(basket, 'add', () => 23);\n${JS_ASSERT}`),
  js('the subject is replaced by hand', `  basket.add = () => 23;\n${JS_ASSERT}`),
  go('a return under a condition', `\t\tif len(tests) > 0 {\n\t\t\treturn\n\t\t}\n${GO_ASSERT}`),
  go('it expects what comes', `\t\ttt.want = Add(tt.a)\n${GO_ASSERT}`),
  go('a panic that is dropped', `\t\tdefer func() { _ = recover() }()\n${GO_ASSERT}`),
  {
    what: 'Go: another Errorf',
    path: 'a_test.go',
    base: GO(GO_ASSERT),
    head: `${GO(GO_ASSERT)}\nfunc (q quiet) Errorf(format string, args ...any) {}\n`,
  },
  python('another equality', PY(`        self.addTypeEqualityFunc(int, same)\n${PY_ASSERT}`)),
  python('a return under a condition', PY(`        if add is not None:\n            return\n${PY_ASSERT}`)),
  rust(
    'a thread whose end is dropped',
    `    let joined = std::thread::spawn(|| {\n    ${RUST_ASSERT}\n    });\n    joined.join().ok();`,
  ),
];

const HONEST: readonly Row[] = [
  js('a try that cleans up', `  try {\n  ${JS_ASSERT}\n  } finally {\n    basket.close();\n  }`),
  js('a stand-in for something else', `  mock.method(clock, 'now', () => 5);\n${JS_ASSERT}`),
  js('a return after the assertions', `${JS_ASSERT}\n  if (basket.done) {\n    return;\n  }`),
  go('a failure under a condition', `\t\tif tt.a < 0 {\n\t\t\tt.Fatal("negative")\n\t\t}\n${GO_ASSERT}`),
  python('a coroutine that is awaited', PY(PY_ASSERT, 'unittest.IsolatedAsyncioTestCase', 'async def')),
  python('a coroutine with a decorator', PY(PY_ASSERT, 'unittest.TestCase', '@run\n    async def')),
  python(
    'a generator inside',
    PY(`        def rows():\n            yield 1\n\n        for row in rows():\n    ${PY_ASSERT}`),
  ),
  rust(
    'a thread that is joined',
    `    let joined = std::thread::spawn(|| add(1, 22));\n    joined.join().unwrap();\n${RUST_ASSERT}`,
  ),
];

describe('a test that can fail for less', () => {
  test.each(EMPTIED)('$what blocks', async ({ path, base, head }) => {
    expect(await guard({ [path]: base }, { [path]: head })).toContain('block test_emptied');
  });

  test.each(WEAKENED)('$what is a draft', async ({ path, base, head }) => {
    const found = await guard({ [path]: base }, { [path]: head });
    expect(found).toContain('draft test_weakened');
    expect(found.filter((one) => one.startsWith('block'))).toEqual([]);
  });

  test.each(HONEST)('$what is nothing', async ({ path, base, head }) => {
    expect(await guard({ [path]: base }, { [path]: head })).toEqual([]);
  });

  test('a new test of that kind is only told', async () => {
    const [first] = WEAKENED;
    expect(await guard({}, { 'test/a.test.js': first?.head ?? '' })).toEqual(['report test_weakened']);
  });
});

describe('code that is written for its tests', () => {
  const tests = {
    'test/a.test.js': JS("  assert.deepEqual(match('/tags/:tag', '/tags/a%20b'), { tag: 'a b' });"),
    'test/expected/receipt.txt': 'total 3\n',
  };
  const code = (line: string): Tree => ({
    ...tests,
    'src/a.js': `export function match(pattern, path) {\n  ${line}\n}\n`,
  });
  test.each([
    [
      'one assertion’s inputs and answer',
      "if (pattern === '/tags/:tag' && path === '/tags/a%20b') return { tag: 'a b' };",
      ['report hard_coded'],
    ],
    [
      'a file of the tests',
      "return readFileSync('../test/expected/receipt.txt');",
      ['report knows_it_is_tested'],
    ],
    [
      'a catch around an object',
      'try { a(); } catch { return { status: 404, body: null }; }',
      ['report catch_all'],
    ],
    ['a path like it', "return readFileSync('../data/expected/receipt.csv');", []],
    ['one value alone', "return pattern === '/tags/:tag';", []],
  ])('%s', async (_what, line, found) => {
    expect(await guard(code('return null;'), code(line))).toEqual(found);
  });
});
