/** Judging what a caller wants to see in a sandbox: which paths may appear, where, and in which order. */
// A look at a path takes microseconds, and ten times that by way of a promise: a sandbox needs forty.
import { lstatSync, realpathSync, statSync, type Stats } from 'node:fs';
import { lstat, mkdir, open, stat } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { isAbsolute, join, posix } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { Layers, SandboxOptions } from '../sandbox.ts';

/** Where the working copy and HOME appear in sandboxes that can mount. */
export const WORKSPACE_PATH = '/workspace';
export const HOME_PATH = '/home/agent';

/** One line of the plan. `link`: a symbolic link, whose `source` is what it points to. */
export interface Placement {
  readonly kind: 'ro' | 'rw' | 'link';
  readonly source: string;
  readonly target: string;
  /** How messages call it. */
  readonly field: string;
  /** What a copy-on-write `source` shows, the writable folder first. */
  readonly layers?: readonly string[];
}

function layersOf(layers: Layers | undefined): Pick<Placement, 'layers'> {
  return layers === undefined ? {} : { layers: [layers.upper, ...layers.lower] };
}

/** Holding sockets, devices, other users' files or credentials: never shown as a whole. */
const NEVER_WHOLE = [
  '/',
  '/boot',
  '/etc',
  '/home',
  '/media',
  '/mnt',
  '/root',
  '/srv',
  '/var',
  '/var/lib',
  '/var/run',
];
/** Not even parts of these are shown: kernel interfaces and the sockets of services. */
const NEVER_INSIDE = ['/dev', '/proc', '/run', '/sys', '/var/run'];
/** The system's own programs; they are always visible, and nothing can be placed in them. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store'];

/** Whether `path` is `directory` or lies in it. Both are absolute and normalised. */
export function isInside(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`);
}

/** Whether a path belongs to the system part that every sandbox sees. */
export function isSystemPath(path: string): boolean {
  return SYSTEM.some((directory) => isInside(path, directory));
}

/** Whether a path lies where kernel interfaces and sockets are. */
export function isKernelPath(path: string): boolean {
  return NEVER_INSIDE.some((directory) => isInside(path, directory));
}

/** The home directories of this user, by account and by environment. */
export function userHomes(): readonly string[] {
  const homes = [homedir()];
  try {
    homes.push(userInfo().homedir);
  } catch {
    // The account has no entry in the user database, as in some containers.
  }
  return [...new Set(homes.filter((home) => isAbsolute(home) && home !== '/'))];
}

function refuse(field: string, message: string, hint: string): never {
  throw new JobError('bad_configuration', `${field}: ${message}`, { hint });
}

function requireAbsolute(field: string, path: string): void {
  if (isAbsolute(path) && posix.normalize(path) === path && !path.includes('\0')) return;
  refuse(
    field,
    `${JSON.stringify(path)} is not allowed (allowed: an absolute path without . and ..)`,
    'write the whole path',
  );
}

/** Throws `bad_configuration`, naming `field`, unless `path` is an absolute path of a directory. */
export function requireDirectory(field: string, path: string): void {
  requireAbsolute(field, path);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true)
    refuse(field, `${path} is not a directory`, 'create it, or name another one');
}

/** Throws `bad_configuration`, naming `field`, unless `path` is an absolute path that exists. */
export function requireReadable(field: string, path: string): void {
  requireAbsolute(field, path);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined)
    refuse(field, `${path} does not exist`, 'install or create it, or take it out of sandbox.ro_paths');
}

function reallyAt(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Paths whose ancestors must not be shown: they would show the user's home or other jobs' work as well. */
function hiddenPaths(options: SandboxOptions): readonly string[] {
  const paths = [...userHomes(), options.workspace, options.home];
  return [...new Set([...paths, ...paths.map(reallyAt)])];
}

function requireShowable(field: string, path: string, hidden: readonly string[]): void {
  requireReadable(field, path);
  const real = realpathSync(path);
  for (const name of new Set([path, real])) {
    const shown = name === path ? path : `${path} (really ${name})`;
    if (isKernelPath(name))
      refuse(
        field,
        `${shown} can't be shown in a sandbox`,
        'kernel interfaces and service sockets stay outside',
      );
    if (NEVER_WHOLE.includes(name))
      refuse(field, `${shown} can't be shown as a whole`, 'name the directory or file in it that is needed');
    const reveals = hidden.find((one) => isInside(one, name));
    if (reveals !== undefined) {
      refuse(
        field,
        `${shown} can't be shown, because it holds ${reveals}`,
        'name the directory or file in it that is needed',
      );
    }
  }
  const found = statSync(real);
  if (!found.isFile() && !found.isDirectory()) {
    refuse(
      field,
      `${path} is neither a file nor a directory (sockets and devices stay outside)`,
      'take it out',
    );
  }
}

function requireTarget(field: string, target: string): void {
  requireAbsolute(field, target);
  const taken = ['/', '/etc', '/home', '/tmp', '/var', '/var/tmp', WORKSPACE_PATH, HOME_PATH].includes(
    target,
  );
  if (taken || isKernelPath(target) || isSystemPath(target)) {
    refuse(
      field,
      `nothing can be mounted at ${target}`,
      `mount it inside ${WORKSPACE_PATH}, or at a place of its own`,
    );
  }
}

/** A path that must be readable at the same place. A link stays a link, so that programs find their package. */
function placeReadOnly(field: string, path: string): readonly Placement[] {
  const real = realpathSync(path);
  if (lstatSync(path).isSymbolicLink()) {
    const link = { kind: 'link', source: real, target: path, field } as const;
    return isSystemPath(real) ? [link] : [link, { kind: 'ro', source: real, target: real, field }];
  }
  return [{ kind: 'ro', source: path, target: path, field }];
}

const depth = (path: string): number => path.split('/').length;

/** Parents before children; what a read-only parent shows already is left out. */
function arrange(placements: readonly Placement[]): readonly Placement[] {
  const arranged: Placement[] = [];
  for (const next of [...placements].sort((a, b) => depth(a.target) - depth(b.target))) {
    const parent = arranged.findLast((one) => one.kind !== 'link' && isInside(next.target, one.target));
    const isShown =
      parent !== undefined &&
      parent.kind === 'ro' &&
      (next.kind === 'link' ||
        (next.kind === 'ro' && next.source === next.target && parent.source === parent.target));
    const isTwice = arranged.some((one) => one.target === next.target && one.source === next.source);
    if (isShown || isTwice) continue;
    // A link made in a writable place would stay there, and be in the way of the next command.
    const isLasting = next.kind === 'link' && parent !== undefined;
    arranged.push(isLasting ? { ...next, kind: 'ro' } : next);
  }
  return arranged;
}

/**
 * Turns what a caller asked for into an ordered list. Throws `bad_configuration`, naming the field, for what
 * does not exist, for places that are taken, and for whatever would show kernel interfaces, sockets, the
 * user's home or other jobs' work.
 */
export function planMounts(options: SandboxOptions): readonly Placement[] {
  requireDirectory('workspace', options.workspace);
  requireDirectory('home', options.home);
  const hidden = hiddenPaths(options);
  const placements: Placement[] = [
    {
      kind: options.readOnlyWorkspace === true ? 'ro' : 'rw',
      source: options.workspace,
      target: WORKSPACE_PATH,
      field: 'workspace',
      ...layersOf(options.workspaceLayers),
    },
    {
      kind: 'rw',
      source: options.home,
      target: HOME_PATH,
      field: 'home',
      ...layersOf(options.homeLayers),
    },
  ];
  const targets = new Set<string>();
  for (const [at, mount] of (options.mounts ?? []).entries()) {
    const field = `mounts[${at}]`;
    requireShowable(`${field}.source`, mount.source, hidden);
    requireTarget(`${field}.target`, mount.target);
    if (targets.has(mount.target))
      refuse(`${field}.target`, `${mount.target} is taken by another mount`, 'use another place');
    targets.add(mount.target);
    placements.push({ kind: mount.mode, source: mount.source, target: mount.target, field });
  }
  for (const [at, path] of (options.readOnlyPaths ?? []).entries()) {
    const field = `readOnlyPaths[${at}]`;
    requireShowable(field, path, hidden);
    if (isSystemPath(path) || targets.has(path)) continue;
    placements.push(...placeReadOnly(field, path));
  }
  return arrange(placements);
}

/** What the first of some paths that exists is, itself and not what it links to. */
async function lookUp(paths: readonly string[]): Promise<Stats | null> {
  for (const path of paths) {
    const found = await lstat(path).catch(() => null);
    if (found !== null) return found;
  }
  return null;
}

/** Creates an empty file or directory to mount on. */
async function createMountPoint(path: string, isDirectory: boolean): Promise<void> {
  if (isDirectory) await mkdir(path);
  else await (await open(path, 'wx')).close();
}

/**
 * Makes sure that nested mounts have a place to be mounted on. bubblewrap follows symbolic links there, and the
 * workspace belongs to an agent: a link on the way is refused, so that nothing is created elsewhere. Called
 * before every command.
 */
export async function prepareMountPoints(placements: readonly Placement[]): Promise<void> {
  for (const [at, one] of placements.entries()) {
    const parent = placements
      .slice(0, at)
      .findLast((before) => before.kind !== 'link' && isInside(one.target, before.target));
    if (parent === undefined) continue;
    const isDirectory = one.kind !== 'link' && (await stat(one.source)).isDirectory();
    const ours = parent.kind === 'rw' || parent.field === 'workspace';
    const words = posix.relative(parent.target, one.target).split('/');
    const [writable, ...shown] = parent.layers ?? [parent.source];
    let path = writable ?? parent.source;
    let inner = '';
    for (const [index, word] of words.entries()) {
      path = join(path, word);
      inner = join(inner, word);
      const isLast = index === words.length - 1;
      const found = await lookUp([path, ...shown.map((layer) => join(layer, inner))]);
      if (found?.isSymbolicLink() === true) {
        refuse(
          one.field,
          `${path} is a symbolic link, and something must be mounted there`,
          'remove the link',
        );
      }
      // A folder of a lower layer needs its twin in the writable one only where something is made in it.
      if (found !== null && (!isLast || found.isDirectory() === isDirectory)) {
        if (!isLast && shown.length > 0) await mkdir(path, { recursive: true });
        continue;
      }
      if (found !== null)
        refuse(one.field, `${path} is in the way of the mount at ${one.target}`, 'remove it');
      if (!ours)
        refuse(one.field, `${path} does not exist, and ${parent.target} is read-only`, 'create it first');
      if (one.kind !== 'link' || !isLast) await createMountPoint(path, !isLast || isDirectory);
    }
  }
}
