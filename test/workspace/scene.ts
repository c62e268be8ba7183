/** A real repository in a fresh folder, and the rooms' own git on it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { OverlayMode } from '../../src/sandbox/sandbox.ts';
import { createGit, type Git } from '../../src/workspace/git.ts';
import { createLayout, type JobPaths, type Layout, type RepoPaths } from '../../src/workspace/layout.ts';
import type { Base } from '../../src/workspace/remote/listing.ts';
import { fetchBase } from '../../src/workspace/remote/mirror.ts';
import {
  createWorkingCopy,
  type WorkingCopy,
  type WorkingCopyOptions,
} from '../../src/workspace/copy/working-copy.ts';

export const AUTHOR = { name: 'Test', email: 'test@example.org' };

/** Plain git with a clean environment, for what a person would do. */
export function sh(cwd: string, ...args: string[]): string {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Person',
    GIT_AUTHOR_EMAIL: 'person@example.org',
    GIT_COMMITTER_NAME: 'Person',
    GIT_COMMITTER_EMAIL: 'person@example.org',
  };
  return execFileSync('git', args, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trimEnd();
}

export function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** For `sh`: a file that lies deeper than the system can name, so that only a step-by-step removal reaches it. */
export const BURY =
  'long=$(printf "%0200d" 0); (for _ in $(seq 30); do mkdir "$long" && cd -P "$long" || exit 1; done; echo x > deep.txt)';

/** For `sh`: twenty folders in each other with a file and a link in each, of which the deepest can't be named. */
export const DESCEND =
  'long=$(printf "%0200d" 0); name=$(printf "%0250d" 0); (for _ in $(seq 20); do mkdir "$long" && cd -P "$long" && echo x > "f$name" && ln -s x "l$name" || exit 1; done)';

/** Makes a repository with one commit on `main`. */
export function makeRepository(folder: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true });
  sh(folder, 'init', '--quiet', '--initial-branch=main');
  write(folder, files);
  sh(folder, 'add', '--all');
  sh(folder, 'commit', '--quiet', '--message', 'first');
  return folder;
}

export interface Scene {
  readonly root: string;
  readonly repo: string;
  readonly git: Git;
  readonly layout: Layout;
  readonly repoPaths: RepoPaths;
  job(id: string): JobPaths;
  /** Fetches the base and opens a working copy at it. */
  open(
    jobId: string,
    wanted?: string,
    overlay?: OverlayMode | null,
  ): Promise<{ base: Base; copy: WorkingCopy; options: WorkingCopyOptions }>;
  remove(): void;
}

/** Sets a scene with a repository of the given files. */
export function setScene(
  files: Readonly<Record<string, string>> = { 'a.txt': 'one\n', 'dir/b.txt': 'two\n' },
): Scene {
  const root = mkdtempSync(join(tmpdir(), 'agent-runner-test-'));
  const repo = makeRepository(join(root, 'repo'), files);
  const git = createGit({ path: process.env['PATH'] ?? '', home: homedir(), network: {} });
  const layout = createLayout(join(root, 'home'));
  const repoPaths = layout.repo(repo);
  return {
    root,
    repo,
    git,
    layout,
    repoPaths,
    job: (id) => layout.job(id),
    async open(jobId, wanted, overlay = null) {
      const base = await fetchBase(git, repoPaths, { url: repo, kind: 'checkout' }, wanted ?? null, jobId);
      const options: WorkingCopyOptions = {
        git,
        paths: layout.job(jobId),
        repo: repoPaths,
        baseSha: base.sha,
        branch: `bot/${jobId}`,
        author: AUTHOR,
        canMount: false,
        overlay,
      };
      return { base, copy: await createWorkingCopy(options), options };
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
