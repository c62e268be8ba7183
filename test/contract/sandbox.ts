/** What every sandbox must do, whatever isolates it. Each adapter's test runs this suite. */
import { realpathSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  Dial,
  ExecOptions,
  ExecResult,
  LiveInput,
  Sandbox,
  SandboxAdapter,
  SandboxOptions,
} from '../../src/sandbox/sandbox.ts';

const BOUNDS = { timeoutMs: 20_000, maxBytes: 64 * 1024 } as const;
const MIB = 1024 * 1024;

/** A `sleep` that nobody else runs, so that it can be found in /proc. */
export function uniqueSleep(): { readonly command: string; readonly seconds: string } {
  const seconds = `9${Math.floor(Math.random() * 1e9)}.${Math.floor(Math.random() * 1e9)}`;
  return { command: `sleep ${seconds}`, seconds };
}

/** Process ids on this machine whose command line holds `text`. */
export async function processesWith(text: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return pids.filter((_, at) => lines[at]?.includes(text)).map(Number);
}

/** Waits until no process has `text` in its command line, `maxMs` at most; returns those left. */
export async function leftWith(text: string, maxMs = 2_000): Promise<readonly number[]> {
  for (const until = Date.now() + maxMs; ;) {
    const left = await processesWith(text);
    if (left.length === 0 || Date.now() > until) return left;
    await sleep(20);
  }
}

/** Waits until a file has a text, for a command that runs meanwhile. */
export async function waitForFile(path: string): Promise<void> {
  for (const until = Date.now() + 10_000; Date.now() < until;) {
    if ((await stat(path).catch(() => null)) !== null) return;
    await sleep(10);
  }
  throw new Error(`${path} was not written`);
}

/** A sandbox over fresh directories, and how to run a shell line in it. */
export interface Bench {
  readonly root: string;
  readonly workspace: string;
  readonly home: string;
  readonly sandbox: Sandbox;
  exec(argv: readonly [string, ...string[]], options?: Partial<ExecOptions>): Promise<ExecResult>;
  sh(script: string, options?: Partial<ExecOptions>): Promise<ExecResult>;
  remove(): Promise<void>;
}

/** Opens a sandbox of `adapter` over a new temporary directory. */
export async function openBench(
  adapter: SandboxAdapter,
  options: Partial<SandboxOptions> = {},
): Promise<Bench> {
  const root = await mkdtemp(join(tmpdir(), 'sandbox-test-'));
  const [workspace, home] = [join(root, 'workspace'), join(root, 'home')];
  await mkdir(workspace);
  await mkdir(home);
  const sandbox = await adapter
    .open({ workspace, home, env: {}, network: false, ...options })
    .catch(async (error: unknown) => {
      await rm(root, { recursive: true, force: true });
      throw error;
    });
  const exec: Bench['exec'] = (argv, more = {}) => sandbox.exec(argv, { ...BOUNDS, ...more });
  return {
    root,
    workspace,
    home,
    sandbox,
    exec,
    sh: (script, more) => exec(['/bin/sh', '-c', script], more),
    async remove() {
      await sandbox.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/**
 * Whether an adapter works here, and why not as a label for skipped tests. Throws instead where everything is
 * required, so that a test machine can't pass by lacking something.
 */
export async function needs(
  adapter: SandboxAdapter,
): Promise<{ readonly works: boolean; readonly label: string }> {
  const { works, detail, fix } = await adapter.probe();
  if (!works && process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1') {
    throw new Error(`${adapter.name} is required: ${detail}; ${fix ?? 'no fix known'}`);
  }
  return {
    works,
    label: works ? adapter.name : `${adapter.name} (skipped: ${detail}; ${fix ?? 'no fix known'})`,
  };
}

/** Runs the contract against one adapter. `survivesSetsid`: whether a daemon may outlive its command there. */
export function testSandbox(
  create: () => SandboxAdapter,
  traits: { readonly survivesSetsid: boolean },
): void {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(create(), { env: { FROM_SANDBOX: 'a', BOTH: 'sandbox' } });
  });
  afterEach(() => bench.remove());

  describe('starting', () => {
    it('runs a program with arguments, without a shell', async () => {
      const result = await bench.exec(['printf', '%s|', '$HOME', 'a b', '; echo no', '`x`', '']);
      expect(result).toMatchObject({
        end: 'exited',
        exitCode: 0,
        signal: null,
        stdout: '$HOME|a b|; echo no|`x`||',
        stderr: '',
      });
      expect(result.message).toBeNull();
    });

    it.each([0, 1, 2, 3, 100, 126, 127, 130, 143, 255])('reports exit code %i', async (code) => {
      expect(await bench.sh(`exit ${code}`)).toMatchObject({ end: 'exited', exitCode: code });
    });

    it('says not_started for a program that is not there', async () => {
      const result = await bench.exec(['no-such-program-here', 'x']);
      expect(result).toMatchObject({ end: 'not_started', exitCode: null });
      expect(result.message).toContain('no-such-program-here');
    });

    it('says not_started for a file that is not executable, and for a missing directory', async () => {
      await writeFile(join(bench.workspace, 'plain.txt'), 'x', { mode: 0o644 });
      expect(await bench.exec(['./plain.txt'])).toMatchObject({ end: 'not_started', exitCode: null });
      const result = await bench.exec(['true'], { cwd: 'nowhere' });
      expect(result).toMatchObject({ end: 'not_started', exitCode: null });
      expect(result.message).toContain('nowhere');
    });

    it('says not_started, and does not throw, for words that no system takes', async () => {
      const long = await bench.exec(['true', 'x'.repeat(3 * MIB)]);
      expect(long).toMatchObject({ end: 'not_started', exitCode: null });
      expect(await bench.exec(['true', 'a\0b'])).toMatchObject({ end: 'not_started' });
    });

    it('says killed when a signal that we did not send ended it', async () => {
      expect(await bench.sh('kill -KILL $$')).toMatchObject({
        end: 'killed',
        exitCode: null,
        signal: 'SIGKILL',
      });
      expect(await bench.sh('kill -SEGV $$')).toMatchObject({
        end: 'killed',
        exitCode: null,
        signal: 'SIGSEGV',
      });
    });

    it('starts in the workspace or below it, and nowhere else', async () => {
      await mkdir(join(bench.workspace, 'in/side'), { recursive: true });
      const { workspacePath } = bench.sandbox;
      expect((await bench.exec(['pwd'])).stdout).toBe(`${workspacePath}\n`);
      expect((await bench.exec(['pwd'], { cwd: 'in/side' })).stdout).toBe(`${workspacePath}/in/side\n`);
      await expect(bench.exec(['pwd'], { cwd: '../..' })).rejects.toMatchObject({
        code: 'bad_configuration',
      });
      await expect(bench.exec(['pwd'], { cwd: '/etc' })).rejects.toMatchObject({ code: 'bad_configuration' });
    });
  });

  describe('environment', () => {
    it('says what HOME holds by name, without following anything', async () => {
      await bench.sh(
        'touch "$HOME/file"; ln -s /nowhere "$HOME/link"; mkdir -p "$HOME/dir/sub"; ln -s / "$HOME/root"',
      );
      const has = (name: string): Promise<boolean> => bench.sandbox.homeHas(name);
      expect(await Promise.all(['file', 'link', 'dir', 'root'].map(has))).toEqual([true, true, true, true]);
      const never = ['none', 'dir/sub', 'root/etc', '..', '.', ''];
      expect(await Promise.all(never.map(has))).toEqual(never.map(() => false));
    });

    it('holds what was given and nothing of the runner', async () => {
      process.env['RUNNER_SECRET_FOR_TEST'] = 'leaked';
      try {
        const { stdout } = await bench.exec(['env'], {
          env: { BOTH: 'exec', MULTI: 'line 1\nline 2', EMPTY: '' },
        });
        const own = /^(?:(?:AGENT_RUNNER_STARTED_BY|PWD|PATH)=.*)?$/;
        const lines = stdout.split('\n').filter((line) => !own.test(line));
        const home = `HOME=${bench.sandbox.homePath}`;
        expect(lines.sort()).toEqual(
          ['BOTH=exec', 'EMPTY=', 'FROM_SANDBOX=a', home, 'MULTI=line 1', 'line 2'].sort(),
        );
      } finally {
        delete process.env['RUNNER_SECRET_FOR_TEST'];
      }
    });

    it('has a HOME of its own, which is the directory that was given', async () => {
      expect(await bench.sh('echo hello > "$HOME/note"', { env: { HOME: '/elsewhere' } })).toMatchObject({
        exitCode: 0,
      });
      expect(await readFile(join(bench.home, 'note'), 'utf8')).toBe('hello\n');
    });

    it('passes on no descriptor of the runner', async () => {
      const { stdout } = await bench.sh('for fd in /proc/$$/fd/*; do readlink "$fd"; done');
      const strange = stdout
        .split('\n')
        .filter((line) => line !== '' && !/^\/dev\/null|agent-runner-pipes|\/proc\//.test(line));
      expect(strange).toEqual([]);
    });
  });

  describe('streams', () => {
    it('gives text on stdin and closes it; an absent stdin is closed at once', async () => {
      expect((await bench.exec(['cat'], { stdin: 'grüße\n' })).stdout).toBe('grüße\n');
      expect(await bench.exec(['cat'])).toMatchObject({ end: 'exited', exitCode: 0, stdout: '' });
      expect(await bench.exec(['cat'], { stdin: '' })).toMatchObject({
        end: 'exited',
        exitCode: 0,
        stdout: '',
      });
    });

    it('does not mind a command that does not read its input', async () => {
      expect(await bench.exec(['true'], { stdin: 'x'.repeat(4 * MIB) })).toMatchObject({
        end: 'exited',
        exitCode: 0,
      });
      const all = await bench.exec(['wc', '-c'], { stdin: 'x'.repeat(4 * MIB) });
      expect(all.stdout.trim()).toBe(String(4 * MIB));
    });

    it('lets programs open their streams by name', async () => {
      const script =
        'echo a > /dev/stdout; echo b > /dev/stderr; echo c | tee /dev/stderr >/dev/null; cat /dev/stdin';
      expect(await bench.sh(script, { stdin: 'in' })).toMatchObject({ stdout: 'a\nin', stderr: 'b\nc\n' });
    });

    it('keeps stdout and stderr apart, and reports both as they come', async () => {
      const pieces: string[] = [];
      const onOutput: ExecOptions['onOutput'] = (stream, text) => pieces.push(`${stream}:${text}`);
      const result = await bench.sh(
        'echo one; sleep 0.1; echo two >&2; sleep 0.1; printf "\\303"; sleep 0.1; printf "\\274"',
        {
          onOutput,
        },
      );
      expect(result).toMatchObject({ stdout: 'one\nü', stderr: 'two\n', stdoutBytes: 6, stderrBytes: 4 });
      expect(pieces).toEqual(['stdout:one\n', 'stderr:two\n', 'stdout:ü']);
    });

    it('goes on when a callback throws, and says so', async () => {
      const onOutput = (): never => {
        throw new Error('broken listener');
      };
      const result = await bench.sh('echo 1; sleep 0.1; echo 2', { onOutput });
      expect(result).toMatchObject({ end: 'exited', exitCode: 0, stdout: '1\n2\n' });
      expect(result.message).toContain('broken listener');
    });

    it('turns invalid UTF-8 into replacement characters', async () => {
      const result = await bench.sh('printf "a\\377\\376b"');
      expect(result).toMatchObject({ stdout: 'a\uFFFD\uFFFDb', stdoutBytes: 4 });
    });

    it('keeps head and tail of long output and names what it dropped', async () => {
      const result = await bench.sh('printf start; head -c 100000 /dev/zero | tr "\\0" x; printf end', {
        maxBytes: 1_000,
      });
      expect(result.stdoutBytes).toBe(100_008);
      expect(result.stdout).toMatch(/^startx+\n\[\.\.\. 99008 bytes dropped \.\.\.\]\nx+end$/);
      expect(result.stdout.length).toBeLessThan(1_100);
    });

    it('takes 300 MiB of output without growing', async () => {
      const before = process.memoryUsage().rss;
      let peak = 0;
      const result = await bench.exec(['head', '-c', String(300 * MIB), '/dev/zero'], {
        maxBytes: 256 * 1024,
        timeoutMs: 60_000,
        onOutput: () => (peak = Math.max(peak, process.memoryUsage().rss)),
      });
      expect(result).toMatchObject({ end: 'exited', exitCode: 0, stdoutBytes: 300 * MIB });
      expect(peak - before).toBeLessThan(150 * MIB);
    });
  });

  describe('live input', () => {
    /** Runs a command with an input that is spoken to as its output comes. */
    const speak = (
      script: string,
      say: (input: LiveInput, line: string) => void,
      options: Partial<ExecOptions> = {},
    ): Promise<ExecResult> => {
      let input: LiveInput | null = null;
      return bench.sh(script, {
        ...options,
        onInput: (live) => (input = live),
        onOutput: (stream, text) => {
          if (stream === 'stdout' && input !== null) say(input, text.trim());
        },
      });
    };

    it('answers what a command says while it runs', async () => {
      const script = 'echo one; read a; echo "two $a"; read b; echo "$b"; cat; echo done';
      const heard: string[] = [];
      const result = await speak(script, (input, line) => {
        heard.push(line);
        if (line === 'one') input.write('grüße\n');
        if (line === 'two grüße') input.write('last\n');
        if (line === 'last') input.end();
      });
      expect(result).toMatchObject({ end: 'exited', exitCode: 0, stdout: 'one\ntwo grüße\nlast\ndone\n' });
      expect(heard).toEqual(['one', 'two grüße', 'last', 'done']);
    });

    it('takes more than a pipe holds, whole and in order', async () => {
      let taken = false;
      const result = await bench.exec(['cksum'], {
        onInput: (input) => {
          taken = [0, 1, 2, 3].every((part) => input.write(String(part).repeat(MIB)));
          input.end();
        },
      });
      const whole = [0, 1, 2, 3].map((part) => String(part).repeat(MIB)).join('');
      expect(taken).toBe(true);
      expect(result.stdout).toBe((await bench.exec(['cksum'], { stdin: whole })).stdout);
    });

    it('takes no more than its bound from a caller whose command does not read', async () => {
      const answers: boolean[] = [];
      const { command } = uniqueSleep();
      const result = await bench.sh(command, {
        timeoutMs: 500,
        onInput: (input) => {
          for (let part = 0; part < 20; part++) answers.push(input.write('x'.repeat(MIB)));
        },
      });
      expect(result.end).toBe('timeout');
      expect(answers.slice(0, 10)).not.toContain(false);
      expect(answers.slice(-3)).toEqual([false, false, false]);
    });

    it('does not mind a command that has closed its input, or has ended', async () => {
      let live: LiveInput | null = null;
      const script = 'exec 0<&-; echo closed; sleep 0.2; echo again';
      const result = await speak(script, (input) => {
        live = input;
        input.write('x\n');
      });
      expect(result).toMatchObject({ end: 'exited', exitCode: 0, stdout: 'closed\nagain\n' });
      expect((live as LiveInput | null)?.write('x')).toBe(false);
    });

    it('is closed with the command, and the command with the sandbox', async () => {
      const { command, seconds } = uniqueSleep();
      const cancelled = new AbortController();
      const running = speak(`echo begun; ${command} & cat; ${command}`, () => cancelled.abort(), {
        signal: cancelled.signal,
      });
      expect(await running).toMatchObject({ end: 'cancelled' });
      expect(await leftWith(seconds)).toEqual([]);
      const waiting = bench.sh(`touch begun; ${command} & cat`, { onInput: () => {} });
      await waitForFile(join(bench.workspace, 'begun'));
      await bench.sandbox.close();
      expect(await waiting).toMatchObject({ end: 'cancelled' });
      expect(await leftWith(seconds)).toEqual([]);
    });

    it('has the bounds of any command', async () => {
      const onInput = (): void => {};
      expect(await bench.sh('cat', { onInput, timeoutMs: 300 })).toMatchObject({ end: 'timeout' });
      expect(await bench.sh('cat', { onInput, idleTimeoutMs: 300 })).toMatchObject({ end: 'idle_timeout' });
    });
  });

  describe('log file', () => {
    it('holds stdout and stderr as they came, whatever is kept in memory', async () => {
      const logPath = join(bench.root, 'check.log');
      await bench.sh('echo one; sleep 0.1; echo two >&2; sleep 0.1; head -c 50000 /dev/zero', {
        logPath,
        maxBytes: 100,
      });
      const log = await readFile(logPath);
      expect(log.subarray(0, 8).toString()).toBe('one\ntwo\n');
      expect(log.length).toBe(50_008);
    });

    it('has a bound and says where it ends', async () => {
      const logPath = join(bench.root, 'check.log');
      await bench.exec(['head', '-c', String(20 * MIB), '/dev/zero'], { logPath, maxLogBytes: 1 * MIB });
      const log = await readFile(logPath, 'utf8');
      expect(log.length).toBeLessThan(MIB + 200);
      expect(log).toContain(`bound of ${MIB} bytes`);
    });

    it('does not fail the command when it can’t be written', async () => {
      const gone = await bench.sh('echo fine', { logPath: join(bench.root, 'no/such/dir/log') });
      expect(gone).toMatchObject({ end: 'exited', exitCode: 0, stdout: 'fine\n' });
      expect(gone.message).toContain('incomplete');
      // /dev/full is a disk that is always full.
      const full = await bench.exec(['head', '-c', String(8 * MIB), '/dev/zero'], {
        logPath: '/dev/full',
        maxBytes: 100,
      });
      expect(full).toMatchObject({ end: 'exited', exitCode: 0, stdoutBytes: 8 * MIB });
      expect(full.message).toContain('ENOSPC');
    });
  });

  describe('ending', () => {
    it('ends a command at its wall clock bound, with what it said so far', async () => {
      const { command, seconds } = uniqueSleep();
      const result = await bench.sh(`echo begun; ${command}`, { timeoutMs: 300 });
      expect(result).toMatchObject({ end: 'timeout', exitCode: null, stdout: 'begun\n' });
      expect(result.durationMs).toBeLessThan(3_000);
      expect(await leftWith(seconds)).toEqual([]);
    });

    it('ends a silent command, and not one that speaks', async () => {
      const { command } = uniqueSleep();
      expect(await bench.sh(command, { idleTimeoutMs: 300 })).toMatchObject({
        end: 'idle_timeout',
        exitCode: null,
      });
      const talks = 'for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done';
      expect(await bench.sh(talks, { idleTimeoutMs: 600 })).toMatchObject({ end: 'exited', exitCode: 0 });
    });

    it('ends within a second of an abort', async () => {
      const { command, seconds } = uniqueSleep();
      const controller = new AbortController();
      const running = bench.sh(`touch begun; ${command}`, { signal: controller.signal });
      await waitForFile(join(bench.workspace, 'begun'));
      const abortedAt = performance.now();
      controller.abort();
      expect(await running).toMatchObject({ end: 'cancelled', exitCode: null });
      expect(performance.now() - abortedAt).toBeLessThan(1_000);
      expect(await leftWith(seconds)).toEqual([]);
    });

    it('does not start what was aborted before', async () => {
      const result = await bench.sh('touch begun', { signal: AbortSignal.abort() });
      expect(result).toMatchObject({ end: 'cancelled', exitCode: null });
      expect(await readdir(bench.workspace)).toEqual([]);
    });

    it('gives a command time to put its things in order', async () => {
      const script = 'trap "echo saved > state; exit 0" TERM; touch begun; sleep 30 & wait';
      const controller = new AbortController();
      const running = bench.sh(script, { signal: controller.signal });
      await waitForFile(join(bench.workspace, 'begun'));
      controller.abort();
      expect(await running).toMatchObject({ end: 'cancelled' });
      expect(await readFile(join(bench.workspace, 'state'), 'utf8')).toBe('saved\n');
    });

    it('kills what ignores SIGTERM, children and all', async () => {
      const { command, seconds } = uniqueSleep();
      const script = `trap "" TERM; (trap "" TERM; ${command}) & ${command}; ${command}`;
      // Long enough for the shell to have set its traps on a machine that is busy.
      const result = await bench.sh(script, { timeoutMs: 1_000 });
      expect(result).toMatchObject({ end: 'timeout', signal: 'SIGKILL' });
      expect(result.durationMs).toBeLessThan(6_000);
      expect(await leftWith(seconds)).toEqual([]);
    });

    it('does not wait for a child that keeps the output open, and leaves none behind', async () => {
      const { command, seconds } = uniqueSleep();
      const result = await bench.sh(`${command} & echo done`);
      expect(result).toMatchObject({ end: 'exited', exitCode: 0, stdout: 'done\n' });
      expect(result.durationMs).toBeLessThan(3_000);
      expect(await leftWith(seconds)).toEqual([]);
    });

    it('leaves no daemon behind', async () => {
      const { command, seconds } = uniqueSleep();
      const quiet = '</dev/null >/dev/null 2>&1';
      await bench.sh(`nohup ${command} ${quiet} & (${command} ${quiet} &) ; exit 0`);
      expect(await leftWith(seconds)).toEqual([]);
      await bench.sh(`setsid ${command} ${quiet} & setsid sh -c '(${command} &)' ${quiet} & sleep 0.2`);
      const left = await leftWith(seconds, traits.survivesSetsid ? 0 : 2_000);
      for (const pid of left) process.kill(pid, 'SIGKILL');
      if (!traits.survivesSetsid) expect(left).toEqual([]);
    });

    it('kills what runs when it is closed, and runs nothing after', async () => {
      const { command, seconds } = uniqueSleep();
      const running = [bench.sh(`touch one; ${command}`), bench.sh(`touch two; ${command}`)];
      await waitForFile(join(bench.workspace, 'one'));
      await waitForFile(join(bench.workspace, 'two'));
      await bench.sandbox.close();
      expect(await leftWith(seconds, 0)).toEqual([]);
      for (const result of await Promise.all(running)) expect(result.end).toBe('cancelled');
      await expect(bench.exec(['true'])).rejects.toMatchObject({ code: 'bug' });
    });
  });

  describe('a command that listens', () => {
    const node = realpathSync(process.execPath);
    /** Listens on a free port, says which, and answers every line with it and the number of the connection. */
    const echo = `let count = 0;
const server = require('node:net').createServer((socket) => {
  const mine = ++count;
  socket.on('data', (data) => socket.write(mine + ' ' + data));
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));`;

    /** Runs a listener; what it is reached by, and its port. */
    async function listen(
      sandbox: Sandbox,
      program = echo,
    ): Promise<{ dial: Dial; port: number; ended: Promise<ExecResult>; stop: () => void }> {
      const stop = new AbortController();
      const way = Promise.withResolvers<Dial>();
      const port = Promise.withResolvers<number>();
      let said = '';
      const ended = sandbox.serve?.([node, '-e', program], {
        ...BOUNDS,
        signal: stop.signal,
        onDial: (dial) => way.resolve(dial),
        onOutput(_stream, text) {
          said += text;
          const found = /port (\d+)\n/.exec(said)?.[1];
          if (found !== undefined) port.resolve(Number(found));
        },
      });
      if (ended === undefined) throw new Error('nothing can be reached in this sandbox');
      return { dial: await way.promise, port: await port.promise, ended, stop: () => stop.abort() };
    }

    /** What the other end says until there is as much as is waited for. */
    async function ask(socket: Socket, text: string, chars: number): Promise<string> {
      socket.write(text);
      let said = '';
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
        said += String(chunk);
        if (said.length >= chars) break;
      }
      return said;
    }

    const reached: Bench[] = [];
    afterEach(async () => {
      for (const one of reached.splice(0)) await one.remove();
    });
    async function openReached(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
      const one = await openBench(create(), { readOnlyPaths: [node], ...options });
      reached.push(one);
      return one.sandbox;
    }

    it('is reached from outside, over as many connections as are asked for', async () => {
      const { dial, port, ended, stop } = await listen(await openReached());
      const sockets = await Promise.all([dial(port), dial(port), dial(port)]);
      const answers = [];
      for (const socket of sockets) answers.push(await ask(socket, 'hello', 7));
      expect(answers.toSorted()).toEqual(['1 hello', '2 hello', '3 hello']);
      const [first] = sockets;
      expect(first === undefined ? '' : await ask(first, 'again', 7)).toMatch(/^\d again$/);
      for (const socket of sockets) socket.destroy();
      stop();
      expect((await ended).end).toBe('cancelled');
    });

    it('is reached beside a door, and the door beside it', async () => {
      const sandbox = await openReached({ door: (socket) => socket.end('the door\n') });
      const { dial, port, ended, stop } = await listen(sandbox);
      expect(await ask(await dial(port), 'hello', 7)).toBe('1 hello');
      stop();
      await ended;
    });

    it('takes 8 MiB and gives them back whole', async () => {
      const { dial, port, ended, stop } = await listen(
        await openReached(),
        echo.replace(
          "socket.write(mine + ' ' + data)",
          'socket.write(data) || (socket.pause(), socket.once("drain", () => socket.resume()))',
        ),
      );
      const socket = await dial(port);
      const text = 'x'.repeat(8 * MIB);
      expect((await ask(socket, text, text.length)).length).toBe(text.length);
      stop();
      await ended;
    });

    it('whose port nobody listens on is refused', async () => {
      const { dial, port, ended, stop } = await listen(await openReached());
      await expect(dial(port === 1 ? 2 : 1)).rejects.toThrow('nothing answers at port');
      expect(await ask(await dial(port), 'hello', 7)).toBe('1 hello');
      stop();
      await ended;
    });

    it('that ends, ends its connections, and is not reached any more', async () => {
      const { dial, port, ended, stop } = await listen(await openReached());
      const socket = await dial(port);
      expect(await ask(socket, 'hello', 7)).toBe('1 hello');
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.resume();
      stop();
      await ended;
      await closed;
      await expect(dial(port)).rejects.toThrow('nothing answers at port');
    });

    it('ends as it ended itself', async () => {
      const { ended } = await listen(await openReached(), `${echo} setTimeout(() => process.exit(7), 300);`);
      expect(await ended).toMatchObject({ end: 'exited', exitCode: 7 });
    });
  });

  describe('files', () => {
    it('shows the work to commands and their work to the host', async () => {
      await writeFile(join(bench.workspace, 'given.txt'), 'from the host');
      const result = await bench.sh(
        'cat given.txt; mkdir -p deep/er; printf made > deep/er/new; rm given.txt',
      );
      expect(result.stdout).toBe('from the host');
      expect(await readFile(join(bench.workspace, 'deep/er/new'), 'utf8')).toBe('made');
      await expect(stat(join(bench.workspace, 'given.txt'))).rejects.toThrow('ENOENT');
    });

    it('runs several commands at once', async () => {
      const signal = new AbortController().signal;
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, at) => bench.sh(`sleep 0.1; echo ${at} | tee file-${at}`, { signal })),
      );
      expect(results.map((result) => result.stdout)).toEqual(results.map((_, at) => `${at}\n`));
      expect(await readdir(bench.workspace)).toHaveLength(20);
    });

    it('refuses a directory that is not there, by name', async () => {
      const options = { workspace: bench.workspace, home: bench.home, env: {}, network: false };
      const open = (more: Partial<SandboxOptions>): Promise<Sandbox> =>
        create().open({ ...options, ...more });
      await expect(open({ workspace: `${bench.root}/gone` })).rejects.toThrow(
        /^workspace: .*gone is not a directory/,
      );
      await expect(open({ home: 'relative' })).rejects.toThrow(/^home: "relative" is not allowed/);
      await expect(open({ readOnlyPaths: ['/usr', `${bench.root}/gone`] })).rejects.toThrow(
        /^readOnlyPaths\[1\]: .*gone does not exist/,
      );
      await expect(open({ readOnlyPaths: [`${bench.root}/gone`] })).rejects.toMatchObject({
        code: 'bad_configuration',
        hint: expect.stringContaining('sandbox.ro_paths'),
      });
    });
  });

  it('says what it is', async () => {
    const adapter = create();
    expect(bench.sandbox.adapter).toBe(adapter.name);
    expect(adapter.isolation.length).toBeGreaterThan(5);
    expect(await adapter.probe()).toMatchObject({ works: true, fix: null });
  });
}
