/** What a Python repository says about itself: dependencies, configured tools, tests. */
import { baseName, depthOf, directoryOf, trackedIn, type RepoFiles } from '../files.ts';
import { hasTable, parseToml, stringsOf, type TomlTables } from './toml.ts';

/** A Python repository, as far as detection and setup look at it. */
export interface PythonProject {
  readonly pyproject: TomlTables;
  /** setup.cfg and tox.ini, joined: sections that configure tools. */
  readonly ini: string;
  /** `requirements*.txt` in the root or in `requirements/`. */
  readonly requirements: readonly string[];
  /** Whether pip can install the repository itself. */
  readonly installable: boolean;
  /** Names of all declared dependencies, lower case, `_` as `-`. */
  readonly declared: ReadonlySet<string>;
  readonly testFiles: readonly string[];
  /** Tests need pytest: configured, declared, or written for it. */
  readonly usesPytest: boolean;
  /** Tools with a configuration of their own: ruff, black, flake8, mypy, … */
  readonly tools: ReadonlySet<string>;
  /** Versions of those tools that the repository's pre-commit configuration names. */
  readonly pinned: ReadonlyMap<string, string>;
}

/** Repositories of pre-commit hooks whose revision is the version of the tool. */
const HOOK_REPOSITORIES: readonly (readonly [RegExp, string])[] = [
  [/\/ruff-pre-commit$/, 'ruff'],
  [/\/black(?:-pre-commit-mirror)?$/, 'black'],
  [/\/flake8$/, 'flake8'],
  [/\/mirrors-mypy$/, 'mypy'],
];

const MARKERS = [
  'pyproject.toml',
  'setup.py',
  'setup.cfg',
  'Pipfile',
  'tox.ini',
  'noxfile.py',
  'pytest.ini',
  'conftest.py',
  'manage.py',
];
/** Test files are looked for this deep (SPEC §4). */
const MAX_TEST_DEPTH = 3;
const MAX_FILES_READ = 40;

/** Whether a path is a Python test file by name; `test.py` only in the root, where unittest finds it. */
export function isPythonTest(path: string): boolean {
  return path === 'test.py' || /^(?:test_.*|.*_test|tests)\.py$/.test(baseName(path));
}

function requirementName(line: string): string | null {
  const name = /^\s*([A-Za-z0-9][\w.-]*)/.exec(line)?.[1];
  return name === undefined ? null : name.toLowerCase().replaceAll(/[_.]+/g, '-');
}

function declaredIn(
  pyproject: TomlTables,
  texts: readonly string[],
  setupPy: string,
  ini: string,
): ReadonlySet<string> {
  const names: (string | null)[] = [];
  for (const [table, keys] of pyproject) {
    if (table === 'project')
      for (const one of stringsOf(keys.get('dependencies'))) names.push(requirementName(one));
    if (
      table === 'project.optional-dependencies' ||
      table === 'dependency-groups' ||
      table === 'tool.pdm.dev-dependencies'
    ) {
      for (const value of keys.values()) for (const one of stringsOf(value)) names.push(requirementName(one));
    }
    if (table === 'tool.uv')
      for (const one of stringsOf(keys.get('dev-dependencies'))) names.push(requirementName(one));
    if (/^tool\.poetry\.(?:.*\.)?(?:dev-)?dependencies$/.test(table))
      for (const key of keys.keys()) names.push(requirementName(key));
  }
  for (const text of texts)
    for (const line of text.split('\n')) if (!/^\s*(?:#|-)/.test(line)) names.push(requirementName(line));
  for (const word of setupPy.matchAll(
    /['"]([A-Za-z0-9][\w.-]{1,60})\s*(?:\[[\w,]*\])?\s*(?:[<>=!~][^'"]{0,60})?['"]/g,
  ))
    names.push(requirementName(word[1] ?? ''));
  for (const line of ini.split('\n')) if (/^\s+[A-Za-z]/.test(line)) names.push(requirementName(line));
  return new Set(names.filter((name) => name !== null));
}

async function writtenForPytest(files: RepoFiles, tests: readonly string[]): Promise<boolean> {
  for (const path of tests.slice(0, MAX_FILES_READ)) {
    const text = (await files.read(path)) ?? '';
    // Test functions outside classes and pytest's own names are what unittest can't run.
    if (/^\s*(?:import|from) pytest\b|^(?:async )?def test_|^class Test\w*(?:\(\))?:/m.test(text))
      return true;
  }
  return false;
}

function configuredTools(
  files: RepoFiles,
  pyproject: TomlTables,
  ini: string,
  preCommit: string,
): ReadonlySet<string> {
  const tools = new Set<string>();
  const tracked = trackedIn(files);
  const has = (...names: string[]): boolean => names.some((name) => tracked.has(name));
  if (
    hasTable(pyproject, 'tool.ruff') ||
    has('ruff.toml', '.ruff.toml') ||
    /\bid:\s*ruff(?:-check)?\b/.test(preCommit)
  )
    tools.add('ruff');
  if (hasTable(pyproject, 'tool.ruff.format') || /\bid:\s*ruff-format\b/.test(preCommit))
    tools.add('ruff-format');
  if (hasTable(pyproject, 'tool.black')) tools.add('black');
  if (has('.flake8') || /^\[flake8\]/m.test(ini)) tools.add('flake8');
  if (hasTable(pyproject, 'tool.mypy') || has('mypy.ini', '.mypy.ini') || /^\[mypy\]/m.test(ini))
    tools.add('mypy');
  return tools;
}

/** Versions in `.pre-commit-config.yaml`: another version of a formatter formats differently, and base is red. */
function pinnedTools(preCommit: string): ReadonlyMap<string, string> {
  const pins = new Map<string, string>();
  let tool: string | undefined;
  for (const line of preCommit.split('\n')) {
    const [, key, value = ''] = /^\s*(?:-\s+)?(repo|rev):\s*["']?([^\s"'#]+)/.exec(line) ?? [];
    if (key === 'repo') {
      const url = value.replace(/(?:\.git)?\/?$/, '');
      tool = HOOK_REPOSITORIES.find(([pattern]) => pattern.test(url))?.[1];
    }
    const version =
      key === 'rev' ? /^v?(\d+(?:\.\d+)+(?:(?:a|b|rc|\.post)\d+)?)$/.exec(value)?.[1] : undefined;
    if (tool !== undefined && version !== undefined) pins.set(tool, version);
  }
  return pins;
}

/** Reads a Python repository; `null` when it is none. */
export async function readPythonProject(files: RepoFiles): Promise<PythonProject | null> {
  const root = trackedIn(files);
  // By the ending first: of a large repository of another language, nothing else is asked.
  const testFiles = files.paths.filter(
    (path) =>
      path.endsWith('.py') &&
      depthOf(path) <= MAX_TEST_DEPTH &&
      isPythonTest(path) &&
      !/(?:^|\/)(?:node_modules|\.venv|venv|vendor)\//.test(path),
  );
  const requirements = files.paths
    .filter(
      (path) =>
        path.endsWith('.txt') &&
        /^(?:requirements[\w.-]*\.txt|[\w.-]+[-_]requirements\.txt|requirements\/[\w.-]+\.txt)$/.test(path),
    )
    .sort((a, b) => depthOf(a) - depthOf(b) || a.length - b.length || a.localeCompare(b, 'en'));
  if (!MARKERS.some((name) => root.has(name)) && requirements.length === 0 && testFiles.length === 0)
    return null;
  const read = async (path: string): Promise<string> =>
    root.has(path) ? ((await files.read(path)) ?? '') : '';
  const pyprojectText = await read('pyproject.toml');
  const pyproject = parseToml(pyprojectText);
  const [setupCfg, setupPy, preCommit] = [
    await read('setup.cfg'),
    await read('setup.py'),
    await read('.pre-commit-config.yaml'),
  ];
  const ini = `${setupCfg}\n${await read('tox.ini')}\n${await read('Pipfile')}`;
  const texts = await Promise.all(
    requirements.slice(0, MAX_FILES_READ).map(async (path) => (await files.read(path)) ?? ''),
  );
  const declared = declaredIn(pyproject, texts, setupPy, ini);
  const configured =
    root.has('pytest.ini') ||
    hasTable(pyproject, 'tool.pytest') ||
    /^\[(?:tool:)?pytest\]/m.test(ini) ||
    files.paths.some((path) => baseName(path) === 'conftest.py');
  return {
    pyproject,
    ini,
    requirements,
    installable:
      setupPy !== '' ||
      pyproject.has('project') ||
      pyproject.has('tool.poetry') ||
      /^\[metadata\]/m.test(setupCfg),
    declared,
    testFiles,
    usesPytest: configured || declared.has('pytest') || (await writtenForPytest(files, testFiles)),
    tools: configuredTools(files, pyproject, ini, preCommit),
    pinned: pinnedTools(preCommit),
  };
}

/** Folders of the root that hold Python code and are no tests. */
export function sourceFolders(files: RepoFiles): readonly string[] {
  const folders = files.paths
    .filter((path) => path.endsWith('.py') && path.includes('/'))
    .map((path) => directoryOf(path).split('/')[0] ?? '');
  return [...new Set(folders)].filter((name) => !/^(?:tests?|docs?|examples?|scripts?|\..*)$/.test(name));
}
