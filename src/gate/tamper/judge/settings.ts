/** Rules of the tamper guard about files that judge: settings of tests and linters, CI, hooks, lock files. */
import type { TamperFinding, TamperSeverity } from '../../../job/gate.ts';
import type { Change } from '../change.ts';
import type { RepoFiles } from '../../files.ts';
import { parsePackageJson } from '../../project/package-json.ts';
import { shown } from './gate-chain.ts';
import { shadowedTool, trackedDependency } from './shadow.ts';
import { parseToml } from '../../project/toml.ts';

interface FileRule {
  readonly kind: string;
  readonly severity: TamperSeverity;
  readonly detail: string;
  /** Matched against the path. */
  readonly path: RegExp;
}

const TEST_CONFIG =
  /(?:^|\/)(?:jest\.(?:config|setup)\.[\w.]+|vitest\.[\w.]*(?:config|setup|workspace)\.[\w.]+|\.mocharc(?:\.\w+)?|karma\.conf\.\w+|playwright\.config\.\w+|cypress\.config\.\w+|cypress\.json|ava\.config\.\w+|\.nycrc(?:\.\w+)?|\.c8rc(?:\.\w+)?|\.taprc|bunfig\.toml|pytest\.ini|\.pytest\.ini|conftest\.py|tox\.ini|noxfile\.py|\.coveragerc|phpunit(?:\.dist)?\.xml(?:\.dist)?|\.rspec|Rakefile|\.cargo\/config(?:\.toml)?|nextest\.toml|sitecustomize\.py|usercustomize\.py|junit-platform\.properties|\.npmrc|\.yarnrc(?:\.yml)?|\.pnpmfile\.cjs|\.pnp\.cjs|gradlew|mvnw|\.mvn\/.*|gradle\/wrapper\/.*|\.envrc|\.env(?:\.(?:test|ci|local))?|\.pythonrc(?:\.py)?|\.simplecov|go\.work|rust-toolchain(?:\.toml)?|\.babelrc(?:\.\w+)?|babel\.config\.\w+|wallaby\.\w+|web-test-runner\.config\.\w+|codeception(?:\.dist)?\.yml|behat\.ya?ml|infection\.json5?|pest\.php|cucumber\.(?:js|ya?ml|json)|deno\.jsonc?|turbo\.json|nx\.json)$/;
const LINT_CONFIG =
  /(?:^|\/)(?:\.eslintrc(?:\.\w+)?|eslint\.config\.\w+|\.eslintignore|\.prettierrc(?:\.\w+)?|prettier\.config\.\w+|\.prettierignore|biome\.jsonc?|\.oxlintrc\.json|\.oxfmtrc\.json|\.stylelintrc(?:\.\w+)?|tsconfig(?:\.[\w-]+)?\.json|\.flake8|mypy\.ini|\.mypy\.ini|\.?ruff\.toml|\.pylintrc|pyrightconfig\.json|\.?rustfmt\.toml|\.?clippy\.toml|\.golangci\.ya?ml|checkstyle[\w-]*\.xml|pmd[\w-]*\.xml|phpstan(?:\.dist)?\.neon(?:\.dist)?|phpstan-baseline\.neon|\.php-cs-fixer(?:\.dist)?\.php|\.rubocop(?:_todo)?\.yml|\.credo\.exs|\.formatter\.exs|\.editorconfig|\.eslintrc|\.?xo-config\.\w+|\.jshintrc|\.jshintignore|\.stylelintignore|stylelint\.config\.\w+|\.markdownlint(?:-cli2)?\.\w+|\.markdownlintignore|\.yamllint(?:\.ya?ml)?|\.hadolint\.ya?ml|\.shellcheckrc|\.bandit|bandit\.ya?ml|\.isort\.cfg|\.pydocstyle|\.semgrepignore|knip\.jsonc?|\.?deny\.toml|\.oxlintignore|\.standardrc|phpcs(?:\.dist)?\.xml(?:\.dist)?|\.phpcs\.xml|psalm(?:-baseline)?\.xml(?:\.dist)?|rector\.php|detekt\.ya?ml|\.scalafmt\.conf|\.globalconfig|Directory\.Build\.(?:props|targets)|spotbugs[\w-]*\.xml|\.dialyzer_ignore\.exs)$/;
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
    path: /^\.husky\/|^\.githooks\/|^\.?git-?hooks\/|^\.?lefthook\.ya?ml$|^\.pre-commit-config\.yaml$|^\.lintstagedrc/,
  },
  { kind: 'lock_file', severity: 'draft', detail: 'which dependencies are installed', path: LOCK_FILE },
  { kind: 'test_config', severity: 'draft', detail: 'how tests are found and run', path: TEST_CONFIG },
  { kind: 'lint_config', severity: 'draft', detail: 'what linters and compilers accept', path: LINT_CONFIG },
];

const VERB = { added: 'is new', deleted: 'is gone', modified: 'is changed', renamed: 'is renamed' } as const;

async function byPath(change: Change, base: RepoFiles, head: RepoFiles): Promise<TamperFinding | null> {
  const paths = change.oldPath === null ? [change.path] : [change.path, change.oldPath];
  // A test's own fixture of that name judges nothing; what conftest.py does is read with the tests, and listed here.
  const outside = paths.filter((path) => !/(?:^|\/)(?:fixtures?|testdata|examples?)\//.test(path));
  const rule = RULES.find((one) => outside.some((path) => one.path.test(path)));
  if (rule === undefined) return null;
  const at = await firstDifference(change, base, head);
  const told = at === null || change.status === 'added' ? '' : `: ${shown(at.text)}`;
  return {
    kind: rule.kind,
    severity: rule.severity,
    file: change.path,
    line: at?.line ?? null,
    detail: `${rule.detail} ${VERB[change.status]}${told}`,
  };
}

/** The first line of head's file that base's does not have, where both can be read. */
async function firstDifference(
  change: Change,
  base: RepoFiles,
  head: RepoFiles,
  reads: (text: string) => boolean = () => true,
): Promise<{ readonly line: number; readonly text: string } | null> {
  const after = change.status === 'deleted' ? null : await head.read(change.path);
  if (after === null) return null;
  const before = change.status === 'added' ? '' : ((await base.read(change.oldPath ?? change.path)) ?? '');
  const known = new Set(before.split('\n').map((line) => line.trim()));
  const lines = after.split('\n').map((text, at) => ({ line: at + 1, text }));
  const fresh = lines.filter(({ text }) => text.trim() !== '' && !known.has(text.trim()));
  return fresh.find(({ text }) => reads(text)) ?? fresh[0] ?? null;
}

const TOML_TABLES =
  /^tool\.(?:pytest|ruff|mypy|black|coverage|tox|flake8|pylint|pyright|isort|hatch\.envs|poe|pdm\.scripts|taskipy|basedpyright|ty|vulture|bandit|pydocstyle|pycodestyle|nox|interrogate|codespell|djlint|hypothesis|mutmut|rye\.scripts|pixi\.tasks|deptry|cibuildwheel)\b|^lints\b|^workspace\.lints\b/;
const TOML_KEYS = /^(?:test|doctest|harness|autotests|bench|required-features|default-members)$/;

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
      /^\[(?:tool:pytest|flake8|mypy[^\]]*|coverage[^\]]*|pycodestyle|isort|pylint[^\]]*|tox[^\]]*|testenv[^\]]*|pytest|aliases|pydocstyle|bandit)\]/.test(
        section,
      ),
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
  'config',
  'stylelint',
  'oxlint',
  'biome',
  'babel',
  'wireit',
  'simple-git-hooks',
  'nano-staged',
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
  // A person should look at the line that changes what is read of the file, not at any other one.
  const [own, now] = [part.read(before ?? ''), part.read(after ?? '')];
  const isRead = (text: string, line: string): boolean =>
    text.includes(line.trim()) || text.includes(line.trim().replace(/\s*=\s*/, '='));
  const at = await firstDifference(change, base, head, (line) => isRead(now, line) && !isRead(own, line));
  return {
    kind: 'test_config',
    severity: 'draft',
    file: change.path,
    line: at?.line ?? null,
    detail: `settings of tests or linters in it are changed${at === null ? '' : `: ${shown(at.text)}`}`,
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
        await shadowedTool(change, base, head),
        await forgiving(change, base, head),
      ];
      // In a dependency folder that finding says it all.
      const named =
        own[0] === null ? ((await byPath(change, base, head)) ?? (await byPart(change, base, head))) : null;
      return [...own, named].filter((finding) => finding !== null);
    }),
  );
  return found.flat();
}
