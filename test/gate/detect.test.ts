import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detectChecks } from '../../src/gate/detect/detect.ts';
import { detectSetup } from '../../src/gate/setup/setup.ts';
import { memoryFiles } from './memory-files.ts';

type Tree = Readonly<Record<string, string>>;

function pkg(scripts: Readonly<Record<string, string>>, more: object = {}): string {
  return JSON.stringify({ name: 'x', scripts, ...more });
}
const PLACEHOLDER = 'echo "Error: no test specified" && exit 1';
const PYTEST_TEST = 'def test_a():\n    assert 1\n';
const UNITTEST_TEST = 'import unittest\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        pass\n';
const NODE_TEST = "import test from 'node:test';\n";

describe('checks', () => {
  const CASES: readonly (readonly [name: string, tree: Tree, commands: readonly string[]])[] = [
    ['nothing', { 'README.md': '# x' }, []],
    [
      'npm',
      { 'package.json': pkg({ test: 'vitest run', lint: 'eslint .', build: 'tsc' }) },
      ['npm run --silent lint', 'npm run --silent build', 'npm run --silent test'],
    ],
    ['pnpm', { 'package.json': pkg({ test: 'jest' }), 'pnpm-lock.yaml': '' }, ['pnpm run test']],
    ['yarn', { 'package.json': pkg({ test: 'jest' }), 'yarn.lock': '' }, ['yarn run test']],
    ['bun', { 'package.json': pkg({ test: 'bun test' }), 'bun.lock': '' }, ['bun run test']],
    [
      'packageManager wins over no lock file',
      { 'package.json': pkg({ test: 'jest' }, { packageManager: 'pnpm@9.0.0' }) },
      ['pnpm run test'],
    ],
    ['the placeholder test', { 'package.json': pkg({ test: PLACEHOLDER }) }, []],
    [
      'the placeholder test, and tests for node',
      { 'package.json': pkg({ test: PLACEHOLDER }), 'test/a.test.js': NODE_TEST },
      ['node --test'],
    ],
    ['tests for node alone', { 'a.test.mjs': NODE_TEST }, ['node --test']],
    [
      'format checks',
      { 'package.json': pkg({ 'format:check': 'prettier --check .', format: 'prettier --write .' }) },
      ['npm run --silent format:check'],
    ],
    [
      'a format script that checks',
      { 'package.json': pkg({ format: 'prettier --check .' }) },
      ['npm run --silent format'],
    ],
    [
      'a format script that writes',
      { 'package.json': pkg({ format: 'prettier --write .', lint: 'eslint . --fix' }) },
      [],
    ],
    [
      'lint that fixes, and one that checks',
      { 'package.json': pkg({ lint: 'eslint --fix .', 'lint:ci': 'eslint .' }) },
      ['npm run --silent lint:ci'],
    ],
    [
      'watching tests',
      { 'package.json': pkg({ test: 'jest --watch', 'test:ci': 'jest' }) },
      ['npm run --silent test:ci'],
    ],
    [
      'types',
      { 'package.json': pkg({ typecheck: 'tsc --noEmit', dev: 'vite', start: 'node .' }) },
      ['npm run --silent typecheck'],
    ],
    ['check alone', { 'package.json': pkg({ check: 'svelte-check' }) }, ['npm run --silent check']],
    [
      'npm workspaces',
      {
        'package.json': pkg({}, { workspaces: ['packages/*'] }),
        'packages/a/package.json': pkg({ test: 'jest' }),
      },
      ['npm run --silent test --workspaces --if-present'],
    ],
    [
      'pnpm workspaces',
      {
        'package.json': pkg({}),
        'pnpm-workspace.yaml': '',
        'pnpm-lock.yaml': '',
        'packages/a/package.json': pkg({ test: 'jest' }),
      },
      ['pnpm -r --if-present run test'],
    ],
    [
      'workspaces with a placeholder',
      { 'package.json': pkg({}, { workspaces: ['p/*'] }), 'p/a/package.json': pkg({ test: PLACEHOLDER }) },
      [],
    ],
    ['broken package.json', { 'package.json': '{' }, []],
    [
      'pytest by declaration',
      {
        'pyproject.toml': '[project]\nname = "x"\n[project.optional-dependencies]\ntest = ["pytest>=8"]\n',
        'tests/test_a.py': UNITTEST_TEST,
      },
      ['python3 -m pytest'],
    ],
    ['pytest by configuration', { 'setup.cfg': '[tool:pytest]\n', 'setup.py': '' }, ['python3 -m pytest']],
    ['pytest by the way tests are written', { 'test_a.py': PYTEST_TEST }, ['python3 -m pytest']],
    ['unittest in the root', { 'test_a.py': UNITTEST_TEST }, ['python3 -m unittest -v']],
    [
      'unittest in a folder',
      { 'tests/test_a.py': UNITTEST_TEST, 'calc.py': '' },
      ['python3 -m unittest discover -v -s tests'],
    ],
    [
      'unittest in a package',
      { 'tests/test_a.py': UNITTEST_TEST, 'tests/__init__.py': '' },
      ['python3 -m unittest -v'],
    ],
    [
      'unittest, *_test.py, src layout',
      { 'src/calc.py': '', 'tests/calc_test.py': UNITTEST_TEST },
      ["PYTHONPATH=src python3 -m unittest discover -v -s tests -p '*_test.py'"],
    ],
    ['tests deeper than the third folder', { 'a/b/c/d/test_a.py': PYTEST_TEST }, []],
    [
      'linters of Python',
      {
        'pyproject.toml': '[tool.ruff]\n[tool.ruff.format]\n[tool.mypy]\nfiles = ["x"]\n',
        '.flake8': '',
        'test_a.py': UNITTEST_TEST,
      },
      ['ruff format --check .', 'ruff check .', 'flake8', 'mypy', 'python3 -m unittest -v'],
    ],
    [
      'mypy on src',
      { 'mypy.ini': '', 'src/a.py': '', 'test_a.py': UNITTEST_TEST },
      ['mypy src', 'PYTHONPATH=src python3 -m unittest -v'],
    ],
    ['Django', { 'manage.py': '', 'requirements.txt': 'django\n' }, ['python3 manage.py test']],
    ['Rust', { 'Cargo.toml': '[package]\n' }, ['cargo test --offline --no-fail-fast']],
    [
      'a Rust workspace with rustfmt, and clippy in CI',
      {
        'Cargo.toml': '[workspace]\n',
        'rustfmt.toml': '',
        '.github/workflows/ci.yml': 'run: cargo clippy -- -D warnings',
      },
      [
        'cargo fmt --all --check',
        'cargo clippy --workspace --all-targets --offline -- -D warnings',
        'cargo test --workspace --offline --no-fail-fast',
      ],
    ],
    ['Go', { 'go.mod': 'module x' }, ['go vet ./...', 'go test -v ./...']],
    [
      'a Go workspace',
      { 'go.work': 'go 1.22\nuse (\n\t./a\n\t./b\n)\n', 'a/go.mod': '', 'b/go.mod': '' },
      ['go vet ./a/... ./b/...', 'go test -v ./a/... ./b/...'],
    ],
    ['Maven', { 'pom.xml': '<project/>' }, ['mvn -B -o -q --fail-at-end test']],
    [
      'Maven wrapper with failsafe',
      { 'pom.xml': 'maven-failsafe-plugin', mvnw: '' },
      ['sh ./mvnw -B -o -q --fail-at-end verify'],
    ],
    [
      'Gradle',
      { 'build.gradle.kts': '', gradlew: '' },
      ['sh ./gradlew --offline --no-daemon --console=plain --continue test'],
    ],
    ['.NET', { 'x.sln': '', 'a/a.csproj': '' }, ['dotnet test --nologo']],
    [
      'RSpec',
      { Gemfile: '', 'spec/a_spec.rb': '', '.rubocop.yml': '' },
      ['bundle exec rubocop', 'bundle exec rspec'],
    ],
    ['Rake', { Gemfile: '', Rakefile: '', 'test/a_test.rb': '' }, ['bundle exec rake test']],
    [
      'PHP',
      { 'composer.json': '{}', 'phpunit.xml.dist': '', 'phpstan.neon': '' },
      ['vendor/bin/phpstan analyse --no-progress', 'vendor/bin/phpunit'],
    ],
    ['Elixir', { 'mix.exs': '', '.formatter.exs': '' }, ['mix format --check-formatted', 'mix test']],
    [
      'Make',
      { Makefile: 'CC := gcc\ntest: build\n\t./run\nlint:\n\tx\nbuild:\n' },
      ['make lint', 'make test'],
    ],
    [
      'Make where a language has tests',
      { Makefile: 'test:\n', 'go.mod': '' },
      ['go vet ./...', 'go test -v ./...'],
    ],
    ['just', { justfile: 'test *args:\n  x\nvar := "y"\n' }, ['just test']],
    [
      'two languages',
      { 'package.json': pkg({ test: 'jest' }), 'go.mod': '' },
      ['go vet ./...', 'npm run --silent test', 'go test -v ./...'],
    ],
    [
      'projects in folders',
      { 'web/package.json': pkg({ test: 'jest' }), 'api/go.mod': '' },
      ['cd api && go vet ./...', 'cd api && go test -v ./...', 'cd web && npm run --silent test'],
    ],
  ];
  test.each(CASES)('%s', async (_name, tree, commands) => {
    const { checks } = await detectChecks(memoryFiles(tree));
    expect(checks.map((check) => check.command)).toEqual(commands);
    expect(new Set(checks.map((check) => check.name)).size).toBe(checks.length);
  });

  test('what is left out is explained', async () => {
    const { findings } = await detectChecks(
      memoryFiles({ 'package.json': pkg({ test: PLACEHOLDER, lint: 'eslint --fix .' }) }),
    );
    expect(findings).toContainEqual({
      what: 'package.json scripts.test',
      why: 'the placeholder that npm init writes',
      check: null,
    });
    expect(findings).toContainEqual({
      what: 'package.json scripts.lint',
      why: 'it changes files',
      check: null,
    });
  });
});

describe('setup', () => {
  const GO_SETUP = 'go mod download -modcacherw && { go vet ./... >/dev/null 2>&1 || true; }';
  const LOCKED = pkg({}, { devDependencies: { jest: '1' } });
  const CASES: readonly (readonly [name: string, tree: Tree, commands: readonly string[] | null])[] = [
    ['nothing', { 'README.md': '' }, null],
    ['package.json without dependencies', { 'package.json': pkg({ test: 'node --test' }) }, null],
    ['unittest needs nothing', { 'test_a.py': UNITTEST_TEST }, null],
    [
      'npm with a lock file',
      { 'package.json': LOCKED, 'package-lock.json': '{}' },
      ['npm ci --no-audit --no-fund'],
    ],
    ['npm without', { 'package.json': LOCKED }, ['npm install --no-package-lock --no-audit --no-fund']],
    ['pnpm', { 'package.json': LOCKED, 'pnpm-lock.yaml': '' }, ['pnpm install --frozen-lockfile']],
    [
      'yarn 1',
      { 'package.json': LOCKED, 'yarn.lock': '# yarn lockfile v1\n' },
      ['yarn install --frozen-lockfile --non-interactive'],
    ],
    [
      'yarn 4',
      { 'package.json': LOCKED, 'yarn.lock': '__metadata:\n  version: 8\n' },
      ['yarn install --immutable'],
    ],
    ['bun', { 'package.json': LOCKED, 'bun.lockb': '' }, ['bun install --frozen-lockfile']],
    [
      'tests that need pytest',
      { 'test_a.py': PYTEST_TEST },
      [
        'python3 -m venv .venv',
        '.venv/bin/pip install --disable-pip-version-check --no-input --quiet pytest',
      ],
    ],
    [
      'requirements',
      { 'requirements.txt': 'pytest\n', 'requirements-dev.txt': 'x\n', 'requirements-gpu.txt': 'y\n' },
      [
        'python3 -m venv .venv',
        '.venv/bin/pip install --disable-pip-version-check --no-input --quiet -r requirements.txt -r requirements-dev.txt',
      ],
    ],
    [
      'extras',
      {
        'pyproject.toml':
          '[project]\nname = "x"\n[project.optional-dependencies]\ntest = [\n  "pytest",\n]\ngpu = ["cuda"]\n',
      },
      [
        'python3 -m venv .venv',
        ".venv/bin/pip install --disable-pip-version-check --no-input --quiet --use-pep517 -e '.[test]'",
      ],
    ],
    [
      'dependency groups',
      {
        'pyproject.toml':
          '[project]\nname = "x"\n[dependency-groups]\ndev = ["pytest>=8", {include-group = "docs"}]\ndocs = ["sphinx"]\n',
      },
      [
        'python3 -m venv .venv',
        ".venv/bin/pip install --disable-pip-version-check --no-input --quiet --use-pep517 -e . 'pytest>=8'",
      ],
    ],
    [
      'uv',
      { 'uv.lock': '', 'pyproject.toml': '[project]\nname = "x"\n[dependency-groups]\ndev = ["pytest"]\n' },
      ['uv sync --frozen --group dev'],
    ],
    [
      'Poetry',
      {
        'pyproject.toml':
          '[tool.poetry]\nname = "x"\n[tool.poetry.group.dev.dependencies]\npytest = "^8.0"\nlocal = { path = "../x" }\n',
      },
      [
        'python3 -m venv .venv',
        ".venv/bin/pip install --disable-pip-version-check --no-input --quiet --use-pep517 -e . 'pytest>=8.0'",
      ],
    ],
    ['Rust', { 'Cargo.toml': '', 'Cargo.lock': '' }, ['cargo fetch --locked']],
    ['Go', { 'go.mod': '' }, [GO_SETUP]],
    ['Go with vendored modules', { 'go.mod': '', 'vendor/modules.txt': '' }, null],
    ['Ruby', { Gemfile: '' }, ['bundle config set --local path vendor/bundle', 'bundle install']],
    ['PHP', { 'composer.json': '{}' }, ['composer install --no-interaction --no-progress']],
    ['.NET', { 'src/a.csproj': '' }, ['dotnet restore src/a.csproj']],
    [
      'a project in a folder',
      { 'web/package.json': LOCKED, 'web/package-lock.json': '' },
      ['cd web && npm ci --no-audit --no-fund'],
    ],
  ];
  test.each(CASES)('%s', async (_name, tree, commands) => {
    const plan = await detectSetup(memoryFiles(tree));
    expect(plan?.commands ?? null).toEqual(commands);
    for (const path of plan?.lockFiles ?? []) expect(Object.keys(tree)).toContain(path);
  });

  test('a head that changed a lock file is set up without install scripts, where the tool can', async () => {
    const plan = await detectSetup(memoryFiles({ 'package.json': LOCKED, 'package-lock.json': '{}' }));
    expect(plan).toMatchObject({
      withoutScripts: ['npm ci --no-audit --no-fund --ignore-scripts'],
      keep: ['node_modules'],
    });
    expect(plan?.lockFiles).toEqual(['package-lock.json', 'package.json']);
  });

  test('a folder with shell characters in its name stays one word', async () => {
    const plan = await detectSetup(memoryFiles({ 'a b;$(x)/package.json': LOCKED }));
    expect(plan?.commands).toEqual(["cd 'a b;$(x)' && npm install --no-package-lock --no-audit --no-fund"]);
  });
});

test('any repository is read without an error', async () => {
  const path = fc.constantFrom(
    'package.json',
    'pyproject.toml',
    'setup.cfg',
    'Cargo.toml',
    'go.work',
    'pom.xml',
    'Makefile',
    'justfile',
    'Pipfile',
    'requirements.txt',
    'test_a.py',
    'tests/test_b.py',
    'composer.json',
    'p/package.json',
    'yarn.lock',
    '.github/workflows/a.yml',
  );
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .array(
        fc.constantFrom(
          '[project]\n',
          '[tool.ruff',
          ']\n',
          'a = [',
          '"x"',
          "'",
          '{',
          '}',
          'test:',
          '\n\t',
          '=',
          '#',
          'use (',
          '[dependency-groups]\n',
          'dev = ["-e x"]\n',
          '[project.optional-dependencies]\ntest=["',
          '$(touch x)',
        ),
      )
      .map((parts) => parts.join('')),
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(path, text), async (tree) => {
      const files = memoryFiles(tree);
      const { checks } = await detectChecks(files);
      const plan = await detectSetup(files);
      expect(new Set(checks.map((check) => check.name)).size).toBe(checks.length);
      for (const command of [...checks.map((check) => check.command), ...(plan?.commands ?? [])]) {
        // Nothing that stands in a repository reaches the shell as anything but a quoted word.
        expect(command.replaceAll(/'[^']*'/g, '')).not.toMatch(/\$\(|`/);
      }
    }),
    { numRuns: 300 },
  );
});
