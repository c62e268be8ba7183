/** The repository map of many files: read for the first time, again, and after a change to one of them. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEnvironment } from '../src/config.ts';
import { renderMap } from '../src/prompt/map/map.ts';
import { createGit } from '../src/workspace/git.ts';
import { readSymbols } from '../src/workspace/symbols/symbols.ts';
import { machine, makeRemote, median, openBenchFolder } from './place.ts';

const FILES = 27_000;
const ROUNDS = 5;
const TOKENS = 10_000;
const TASK = 'Make the handler of order 1234 in src/part-30/file-1234.js retry, as handler99 does';
/** A clock tick of Linux, in which the time of ended children is counted. */
const TICK_MS = 10;
const GOALS = { coldMs: 6000, rssMb: 300, changed: 0.05 } as const;

/** One look in a process of its own. */
interface Look {
  readonly ms: number;
  /** Processor time, that of git included: what others use the machine for changes it less than `ms`. */
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly files: number;
  readonly chars: number;
}

/** A file as programmes have them: a comment, imports, a class and functions, about 3 kB. */
function textOf(at: number): string {
  const uses = [1, 7, 40].map(
    (step) => `import { handler${(at + step) % FILES} } from './file-${(at + step) % FILES}.js';`,
  );
  const functions = Array.from(
    { length: 5 + (at % 6) },
    (_, of) =>
      `/** Step ${of} of order ${at}: checks its lines and adds them up. */\nexport async function step${at}of${of}(order, { rate = ${of} } = {}) {\n  const lines = order.lines.filter((line) => line.count > ${of});\n  if (lines.length === 0) throw new Error('order ${at} is empty');\n  return lines.reduce((sum, line) => sum + line.count * line.price * (1 + rate), 0);\n}\n`,
  );
  return [
    `/** Orders of kind ${at}: what is checked, and how they are added up. */`,
    ...uses,
    `export class handler${at} {\n  constructor(orders) {\n    this.orders = orders;\n  }\n  run() {\n    return this.orders.map((order) => step${at}of0(order));\n  }\n}`,
    ...functions,
  ].join('\n');
}

/** Milliseconds of processor time of this process and of those that it has waited for (`proc_pid_stat(5)`). */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const ticks = Number(fields[13]) + Number(fields[14]);
  return (user + system) / 1000 + ticks * TICK_MS;
}

/** What the child does: one map, and what it cost. */
async function lookOnce(dir: string, commit: string, store: string): Promise<Look> {
  const git = createGit({ path: readEnvironment()['PATH'] ?? '', home: '/nonexistent', network: {} });
  const [started, before] = [performance.now(), cpuMs()];
  const files = await readSymbols(git, { dir }, commit, store, new AbortController().signal);
  const { length: chars } = renderMap(files, TASK, TOKENS);
  const ms = performance.now() - started;
  return {
    ms,
    cpuMs: cpuMs() - before,
    rssMb: process.resourceUsage().maxRSS / 1024,
    files: files.length,
    chars,
  };
}

function look(dir: string, commit: string, store: string): Look {
  const argv = [fileURLToPath(import.meta.url), dir, commit, store];
  return JSON.parse(execFileSync(process.execPath, argv, { encoding: 'utf8' })) as Look;
}

/** Commits a change to one file, through a clone, and returns the commit. */
function changeOne(folder: string, remote: string, round: number): string {
  const work = join(folder, 'work');
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', work, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
      encoding: 'utf8',
    }).trim();
  const path = join(work, 'src', `file-${round}.js`);
  writeFileSync(path, `${readFileSync(path, 'utf8')}\nexport function added${round}() {}\n`);
  git('commit', '--quiet', '--all', '--message', `Change ${round}`);
  git('push', '--quiet', remote, 'HEAD:refs/heads/main');
  return git('rev-parse', 'HEAD');
}

/** Prints what a map costs cold, warm and after one change, beside the goals. */
export async function benchMap(): Promise<void> {
  const place = openBenchFolder();
  try {
    const remote = makeRemote(place.path, FILES, textOf);
    // As a mirror has it: one pack, not 27,000 loose objects.
    execFileSync('git', ['-C', remote, 'repack', '-a', '-d', '--quiet']);
    const store = join(place.path, 'symbols', 'symbols');
    const base = execFileSync('git', ['-C', remote, 'rev-parse', 'main'], { encoding: 'utf8' }).trim();
    const [cold, warm, changed]: [Look[], Look[], Look[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      rmSync(dirname(store), { recursive: true, force: true });
      cold.push(look(remote, base, store));
      warm.push(look(remote, base, store));
      changed.push(look(remote, changeOne(place.path, remote, round), store));
    }
    const ms = (looks: readonly Look[]): number => median(looks.map((one) => one.ms));
    const rss = Math.max(...[...cold, ...changed].map((one) => one.rssMb));
    const cpu = (looks: readonly Look[]): number => median(looks.map((one) => one.cpuMs));
    const ratio = ms(changed) / ms(cold);
    console.log(
      `${FILES} files: cold ${ms(cold).toFixed(0)} ms (goal: at most ${GOALS.coldMs}), warm ${ms(warm).toFixed(0)} ms`,
    );
    console.log(
      `one file changed: ${ms(changed).toFixed(0)} ms, ${ratio.toFixed(3)} × cold (goal: at most ${GOALS.changed})`,
    );
    console.log(
      `processor time: cold ${cpu(cold).toFixed(0)} ms, warm ${cpu(warm).toFixed(0)} ms, one file changed ${cpu(changed).toFixed(0)} ms: ${(cpu(changed) / cpu(cold)).toFixed(3)} × cold`,
    );
    console.log(`most memory: ${rss.toFixed(0)} MB (goal: at most ${GOALS.rssMb}); on ${place.kind}`);
    console.log(machine());
  } finally {
    place.remove();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [dir = '', commit = '', store = ''] = process.argv.slice(2);
  console.log(JSON.stringify(await lookOnce(dir, commit, store)));
}
