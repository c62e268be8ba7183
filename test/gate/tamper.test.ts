import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Check, TamperFinding } from '../../src/job/gate.ts';
import { findTampering, type Change } from '../../src/gate/tamper/tamper.ts';
import { memoryFiles } from './memory-files.ts';

type Tree = Readonly<Record<string, string>>;
const NPM_TEST: Check = { name: 'test', kind: 'test', command: 'npm run --silent test', timeout_s: 60 };
const MAKE_TEST: Check = { name: 'make-test', kind: 'test', command: 'make test', timeout_s: 60 };
const SCRIPT: Check = { name: 'ci', kind: 'test', command: 'sh ./scripts/ci.sh', timeout_s: 60 };
const CHECKS = [NPM_TEST, MAKE_TEST, SCRIPT];

/** The change between two trees, as git's rename detection tells it when `renames` names pairs. */
function changesOf(base: Tree, head: Tree, renames: Readonly<Record<string, string>> = {}): Change[] {
  const changes: Change[] = Object.entries(renames).map(([oldPath, path]) => ({
    path,
    oldPath,
    status: 'renamed',
  }));
  const [from, to] = [new Set(Object.keys(renames)), new Set(Object.values(renames))];
  for (const path of Object.keys(base)) {
    if (from.has(path)) continue;
    if (!(path in head)) changes.push({ path, oldPath: null, status: 'deleted' });
    else if (base[path] !== head[path]) changes.push({ path, oldPath: null, status: 'modified' });
  }
  for (const path of Object.keys(head)) {
    if (!(path in base) && !to.has(path)) changes.push({ path, oldPath: null, status: 'added' });
  }
  return changes;
}

async function guard(
  base: Tree,
  head: Tree,
  renames: Readonly<Record<string, string>> = {},
): Promise<TamperFinding[]> {
  return findTampering({
    changes: changesOf(base, head, renames),
    base: memoryFiles(base),
    head: memoryFiles(head),
    checks: CHECKS,
  });
}

const JS = `import { test, expect } from 'vitest';
import { add } from '../src/add.js';

test('adds', () => {
  expect(add(1, 2)).toBe(3);
});

test('adds negatives', () => {
  const sum = add(-1, -2);
  expect(sum).toBe(-3);
});
`;
const JS_SOURCE = 'export function add(a, b) {\n  return a + b;\n}\n';
const PY = `import unittest
from calc import add, sub


class TestCalc(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)

    def test_sub(self):
        self.assertEqual(sub(3, 2), 1)
`;
const PY_SOURCE = 'def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n';
const PYTEST = `import pytest
from calc import add


def test_add():
    assert add(1, 2) == 3


def test_add_text():
    with pytest.raises(TypeError):
        add(1, "x")
`;
const GO = `package calc

import "testing"

func TestAdd(t *testing.T) {
	if got := Add(1, 2); got != 3 {
		t.Errorf("got %d", got)
	}
}

func TestSub(t *testing.T) {
	if got := Sub(3, 2); got != 1 {
		t.Fatalf("got %d", got)
	}
}
`;
const RUST = `pub fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1, 2), 3);
    }

    #[test]
    fn adds_negatives() {
        assert_eq!(add(-1, -2), -3);
    }
}
`;
const JAVA = `package calc;

import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.*;

class CalcTest {
    @Test
    void adds() {
        assertEquals(3, Calc.add(1, 2));
    }

    @Test
    void subtracts() {
        assertEquals(1, Calc.sub(3, 2));
    }
}
`;
const JAVA_PATH = 'src/test/java/calc/CalcTest.java';
const PACKAGE = JSON.stringify({ name: 'x', scripts: { test: 'vitest run', lint: 'eslint .' } }, null, 2);

const BASE: Tree = {
  'test/add.test.js': JS,
  'src/add.js': JS_SOURCE,
  'tests/test_calc.py': PY,
  'tests/test_more.py': PYTEST,
  'calc.py': PY_SOURCE,
  'calc_test.go': GO,
  'calc.go':
    'package calc\n\nfunc Add(a, b int) int { return a + b }\n\nfunc Sub(a, b int) int { return a - b }\n',
  'src/lib.rs': RUST,
  [JAVA_PATH]: JAVA,
  'src/main/java/calc/Calc.java':
    'package calc;\n\npublic class Calc {\n    public static int add(int a, int b) { return a + b; }\n}\n',
  'package.json': PACKAGE,
  Makefile: 'test: lint\n\tpytest -q\n\nlint:\n\truff check .\n',
  'scripts/ci.sh': '#!/bin/sh\nset -e\nnpm test\npytest\n',
};

function edit(path: string, from: string | RegExp, to: string): Tree {
  const text = BASE[path] ?? '';
  const next = text.replace(from, to);
  if (next === text) throw new Error(`the edit of ${path} changes nothing`);
  return { ...BASE, [path]: next };
}

function without(...paths: string[]): Tree {
  return Object.fromEntries(Object.entries(BASE).filter(([path]) => !paths.includes(path)));
}

describe('cheats that block', () => {
  const CHEATS: readonly (readonly [name: string, kind: string, file: string, head: Tree])[] = [
    ['JS: test file deleted', 'test_deleted', 'test/add.test.js', without('test/add.test.js')],
    ['JS: test file emptied', 'test_emptied', 'test/add.test.js', { ...BASE, 'test/add.test.js': '' }],
    [
      'JS: one test removed',
      'test_removed',
      'test/add.test.js',
      edit('test/add.test.js', /test\('adds negatives'[\s\S]*$/, ''),
    ],
    [
      'JS: one test commented out',
      'test_removed',
      'test/add.test.js',
      edit('test/add.test.js', /(test\('adds negatives'[\s\S]*)$/, '/*\n$1*/\n'),
    ],
    [
      'JS: test.skip',
      'test_skipped',
      'test/add.test.js',
      edit('test/add.test.js', "test('adds',", "test.skip('adds',"),
    ],
    [
      'JS: xit',
      'test_skipped',
      'test/add.test.js',
      edit('test/add.test.js', "test('adds',", "xtest('adds',"),
    ],
    [
      'JS: skip option',
      'test_skipped',
      'test/add.test.js',
      edit('test/add.test.js', "test('adds',", "test('adds', { skip: true },"),
    ],
    [
      'JS: test.todo',
      'test_skipped',
      'test/add.test.js',
      edit('test/add.test.js', "test('adds',", "test.todo('adds',"),
    ],
    [
      'JS: test.only',
      'test_focused',
      'test/add.test.js',
      edit('test/add.test.js', "test('adds',", "test.only('adds',"),
    ],
    [
      'JS: describe.only',
      'test_focused',
      'test/add.test.js',
      edit('test/add.test.js', "test('adds',", "describe.only('x', () => {});\ntest('adds',"),
    ],
    [
      'JS: t.skip()',
      'test_skipped',
      'test/add.test.js',
      edit('test/add.test.js', '  expect(add(1, 2))', '  t.skip();\n  expect(add(1, 2))'),
    ],
    [
      'JS: body emptied',
      'test_emptied',
      'test/add.test.js',
      edit('test/add.test.js', '  expect(add(1, 2)).toBe(3);\n', ''),
    ],
    [
      'JS: return at once',
      'test_emptied',
      'test/add.test.js',
      edit('test/add.test.js', '  expect(add(1, 2))', '  return;\n  expect(add(1, 2))'),
    ],
    [
      'JS: only a tautology',
      'test_emptied',
      'test/add.test.js',
      edit('test/add.test.js', 'expect(add(1, 2)).toBe(3)', 'expect(true).toBe(true)'),
    ],
    [
      'JS: process.exit',
      'early_exit',
      'test/add.test.js',
      edit('test/add.test.js', "test('adds',", "process.exit(0);\ntest('adds',"),
    ],
    ['Python: test file deleted', 'test_deleted', 'tests/test_calc.py', without('tests/test_calc.py')],
    [
      'Python: unittest.skip',
      'test_skipped',
      'tests/test_calc.py',
      edit('tests/test_calc.py', '    def test_add', '    @unittest.skip("slow")\n    def test_add'),
    ],
    [
      'Python: pytest.mark.skip',
      'test_skipped',
      'tests/test_more.py',
      edit('tests/test_more.py', 'def test_add()', '@pytest.mark.skip\ndef test_add()'),
    ],
    [
      'Python: pytest.mark.xfail',
      'test_skipped',
      'tests/test_more.py',
      edit('tests/test_more.py', 'def test_add()', '@pytest.mark.xfail(reason="x")\ndef test_add()'),
    ],
    [
      'Python: pytest.skip()',
      'test_skipped',
      'tests/test_more.py',
      edit('tests/test_more.py', '    assert add', '    pytest.skip("later")\n    assert add'),
    ],
    [
      'Python: pytestmark',
      'test_skipped',
      'tests/test_more.py',
      edit('tests/test_more.py', 'from calc', 'pytestmark = pytest.mark.skip\nfrom calc'),
    ],
    [
      'Python: test renamed away',
      'test_removed',
      'tests/test_calc.py',
      edit('tests/test_calc.py', 'def test_add', 'def _test_add'),
    ],
    [
      'Python: pass',
      'test_emptied',
      'tests/test_more.py',
      edit('tests/test_more.py', '    assert add(1, 2) == 3', '    pass'),
    ],
    [
      'Python: assert True',
      'test_emptied',
      'tests/test_more.py',
      edit('tests/test_more.py', 'assert add(1, 2) == 3', 'assert True'),
    ],
    [
      'Python: conftest hook',
      'test_skipped',
      'conftest.py',
      { ...BASE, 'conftest.py': 'def pytest_collection_modifyitems(items):\n    items[:] = []\n' },
    ],
    ['Python: os._exit', 'early_exit', 'conftest.py', { ...BASE, 'conftest.py': 'import os\nos._exit(0)\n' }],
    [
      'Python: shadowed pytest',
      'shadowed_tool',
      'pytest.py',
      { ...BASE, 'pytest.py': 'raise SystemExit(0)\n' },
    ],
    [
      'Go: t.Skip',
      'test_skipped',
      'calc_test.go',
      edit('calc_test.go', '\tif got := Add', '\tt.Skip("later")\n\tif got := Add'),
    ],
    ['Go: test removed', 'test_removed', 'calc_test.go', edit('calc_test.go', /func TestSub[\s\S]*$/, '')],
    [
      'Go: build constraint',
      'test_skipped',
      'calc_test.go',
      edit('calc_test.go', 'package calc', '//go:build ignore\n\npackage calc'),
    ],
    [
      'Go: os.Exit(0)',
      'early_exit',
      'calc_test.go',
      edit('calc_test.go', 'func TestAdd', 'func TestMain(m *testing.M) { os.Exit(0) }\n\nfunc TestAdd'),
    ],
    [
      'Rust: #[ignore]',
      'test_skipped',
      'src/lib.rs',
      edit('src/lib.rs', '#[test]\n    fn adds()', '#[test]\n    #[ignore]\n    fn adds()'),
    ],
    [
      'Rust: inline test removed',
      'test_removed',
      'src/lib.rs',
      edit('src/lib.rs', /\n    #\[test\]\n    fn adds_negatives[\s\S]*?\n    \}\n/, ''),
    ],
    [
      'Rust: test module removed',
      'test_emptied',
      'src/lib.rs',
      edit('src/lib.rs', /#\[cfg\(test\)\][\s\S]*$/, ''),
    ],
    [
      'Rust: assert!(true)',
      'test_emptied',
      'src/lib.rs',
      edit('src/lib.rs', 'assert_eq!(add(1, 2), 3)', 'assert!(true)'),
    ],
    [
      'Java: @Disabled',
      'test_skipped',
      JAVA_PATH,
      edit(JAVA_PATH, '@Test\n    void adds', '@Disabled\n    @Test\n    void adds'),
    ],
    [
      'Java: test removed',
      'test_removed',
      JAVA_PATH,
      edit(JAVA_PATH, /\n    @Test\n    void subtracts[\s\S]*?\n    \}\n/, ''),
    ],
    [
      'Java: @Test taken away',
      'test_removed',
      JAVA_PATH,
      edit(JAVA_PATH, '@Test\n    void subtracts', 'void subtracts'),
    ],
    [
      'Java: emptied',
      'test_emptied',
      JAVA_PATH,
      edit(JAVA_PATH, '        assertEquals(3, Calc.add(1, 2));\n', ''),
    ],
    ['script: true', 'gutted_script', 'package.json', edit('package.json', 'vitest run', 'true')],
    [
      'script: echo',
      'gutted_script',
      'package.json',
      edit('package.json', 'vitest run', 'echo all tests passed'),
    ],
    ['script: exit 0', 'gutted_script', 'package.json', edit('package.json', 'vitest run', 'exit 0')],
    [
      'script: || true',
      'gutted_script',
      'package.json',
      edit('package.json', 'vitest run', 'vitest run || true'),
    ],
    [
      'script: passWithNoTests',
      'gutted_script',
      'package.json',
      edit('package.json', 'vitest run', 'vitest run --passWithNoTests nothing'),
    ],
    ['Makefile target gutted', 'gutted_script', 'Makefile', edit('Makefile', 'pytest -q', '@true')],
    [
      'Makefile target forgives',
      'gutted_script',
      'Makefile',
      edit('Makefile', '\tpytest -q', '\t-pytest -q'),
    ],
    [
      'script file gutted',
      'gutted_script',
      'scripts/ci.sh',
      edit('scripts/ci.sh', 'npm test\npytest\n', 'exit 0\nnpm test\npytest\n'),
    ],
    [
      'tracked dependency',
      'tracked_dependency',
      'node_modules/vitest/index.js',
      { ...BASE, 'node_modules/vitest/index.js': 'x' },
    ],
    ['tracked .venv', 'tracked_dependency', '.venv/bin/pytest', { ...BASE, '.venv/bin/pytest': 'x' }],
  ];
  test.each(CHEATS)('%s', async (_name, kind, file, head) => {
    const findings = await guard(BASE, head);
    expect(findings.filter((one) => one.severity === 'block')).toContainEqual(
      expect.objectContaining({ kind, file }),
    );
  });

  test('a test file renamed to what no runner collects', async () => {
    const head = { ...without('test/add.test.js'), 'test-old/add.js.bak': JS };
    const findings = await guard(BASE, head, { 'test/add.test.js': 'test-old/add.js.bak' });
    expect(findings).toContainEqual(expect.objectContaining({ kind: 'test_deleted', severity: 'block' }));
  });

  test('a deleted test file is not excused by a new one that tests nothing', async () => {
    const head = {
      ...without('test/add.test.js'),
      'test/new.test.js': "test('a', () => {});\ntest('b', () => {});\n",
    };
    expect(await guard(BASE, head)).toContainEqual(
      expect.objectContaining({ kind: 'test_deleted', severity: 'block' }),
    );
  });

  test('a marker is found at its line', async () => {
    const head = edit('calc_test.go', '\tif got := Sub', '\tt.SkipNow()\n\tif got := Sub');
    expect(await guard(BASE, head)).toContainEqual(
      expect.objectContaining({ kind: 'test_skipped', line: 12 }),
    );
  });
});

describe('changes that make a draft', () => {
  const DRAFTS: readonly (readonly [name: string, kind: string, file: string, head: Tree])[] = [
    [
      'JS: expected value',
      'expectation_changed',
      'test/add.test.js',
      edit('test/add.test.js', 'toBe(3)', 'toBe(4)'),
    ],
    [
      'JS: assertion removed',
      'assertion_removed',
      'test/add.test.js',
      edit('test/add.test.js', '  expect(sum).toBe(-3);', '  compareSum(sum);'),
    ],
    [
      'JS: negated',
      'expectation_changed',
      'test/add.test.js',
      edit('test/add.test.js', 'toBe(3)', 'not.toBe(3)'),
    ],
    [
      'Python: expected value',
      'expectation_changed',
      'tests/test_calc.py',
      edit('tests/test_calc.py', '3)', '4)'),
    ],
    ['Rust: expected value', 'expectation_changed', 'src/lib.rs', edit('src/lib.rs', ', -3)', ', -4)')],
    [
      'Java: expected value',
      'expectation_changed',
      JAVA_PATH,
      edit(JAVA_PATH, 'assertEquals(3', 'assertEquals(4'),
    ],
    [
      'Java: weaker assertion',
      'expectation_changed',
      JAVA_PATH,
      edit(JAVA_PATH, 'assertEquals(3', 'assertNotEquals(3'),
    ],
    [
      'CI workflow',
      'ci_workflow',
      '.github/workflows/ci.yml',
      { ...BASE, '.github/workflows/ci.yml': 'on: push' },
    ],
    ['.agent-runner.yml', 'runner_config', '.agent-runner.yml', { ...BASE, '.agent-runner.yml': 'gate: {}' }],
    ['.gitattributes', 'git_attributes', '.gitattributes', { ...BASE, '.gitattributes': '* -text' }],
    ['hook', 'hook', '.husky/pre-commit', { ...BASE, '.husky/pre-commit': 'true' }],
    ['lock file', 'lock_file', 'package-lock.json', { ...BASE, 'package-lock.json': '{}' }],
    [
      'vitest config',
      'test_config',
      'vitest.config.ts',
      { ...BASE, 'vitest.config.ts': 'export default {}' },
    ],
    [
      'eslint config',
      'lint_config',
      'eslint.config.js',
      { ...BASE, 'eslint.config.js': 'export default []' },
    ],
    [
      'pyproject tool section',
      'test_config',
      'pyproject.toml',
      { ...BASE, 'pyproject.toml': '[tool.pytest.ini_options]\naddopts = "-k nothing"\n' },
    ],
    ['script changed', 'gate_script', 'package.json', edit('package.json', 'vitest run', 'jest')],
    [
      'pretest added',
      'gate_script',
      'package.json',
      edit('package.json', '"test"', '"pretest": "node prepare.js", "test"'),
    ],
    ['Makefile prerequisite', 'gate_script', 'Makefile', edit('Makefile', 'ruff check .', 'ruff check src')],
    ['script file', 'gate_script', 'scripts/ci.sh', edit('scripts/ci.sh', 'npm test', 'npm run other')],
  ];
  test.each(DRAFTS)('%s', async (_name, kind, file, head) => {
    const findings = await guard(BASE, head);
    expect(findings).toContainEqual(expect.objectContaining({ kind, file, severity: 'draft' }));
    expect(findings.filter((one) => one.severity === 'block')).toEqual([]);
  });

  test('a changed snapshot', async () => {
    const path = 'test/__snapshots__/add.test.js.snap';
    const findings = await guard(
      { ...BASE, [path]: 'exports[`a`] = `1`;' },
      { ...BASE, [path]: 'exports[`a`] = `2`;' },
    );
    expect(findings).toEqual([
      expect.objectContaining({ kind: 'expectation_changed', severity: 'draft', file: path }),
    ]);
  });

  test('tests rewritten as cases of one', async () => {
    const head = {
      ...BASE,
      'test/add.test.js':
        "import { test, expect } from 'vitest';\ntest.each([[1, 2, 3], [-1, -2, -3]])('adds %i', (a, b, sum) => {\n  expect(add(a, b)).toBe(sum);\n});\n",
    };
    const findings = await guard(BASE, head);
    expect(findings.filter((one) => one.severity === 'block')).toEqual([]);
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'test_rewritten', severity: 'draft', tests: ['adds negatives'] }),
    );
  });
});

describe('honest changes', () => {
  const HONEST: readonly (readonly [name: string, head: Tree])[] = [
    ['code only', edit('src/add.js', 'a + b', 'b + a')],
    ['Rust code beside its tests', edit('src/lib.rs', 'a + b', 'a.wrapping_add(b)')],
    [
      'Rust code that panics',
      edit('src/lib.rs', '    a + b', '    if a > 100 { panic!("too large"); }\n    a + b'),
    ],
    [
      'JS: a test added',
      edit('test/add.test.js', /$/, "\ntest('zero', () => {\n  expect(add(0, 0)).toBe(0);\n});\n"),
    ],
    [
      'JS: an assertion added',
      edit(
        'test/add.test.js',
        '  expect(add(1, 2)).toBe(3);',
        '  expect(add(1, 2)).toBe(3);\n  expect(add(2, 2)).toBe(4);',
      ),
    ],
    ['JS: a test renamed', edit('test/add.test.js', "'adds negatives'", "'adds two negatives'")],
    [
      'JS: reformatted',
      edit('test/add.test.js', 'expect(add(1, 2)).toBe(3);', 'expect(\n    add(1, 2),\n  ).toBe(3)'),
    ],
    [
      'JS: a comment about it.skip',
      edit('test/add.test.js', "test('adds',", "// never it.skip( this\ntest('adds',"),
    ],
    ['JS: a name with skip', edit('test/add.test.js', "'adds negatives'", "'does not it.skip(anything)'")],
    ['JS: renamed function under test', edit('test/add.test.js', /\badd\(/g, 'plus(')],
    [
      'Python: a test added',
      edit('tests/test_calc.py', /$/, '\n    def test_zero(self):\n        self.assertEqual(add(0, 0), 0)\n'),
    ],
    ['Python: a test renamed', edit('tests/test_more.py', 'test_add_text', 'test_add_refuses_text')],
    [
      'Python: a docstring',
      edit(
        'tests/test_more.py',
        '    assert add',
        '    """Adds, and never assert False or pytest.skip()."""\n    assert add',
      ),
    ],
    ['Python: code only', edit('calc.py', 'a + b', 'b + a')],
    [
      'Python: main guard',
      edit('tests/test_calc.py', /$/, "\n\nif __name__ == '__main__':\n    unittest.main()\n"),
    ],
    [
      'Go: a test added',
      edit(
        'calc_test.go',
        /$/,
        '\nfunc TestZero(t *testing.T) {\n\tif Add(0, 0) != 0 {\n\t\tt.Error("zero")\n\t}\n}\n',
      ),
    ],
    [
      'Go: TestMain that reports',
      edit('calc_test.go', /$/, '\nfunc TestMain(m *testing.M) {\n\tos.Exit(m.Run())\n}\n'),
    ],
    [
      'Rust: a test added',
      edit(
        'src/lib.rs',
        /\}\n$/,
        '\n    #[test]\n    fn zero() {\n        assert_eq!(add(0, 0), 0);\n    }\n}\n',
      ),
    ],
    ['Rust: a test renamed', edit('src/lib.rs', 'fn adds_negatives', 'fn adds_two_negatives')],
    [
      'Java: a test added',
      edit(
        JAVA_PATH,
        /\}\n$/,
        '\n    @Test\n    void zero() {\n        assertEquals(0, Calc.add(0, 0));\n    }\n}\n',
      ),
    ],
    ['Java: a test renamed', edit(JAVA_PATH, 'void subtracts', 'void subtractsTwo')],
    ['a new test file', { ...BASE, 'test/sub.test.js': JS.replaceAll('add', 'sub') }],
    ['an unused script', edit('package.json', '"lint"', '"dev": "vite", "lint"')],
    ['a dependency', edit('package.json', '"scripts"', '"dependencies": { "left-pad": "1" }, "scripts"')],
    ['the version in pyproject', { ...BASE, 'pyproject.toml': '[project]\nname = "x"\nversion = "2"\n' }],
    ['a readme', { ...BASE, 'README.md': 'Run `npm test || true` and it.skip(…)' }],
  ];
  test.each(HONEST)('%s', async (_name, head) => {
    expect(await guard(BASE, head)).toEqual([]);
  });

  test.each(['test/add.test.js', 'tests/test_calc.py', 'calc_test.go', JAVA_PATH])(
    '%s renamed with the same content',
    async (path) => {
      const moved = path.replace(/(^|\/)([^/]+)$/, '$1moved/$2');
      const head = { ...without(path), [moved]: BASE[path] ?? '' };
      expect(await guard(BASE, head, { [path]: moved })).toEqual([]);
      expect(await guard(BASE, head)).toEqual([]);
    },
  );

  test('a test moved to another file', async () => {
    const [first = '', second = ''] = PY.split('    def test_sub');
    const head = {
      ...BASE,
      'tests/test_calc.py': first,
      'tests/test_sub.py': `import unittest\n\n\nclass TestSub(unittest.TestCase):\n    def test_sub${second}`,
    };
    expect(await guard(BASE, head)).toEqual([]);
  });

  test('tests that go with the file that they test', async () => {
    expect(await guard(BASE, without('test/add.test.js', 'src/add.js'))).toEqual([]);
  });

  test('a test that goes with the function that it tests', async () => {
    const head = {
      ...BASE,
      'calc.py': 'def add(a, b):\n    return a + b\n',
      'tests/test_calc.py': PY.replace(/\n    def test_sub[\s\S]*$/, '').replace(', sub', ''),
    };
    expect(await guard(BASE, head)).toEqual([]);
  });

  test('a catch-all is told, and stops nothing', async () => {
    const findings = await guard(
      BASE,
      edit('calc.py', 'return a + b', 'try:\n        return a + b\n    except Exception:\n        pass'),
    );
    expect(findings).toEqual([
      expect.objectContaining({ kind: 'catch_all', severity: 'report', file: 'calc.py', line: 4 }),
    ]);
  });
});

describe('properties', () => {
  test('nothing is found where nothing changed', async () => {
    const path = fc.constantFrom(...Object.keys(BASE), 'src/a.ts', 'package.json', '.agent-runner.yml');
    const text = fc.oneof(fc.string(), fc.constantFrom(...Object.values(BASE), 'it.skip("x")', '#[ignore]'));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(path, text), async (tree) => {
        const files = memoryFiles(tree);
        const changes: Change[] = files.paths.map((one) => ({
          path: one,
          oldPath: null,
          status: 'modified',
        }));
        expect(await findTampering({ changes, base: files, head: files, checks: CHECKS })).toEqual([]);
      }),
    );
  });

  test('any text is read without an error, in bounded time', async () => {
    const piece = fc.constantFrom(
      'test(',
      'it.skip(',
      '"',
      "'",
      '`',
      '/*',
      '*/',
      '\n',
      '{',
      '}',
      'def test_a(',
      '#[test]\n',
      '@Test ',
      'func TestA(',
      '    ',
      'assert ',
      '/',
      '\\',
      'expect(',
      ')',
      'exit',
      '\r',
    );
    const text = fc.array(piece, { maxLength: 200 }).map((pieces) => pieces.join(''));
    const path = fc.constantFrom(
      'a.test.ts',
      'test_a.py',
      'a_test.go',
      'tests/a.rs',
      'ATest.java',
      'a_spec.rb',
      'ATest.php',
      'a_test.exs',
      'ATests.cs',
      'Makefile',
      'package.json',
    );
    await fc.assert(
      fc.asyncProperty(path, text, text, async (one, before, after) => {
        const findings = await guard({ [one]: before }, { [one]: after });
        expect(findings.length).toBeLessThanOrEqual(200);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ['a.test.ts', '('],
    ['a.test.ts', 'test(`'],
    ['test_a.py', '@pytest.mark.skip\n'],
    ['a_test.go', 't.Skip('],
    ['a.rs', '#[test]\n'],
    ['ATest.java', '@Test '],
    ['a.test.ts', '/'],
    ['a.test.ts', 'a '],
    ['a_spec.rb', 'exit '],
    ['ATest.java', 'public static '],
  ])('1 MB of hostile text in %s (%j) is read to its end', async (path, piece) => {
    const text = piece.repeat(Math.floor((1024 * 1024) / piece.length));
    // Reading that goes back for each character would take hours; the test's own limit tells that.
    const findings = await guard({ [path]: text }, { [path]: `${text}x` });
    expect(findings.length).toBeLessThanOrEqual(200);
  });
});

describe('a test that goes while others come', () => {
  const base = { 'test/add.test.js': JS, 'src/add.js': JS_SOURCE };
  const swap = (text: string): Tree => ({
    ...base,
    'test/add.test.js': JS.replace(/test\('adds negatives'[\s\S]*?\n\}\);\n/, text),
  });

  test('is found when a different test takes its place', async () => {
    const head = swap(
      "test('names', () => {\n  const list = ['x', 'y'];\n  expect(list.join('')).toBe('xy');\n});\n",
    );
    const found = await guard(base, head);
    expect(found).toContainEqual(expect.objectContaining({ kind: 'test_removed', severity: 'block' }));
    expect(found.map((one) => one.detail).join()).toContain('adds negatives');
  });

  test('is no finding when it was renamed', async () => {
    const head = swap(
      "test('sums two negatives', () => {\n  const sum = add(-1, -2);\n  expect(sum).toBe(-3);\n});\n",
    );
    expect((await guard(base, head)).filter((one) => one.severity === 'block')).toEqual([]);
  });
});

describe('a file that the gate’s commands name', () => {
  const tree = (lint: string): Tree => ({
    'package.json': JSON.stringify({ scripts: { test: lint } }),
    'src/add.js': JS_SOURCE,
  });
  const edited = (lint: string): Tree => ({ ...tree(lint), 'src/add.js': `${JS_SOURCE}add(1, 2);\n` });

  test.each([
    'node --check src/add.js',
    'eslint src/add.js',
    'prettier --check src/add.js && tsc src/add.js',
  ])('is no judge when it is only looked at: %s', async (lint) => {
    expect(await guard(tree(lint), edited(lint))).toEqual([]);
  });

  test.each(['node src/add.js', 'CI=1 node --no-warnings ./src/add.js --all', 'eslint . && node src/add.js'])(
    'is one when it is run: %s',
    async (lint) => {
      expect(await guard(tree(lint), edited(lint))).toEqual([
        expect.objectContaining({ kind: 'gate_script', severity: 'draft', file: 'src/add.js' }),
      ]);
    },
  );
});
