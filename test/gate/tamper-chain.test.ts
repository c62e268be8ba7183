import { describe, expect, test } from 'vitest';
import type { Check, TamperFinding } from '../../src/job/gate.ts';
import { findTampering, type Change } from '../../src/gate/tamper/tamper.ts';
import { memoryFiles } from './memory-files.ts';

type Tree = Readonly<Record<string, string>>;

function changesOf(base: Tree, head: Tree): readonly Change[] {
  const status = (path: string): Change['status'] =>
    path in base ? (path in head ? 'modified' : 'deleted') : 'added';
  return [...new Set([...Object.keys(base), ...Object.keys(head)])]
    .filter((path) => base[path] !== head[path])
    .map((path) => ({ path, oldPath: null, status: status(path) }));
}

/** What the guard says of base becoming head, where the gate runs `command`. */
async function guard(command: string, base: Tree, edits: Tree): Promise<TamperFinding[]> {
  const head = { ...base, ...edits };
  const check: Check = { name: 'check', kind: 'test', command, timeout_s: 60 };
  return findTampering({
    changes: changesOf(base, head),
    base: memoryFiles(base),
    head: memoryFiles(head),
    checks: [check],
  });
}

const pkg = (scripts: Tree): string => JSON.stringify({ name: 'x', scripts }, null, 2);
const SCRIPT = 'scripts/test.sh';
const STRICT = '#!/bin/sh\nset -eu\nnode tools/lint.js\nnode --test test/*.test.js\n';
const LOOSE = '#!/bin/sh\nnode --test test/*.test.js\n';
const MAKE = '.PHONY: check lint test\n\ncheck: lint test\n\nlint:\n\truff check .\n\ntest:\n\tpytest -q\n';
const JUST = 'check: lint test\n\nlint:\n    ruff check .\n\ntest:\n    pytest -q\n';

interface Row {
  readonly name: string;
  readonly command: string;
  readonly base: Tree;
  readonly head: Tree;
  /** Line of the finding. */
  readonly line?: number;
}
const shell = (name: string, base: string, head: string, line?: number): Row => ({
  name: `shell: ${name}`,
  command: `sh ${SCRIPT}`,
  base: { [SCRIPT]: base },
  head: { [SCRIPT]: head },
  ...(line === undefined ? {} : { line }),
});
const make = (name: string, from: string | RegExp, to: string, line?: number, more: Tree = {}): Row => ({
  name: `make: ${name}`,
  command: 'make check',
  base: { Makefile: MAKE, ...more },
  head: { Makefile: MAKE.replace(from, to) },
  ...(line === undefined ? {} : { line }),
});
const npm = (name: string, from: string, to: string, more: Tree = {}): Row => ({
  name: `npm: ${name}`,
  command: 'npm test',
  base: { 'package.json': pkg({ test: from, ...more }) },
  head: { 'package.json': pkg({ test: to, ...more }) },
});
const file = (
  name: string,
  command: string,
  path: string,
  base: string,
  head: string,
  more: Tree = {},
): Row => ({
  name,
  command,
  base: { [path]: base, ...more },
  head: { [path]: head },
});

const BLOCKED: readonly Row[] = [
  shell('exit 0 at the end, without -e', STRICT, '#!/bin/sh\nnode --test test/*.test.js\nexit 0\n', 2),
  shell('-e switched off', STRICT, STRICT.replace('set -eu', 'set -u'), 3),
  shell('-e switched off later', STRICT, STRICT.replace('set -eu', 'set -eu\nset +e'), 4),
  shell('or true', STRICT, STRICT.replace('.test.js\n', '.test.js || true\n'), 4),
  shell('or colon', STRICT, STRICT.replace('.test.js\n', '.test.js || :\n'), 4),
  shell('or an echo', STRICT, STRICT.replace('.test.js\n', '.test.js || echo failed\n'), 4),
  shell(
    'or a group that only tells',
    STRICT,
    STRICT.replace('.test.js\n', '.test.js || { echo failed; }\n'),
    4,
  ),
  shell('or exit 0', STRICT, STRICT.replace('.test.js\n', '.test.js || exit 0\n'), 4),
  shell('in the background', STRICT, STRICT.replace('.test.js\n', '.test.js &\n'), 4),
  shell('in the background with a bare wait', STRICT, STRICT.replace('.test.js\n', '.test.js &\nwait\n'), 4),
  shell('lost in a pipe', STRICT, STRICT.replace('.test.js\n', '.test.js | cat\n'), 4),
  shell('lost in tee', STRICT, STRICT.replace('.test.js\n', '.test.js 2>&1 | tee log.txt\n'), 4),
  shell('exit before it', STRICT, STRICT.replace('node --test', 'exit 0\nnode --test'), 5),
  shell('a trap', STRICT, STRICT.replace('set -eu\n', "set -eu\ntrap 'exit 0' EXIT\n"), 4),
  shell(
    'an if that never fails',
    STRICT,
    STRICT.replace(/node --test.*/, 'if node --test test/*.test.js; then echo fine; fi'),
    4,
  ),
  shell(
    'never reached',
    STRICT,
    STRICT.replace(/node --test.*/, 'if false; then\n  node --test test/*.test.js\nfi'),
    5,
  ),
  ...[
    '[ -n "${CI:-}" ] && exit 0',
    '[ -z "${CI:-}" ] || exit 0',
    'test "$CI" = true && exit 0',
    'if [ -n "$CI" ]; then exit 0; fi',
  ].map((early) =>
    shell(`an early end in CI: ${early}`, STRICT, STRICT.replace('set -eu', `set -eu\n${early}`), 4),
  ),
  shell('only outside of CI', STRICT, STRICT.replace('node --test', '[ -z "$CI" ] && node --test'), 4),
  shell('or a linter', STRICT, STRICT.replace('.test.js\n', '.test.js || npm run lint\n'), 4),
  shell(
    'or stopped',
    STRICT,
    STRICT.replace(/node --test.*/, 'timeout 1 node --test test/*.test.js || [ $? -eq 124 ]'),
    4,
  ),
  shell('or red', STRICT, STRICT.replace('.test.js\n', '.test.js || [ $? -eq 1 ]\n'), 4),
  shell('behind false', STRICT, STRICT.replace('node --test', 'false && node --test'), 4),
  shell('turned round', STRICT, STRICT.replace('node --test', '! node --test'), 4),
  shell(
    'only its output is used',
    STRICT,
    STRICT.replace(/node --test.*/, 'echo "$(node --test test/*.test.js)"'),
    4,
  ),
  shell('a status that nobody asks for', LOOSE, LOOSE.replace('.test.js\n', '.test.js || status=1\n'), 2),
  shell('a shell within', LOOSE, "#!/bin/sh\nsh -c 'node --test test/*.test.js; true'\n", 2),
  shell('emptied', STRICT, '#!/bin/sh\n'),
  shell('only words', STRICT, '#!/bin/sh\necho all tests passed\n', 2),
  shell('only its version', LOOSE, LOOSE.replace('.test.js\n', '.test.js --version\n'), 2),
  shell(
    'put into a function that is never called',
    LOOSE,
    '#!/bin/sh\nmain() {\n  node --test test/*.test.js\n}\necho done\n',
  ),
  shell(
    'the and-list in the middle of -e',
    STRICT,
    '#!/bin/sh\nset -eu\nnode tools/lint.js && node --test test/*.test.js || true\n',
    3,
  ),
  make('dash', '\tpytest', '\t-pytest', 9),
  make('dash and at', '\tpytest', '\t@-pytest', 9),
  make('true', 'pytest -q', '@true', 9),
  make('ignore', '.PHONY', '.IGNORE: test\n.PHONY', 1),
  make('ignore all', '.PHONY', '.IGNORE:\n.PHONY', 1),
  make('another shell', '.PHONY', 'SHELL := /bin/true\n.PHONY', 1),
  make('shell flags', '.PHONY', '.SHELLFLAGS := -nc\n.PHONY', 1),
  make('make flags', '.PHONY', 'MAKEFLAGS += -i\n.PHONY', 1),
  make('make flags, long', '.PHONY', 'MAKEFLAGS += --ignore-errors\n.PHONY', 1),
  make('through a variable', /test:\n\tpytest -q/, 'OR := || true\ntest:\n\tpytest -q $(OR)', 10),
  make('a later recipe', /$/, '\ntest:\n\t@echo ok\n'),
  make('not phony beside a folder of its name', 'lint test\n\ncheck', 'lint\n\ncheck', 8, {
    'test/a.txt': '',
  }),
  make('a recipe on the line of the target', /test:\n\tpytest -q\n/, 'test: ; @true\n'),
  {
    name: 'make: another Makefile is preferred',
    command: 'make check',
    base: { Makefile: MAKE },
    head: { GNUmakefile: 'check:\n\t@echo ok\nlint test:\n\t@echo ok\n' },
  },
  file(
    'make: an included file',
    'make test',
    'mk/test.mk',
    'test:\n\tpytest\n',
    'test:\n\tpytest || true\n',
    { Makefile: 'include mk/test.mk\n' },
  ),
  file('make: in a folder', 'make -C sub test', 'sub/Makefile', 'test:\n\tpytest\n', 'test:\n\t-pytest\n'),
  file(
    'make: by the name of a file',
    'make -f build.mk test',
    'build.mk',
    'test:\n\tpytest\n',
    'test:\n\t-pytest\n',
  ),
  file(
    'make: from another target',
    'make test',
    'Makefile',
    'test:\n\t$(MAKE) unit\nunit:\n\tpytest\n',
    'test:\n\t$(MAKE) unit\nunit:\n\tpytest; true\n',
  ),
  file('just: dash', 'just check', 'justfile', JUST, JUST.replace('    pytest', '    -pytest')),
  file('just: or true', 'just check', 'justfile', JUST, JUST.replace('pytest -q', 'pytest -q || true')),
  file('just: another shell', 'just check', 'justfile', JUST, `set shell := ["true", "-c"]\n${JUST}`),
  npm('pass with no tests', 'vitest run', 'vitest run --passWithNoTests'),
  npm('true after it', 'vitest run', 'vitest run; true'),
  npm('another script of it', 'npm run -s unit', 'npm run -s unit || exit 0', { unit: 'jest' }),
  npm('lists only', 'jest', 'jest --listTests'),
  npm('nothing of it is left', 'vitest run && tsc --noEmit', 'echo skipped'),
  npm('a text that says nothing', 'node test.js', 'node -e 0'),
  file(
    'npm: in a folder',
    'npm --prefix web test',
    'web/package.json',
    pkg({ test: 'jest' }),
    pkg({ test: 'jest || true' }),
  ),
  file(
    'npm: after cd',
    'cd web && npm test',
    'web/package.json',
    pkg({ test: 'jest' }),
    pkg({ test: 'true' }),
  ),
  file(
    'npm: run-s',
    'npm test',
    'package.json',
    pkg({ test: 'run-s test:*', 'test:unit': 'jest' }),
    pkg({ test: 'run-s test:*', 'test:unit': 'jest || true' }),
  ),
  file(
    'composer: or true',
    'composer run-script test',
    'composer.json',
    JSON.stringify({ scripts: { test: ['@php vendor/bin/phpunit'] } }),
    JSON.stringify({ scripts: { test: ['@php vendor/bin/phpunit || true'] } }),
  ),
  file(
    'cargo: an alias',
    'cargo ci',
    '.cargo/config.toml',
    '[alias]\nci = "test --all"\n',
    '[alias]\nci = "test --all --no-run"\n',
  ),
  file(
    'pdm: a script',
    'pdm run check',
    'pyproject.toml',
    '[tool.pdm.scripts]\ncheck = "pytest -q"\n',
    '[tool.pdm.scripts]\ncheck = "pytest -q --collect-only"\n',
  ),
  file(
    'deno: a task',
    'deno task test',
    'deno.json',
    '{ "tasks": { "test": "deno test" } }',
    '{ "tasks": { "test": "deno test || true" } }',
  ),
  file(
    'a script over its own folder',
    'bash ci/run.sh',
    'ci/steps.sh',
    'set -e\npytest\n',
    'set -e\npytest || true\n',
    { 'ci/run.sh': 'set -e\ncd "$(dirname "$0")/.."\n. ci/steps.sh\n' },
  ),
  file(
    'a programme that ends well',
    'node tools/lint.js',
    'tools/lint.js',
    'let bad = 0;\nprocess.exitCode = bad > 0 ? 1 : 0;\n',
    'let bad = 0;\nprocess.exit(0);\nprocess.exitCode = bad > 0 ? 1 : 0;\n',
  ),
  file(
    'a programme whose exit code is fixed',
    'node tools/lint.js',
    'tools/lint.js',
    'let bad = 0;\nprocess.exitCode = bad > 0 ? 1 : 0;\n',
    'let bad = 0;\nprocess.exitCode = 0;\n',
  ),
  file(
    'a Python programme that ends well',
    'python3 scripts/check.py',
    'scripts/check.py',
    'import sys\nsys.exit(main())\n',
    'import sys\nsys.exit(0)\n',
  ),
  file('go: no test is run', 'sh scripts/test.sh', SCRIPT, 'go test ./...\n', 'go test -run ^$ ./...\n'),
  file('go: in a pipe', 'sh scripts/test.sh', SCRIPT, 'go test ./...\n', 'go test ./... | tee out.txt\n'),
  file(
    'golangci: no exit code',
    'make lint',
    'Makefile',
    '.PHONY: lint\nlint:\n\tgolangci-lint run\n',
    '.PHONY: lint\nlint:\n\tgolangci-lint run --issues-exit-code=0\n',
  ),
  file(
    'maven: failures are ignored',
    'sh scripts/test.sh',
    SCRIPT,
    'mvn -B test\n',
    'mvn -B test -Dmaven.test.failure.ignore=true\n',
  ),
  file(
    'gradle: without the tests',
    'sh scripts/test.sh',
    SCRIPT,
    './gradlew check\n',
    './gradlew check -x test\n',
  ),
  file('rust: tests are only built', 'sh scripts/test.sh', SCRIPT, 'cargo test\n', 'cargo test --no-run\n'),
];

describe('a chain that can no longer fail blocks', () => {
  test.each(BLOCKED)('$name', async ({ command, base, head, line }) => {
    const findings = await guard(command, base, head);
    expect(findings).toContainEqual(
      expect.objectContaining({
        kind: 'gutted_script',
        severity: 'block',
        ...(line === undefined ? {} : { line }),
      }),
    );
  });
});

const DRAFTED: readonly Row[] = [
  shell(
    'an early end under a condition',
    STRICT,
    STRICT.replace('set -eu', 'set -eu\n[ -n "${FAST:-}" ] && exit 0'),
    3,
  ),
  ...[
    'CI=\n[ -n "$CI" ] && exit 0',
    '[ "$CI" = "$OTHER" ] && exit 0',
    'if [ -z "$CI" ]; then exit 0; fi',
    '[ -z "$CI" ] && npm ci || npm install',
  ].map((text) => shell(`it asks for CI: ${text}`, STRICT, STRICT.replace('set -eu', `set -eu\n${text}`))),
  shell(
    'one of two by CI',
    STRICT,
    STRICT.replace(
      /node --test.*/,
      'if [ -n "$CI" ]; then c8 node --test; else node --test test/*.test.js; fi',
    ),
  ),
  shell('or the tests once more', STRICT, STRICT.replace('.test.js\n', '.test.js || npm run test:again\n')),
  shell('or nothing collected', STRICT, STRICT.replace('.test.js\n', '.test.js || [ $? -eq 5 ]\n'), 4),
  shell('a narrower pattern', STRICT, STRICT.replace('test/*', 'test/[qr]*'), 4),
  shell('fewer checks', STRICT, STRICT.replace('node tools/lint.js\n', '')),
  shell('another runner', LOOSE, '#!/bin/sh\nvitest run\n', 2),
  shell(
    'a retry',
    STRICT,
    STRICT.replace(/node --test.*/, 'node --test test/*.test.js || node --test test/*.test.js'),
    4,
  ),
  shell(
    'a status that is asked for',
    STRICT,
    STRICT.replace(/node --test.*/, 'rc=0\nnode --test test/*.test.js || rc=$?\nexit $rc'),
    4,
  ),
  shell('-e instead of the last command', LOOSE, LOOSE.replace('node', 'set -e\nnode') + 'echo done\n', 2),
  shell(
    'what is cleaned up may fail',
    STRICT,
    STRICT.replace('set -eu\n', 'set -eu\nrm -rf out || true\n'),
    3,
  ),
  shell('a tool that may fail, new', STRICT, `${STRICT}codecov upload || true\n`, 5),
  shell(
    'a pipe that fails',
    STRICT,
    STRICT.replace('set -eu', 'set -euo pipefail').replace('.test.js\n', '.test.js | tee log\n'),
    2,
  ),
  shell(
    'in parallel, and waited for',
    STRICT,
    STRICT.replace(/node --test.*/, 'node --test test/*.test.js &\nwait $!'),
    4,
  ),
  shell('exec', STRICT, STRICT.replace('node --test', 'exec node --test'), 4),
  shell('in a function', LOOSE, '#!/bin/sh\nmain() {\n  node --test test/*.test.js\n}\nmain "$@"\n', 2),
  shell(
    'with a message',
    LOOSE,
    LOOSE.replace('.test.js\n', '.test.js || { echo failed >&2; exit 1; }\n'),
    2,
  ),
  shell(
    'asked for in an if',
    STRICT,
    STRICT.replace(/node --test.*/, 'if ! node --test test/*.test.js; then\n  echo failed\n  exit 1\nfi'),
    4,
  ),
  shell('a trap that cleans up', STRICT, STRICT.replace('set -eu\n', "set -eu\ntrap 'rm -rf tmp' EXIT\n"), 3),
  shell(
    'a comment that says exit 0',
    STRICT,
    STRICT.replace('node tools', '# exit 0 || true\nnode --no-warnings tools'),
    4,
  ),
  shell(
    'a here-document that says exit 0',
    STRICT,
    STRICT.replace('set -eu\n', 'set -eu\ncat <<END\nexit 0\nEND\n'),
    3,
  ),
  make('another option', 'pytest -q', 'pytest -q -x', 9),
  make('fewer prerequisites', 'check: lint test', 'check: lint', 3),
  make('another shell that runs', '.PHONY', 'SHELL := /bin/bash\n.PHONY', 1),
  make('strict flags', '.PHONY', '.SHELLFLAGS := -eu -o pipefail -c\n.PHONY', 1),
  make('in parallel', '.PHONY', 'MAKEFLAGS += -j4\n.PHONY', 1),
  make('quietly', '.PHONY', 'MAKEFLAGS += --no-print-directory --no-builtin-rules\n.PHONY', 1),
  make('a step that may fail, new', '\tpytest', '\t-rm -rf out\n\tpytest', 9),
  npm('another runner', 'vitest run', 'jest'),
  npm('a build before it', 'vitest run', 'tsc -b && vitest run'),
  npm('a threshold', 'eslint . --max-warnings 0', 'eslint . --max-warnings 100'),
  file('settings that an option names', 'npm run lint', 'config/lint.json', '{"max": 1}', '{"max": 2}', {
    'package.json': pkg({ lint: 'lint --config config/lint.json' }),
  }),
  file('settings that a tool reads', 'node tools/lint.js', 'lint.json', '{"max": 1}', '{"max": 2}', {
    'tools/lint.js': "read('lint.json');\n",
  }),
  file(
    'what a tool imports',
    'node tools/lint.js',
    'tools/rules.js',
    'export const max = 1;\n',
    'export const max = 2;\n',
    { 'tools/lint.js': "import { max } from './rules.js';\n" },
  ),
  file('what a Python tool imports', 'python3 tools/lint.py', 'tools/rules.py', 'MAX = 1\n', 'MAX = 2\n', {
    'tools/lint.py': 'import rules\n',
  }),
  file('a module of the repository', 'python3 -m tools.lint', 'tools/lint.py', 'MAX = 1\n', 'MAX = 2\n'),
  file('a script that is sourced', 'sh scripts/a.sh', 'scripts/b.sh', 'X=1\n', 'X=2\n', {
    'scripts/a.sh': '. scripts/b.sh\npytest\n',
  }),
  file(
    'tox',
    'tox -e py',
    'tox.ini',
    '[testenv]\ncommands = pytest\n',
    '[testenv]\ncommands = pytest tests/unit\n',
  ),
  file('turbo', 'npm test', 'turbo.json', '{"tasks":{"test":{}}}', '{"tasks":{"test":{"inputs":[]}}}', {
    'package.json': pkg({ test: 'turbo run test' }),
  }),
];

describe('a chain that changed, and can still fail, is a draft', () => {
  test.each(DRAFTED)('$name', async ({ command, base, head, line }) => {
    const findings = await guard(command, base, head);
    expect(findings.filter((one) => one.severity === 'block')).toEqual([]);
    expect(findings.filter((one) => one.severity === 'draft')).not.toEqual([]);
    if (line !== undefined) expect(findings[0]?.line).toBe(line);
  });
});

const QUIET: readonly Row[] = [
  make('a new target', /$/, '\nclean:\n\trm -rf out || true\n'),
  make('a comment', /^/, '# Run all checks.\n'),
  make('a variable that nothing uses', /^/, 'VERSION := 2\n'),
  make('blank lines and white space', 'check: lint test\n', 'check:  lint  test\n\n'),
  make('a variable in place of its value', /test:\n\tpytest -q/, 'PYTEST := pytest\ntest:\n\t$(PYTEST) -q'),
  shell('a comment', STRICT, STRICT.replace('set -eu', '# All of it.\nset -eu')),
  shell('indented and spaced', STRICT, STRICT.replace('node tools', '\n  node  tools')),
  {
    name: 'npm: a script that no check runs',
    command: 'npm test',
    base: { 'package.json': pkg({ test: 'jest' }) },
    head: { 'package.json': pkg({ test: 'jest', dev: 'vite || true' }) },
  },
  {
    name: 'npm: a script of a folder that no check runs',
    command: 'npm test',
    base: { 'package.json': pkg({ test: 'jest' }), 'web/package.json': pkg({ test: 'jest' }) },
    head: { 'web/package.json': pkg({ test: 'true' }) },
  },
  {
    name: 'a script that no check runs',
    command: 'npm test',
    base: { 'package.json': pkg({ test: 'jest' }), 'scripts/release.sh': 'npm publish\n' },
    head: { 'scripts/release.sh': 'npm publish || true\n' },
  },
  file('code that a tool looks at', 'node tools/lint.js src/a.js', 'src/a.js', 'a();\n', 'b();\n', {
    'tools/lint.js': "check('src/a.js');\n",
  }),
  file('a fixture that a tool names', 'node tools/lint.js', 'examples/a.json', '{}', '{"a":1}', {
    'tools/lint.js': "read('examples/a.json');\n",
  }),
  file('code after an option', 'jest --findRelatedTests src/a.js', 'src/a.js', 'a();\n', 'b();\n'),
];

describe('what is not on the chain, or means the same, is no finding', () => {
  test.each(QUIET)('$name', async ({ command, base, head }) => {
    expect(await guard(command, base, head)).toEqual([]);
  });
});

describe('bounds', () => {
  test('scripts and targets that call each other end', async () => {
    const base = {
      'package.json': pkg({ test: 'make test' }),
      Makefile: 'A = $(B)\nB = $(A)\ntest: again\n\tnpm test $(A)\nagain: test\n\tsh a.sh\n',
      'a.sh': 'f() { f; f; f; f; f; f; f; f; f; f; f; }\nf\n. a.sh\nmake test\n',
    };
    const findings = await guard('npm test', base, { 'a.sh': `${base['a.sh']}pytest\n` });
    expect(findings).toEqual([expect.objectContaining({ kind: 'gate_script', file: 'a.sh', line: 5 })]);
  });

  test('a file at the tenth link is reached, and one behind it is not', async () => {
    const path = (at: number): string => `s${at}.sh`;
    const base: Tree = Object.fromEntries(
      Array.from({ length: 14 }, (_, at) => [path(at), `sh ${path(at + 1)}\n`]),
    );
    expect(await guard('sh s0.sh', base, { [path(9)]: 'sh other.sh\n' })).not.toEqual([]);
    expect(await guard('sh s0.sh', base, { [path(12)]: 'sh other.sh\n' })).toEqual([]);
  });

  test.each([
    '$(',
    '`',
    '((',
    '{ ',
    'if ',
    '&& ',
    '|| a ',
    'case x in ',
    '"$(',
    '<<E\n',
    'a & ',
    'f() { ',
    '\\\n',
  ])('hostile text of %j is read', async (piece) => {
    const text = piece.repeat(Math.floor((512 * 1024) / piece.length));
    const findings = await guard(
      'sh a.sh && make x',
      { 'a.sh': `${text}\n`, Makefile: `x:\n\t${text}\n` },
      { 'a.sh': `${text}b\n`, Makefile: `x:\n\t${text}b\n` },
    );
    expect(findings.length).toBeLessThanOrEqual(4);
  });
});

describe('hostile lines are read', () => {
  const LONG = 400_000;
  test.each([
    ['tools/a.js', 'exit', ' '],
    ['tools/a.js', 'x', "process.on('exit' "],
    ['tools/a.js', '', "'a.js' from x import y\n"],
    ['Makefile', 'x', ' '],
    ['Makefile', 'A = b', ' '],
    ['Makefile', '', 'A += $(A) $(A)\n$(A): ; $(A)\n'],
    ['Makefile', 'x:', ' y'],
    ['justfile', 'x', ' a=b'],
    ['justfile', 'x', ' '],
    ['package.json', '{"scripts":{"test":"', 'a && '],
  ])('%s: %j and then %j', async (path, start, piece) => {
    const text = start + piece.repeat(Math.floor(LONG / piece.length));
    const command = 'node tools/a.js && make x && just x && npm test';
    const found = await guard(command, { [path]: text }, { [path]: `${text}z` });
    expect(found.length).toBeLessThanOrEqual(200);
  });
});

test('an excerpt is the line as it stands in the file', async () => {
  const [finding] = await guard(
    `sh ${SCRIPT}`,
    { [SCRIPT]: STRICT },
    { [SCRIPT]: STRICT.replace('.test.js\n', '.test.js   || true\n') },
  );
  expect(finding?.detail).toContain('node --test test/*.test.js   || true');
});

describe('what runs in the place of a tool', () => {
  const base = { Makefile: MAKE, 'package.json': pkg({ test: 'jest' }), 'phpunit.xml.dist': '<phpunit/>' };
  test.each([
    ['GNUmakefile', MAKE, 'draft', 1],
    ['makefile', 'include Makefile\n', 'draft', 1],
    ['phpunit.xml', '<phpunit/>', 'draft', 1],
    ['.npmrc', 'audit=false\nscript-shell=/bin/bash\n', 'draft', 2],
    ['.npmrc', 'script-shell = /bin/true\n', 'block', 1],
    ['pytest.py', 'raise SystemExit(0)\n', 'block', 1],
    ['unittest/__init__.py', '', 'block', 1],
    ['sitecustomize.py', 'import os\n', 'block', 1],
    ['coverage.py', 'import os\n', 'block', 1],
  ])('%s (%j) is a %s', async (path, text, severity, line) => {
    expect(await guard('make check && npm test', base, { [path]: text })).toContainEqual(
      expect.objectContaining({ kind: 'shadowed_tool', severity, file: path, line }),
    );
  });

  test.each([
    ['.npmrc', 'audit=false\n'],
    ['sub/Makefile', MAKE],
    ['src/coverage.py', 'X = 1\n'],
    ['phpunit.xml.dist', '<phpunit cacheResult="true"/>'],
  ])('%s (%j) is none', async (path, text) => {
    const found = await guard('make check && npm test', base, { [path]: text });
    expect(found.filter((one) => one.kind === 'shadowed_tool')).toEqual([]);
  });

  test('a programme in the folder of installed ones is a tracked dependency', async () => {
    const found = await guard('npm test', base, { 'node_modules/.bin/jest': '#!/bin/sh\n' });
    expect(found).toContainEqual(expect.objectContaining({ kind: 'tracked_dependency', severity: 'block' }));
  });
});

describe('settings that tools read by themselves', () => {
  test.each([
    ['.eslintignore', 'dist\n', 'dist\nsrc/bad.js\n', 'lint_config', 2, 'src/bad.js'],
    [
      '.oxlintrc.json',
      '{\n  "rules": {}\n}\n',
      '{\n  "rules": { "no-eval": "off" }\n}\n',
      'lint_config',
      2,
      'no-eval',
    ],
    ['ruff.toml', 'line-length = 80\n', 'line-length = 80\nignore = ["F401"]\n', 'lint_config', 2, 'F401'],
    [
      'tsconfig.build.json',
      '{\n"strict": true\n}',
      '{\n"strict": false\n}',
      'lint_config',
      2,
      '"strict": false',
    ],
    ['.golangci.yml', 'run:\n', 'run:\n  tests: false\n', 'lint_config', 2, 'tests: false'],
    ['clippy.toml', 'msrv = "1"\n', 'msrv = "1"\ntoo-many-lines-threshold = 900\n', 'lint_config', 2, '900'],
    [
      'phpcs.xml',
      '<a/>\n',
      '<a/>\n<exclude-pattern>src</exclude-pattern>\n',
      'lint_config',
      2,
      'exclude-pattern',
    ],
    ['.mocharc.yml', 'spec: test\n', 'spec: test/unit\n', 'test_config', 1, 'test/unit'],
    ['vitest.config.ts', 'a\n', 'a\nexclude: ["x"]\n', 'test_config', 2, 'exclude'],
    ['pytest.ini', '[pytest]\n', '[pytest]\naddopts = -k none\n', 'test_config', 2, '-k none'],
    ['tox.ini', '[tox]\n', '[tox]\nenvlist = lint\n', 'test_config', 2, 'envlist'],
    ['phpunit.xml', '<a>\n</a>', '<a>\n<exclude>x</exclude>\n</a>', 'test_config', 2, 'exclude'],
    ['.rspec', '--color\n', '--color\n--tag fast\n', 'test_config', 2, '--tag fast'],
    ['.env', 'A=1\n', 'A=1\nNODE_OPTIONS=--require=./x.js\n', 'test_config', 2, 'NODE_OPTIONS'],
    [
      'Cargo.toml',
      '[package]\nname = "x"\n',
      '[package]\nname = "x"\n\n[lib]\ntest = false\n',
      'test_config',
      5,
      'test = false',
    ],
    [
      'pyproject.toml',
      '[project]\nname = "x"\n',
      '[project]\nname = "y"\n\n[tool.ruff]\nignore = ["E"]\n',
      'test_config',
      5,
      'ignore',
    ],
    [
      'setup.cfg',
      '[metadata]\nname = x\n',
      '[metadata]\nname = y\n\n[flake8]\nmax-line-length = 999\n',
      'test_config',
      4,
      'flake8',
    ],
    ['.gitattributes', '* text\n', '* text\ntest/** -diff\n', 'git_attributes', 2, '-diff'],
    ['.husky/pre-commit', 'npm test\n', 'true\n', 'hook', 1, 'true'],
    [
      '.github/workflows/ci.yml',
      'on: push\n',
      'on: push\ncontinue-on-error: true\n',
      'ci_workflow',
      2,
      'continue',
    ],
    ['package-lock.json', '{}', '{"a":1}', 'lock_file', 1, 'a'],
  ])('%s', async (path, before, after, kind, line, text) => {
    const found = await guard('true', { [path]: before }, { [path]: after });
    expect(found).toContainEqual(expect.objectContaining({ kind, severity: 'draft', file: path, line }));
    expect(found[0]?.detail).toContain(text);
  });

  test('a script that is gone, and may be', async () => {
    const found = await guard(
      'npm test',
      { 'package.json': pkg({ test: 'npm run unit', unit: 'jest' }) },
      { 'package.json': pkg({ test: 'npm run unit --if-present' }) },
    );
    expect(found).toContainEqual(
      expect.objectContaining({ kind: 'gutted_script', detail: expect.stringContaining('--if-present') }),
    );
  });
});
