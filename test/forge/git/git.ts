/** Git as the forge calls it: no configuration of the machine or the person, bounded output, one process per question. */
import { execFile } from 'node:child_process';

const MAX_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of every git process here; `extra` wins. */
export function gitEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Test forge',
    GIT_AUTHOR_EMAIL: 'noreply@forge.test',
    GIT_COMMITTER_NAME: 'Test forge',
    GIT_COMMITTER_EMAIL: 'noreply@forge.test',
    ...extra,
  };
}

/** Runs git in `cwd` and returns what it said, whatever its exit code; rejects only if it could not run. */
export function tryGit(
  cwd: string,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      'git',
      [...args],
      { cwd, env: gitEnv(options.env), maxBuffer: MAX_BYTES, timeout: TIMEOUT_MS, encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
        else reject(error);
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** Runs git in `cwd` and returns its standard output; rejects when it fails. */
export async function git(
  cwd: string,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const ran = await tryGit(cwd, args, options);
  if (ran.code !== 0) throw new Error(`git ${args.join(' ')}: exit code ${ran.code}: ${ran.stderr.trim()}`);
  return ran.stdout;
}
