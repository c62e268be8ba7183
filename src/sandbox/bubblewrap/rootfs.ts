/** What every bubblewrap sandbox sees of the system: programs, a few files of /etc, nothing of anybody's. */
import {
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { HOME_PATH } from './mounts.ts';

/** The one user of a sandbox. Not 0, because agents refuse to run as root. */
export const AGENT_UID = 1000;
export const HOST_NAME = 'sandbox';

/** Entries of /etc that programs need; only those that every user of the machine may read are shown. */
const ETC = [
  'alternatives',
  'ca-certificates',
  'ca-certificates.conf',
  'crypto-policies',
  'debian_version',
  'fonts',
  'gai.conf',
  'host.conf',
  'java',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'locale.alias',
  'locale.conf',
  'localtime',
  'lsb-release',
  'magic',
  'magic.mime',
  'maven',
  'mime.types',
  'nsswitch.conf',
  'os-release',
  'perl',
  'pki/ca-trust',
  'pki/java',
  'pki/tls/cert.pem',
  'pki/tls/certs',
  'pki/tls/openssl.cnf',
  'protocols',
  'rpc',
  'services',
  'shells',
  'ssl/cert.pem',
  'ssl/certs',
  'ssl/openssl.cnf',
  'terminfo',
  'timezone',
];
/** Toolchains of /usr that keep their settings in /etc under a versioned name. */
const ETC_PATTERN = /^(?:java-[\w.-]+|python[\d.]+|php|dotnet)$/;
const ETC_WITH_NETWORK = ['hosts', 'resolv.conf'];
const LIBRARIES = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];
/**
 * Kernel switches that root may write by owner, without any capability. Measured: as root with all capabilities
 * dropped, bubblewrap 0.8 leaves /proc/sys writable (it covers irq and bus), and kernel.core_pattern runs programs outside.
 */
const PROC_SWITCHES = ['sys', 'sysrq-trigger', 'mtrr', 'pressure', 'acpi', 'scsi', 'fs', 'driver'];

async function programs(): Promise<readonly string[]> {
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const name of LIBRARIES) {
    const path = `/${name}`;
    const found = await lstat(path).catch(() => null);
    if (found === null) continue;
    // Merged /usr: links. Elsewhere they are directories of their own.
    if (found.isSymbolicLink()) args.push('--symlink', await readlink(path), path);
    else args.push('--ro-bind', path, path);
  }
  if ((await stat('/nix/store').catch(() => null)) !== null)
    args.push('--ro-bind', '/nix/store', '/nix/store');
  return args;
}

/** Generated files of /etc: the names of the one user, and of this machine when there is no network. */
function generatedFiles(network: boolean): Readonly<Record<string, string>> {
  const files: Record<string, string> = {
    passwd: `agent:x:${AGENT_UID}:${AGENT_UID}:agent:${HOME_PATH}:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
    group: `agent:x:${AGENT_UID}:\nnogroup:x:65534:\n`,
    hostname: `${HOST_NAME}\n`,
  };
  if (!network)
    files['hosts'] = `127.0.0.1 localhost ${HOST_NAME}\n::1 localhost ip6-localhost ip6-loopback\n`;
  return files;
}

/**
 * Fills `directory`, which becomes /etc: files are copied and directories mounted, because every mount costs
 * bubblewrap about 0.1 ms. Returns the mounts.
 */
async function fillEtc(directory: string, network: boolean): Promise<readonly string[]> {
  const versioned = (await readdir('/etc')).filter((name) => ETC_PATTERN.test(name));
  const args = ['--ro-bind', directory, '/etc'];
  for (const name of [...ETC, ...versioned, ...(network ? ETC_WITH_NETWORK : [])]) {
    const path = `/etc/${name}`;
    const found = await stat(path).catch(() => null);
    if (found === null || (found.mode & 0o004) === 0) continue;
    const copy = join(directory, name);
    await mkdir(dirname(copy), { recursive: true });
    if (found.isFile()) await copyFile(path, copy);
    if (!found.isDirectory()) continue;
    await mkdir(copy);
    args.push('--ro-bind', await realpath(path), path);
  }
  for (const [name, text] of Object.entries(generatedFiles(network))) {
    await writeFile(join(directory, name), text, { mode: 0o644 });
  }
  return args;
}

/** Hides from root's sandboxes what only an owner check protects. Other users can't write there anyway. */
async function kernelSwitches(): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return [];
  const args: string[] = [];
  for (const name of PROC_SWITCHES) {
    const path = `/proc/${name}`;
    if ((await stat(path).catch(() => null)) !== null) args.push('--ro-bind', path, path);
  }
  return args;
}

/** Places that are empty for every command. */
const VOLATILE =
  '--dev /dev --perms 1777 --tmpfs /tmp --perms 1777 --tmpfs /var/tmp --tmpfs /run --symlink ../run /var/run'.split(
    ' ',
  );

const ETC_NAME = 'agent-runner-etc-';
/** A directory of a killed runner that may belong to another container or machine is removed after a day. */
const STALE_MS = 24 * 60 * 60 * 1_000;
const directories = new Set<string>();
let isTidy = false;

/**
 * Where the ids of processes are this process's own: this boot of this machine, this PID namespace. Containers
 * and machines that share a temporary directory differ in it.
 */
async function placeOfPids(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return createHash('sha256').update(`${boot} ${namespace}`).digest('hex').slice(0, 12);
}

/** Whether the directory's runner is dead: at once where its id is one of ours, else a day after it was made. */
async function isAbandoned(name: string, mtimeMs: number, place: string): Promise<boolean> {
  const parts = name.slice(ETC_NAME.length).split('-');
  const pid = parts.at(-2) ?? '';
  const isOurs = parts.length === 3 && parts[0] === place;
  if (!isOurs && Date.now() - mtimeMs < STALE_MS) return false;
  return /^\d+$/.test(pid) && (await stat(`/proc/${pid}`).catch(() => null)) === null;
}

/** Removes what this process still has when it ends, and once what killed ones left behind. */
async function tidyUp(place: string): Promise<void> {
  if (isTidy) return;
  isTidy = true;
  process.once('exit', () => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });
  for (const name of (await readdir(tmpdir())).filter((one) => one.startsWith(ETC_NAME))) {
    const path = join(tmpdir(), name);
    const found = await lstat(path).catch(() => null);
    if (found === null || found.uid !== process.getuid?.() || !found.isDirectory()) continue;
    if (await isAbandoned(name, found.mtimeMs, place)) await rm(path, { recursive: true, force: true });
  }
}

/** Makes a folder of this process, which is removed when it ends; after a kill, by the next that makes one. */
async function makeOwn(): Promise<string> {
  const place = await placeOfPids();
  await tidyUp(place);
  const directory = await mkdtemp(join(tmpdir(), `${ETC_NAME}${place}-${process.pid}-`));
  directories.add(directory);
  return directory;
}

async function removeOwn(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  directories.delete(directory);
}

/** A folder for what one command of a sandbox is shown; `remove` is to be called, and made up for after a kill. */
export async function ownFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await makeOwn();
  return { path, remove: () => removeOwn(path) };
}

/** The system part of a sandbox. */
export interface RootFs {
  /** Arguments of bubblewrap, to be given before those of the caller's mounts. */
  readonly args: readonly string[];
  /** Removes the generated files. */
  remove(): Promise<void>;
}

interface Made {
  readonly directory: string;
  readonly args: readonly string[];
  readonly atMs: number;
  /** Sandboxes that are open on it. */
  users: number;
}

/** How long a copy of /etc is shown to new sandboxes; a machine's resolv.conf may change under a long-lived runner. */
const FRESH_MS = 10_000;
/** The newest one by whether the network is shown. All are read-only to sandboxes, so they can share it. */
const newest = new Map<boolean, Promise<Made>>();

async function release(made: Made, network: boolean): Promise<void> {
  const isNewest = (await newest.get(network)?.catch(() => null)) === made;
  if (made.users > 0 || isNewest) return;
  await removeOwn(made.directory);
}

/** Looks at this machine and prepares the system part of a sandbox. `network` shows how names are resolved. */
export async function createRootFs(network: boolean): Promise<RootFs> {
  const known = await newest.get(network)?.catch(() => null);
  const isFresh = known != null && Date.now() - known.atMs < FRESH_MS;
  const making = isFresh ? Promise.resolve(known) : make(network);
  if (!isFresh) newest.set(network, making);
  const made = await making;
  made.users++;
  if (!isFresh && known != null) await release(known, network);
  let isOpen = true;
  return {
    args: made.args,
    async remove() {
      if (!isOpen) return;
      isOpen = false;
      made.users--;
      await release(made, network);
    },
  };
}

async function make(network: boolean): Promise<Made> {
  const directory = await makeOwn();
  const args = [
    ...(await programs()),
    ...(await fillEtc(directory, network)),
    '--proc',
    '/proc',
    ...(await kernelSwitches()),
    ...VOLATILE,
  ];
  return { directory, args, atMs: Date.now(), users: 0 };
}
