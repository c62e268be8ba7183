import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countProcesses, runProcess, type ProcessOptions } from '../../src/sandbox/process.ts';
import { leftWith, uniqueSleep } from '../contract/sandbox.ts';

const base = { timeoutMs: 20_000, maxBytes: 64 * 1024, isOwn: true } as const;
const env = { PATH: '/usr/bin:/bin' };
let cwd: string;
const run = (
  argv: readonly [string, ...string[]],
  options: Partial<ProcessOptions> = {},
): ReturnType<typeof runProcess> => runProcess(argv, { ...base, env, cwd, ...options });
const sh = (script: string, options: Partial<ProcessOptions> = {}): ReturnType<typeof runProcess> =>
  run(['/bin/sh', '-c', script], options);

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'launcher-test-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** Shells that read commands from their input and were started by this process. */
function launchers(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [stat, words] = ['stat', 'cmdline'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8'));
        const parent = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
        return words === '/bin/sh\0' && Number(parent) === process.pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}

const onLinux = describe.runIf(process.platform === 'linux');

onLinux('a command of the runner’s own', () => {
  it('has the words, the directory, the input and the environment it was given, and nothing else', async () => {
    const words = ['', '-n', "it's", '$HOME `id` $(id)', 'two\nlines', '*', '\\', 'ä', '# no comment'];
    const said = await run(['printf', '%s\\0', ...words], { encoding: 'buffer' });
    expect(said.stdoutBuffer.toString().split('\0').slice(0, -1)).toEqual(words);
    expect(launchers()).toHaveLength(1);
    const strange = { ...env, QUOTED: `a'b"c\n$d`, EMPTY: '' };
    const seen = await run(['env', '-0'], { env: strange });
    expect(
      Object.fromEntries(
        seen.stdout
          .split('\0')
          .filter(Boolean)
          .map((line) => /^(\w+)=([^]*)$/.exec(line)?.slice(1) ?? []),
      ),
    ).toEqual(strange);
    expect((await run(['pwd', '-P'])).stdout).toBe(`${cwd}\n`);
    const bytes = Buffer.from([0, 255, 10, 39, 92]);
    const copied = await run(['cat'], { stdin: bytes, encoding: 'buffer' });
    expect(copied.stdoutBuffer.equals(bytes)).toBe(true);
    expect((await run(['cat'])).stdout).toBe('');
  });

  it('has no descriptor of the runner’s or the launcher’s', async () => {
    const direct = await sh('ls /proc/self/fd', { isOwn: false });
    expect((await sh('ls /proc/self/fd')).stdout).toBe(direct.stdout);
    expect((await sh('ls /proc/self/fd', { stdin: 'x' })).stdout).toBe(direct.stdout);
  });

  it('ends as it ends: with its output, its code or its signal', async () => {
    const result = await sh('echo out; echo err >&2; exit 129');
    expect(result).toMatchObject({ end: 'exited', exitCode: 129, stdout: 'out\n', stderr: 'err\n' });
    const killed = await sh('echo out; kill -9 $$');
    expect(killed).toMatchObject({
      end: 'killed',
      exitCode: null,
      signal: 'SIGKILL',
      stdout: 'out\n',
      stderr: '',
    });
    const much = await sh('head -c 3000000 /dev/zero', { encoding: 'buffer', maxBytes: 100 });
    expect(much).toMatchObject({ truncated: true, stdoutBytes: 3_000_000 });
  });

  it('is named where it can not be started, as any other', async () => {
    for (const name of ['/no/such/program', 'no-such-program', './plain', join(cwd, 'plain')]) {
      await writeFile(join(cwd, 'plain'), '');
      expect((await run([name])).message).toBe((await run([name], { isOwn: false })).message);
    }
    expect((await run(['true'], { cwd: '/no/such' })).message).toBe('/no/such: no such directory (ENOENT)');
    expect((await run(['true', 'x'.repeat(3_000_000)])).message).toContain('E2BIG');
    expect(await run(['printf', 'a\0b'])).toMatchObject({ end: 'not_started' });
    expect((await run(['env'], { env: { ...env, 'a-b': 'c' } })).stdout).toContain('a-b=c\n');
  });

  it('is ended with all that it started, by a timeout or a signal', async () => {
    for (const isAborted of [false, true]) {
      const how = isAborted ? { signal: AbortSignal.timeout(300) } : { timeoutMs: 300 };
      const { command, seconds } = uniqueSleep();
      const result = await sh(`echo begun; ${command} & ${command}`, { ...how, graceMs: 200 });
      expect(['timeout', 'cancelled']).toContain(result.end);
      expect(result.stdout).toBe('begun\n');
      expect(await leftWith(seconds, 1000)).toEqual([]);
    }
    const abort = new AbortController();
    const { command, seconds } = uniqueSleep();
    // Aborted while the launcher has not answered yet.
    const pending = sh(command, { signal: abort.signal, graceMs: 200 });
    abort.abort();
    expect((await pending).end).toBe('cancelled');
    expect(await leftWith(seconds, 1000)).toEqual([]);
    expect(countProcesses()).toBe(0);
  });

  it('runs beside many others, each with its own streams', async () => {
    const all = await Promise.all(
      Array.from({ length: 60 }, (_, at) => sh(`cat; echo ${at}; exit ${at}`, { stdin: `in ${at}\n` })),
    );
    expect(all.map((one) => [one.stdout, one.exitCode])).toEqual(
      Array.from({ length: 60 }, (_, at) => [`in ${at}\n${at}\n`, at]),
    );
    expect(launchers()).toHaveLength(1);
  });

  it('is started by its own runner’s launcher, which ends with it', async () => {
    const module = join(import.meta.dirname, '../../src/sandbox/process.ts');
    const script = `import { runProcess } from ${JSON.stringify(module)};
      const how = { cwd: '/', env: { PATH: '/usr/bin:/bin' }, timeoutMs: 9000, maxBytes: 9000, isOwn: true };
      const { stdout } = await runProcess(['sh', '-c', 'ps -o ppid= -p $PPID; echo $PPID'], how);
      console.log(stdout);
      if (process.argv[1] === 'die') process.kill(process.pid, 'SIGKILL');`;
    for (const how of ['end', 'die']) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, how], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await new Promise((resolve) => child.once('close', resolve));
      const [launcher = ''] = said.trim().split(/\s+/);
      expect(launcher).toMatch(/^\d+$/);
      const deadline = performance.now() + 5000;
      const words = (): Promise<string> => readFile(`/proc/${launcher}/cmdline`, 'utf8').catch(() => '');
      while ((await words()) === '/bin/sh\0' && performance.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await words()).not.toBe('/bin/sh\0');
    }
  });

  it('goes on where the launcher was killed', async () => {
    const running = sh('echo begun; sleep 0.5; echo done');
    await sh('true');
    const [launcher = 0] = launchers();
    process.kill(launcher, 'SIGKILL');
    // What was begun is waited for by a process of its own, which still tells how it ended.
    expect(await running).toMatchObject({ end: 'exited', exitCode: 0, stdout: 'begun\ndone\n' });
    const after = await Promise.all(Array.from({ length: 5 }, (_, at) => sh(`echo ${at}`)));
    expect(after.map((one) => one.stdout)).toEqual(['0\n', '1\n', '2\n', '3\n', '4\n']);
    expect(launchers()).toHaveLength(1);
    expect(launchers()).not.toContain(launcher);
  });
});
