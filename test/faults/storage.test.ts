/** What lies under a job goes away or goes bad: the outcome has a name, and nothing that was kept is lost. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import { sh } from '../workspace/scene.ts';
import { numbersFrom } from './deaths.ts';
import { integrityOf, setStage, type Stage } from './stage.ts';
import { createTally } from './tally.ts';

let stage: Stage;
beforeAll(() => {
  stage = setStage();
});
afterAll(() => stage.remove());

const ARGS = ['--json', '--check', 'ok=test -e new.txt', '--setup', ''];

function run(task: string, env: Readonly<Record<string, string>>): ReturnType<Stage['bench']['run']> {
  return stage.bench.run(['run', task, '--repo', stage.remote, ...ARGS], env);
}

describe('a mirror that is force-pushed and collected under running jobs', () => {
  it('breaks none of them', async () => {
    // Every job starts from a commit that is gone from the remote before its agent has ended.
    const tally = createTally('mirror force-pushed and collected');
    const person = join(stage.bench.root, 'person');
    const agent = stage.bench.script('slow.sh', '#!/bin/sh\ncat > /dev/null\nsleep 1\necho x > new.txt\n');
    const jobs = [];
    for (let at = 0; at < 4; at++) {
      sh(person, 'commit', '--quiet', '--amend', '--message', `first, again ${at}`);
      sh(person, 'push', '--quiet', '--force', stage.remote, 'HEAD:refs/heads/main');
      const running = stage.bench.start(['run', `forced ${at}`, '--repo', stage.remote, ...ARGS], {
        AGENT_CMD: agent,
      });
      await running.seen(/agent: command/);
      jobs.push(running);
      collect(stage.remote);
      for (const mirror of mirrors()) collect(mirror);
    }
    for (const job of jobs) {
      await tally.attempt(async () => {
        const ran = await job.done;
        const result = JSON.parse(ran.stdout) as JobResult;
        expect(result, ran.stderr).toMatchObject({ outcome: 'proposed' });
        expect(sh(stage.remote, 'show', `${result.branch}:new.txt`)).toBe('x');
      });
    }
    tally.close();
  });
});

function mirrors(): string[] {
  const folder = join(stage.bench.home, 'mirrors');
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.git'))
        .map((name) => join(folder, name))
    : [];
}

/** What a person's `git gc` does at its worst. */
function collect(repository: string): void {
  execFileSync('git', ['--git-dir', repository, 'reflog', 'expire', '--expire=now', '--all'], {
    stdio: 'pipe',
  });
  execFileSync('git', ['--git-dir', repository, 'gc', '--quiet', '--prune=now'], { stdio: 'pipe' });
}

describe('a damaged database', () => {
  const DAMAGES = 24;
  const seed = Number(process.env['FAULTS_SEED'] ?? 20261121);

  it(`is never read as if nothing were wrong, and never loops (${DAMAGES} damages, seed ${seed})`, async () => {
    const tally = createTally(`damaged database (seed ${seed})`);
    const ran = await run('before the damage', { AGENT_CMD: 'echo x > new.txt' });
    const { job_id: jobId } = JSON.parse(ran.stdout) as JobResult;
    const database = join(stage.bench.home, 'agent-runner.db');
    const whole = readFileSync(database);
    const next = numbersFrom(seed);
    for (let at = 0; at < DAMAGES; at++) {
      await tally.attempt(async () => {
        // A home of its own, so that nothing mends it but what runs here.
        const home = join(stage.bench.root, `damaged-${at}`);
        mkdirSync(home);
        const file = join(home, 'agent-runner.db');
        const bytes = Buffer.from(whole);
        const where = Math.floor(next() * bytes.length);
        if (at % 4 === 0) writeFileSync(file, bytes.subarray(0, where));
        else {
          bytes.fill(Math.floor(next() * 256), where, where + 1 + Math.floor(next() * 2000));
          writeFileSync(file, bytes);
        }
        const status = await stage.bench.run(['status', jobId, '--json'], { AGENT_RUNNER_HOME: home });
        const said = `damage ${at} at byte ${where}: ${status.stdout}${status.stderr}`;
        expect(status.signal, said).toBeNull();
        expect(status.stderr, said).not.toMatch(/\n\s+at .*\.ts:\d+/);
        if (status.code === 0) expect(JSON.parse(status.stdout), said).toMatchObject({ job_id: jobId });
        else expect(status.stderr, said).toMatch(/database|job: there is no/);
        rmSync(home, { recursive: true });
      });
    }
    tally.close();
    expect(integrityOf(database)).toBe('ok');
  });
});

describe('a full disk', () => {
  // Who runs the tests is no part that could be installed: without root this is skipped, also where all is required.
  const canMount = process.getuid?.() === 0 && existsSync('/usr/bin/mount');

  it.skipIf(!canMount)(
    'has a name, loses nothing accepted, and works again when there is space (needs root: mount)',
    async () => {
      const tally = createTally('full disk');
      const small = join(stage.bench.root, 'small');
      mkdirSync(small);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]);
      try {
        const env = { AGENT_RUNNER_HOME: join(small, 'home') };
        const accepted: string[] = [];
        const first = await run('fits', { ...env, AGENT_CMD: 'echo x > new.txt' });
        expect(JSON.parse(first.stdout), first.stderr).toMatchObject({ outcome: 'proposed' });
        const fills = [
          'head -c 20000000 /dev/urandom > big.bin',
          'head -c 20000000 /dev/urandom > "$HOME/big"; echo x > new.txt',
        ];
        for (const [at, fill] of fills.entries()) {
          await tally.attempt(async () => {
            const ran = await run(`fills ${at}`, {
              ...env,
              AGENT_CMD: stage.bench.script('fill.sh', `#!/bin/sh\ncat > /dev/null\n${fill}\n`),
            });
            const said = ran.stderr + ran.stdout;
            expect([0, 1, 3, 5, 7], said).toContain(ran.code);
            expect(said).toMatch(/no space|disk|ENOSPC|full|proposed/i);
            accepted.push(...(/^job (job-\w+) /m.exec(ran.stderr)?.slice(1) ?? []));
          });
          execFileSync('find', [join(small, 'home', 'jobs'), '-name', 'big*', '-delete']);
        }
        const last = await run('fits again', { ...env, AGENT_CMD: 'echo y > new.txt' });
        expect(JSON.parse(last.stdout), last.stderr).toMatchObject({ outcome: 'proposed' });
        // What was accepted is there, and has ended or ends now.
        for (const jobId of accepted) {
          const again = { ...env, AGENT_CMD: 'echo z > new.txt' };
          const resumed = await stage.bench.run(['run', '--resume', jobId, '--json'], again);
          expect((JSON.parse(resumed.stdout) as JobResult).outcome, resumed.stderr).toMatch(/^\w+$/);
        }
        expect(accepted.length).toBeGreaterThan(0);
        expect(integrityOf(join(small, 'home', 'agent-runner.db'))).toBe('ok');
      } finally {
        execFileSync('umount', ['-l', small]);
        tally.close();
      }
    },
  );
});
