/**
 * Real agents for tests, in a folder of their own: they are large, and no part of the package. Only packages with
 * their programmes in them: nothing is run or fetched while they are installed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const platform = `${process.platform}-${process.arch}`;

/** One agent: its packages at exact versions, and its programmes below `node_modules`. */
interface RealAgent {
  readonly packages: Readonly<Record<string, string>>;
  readonly programmes: Readonly<Record<string, string>>;
  /** Whether it is small and quick enough to be tried on every change. */
  readonly always: boolean;
}

export const REAL_AGENTS = {
  codex: {
    packages: { '@agentclientprotocol/codex-acp': '2.6.0' },
    programmes: { 'codex-acp': '.bin/codex-acp', codex: '.bin/codex' },
    always: true,
  },
  opencode: {
    // The one without AVX2 runs on every machine.
    packages: { [`opencode-${platform}${process.arch === 'x64' ? '-baseline' : ''}`]: '1.18.33' },
    programmes: {
      opencode: `opencode-${platform}${process.arch === 'x64' ? '-baseline' : ''}/bin/opencode`,
    },
    always: true,
  },
  claude: {
    packages: {
      '@agentclientprotocol/claude-agent-acp': '0.100.0',
      [`@anthropic-ai/claude-code-${platform}`]: '2.1.329',
    },
    programmes: {
      'claude-agent-acp': '.bin/claude-agent-acp',
      claude: `@anthropic-ai/claude-code-${platform}/claude`,
    },
    always: false,
  },
  goose: {
    packages: { [`@aaif/goose-binary-${platform}`]: '0.20.1' },
    programmes: { goose: `@aaif/goose-binary-${platform}/bin/goose` },
    always: false,
  },
  gemini: {
    packages: { '@google/gemini-cli': '0.61.0' },
    programmes: { gemini: '.bin/gemini' },
    always: false,
  },
} as const satisfies Record<string, RealAgent>;
export type RealAgentName = keyof typeof REAL_AGENTS;
const NAMES = Object.keys(REAL_AGENTS) as RealAgentName[];

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'agent-runner-tests');

/** The folder of an agent; each has its own, so that one more does not install the others again. */
function folderOf(name: RealAgentName): string {
  return join(cache, name);
}

/** The folder with an agent's programmes, for a PATH. */
export function binOf(name: RealAgentName): string {
  return join(folderOf(name), 'bin');
}

/** What is installed, as text: another text is another installation. */
function wanted(name: RealAgentName): string {
  const { packages } = REAL_AGENTS[name];
  return `${JSON.stringify({ name: 'agent-under-test', private: true, dependencies: packages }, null, 2)}\n`;
}

function isInstalled(name: RealAgentName): boolean {
  const stamp = join(binOf(name), 'installed.json');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted(name);
}

/** Why an agent is not tried here, or `null`. Throws where everything is required and it is one of those. */
export function whyNot(name: RealAgentName): string | null {
  const isWanted = REAL_AGENTS[name].always || process.env['AGENT_RUNNER_TEST_AGENTS'] === 'all';
  const all = REAL_AGENTS[name].always ? '' : ' -- all';
  if (!isWanted) return `${name} is tried by: npm run test:agents${all}`;
  if (isInstalled(name)) return null;
  const reason = `${name} is not installed for tests: npm run test:agents${all}`;
  if (process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1') throw new Error(reason);
  return reason;
}

/** Installs one agent, unless it is there in the version that is wanted. */
function install(name: RealAgentName): void {
  if (isInstalled(name)) return;
  const folder = folderOf(name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(binOf(name), { recursive: true });
  writeFileSync(join(folder, 'package.json'), wanted(name));
  const words = [
    'install',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--loglevel=error',
  ];
  execFileSync('npm', words, { cwd: folder, stdio: 'inherit' });
  for (const [programme, path] of Object.entries(REAL_AGENTS[name].programmes)) {
    const target = join(folder, 'node_modules', path);
    if (!existsSync(target)) throw new Error(`${name}: its packages have no ${path}`);
    symlinkSync(target, join(binOf(name), programme));
  }
  // Some of their scripts begin with `env node` and need a newer one than the system's.
  symlinkSync(process.execPath, join(binOf(name), 'node'));
  writeFileSync(join(binOf(name), 'installed.json'), wanted(name));
}

/** Installs the agents of every change, or all of them. */
export function installAgents(which: 'some' | 'all'): void {
  for (const name of NAMES) if (which === 'all' || REAL_AGENTS[name].always) install(name);
}
