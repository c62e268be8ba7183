/** A working copy with a sandbox that runs a command in it, beside git's own ways to have the files. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readEnvironment, resolveConfig } from '../src/config.ts';
import { createSandboxes } from '../src/runner/sandboxes.ts';
import type { OverlayMode } from '../src/sandbox/process/overlay.ts';
import { selectSandbox } from '../src/sandbox/select.ts';
import { createWorkingCopy } from '../src/workspace/copy/working-copy.ts';
import { createGit } from '../src/workspace/git.ts';
import { createLayout } from '../src/workspace/layout.ts';
import { fetchBase } from '../src/workspace/remote/mirror.ts';
import { makeRemote, median, openBenchFolder } from './place.ts';

/** Interleaved rounds that are counted, after one that is not. */
const ROUNDS = 7;
const FILES = 27_000;
const AUTHOR = { name: 'a', email: 'a@example.org' };

/** Milliseconds of one round. */
interface Pair {
  readonly ours: number;
  readonly gits: number;
}

function report(name: string, pairs: readonly Pair[], than: string, goal: number): void {
  const [ours, gits] = [median(pairs.map((one) => one.ours)), median(pairs.map((one) => one.gits))];
  const ratio = (ours / gits).toFixed(3);
  console.log(
    `${name}: ${ours.toFixed(0)} ms, ${than} ${gits.toFixed(0)} ms, ratio ${ratio} (goal: at most ${goal})`,
  );
}

function timed(act: () => void): number {
  const started = performance.now();
  act();
  return performance.now() - started;
}

function git(...args: string[]): void {
  execFileSync('git', args, { stdio: 'ignore' });
}

/** Prints, with overlayfs and without, the time until a command has run in a new working copy. */
export async function benchCopy(): Promise<void> {
  const place = openBenchFolder();
  const folder = place.path;
  try {
    const remote = makeRemote(folder, FILES);
    const home = join(folder, 'home');
    mkdirSync(join(folder, 'copies'));
    const env = { ...readEnvironment(), AGENT_RUNNER_HOME: home };
    const config = await resolveConfig({ flags: {}, env, cwd: folder });
    const { adapter } = await selectSandbox('bubblewrap', { allowHost: false });
    const sandboxes = await createSandboxes(adapter, config);
    mkdirSync(home, { recursive: true });
    const overlay = (await adapter.probeLayers?.(home)) ?? null;
    const host = createGit({ path: config.host.path, home: config.host.home, network: {} });
    const layout = createLayout(home);
    const repo = layout.repo(remote);
    const base = await fetchBase(host, repo, { url: remote, kind: 'bare' }, null, 'job-000000000000');
    let count = 0;

    const ready = async (mode: OverlayMode | null): Promise<number> => {
      const paths = layout.job(`job-${String(++count).padStart(12, '0')}`);
      const started = performance.now();
      const copy = await createWorkingCopy({
        git: host,
        paths,
        repo,
        baseSha: base.sha,
        branch: 'bot/bench',
        author: AUTHOR,
        canMount: true,
        overlay: mode,
      });
      const sandbox = await sandboxes.gate(copy, {}, false);
      const result = await sandbox.exec(['test', '-f', 'src/file-0.js'], {
        timeoutMs: 10_000,
        maxBytes: 1000,
      });
      const took = performance.now() - started;
      await sandbox.close();
      if (result.exitCode !== 0) throw new Error(`the files are not there: ${JSON.stringify(result)}`);
      rmSync(paths.root, { recursive: true, force: true });
      return took;
    };

    const overlays: Pair[] = [];
    const plains: Pair[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const copy = join(folder, 'copies', String(round));
      const worktree = timed(() =>
        git('-C', remote, 'worktree', 'add', '--quiet', '--detach', copy, base.sha),
      );
      git('-C', remote, 'worktree', 'remove', '--force', copy);
      const clone = timed(() => git('clone', '--quiet', '--shared', remote, copy));
      rmSync(copy, { recursive: true, force: true });
      const layered = overlay === null ? Number.NaN : await ready(overlay);
      const plain = await ready(null);
      if (round === 0) continue;
      overlays.push({ ours: layered, gits: worktree });
      plains.push({ ours: plain, gits: clone });
    }
    console.log(`working copy and sandbox ready, ${FILES} files, on ${place.kind}`);
    report('with overlayfs', overlays, 'git worktree add', 0.05);
    report('without', plains, 'git clone --shared', 1.1);
  } finally {
    place.remove();
  }
}
