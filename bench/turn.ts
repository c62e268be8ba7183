/** What a turn of an agent costs beside the agent's own time: its events stored, its usage counted. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { makeRequest } from '../src/cli/asking/settings.ts';
import { readEnvironment, resolveConfig } from '../src/config.ts';
import type { JobEvent } from '../src/job/job.ts';
import { openRunner } from '../src/runner/open.ts';
import type { Runner } from '../src/runner/runner.ts';
import { machine, makeRemote, median, openBenchFolder } from './place.ts';

const TURNS = 200;
/** Interleaved pairs that are counted, after one that is not. */
const PAIRS = 7;
const MAX_TURN_MS = 5;
/** Growth of the heap from the first quarter of the turns to the last event, collected, that is called flat. */
const MAX_GROWTH_MB = 5;
const TOKENS = { input: 1000, output: 50 };

/** A provider that answers at once, in a thread of its own. */
function serve(): void {
  const answer = JSON.stringify({
    id: 'm',
    type: 'message',
    role: 'assistant',
    content: [{ type: 'text', text: 'Go on.' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: TOKENS.input, output_tokens: TOKENS.output },
  });
  const server = createServer((incoming, response) => {
    incoming.resume();
    incoming.once('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(answer);
    });
  });
  server.listen(0, '127.0.0.1', () =>
    parentPort?.postMessage(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, []),
  );
}

const LINES = ['initialize', 'session/new', 'session/prompt'].map(
  (method, id) => `${JSON.stringify({ jsonrpc: '2.0', id, method, params: {} })}\n`,
);

/** The agent alone with its model: milliseconds from its start to its end, what it says thrown away. */
function runAlone(programme: string, url: string, cwd: string): Promise<number> {
  const started = performance.now();
  const env = { ...readEnvironment(), ANTHROPIC_HOST: url, ANTHROPIC_API_KEY: 'key', GOOSE_MODEL: 'm' };
  const child = spawn(programme, [], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.write(LINES.join(''));
  let tail = '';
  child.stdout.on('data', (piece: Buffer) => {
    tail = (tail + piece.toString('latin1')).slice(-200);
    if (tail.includes('end_turn')) child.stdin.end();
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve(performance.now() - started));
  });
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapMb(): number {
  collect();
  return process.memoryUsage().heapUsed / 1024 ** 2;
}

/** The same agent in a job: milliseconds of the build step, sandbox included, and what was stored and counted. */
interface InJob {
  readonly ms: number;
  /** Processor time of this process in that step, the gateway's included. */
  readonly cpuMs: number;
  readonly events: number;
  readonly growthMb: number;
}

async function runInJob(runner: Runner, remote: string, measuresMemory: boolean): Promise<InJob> {
  const request = await makeRequest(runner.config, {
    task: 'Look at every file',
    repo: remote,
    allowHost: false,
    check: ['true=true'],
    setup: '',
  });
  const job = await runner.accept(request);
  let [ms, cpuMs, events, calls] = [0, 0, 0, 0];
  let [early, late] = [0, 0];
  let cpu = process.cpuUsage();
  const onEvent = ({ type, data }: JobEvent): void => {
    events++;
    if (type === 'usage' && 'call_id' in data) calls++;
    if (measuresMemory && calls === TURNS / 4 && early === 0) early = heapMb();
    if (type !== 'phase' || data['step'] !== 'build-1') return;
    if (data['state'] === 'started') cpu = process.cpuUsage();
    if (data['state'] !== 'done') return;
    ms = Number(data['duration_ms']);
    const { user, system } = process.cpuUsage(cpu);
    cpuMs = (user + system) / 1000;
    if (measuresMemory) late = heapMb();
  };
  const end = await runner.run(job.job_id, { signal: AbortSignal.timeout(120_000), onEvent });
  const result = end.kind === 'ended' ? end.result : null;
  if (result?.outcome !== 'proposed' || calls !== TURNS || result.total_tokens_in !== TURNS * TOKENS.input)
    throw new Error(`the job did not do its ${TURNS} turns: ${JSON.stringify(end)}`);
  return { ms, cpuMs, events, growthMb: late - early };
}

/** Prints what a turn costs beside the agent's own time, and whether memory grows with the turns. */
export async function benchTurn(): Promise<void> {
  const provider = new Worker(new URL(import.meta.url));
  const url = await new Promise<string>((resolve, reject) => {
    provider.once('message', resolve);
    provider.once('error', reject);
  });
  const place = openBenchFolder();
  try {
    const remote = makeRemote(place.path, 40);
    const tools = join(place.path, 'tools', 'bin');
    mkdirSync(tools, { recursive: true });
    // A preset's name with an agent of ours behind it.
    const programme = join(tools, 'goose');
    copyFileSync(new URL('turn-agent.ts', import.meta.url), join(tools, 'agent.mts'));
    const command = `exec '${process.execPath}' '${join(tools, 'agent.mts')}' ${TURNS}`;
    writeFileSync(programme, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
    const environment = readEnvironment();
    const env = {
      ...environment,
      PATH: `${tools}:${environment['PATH'] ?? ''}`,
      AGENT_RUNNER_HOME: join(place.path, 'home'),
      ANTHROPIC_API_KEY: 'key-of-the-bench',
      ANTHROPIC_BASE_URL: url,
    };
    const flags = {
      agent: 'goose',
      model: 'anthropic/claude-sonnet-5',
      phases: 'off',
      max_calls_per_minute: 100_000,
      'sandbox.ro_paths': [process.execPath],
    };
    const runner = await openRunner(await resolveConfig({ flags, env, cwd: place.path }));
    const alone = join(place.path, 'alone');
    const [added, own, cpu, jobs]: [number[], number[], number[], InJob[]] = [[], [], [], []];
    try {
      for (let pair = 0; pair <= PAIRS; pair++) {
        mkdirSync(join(alone, 'src'), { recursive: true });
        const one = await runAlone(programme, url, alone);
        rmSync(alone, { recursive: true });
        // The last is for memory: collecting takes time.
        const two = await runInJob(runner, remote, pair === PAIRS);
        jobs.push(two);
        if (pair === 0 || pair === PAIRS) continue;
        own.push(one / TURNS);
        added.push((two.ms - one) / TURNS);
        cpu.push(two.cpuMs / TURNS);
      }
    } finally {
      await runner.close();
    }
    const growth = jobs.at(-1)?.growthMb ?? Number.NaN;
    console.log(
      `${TURNS} turns, ${jobs.at(-1)?.events ?? 0} events stored: the agent's own ${median(own).toFixed(2)} ms a turn, ${median(added).toFixed(2)} ms beside it (goal: at most ${MAX_TURN_MS}); ${median(cpu).toFixed(2)} ms of processor time of ours`,
    );
    console.log(
      `the heap grew by ${growth.toFixed(1)} MB over the last three quarters of the turns (goal: at most ${MAX_GROWTH_MB})`,
    );
    console.log(machine());
    if (!(median(added) <= MAX_TURN_MS && growth <= MAX_GROWTH_MB)) process.exitCode = 1;
  } finally {
    place.remove();
    await provider.terminate();
  }
}

if (!isMainThread) serve();
