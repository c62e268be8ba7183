/**
 * Dependencies, prepared once per fingerprint in a sandbox with network and without secrets, and then copied
 * into the agent's working copy and into both checkouts of the gate. Copied, never linked: an editable install
 * or a workspace link that points at one checkout must never make another checkout's tests import its code.
 */
import { createHash, randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Cancelled } from '../job/error.ts';
import { runProcess } from '../sandbox/process.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { removeFolder } from './keep/folders.ts';

/** How dependencies are prepared. */
export interface SetupRecipe {
  /** Shell commands, run one after the other in the root of a clean checkout. */
  readonly commands: readonly string[];
  /** Dependency folders below the root that setup produces, besides those known by name. */
  readonly keep: readonly string[];
  /** Tool caches below HOME that later commands need offline. */
  readonly homeCaches: readonly string[];
  /** Commands whose output is part of the fingerprint. */
  readonly toolVersions: readonly string[];
}

/** Where setup runs: the runner opens it, with network and a fresh HOME. */
export type OpenSetupSandbox = (tree: string, home: string) => Promise<Sandbox>;

export interface SetupContext {
  /** Folder of all prepared dependencies. */
  readonly root: string;
  /** What else makes a result differ: lock file contents, sandbox, platform. */
  readonly identity: readonly string[];
  /** Makes a clean checkout of the commit that is set up. */
  readonly checkOut: (tree: string) => Promise<void>;
  readonly open: OpenSetupSandbox;
  /** File on the host for everything setup prints. */
  readonly logPath: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Prepared dependencies, ready to be copied. */
export interface Layer {
  readonly fingerprint: string;
  readonly dir: string;
  /** Dependency folders, relative to the root of a checkout. */
  readonly entries: readonly string[];
}

export type SetupResult =
  | { readonly ok: true; readonly layer: Layer }
  | { readonly ok: false; readonly failure: SetupFailure; readonly logPath: string };

/** A command of setup that failed. */
export interface SetupFailure {
  /** Which command, and how it ended. */
  readonly headline: string;
  /** The last lines it printed. */
  readonly tail: string;
  /** What it printed, cut in the middle where it was long. */
  readonly output: string;
}

/** Folders that only ever hold dependencies, whatever the language. */
export const DEPENDENCY_FOLDERS: ReadonlySet<string> = new Set([
  'node_modules',
  '.venv',
  '.yarn',
  'bower_components',
  '.tox',
  '.nox',
  '_build',
  'deps',
]);
/** Those of them that are dependencies only beside a given file. */
const ONLY_BESIDE: Readonly<Record<string, string>> = {
  deps: 'mix.exs',
  _build: 'mix.exs',
  '.yarn': 'yarn.lock',
};

const SETUP_TIMEOUT_MS = 30 * 60 * 1000;
const COPY_TIMEOUT_MS = 10 * 60 * 1000;
const MAX_OUTPUT_BYTES = 64 * 1024;
const MAX_LOG_BYTES = 64 * 1024 * 1024;
/** Dependency folders are looked for this deep (`packages/<name>/node_modules` is 3). */
const MAX_DEPTH = 5;

/** Runs setup's commands in a sandbox that is open on a checkout; `null` when all succeed. */
export async function runSetup(
  sandbox: Sandbox,
  recipe: SetupRecipe,
  context: Pick<SetupContext, 'logPath' | 'env' | 'signal'>,
): Promise<SetupFailure | null> {
  await mkdir(dirname(context.logPath), { recursive: true });
  for (const command of recipe.commands) {
    const result = await sandbox.exec(['sh', '-c', command], {
      env: context.env,
      timeoutMs: SETUP_TIMEOUT_MS,
      maxBytes: MAX_OUTPUT_BYTES,
      logPath: context.logPath,
      maxLogBytes: MAX_LOG_BYTES,
      signal: context.signal,
    });
    if (result.end === 'cancelled') throw new Cancelled();
    if (result.end === 'exited' && result.exitCode === 0) continue;
    const why =
      result.end === 'exited' ? `exit code ${String(result.exitCode)}` : (result.message ?? result.end);
    const tail = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-12).join('\n');
    const headline = `setup: \`${command}\` failed (${why})`;
    return { headline, tail, output: `${result.stdout}\n${result.stderr}` };
  }
  return null;
}

async function readToolVersions(
  sandbox: Sandbox,
  recipe: SetupRecipe,
  context: SetupContext,
): Promise<string> {
  if (recipe.toolVersions.length === 0) return '';
  const script = recipe.toolVersions.map((command) => `${command} 2>&1`).join('; ');
  const options = { env: context.env, timeoutMs: 60_000, maxBytes: MAX_OUTPUT_BYTES, signal: context.signal };
  const result = await sandbox.exec(['sh', '-c', script], options);
  if (result.end === 'cancelled') throw new Cancelled();
  return result.stdout;
}

/** Dependency folders that setup left in a checkout, topmost only; links are never followed. */
async function findEntries(tree: string, keep: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const walk = async (relative: string, depth: number): Promise<void> => {
    const names = await readdir(join(tree, relative), { withFileTypes: true });
    for (const entry of names) {
      if (!entry.isDirectory() || entry.name === '.git') continue;
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      const beside = ONLY_BESIDE[entry.name];
      const known =
        DEPENDENCY_FOLDERS.has(entry.name) &&
        (beside === undefined || names.some((other) => other.name === beside));
      if (known || keep.includes(path)) found.push(path);
      else if (depth < MAX_DEPTH) await walk(path, depth + 1);
    }
  };
  await walk('', 1);
  return found;
}

async function moveInto(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
}

async function readLayer(dir: string, fingerprint: string): Promise<Layer | null> {
  const text = await readFile(join(dir, 'layer.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const entries: unknown = JSON.parse(text);
  return Array.isArray(entries)
    ? { fingerprint, dir, entries: entries.filter((e) => typeof e === 'string') }
    : null;
}

async function buildLayer(
  recipe: SetupRecipe,
  context: SetupContext,
  building: string,
): Promise<SetupFailure | string[]> {
  const [tree, home] = [join(building, 'checkout'), join(building, 'setup-home')];
  await mkdir(home, { recursive: true });
  await context.checkOut(tree);
  const sandbox = await context.open(tree, home);
  let failed: SetupFailure | null;
  try {
    failed = await runSetup(sandbox, recipe, context);
  } finally {
    await sandbox.close();
  }
  if (failed !== null) return failed;
  const entries = await findEntries(tree, recipe.keep);
  for (const entry of entries) await moveInto(join(tree, entry), join(building, 'tree', entry));
  for (const cache of recipe.homeCaches) {
    const from = join(home, cache);
    const info = await lstat(from).catch(() => null);
    if (info?.isDirectory() === true) await moveInto(from, join(building, 'home', cache));
  }
  await removeFolder(tree);
  await removeFolder(home);
  return entries;
}

/**
 * Prepares dependencies, or takes them from an earlier run with the same fingerprint (commands, lock files,
 * tool versions, sandbox, platform).
 *
 * @throws Cancelled when the job is cancelled meanwhile
 */
export async function prepareLayer(recipe: SetupRecipe, context: SetupContext): Promise<SetupResult> {
  const building = join(context.root, `.new-${randomBytes(6).toString('hex')}`);
  await mkdir(join(building, 'probe'), { recursive: true });
  try {
    const probe = await context.open(join(building, 'probe'), join(building, 'probe'));
    let versions: string;
    try {
      versions = await readToolVersions(probe, recipe, context);
    } finally {
      await probe.close();
    }
    const identity = JSON.stringify([
      recipe.commands,
      recipe.keep,
      recipe.homeCaches,
      versions,
      context.identity,
      process.platform,
      process.arch,
    ]);
    const fingerprint = createHash('sha256').update(identity).digest('hex');
    const dir = join(context.root, fingerprint);
    const known = await readLayer(dir, fingerprint);
    if (known !== null) return { ok: true, layer: known };
    const built = await buildLayer(recipe, context, building);
    if ('headline' in built) return { ok: false, failure: built, logPath: context.logPath };
    await writeFile(join(building, 'layer.json'), JSON.stringify(built));
    await rename(building, dir).catch(async (error: unknown) => {
      // Another job prepared the same meanwhile.
      if ((await readLayer(dir, fingerprint)) === null) throw error;
    });
    return { ok: true, layer: { fingerprint, dir, entries: built } };
  } finally {
    await removeFolder(building);
  }
}

/** Whether a folder above `path` is a link: a repository could lead a copy out of its checkout that way. */
async function leadsOut(tree: string, path: string): Promise<boolean> {
  const parts = path.split('/');
  for (let count = 1; count <= parts.length; count++) {
    const info = await lstat(join(tree, ...parts.slice(0, count))).catch(() => null);
    if (info === null) return false;
    if (info.isSymbolicLink()) return true;
  }
  return false;
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  // GNU and BSD cp know both flags: keep everything, overwrite nothing that is tracked.
  const result = await runProcess(['cp', '-a', '-n', `${from}/.`, to], {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    timeoutMs: COPY_TIMEOUT_MS,
    maxBytes: MAX_OUTPUT_BYTES,
  });
  if (result.end !== 'exited' || result.exitCode !== 0) {
    throw new Error(`dependencies can't be copied to ${to}: ${result.message ?? result.stderr.trim()}`);
  }
}

/** Copies prepared dependencies into a checkout and its HOME. What the commit tracks is never overwritten. */
export async function applyLayer(layer: Layer, tree: string, home: string): Promise<void> {
  for (const entry of layer.entries) {
    if (await leadsOut(tree, entry)) continue;
    await mkdir(join(tree, entry), { recursive: true });
    await copy(join(layer.dir, 'tree', entry), join(tree, entry));
  }
  const caches = await lstat(join(layer.dir, 'home')).catch(() => null);
  if (caches !== null) {
    await mkdir(home, { recursive: true });
    await copy(join(layer.dir, 'home'), home);
  }
}
