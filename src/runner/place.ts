/** Places where a job's commands run: the agent's working copy and clean checkouts, each with dependencies. */
import { join } from 'node:path';
import { JobError } from '../job/error.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Folders } from '../gate/reports/collect.ts';
import { explainSetup } from '../gate/setup/failure.ts';
import { prepareLayer, runSetup, type Layer, type SetupFailure } from '../workspace/dependencies.ts';
import type { CommitFiles } from '../workspace/files.ts';
import {
  createWorkingCopy,
  reopenWorkingCopy,
  type Checkout,
  type WorkingCopy,
  type WorkingCopyOptions,
} from '../workspace/copy/working-copy.ts';
import type { JobContext, SetupError, SetupPlanned } from './context.ts';
import { createLasting, type Lasting } from './lasting.ts';
import { createSandboxes, type Sandboxes } from './sandboxes.ts';
import { trustedSha } from './steps/rules.ts';

/** A job's working copy with the sandboxes that can be opened on it. */
export interface Bench {
  readonly copy: WorkingCopy;
  readonly sandboxes: Sandboxes;
  /** The agent's sandbox between its turns; closed before the working copy is changed by anybody else. */
  readonly lasting: Lasting;
}

async function copyOptions(context: JobContext, url: string, baseSha: string): Promise<WorkingCopyOptions> {
  return {
    git: context.git,
    paths: context.paths,
    repo: context.layout.repo(url),
    baseSha,
    nearSha: trustedSha(context.job.request, baseSha),
    branch: context.job.branch,
    author: context.config.author,
    canMount: context.adapter.canMount,
    overlay: (await context.adapter.probeLayers?.(context.layout.home)) ?? null,
  };
}

async function benchOf(context: JobContext, copy: WorkingCopy): Promise<Bench> {
  const sandboxes = await createSandboxes(context.adapter, context.config);
  return { copy, sandboxes, lasting: createLasting(() => copy.touched()) };
}

/** Makes the working copy of a job at its base, anew. */
export async function createBench(context: JobContext, url: string, baseSha: string): Promise<Bench> {
  return benchOf(context, await createWorkingCopy(await copyOptions(context, url, baseSha)));
}

/** Opens the working copy that an earlier process made. */
export async function reopenBench(context: JobContext, url: string, baseSha: string): Promise<Bench> {
  return benchOf(context, await reopenWorkingCopy(await copyOptions(context, url, baseSha)));
}

type Prepared =
  | { readonly ok: true; readonly layer: Layer }
  | { readonly ok: false; readonly error: SetupError };

function errorOf({ headline, tail, output }: SetupFailure, log: string): SetupError {
  return { ...explainSetup(headline, tail, output), log };
}

/** The error that a setup which failed ends a job with. */
export function setupFailed({ message, log }: SetupError, remark = ''): JobError {
  return new JobError('setup_failed', message, { hint: `${remark}the whole log is ${log}` });
}

/**
 * Prepares the dependencies of a commit for adapters that can show every checkout at one path.
 *
 * @param commands the recipe's own, or those with install scripts off
 */
export async function prepareDependencies(
  context: JobContext,
  bench: Bench,
  plan: SetupPlanned,
  commands: readonly string[],
  commit: string,
  files: Pick<CommitFiles, 'read'>,
): Promise<Prepared> {
  const locks = await Promise.all(plan.lockFiles.map(async (path) => [path, await files.read(path)]));
  const logPath = join(context.paths.logs, `setup-${commit.slice(0, 12)}.log`);
  context.journal.emit('sandbox', 'prepare', { setup: 'started', commands });
  const started = Date.now();
  const result = await prepareLayer(
    { ...plan, commands },
    {
      root: context.layout.dependencies,
      identity: [bench.sandboxes.fingerprint, JSON.stringify(locks)],
      checkOut: (tree) => bench.copy.checkOutAt(tree, commit),
      open: (tree, home) => bench.sandboxes.setup({ tree, home, mounts: bench.copy.mounts }),
      logPath,
      env: {},
      signal: context.signal,
    },
  );
  const prepared: Prepared = result.ok ? result : { ok: false, error: errorOf(result.failure, logPath) };
  context.journal.emit('sandbox', 'prepare', {
    setup: prepared.ok ? 'done' : 'failed',
    duration_ms: Date.now() - started,
    ...(prepared.ok
      ? { fingerprint: prepared.layer.fingerprint, folders: prepared.layer.entries }
      : { message: prepared.error.message, log: logPath }),
  });
  return prepared;
}

/** Dependencies of one side: a prepared layer, setup to be run in place (adapters that can't mount), or none. */
export type Dependencies =
  | { readonly kind: 'none' }
  | { readonly kind: 'layer'; readonly layer: Layer }
  | { readonly kind: 'in-place'; readonly plan: SetupPlanned; readonly commands: readonly string[] };

/** Runs setup in a checkout itself; `null` when it succeeds. */
export async function setUpInPlace(
  context: JobContext,
  bench: Bench,
  place: Checkout,
  plan: SetupPlanned,
  commands: readonly string[],
): Promise<SetupError | null> {
  const sandbox = await bench.sandboxes.setup(place);
  const logPath = join(context.paths.logs, 'setup.log');
  try {
    const recipe = { ...plan, commands };
    const failed = await runSetup(sandbox, recipe, { logPath, env: {}, signal: context.signal });
    return failed === null ? null : errorOf(failed, logPath);
  } finally {
    await sandbox.close();
  }
}

/** Puts dependencies into a checkout. Rejects with `setup_failed` when setup in place fails. */
export async function installDependencies(
  context: JobContext,
  bench: Bench,
  place: Checkout,
  dependencies: Dependencies,
): Promise<void> {
  if (dependencies.kind === 'none') return;
  if (dependencies.kind === 'layer') return place.lay(dependencies.layer);
  const { plan, commands } = dependencies;
  const error = await setUpInPlace(context, bench, place, plan, commands);
  if (error !== null) throw setupFailed(error);
}

/** An open checkout of the gate. */
export interface OpenCheckout {
  readonly sandbox: Sandbox;
  readonly env: Readonly<Record<string, string>>;
  /** Where on the host checks write. */
  readonly folders: Folders;
  close(): Promise<void>;
}

/** Where files appear that are written to a place: copy-on-write places are empty folders to the host. */
function writtenFolders(place: Checkout): Folders {
  const { workspaceLayers, homeLayers } = place.layers();
  return {
    workspace: workspaceLayers?.upper ?? place.tree,
    below: workspaceLayers?.lower ?? [],
    home: homeLayers?.upper ?? place.home,
  };
}

type CleanCheckout = Awaited<ReturnType<WorkingCopy['checkOutClean']>>;

/** A clean checkout that is laid before somebody asks for it. */
export interface LaidCheckout {
  /** The checkout, for whoever asks first; it is the caller's from then on. */
  take(): Promise<CleanCheckout> | undefined;
  /** Removes it where nobody took it. */
  drop(): Promise<void>;
  /** Resolves when nothing is laid any more. */
  readonly settled: Promise<unknown>;
}

/** Begins to lay a clean checkout, if it is wanted at all. */
export function layCheckout(
  isWanted: boolean,
  bench: Bench,
  name: string,
  commit: Promise<string>,
  tree: string,
): LaidCheckout {
  let laid = isWanted ? bench.copy.checkOutClean(name, commit, tree) : undefined;
  const settled = Promise.allSettled([laid]);
  const take: LaidCheckout['take'] = () => {
    const taken = laid;
    laid = undefined;
    return taken;
  };
  return {
    take,
    settled,
    async drop() {
      const left = await take()?.catch(() => null);
      await left?.remove();
    },
  };
}

/** Opens a fresh sandbox on a clean checkout, with dependencies; `close` ends it and begins to remove the checkout. */
export async function openCheckout(
  context: JobContext,
  bench: Bench,
  place: CleanCheckout,
  dependencies: Dependencies,
  options: { readonly env: Readonly<Record<string, string>>; readonly network: boolean },
): Promise<OpenCheckout> {
  try {
    await installDependencies(context, bench, place, dependencies);
    const sandbox = await bench.sandboxes.gate(place, options.env, options.network);
    return {
      sandbox,
      env: options.env,
      folders: writtenFolders(place),
      async close() {
        await sandbox.close();
        // Nobody waits for it: what is left when the job ends goes with the job's own folders.
        place.remove().catch(() => {});
      },
    };
  } catch (error) {
    await place.remove();
    throw error;
  }
}
