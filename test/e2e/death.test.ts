/** Whatever kills the runner, the job goes on from its last finished step, and nothing is left running. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, processesWith, type Bench } from './cli.ts';

let bench: Bench;
let repo: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    '.agent-runner.yml':
      'setup: sleep 0.4 && mkdir -p node_modules/dep\ngate:\n  checks:\n    - name: check\n      command: sleep 0.4 && test -d node_modules/dep && ! grep -q wrong a.txt\n',
    'a.txt': 'one\n',
  });
});
afterEach(() => bench.remove());

/** First turn wrong, second right; each takes long enough to be killed in. */
const AGENT =
  '#!/bin/sh\nprompt=$(cat)\necho half >> a.txt\nsleep 0.6\ncase "$prompt" in *"This turn: fix"*) echo right > a.txt;; *) echo wrong > a.txt;; esac\n';

async function events(jobId: string): Promise<JobEvent[]> {
  const ran = await bench.run(['logs', jobId, '--json']);
  return ran.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as JobEvent);
}

function stepsOf(all: readonly JobEvent[], state: string): string[] {
  return all
    .filter((event) => event.type === 'phase' && event.data['state'] === state)
    .map((event) => String(event.data['step']));
}

describe('kill -9', () => {
  // What stderr shows when the phase has begun; `step` is the one that was under way.
  it.each([
    ['prepare', /setup: preparing/, 'prepare-1'],
    ['the first build', /agent: command \(task\)/, 'build-1'],
    ['the first verify', /✓ build /, 'verify-1'],
    ['the second build', /agent: command \(fix\)/, 'build-2'],
    ['the second verify', /✓ build 2/, 'verify-2'],
    ['propose', /✓ verify 2/, 'propose-1'],
  ])(
    'in %s, then --resume: the same outcome, finished steps are not repeated',
    async (_phase, seen, step) => {
      const agent = bench.script('agent.sh', AGENT);
      const running = bench.start(['run', 'Do it', '--repo', repo, '--json'], { AGENT_CMD: agent });
      await running.seen(seen);
      running.child.kill('SIGKILL');
      const dead = await running.done;
      const jobId = /job (job-[0-9a-f]{12})/.exec(dead.stderr)?.[1] ?? '';
      if (HAS_BUBBLEWRAP) {
        // As long as the kernel may take on a busy machine; what lives longer is an orphan.
        await vi.waitFor(() => expect(processesWith(bench.root)).toEqual([]), 2000);
      }
      const before = await events(jobId);
      const finished = stepsOf(before, 'done');

      const resumed = await bench.run(['run', '--resume', jobId, '--json'], { AGENT_CMD: agent });
      const result = JSON.parse(resumed.stdout) as JobResult;
      expect(result, resumed.stderr).toMatchObject({
        outcome: 'proposed',
        iterations: 2,
        gate: { runs: [{ verdict: 'red' }, { verdict: 'green' }] },
      });
      expect(resumed.code).toBe(0);
      expect(result.resumed_from_checkpoint).toBe(finished.length > 0);
      expect(sh(repo, 'show', `${result.branch}:a.txt`)).toBe('right');
      expect(sh(repo, 'branch', '--list', 'bot/*').split('\n')).toHaveLength(1);

      const all = await events(jobId);
      expect(all.map((event) => event.seq)).toEqual(all.map((_, at) => at + 1));
      const later = all.slice(before.length);
      expect(stepsOf(later, 'replayed').sort()).toEqual([...finished].sort());
      for (const done of finished) expect(stepsOf(later, 'started')).not.toContain(done);
      if (!finished.includes(step)) expect(stepsOf(later, 'started')).toContain(step);
    },
  );

  it('keeps the partial tree of a build under a ref of its own', async () => {
    const agent = bench.script('agent.sh', AGENT);
    const running = bench.start(['run', 'Do it', '--repo', repo, '--json'], { AGENT_CMD: agent });
    await running.seen(/agent: command \(task\)/);
    await sleep(250);
    running.child.kill('SIGKILL');
    const jobId = /job (job-[0-9a-f]{12})/.exec((await running.done).stderr)?.[1] ?? '';
    const resumed = await bench.run(['run', '--resume', jobId, '--json'], { AGENT_CMD: agent });
    const ref = `refs/agent-runner/partial/${jobId}/partial-1`;
    expect(resumed.stderr).toContain(ref);
    const saved = execFileSync('find', [join(bench.home, 'saved'), '-maxdepth', '1', '-name', '*.git'], {
      encoding: 'utf8',
    }).trim();
    expect(sh(repo, `--git-dir=${saved}`, 'show', `${ref}:a.txt`)).toContain('half');
    expect(JSON.parse(resumed.stdout)).toMatchObject({ outcome: 'proposed' });
  });

  it('of a job that has ended changes nothing: --resume says how it ended', async () => {
    const ran = await bench.run(['run', 'x', '--repo', repo, '--json', '--check', 'ok=true'], {
      AGENT_CMD: 'echo x > new.txt',
    });
    const { job_id: jobId } = JSON.parse(ran.stdout) as JobResult;
    const again = await bench.run(['run', '--resume', jobId, '--json']);
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(ran.stdout));
    expect(again.code).toBe(0);
  });
});

describe('Ctrl-C', () => {
  it('once: the agent is stopped, its work is saved, the outcome is cancelled', async () => {
    const agent = bench.script('agent.sh', '#!/bin/sh\ntrap "" TERM\necho half > a.txt\nsleep 97531\n');
    const running = bench.start(['run', 'x', '--repo', repo, '--json'], { AGENT_CMD: agent });
    await running.seen(/agent: command/);
    await sleep(300);
    running.child.kill('SIGINT');
    const ran = await running.done;
    const result = JSON.parse(ran.stdout) as JobResult;
    expect(result).toMatchObject({ status: 'cancelled', outcome: 'cancelled' });
    expect(ran.code).toBe(130);
    expect(result.wip_ref).toBe(`refs/agent-runner/wip/${result.job_id}`);
    expect((await bench.run(['diff', result.job_id])).stdout).toContain('+half');
    expect(processesWith('97531')).toEqual([]);
  });

  it('twice: ends at once, nothing is left running, and the job can be resumed', async () => {
    const agent = bench.script(
      'agent.sh',
      '#!/bin/sh\ntrap "" TERM INT\nif [ -e again ]; then echo done > a.txt; exit; fi\ntouch again; sleep 86420\n',
    );
    // On the host, where an agent that heeds no signal gets its two seconds: in a sandbox the job may have ended by then.
    const host = ['--sandbox', 'host'];
    const running = bench.start(['run', 'x', '--repo', repo, '--json', ...host], { AGENT_CMD: agent });
    await running.seen(/agent: command/);
    await sleep(300);
    running.child.kill('SIGINT');
    await sleep(400);
    running.child.kill('SIGINT');
    const ran = await running.done;
    expect(ran.code).toBe(130);
    await sleep(200);
    expect(processesWith('86420')).toEqual([]);
    const jobId = /job (job-[0-9a-f]{12})/.exec(ran.stderr)?.[1] ?? '';
    expect((await bench.run(['status', jobId, '--json'])).stdout).toMatch(/"status": "(running|cancelled)"/);
  });
});

describe('two processes', () => {
  it('never work on one job at once', async () => {
    const running = bench.start(['run', 'x', '--repo', repo, '--json'], {
      AGENT_CMD: 'sleep 2; echo x > new.txt',
    });
    await running.seen(/agent: command/);
    const listed = JSON.parse((await bench.run(['list', '--json'])).stdout) as { jobs: { job_id: string }[] };
    const jobId = listed.jobs[0]?.job_id ?? '';
    const second = await bench.run(['run', '--resume', jobId, '--json'], { AGENT_CMD: 'true' });
    expect(second.code).toBe(64);
    expect(second.stderr).toMatch(/is being worked on by/);
    expect(JSON.parse((await running.done).stdout)).toMatchObject({ outcome: 'proposed' });
  });
});

describe('a full disk', () => {
  const canMount = process.getuid?.() === 0 && existsSync('/usr/bin/mount');
  it.skipIf(!canMount)('ends with a clear message and loses nothing that was accepted', async () => {
    const small = join(bench.root, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', small]);
    try {
      const env = {
        AGENT_RUNNER_HOME: join(small, 'home'),
        AGENT_CMD: 'head -c 20000000 /dev/urandom > big.bin',
      };
      const ran = await bench.run(['run', 'x', '--repo', repo, '--check', 'ok=true', '--setup', ''], env);
      expect([3, 5, 7], ran.stderr + ran.stdout).toContain(ran.code);
      expect(ran.stderr + ran.stdout).toMatch(/no space|disk|ENOSPC|full/i);
      rmSync(join(small, 'home', 'jobs'), { recursive: true, force: true });
      const listed = await bench.run(['list', '--json'], env);
      expect(JSON.parse(listed.stdout)).toMatchObject({ jobs: [{ task: 'x' }] });
    } finally {
      execFileSync('umount', [small]);
    }
  });
});

describe('what was written', () => {
  it('is readable by its owner alone', async () => {
    await bench.run(['list']);
    const mode = execFileSync('stat', ['-c', '%a', bench.home], { encoding: 'utf8' }).trim();
    expect(mode).toBe('700');
    expect(readFileSync(join(bench.home, 'agent-runner.db')).subarray(0, 15).toString()).toBe(
      'SQLite format 3',
    );
  });
});
