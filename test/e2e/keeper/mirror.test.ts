/** Jobs that run while somebody deletes, prunes or force-pushes under them. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../../src/job/result.ts';
import { makeRepository, sh } from '../../workspace/scene.ts';
import { openBench, type Bench, type Running } from '../cli.ts';

let bench: Bench;
let repo: string;
let agent: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), { 'a.txt': 'one\n' });
  // Says that it works, and waits until the test has done its harm and lets it go on.
  agent = bench.script(
    'agent.sh',
    `#!/bin/sh\necho half > a.txt\ntouch ${bench.root}/at-work-$$\nuntil [ -e ${bench.root}/go ]; do sleep 0.05; done\necho two > a.txt\n`,
  );
});
afterEach(() => bench.remove());

const MIRRORS = ['mirrors', 'history'];

/** Starts a job and resolves when its agent is at work; `host`, so that agent and test see the same files. */
async function start(): Promise<{ running: Running; jobId: string }> {
  const atWork = (): number => readdirSync(bench.root).filter((name) => name.startsWith('at-work')).length;
  const before = atWork();
  const what = ['--check', 'ok=grep -q two a.txt', '--setup', '', '--sandbox', 'host'];
  const running = bench.start(['run', 'Change a', '--repo', repo, '--json', ...what], { AGENT_CMD: agent });
  let stderr = '';
  running.child.stderr?.on('data', (text: string) => (stderr += text));
  await running.seen(/agent: command/);
  for (let waited = 0; atWork() === before && waited < 30_000; waited += 20) await sleep(20);
  expect(atWork()).toBe(before + 1);
  return { running, jobId: /job (job-[0-9a-f]{12})/.exec(stderr)?.[1] ?? '' };
}

function letGo(): void {
  writeFileSync(join(bench.root, 'go'), '');
}

function mirrorOf(): string {
  const name = readdirSync(join(bench.home, 'mirrors')).find((one) => one.endsWith('.git')) ?? '';
  return join(bench.home, 'mirrors', name);
}

describe('under a job that runs', () => {
  it('the mirror and its packs are deleted: the job ends as if they had not been', async () => {
    const { running } = await start();
    for (const folder of MIRRORS) rmSync(join(bench.home, folder), { recursive: true });
    letGo();
    const ran = await running.done;
    const result = JSON.parse(ran.stdout) as JobResult;
    expect(result, ran.stderr).toMatchObject({ outcome: 'proposed' });
    expect((await bench.run(['diff', result.job_id])).stdout).toContain('+two');
    sh(mirrorOf(), 'rev-parse', `refs/agent-runner/jobs/${result.job_id}`);
  });

  it('force-pushes and a pruning by hand break none of several', async () => {
    const all: Running[] = [];
    for (let count = 0; count < 3; count++) {
      all.push((await start()).running);
      sh(repo, 'commit', '--quiet', '--amend', '--message', `amended ${count}`);
    }
    sh(repo, 'reflog', 'expire', '--expire=now', '--all');
    sh(repo, 'gc', '--quiet', '--prune=now');
    sh(mirrorOf(), 'gc', '--quiet', '--prune=now');
    letGo();
    for (const running of all) {
      const ran = await running.done;
      expect(JSON.parse(ran.stdout), ran.stderr).toMatchObject({ outcome: 'proposed' });
    }
    sh(mirrorOf(), 'fsck', '--connectivity-only');
  });

  it('that was killed, both are deleted: --resume fetches the base anew', async () => {
    const { running, jobId } = await start();
    running.child.kill('SIGKILL');
    letGo();
    await running.done;
    for (const folder of MIRRORS) rmSync(join(bench.home, folder), { recursive: true });
    const ran = await bench.run(['run', '--resume', jobId, '--json'], { AGENT_CMD: agent });
    expect(JSON.parse(ran.stdout), ran.stderr).toMatchObject({ outcome: 'proposed' });
  });

  it('its base is lost everywhere: the outcome names it, and the working copy is kept', async () => {
    const { running, jobId } = await start();
    sh(repo, 'commit', '--quiet', '--amend', '--message', 'other');
    sh(repo, 'reflog', 'expire', '--expire=now', '--all');
    sh(repo, 'gc', '--quiet', '--prune=now');
    for (const folder of MIRRORS) rmSync(join(bench.home, folder), { recursive: true });
    letGo();
    const ran = await running.done;
    const result = JSON.parse(ran.stdout) as JobResult;
    expect(result).toMatchObject({ outcome: 'infra_failed', error: { code: 'infra_failed' } });
    expect(result.error?.message).toMatch(/the base [0-9a-f]{12} is lost/);
    expect(existsSync(join(bench.home, 'jobs', jobId, 'tree', 'a.txt'))).toBe(true);
  });
});
