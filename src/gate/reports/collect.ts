/**
 * Report files out of a checkout in which foreign code has run: hostile input. No link is followed, and files,
 * bytes and entries are bounded. A report only names; whether a check passed is its exit code alone.
 */
import { constants } from 'node:fs';
import { lstat, mkdir, open as openFile, opendir, rm } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';
import { shellWord } from '../../job/text/shell.ts';
import { createTally, type RanTests } from './ran.ts';
import { readReportText } from './report-text.ts';

/** Folders of the host where what a check writes appears. */
export interface Folders {
  readonly workspace: string;
  /** Folders that the sandbox shows below it, where it is copy-on-write; topmost first. */
  readonly below: readonly string[];
  readonly home: string;
}

/** Most report files of one check. */
const MAX_FILES = 2000;
/** Bytes of all report files of one check together. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Most directory entries that are looked at for one check. */
const MAX_ENTRIES = 50_000;
const MAX_DEPTH = 12;
/** Below HOME, so that a checkout stays as clean as it was. */
const FOLDER = '.agent-runner-reports';
const PYTEST_FILE = 'pytest.xml';
/** What Surefire, Failsafe and Gradle write without being asked. */
const JVM_REPORTS: readonly string[] = [
  '**/target/surefire-reports/TEST-*.xml',
  '**/target/failsafe-reports/TEST-*.xml',
  '**/build/test-results/**/*.xml',
];
const JVM_FILES: readonly string[] = [
  'pom.xml',
  'build.gradle',
  'build.gradle.kts',
  'settings.gradle',
  'settings.gradle.kts',
];
const UNSEARCHED = /^(?:\.git|node_modules|\.venv|\.gradle|__pycache__|src)$/;

/** Reports of one run of a check: how to ask for them, and what they say. */
export interface Reports {
  /**
   * Environment that makes runners write a report and changes nothing else. Only pytest has such a variable:
   * `NODE_OPTIONS=--test-reporter` replaces what is printed, fails beside a reporter that the command itself
   * names, and stops a Node that does not know it; `GOFLAGS=-json` lets `go vet` pass with findings.
   */
  readonly env: Readonly<Record<string, string>>;
  /** What the reports say that were written since; `null` when there is none, or none can be read. */
  read(): Promise<RanTests | null>;
}

/** The file's own time, and whether it is a plain file that is reached without a link. */
async function timeOf(
  root: string,
  path: string,
): Promise<{ ino: number; dev: number; mtimeMs: number } | null> {
  const parts = path.split('/');
  for (let length = 1; length <= parts.length; length++) {
    const found = await lstat(join(root, ...parts.slice(0, length))).catch(() => null);
    if (found === null) return null;
    if (length === parts.length) return found.isFile() ? found : null;
    if (!found.isDirectory()) return null;
  }
  return null;
}

/** The text of a file below `root` that is newer than `sinceMs` and reached without a link; `null` otherwise. */
async function readNewer(
  root: string,
  path: string,
  sinceMs: number,
  maxBytes: number,
): Promise<string | null> {
  const seen = await timeOf(root, path);
  if (seen === null || seen.mtimeMs <= sinceMs) return null;
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await openFile(join(root, path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => null);
  if (file === null) return null;
  try {
    const now = await file.stat();
    // A folder above it may have become a link since: then this is another file.
    if (!now.isFile() || now.ino !== seen.ino || now.dev !== seen.dev || now.size > maxBytes) return null;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(now.size), 0, now.size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

/** Paths below `root` that match one of the globs, in no order; links are not entered. */
async function search(root: string, globs: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  const folders = [''];
  let left = MAX_ENTRIES;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const handle = await opendir(join(root, folder)).catch(() => null);
    if (handle === null) continue;
    for await (const entry of handle) {
      if (left-- <= 0 || found.length >= MAX_FILES) return found;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!UNSEARCHED.test(entry.name) && path.split('/').length < MAX_DEPTH) folders.push(path);
      } else if (entry.isFile() && globs.some((glob) => matchesGlob(path, glob))) found.push(path);
    }
  }
  return found;
}

async function isJvm({ workspace, below }: Folders): Promise<boolean> {
  const paths = [workspace, ...below].flatMap((root) => JVM_FILES.map((path) => [root, path] as const));
  const found = await Promise.all(paths.map(async ([root, path]) => timeOf(root, path)));
  return found.some((file) => file !== null);
}

async function pathsOf(folders: Folders, report: string | undefined): Promise<readonly string[]> {
  const { workspace } = folders;
  if (report !== undefined) return /[*?[\]{}]/.test(report) ? search(workspace, [report]) : [report];
  return (await isJvm(folders)) ? search(workspace, JVM_REPORTS) : [];
}

/**
 * Prepares for the reports of one run of a check.
 *
 * @param homePath where HOME appears to the command
 * @param env what the command runs with otherwise; its `PYTEST_ADDOPTS` is kept
 * @param report a path or glob inside the checkout that the repository's configuration names
 */
export async function expectReports(
  folders: Folders,
  homePath: string,
  env: Readonly<Record<string, string>>,
  report: string | undefined,
): Promise<Reports> {
  const own = join(folders.home, FOLDER);
  await rm(own, { recursive: true, force: true });
  await mkdir(own);
  // The file system's own clock, so that what comes later is later; a committed report is older.
  const sinceMs = (await lstat(own)).mtimeMs;
  const file = shellWord(`${homePath.replace(/\/+$/, '')}/${FOLDER}/${PYTEST_FILE}`);
  return {
    env: { PYTEST_ADDOPTS: `${env['PYTEST_ADDOPTS'] ?? ''} --junitxml=${file}`.trim() },
    async read() {
      const tally = createTally();
      let leftBytes = MAX_BYTES;
      const take = async (root: string, path: string): Promise<void> => {
        const text = await readNewer(root, path, sinceMs, leftBytes);
        if (text === null) return;
        leftBytes -= Buffer.byteLength(text);
        readReportText(text, tally);
      };
      const named = (await pathsOf(folders, report)).toSorted();
      for (const path of named.slice(0, MAX_FILES)) await take(folders.workspace, path);
      if (tally.size() === 0) await take(folders.home, `${FOLDER}/${PYTEST_FILE}`);
      return tally.done('report', null);
    },
  };
}
