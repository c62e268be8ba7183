/** One agent that prints 1 GiB: what it costs of the server's memory, and of the events of another job beside it. */
import { mkdirSync, readFileSync, writeFileSync, rmSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile, startServer, stopServer } from './followers.ts';
import { machine, makeRemote, median, openBenchFolder } from './place.ts';

const MAX_MEMORY_MB = 64;
const ROUNDS = 3;
/** Lines that the other job says, and the pause between them, in seconds. */
const [LINES, PAUSE_S] = [200, 0.05];
const MIB = 2 ** 20;

/** What the agents do, told by the word that their task begins with. */
const AGENT = `#!/bin/sh
case $(cat) in
*do-flood*) yes 'a line that says nothing, as agents print them by the million, of 80 characters' | head -c 1073741824 ;;
*do-quiet*) sleep 5 ;;
*do-talk*) n=0; while [ $n -lt ${LINES} ]; do echo "sent=$(date +%s%3N)."; n=$((n + 1)); sleep ${PAUSE_S}; done ;;
esac
echo done >> note.txt
`;

/** The most memory that a process had since it was last asked, in MB. */
function peakOf(child: ChildProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  writeFileSync(`/proc/${child.pid}/clear_refs`, '5');
  return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024) / MIB;
}

async function submit(url: string, repo: string, task: string): Promise<string> {
  const answer = await fetch(`${url}/api/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      repo,
      task,
      agent: 'command',
      gate: [{ name: 'true', command: 'true', timeout_s: 60 }],
    }),
  });
  if (answer.status !== 201) throw new Error(await answer.text());
  return ((await answer.json()) as { job_id: string }).job_id;
}

async function ended(url: string, jobId: string): Promise<void> {
  for (let waited = 0; waited < 300_000; waited += 50) {
    const job = (await (await fetch(`${url}/api/jobs/${jobId}`)).json()) as { outcome: string | null };
    if (job.outcome === 'proposed') return;
    if (job.outcome !== null) throw new Error(`${jobId} ended as ${job.outcome}`);
    await sleep(50);
  }
  throw new Error(`${jobId} did not end`);
}

/** Follows a job to its end; how late each of its agent's lines came, in milliseconds. */
function follow(url: string, jobId: string): Promise<number[]> {
  // The job's summary says the last lines once more.
  const late = new Map<string, number>();
  return new Promise((resolve, reject) => {
    const headers = { accept: 'text/event-stream' };
    const sent = request(`${url}/api/jobs/${jobId}/events`, { headers }, (response: IncomingMessage) => {
      response.setEncoding('utf8').on('data', (text: string) => {
        const now = Date.now();
        for (const [, at = ''] of text.matchAll(/sent=(\d+)\./g))
          if (!late.has(at)) late.set(at, now - Number(at));
      });
      response.once('end', () => resolve([...late.values()]));
      response.once('error', reject);
    });
    sent.once('error', reject);
    sent.end();
  });
}

interface Round {
  readonly peakMb: number;
  readonly lateMs: readonly number[];
  readonly tookMs: number;
}

async function round(
  server: { child: ChildProcess; url: string },
  repo: string,
  kind: string,
): Promise<Round> {
  const { child, url } = server;
  peakOf(child);
  const talking = await submit(url, repo, `do-talk beside a job that is ${kind}, ${Math.random()}`);
  const late = follow(url, talking);
  await sleep(1500);
  const started = performance.now();
  await ended(url, await submit(url, repo, `do-${kind} ${Math.random()}`));
  const tookMs = performance.now() - started;
  const lateMs = await late;
  await ended(url, talking);
  return { peakMb: peakOf(child), lateMs, tookMs };
}

/** Prints what a flood costs beside the same job that prints nothing. */
export async function benchFlood(): Promise<void> {
  const place = openBenchFolder();
  const repo = makeRemote(place.path, 40);
  const agent = join(place.path, 'agent.sh');
  writeFileSync(agent, AGENT, { mode: 0o755 });
  const home = join(place.path, 'home');
  mkdirSync(home);
  const server = await startServer(home, { works: true, env: { AGENT_CMD: agent } });
  try {
    const rounds: Record<string, Round[]> = { quiet: [], flood: [] };
    for (let at = 0; at <= ROUNDS; at++) {
      for (const [kind, all] of Object.entries(rounds)) {
        const one = await round(server, repo, kind);
        if (at > 0) all.push(one);
      }
    }
    for (const [kind, all] of Object.entries(rounds)) {
      const late = all.flatMap((one) => one.lateMs);
      console.log(
        `${kind}: most memory ${median(all.map((one) => one.peakMb)).toFixed(0)} MB, the job took ${(median(all.map((one) => one.tookMs)) / 1000).toFixed(1)} s; ` +
          `the other job: ${late.length} of ${LINES * ROUNDS} lines, p50 ${quantile(late, 0.5)} ms p99 ${quantile(late, 0.99)} ms`,
      );
    }
    const [quiet, flood] = ['quiet', 'flood'].map((kind) =>
      median((rounds[kind] ?? []).map((one) => one.peakMb)),
    );
    const cost = (flood ?? Number.NaN) - (quiet ?? Number.NaN);
    console.log(
      `1 GiB printed costs ${cost.toFixed(0)} MB (goal: at most ${MAX_MEMORY_MB}, and no event of another job)`,
    );
    console.log(machine());
    if (!(cost <= MAX_MEMORY_MB)) process.exitCode = 1;
  } finally {
    await stopServer(server.child);
    place.remove();
    rmSync(place.path, { recursive: true, force: true });
  }
}
