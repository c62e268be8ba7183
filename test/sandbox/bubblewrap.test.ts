import { spawn } from 'node:child_process';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createBubblewrap } from '../../src/sandbox/bubblewrap.ts';
import { createRootFs, type RootFs } from '../../src/sandbox/bubblewrap/rootfs.ts';
import type { SandboxOptions } from '../../src/sandbox/sandbox.ts';
import {
  leftWith,
  needs,
  openBench,
  processesWith,
  testSandbox,
  uniqueSleep,
  waitForFile,
  type Bench,
} from '../contract/sandbox.ts';

const { works, label } = await needs(createBubblewrap());
const isRoot = process.getuid?.() === 0;

async function withBench(
  options: Partial<SandboxOptions>,
  use: (bench: Bench) => Promise<void>,
): Promise<void> {
  const bench = await openBench(createBubblewrap(), options);
  try {
    await use(bench);
  } finally {
    await bench.remove();
  }
}

describe.skipIf(!works)(label, () => {
  testSandbox(() => createBubblewrap(), { survivesSetsid: false });

  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sandbox-extra-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  describe('what is visible', () => {
    it('shows the system, the workspace and HOME, and nothing of the host', async () => {
      await writeFile(join(root, 'secret'), 'host secret');
      await withBench({}, async (bench) => {
        expect((await bench.sh('ls -A / | sort')).stdout.split('\n')).toEqual(
          expect.arrayContaining([
            'bin',
            'dev',
            'etc',
            'home',
            'lib',
            'proc',
            'run',
            'tmp',
            'usr',
            'var',
            'workspace',
          ]),
        );
        const hidden = [
          root,
          bench.root,
          '/root',
          '/etc/shadow',
          '/etc/gshadow',
          '/etc/ssl/private',
          '/sys',
          '/boot',
          process.cwd(),
        ];
        for (const path of hidden) expect((await bench.exec(['ls', path])).stderr).toMatch(/No such file/);
        expect((await bench.sh('ls -A /home /run /tmp /var')).stdout).toBe(
          '/home:\nagent\n\n/run:\n\n/tmp:\n\n/var:\nrun\ntmp\n',
        );
        expect((await bench.exec(['ls', '-A', '/etc'])).stdout).not.toMatch(
          /shadow|ssh|npmrc|pip.conf|gitconfig|sudoers/,
        );
      });
    });

    it('has one user who is not root, with a name and a home', async () => {
      await withBench({}, async (bench) => {
        const { stdout } = await bench.sh(
          'id -u; id -un; id -G; hostname 2>/dev/null || cat /etc/hostname; getent passwd agent',
        );
        expect(stdout).toBe('1000\nagent\n1000\nsandbox\nagent:x:1000:1000:agent:/home/agent:/bin/sh\n');
        expect((await bench.sh('grep -E "^Cap(Eff|Prm|Bnd)" /proc/self/status | tr -d "\\t"')).stdout).toBe(
          'CapPrm:0000000000000000\nCapEff:0000000000000000\nCapBnd:0000000000000000\n',
        );
      });
    });

    it('can’t write outside the workspace, HOME and temporary places', async () => {
      await withBench({}, async (bench) => {
        for (const path of [
          '/x',
          '/usr/x',
          '/etc/x',
          '/etc/passwd',
          '/bin/x',
          '/home/x',
          '/var/x',
          '/proc/x',
        ]) {
          expect((await bench.sh(`echo x > ${path}`)).exitCode, path).not.toBe(0);
        }
        for (const path of [
          '/tmp/x',
          '/var/tmp/x',
          '/run/x',
          '/dev/shm/x',
          '/workspace/x',
          '/home/agent/x',
        ]) {
          expect(await bench.sh(`echo x > ${path}`), path).toMatchObject({ exitCode: 0, stderr: '' });
        }
        expect((await bench.exec(['ls', '/tmp'])).stdout, '/tmp is fresh for every command').toBe('');
      });
    });

    it('can’t turn a switch of the kernel', async () => {
      await withBench({}, async (bench) => {
        // Nothing is written: the files are only looked at, because one that could be written would act outside.
        const { stdout } = await bench.sh(
          'find /proc/sys /proc/irq /proc/bus /proc/fs /proc/acpi /proc/mtrr /proc/sysrq-trigger -type f -writable 2>/dev/null',
        );
        expect(stdout).toBe('');
        expect((await bench.sh('mount -t tmpfs none /tmp; umount /proc/sys')).exitCode).not.toBe(0);
        expect(
          (await bench.sh('unshare -Urm sh -c "umount /proc/sys || mount -o remount,rw /proc/sys"')).exitCode,
        ).not.toBe(0);
      });
    });

    it('shows no environment and no arguments of the runner in any process', async () => {
      process.env['RUNNER_SECRET_FOR_TEST'] = 'leaked-by-environment';
      try {
        await withBench({ env: { TOKEN: 'job-token-123' } }, async (bench) => {
          const { stdout } = await bench.sh(
            'cat /proc/[0-9]*/environ | tr "\\0" "\\n"; echo; cat /proc/1/cmdline | tr "\\0" " "',
          );
          expect(stdout).not.toContain('leaked-by-environment');
          expect(stdout).not.toContain(bench.root);
          const first = (await bench.sh('tr "\\0" "\\n" </proc/1/environ')).stdout;
          expect(first).toMatch(/^AGENT_RUNNER_STARTED_BY=[\da-f-]{36}\n$/);
        });
      } finally {
        delete process.env['RUNNER_SECRET_FOR_TEST'];
      }
    });

    it('shows no secret on a command line of the host', async () => {
      await withBench({ env: { TOKEN: 'job-token-on-no-line' } }, async (bench) => {
        const running = bench.sh('touch begun; sleep 1');
        await waitForFile(join(bench.workspace, 'begun'));
        expect(await processesWith('job-token-on-no-line')).toEqual([]);
        await running;
      });
    });

    it('never loads what the environment names outside of the sandbox', async () => {
      // bwrap itself must not see LD_PRELOAD: ld.so would complain here, before any namespace exists.
      await withBench({ env: { LD_PRELOAD: '/workspace/evil.so' } }, async (bench) => {
        const { stderr } = await bench.exec(['true']);
        expect(stderr.match(/LD_PRELOAD/g)).toHaveLength(1);
      });
    });

    it('does not take further arguments from a value', async () => {
      await withBench({}, async (bench) => {
        const smuggled = bench.exec(['true'], { env: { X: 'a\0--bind\0/\0/workspace' } });
        await expect(smuggled).rejects.toMatchObject({ code: 'bad_configuration' });
      });
    });
  });

  describe('network', () => {
    it('is closed: nothing but lo, and no way to the host', async () => {
      const server = createServer((socket) => socket.end('reached')).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3`;
      try {
        await withBench({}, async (bench) => {
          expect((await bench.sh('tail -n +3 /proc/net/dev | cut -d: -f1')).stdout.trim()).toBe('lo');
          expect((await bench.exec(['bash', '-c', script])).stderr).toContain('Connection refused');
          expect((await bench.sh('getent hosts localhost | head -1')).stdout).toMatch(/localhost/);
        });
        await withBench({ network: true }, async (bench) => {
          expect((await bench.exec(['bash', '-c', script])).stdout).toBe('reached');
          expect((await bench.exec(['test', '-s', '/etc/resolv.conf'])).exitCode).toBe(0);
        });
      } finally {
        server.close();
      }
    });
  });

  describe('mounts', () => {
    it('keeps a read-only workspace as it was', async () => {
      await withBench({ readOnlyWorkspace: true }, async (bench) => {
        await writeFile(join(bench.workspace, 'a'), 'kept');
        expect((await bench.sh('cat a; echo more > a; rm -f a; touch b')).stdout).toBe('kept');
        expect(await readdir(bench.workspace)).toEqual(['a']);
        expect(await readFile(join(bench.workspace, 'a'), 'utf8')).toBe('kept');
      });
    });

    it('mounts directories and files, read-only and writable, nested and in any order', async () => {
      const [outer, inner, file] = [join(root, 'outer'), join(root, 'inner'), join(root, 'file')];
      await mkdir(join(outer, 'deep'), { recursive: true });
      await mkdir(inner);
      await writeFile(join(outer, 'o'), 'outer');
      await writeFile(join(inner, 'i'), 'inner');
      await writeFile(file, 'file');
      const mounts = [
        { source: inner, target: '/data/deep', mode: 'rw' },
        { source: outer, target: '/data', mode: 'ro' },
        { source: inner, target: '/workspace/node_modules/pkg', mode: 'ro' },
        { source: file, target: '/tmp/a/file', mode: 'ro' },
      ] as const;
      await withBench({ mounts }, async (bench) => {
        for (let twice = 0; twice < 2; twice++) {
          const { stdout } = await bench.sh('cat /data/o /data/deep/i node_modules/pkg/i /tmp/a/file');
          expect(stdout).toBe('outerinnerinnerfile');
        }
        await bench.sh(
          'echo x > /data/o; echo x > node_modules/pkg/i; echo x > /tmp/a/file; echo new > /data/deep/n',
        );
        expect(await readFile(join(outer, 'o'), 'utf8')).toBe('outer');
        expect(await readFile(file, 'utf8')).toBe('file');
        expect((await readdir(inner)).sort()).toEqual(['i', 'n']);
      });
    });

    it('mounts in a read-only workspace too', async () => {
      const source = join(root, 'deps');
      await mkdir(source);
      await writeFile(join(source, 'dep'), 'dep');
      const mounts = [{ source, target: '/workspace/node_modules', mode: 'ro' }] as const;
      await withBench({ mounts, readOnlyWorkspace: true }, async (bench) => {
        expect((await bench.exec(['cat', 'node_modules/dep'])).stdout).toBe('dep');
      });
    });

    it('does not follow a link that the workspace puts in the way of a mount', async () => {
      const [source, victim] = [join(root, 'deps'), join(root, 'victim')];
      await mkdir(source);
      await mkdir(victim);
      const mounts = [{ source, target: '/workspace/node_modules/pkg', mode: 'ro' }] as const;
      await withBench({ mounts }, async (bench) => {
        await rm(join(bench.workspace, 'node_modules'), { recursive: true });
        await symlink(victim, join(bench.workspace, 'node_modules'));
        await expect(bench.exec(['true'])).rejects.toThrow(/mounts\[0\]: .*node_modules is a symbolic link/);
        expect(await readdir(victim)).toEqual([]);
      });
    });

    it('shows read-only paths at the same place, links as links', async () => {
      const tool = join(root, 'tool');
      await mkdir(join(tool, 'bin'), { recursive: true });
      await writeFile(join(tool, 'bin/run'), '#!/bin/sh\necho "ran $(basename "$(readlink -f "$0")")"\n', {
        mode: 0o755,
      });
      await symlink(join(tool, 'bin/run'), join(root, 'link'));
      const readOnlyPaths = [join(root, 'link'), join(tool, 'bin'), '/usr/bin', join(tool, 'bin')];
      await withBench({ readOnlyPaths, env: { PATH: `${tool}/bin:/usr/bin:/bin` } }, async (bench) => {
        expect((await bench.exec(['run'])).stdout).toBe('ran run\n');
        expect((await bench.exec([join(root, 'link')])).stdout).toBe('ran run\n');
        expect((await bench.exec(['readlink', join(root, 'link')])).stdout).toBe(`${tool}/bin/run\n`);
        expect((await bench.sh(`echo x > ${tool}/bin/run`)).exitCode).not.toBe(0);
        expect((await bench.exec(['ls', root])).stdout).toBe('link\ntool\n');
      });
    });

    it('refuses paths that would show too much, by name', async () => {
      const socket = join(root, 'socket');
      const server = createServer().listen(socket);
      await new Promise((resolve) => server.once('listening', resolve));
      await symlink('/', join(root, 'everything'));
      const open = async (readOnlyPaths: readonly string[]): Promise<void> =>
        withBench({ readOnlyPaths }, async () => {});
      const refused = [
        '/',
        '/proc',
        '/run',
        '/dev',
        '/sys/kernel',
        '/etc',
        '/home',
        '/var',
        '/root',
        socket,
        tmpdir(),
        join(root, 'everything'),
      ];
      try {
        for (const path of refused) {
          await expect(open([path]), path).rejects.toMatchObject({
            code: 'bad_configuration',
            hint: expect.any(String),
          });
          await expect(open([path]), path).rejects.toThrow(`readOnlyPaths[0]: ${path}`);
        }
        await expect(open(['/usr/../etc/shadow'])).rejects.toThrow('without . and ..');
        const mounts = [{ source: dirname(root), target: '/data', mode: 'ro' }] as const;
        await expect(withBench({ mounts }, async () => {})).rejects.toThrow(
          /mounts\[0\]\.source: .* because it holds/,
        );
      } finally {
        server.close();
      }
    });

    it.each(['/', '/usr/x', '/proc/x', '/dev/x', '/workspace', '/home/agent', '/etc', 'relative'])(
      'refuses to mount at %s',
      async (target) => {
        const mounts = [{ source: root, target, mode: 'ro' }] as const;
        await expect(withBench({ mounts }, async () => {})).rejects.toMatchObject({
          code: 'bad_configuration',
        });
      },
    );

    it('refuses two mounts at one place', async () => {
      const mount = { source: root, target: '/data', mode: 'ro' } as const;
      await expect(withBench({ mounts: [mount, mount] }, async () => {})).rejects.toThrow(
        'taken by another mount',
      );
    });
  });

  describe('nothing is left', () => {
    it('when the runner itself is killed', async () => {
      const { command, seconds } = uniqueSleep();
      const script = join(import.meta.dirname, 'hold-sandbox.ts');
      await mkdir(join(root, 'workspace'));
      await mkdir(join(root, 'home'));
      const runner = spawn(
        process.execPath,
        [script, root, `touch begun; setsid ${command} & ${command} & ${command}`],
        {
          stdio: ['ignore', 'ignore', 'inherit'],
        },
      );
      const ended = new Promise((resolve) => runner.once('exit', resolve));
      await waitForFile(join(root, 'workspace/begun'));
      // The runner's own command line, bwrap's, and the three sleeps.
      expect((await processesWith(seconds)).length).toBeGreaterThanOrEqual(4);
      runner.kill('SIGKILL');
      await ended;
      expect(await leftWith(seconds, 2_000)).toEqual([]);
    });

    it('when a command ignores everything and hides', async () => {
      await withBench({}, async (bench) => {
        const { command, seconds } = uniqueSleep();
        const hide = `trap "" TERM INT HUP; setsid sh -c 'trap "" TERM; ${command} & ${command}' & ${command}`;
        expect(await bench.sh(hide, { timeoutMs: 300 })).toMatchObject({ end: 'timeout' });
        expect(await leftWith(seconds, 0)).toEqual([]);
      });
    });

    it('of its own files but the newest, which later sandboxes share', async () => {
      const directoryOf = ({ args }: RootFs): string => args[args.indexOf('/etc') - 1] ?? '';
      const now = Date.now();
      // Later than whatever sandbox is open here by now.
      vi.useFakeTimers({ toFake: ['Date'], now: now + 60_000 });
      try {
        const [first, second] = [await createRootFs(false), await createRootFs(false)];
        const shared = directoryOf(first);
        expect(directoryOf(second)).toBe(shared);
        vi.setSystemTime(now + 120_000);
        // The machine's files may have changed by now. Who has the older ones keeps them while he needs them.
        const third = await createRootFs(false);
        expect(directoryOf(third)).not.toBe(shared);
        await third.remove();
        await first.remove();
        await first.remove();
        expect(await readdir(shared)).toContain('passwd');
        await second.remove();
        expect(await readdir(shared).catch(() => null)).toBeNull();
        expect(await readdir(directoryOf(third))).toContain('passwd');
      } finally {
        vi.useRealTimers();
      }
    });
  });

  it('removes what a killed runner of another place left, a day later', async () => {
    const script = join(import.meta.dirname, 'hold-sandbox.ts');
    const [old, fresh, ours] = [
      'agent-runner-etc-4194305-a',
      'agent-runner-etc-4194305-b',
      `agent-runner-etc-${process.pid}-c`,
    ];
    for (const name of ['workspace', 'home', old, fresh, ours]) await mkdir(join(root, name));
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1_000);
    for (const name of [old, ours]) await utimes(join(root, name), yesterday, yesterday);
    const runner = spawn(process.execPath, [script, root, 'exit 0'], {
      env: { TMPDIR: root },
      stdio: 'ignore',
    });
    await new Promise((resolve) => runner.once('close', resolve));
    expect((await readdir(root)).sort()).toEqual(['workspace', 'home', fresh, ours].sort());
  });

  it('removes what a killed runner of this machine left at once, and never what a living one has', async () => {
    const script = join(import.meta.dirname, 'hold-sandbox.ts');
    for (const name of ['workspace', 'home']) await mkdir(join(root, name));
    const start = (line: string) =>
      spawn(process.execPath, [script, root, line], { env: { TMPDIR: root }, stdio: 'ignore' });
    const left = async () => (await readdir(root)).filter((name) => name.startsWith('agent-runner-etc-'));
    const killed = start('touch began; sleep 60');
    await vi.waitFor(async () => expect(await readdir(join(root, 'workspace'))).toContain('began'), 30_000);
    expect(await left()).toHaveLength(1);
    const [living] = await left();
    await new Promise((resolve) => start('exit 0').once('close', resolve));
    expect(await left()).toEqual([living]);
    killed.kill('SIGKILL');
    await new Promise((resolve) => killed.once('close', resolve));
    expect(await left()).toEqual([living]);
    await new Promise((resolve) => start('exit 0').once('close', resolve));
    expect(await left()).toEqual([]);
  });

  it.skipIf(!isRoot)('works for a user who is not root', async () => {
    for (const name of ['', 'workspace', 'home']) {
      await mkdir(join(root, name), { recursive: true });
      await chown(join(root, name), 65534, 65534);
    }
    await chmod(root, 0o755);
    const script = join(import.meta.dirname, 'hold-sandbox.ts');
    const line =
      'id -u; touch made; test -w /proc/sys/kernel/core_pattern || echo kept; bwrap --ro-bind / / --unshare-user --unshare-pid --proc /proc --dev /dev true && echo nested';
    const runner = spawn(process.execPath, [script, root, line], {
      uid: 65534,
      gid: 65534,
      env: { TMPDIR: root },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    runner.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await new Promise((resolve) => runner.once('close', resolve));
    const result: unknown = JSON.parse(text);
    expect(result).toMatchObject({ end: 'exited', exitCode: 0, stdout: '1000\nkept\nnested\n' });
    expect((await stat(join(root, 'workspace/made'))).uid).toBe(65534);
  });

  it('says that it is not installed, and how to install it', async () => {
    const missing = createBubblewrap({ program: join(root, 'no-bwrap') });
    const answer = await missing.probe();
    expect(answer.works).toBe(false);
    expect(answer.detail).toContain('no-bwrap');
  });
});
