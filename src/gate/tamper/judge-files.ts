/** Rules of the tamper guard about files that judge: settings of tests and linters, CI, hooks, lock files. */
import type { TamperFinding, TamperSeverity } from '../../job/gate.ts';
import type { Change } from './change.ts';
import type { RepoFiles } from '../files.ts';
import { parsePackageJson } from '../project/package-json.ts';
import { parseToml } from '../project/toml.ts';

interface FileRule {
  readonly kind: string;
  readonly severity: TamperSeverity;
  readonly detail: string;
  /** Matched against the path. */
  readonly path: RegExp;
}

const TEST_CONFIG =
  /(?:^|\/)(?:jest\.(?:config|setup)\.[\w.]+|vitest\.[\w.]*(?:config|setup|workspace)\.[\w.]+|\.mocharc(?:\.\w+)?|karma\.conf\.\w+|playwright\.config\.\w+|cypress\.config\.\w+|cypress\.json|ava\.config\.\w+|\.nycrc(?:\.\w+)?|\.c8rc(?:\.\w+)?|\.taprc|bunfig\.toml|pytest\.ini|\.pytest\.ini|conftest\.py|tox\.ini|noxfile\.py|\.coveragerc|phpunit(?:\.dist)?\.xml(?:\.dist)?|\.rspec|Rakefile|\.cargo\/config(?:\.toml)?|nextest\.toml|sitecustomize\.py|usercustomize\.py|junit-platform\.properties|\.npmrc|\.yarnrc(?:\.yml)?|\.pnpmfile\.cjs|\.pnp\.cjs|gradlew|mvnw|\.mvn\/.*|gradle\/wrapper\/.*|\.envrc)$/;
const LINT_CONFIG =
  /(?:^|\/)(?:\.eslintrc(?:\.\w+)?|eslint\.config\.\w+|\.eslintignore|\.prettierrc(?:\.\w+)?|prettier\.config\.\w+|\.prettierignore|biome\.jsonc?|\.oxlintrc\.json|\.oxfmtrc\.json|\.stylelintrc(?:\.\w+)?|tsconfig(?:\.[\w-]+)?\.json|\.flake8|mypy\.ini|\.mypy\.ini|\.?ruff\.toml|\.pylintrc|pyrightconfig\.json|\.?rustfmt\.toml|\.?clippy\.toml|\.golangci\.ya?ml|checkstyle[\w-]*\.xml|pmd[\w-]*\.xml|phpstan(?:\.dist)?\.neon(?:\.dist)?|phpstan-baseline\.neon|\.php-cs-fixer(?:\.dist)?\.php|\.rubocop(?:_todo)?\.yml|\.credo\.exs|\.formatter\.exs|\.editorconfig)$/;
const LOCK_FILE =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lockb?|uv\.lock|poetry\.lock|pdm\.lock|Pipfile\.lock|Cargo\.lock|go\.sum|Gemfile\.lock|composer\.lock|mix\.lock|packages\.lock\.json|gradle\.lockfile)$/;

const RULES: readonly FileRule[] = [
  {
    kind: 'runner_config',
    severity: 'draft',
    detail: 'the settings of the gate itself',
    path: /^\.agent-runner\.ya?ml$/,
  },
  {
    kind: 'git_attributes',
    severity: 'draft',
    detail: 'how git reads and shows files',
    path: /(?:^|\/)\.gitattributes$/,
  },
  {
    kind: 'ci_workflow',
    severity: 'draft',
    detail: 'what the repository’s own CI does',
    path: /^\.github\/(?:workflows|actions)\/|^\.gitlab-ci\.ya?ml$|^\.gitlab\/ci\/|^\.circleci\/|^azure-pipelines\.ya?ml$|^Jenkinsfile$|^\.travis\.ya?ml$|^bitbucket-pipelines\.ya?ml$|^\.drone\.ya?ml$|^\.buildkite\/|^\.(?:gitea|forgejo|woodpecker)\//,
  },
  {
    kind: 'hook',
    severity: 'draft',
    detail: 'what runs on commit and push',
    path: /^\.husky\/|^\.githooks\/|^\.?lefthook\.ya?ml$|^\.pre-commit-config\.yaml$|^\.lintstagedrc/,
  },
  { kind: 'lock_file', severity: 'draft', detail: 'which dependencies are installed', path: LOCK_FILE },
  { kind: 'test_config', severity: 'draft', detail: 'how tests are found and run', path: TEST_CONFIG },
  { kind: 'lint_config', severity: 'draft', detail: 'what linters and compilers accept', path: LINT_CONFIG },
];

const VERB = { added: 'is new', deleted: 'is gone', modified: 'is changed', renamed: 'is renamed' } as const;

function byPath(change: Change): TamperFinding | null {
  const paths = change.oldPath === null ? [change.path] : [change.path, change.oldPath];
  // A test's own fixture of that name judges nothing; what conftest.py does is read with the tests, and listed here.
  const outside = paths.filter((path) => !/(?:^|\/)(?:fixtures?|testdata|examples?)\//.test(path));
  const rule = RULES.find((one) => outside.some((path) => one.path.test(path)));
  if (rule === undefined) return null;
  return {
    kind: rule.kind,
    severity: rule.severity,
    file: change.path,
    line: null,
    detail: `${rule.detail} ${VERB[change.status]}`,
  };
}

const TOML_TABLES =
  /^tool\.(?:pytest|ruff|mypy|black|coverage|tox|flake8|pylint|pyright|isort|hatch\.envs|poe|pdm\.scripts|taskipy)\b|^lints\b|^workspace\.lints\b/;
const TOML_KEYS = /^(?:test|doctest|harness|autotests|bench)$/;

/** The parts of a TOML file that judge, as one text. */
function judgingToml(text: string): string {
  const parts: string[] = [];
  for (const [table, keys] of parseToml(text)) {
    for (const [key, value] of keys)
      if (TOML_TABLES.test(table) || TOML_KEYS.test(key)) parts.push(`${table}.${key}=${value}`);
  }
  return parts.sort().join('\n');
}

function judgingIni(text: string): string {
  const sections = text.split(/^(?=\[)/m);
  return sections
    .filter((section) =>
      /^\[(?:tool:pytest|flake8|mypy[^\]]*|coverage[^\]]*|pycodestyle|isort|pylint[^\]]*)\]/.test(section),
    )
    .join('');
}

const PACKAGE_KEYS = [
  'jest',
  'vitest',
  'mocha',
  'ava',
  'tap',
  'nyc',
  'c8',
  'eslintConfig',
  'eslintIgnore',
  'prettier',
  'xo',
  'standard',
  'lint-staged',
  'husky',
  'pre-commit',
];

function judgingPackage(text: string): string {
  const raw = parsePackageJson(text)?.raw ?? {};
  return JSON.stringify(PACKAGE_KEYS.map((key) => raw[key] ?? null));
}

function judgingLines(pattern: RegExp): (text: string) => string {
  return (text) =>
    text
      .split('\n')
      .filter((line) => pattern.test(line))
      .map((line) => line.trim())
      .join('\n');
}

/** Files that judge only in part. */
const PARTS: readonly { readonly path: RegExp; readonly read: (text: string) => string }[] = [
  { path: /(?:^|\/)(?:pyproject|Cargo)\.toml$/, read: judgingToml },
  { path: /(?:^|\/)setup\.cfg$/, read: judgingIni },
  { path: /(?:^|\/)package\.json$/, read: judgingPackage },
  {
    path: /(?:^|\/)pom\.xml$/,
    read: judgingLines(
      /skip|testFailureIgnore|surefire|failsafe|exclude|<include|argLine|checkstyle|spotless/i,
    ),
  },
  {
    path: /\.gradle(?:\.kts)?$/,
    read: judgingLines(/ignoreFailures|useJUnit|useTestNG|exclude|enabled|onlyIf|filter|checkstyle|spotless/),
  },
  {
    path: /(?:^|\/)vite\.config\.\w+$/,
    read: judgingLines(/\btest\b|include|exclude|setupFiles|passWithNoTests/),
  },
];

async function byPart(change: Change, base: RepoFiles, head: RepoFiles): Promise<TamperFinding | null> {
  const part = PARTS.find((one) => one.path.test(change.path));
  if (part === undefined) return null;
  const before = change.status === 'added' ? null : await base.read(change.oldPath ?? change.path);
  const after = change.status === 'deleted' ? null : await head.read(change.path);
  if (part.read(before ?? '') === part.read(after ?? '')) return null;
  return {
    kind: 'test_config',
    severity: 'draft',
    file: change.path,
    line: null,
    detail: 'settings of tests or linters in it are changed',
  };
}

/** Settings that make a build pass whatever its tests say. */
const FORGIVING =
  /<(?:skipTests|maven\.test\.skip|testFailureIgnore|maven\.test\.failure\.ignore|skip)>\s*true|ignoreFailures\s*(?:=|\()?\s*true|-DskipTests\b|\bpassWithNoTests\s*:\s*true|["']?bail["']?\s*:\s*["']never/gi;

async function forgiving(change: Change, base: RepoFiles, head: RepoFiles): Promise<TamperFinding | null> {
  if (
    change.status === 'deleted' ||
    !/(?:pom\.xml|\.gradle(?:\.kts)?|maven\.config|jvm\.config|gradle\.properties|\.config\.\w+|package\.json)$/.test(
      change.path,
    )
  )
    return null;
  const after = (await head.read(change.path)) ?? '';
  const before = change.status === 'added' ? '' : ((await base.read(change.oldPath ?? change.path)) ?? '');
  const matches = [...after.matchAll(FORGIVING)];
  if (matches.length <= [...before.matchAll(FORGIVING)].length) return null;
  const first = matches.find((match) => !before.includes(match[0])) ?? matches[0];
  const line = after.slice(0, first?.index ?? 0).split('\n').length;
  return {
    kind: 'gutted_script',
    severity: 'block',
    file: change.path,
    line,
    detail: `red tests no longer count: ${first?.[0] ?? ''}`,
  };
}

const DEPENDENCY_FOLDER = /^((?:.*\/)?(?:node_modules|\.venv|bower_components|\.tox|\.nox))(?:\/|$)/;

/** A tracked path where setup puts dependencies would take their place. */
function trackedDependency(change: Change, base: RepoFiles): TamperFinding | null {
  const folder = change.status === 'deleted' ? undefined : DEPENDENCY_FOLDER.exec(change.path)?.[1];
  if (folder === undefined) return null;
  const known = base.paths.some((path) => path.startsWith(`${folder}/`));
  const detail = `a tracked path inside the dependency folder ${folder}`;
  return {
    kind: 'tracked_dependency',
    severity: known ? 'draft' : 'block',
    file: change.path,
    line: null,
    detail,
  };
}

// `python3 -m pytest` looks in the root first: a file of this name runs instead of the tool.
const SHADOW =
  /^(?:pytest|_pytest|unittest|pluggy|mypy|flake8|black|ruff|sitecustomize|usercustomize)(?:\.py$|\/)/;

function shadowedTool(change: Change, base: RepoFiles): TamperFinding | null {
  const name = change.status === 'deleted' ? undefined : SHADOW.exec(change.path)?.[0];
  if (name === undefined || base.paths.some((path) => path.startsWith(name))) return null;
  return {
    kind: 'shadowed_tool',
    severity: 'block',
    file: change.path,
    line: null,
    detail: `it runs in place of ${name.replace(/\.py$|\/$/, '')}`,
  };
}

/** Findings about files that judge. */
export async function findJudgeChanges(
  changes: readonly Change[],
  base: RepoFiles,
  head: RepoFiles,
): Promise<readonly TamperFinding[]> {
  const found = await Promise.all(
    changes.map(async (change) => {
      const own = [
        trackedDependency(change, base),
        shadowedTool(change, base),
        await forgiving(change, base, head),
      ];
      // In a dependency folder that finding says it all.
      const named = own[0] === null ? (byPath(change) ?? (await byPart(change, base, head))) : null;
      return [...own, named].filter((finding) => finding !== null);
    }),
  );
  return found.flat();
}
