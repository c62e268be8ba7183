/** How the end of a check's process is read: passed, red, or no statement about the code at all. Pure. */
import { Cancelled } from '../job/error.ts';
import type { Check, SideState } from '../job/gate.ts';
import type { ExecResult } from '../sandbox/sandbox.ts';

/** What a process's end says. */
export interface Ending {
  readonly state: SideState;
  /** Why it is `inconclusive`; `null` otherwise. */
  readonly note: string | null;
}

/** The command that installs a tool, for the tools that checks name most. */
const INSTALL: Readonly<Record<string, string>> = {
  'cargo-clippy': 'rustup component add clippy',
  'cargo-fmt': 'rustup component add rustfmt',
  bun: 'npm install --global bun',
  bundle: 'gem install bundler',
  cargo: 'apt-get install cargo',
  cc: 'apt-get install build-essential',
  cmake: 'apt-get install cmake',
  composer: 'apt-get install composer',
  dotnet: 'apt-get install dotnet-sdk-8.0',
  'g++': 'apt-get install build-essential',
  gcc: 'apt-get install build-essential',
  git: 'apt-get install git',
  go: 'apt-get install golang-go',
  gradle: 'apt-get install gradle',
  java: 'apt-get install default-jdk-headless',
  just: 'apt-get install just',
  make: 'apt-get install make',
  mix: 'apt-get install elixir',
  mvn: 'apt-get install maven',
  node: 'apt-get install nodejs',
  npm: 'apt-get install npm',
  pdm: 'pip install pdm',
  php: 'apt-get install php-cli',
  pnpm: 'npm install --global pnpm',
  poetry: 'pip install poetry',
  python3: 'apt-get install python3',
  ruby: 'apt-get install ruby',
  uv: 'pip install uv',
  yarn: 'npm install --global yarn',
};
const PIP_TOOLS = new Set([
  'pytest',
  'ruff',
  'mypy',
  'flake8',
  'black',
  'tox',
  'nox',
  'coverage',
  'pylint',
  'pyright',
]);
const NODE_TOOLS = new Set([
  'jest',
  'vitest',
  'mocha',
  'eslint',
  'prettier',
  'tsc',
  'ava',
  'tap',
  'vite',
  'webpack',
  'rollup',
  'oxlint',
  'biome',
  'tsx',
  'c8',
  'nyc',
  'playwright',
]);

// What shells and launchers print when a program does not exist; group 1 is the program.
const MISSING: readonly RegExp[] = [
  /^(?:\/\S*\/)?(?:ba|da|z|a)?sh: (?:line )?(?:\d+: )?(?:\d+: )?([^\s:]+): (?:command )?not found$/,
  /^\S*env: ['‘"]?([^'’":\s]+)['’"]?: No such file or directory$/,
  /^(?:\/\S*\/)?python[\d.]*: No module named ['"]?([\w.-]+)['"]?$/,
  /^bundler: command not found: (\S+)$/,
  /^make: ([^\s:]+): No such file or directory$/,
  /^error: no such command: [`'](\S+)[`']$/,
];
// The same from a script that a shell runs: `scripts/lint.sh: 3: fmt: not found`, `line 3: fmt: command not found`.
const MISSING_IN_SCRIPT = /^[^\s:]{1,300}: (?:line )?\d{1,6}: ([^\s:]{1,100}): (?:command )?not found$/;
// How make and package managers tell that a command ended with 127.
const ENDED_127 = /\b(?:Error|code|status|exited with) 127\b/;
// What build tools print when a dependency is not in their cache and the network is closed; group 1 is it.
const OFFLINE: readonly RegExp[] = [
  /Cannot access \S+ \(\S+\) in offline mode and the artifact (\S+)/,
  /No cached version of (\S+) available for offline mode/,
  /no matching package named [`'](\S+)[`'] found/,
  /failed to download [`'](\S+) /,
  /dial tcp: lookup (proxy\.golang\.org)/,
];
/**
 * What Go says of a build cache that it can't write; group 1 is the cache, group 2 why. It writes there also to look
 * up a package, but only once the package's files are two seconds old (`modTimeCutoff` in cmd/go/internal/modindex):
 * with a read-only cache the same commit passes on a fresh checkout and fails a moment later.
 */
const GO_CACHE: readonly RegExp[] = [
  /(?:^|: )open (\S+)\/[0-9a-f]{2}\/[0-9a-f]{64}-[ad]: (read-only file system|permission denied)$/,
  /^failed to initialize build cache at (\S+): mkdir \S+: (read-only file system|permission denied)$/,
];
/** What `go test` says of a package whose tests it ran: no code under test can keep it from saying so. */
const GO_RAN = /^(?:ok|FAIL)\s+\S+\s+(?:[\d.]+s|\(cached\))/;
const GO_NOT_LOADED = / \[setup failed\]$/;
/** Lines at the end of an output that are searched for a missing tool. */
const TAIL_LINES = 40;

function unprepared(output: string): string | null {
  for (const line of output.trimEnd().split('\n').slice(-TAIL_LINES)) {
    const short = line.slice(0, 1000);
    const name = OFFLINE.map((pattern) => pattern.exec(short)?.[1]).find((one) => one !== undefined);
    if (name !== undefined) return name.slice(0, 200);
  }
  return null;
}

/** Why Go could not load any package, where that lies in its build cache and not in the code. */
function unwritableGoCache(output: string, failing: readonly string[]): string | null {
  if (!failing.every((name) => GO_NOT_LOADED.test(name))) return null;
  const lines = output.split('\n').map((line) => line.slice(0, 1000));
  // A test could print the same words, but then its package was loaded.
  if (lines.some((line) => GO_RAN.test(line))) return null;
  for (const line of lines) {
    const said = GO_CACHE.map((pattern) => pattern.exec(line)).find((match) => match !== null);
    if (said != null) return `${(said[1] ?? '').slice(0, 200)}: ${said[2] ?? ''}`;
  }
  return null;
}

// pytest, before it looks for a test: exit code 4. An option in its settings comes from a plugin. Up to version 7 it calls itself
// `__main__.py` where it is run as a module.
const NO_PLUGIN = /^(?:(?:\S+ -m )?\S*pytest\S*|__main__\.py): error: unrecognized arguments: (.{1,200})$/m;
const USAGE_ERROR = 4;

function installHint(tool: string): string {
  const known = INSTALL[tool];
  if (known !== undefined) return `; install it with: ${known}`;
  if (PIP_TOOLS.has(tool))
    return `; install it with: pip install ${tool}, or let the repository's setup do it`;
  if (NODE_TOOLS.has(tool))
    return '; it comes with the dependencies: let the setup install them (npm install)';
  return '';
}

/** The tool that an output says is missing, or `null`. */
export function missingTool(output: string): string | null {
  const lines = output.trimEnd().split('\n').slice(-TAIL_LINES);
  // A script may go on without a tool: only one that ended for want of it says so.
  const patterns = lines.some((line) => ENDED_127.test(line.slice(0, 500)))
    ? [...MISSING, MISSING_IN_SCRIPT]
    : MISSING;
  for (const line of lines) {
    const short = line.slice(0, 500).trim();
    const cargo = /^error: '(cargo-\w+)(?:\.exe)?' is not installed for the toolchain/.exec(short)?.[1];
    const tool =
      cargo ?? patterns.map((pattern) => pattern.exec(short)?.[1]).find((name) => name !== undefined);
    if (tool !== undefined) return tool;
  }
  return null;
}

/** Says that a tool is missing, and the command that installs it where one is known. */
export function missingNote(tool: string): string {
  return `the tool ${tool.slice(0, 100)} is missing${installHint(tool)}`;
}

function missing(tool: string): Ending {
  return { state: 'inconclusive', note: missingNote(tool) };
}

function exited(exitCode: number, output: string, failing: readonly string[]): Ending {
  if (exitCode === 0) return { state: 'passed', note: null };
  const tool = missingTool(output);
  if (exitCode === 127) return missing(tool ?? 'that the command names');
  if (exitCode === 126)
    return {
      state: 'inconclusive',
      note: 'exit code 126: the command can’t be executed (permission, or no program)',
    };
  // A shell reports a child that was killed as 128 + signal: 9 is the kernel's for memory, 15 is termination.
  if (exitCode === 137 || exitCode === 143) {
    return {
      state: 'inconclusive',
      note: `exit code ${exitCode}: a process was killed, perhaps for lack of memory`,
    };
  }
  if (exitCode === 134 && output.includes('heap out of memory')) {
    return { state: 'inconclusive', note: 'it ran out of memory' };
  }
  const cache = unwritableGoCache(output, failing);
  if (cache !== null)
    return {
      state: 'inconclusive',
      note: `Go can’t write to its build cache (${cache}), as it must even to look up a package; leave GOCACHE unset, and let setup fill ~/.cache/go-build`,
    };
  // Package managers and make turn 127 into a code of their own. Where tests are named, the tool was there.
  if (failing.length > 0) return { state: 'failed', note: null };
  if (tool !== null) return missing(tool);
  const option = exitCode === USAGE_ERROR ? NO_PLUGIN.exec(output.slice(-20_000))?.[1] : undefined;
  if (option !== undefined)
    return {
      state: 'inconclusive',
      note: `pytest does not know ${option.trim()}: the plugin that has it is missing; let the repository's setup install it`,
    };
  const dependency = unprepared(output);
  if (dependency === null) return { state: 'failed', note: null };
  return {
    state: 'inconclusive',
    note: `the dependency ${dependency} was not prepared, and the network is closed`,
  };
}

/**
 * Reads how a check's process ended.
 *
 * @param failing the failing tests that its output names
 * @throws Cancelled when the run was cancelled
 */
export function readEnding(result: ExecResult, check: Check, failing: readonly string[]): Ending {
  switch (result.end) {
    case 'cancelled':
      throw new Cancelled();
    case 'timeout':
      return { state: 'inconclusive', note: `it did not end within ${check.timeout_s} seconds` };
    case 'idle_timeout':
      return { state: 'inconclusive', note: 'it printed nothing for too long' };
    case 'killed':
      return {
        state: 'inconclusive',
        note: `it was killed by ${result.signal ?? 'a signal'}, perhaps for lack of memory`,
      };
    case 'not_started':
      return {
        state: 'inconclusive',
        note: `it could not be started: ${result.message ?? 'no reason is known'}`,
      };
    case 'exited':
      return exited(result.exitCode ?? 1, `${result.stdout}\n${result.stderr}`, failing);
  }
}
