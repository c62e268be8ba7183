/** How much the command line adds to Node's own start, and how long the demo takes. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { bundleProgram } from '../build.ts';

const ROOT = join(import.meta.dirname, '..');
const BIN = join(ROOT, 'bin/agent-runner.js');
/** Pairs that are counted, after one that is not. */
const PAIRS = 21;
const DEMOS = 5;

function time(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore', env });
  if (status !== 0) throw new Error(`${args.join(' ')} exited with ${String(status)}`);
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Medians of `list` from the sources and from the built program, interleaved. */
async function timeList(folder: string): Promise<readonly [sources: number, built: number]> {
  cpSync(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await bundleProgram(join(folder, 'dist'));
  const env = { ...process.env, AGENT_RUNNER_HOME: join(folder, 'home') };
  const [sources, built]: [number[], number[]] = [[], []];
  for (let pair = 0; pair <= PAIRS; pair++) {
    const [a, b] = [time([BIN, 'list'], env), time([join(folder, 'bin/agent-runner.js'), 'list'], env)];
    if (pair === 0) continue;
    sources.push(a);
    built.push(b);
  }
  return [median(sources), median(built)];
}

/** Prints `--version` beside `node -e 0`, interleaved, `list`, and the demo's wall time when it is warm. */
export async function benchCli(): Promise<void> {
  const [bare, version]: [number[], number[]] = [[], []];
  for (let pair = 0; pair <= PAIRS; pair++) {
    const [a, b] = [time(['-e', '0'], process.env), time([BIN, '--version'], process.env)];
    if (pair === 0) continue;
    bare.push(a);
    version.push(b);
  }
  const folder = mkdtempSync(join(tmpdir(), 'agent-runner-bench-'));
  const demos: number[] = [];
  let lists: readonly [number, number];
  try {
    lists = await timeList(folder);
    for (let run = 0; run <= DEMOS; run++) {
      const took = time([BIN, 'demo'], { ...process.env, TMPDIR: folder });
      if (run > 0) demos.push(took);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const rows = [
    ['node -e 0', `${median(bare).toFixed(0)} ms`],
    ['agent-runner --version', `${median(version).toFixed(0)} ms`],
    ['ratio (goal: at most 1.7)', (median(version) / median(bare)).toFixed(2)],
    ['list, from the sources', `${lists[0].toFixed(0)} ms`],
    ['list, built', `${lists[1].toFixed(0)} ms`],
    ['demo, warm (goal: under 5 s)', `${(median(demos) / 1000).toFixed(2)} s`],
    [
      'machine',
      `${cpus().length} × ${cpus()[0]?.model ?? '?'}, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, Linux ${release()}, Node ${process.version}`,
    ],
  ];
  for (const [name = '', value = ''] of rows) console.log(`${name.padEnd(30)} ${value}`);
}
