/** What is kept, for how long, and what dead processes left. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../../src/job/result.ts';
import type { GcReport } from '../../../src/runner/keep/gc.ts';
import { makeRepository, sh, write } from '../../workspace/scene.ts';
import { openBench, type Bench } from '../cli.ts';

let bench: Bench;
let repo: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), { 'a.txt': 'one\n' });
});
afterEach(() => bench.remove());

const ARGS = ['--check', 'ok=true', '--setup', '', '--sandbox', 'host', '--json'];

async function runJob(from = repo): Promise<JobResult> {
  const ran = await bench.run(['run', 'x', '--repo', from, ...ARGS], { AGENT_CMD: 'echo two > a.txt' });
  return JSON.parse(ran.stdout) as JobResult;
}

function settings(text: string): void {
  mkdirSync(join(bench.root, 'config', 'agent-runner'), { recursive: true });
  writeFileSync(join(bench.root, 'config', 'agent-runner', 'config.yml'), text);
}

async function gc(...args: string[]): Promise<GcReport> {
  const ran = await bench.run(['gc', '--json', ...args]);
  expect(ran.code, ran.stderr).toBe(0);
  return JSON.parse(ran.stdout) as GcReport;
}

/** Makes a job as old as the given days, as if its machine had run on. */
function age(jobId: string, days: number): void {
  const db = new DatabaseSync(join(bench.home, 'agent-runner.db'));
  const then = new Date(Date.now() - days * 86_400_000).toISOString();
  db.prepare('UPDATE jobs SET finished_at = ?, updated_at = ? WHERE job_id = ?').run(then, then, jobId);
  db.close();
}

function cached(kind: string): string[] {
  const root = join(bench.home, kind);
  return existsSync(root) ? readdirSync(root).filter((name) => !name.endsWith('.listed')) : [];
}

/** Makes everything in the cache look unused for days. */
function ageCache(): void {
  const old = new Date(Date.now() - 3 * 86_400_000);
  for (const name of cached('mirrors')) utimesSync(join(bench.home, 'mirrors', name), old, old);
  for (const name of cached('history')) {
    for (const sha of readdirSync(join(bench.home, 'history', name)))
      utimesSync(join(bench.home, 'history', name, sha), old, old);
  }
}

function savedRefs(): string[] {
  return cached('saved')
    .filter((name) => name.endsWith('.git'))
    .flatMap((name) =>
      sh(join(bench.home, 'saved', name), 'for-each-ref', '--format=%(refname)').split('\n'),
    );
}

describe('gc', () => {
  it('keeps what is young, forgets logs after their days and work after its own', async () => {
    const [old, older, young] = [await runJob(), await runJob(), await runJob()];
    age(old.job_id, 31);
    age(older.job_id, 91);
    const plan = await gc('--dry-run');
    expect(plan.jobs.map((one) => one.job_id).toSorted()).toEqual([old.job_id, older.job_id].toSorted());
    expect(plan.work).toEqual([`refs/agent-runner/wip/${older.job_id}`]);
    expect(cached('jobs')).toHaveLength(3);

    const done = await gc();
    // The mirror is smaller without the pins of those jobs.
    expect({ ...done, dry_run: true, cache: plan.cache }).toEqual(plan);
    expect(cached('jobs')).toEqual([young.job_id]);
    expect(savedRefs()).toContain(`refs/agent-runner/wip/${old.job_id}`);
    expect(savedRefs()).not.toContain(`refs/agent-runner/wip/${older.job_id}`);
    expect(readdirSync(join(bench.home, 'trash'))).toEqual([]);
    expect((await bench.run(['logs', old.job_id, '--json'])).stdout).toBe('');
    expect((await bench.run(['result', old.job_id, '--json'])).stdout).toContain('"proposed"');
    expect((await bench.run(['diff', old.job_id])).stdout).toContain('+two');
    expect((await bench.run(['logs', young.job_id, '--json'])).stdout).not.toBe('');
    const again = await gc();
    expect(again, JSON.stringify(again)).toMatchObject({ jobs: [], events: [], work: [], freed_bytes: 0 });
  });

  it('gives the space of saved work back with the last of it', async () => {
    const { job_id: jobId } = await runJob();
    age(jobId, 100);
    await gc();
    expect(cached('saved').filter((name) => name.endsWith('.git'))).toEqual([]);
    expect((await bench.run(['recover', jobId], {}, repo)).stderr).toMatch(/no saved work/);
  });

  it('evicts the least recently used first, and what it evicted is made again', async () => {
    const second = makeRepository(join(bench.root, 'second'), { 'a.txt': 'other\n' });
    await runJob();
    ageCache();
    await runJob(second);
    settings('max_cache_bytes: 1\n');
    const report = await gc();
    expect(report.cache.evicted.map((one) => one.kind).toSorted()).toEqual(['history', 'mirror']);
    expect(report.cache.evicted.every((one) => /\/repo-/.test(one.path))).toBe(true);
    expect(cached('mirrors')).toEqual([expect.stringMatching(/^second-/)]);
    expect(await runJob()).toMatchObject({ outcome: 'proposed' });
  });

  it('never touches what a job that has not ended needs, whatever the limit', async () => {
    settings('max_cache_bytes: 0\n');
    const agent = bench.script(
      'agent.sh',
      `#!/bin/sh\necho two > a.txt\ntouch ${bench.root}/at-work\nuntil [ -e ${bench.root}/go ]; do sleep 0.05; done\n`,
    );
    const running = bench.start(['run', 'x', '--repo', repo, ...ARGS], { AGENT_CMD: agent });
    await running.seen(/agent: command/);
    for (let waited = 0; !existsSync(join(bench.root, 'at-work')) && waited < 30_000; waited += 20)
      await sleep(20);
    ageCache();
    const report = await gc();
    expect(report.cache.evicted).toEqual([]);
    expect(report.cache.bytes).toBeGreaterThan(0);
    writeFileSync(join(bench.root, 'go'), '');
    expect(JSON.parse((await running.done).stdout)).toMatchObject({ outcome: 'proposed' });
    ageCache();
    await gc();
    expect([
      ...cached('mirrors'),
      ...cached('history').flatMap((name) => readdirSync(join(bench.home, 'history', name))),
    ]).toEqual([]);
  });

  it('two at once: one does it, the other says who', async () => {
    await runJob();
    const holder = bench.start(['list']);
    writeFileSync(join(bench.home, 'gc.lock'), `${hostname()}/${process.pid}/0`);
    const second = await bench.run(['gc']);
    expect(second.stderr).toMatch(/gc\.lock is held by/);
    await holder.done;
    writeFileSync(join(bench.home, 'gc.lock'), `${hostname()}/999999999/0`);
    expect((await bench.run(['gc'])).code).toBe(0);
  });

  it('runs by itself at the end of a run, once a day', async () => {
    const { job_id: jobId } = await runJob();
    age(jobId, 31);
    await runJob();
    expect(cached('jobs')).toContain(jobId);
    const old = new Date(Date.now() - 2 * 86_400_000);
    utimesSync(join(bench.home, 'gc.stamp'), old, old);
    await runJob();
    expect(cached('jobs')).not.toContain(jobId);
  });
});

describe('what dead processes left', () => {
  it('goes at the start of a run; a job that can be resumed keeps its working copy', async () => {
    const agent = bench.script(
      'agent.sh',
      '#!/bin/sh\n[ -e again ] && exit 0\necho two > a.txt; touch again; sleep 1.5\n',
    );
    const running = bench.start(['run', 'x', '--repo', repo, ...ARGS], { AGENT_CMD: agent });
    await running.seen(/agent: command/);
    running.child.kill('SIGKILL');
    await running.done;
    const jobId = cached('jobs')[0] ?? '';
    const old = new Date(Date.now() - 2 * 86_400_000);
    const mirror = join(bench.home, 'mirrors', cached('mirrors').find((name) => name.endsWith('.git')) ?? '');
    write(bench.home, {
      [`jobs/${jobId}/checkouts/head/tree/x`]: '',
      'jobs/gate-0123456789ab/tree/x': '',
      'jobs/gate-0123456789ab/layers/tree/upper/x': '',
      'jobs/gate-0123456789ab/owner': 'elsewhere',
      'dependencies/.new-0123456789ab/x': '',
      'trash/something/x': '',
    });
    writeFileSync(join(mirror, 'packed-refs.lock'), '');
    utimesSync(join(mirror, 'packed-refs.lock'), old, old);
    utimesSync(join(bench.home, 'dependencies/.new-0123456789ab'), old, old);
    const dead = `${hostname()}/999999999/0`;
    writeFileSync(join(bench.home, 'jobs/gate-0123456789ab/owner'), dead);

    await runJob();
    expect(existsSync(join(bench.home, 'jobs', jobId, 'checkouts'))).toBe(false);
    expect(existsSync(join(bench.home, 'jobs', jobId, 'git'))).toBe(true);
    expect(readdirSync(join(bench.home, 'jobs/gate-0123456789ab'))).toEqual(['owner']);
    expect(existsSync(join(bench.home, 'dependencies/.new-0123456789ab'))).toBe(false);
    expect(existsSync(join(mirror, 'packed-refs.lock'))).toBe(false);
    expect(cached('trash')).toEqual([]);
    const resumed = await bench.run(['run', '--resume', jobId, '--json'], { AGENT_CMD: agent });
    expect(JSON.parse(resumed.stdout), resumed.stderr).toMatchObject({ outcome: 'proposed' });
  });

  const canMount = process.getuid?.() === 0 && existsSync('/usr/bin/mount');
  it.skipIf(!canMount)(
    'mounts of a dead job are taken away, with what was below them untouched',
    async () => {
      await runJob();
      const dead = join(bench.home, 'jobs/gate-0123456789ab');
      mkdirSync(join(dead, 'tree/with space'), { recursive: true });
      writeFileSync(join(dead, 'owner'), `${hostname()}/999999999/0`);
      execFileSync('mount', ['--bind', repo, join(dead, 'tree/with space')]);
      await runJob();
      expect(existsSync(join(dead, 'tree'))).toBe(false);
      expect(existsSync(join(repo, 'a.txt'))).toBe(true);
    },
  );
});

describe('the conversation of a session', () => {
  it('goes when nobody has used it for as long as logs are kept', async () => {
    const ran = await bench.run(['run', 'x', '--repo', repo, '--session', 's1', ...ARGS], {
      AGENT_CMD: 'echo two > a.txt; echo said > "$HOME/talk"',
    });
    expect(ran.code, ran.stderr).toBe(0);
    const [name = ''] = cached('sessions');
    expect(existsSync(join(bench.home, 'sessions', name, 'home/talk'))).toBe(true);
    expect((await gc()).sessions).toEqual([]);
    const old = new Date(Date.now() - 40 * 86_400_000);
    utimesSync(join(bench.home, 'sessions', name), old, old);
    expect((await gc('--dry-run')).sessions).toEqual([name]);
    expect(cached('sessions')).toEqual([name]);
    expect((await gc()).sessions).toEqual([name]);
    expect(cached('sessions')).toEqual([]);
  });
});
