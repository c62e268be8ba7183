/** A database that was damaged, and a disk that is full: named, nothing lost, and on it goes. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../../src/job/result.ts';
import { makeRepository, sh } from '../../workspace/scene.ts';
import { openBench, type Bench } from '../cli.ts';

let bench: Bench;
let repo: string;
let database: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), { 'a.txt': 'one\n' });
  database = join(bench.home, 'agent-runner.db');
});
afterEach(() => bench.remove());

const ARGS = ['--check', 'ok=true', '--setup', '', '--sandbox', 'host', '--json'];

async function runJob(env: Readonly<Record<string, string>> = {}): Promise<JobResult> {
  const ran = await bench.run(['run', 'x', '--repo', repo, ...ARGS], {
    AGENT_CMD: 'echo two > a.txt',
    ...env,
  });
  return JSON.parse(ran.stdout) as JobResult;
}

function backups(): string[] {
  return readdirSync(join(bench.home, 'backups')).toSorted();
}

/** Overwrites a part of the file, as a bad disk does. */
function harm(how: 'head' | 'inside' | 'emptied'): void {
  if (how === 'emptied') {
    truncateSync(database, 0);
    for (const log of ['-wal', '-shm']) rmSync(`${database}${log}`, { force: true });
    return;
  }
  const bytes = readFileSync(database);
  if (how === 'head') bytes.fill(0x5a, 0, 100);
  else for (let page = 1; page * 4096 < bytes.length; page++) bytes.fill(0xff, page * 4096, page * 4096 + 16);
  writeFileSync(database, bytes);
}

describe('a damaged database', () => {
  it.each(['head', 'inside', 'emptied'] as const)(
    '(%s) is named with the back-up and the command that puts it back',
    async (how) => {
      const { job_id: jobId } = await runJob();
      const [backup = ''] = backups();
      harm(how);
      const failed = await bench.run(['list', '--json']);
      expect(failed.code).toBe(5);
      expect(failed.stderr).toMatch(/agent-runner\.db.* (damaged|is empty)/);
      expect(failed.stderr).toContain('restore-db');
      const examined = await bench.run(['doctor', '--json']);
      expect(examined.stdout).toMatch(/restore-db/);
      expect(examined.code).toBe(1);

      const saved = await bench.run(['recover', '--from-saved', '--json']);
      const { work } = JSON.parse(saved.stdout) as {
        work: { job_id: string; repository: string; ref: string }[];
      };
      expect(work).toMatchObject([{ job_id: jobId }]);
      sh(repo, 'fetch', '--quiet', work[0]?.repository ?? '', work[0]?.ref ?? '');
      expect(sh(repo, 'show', 'FETCH_HEAD:a.txt')).toBe('two');

      const restored = await bench.run(['restore-db', '--json']);
      const said = JSON.parse(restored.stdout) as { backup: string; replaced: string };
      expect(said.backup).toBe(join(bench.home, 'backups', backup));
      expect(existsSync(said.replaced)).toBe(true);
      expect((await bench.run(['list', '--json'])).stdout).toContain(jobId);
      expect((await bench.run(['diff', jobId])).stdout).toContain('+two');
      expect((await bench.run(['restore-db'])).stderr).toMatch(/is sound\n.*--force/);
      expect(await runJob()).toMatchObject({ outcome: 'proposed' });
    },
  );

  it('without a back-up says so', async () => {
    await runJob();
    rmSync(join(bench.home, 'backups'), { recursive: true });
    harm('head');
    expect((await bench.run(['list'])).stderr).toMatch(/there is no back-up: move it away/);
    expect((await bench.run(['restore-db'])).stderr).toMatch(/there is no back-up in/);
  });

  it('that lost jobs is told by doctor, by what lies beside it', async () => {
    const { job_id: first } = await runJob();
    const { job_id: lost } = await runJob();
    expect((await bench.run(['doctor', '--json'])).stdout).toMatch(/sound, back-up of 20/);
    expect((await bench.run(['restore-db', '--force'])).code).toBe(0);
    const examined = await bench.run(['doctor', '--json']);
    expect(examined.stdout).toMatch(new RegExp(`unknown to the database.*: ${lost}"`));
    expect(examined.stdout).not.toContain(first);
    const work = await bench.run(['recover', lost, '--from-saved']);
    expect(work.stdout).toContain(`refs/agent-runner/wip/${lost}`);
  });
});

describe('back-ups', () => {
  it('go into a file that a person names, whole, and can be put back', async () => {
    const env = { AGENT_CMD: 'echo two > a.txt' };
    const job = (await bench.run(['run', 'x', '--repo', repo, ...ARGS], env)).stdout.match(
      /job-[0-9a-f]{12}/,
    )?.[0];
    const file = join(bench.root, 'copy.db');
    const ran = await bench.run(['backup', file]);
    expect(ran.stdout, ran.stderr).toBe(`${file}\n`);
    const listed = await bench.run(['list', '--json', '--db-path', file]);
    expect(listed.stdout).toContain(job);
    const itself = await bench.run(['backup', join(bench.home, 'agent-runner.db')]);
    expect(itself.stderr).toContain('is the database itself');
    const nowhere = await bench.run(['backup', join(bench.root, 'no/where.db')]);
    expect(nowhere.stderr).toContain('there is no folder');
    expect(nowhere.code).toBe(64);
  });

  it('are taken once a day, three are kept, and a damaged database pushes none out', async () => {
    await runJob();
    const first = backups();
    expect(first).toHaveLength(1);
    await runJob();
    expect(backups()).toEqual(first);
    const old = new Date(Date.now() - 2 * 86_400_000);
    for (const day of ['01', '02', '03']) {
      const path = join(bench.home, 'backups', `agent-runner.db.202601${day}T000000Z`);
      writeFileSync(path, 'old');
    }
    for (const name of backups()) utimesSync(join(bench.home, 'backups', name), old, old);
    await runJob();
    expect(backups()).toHaveLength(3);
    expect(backups()).not.toContain('agent-runner.db.20260102T000000Z');
    expect(backups().filter((name) => name.includes('.new-'))).toEqual([]);
    // Two of the three are no databases: the newest is taken, and one that is damaged is passed over.
    writeFileSync(join(bench.home, 'backups', 'agent-runner.db.20990101T000000Z'), 'broken');
    harm('head');
    expect((await bench.run(['restore-db'])).code).toBe(0);
    expect((await bench.run(['list'])).code).toBe(0);
  });
});

const canMount = process.getuid?.() === 0 && existsSync('/usr/bin/mount');
describe.skipIf(!canMount)('a disk that fills up while a job runs', () => {
  let small: string;
  beforeEach(() => {
    small = join(bench.root, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]);
  });
  afterEach(() => {
    execFileSync('umount', ['-l', small]);
  });

  function fill(): void {
    try {
      writeFileSync(join(small, 'filler'), Buffer.alloc(16 * 1024 * 1024));
    } catch {
      // As full as it gets.
    }
  }

  /** Starts a job whose agent waits, fills the disk under it, and lets it go on. */
  async function runOnFullDisk(
    env: Readonly<Record<string, string>>,
  ): Promise<{ jobId: string; said: string }> {
    const agent = bench.script(
      'agent.sh',
      `#!/bin/sh\necho two > a.txt\ntouch ${bench.root}/at-work\nuntil [ -e ${bench.root}/go ]; do sleep 0.05; done\n`,
    );
    const running = bench.start(['run', 'x', '--repo', repo, ...ARGS], { AGENT_CMD: agent, ...env });
    await running.seen(/agent: command/);
    for (let waited = 0; !existsSync(join(bench.root, 'at-work')) && waited < 30_000; waited += 20)
      await sleep(20);
    fill();
    writeFileSync(join(bench.root, 'go'), '');
    const ran = await running.done;
    expect(ran.code, ran.stdout).toBe(5);
    return { jobId: /job (job-[0-9a-f]{12})/.exec(ran.stderr)?.[1] ?? '', said: ran.stdout + ran.stderr };
  }

  it.each([
    ['under the whole home', { AGENT_RUNNER_HOME: 'home' }],
    ['under the database alone', { AGENT_RUNNER_DB_PATH: 'agent-runner.db' }],
  ])('%s: it is named, and with space again the job goes on to its end', async (_where, names) => {
    const env = Object.fromEntries(Object.entries(names).map(([name, path]) => [name, join(small, path)]));
    const { jobId, said } = await runOnFullDisk(env);
    expect(said).toMatch(/the disk of the database .* is full.*\n.*free space/);
    rmSync(join(small, 'filler'));
    const resumed = await bench.run(['run', '--resume', jobId, '--json'], {
      AGENT_CMD: 'echo two > a.txt',
      ...env,
    });
    expect(JSON.parse(resumed.stdout), resumed.stderr).toMatchObject({ outcome: 'proposed' });
    const saved = (await bench.run(['recover', '--from-saved'], env)).stdout;
    expect(saved).toContain(`refs/agent-runner/wip/${jobId}`);
    // Whether the build's own end still found room is chance; where it did not, its work is kept as partial.
    if (/build again/.test(resumed.stderr))
      expect(saved).toContain(`refs/agent-runner/partial/${jobId}/partial-1`);
  });

  it('under the work alone: the outcome says that it could not be saved, and where it lies', async () => {
    const env = { AGENT_RUNNER_HOME: join(small, 'home'), AGENT_RUNNER_DB_PATH: join(bench.root, 'jobs.db') };
    const { jobId, said } = await runOnFullDisk(env);
    expect(said).toMatch(/No space left/i);
    const tree = join(small, 'home', 'jobs', jobId, 'tree');
    expect(said).toContain(tree);
    rmSync(join(small, 'filler'));
    expect(await runJob(env)).toMatchObject({ outcome: 'proposed' });
    expect((await bench.run(['gc', '--json'], env)).code).toBe(0);
    expect(readFileSync(join(tree, 'a.txt'), 'utf8')).toBe('two\n');
  });
});
