/** Jobs of one session go on where the one before ended: its files, its branch, the agent's conversation. */
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { openBench, type Bench } from './cli.ts';

let bench: Bench;
let repo: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    '.agent-runner.yml': 'gate:\n  checks:\n    - name: check\n      command: "! grep -q wrong *.txt"\n',
    'a.txt': 'one\n',
  });
});
afterEach(() => bench.remove());

/** Does what the task says as shell, and notes in its HOME that it was there. */
const AGENT = [
  '#!/bin/sh',
  'prompt=$(cat)',
  'echo "turn" >> "$HOME/conversation"',
  'wc -l < "$HOME/conversation" > "$AGENT_RUNNER_OUT/summary.md"',
  'printf "%s\\n" "$prompt" | sed -n "s/^do: //p" > "$AGENT_RUNNER_OUT/task.sh"',
  'sh "$AGENT_RUNNER_OUT/task.sh"',
].join('\n');

function env(): Record<string, string> {
  return { AGENT_CMD: bench.script('agent.sh', AGENT) };
}

async function run(task: string, ...more: string[]): Promise<JobResult> {
  const ran = await bench.run(
    ['run', `do: ${task}`, '--repo', repo, '--session', 'sess-1', '--max-gate-runs', '1', '--json', ...more],
    env(),
  );
  expect(ran.stdout, ran.stderr).toMatch(/^\{/);
  return JSON.parse(ran.stdout) as JobResult;
}

describe('a session', () => {
  it('keeps files, branch, base and conversation over its jobs', async () => {
    const first = await run('echo two > b.txt');
    expect(first).toMatchObject({ outcome: 'proposed', branch: 'bot/sess-1', summary: '1' });
    // What moves on meanwhile is no part of the session.
    sh(repo, 'commit', '--quiet', '--allow-empty', '--message', 'elsewhere');
    const second = await run('cat b.txt > c.txt');
    expect(second).toMatchObject({
      outcome: 'proposed',
      branch: 'bot/sess-1',
      base_sha: first.base_sha,
      base: first.base,
      summary: '2',
    });
    expect(second.notices.join()).toContain(`goes on where ${first.job_id} of its session ended`);
    expect(sh(repo, 'show', 'bot/sess-1:c.txt')).toBe('two');
    expect(sh(repo, 'log', '--format=%H', `${first.base_sha}..bot/sess-1`).split('\n')).toEqual([
      second.head_sha,
      first.head_sha,
    ]);
    const idle = await run('true');
    expect(idle).toMatchObject({ outcome: 'no_change', branch: null, summary: '3' });
    const third = await run('echo four > d.txt');
    expect(third.outcome).toBe('proposed');
    expect(sh(repo, 'ls-tree', '--name-only', 'bot/sess-1').split('\n')).toEqual([
      '.agent-runner.yml',
      'a.txt',
      'b.txt',
      'c.txt',
      'd.txt',
    ]);
  });

  it('goes on with what a failed job left, and judges all of it', async () => {
    await run('echo right > b.txt');
    const red = await run('echo wrong > c.txt');
    expect(red).toMatchObject({ outcome: 'gate_failed', branch: null });
    expect(sh(repo, 'ls-tree', '--name-only', 'bot/sess-1')).not.toContain('c.txt');
    const mended = await run('sed -i s/wrong/right/ c.txt');
    expect(mended.outcome).toBe('proposed');
    expect(sh(repo, 'show', 'bot/sess-1:c.txt')).toBe('right');
    expect(sh(repo, 'log', '--format=%H', `${mended.base_sha}..bot/sess-1`).split('\n')).toHaveLength(2);
  });

  it('keeps the conversation although the process died before it was put away', async () => {
    const first = await run('echo two > b.txt');
    const sessions = join(bench.home, 'sessions');
    const [name = ''] = readdirSync(sessions);
    renameSync(join(sessions, name, 'home'), join(bench.home, 'jobs', first.job_id, 'home'));
    expect(await run('cat b.txt > c.txt')).toMatchObject({ outcome: 'proposed', summary: '2' });
  });

  it('says so where the work it would go on with is gone, and tries nothing again', async () => {
    expect(await run('echo two > b.txt')).toMatchObject({ outcome: 'proposed' });
    // The last job added nothing: what was published is all that the session has.
    expect(await run('git checkout -q HEAD . && rm -f b.txt')).toMatchObject({ wip_ref: null });
    rmSync(join(bench.home, 'saved'), { recursive: true });
    for (const left of ['true', 'echo three > c.txt']) {
      const result = await run(left);
      expect(result).toMatchObject({ outcome: 'refused', error: { code: 'bad_configuration' } });
      expect(result.error?.message).toContain('no longer kept');
    }
  });

  it('runs queued jobs one after another, however many workers there are', async () => {
    const ids: string[] = [];
    for (const task of ['echo 1 > b.txt', 'cat b.txt > c.txt', 'cat c.txt > d.txt']) {
      const args = ['submit', `do: ${task}`, '--repo', repo, '--session', 'sess-1', '--json'];
      const ran = await bench.run(args, env());
      ids.push((JSON.parse(ran.stdout) as { job_id: string }).job_id);
    }
    await Promise.all([1, 2].map(() => bench.run(['worker', '--once', '--concurrency', '3'], env())));
    for (const id of ids) {
      const ended = await bench.run(['result', id, '--json']);
      expect((JSON.parse(ended.stdout) as JobResult).outcome).toBe('proposed');
    }
    expect(sh(repo, 'show', 'bot/sess-1:d.txt')).toBe('1');
  });

  it('belongs to one repository, and to one foreground job at a time', async () => {
    await bench.run(['submit', 'do: true', '--repo', repo, '--session', 'sess-1'], env());
    const busy = await bench.run(['run', 'do: true', '--repo', repo, '--session', 'sess-1'], env());
    expect(busy.stderr).toMatch(/session_id: job-\w+ of sess-1 has not ended/);
    const other = makeRepository(join(bench.root, 'other'), { 'a.txt': 'x\n' });
    const foreign = await bench.run(['submit', 'do: true', '--repo', other, '--session', 'sess-1'], env());
    expect(foreign.code).toBe(78);
    expect(foreign.stderr).toContain(`belongs to ${repo}`);
    const odd = await bench.run(['submit', 'do: true', '--repo', repo, '--session', '../x'], env());
    expect(odd.code).toBe(64);
  });
});
