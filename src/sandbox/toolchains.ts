/** Which paths outside the system a sandbox must show so that the user's toolchains and agents work in it. */
import { open, readdir, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, normalize, resolve } from 'node:path';
import { isKernelPath, isSystemPath } from './bubblewrap/mounts.ts';
import {
  directoryRoots,
  exists,
  isProgram,
  isReallyShowable,
  isShowable,
  programRoots,
  prune,
} from './toolchains/roots.ts';
import { splitWords } from './toolchains/words.ts';

/** Entries of one directory that are looked at; a directory of programs has fewer. */
const MAX_ENTRIES = 5_000;
const MAX_WORDS = 200;
const SHEBANG_BYTES = 256;
/** Places that programs can't be run from without services or another system. */
const FOREIGN = /^\/(?:snap|var\/lib\/(?:snapd|flatpak)|mnt\/[a-z])(?:\/|$)/;
/** Variables that lead tools to their files when HOME is another one. CARGO_HOME is not among them: it has credentials. */
const VARIABLES: readonly (readonly [name: string, path: string])[] = [
  ['RUSTUP_HOME', '.rustup'],
  ['PYENV_ROOT', '.pyenv'],
  ['ASDF_DIR', '.asdf'],
  ['ASDF_DATA_DIR', '.asdf'],
  ['VOLTA_HOME', '.volta'],
  ['RBENV_ROOT', '.rbenv'],
  ['NODENV_ROOT', '.nodenv'],
  ['BUN_INSTALL', '.bun'],
  ['MISE_DATA_DIR', '.local/share/mise'],
  ['JAVA_HOME', '.sdkman/candidates/java/current'],
];

/** What toolchains need. */
export interface Toolchains {
  /** Existing paths to show at the same place; none twice, none inside another. */
  readonly readOnlyPaths: readonly string[];
  /** What those tools need to be told because HOME changes. */
  readonly env: Readonly<Record<string, string>>;
  /** The user's PATH without what a sandbox can't show, in the same order. */
  readonly path: string;
}

/** Programs in a directory that are links to somewhere else, as paths of what they lead to. */
async function linkedRoots(directory: string, home: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const links = entries.slice(0, MAX_ENTRIES).filter((entry) => entry.isSymbolicLink());
  const roots: string[] = [];
  for (const { name } of links) {
    const path = join(directory, name);
    if (!(await isProgram(path))) continue;
    // The link itself lies in a directory that is shown.
    for (const root of await programRoots(path, home)) if (root !== path) roots.push(root);
  }
  return roots;
}

async function keepShowable(paths: readonly string[], home: string): Promise<readonly string[]> {
  const kept = await Promise.all(paths.map((path) => isReallyShowable(path, home)));
  return paths.filter((_, at) => kept[at]);
}

/** One directory of PATH: what to show, and under which name it can be searched. */
async function searchDirectory(
  directory: string,
  home: string,
): Promise<{ readonly name: string; readonly roots: readonly string[] } | null> {
  const real = await realpath(directory).catch(() => null);
  if (real === null || FOREIGN.test(directory) || FOREIGN.test(real)) return null;
  if (isSystemPath(real)) {
    // A link from elsewhere to the system is searched under its real name, which every sandbox has.
    return { name: isSystemPath(directory) ? directory : real, roots: [] };
  }
  // fnm keeps its choice under /run, where sandboxes see nothing of the host.
  const name = isKernelPath(directory) ? real : directory;
  const realHome = await realpath(home).catch(() => home);
  if (!isShowable(real, realHome)) return null;
  const roots = [...(await directoryRoots(name, home)), ...(await directoryRoots(real, realHome))];
  if (roots.length === 0) return null;
  return { name, roots: [...roots, ...(await linkedRoots(real, realHome))] };
}

/**
 * Finds the toolchains that the user's PATH leads to outside the system: version managers (nvm, rustup, pyenv,
 * sdkman, asdf, mise, volta, fnm …), /opt, /nix and plain `X/bin` directories. `home` is the user's; neither it
 * nor anything above it is ever returned.
 */
export async function toolchainPaths(options: {
  readonly path: string;
  readonly home: string;
}): Promise<Toolchains> {
  const home = normalize(options.home).replace(/(.)\/+$/, '$1');
  const entries = options.path
    .split(delimiter)
    .filter(isAbsolute)
    .map((entry) => normalize(entry).replace(/(.)\/+$/, '$1'));
  const found: string[] = [];
  const search: string[] = [];
  for (const entry of new Set(entries)) {
    const directory = await searchDirectory(entry, home);
    if (directory === null) continue;
    search.push(directory.name);
    found.push(...directory.roots);
  }
  // cargo's programs are links to rustup's proxy, which runs the toolchains below RUSTUP_HOME.
  const rustup = join(home, '.rustup');
  if (found.some((path) => path === join(home, '.cargo/bin')) && (await exists(rustup))) found.push(rustup);
  const userBase = join(home, '.local');
  const hasUserBase = search.includes(join(userBase, 'bin')) && (await exists(join(userBase, 'lib')));
  if (hasUserBase) found.push(join(userBase, 'lib'));
  const readOnlyPaths = prune(await keepShowable(found, home));
  const env: Record<string, string> = hasUserBase ? { PYTHONUSERBASE: userBase } : {};
  for (const [name, path] of VARIABLES) {
    const place = join(home, path);
    const isShown = readOnlyPaths.some(
      (shown) => place === shown || place.startsWith(`${shown}/`) || shown.startsWith(`${place}/`),
    );
    if (isShown && (await exists(place))) env[name] = place;
  }
  return { readOnlyPaths, env, path: search.join(delimiter) };
}

/** Where a command line looks for its programs. */
export interface ProgramOptions {
  /** The user's PATH. */
  readonly path: string;
  /** Directory that relative paths start from. */
  readonly cwd: string;
  /** The user's home; this account's when absent. */
  readonly home?: string;
}

async function findOnPath(name: string, path: string): Promise<string | null> {
  for (const directory of path.split(delimiter).filter(isAbsolute)) {
    const candidate = join(directory, name);
    if (await isProgram(candidate)) return candidate;
  }
  return null;
}

/** The interpreter that a script names in its first line, where it is not one of the system. */
async function interpreterOf(file: string): Promise<string | null> {
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) return null;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SHEBANG_BYTES), 0, SHEBANG_BYTES, 0);
    const program = /^#! *(\/[^\s]+)/.exec(buffer.toString('utf8', 0, bytesRead))?.[1];
    return program !== undefined && !isSystemPath(program) && (await isProgram(program)) ? program : null;
  } catch {
    return null; // a directory, or unreadable: then it has no interpreter that we could show
  } finally {
    await handle.close();
  }
}

/** What one existing path of a command line needs. */
async function pathRoots(path: string, home: string): Promise<readonly string[]> {
  const roots = [...(await programRoots(path, home))];
  const interpreter = await interpreterOf(path);
  if (interpreter !== null) {
    roots.push(
      ...(await directoryRoots(join(interpreter, '..'), home)),
      ...(await programRoots(interpreter, home)),
    );
    const real = await realpath(interpreter);
    roots.push(...(await directoryRoots(join(real, '..'), home)));
  }
  return roots;
}

/** The path that a word of a command line names, or null. Placeholders and system paths need nothing. */
function pathOfWord(word: string, home: string): string | null {
  const value = /^(?:--?[\w-]+=|\w+=)?(.*)$/s.exec(word)?.[1] ?? '';
  if (value.includes('{')) return null;
  const path = value === '~' || value.startsWith('~/') ? join(home, value.slice(1)) : value;
  if (!isAbsolute(path)) return null;
  const plain = normalize(path).replace(/(.)\/+$/, '$1');
  return isSystemPath(plain) || isKernelPath(plain) ? null : plain;
}

/**
 * Finds what a command line such as `python3 /x/agent.py --flag {prompt_file}` needs to see: its programs, on
 * PATH or by path, and every absolute or `~` path in it that exists, with their packages and interpreters.
 * `missing` names the programs that were not found. Never returns home or anything above it.
 */
export async function programPaths(
  command: string,
  options: ProgramOptions,
): Promise<{ readonly paths: readonly string[]; readonly missing: readonly string[] }> {
  const home = options.home ?? homedir();
  const found: string[] = [];
  const missing: string[] = [];
  for (const { text, isProgram: isFirst } of splitWords(command).slice(0, MAX_WORDS)) {
    const byPath =
      isFirst && text.includes('/') && !text.startsWith('~')
        ? resolve(options.cwd, text)
        : pathOfWord(text, home);
    const path = isFirst && !text.includes('/') ? await findOnPath(text, options.path) : byPath;
    if (path === null) {
      if (isFirst && !text.includes('{')) missing.push(text);
      continue;
    }
    // A path that is an argument may be one that the command is to make.
    if (!(await exists(path))) missing.push(...(isFirst ? [text] : []));
    else if (isFirst || isShowable(path, home)) found.push(...(await pathRoots(path, home)));
  }
  const paths = await keepShowable(found, home);
  return { paths: prune(paths.filter((path) => !isSystemPath(path))), missing };
}
