/** How the dependencies of a Python repository are prepared: into `.venv` in the root. */
import { baseName, type RepoFiles } from '../files.ts';
import { readPythonProject, type PythonProject } from '../project/python-project.ts';
import type { SetupPlan } from './plan.ts';
import { shellWord } from '../../job/text/shell.ts';
import { stringsOf } from '../project/toml.ts';

const PIP = '.venv/bin/pip install --disable-pip-version-check --no-input --quiet';
/** Extras and groups whose names say that they are for developing. */
const DEVELOPING = /^(?:tests?|testing|dev|develop|development|lint|types?|typing)$/;
/** Requirement files that are for developing, besides `requirements.txt` itself. */
const REQUIREMENTS =
  /^(?:requirements\.txt|requirements[-_.]?(?:tests?|testing|dev|develop|development|ci|lint)\.txt|(?:tests?|dev)[-_]requirements\.txt|requirements\/(?:base|main|common|tests?|testing|dev|development|ci|lint)\.txt)$/;

/** Configured tools, and pytest, that nothing declares; in the version of pre-commit where it names one. */
function undeclared(project: PythonProject): readonly string[] {
  const tools = [...project.tools].map((tool) => (tool === 'ruff-format' ? 'ruff' : tool));
  const wanted = [...new Set(project.usesPytest ? ['pytest', ...tools] : tools)];
  return wanted
    .filter((tool) => !project.declared.has(tool))
    .map((tool) => {
      const version = project.pinned.get(tool);
      return version === undefined ? tool : `${tool}==${version}`;
    });
}

/** Requirements of a Poetry table as pip writes them; what can't be said that way (git, path) is left out. */
function poetryRequirements(project: PythonProject): readonly string[] {
  const found: string[] = [];
  for (const [table, keys] of project.pyproject) {
    if (!/^tool\.poetry\.(?:dev-dependencies|group\.[^.]+\.dependencies)$/.test(table)) continue;
    for (const [name, value] of keys) {
      if (!/^[A-Za-z0-9][\w.-]*$/.test(name) || /\b(?:git|path|url)\s*=/.test(value)) continue;
      const version = stringsOf(value)[0] ?? '*';
      found.push(
        version.startsWith('^') || version.startsWith('~')
          ? `${name}>=${version.slice(1)}`
          : /^[<>=!]/.test(version)
            ? `${name}${version}`
            : name,
      );
    }
  }
  return found;
}

function pipenvRequirements(text: string): readonly string[] {
  const names = [...text.matchAll(/^"?([A-Za-z0-9][\w.-]*)"?\s*=\s*"([^"]*)"/gm)].filter(
    ([, name]) =>
      !['url', 'name', 'verify_ssl', 'python_version', 'python_full_version'].includes(name ?? ''),
  );
  return names.map(([, name = '', version = '']) => (/^[<>=!~]/.test(version) ? name + version : name));
}

/** What pip installs, beginning with the repository itself. */
async function pipArguments(files: RepoFiles, project: PythonProject): Promise<readonly string[]> {
  const requirements = project.requirements
    .filter((path) => REQUIREMENTS.test(path))
    .flatMap((path) => ['-r', shellWord(path)]);
  const extras = [...(project.pyproject.get('project.optional-dependencies')?.keys() ?? [])].filter((name) =>
    DEVELOPING.test(name),
  );
  const itself = project.installable
    ? ['-e', shellWord(extras.length > 0 ? `.[${extras.join(',')}]` : '.')]
    : [];
  const groups = project.pyproject.get('dependency-groups');
  const grouped = [...(groups?.entries() ?? [])]
    .filter(([name]) => DEVELOPING.test(name))
    .flatMap(([, value]) => stringsOf(value.replaceAll(/\{[^}]*\}/g, '')));
  const pdm = [...(project.pyproject.get('tool.pdm.dev-dependencies')?.values() ?? [])].flatMap(stringsOf);
  const pipenv =
    requirements.length === 0 && !project.installable
      ? pipenvRequirements((await files.read('Pipfile')) ?? '')
      : [];
  const named = [...grouped, ...pdm, ...poetryRequirements(project), ...pipenv].filter(
    (one) => !one.startsWith('-'),
  );
  return [...requirements, ...itself, ...[...named, ...undeclared(project)].map(shellWord)];
}

/** Setup of a Python repository; `null` when it needs nothing but Python itself. */
export async function setUpPython(files: RepoFiles): Promise<SetupPlan | null> {
  const project = await readPythonProject(files);
  if (project === null) return null;
  const names = [
    'uv.lock',
    'poetry.lock',
    'pdm.lock',
    'Pipfile',
    'Pipfile.lock',
    'pyproject.toml',
    'setup.py',
    'setup.cfg',
    '.python-version',
    ...(project.pinned.size > 0 ? ['.pre-commit-config.yaml'] : []),
  ];
  const lockFiles = files.paths.filter(
    (path) =>
      names.includes(path) ||
      project.requirements.includes(path) ||
      (path.startsWith('requirements/') && baseName(path).endsWith('.in')),
  );
  const shared = { keep: ['.venv'], homeCaches: [], lockFiles };
  if (files.paths.includes('uv.lock')) {
    const extras = [...(project.pyproject.get('project.optional-dependencies')?.keys() ?? [])].filter(
      (name) => DEVELOPING.test(name),
    );
    const groups = [...(project.pyproject.get('dependency-groups')?.keys() ?? [])].filter((name) =>
      DEVELOPING.test(name),
    );
    const sync = [
      'uv sync --frozen',
      ...extras.map((name) => `--extra ${shellWord(name)}`),
      ...groups.map((name) => `--group ${shellWord(name)}`),
    ].join(' ');
    const missing = undeclared(project).map(shellWord);
    const commands = [sync, ...(missing.length > 0 ? [`uv pip install ${missing.join(' ')}`] : [])];
    // uv keeps the Pythons that it downloads below HOME, and `.venv` points there.
    return {
      ...shared,
      commands,
      homeCaches: ['.local/share/uv/python'],
      toolVersions: ['uv --version', 'python3 --version'],
      withoutScripts: null,
      runsOwnCode: true,
      why: 'uv.lock',
    };
  }
  const wanted = await pipArguments(files, project);
  if (wanted.length === 0) return null;
  const pep517 = wanted.includes('-e') ? ' --use-pep517' : '';
  const commands = ['python3 -m venv .venv', `${PIP}${pep517} ${wanted.join(' ')}`];
  return {
    ...shared,
    commands,
    toolVersions: ['python3 --version'],
    withoutScripts: null,
    // An editable install asks the repository's build backend.
    runsOwnCode: wanted.includes('-e'),
    why: lockFiles.find((path) => !path.startsWith('.')) ?? 'tests that need pytest',
  };
}
