/** Checks of a Python repository. `python3` is the one of `.venv` wherever setup made one, because PATH begins with it. */
import { collect, type Detection } from './detection.ts';
import { ciText, type RepoFiles } from '../files.ts';
import { readPythonProject, sourceFolders, type PythonProject } from '../project/python-project.ts';
import { shellWord } from '../../job/text/shell.ts';
import { stringsOf } from '../project/toml.ts';

/** What mypy is run on: its own configuration, else `src`, else everything. */
function mypyTarget(files: RepoFiles, project: PythonProject): string {
  const settings = project.pyproject.get('tool.mypy');
  const named = ['files', 'packages', 'modules'].some((key) => stringsOf(settings?.get(key)).length > 0);
  if (named || /^\[mypy\][^[]*^(?:files|packages|modules)\s*=/m.test(project.ini)) return '';
  return files.paths.some((path) => /^src\/.*\.py$/.test(path)) ? ' src' : ' .';
}

/** How the standard library's own runner finds the tests. */
function unittestCommand(files: RepoFiles, project: PythonProject): string {
  const folders = [
    ...new Set(project.testFiles.map((path) => (path.includes('/') ? (path.split('/')[0] ?? '') : '.'))),
  ];
  const packaged = new Set(
    files.paths
      .filter((path) => path.endsWith('/__init__.py'))
      .map((path) => path.slice(0, -'/__init__.py'.length)),
  );
  const only = folders.length === 1 ? folders[0] : undefined;
  const start = only !== undefined && only !== '.' && !packaged.has(only) ? ` -s ${shellWord(only)}` : '';
  const pattern = project.testFiles.every((path) => path.endsWith('_test.py')) ? " -p '*_test.py'" : '';
  // A `src` layout that nothing installs is only found through the path.
  const path = !project.installable && sourceFolders(files).includes('src') ? 'PYTHONPATH=src ' : '';
  return start === '' && pattern === ''
    ? `${path}python3 -m unittest -v`
    : `${path}python3 -m unittest discover -v${start}${pattern}`;
}

/** Checks of a Python repository: configured linters and type checkers, and its tests. */
export async function detectPython(files: RepoFiles): Promise<Detection> {
  const out = collect();
  const project = await readPythonProject(files);
  if (project === null) return out.done();
  const { tools } = project;
  const ci = await ciText(files);
  if (tools.has('ruff-format') || (tools.has('ruff') && /ruff format --check|ruff format --diff/.test(ci))) {
    out.add({
      name: 'ruff-format',
      kind: 'format',
      command: 'ruff format --check .',
      what: 'ruff format',
      why: 'it is configured',
    });
  }
  if (tools.has('black'))
    out.add({
      name: 'black',
      kind: 'format',
      command: 'black --check .',
      what: 'black',
      why: 'it is configured',
    });
  if (tools.has('ruff'))
    out.add({ name: 'ruff', kind: 'lint', command: 'ruff check .', what: 'ruff', why: 'it is configured' });
  if (tools.has('flake8'))
    out.add({ name: 'flake8', kind: 'lint', command: 'flake8', what: 'flake8', why: 'it is configured' });
  if (tools.has('mypy')) {
    out.add({
      name: 'mypy',
      kind: 'types',
      command: `mypy${mypyTarget(files, project)}`,
      what: 'mypy',
      why: 'it is configured',
    });
  }
  if (project.usesPytest) {
    const why = project.declared.has('pytest')
      ? 'pytest is declared'
      : 'pytest is configured or the tests are written for it';
    out.add({
      name: 'pytest',
      kind: 'test',
      command: 'python3 -m pytest',
      what: project.testFiles[0] ?? 'pytest',
      why,
    });
  } else if (files.paths.includes('manage.py')) {
    out.add({
      name: 'django',
      kind: 'test',
      command: 'python3 manage.py test',
      what: 'manage.py',
      why: 'a Django project',
    });
  } else if (project.testFiles.length > 0) {
    const what = project.testFiles[0] ?? '';
    out.add({
      name: 'unittest',
      kind: 'test',
      command: unittestCommand(files, project),
      what,
      why: 'tests that need no pytest',
    });
  } else {
    out.skip('Python', 'there is no test file (test_*.py or *_test.py) down to the third folder');
  }
  return out.done();
}
