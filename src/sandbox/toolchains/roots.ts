/** Which directory has to be visible so that a program works, without showing what else lies around it. */
import { access, constants, lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { isInside, isKernelPath, isSystemPath } from '../bubblewrap/mounts.ts';

/** Parts of an installation; a directory below home is shown by these parts alone, for it may hold credentials. */
const PARTS = ['bin', 'lib', 'lib64', 'libexec', 'include', 'share', 'node_modules', 'package.json'];
/** Toolchains that know their root by one of these files, next to `bin`: Go, a JDK, a Python environment. */
const WHOLE_MARKS = [['VERSION', 'pkg/tool'], ['release', 'lib/modules'], ['pyvenv.cfg']];
const PACKAGE_MARKS = ['package.json', 'pyproject.toml', '.git'];
/** Directories of managers below home that hold tools and no credentials, and what may be shown of them. */
const MANAGERS: Readonly<Record<string, readonly string[]>> = {
  '.pyenv': ['.'],
  '.asdf': ['.'],
  '.volta': ['.'],
  '.bun': ['.'],
  '.deno': ['.'],
  '.rbenv': ['.'],
  '.nodenv': ['.'],
  '.linuxbrew': ['.'],
  '.sdkman': ['candidates'],
  '.nvm': ['versions', 'alias'],
  '.rustup': ['.'],
  '.cargo': ['bin'],
  go: ['bin'],
  '.local/share/uv': ['tools', 'python'],
  '.local/share/pipx': ['venvs', 'shared', 'py'],
  '.local/pipx': ['venvs', 'shared', 'py'],
  '.local/share/mise': ['installs', 'shims'],
  '.local/share/rtx': ['installs', 'shims'],
  '.local/share/claude': ['versions'],
  '.local/share/fnm': ['node-versions', 'aliases'],
  '.local/share/pnpm': ['.'],
  '.fnm': ['node-versions', 'aliases'],
};

/** Whether something exists at a path. */
export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

/** Whether a path is a file that may be executed. */
export async function isProgram(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() !== true) return false;
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Whether a directory may be shown as a whole: not home, nothing above it, no place of the kernel. */
export function isShowable(path: string, home: string): boolean {
  const isBroad = [
    '/',
    '/home',
    '/root',
    '/tmp',
    '/var',
    '/var/lib',
    '/var/tmp',
    '/opt',
    '/etc',
    '/mnt',
    '/srv',
  ].includes(path);
  return !isBroad && !isInside(home, path) && !isKernelPath(path);
}

/** `isShowable` for what a path really is as well. */
export async function isReallyShowable(path: string, home: string): Promise<boolean> {
  const [real, realHome] = await Promise.all([path, home].map((one) => realpath(one).catch(() => one)));
  return isShowable(path, home) && isShowable(real ?? path, realHome ?? home);
}

async function existing(root: string, names: readonly string[]): Promise<readonly string[]> {
  const paths = names.map((name) => (name === '.' ? root : join(root, name)));
  const found = await Promise.all(paths.map(exists));
  return paths.filter((_, at) => found[at]);
}

/** What a known manager of tools below home needs, when `path` lies in it; null for a path of nobody known. */
export async function managerRoots(path: string, home: string): Promise<readonly string[] | null> {
  for (const [name, parts] of Object.entries(MANAGERS)) {
    const root = join(home, name);
    if (isInside(path, root)) return existing(root, parts);
  }
  return null;
}

async function isWhole(root: string): Promise<boolean> {
  for (const marks of WHOLE_MARKS) {
    const found = await Promise.all(marks.map((mark) => exists(join(root, mark))));
    if (found.every(Boolean)) return true;
  }
  return false;
}

/**
 * What must be visible for the programs of one directory of PATH. For `X/bin` that is `X`, if `X` is a tool of
 * its own; directly below home, or in a repository, only the parts of an installation.
 */
export async function directoryRoots(directory: string, home: string): Promise<readonly string[]> {
  if (isSystemPath(directory) || !isShowable(directory, home)) return [];
  const managed = await managerRoots(directory, home);
  if (managed !== null) return managed;
  const root = dirname(directory);
  // ~/.local/share holds the logins of agents; what its programs need is found by their links.
  if (root === join(home, '.local')) return [directory];
  if (basename(directory) !== 'bin' || !isShowable(root, home)) return [directory];
  if (await isWhole(root)) return [root];
  const isPersonal = isInside(root, home) && (dirname(root) === home || (await exists(join(root, '.git'))));
  return isPersonal ? existing(root, PARTS) : [root];
}

/**
 * What must be visible for one file: the outermost `node_modules` it lies in (packages load their neighbours),
 * else the nearest directory that is a package or repository, else the file alone. Never home or above it.
 */
export async function packageRoot(file: string, home: string): Promise<string> {
  const words = file.split(sep);
  const at = words.indexOf('node_modules');
  if (at > 0) {
    const modules = words.slice(0, at + 1).join(sep);
    if (isShowable(modules, home)) return modules;
  }
  for (let directory = dirname(file); isShowable(directory, home); directory = dirname(directory)) {
    const marks = await Promise.all(PACKAGE_MARKS.map((mark) => exists(join(directory, mark))));
    if (marks.some(Boolean)) return directory;
    if (directory === dirname(directory)) break;
  }
  return file;
}

/** What a program needs to be found and to work: its link, and what the link leads to. System paths need nothing. */
export async function programRoots(path: string, home: string): Promise<readonly string[]> {
  const real = await realpath(path);
  const roots: string[] = [];
  if ((await lstat(path)).isSymbolicLink()) roots.push(path);
  if (!isSystemPath(real))
    roots.push(...((await managerRoots(real, home)) ?? [await packageRoot(real, home)]));
  // Home can itself be reached through a link; the program is called by the name it was found under.
  if (real !== path && roots.length > 0 && roots[0] !== path && !isSystemPath(path)) roots.push(path);
  return roots;
}

/** Sorted, each path once, and none that lies in another. */
export function prune(paths: Iterable<string>): readonly string[] {
  const kept: string[] = [];
  for (const path of [...new Set(paths)].sort()) {
    if (!kept.some((one) => isInside(path, one))) kept.push(path);
  }
  return kept;
}
