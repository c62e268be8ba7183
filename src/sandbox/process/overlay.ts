/**
 * Copy-on-write folders by overlayfs: what is written goes to an upper folder, the lower ones are shared and
 * never change. A mount lives in the mount namespace of the one command that needs it, so that nothing of it
 * outlives a killed process and nothing has to be cleaned up. Measured: about 3 ms a command, and a tree of
 * 27,000 files appears in 7 ms where a checkout takes a second.
 */
import { access, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess } from '../process.ts';

/** `root`: mounted as root; `user`: in a user namespace of our own. Both mark deletions differently. */
export type OverlayMode = 'root' | 'user';

/** What a copy-on-write folder is made of. All paths are absolute, and safe for `isMountable`. */
export interface Layers {
  readonly mode: OverlayMode;
  /** Read-only folders, the uppermost first. */
  readonly lower: readonly string[];
  /**
   * Receives everything that is written. Empty at first; of one working copy, used by one command at a time:
   * a second mount empties the scratch folder of the first.
   */
  readonly upper: string;
  /** Scratch of the kernel, empty, on the same file system as `upper`. */
  readonly work: string;
}

/** Layers and the empty folder where they appear together. */
export interface OverlayMount {
  readonly layers: Layers;
  readonly target: string;
  /** To look only: nothing is written, and any number of these may be mounted beside each other. */
  readonly readOnly?: boolean;
}

const PROBE_TIMEOUT_MS = 10_000;
const PROBE_MAX_BYTES = 16 * 1024;
const PROGRAMS = ['/usr/bin/unshare', '/bin/unshare'];
/** The kernel takes options of one page. */
const MAX_OPTIONS_BYTES = 4000;

/** Mounts pairs of options and folder, up to `--`, and then becomes the command that follows. */
const SCRIPT = `while [ "$1" != -- ]; do
  PATH=/usr/sbin:/usr/bin:/sbin:/bin mount -t overlay -o "$1" overlay "$2" || exit 125
  shift 2
done
shift
cd "$1" || exit 125
shift
exec "$@"`;

/** Whether a path can be named in mount options: separators of theirs can't be in it. */
export function isMountable(path: string): boolean {
  return path.startsWith('/') && !/[:,\\\s"'\p{Cc}]/u.test(path);
}

function optionsOf({ mode, lower, upper, work }: Layers, readOnly: boolean): string {
  const plain = readOnly
    ? `lowerdir=${[upper, ...lower].join(':')}`
    : `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work}`;
  // Renamed folders and changed modes are copied whole: the upper folder is read without the mount.
  return mode === 'user' ? `${plain},userxattr` : `${plain},index=off,redirect_dir=off,metacopy=off`;
}

/**
 * The command that runs `argv` with the mounts in place, in `cwd`. It exits with 125 when one can't be mounted.
 *
 * @param mounts all of one mode, at least one
 */
export function withOverlays(
  mounts: readonly [OverlayMount, ...OverlayMount[]],
  cwd: string,
  argv: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  const namespaces = mounts[0].layers.mode === 'user' ? ['-Urm'] : ['-m'];
  const pairs = mounts.flatMap(({ layers, target, readOnly = false }) => [
    optionsOf(layers, readOnly),
    target,
  ]);
  return ['unshare', ...namespaces, '--', '/bin/sh', '-c', SCRIPT, 'sh', ...pairs, '--', cwd, ...argv];
}

async function works(mode: OverlayMode, folder: string): Promise<boolean> {
  const [lower, upper, work, target] = ['lower', 'upper', 'work', 'merged'].map((name) =>
    join(folder, mode, name),
  ) as [string, string, string, string];
  for (const path of [lower, upper, work, target]) await mkdir(path, { recursive: true });
  await writeFile(join(lower, 'a'), 'lower');
  await writeFile(join(lower, 'b'), 'lower');
  const layers: Layers = { mode, lower: [lower], upper, work };
  const script = 'test "$(cat a)" = lower && echo upper > a && rm b && mkdir c && test ! -e b';
  const result = await runProcess(withOverlays([{ layers, target }], target, ['/bin/sh', '-c', script]), {
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    timeoutMs: PROBE_TIMEOUT_MS,
    maxBytes: PROBE_MAX_BYTES,
  });
  if (result.end !== 'exited' || result.exitCode !== 0) return false;
  const written = await readFile(join(upper, 'a'), 'utf8').catch(() => '');
  const deleted = await stat(join(upper, 'b')).catch(() => null);
  const kept = await readFile(join(lower, 'a'), 'utf8').catch(() => '');
  return written === 'upper\n' && deleted?.isCharacterDevice() === true && kept === 'lower';
}

const probed = new Map<string, Promise<OverlayMode | null>>();

/**
 * How copy-on-write folders can be made below `folder`, tried with real ones, once a process; `null` where they
 * can't: another system, a folder that lies on an overlay itself, or no right to mount.
 */
export async function probeOverlay(folder: string): Promise<OverlayMode | null> {
  const known = probed.get(folder) ?? tryOverlay(folder);
  probed.set(folder, known);
  return known;
}

async function tryOverlay(folder: string): Promise<OverlayMode | null> {
  if (process.platform !== 'linux' || !isMountable(folder)) return null;
  const found = await Promise.all(
    PROGRAMS.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (!found.includes(true)) return null;
  const place = await mkdtemp(join(folder, '.probe-')).catch(() => null);
  if (place === null) return null;
  try {
    for (const mode of ['root', 'user'] as const) {
      if (mode === 'root' && process.getuid?.() !== 0) continue;
      if (await works(mode, place)) return mode;
    }
    return null;
  } catch {
    return null;
  } finally {
    await rm(place, { recursive: true, force: true }).catch(() => {});
  }
}

/** Whether layers can be mounted as they are named. */
export function fitsMount(layers: Layers): boolean {
  const paths = [...layers.lower, layers.upper, layers.work];
  return paths.every(isMountable) && Buffer.byteLength(optionsOf(layers, false)) < MAX_OPTIONS_BYTES;
}
