/** A whole job with an agent that takes no time, beside the shell script that people would write instead. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRequest } from '../src/cli/asking/settings.ts';
import { readEnvironment, resolveConfig } from '../src/config.ts';
import { openRunner } from '../src/runner/open.ts';
import type { Runner } from '../src/runner/runner.ts';
import { benchCopy } from './copy.ts';
import { machine, makeRemote, median, openBenchFolder } from './place.ts';

/** Interleaved pairs that are counted, after one that is not. */
const PAIRS = 9;
/** Files of a repository, and the ratio to the script that a job may have. */
const SIZES = [
  { files: 40, goal: 3 },
  { files: 5000, goal: 0.5 },
  { files: 27_000, goal: 0.3 },
] as const;

/** The edit: another one every time, so that nobody is quicker for having seen it before. */
const EDIT = 'read -r now _ < /proc/uptime; echo "// edited at $now" >> src/file-0.js';

/** The floor: a shared clone, an edit, a commit and a push, by git alone. */
const SCRIPT = `set -e
git clone --quiet --shared --single-branch --no-tags "$1" "$2"
cd "$2"
${EDIT}
git add -A
git -c user.name=a -c user.email=a@example.org commit --quiet -m edit
git push --quiet origin "HEAD:refs/heads/$3"
`;

function runScript(remote: string, folder: string, name: string): number {
  const copy = join(folder, name);
  const started = performance.now();
  execFileSync('sh', ['-c', SCRIPT, 'sh', remote, copy, name], { stdio: 'ignore' });
  const took = performance.now() - started;
  rmSync(copy, { recursive: true, force: true });
  return took;
}

async function runJob(runner: Runner, remote: string): Promise<number> {
  const started = performance.now();
  const request = await makeRequest(runner.config, {
    task: 'Add a line',
    repo: remote,
    allowHost: false,
    check: ['true=true'],
    setup: '',
  });
  const job = await runner.accept(request);
  const end = await runner.run(job.job_id, { signal: AbortSignal.timeout(120_000) });
  const took = performance.now() - started;
  const outcome = end.kind === 'ended' ? end.result.outcome : 'parked';
  if (outcome !== 'proposed') throw new Error(`the job ended as ${String(outcome)}: ${JSON.stringify(end)}`);
  return took;
}

async function benchSize(files: number): Promise<{ readonly job: number; readonly script: number }> {
  const place = openBenchFolder();
  const folder = place.path;
  try {
    const remote = makeRemote(folder, files);
    const agent = join(folder, 'agent.sh');
    writeFileSync(agent, `#!/bin/sh\n${EDIT}\n`, { mode: 0o755 });
    mkdirSync(join(folder, 'copies'));
    const env = { ...readEnvironment(), AGENT_RUNNER_HOME: join(folder, 'home'), AGENT_CMD: agent };
    const config = await resolveConfig({ flags: { agent: 'command' }, env, cwd: folder });
    const runner = await openRunner(config);
    const [jobs, scripts]: [number[], number[]] = [[], []];
    try {
      for (let pair = 0; pair <= PAIRS; pair++) {
        const script = runScript(remote, join(folder, 'copies'), `script-${pair}`);
        const job = await runJob(runner, remote);
        if (pair === 0) continue;
        scripts.push(script);
        jobs.push(job);
      }
    } finally {
      await runner.close();
    }
    return { job: median(jobs), script: median(scripts) };
  } finally {
    place.remove();
  }
}

/** Prints, for each size of repository, the job's time beside the script's. */
export async function benchJob(): Promise<void> {
  for (const { files, goal } of SIZES) {
    const { job, script } = await benchSize(files);
    const ratio = (job / script).toFixed(2);
    console.log(
      `${String(files).padStart(6)} files: script ${script.toFixed(0)} ms, job ${job.toFixed(0)} ms, ratio ${ratio} (goal: at most ${goal})`,
    );
  }
  await benchCopy();
  console.log(machine());
}
