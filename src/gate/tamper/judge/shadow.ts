/** Files that run in the place of a tool of the gate, or tell it what to run. */
import type { TamperFinding } from '../../../job/gate.ts';
import { trackedIn, type RepoFiles } from '../../files.ts';
import type { Change } from '../change.ts';
import { MAKEFILES } from './chain/make.ts';

const DEPENDENCY_FOLDER =
  /^((?:.*\/)?(?:node_modules|\.venv|bower_components|\.tox|\.nox|vendor\/bin))(?:\/|$)/;

/** A tracked path where setup puts dependencies would take their place. */
export function trackedDependency(change: Change, base: RepoFiles): TamperFinding | null {
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
const MODULE =
  /^(?:pytest|_pytest|unittest|pluggy|mypy|flake8|black|ruff|pylint|isort|coverage|tox|nox|pyflakes|pycodestyle|xdist|pytest_cov|doctest|runpy|sitecustomize|usercustomize)(?:\.py$|\.pth$|\/)/;
/** A name before another one: the tool takes the first that is there. */
const PREFERRED: readonly (readonly string[])[] = [
  MAKEFILES,
  ['justfile', 'Justfile', '.justfile'],
  ['pytest.toml', '.pytest.toml', 'pytest.ini', '.pytest.ini', 'pyproject.toml', 'tox.ini', 'setup.cfg'],
  ['phpunit.xml', 'phpunit.dist.xml', 'phpunit.xml.dist'],
  ['phpstan.neon', 'phpstan.neon.dist', 'phpstan.dist.neon'],
  ['.ruff.toml', 'ruff.toml'],
];
/** Shells that run nothing of what they are given. */
const NO_SHELL = /(?:^|\/)(?:true|:|echo|printf|cat)(?:\.exe)?$/;
const SCRIPT_SHELL = /^[ \t]*(?:script-?shell|scriptShell|shellEmulator)\s*[=:]\s*["']?([^\s"'#;]+)/im;

function finding(
  change: Change,
  severity: TamperFinding['severity'],
  line: number | null,
  detail: string,
): TamperFinding {
  return { kind: 'shadowed_tool', severity, file: change.path, line, detail };
}

/** A new file that a tool takes instead of the one that base has. */
function preferred(change: Change, base: RepoFiles): TamperFinding | null {
  if (change.status !== 'added' && change.status !== 'renamed') return null;
  const at = change.path.lastIndexOf('/') + 1;
  const [folder, name] = [change.path.slice(0, at), change.path.slice(at)];
  const names = PREFERRED.find((list) => list.includes(name)) ?? [];
  const known = trackedIn(base);
  const hidden = names.slice(names.indexOf(name) + 1).find((other) => known.has(folder + other));
  const isFirst = !names.slice(0, names.indexOf(name)).some((other) => known.has(folder + other));
  if (hidden === undefined || !isFirst || hidden === change.oldPath?.slice(at)) return null;
  return finding(change, 'draft', 1, `it is taken instead of ${folder}${hidden}`);
}

/** A setting of a package manager by which scripts run in another shell. */
async function scriptShell(change: Change, base: RepoFiles, head: RepoFiles): Promise<TamperFinding | null> {
  if (change.status === 'deleted' || !/(?:^|\/)(?:\.npmrc|pnpm-workspace\.yaml|\.yarnrc)$/.test(change.path))
    return null;
  const after = (await head.read(change.path)) ?? '';
  const match = SCRIPT_SHELL.exec(after);
  const before = change.status === 'added' ? '' : ((await base.read(change.oldPath ?? change.path)) ?? '');
  if (match === null || SCRIPT_SHELL.exec(before)?.[1] === match[1]) return null;
  const line = after.slice(0, match.index).split('\n').length;
  const shell = match[1] ?? '';
  return finding(
    change,
    NO_SHELL.test(shell) ? 'block' : 'draft',
    line,
    `package scripts run in ${shell.slice(0, 100)}`,
  );
}

/** Whether a changed file runs in the place of a tool, is taken instead of another, or changes the scripts' shell. */
export async function shadowedTool(
  change: Change,
  base: RepoFiles,
  head: RepoFiles,
): Promise<TamperFinding | null> {
  const name = change.status === 'deleted' ? undefined : MODULE.exec(change.path)?.[0];
  if (name !== undefined && !base.paths.some((path) => path.startsWith(name)))
    return finding(change, 'block', 1, `it runs in place of ${name.replace(/\.(?:py|pth)$|\/$/, '')}`);
  return preferred(change, base) ?? scriptShell(change, base, head);
}
