/** Clients of the test forge: Octokit, and git as a person runs it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Octokit } from '@octokit/core';
import { paginateRest } from '@octokit/plugin-paginate-rest';
import { restEndpointMethods } from '@octokit/plugin-rest-endpoint-methods';

const Client = Octokit.plugin(restEndpointMethods, paginateRest);
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** Octokit without retries: every answer is seen. */
export function octokit(baseUrl: string, token?: string): InstanceType<typeof Client> {
  return new Client({ baseUrl, log: SILENT, ...(token === undefined ? {} : { auth: token }) });
}

export interface Ran {
  readonly code: number;
  readonly out: string;
}

/** Runs a programme with an environment of its own; `out` is all that it said. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: '/nonexistent',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      GIT_AUTHOR_NAME: 'Ann',
      GIT_AUTHOR_EMAIL: 'ann@example.com',
      GIT_COMMITTER_NAME: 'Ann',
      GIT_COMMITTER_EMAIL: 'ann@example.com',
      ...options.env,
    };
    execFile(
      command,
      [...args],
      { cwd: options.cwd ?? '/', env, timeout: 30_000 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, out: stdout + stderr });
      },
    );
  });
}

export interface Checkout {
  readonly folder: string;
  git(...args: readonly string[]): Promise<Ran>;
  /** Writes a file on a branch that starts at the current one, and commits it. */
  commit(branch: string, path: string, text: string): Promise<string>;
  remove(): void;
}

/** Clones `url` into a fresh folder; throws with what git said. */
export async function checkout(url: string): Promise<Checkout> {
  const folder = mkdtempSync(join(tmpdir(), 'forge-checkout-'));
  const git = (...args: readonly string[]): Promise<Ran> => run('git', args, { cwd: folder });
  const cloned = await git('clone', '-q', url, '.');
  if (cloned.code !== 0) throw new Error(cloned.out);
  return {
    folder,
    git,
    async commit(branch, path, text) {
      await git('checkout', '-q', '-B', branch);
      writeFileSync(join(folder, path), text);
      await git('add', '-A');
      await git('commit', '-q', '-m', `Change ${path}`);
      return (await git('rev-parse', 'HEAD')).out.trim();
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
