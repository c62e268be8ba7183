/** From an HTTP request to a pull request, beside the shell script that people would write instead. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestForge, type TestForge } from '../test/forge/forge.ts';
import { machine, makeRemote, median, openBenchFolder } from './place.ts';

/** Interleaved rounds that are counted, after one that is not. */
const ROUNDS = 9;
/** Files of a repository, and the ratio to the script that a job may have. */
const SIZES = [
  { files: 40, goal: 3 },
  { files: 5000, goal: 0.5 },
  { files: 27_000, goal: 0.3 },
] as const;
const PAST_JOBS = 100_000;
const MAX_PAST_RATIO = 1.15;
const TOKEN = 'ghp_benchbenchbenchbenchbenchbenchbench0';
const BIN = join(import.meta.dirname, '../bin/agent-runner.js');
const LOOK_MS = 1;
const MAX_JOB_MS = 120_000;

/** The edit: another one every time, so that nobody is quicker for having seen it before. */
const EDIT = 'read -r now _ < /proc/uptime; echo "// edited at $now" >> src/file-0.js';

/** The floor: a shared clone of a mirror, an edit, a commit, a push, and the pull request, by git and curl alone. */
const SCRIPT = `set -e
git clone --quiet --shared --single-branch --no-tags "$1" "$2"
cd "$2"
${EDIT}
git add -A
git -c user.name=a -c user.email=a@example.org commit --quiet -m edit
git push --quiet "$4" "HEAD:refs/heads/$3"
curl --silent --fail --output /dev/null -H "authorization: token $6" -H "user-agent: script" "$5" \\
  -d "{\\"title\\":\\"edit\\",\\"head\\":\\"$3\\",\\"base\\":\\"main\\",\\"body\\":\\"edit\\"}"
`;

/** Waits for something that this process can see. @throws when it never comes */
async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const ends = performance.now() + MAX_JOB_MS; !isSo(); await sleep(LOOK_MS))
    if (performance.now() > ends) throw new Error(`${what}: it never came to be`);
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on('close', resolve));
}

/** A server with a worker, in a process of its own and on a home of its own. */
interface Server {
  readonly home: string;
  readonly url: string;
  close(): Promise<void>;
}

async function startServer(
  folder: string,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Server> {
  const home = join(folder, name);
  const child = spawn(process.execPath, [BIN, 'up', '--port', '0', '--no-auth'], {
    env: { ...process.env, ...env, AGENT_RUNNER_HOME: home, XDG_CONFIG_HOME: join(folder, 'config') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until(() => /ready: (http:\S+)/.test(said) || child.exitCode !== null, 'the server');
  const url = /ready: (http:\S+)/.exec(said)?.[1];
  if (url === undefined) throw new Error(said);
  const done = ended(child);
  return {
    home,
    url,
    async close() {
      child.kill('SIGTERM');
      await done;
    },
  };
}

/** What a round is run on. */
interface Place {
  readonly folder: string;
  readonly forge: TestForge;
  readonly mirror: string;
}

/** Milliseconds from the start of the script to its end. */
async function runScript({ folder, forge, mirror }: Place, name: string): Promise<number> {
  const copy = join(folder, name);
  const pulls = `${forge.apiUrl}/repos/ann/tool/pulls`;
  const words = ['-c', SCRIPT, 'sh', mirror, copy, name, forge.gitUrl('ann', 'tool', TOKEN), pulls, TOKEN];
  const started = performance.now();
  const code = await ended(spawn('sh', words, { stdio: ['ignore', 'ignore', 'inherit'] }));
  const took = performance.now() - started;
  if (code !== 0) throw new Error(`the script ended with ${String(code)}`);
  rmSync(copy, { recursive: true, force: true });
  return took;
}

/** Milliseconds from the request to the pull request, and waits until the job has ended. */
async function runJob({ forge }: Place, server: Server, task: string): Promise<number> {
  const repository = forge.repo('ann', 'tool');
  const before = repository.pulls.length;
  const started = performance.now();
  const answer = await fetch(`${server.url}/api/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      repo: `${forge.url}/ann/tool`,
      task,
      agent: 'command',
      gate: [{ name: 'true', command: 'true', timeout_s: 60 }],
      setup: '',
    }),
  });
  if (answer.status !== 201) throw new Error(await answer.text());
  const { job_id: id } = (await answer.json()) as { job_id: string };
  await until(() => repository.pulls.length > before, `the pull request of ${id}`);
  const took = performance.now() - started;
  for (;;) {
    const job = (await (await fetch(`${server.url}/api/jobs/${id}`)).json()) as {
      status: string;
      outcome: string;
    };
    if (job.status === 'completed') return took;
    if (job.status === 'failed') throw new Error(`${id} ended as ${job.outcome}`);
    await sleep(20);
  }
}

/** Copies the first job of a home so often, with its request and result, as if as many had been done. */
function addPast(home: string, count: number): void {
  const db = new DatabaseSync(join(home, 'agent-runner.db'));
  try {
    const columns = db
      .prepare('PRAGMA table_info(jobs)')
      .all()
      .map((row) => String(row['name']))
      .filter((name) => name !== 'number');
    const values = columns.map((name) => {
      if (name === 'job_id') return "printf('job-%012x', past.n)";
      return name === 'created_ms' ? 'created_ms - past.n * 1000' : name;
    });
    db.exec(
      `WITH RECURSIVE past(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM past WHERE n < ${count})
       INSERT INTO jobs (${columns.join()}) SELECT ${values.join()} FROM past, (SELECT * FROM jobs LIMIT 1)`,
    );
  } finally {
    db.close();
  }
}

interface Figures {
  readonly script: number;
  readonly job: number;
  /** With as many past jobs; `null` where they were not measured. */
  readonly past: number | null;
}

async function benchSize(files: number, hasPast: boolean): Promise<Figures> {
  const room = openBenchFolder();
  const folder = room.path;
  const forge = await startTestForge({ users: [{ login: 'ann', token: TOKEN }], rateLimit: 1_000_000 });
  const servers: Server[] = [];
  try {
    const mirror = makeRemote(folder, files);
    await forge.addRepository({ owner: 'ann', name: 'tool', from: mirror });
    const agent = join(folder, 'agent.sh');
    writeFileSync(agent, `#!/bin/sh\n${EDIT}\n`, { mode: 0o755 });
    mkdirSync(join(folder, 'copies'));
    const place = { folder: join(folder, 'copies'), forge, mirror };
    // The pace is GitHub's: nobody waits for it here, and no job asks for more than it lets pass at once.
    const env = {
      BOT_TOKEN: TOKEN,
      GITHUB_SERVER_URL: forge.url,
      AGENT_CMD: agent,
      AGENT_RUNNER_GITHUB_PACE_MS: '0',
    };
    const start = async (name: string): Promise<Server> => {
      const server = await startServer(folder, name, env);
      servers.push(server);
      return server;
    };
    const fresh = await start('fresh');
    let old: Server | null = null;
    if (hasPast) {
      const first = await start('old');
      await runJob(place, first, 'the first of many');
      await first.close();
      addPast(first.home, PAST_JOBS);
      old = await start('old');
    }
    const taken = { script: [] as number[], job: [] as number[], past: [] as number[] };
    for (let round = 0; round <= ROUNDS; round++) {
      const script = await runScript(place, `script-${round}`);
      const job = await runJob(place, fresh, `Add a line (${round})`);
      const past = old === null ? null : await runJob(place, old, `Add a line with a past (${round})`);
      if (round === 0) continue;
      taken.script.push(script);
      taken.job.push(job);
      if (past !== null) taken.past.push(past);
    }
    return {
      script: median(taken.script),
      job: median(taken.job),
      past: hasPast ? median(taken.past) : null,
    };
  } finally {
    for (const server of servers) await server.close();
    await forge.close();
    room.remove();
  }
}

/** Prints, for each size of repository, the time from request to pull request beside the script's. */
export async function benchForge(): Promise<void> {
  for (const { files, goal } of SIZES) {
    const { script, job, past } = await benchSize(files, files === SIZES[0].files);
    const ratio = (job / script).toFixed(2);
    console.log(
      `${String(files).padStart(6)} files: script ${script.toFixed(0)} ms, job ${job.toFixed(0)} ms, ratio ${ratio} (goal: at most ${goal})`,
    );
    if (past === null) continue;
    const more = (past / job).toFixed(2);
    console.log(
      `        with ${PAST_JOBS} past jobs: ${past.toFixed(0)} ms, ${more} × without (goal: at most ${MAX_PAST_RATIO})`,
    );
  }
  console.log(machine());
}
