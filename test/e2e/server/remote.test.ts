/** Commands on the jobs of a server, by its URL: the same words and exit codes as on those of a home folder. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HAS_BUBBLEWRAP, openBench, type Bench, type Ran } from '../cli.ts';
import { makeTarget, startUp, type Started } from './started.ts';

let bench: Bench;
let repo: string;
let server: Started;
beforeAll(async () => {
  bench = openBench();
  repo = makeTarget(bench);
  server = await startUp(bench, { AGENT_CMD: 'echo working; echo two > a.txt' });
});
afterAll(async () => {
  await server.kill();
  bench.remove();
});

/** A command somewhere else: another home, and nothing but URL and key. */
function there(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return bench.run(args, {
    AGENT_RUNNER_HOME: join(bench.root, 'elsewhere'),
    AGENT_RUNNER_URL: server.url,
    AGENT_RUNNER_TOKEN: server.key,
    ...env,
  });
}

describe.skipIf(!HAS_BUBBLEWRAP)('commands on a server', () => {
  let jobId: string;

  it('submit and wait for a job as run would', async () => {
    const submitted = await there(['submit', 'Write two', '--repo', repo, '--json']);
    expect(submitted).toMatchObject({ code: 0 });
    jobId = (JSON.parse(submitted.stdout) as { job_id: string }).job_id;
    const waited = await there(['wait', jobId]);
    expect(waited.stdout).toContain('proposed');
    expect(waited).toMatchObject({ code: 0 });
    const both = await there(['submit', 'Write two', '--repo', repo, '--wait', '--json']);
    expect(JSON.parse(both.stdout)).toMatchObject({ outcome: 'proposed', gate: { verdict: 'green' } });
  });

  it.each([
    ['status', ['--json']],
    ['result', ['--json']],
    ['diff', []],
    ['logs', ['--json']],
    ['logs', ['-f']],
    ['deliveries', ['--json']],
    ['trace', ['--json']],
  ])('%s %j says what it says beside the database', async (command, flags) => {
    const remote = await there([command, jobId, ...flags]);
    const local = await bench.run([command, jobId, ...flags]);
    expect({ ...remote, stderr: '' }).toEqual({ ...local, stderr: '' });
    if (command !== 'deliveries') expect(remote.stdout).toMatch(/two|proposed|done/);
  });

  it.each([
    ['list', ['--json']],
    ['usage', ['--json', '--since', 'all']],
    ['list', ['--search', 'write two', '--json']],
    ['session', ['list', '--json']],
    ['keys', ['list', '--json']],
  ])('%s %j does, too', async (command, flags) => {
    const [remote, local] = [await there([command, ...flags]), await bench.run([command, ...flags])];
    expect(remote).toEqual(local);
    expect(remote.stdout).toMatch(/job-|"jobs": [1-9]|"sessions"|"key_id"/);
  });

  it('retry, message and cancel change something there', async () => {
    const ended = await there(['message', jobId, 'too late']);
    expect(ended.stderr).toMatch(/has ended \(proposed\)/);
    expect(ended.code).toBe(64);
    const retried = JSON.parse((await there(['retry', jobId, '--json'])).stdout) as { job_id: string };
    expect((await there(['wait', retried.job_id])).code).toBe(0);
    const cancelled = await there(['cancel', retried.job_id]);
    expect([cancelled.code, cancelled.stderr]).toEqual([64, expect.stringMatching(/has ended/)]);
  });

  it('a job that is not there, a wrong key and a server that is away are named', async () => {
    const unknown = await there(['status', 'job-000000000000']);
    expect([unknown.code, unknown.stderr]).toEqual([
      64,
      expect.stringContaining('there is no job-000000000000'),
    ]);
    const wrong = await there(['list'], { AGENT_RUNNER_TOKEN: 'ar_000000000000_x' });
    expect([wrong.code, wrong.stderr]).toEqual([77, expect.stringContaining('this is no key')]);
    const away = await there(['list'], { AGENT_RUNNER_URL: 'http://127.0.0.1:9' });
    expect(away.code).not.toBe(0);
    expect(away.stderr).toContain('http://127.0.0.1:9 gives no answer');
  });

  it('the key is taken from a file that is private, and from no other', async () => {
    const file = join(bench.root, 'key');
    writeFileSync(file, `${server.key}\n`, { mode: 0o600 });
    const env = { AGENT_RUNNER_TOKEN: '', AGENT_RUNNER_TOKEN_FILE: file };
    expect(await there(['list', '--json'], env)).toMatchObject({ code: 0 });
    chmodSync(file, 0o644);
    const open = await there(['list'], env);
    expect([open.code, open.stderr]).toEqual([
      78,
      expect.stringMatching(/may be read by others \(mode 644\)/),
    ]);
    expect(open.stdout + open.stderr).not.toContain(server.key);
  });

  it('a home that is named wins over AGENT_RUNNER_URL; both are refused; what a server decides is not taken', async () => {
    const local = await there(['list', '--json', '--home', join(bench.root, 'empty')]);
    expect(JSON.parse(local.stdout)).toEqual({ jobs: [] });
    const both = await there(['list', '--url', server.url, '--home', bench.home]);
    expect([both.code, both.stderr]).toEqual([
      64,
      expect.stringContaining('either of a server or of a folder'),
    ]);
    const rule = await there(['submit', 'x', '--repo', repo, '--on-red', 'draft']);
    expect([rule.code, rule.stderr]).toEqual([
      64,
      expect.stringContaining('policy.on_red: a server has its own'),
    ]);
  });
});
