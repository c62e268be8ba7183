/**
 * What an idle server weighs beside Node with the same two parts of it (HTTP and SQLite), and what a running job adds:
 * memory of the server, and processes of ours beside the agent's. On the built package, as it is installed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleProgram } from '../build.ts';
import { memoryOf, startServer, stopServer } from './followers.ts';
import { machine, makeRemote, median, openBenchFolder } from './place.ts';

const ROOT = join(import.meta.dirname, '..');
const ROUNDS = 3;
const IDLE_MS = 10_000;
const MAX_RATIO = 1.6;
/** Jobs that sleep at once, after one. */
const JOBS = 20;
const [MAX_JOB_MB, MAX_JOB_PROCESSES] = [4, 2];
/** How long a job may take to come to its agent. */
const START_MS = 120_000;

const BARE = `import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
const db = new DatabaseSync(process.argv[2]);
db.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)');
db.prepare('INSERT INTO t DEFAULT VALUES').run();
createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
process.once('SIGTERM', () => process.exit());
`;

/** Memory that is a process's share, in MB: what it shares with others is divided among them. */
function shareOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss: +(\d+)/m.exec(text)?.[1]) / 1024;
}

/** The package as it is published, beside this clone's dependencies. @returns its command line */
async function build(folder: string): Promise<string> {
  mkdirSync(folder);
  await bundleProgram(join(folder, 'dist'));
  for (const name of ['bin', 'package.json'])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'bin/agent-runner.js');
}

/** Memory of each after ten seconds of nothing, in MB. */
async function idleRound(folder: string, bin: string, at: number): Promise<{ bare: number; ours: number }> {
  const script = join(folder, 'bare.mjs');
  writeFileSync(script, BARE);
  const bare = spawn(process.execPath, [script, join(folder, `bare-${at}.db`)], { stdio: 'ignore' });
  const server = await startServer(join(folder, `idle-${at}`), { works: true, bin });
  await sleep(IDLE_MS);
  const figures = { bare: memoryOf(bare), ours: memoryOf(server.child) };
  await Promise.all([stopServer(bare), stopServer(server.child)]);
  return figures;
}

interface Found {
  readonly pid: number;
  readonly parent: number;
  readonly words: string;
}

/** Every process below one, but those that have ended. */
function below(pid: number): readonly Found[] {
  const all = readdirSync('/proc').flatMap((name): Found[] => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const [, state, parent] =
        /^\d+ \(.*\) (\S) (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent), words }];
    } catch {
      return [];
    }
  });
  const children = (of: number): readonly Found[] =>
    all.filter(({ parent }) => parent === of).flatMap((one) => [one, ...children(one.pid)]);
  return children(pid);
}

const nameOf = ({ words }: Found): string => words.split('\n')[0]?.slice(0, 40).trim() ?? '';
/** The agent's command line and what it starts; all else below the server is ours. */
const isAgents = ({ words }: Found): boolean => /^(?:sleep |sh -c \S*agent\.sh )/.test(words);

interface Weight {
  readonly serverMb: number;
  readonly oursMb: number;
  readonly ours: readonly Found[];
}

async function sleeping(child: ChildProcess, count: number): Promise<Weight> {
  for (let waited = 0; waited < START_MS; waited += 200) {
    if (below(child.pid ?? 0).filter(({ words }) => words.startsWith('sleep ')).length === count) break;
    await sleep(200);
  }
  // Until what starting needed has gone.
  await sleep(IDLE_MS);
  const ours = below(child.pid ?? 0).filter((one) => !isAgents(one));
  return {
    serverMb: shareOf(child.pid ?? 0),
    oursMb: ours.reduce((sum, { pid }) => sum + shareOf(pid), 0),
    ours,
  };
}

async function submit(url: string, repo: string, at: number): Promise<void> {
  const gate = [{ name: 'true', command: 'true', timeout_s: 60 }];
  const answer = await fetch(`${url}/api/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ repo, task: `sleep (${at})`, agent: 'command', gate }),
  });
  if (answer.status !== 201) throw new Error(await answer.text());
}

async function running(folder: string, bin: string): Promise<boolean> {
  const repo = makeRemote(folder, 40);
  const agent = join(folder, 'agent.sh');
  writeFileSync(agent, '#!/bin/sh\ncat > /dev/null\nexec sleep 999\n', { mode: 0o755 });
  mkdirSync(join(folder, 'config/agent-runner'), { recursive: true });
  writeFileSync(join(folder, 'config/agent-runner/config.yml'), `max_concurrent_jobs: ${JOBS}\ndrain_s: 0\n`);
  const env = { AGENT_CMD: agent, XDG_CONFIG_HOME: join(folder, 'config') };
  const server = await startServer(join(folder, 'home'), { works: true, bin, env });
  await submit(server.url, repo, 0);
  const one = await sleeping(server.child, 1);
  for (let at = 1; at < JOBS; at++) await submit(server.url, repo, at);
  const all = await sleeping(server.child, JOBS);
  await stopServer(server.child);
  const more = JOBS - 1;
  const [inServer, beside] = [(all.serverMb - one.serverMb) / more, (all.oursMb - one.oursMb) / more];
  const processes = (all.ours.length - one.ours.length) / more;
  const names = Map.groupBy(all.ours, nameOf);
  console.log(
    `a running job: ${(inServer + beside).toFixed(2)} MB, of which ${inServer.toFixed(2)} in the server (goal: at most ${MAX_JOB_MB}); ` +
      `${processes.toFixed(2)} processes of ours beside the agent's (goal: at most ${MAX_JOB_PROCESSES}); of ${JOBS} jobs:`,
  );
  for (const [name, some] of names) console.log(`  ${some.length} × ${name}`);
  return inServer + beside <= MAX_JOB_MB && processes <= MAX_JOB_PROCESSES;
}

/** Prints what an idle server weighs, and what a running job adds. */
export async function benchMemory(): Promise<void> {
  const place = openBenchFolder();
  try {
    const bin = await build(join(place.path, 'package'));
    const rounds: { bare: number; ours: number }[] = [];
    // The first fills the cache of compiled code.
    for (let at = 0; at <= ROUNDS; at++) {
      const one = await idleRound(place.path, bin, at);
      if (at > 0) rounds.push(one);
    }
    const [bare, ours] = [median(rounds.map((one) => one.bare)), median(rounds.map((one) => one.ours))];
    console.log(
      `idle for ${IDLE_MS / 1000} s: ${ours.toFixed(1)} MB, Node with HTTP and SQLite ${bare.toFixed(1)} MB, ratio ${(ours / bare).toFixed(2)} (goal: at most ${MAX_RATIO})`,
    );
    const isMet = await running(place.path, bin);
    console.log(machine());
    if (!(isMet && ours / bare <= MAX_RATIO)) process.exitCode = 1;
  } finally {
    place.remove();
  }
}
