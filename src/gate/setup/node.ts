/** How the dependencies of a Node repository are prepared. */
import { baseName, type RepoFiles } from '../files.ts';
import { packageManagerOf, parsePackageJson, type PackageManager } from '../project/package-json.ts';
import type { SetupPlan } from './plan.ts';

/** Scripts of the repository's own manifest that an installation runs. */
const OWN_SCRIPTS = [
  'preinstall',
  'install',
  'postinstall',
  'prepublish',
  'preprepare',
  'prepare',
  'postprepare',
];

/** Settings that make a package manager load code of the repository. */
const OWN_HOOKS = ['.pnpmfile.cjs', '.yarnrc.yml'];

function installCommand(manager: PackageManager, locked: boolean, berry: boolean): string {
  switch (manager) {
    case 'npm':
      return `npm ${locked ? 'ci' : 'install --no-package-lock'} --no-audit --no-fund`;
    case 'pnpm':
      return `pnpm install${locked ? ' --frozen-lockfile' : ''}`;
    case 'yarn':
      if (!locked) return 'yarn install';
      return berry ? 'yarn install --immutable' : 'yarn install --frozen-lockfile --non-interactive';
    case 'bun':
      return `bun install${locked ? ' --frozen-lockfile' : ''}`;
  }
}

function withoutScripts(command: string, manager: PackageManager, berry: boolean): string {
  return manager === 'yarn' && berry ? `${command} --mode=skip-build` : `${command} --ignore-scripts`;
}

/** Whether yarn 2 or later is meant: by its settings file, the lock file's form, or `packageManager`. */
async function isBerry(files: RepoFiles, packageManager: string | null): Promise<boolean> {
  if (files.paths.includes('.yarnrc.yml') || /^yarn@(?:[2-9]|\d\d)/.test(packageManager ?? '')) return true;
  return /^__metadata:/m.test((await files.read('yarn.lock')) ?? '');
}

/**
 * Where Corepack, and pnpm itself, put the version of the package manager that `packageManager` names; without it
 * every check would ask the registry for it. Yarn 2 and later also keep packages in HOME.
 */
function homeCachesOf(manager: PackageManager, berry: boolean): readonly string[] {
  if (manager === 'pnpm') return ['.cache/node/corepack', '.local/share/pnpm/.tools'];
  if (manager === 'yarn') return ['.cache/node/corepack', ...(berry ? ['.yarn/berry'] : [])];
  return [];
}

/** Setup of a Node repository; `null` when it declares no dependencies and no workspaces. */
export async function setUpNode(files: RepoFiles): Promise<SetupPlan | null> {
  const text = await files.read('package.json');
  const json = text === null ? null : parsePackageJson(text);
  if (json === null) return null;
  const { name: manager, lockFile } = packageManagerOf(files, json);
  const workspaces = json.workspaces.length > 0 || files.paths.includes('pnpm-workspace.yaml');
  if (json.dependencies.length === 0 && !workspaces) return null;
  const berry = manager === 'yarn' && (await isBerry(files, json.packageManager));
  const command = installCommand(manager, lockFile !== null, berry);
  const settings = [
    '.npmrc',
    '.yarnrc',
    '.yarnrc.yml',
    'pnpm-workspace.yaml',
    '.pnpmfile.cjs',
    'bunfig.toml',
    '.nvmrc',
    '.node-version',
  ];
  // A lock file fixes what is installed, but workspaces and install scripts stand in the manifests.
  const manifests = files.paths.filter(
    (path) =>
      baseName(path) === 'package.json' &&
      !path.includes('node_modules/') &&
      (workspaces || path === 'package.json'),
  );
  return {
    commands: [command],
    // node_modules is known by its name wherever it lies; Plug'n'Play keeps its map beside the lock file.
    keep: ['node_modules', ...(berry ? ['.yarn'] : [])],
    homeCaches: homeCachesOf(manager, berry),
    lockFiles: [
      ...(lockFile === null ? [] : [lockFile]),
      ...manifests,
      ...settings.filter((path) => files.paths.includes(path)),
    ],
    toolVersions: ['node --version', `${manager} --version`],
    withoutScripts: [withoutScripts(command, manager, berry)],
    runsOwnCode:
      manifests.length > 1 ||
      OWN_SCRIPTS.some((name) => name in json.scripts) ||
      OWN_HOOKS.some((path) => files.paths.includes(path)),
    why: lockFile ?? 'package.json',
  };
}
