/** Where benches run, and the repositories they run on. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

/** Files in one folder of a made repository, and lines of a file: about 2 kB each, like real sources. */
const FILES_PER_FOLDER = 40;
const LINES_PER_FILE = 40;

/** The middle value. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** A folder that is removed after use. */
export interface BenchFolder {
  readonly path: string;
  /** `tmpfs`, or `disk` where nothing can be mounted: a disk's own mood is measured then, too. */
  readonly kind: 'tmpfs' | 'disk';
  remove(): void;
}

/** Makes an empty folder, in memory where this user may mount. */
export function openBenchFolder(): BenchFolder {
  const path = mkdtempSync(join(tmpdir(), 'agent-runner-bench-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8g', 'agent-runner-bench', path]);
  const isMounted = status === 0;
  return {
    path,
    kind: isMounted ? 'tmpfs' : 'disk',
    remove() {
      if (isMounted) spawnSync('umount', ['--lazy', path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** The machine and the versions that a figure belongs to. */
export function machine(): string {
  const git = execFileSync('git', ['--version'], { encoding: 'utf8' }).trim();
  const memory = (totalmem() / 1024 ** 3).toFixed(0);
  return `${cpus().length} × ${cpus()[0]?.model ?? '?'}, ${memory} GiB, Linux ${release()}, Node ${process.version}, ${git}`;
}

function constants(at: number): string {
  const line = (of: number): string =>
    `export const value${of} = ${at * LINES_PER_FILE + of}; // line ${of}\n`;
  return Array.from({ length: LINES_PER_FILE }, (_, of) => line(of)).join('');
}

/**
 * Makes a bare repository with one commit of `files` files below `folder`, and returns its path.
 *
 * @param textOf what stands in file `at`; forty lines by default
 */
export function makeRemote(
  folder: string,
  files: number,
  textOf: (at: number) => string = constants,
): string {
  const work = join(folder, 'work');
  const remote = join(folder, 'remote.git');
  const git = (...args: string[]): void => {
    execFileSync('git', ['-C', work, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
      stdio: 'ignore',
    });
  };
  for (let at = 0; at < files; at++) {
    const inFolder = at < FILES_PER_FOLDER ? 'src' : `src/part-${Math.floor(at / FILES_PER_FOLDER)}`;
    if (at % FILES_PER_FOLDER === 0) mkdirSync(join(work, inFolder), { recursive: true });
    writeFileSync(join(work, inFolder, `file-${at}.js`), textOf(at));
  }
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', work]);
  git('add', '-A');
  git('commit', '--quiet', '-m', 'Everything');
  execFileSync('git', ['clone', '--quiet', '--bare', work, remote], { stdio: 'ignore' });
  return remote;
}
