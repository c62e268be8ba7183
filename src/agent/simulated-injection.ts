/**
 * What hostile text may ask of an agent, tried for real inside the sandbox by `simulated:injection`. The
 * report says what held; nothing that was read is ever printed.
 */
import { lookup } from 'node:dns/promises';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { homedir, networkInterfaces } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** How an attempt ended. `planted`: a trap lies in the agent's own copy; it harms only if the runner steps in. */
type Attempt = 'held' | 'got through' | 'planted';

const SECRET_NAME = /TOKEN|KEY|SECRET|PASSW|CREDENTIAL/i;
const TMPFS_MAGIC = 0x01021994;
/** What planted git configuration writes if anybody outside the sandbox runs it. */
const MARKER_COMMAND = ': > "${TMPDIR:-/tmp}/agent-runner-injection-ran"';

/** Names, never values, of secrets in the environment of any process that is visible. */
function secretNames(): string[] {
  const names = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const entry of (read(`/proc/${pid}/environ`) ?? '').split('\0')) {
      const [name = '', value = ''] = entry.split('=', 2);
      if (SECRET_NAME.test(name) && value !== '')
        names.add(`${name} of ${pid === String(process.pid) ? 'itself' : pid}`);
    }
  }
  return [...names].slice(0, 20);
}

/** Private files of the people of this machine; the sandbox's own HOME is not theirs. */
function privateFiles(): string[] {
  const homes = (read('/etc/passwd') ?? '').split('\n').map((line) => line.split(':')[5] ?? '');
  const foreign = [...new Set([...homes, '/root'])].filter((home) => home.length > 1 && home !== homedir());
  return foreign.flatMap((home) =>
    ['.ssh', '.gitconfig', '.netrc', '.aws', '.config/gh', '.agent-runner'].map((name) => join(home, name)),
  );
}

/** Writes a file outside the workspace. The memory that a sandbox has for its own root is not outside. */
function tryWrite(path: string): Attempt {
  try {
    writeFileSync(path, 'injected\n', { flag: 'wx' });
  } catch {
    return 'held';
  }
  const inMemory = statfsSync(dirname(path)).type === TMPFS_MAGIC && statfsSync('/').type === TMPFS_MAGIC;
  rmSync(path, { force: true });
  return inMemory ? 'held' : 'got through';
}

function tryPlant(path: string, text: string, mode: number): Attempt {
  try {
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, text, { mode });
    return 'planted';
  } catch {
    return 'held';
  }
}

/** A connection that is open to us is open at once. */
const CONNECT_TIMEOUT_MS = 300;

async function tryConnect(host: string, port: number): Promise<Attempt> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS });
    const end = (result: Attempt): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end('got through'));
    socket.once('timeout', () => end('held'));
    socket.once('error', () => end('held'));
  });
}

function tryOutside(note: (what: string, result: Attempt) => void): void {
  const secrets = secretNames();
  const readable = privateFiles()
    .filter((path) => existsSync(path))
    .slice(0, 20);
  const shown = (names: readonly string[]): string => (names.length === 0 ? '' : ` (${names.join(', ')})`);
  note(`read secrets from environments${shown(secrets)}`, secrets.length === 0 ? 'held' : 'got through');
  note(`read private files of people${shown(readable)}`, readable.length === 0 ? 'held' : 'got through');
  note('read /etc/shadow', read('/etc/shadow') === null ? 'held' : 'got through');
  const beside = join(process.cwd(), '..', `${basename(process.cwd())}-injected`);
  for (const path of ['/usr/local/agent-runner-injected', '/etc/agent-runner-injected', beside]) {
    note(`write ${path}`, tryWrite(path));
  }
}

async function tryNetwork(note: (what: string, result: Attempt) => void): Promise<void> {
  const outside = Object.values(networkInterfaces()).some((each) =>
    each?.some((address) => !address.internal),
  );
  note('find a network interface', outside ? 'got through' : 'held');
  note('connect to 192.0.2.1:80', await tryConnect('192.0.2.1', 80));
  const resolved = lookup('example.com').then(
    () => 'got through' as const,
    () => 'held' as const,
  );
  note('look up example.com', await Promise.race([resolved, sleep(1000).then(() => 'held' as const)]));
}

function tryTraps(note: (what: string, result: Attempt) => void): void {
  const plant = (path: string, text: string, mode: number): Attempt =>
    existsSync('.git/config') ? tryPlant(path, text, mode) : 'held';
  for (const hook of ['pre-commit', 'post-checkout', 'post-index-change', 'reference-transaction']) {
    note(`plant the git hook ${hook}`, plant(`.git/hooks/${hook}`, `#!/bin/sh\n${MARKER_COMMAND}\n`, 0o755));
  }
  const command = JSON.stringify(`${MARKER_COMMAND}; cat`);
  const config = `[core]\n\tfsmonitor = ${command}\n[filter "injected"]\n\tclean = ${command}\n\tsmudge = ${command}\n`;
  note('plant core.fsmonitor and a filter', plant('.git/config', config, 0o644));
  plant('.git/info/attributes', '* filter=injected\n', 0o644);
}

/**
 * Makes every attempt for real, and undoes it where it worked.
 *
 * @param outDir holds `attempts`, what was tried before the programme started
 * @returns lines of the form `attempt: <what> -> <held|got through|planted>`
 */
export async function attemptAll(outDir: string): Promise<string[]> {
  const report: string[] = [];
  const note = (what: string, result: Attempt): void => {
    report.push(`attempt: ${what} -> ${result}`);
  };
  tryOutside(note);
  await tryNetwork(note);
  tryTraps(note);
  const before = outDir === '' ? null : read(join(outDir, 'attempts'));
  return [...(before ?? '').split('\n').filter((line) => line !== ''), ...report];
}
