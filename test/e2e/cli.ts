/** The command line as a person runs it: a process of its own, a fresh home, a real repository. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobEvent } from '../../src/job/job.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The built program where vitest made one (test/built.ts), else the sources. */
const PROGRAM = process.env['AGENT_RUNNER_TEST_PROGRAM'] ?? ROOT;
export const BIN = join(PROGRAM, 'bin/agent-runner.js');
/** One for all: a test with a temporary folder of its own would have everything compiled again in each process. */
const COMPILED = join(PROGRAM === ROOT ? tmpdir() : PROGRAM, 'node-compile-cache');

/** Whether bubblewrap is here. Where everything is required, its absence is an error and no reason to skip. */
export const HAS_BUBBLEWRAP = existsSync('/usr/bin/bwrap');
if (!HAS_BUBBLEWRAP && process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1') {
  throw new Error('bubblewrap is missing: apt-get install bubblewrap');
}

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly done: Promise<Ran>;
  /** What stderr has shown so far. */
  stderr(): string;
  /** Resolves when stderr has shown `text`. */
  seen(text: string | RegExp): Promise<void>;
}

export interface Bench {
  readonly root: string;
  readonly home: string;
  start(args: readonly string[], env?: Readonly<Record<string, string>>, cwd?: string): Running;
  run(args: readonly string[], env?: Readonly<Record<string, string>>, cwd?: string): Promise<Ran>;
  /** Reads the home's database by the store's own code: for waiting, at a tenth of what a process costs. */
  read<T>(look: (store: Store) => Promise<T>): Promise<T>;
  /** Writes an executable script and returns its path. */
  script(name: string, text: string): string;
  remove(): void;
}

/** A folder with a home of its own, and the command line on it. */
export function openBench(): Bench {
  const root = mkdtempSync(join(tmpdir(), 'agent-runner-e2e-'));
  const home = join(root, 'home');
  const start: Bench['start'] = (args, env = {}, cwd = root) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd,
      env: {
        PATH: userPath(),
        HOME: homedir(),
        XDG_CONFIG_HOME: join(root, 'config'),
        AGENT_RUNNER_HOME: home,
        NO_COLOR: '1',
        NODE_COMPILE_CACHE: COMPILED,
        ...registryEnv(),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const done = new Promise<Ran>((resolve) => {
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    });
    return {
      child,
      done,
      stderr: () => stderr,
      async seen(text) {
        const has = (): boolean => (typeof text === 'string' ? stderr.includes(text) : text.test(stderr));
        for (let waited = 0; !has(); waited += 5) {
          if (waited > 60_000 || child.exitCode !== null || child.signalCode !== null) {
            throw new Error(`never seen: ${String(text)}\n${stderr}\n${stdout}`);
          }
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      },
    };
  };
  return {
    root,
    home,
    start,
    run: (args, env, cwd) => start(args, env, cwd).done,
    async read(look) {
      const store = await openSqliteStore({ path: join(home, 'agent-runner.db') });
      try {
        return await look(store);
      } finally {
        await store.close();
      }
    },
    script(name, text) {
      const path = join(root, name);
      // Another job of this bench may be starting it: who opens a programme to write makes that "Text file busy".
      if (existsSync(path) && readFileSync(path, 'utf8') === text) return path;
      writeFileSync(`${path}.new`, text);
      chmodSync(`${path}.new`, 0o755);
      renameSync(`${path}.new`, path);
      return path;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Every event of a job. */
export async function readAllEvents(store: Store, jobId: string): Promise<JobEvent[]> {
  const all: JobEvent[] = [];
  for (let page = await store.readEvents(jobId, 0, 1000); page.length > 0;) {
    all.push(...page);
    page = await store.readEvents(jobId, all.length, 1000);
  }
  return all;
}

/** PATH without what npm put in front of it for this test run. */
export function userPath(): string {
  return (process.env['PATH'] ?? '')
    .split(':')
    .filter((dir) => !dir.endsWith('node_modules/.bin') && !dir.includes('node-gyp-bin'))
    .join(':');
}

/** What package managers of this machine need to reach their registries. */
function registryEnv(): Record<string, string> {
  const names =
    /^(SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|PIP_.*|GOPROXY|https?_proxy|no_proxy|npm_config_registry)$/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      names.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  );
}

/** Processes whose command line holds `marker`. */
export function processesWith(marker: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(marker) ? [`${pid} ${line}`] : [];
      } catch {
        return [];
      }
    });
}
