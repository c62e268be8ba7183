/** A job's work in a person's own clone. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobResult } from '../../../src/job/result.ts';
import { makeRepository, sh, write } from '../../workspace/scene.ts';
import { openBench, type Bench } from '../cli.ts';

let bench: Bench;
let repo: string;
let job: JobResult;
beforeAll(async () => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), { 'a.txt': 'one\n', 'b.txt': 'b\n' });
  const args = ['run', 'Change a', '--repo', repo, '--json', '--check', 'ok=true', '--setup', ''];
  const ran = await bench.run(args, { AGENT_CMD: 'echo two > a.txt; echo new > c.txt' });
  job = JSON.parse(ran.stdout) as JobResult;
  // From here on nothing but the saved work is left of it.
  rmSync(join(bench.home, 'mirrors'), { recursive: true });
  rmSync(join(bench.home, 'history'), { recursive: true });
  sh(repo, 'branch', '-D', String(job.branch));
});
afterAll(() => bench.remove());

/** A fresh clone, as a colleague has one. */
function cloned(name: string): string {
  sh(bench.root, 'clone', '--quiet', repo, name);
  return join(bench.root, name);
}

describe('checkout', () => {
  it("makes the job's branch from saved work alone, without mirror and history, and switches to it", async () => {
    const clone = cloned('plain');
    const ran = await bench.run(['checkout', job.job_id], {}, join(clone));
    expect(ran.stdout, ran.stderr).toBe(`${job.branch}\n`);
    expect(sh(clone, 'branch', '--show-current')).toBe(String(job.branch));
    expect(readFileSync(join(clone, 'a.txt'), 'utf8')).toBe('two\n');
    expect(sh(clone, 'status', '--porcelain')).toBe('');
    expect(sh(clone, 'rev-parse', 'HEAD')).toBe(job.head_sha);
    expect((await bench.run(['checkout', job.job_id, '--repo', clone])).code).toBe(0);
    sh(clone, 'fsck', '--strict');
  });

  it('--detach makes no branch, --branch names one', async () => {
    const clone = cloned('detached');
    const detached = await bench.run(['checkout', job.job_id, '--detach', '--json'], {}, clone);
    expect(JSON.parse(detached.stdout)).toMatchObject({ branch: null, commit: job.head_sha, previous: null });
    expect(sh(clone, 'branch', '--show-current')).toBe('');
    expect((await bench.run(['checkout', job.job_id, '--branch', 'mine'], {}, clone)).code).toBe(0);
    expect(sh(clone, 'branch', '--show-current')).toBe('mine');
    const both = await bench.run(['checkout', job.job_id, '--branch', 'x', '--detach'], {}, clone);
    expect(both.code).toBe(64);
  });

  it('leaves a branch that is elsewhere alone, unless --force; then it says where that was', async () => {
    const clone = cloned('taken');
    const main = sh(clone, 'rev-parse', 'main');
    sh(clone, 'branch', 'taken');
    const refused = await bench.run(['checkout', job.job_id, '--branch', 'taken'], {}, clone);
    expect(refused.stderr).toMatch(/taken exists in .* at [0-9a-f]{12}\n.*--force/);
    expect(refused.code).toBe(64);
    expect(sh(clone, 'rev-parse', 'taken')).toBe(main);
    const forced = await bench.run(['checkout', job.job_id, '--branch', 'taken', '--force'], {}, clone);
    expect(forced.stderr).toContain(`taken was at ${main} before`);
    expect(sh(clone, 'rev-parse', 'taken')).toBe(job.head_sha);
  });

  it('never overwrites uncommitted or untracked files, --force or not, and takes others along', async () => {
    const clone = cloned('dirty');
    for (const file of ['a.txt', 'c.txt']) {
      write(clone, { [file]: 'mine\n' });
      const refused = await bench.run(['checkout', job.job_id, '--force'], {}, clone);
      expect(refused.stderr).toMatch(/commit or stash your changes/);
      expect(refused.stderr).toContain(file);
      expect(readFileSync(join(clone, file), 'utf8')).toBe('mine\n');
      expect(sh(clone, 'branch', '--show-current')).toBe('main');
      expect(sh(clone, 'branch', '--list', String(job.branch))).toBe('');
      sh(clone, 'checkout', '--', 'a.txt');
    }
    rmSync(join(clone, 'c.txt'));
    write(clone, { 'b.txt': 'mine\n' });
    expect((await bench.run(['checkout', job.job_id], {}, clone)).code).toBe(0);
    expect(readFileSync(join(clone, 'b.txt'), 'utf8')).toBe('mine\n');
  });

  it('refuses another repository, a bare one, and runs no hook', async () => {
    const other = makeRepository(join(bench.root, 'other'), { 'x.txt': 'x' });
    const refused = await bench.run(['checkout', job.job_id], {}, other);
    expect(refused.stderr).toMatch(/has no commit .*started from\n.*clone of/);
    sh(bench.root, 'clone', '--quiet', '--bare', repo, 'bare.git');
    const bare = await bench.run(['checkout', job.job_id, '--repo', join(bench.root, 'bare.git')]);
    expect(bare.stderr).toMatch(/has no working tree/);
    const clone = cloned('hooked');
    writeFileSync(join(clone, '.git/hooks/post-checkout'), '#!/bin/sh\ntouch hooked\n', { mode: 0o755 });
    expect((await bench.run(['checkout', job.job_id], {}, clone)).code).toBe(0);
    expect(existsSync(join(clone, 'hooked'))).toBe(false);
  });
});
