import { join } from 'node:path';
import type { Socket } from 'node:net';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createBubblewrap } from '../../src/sandbox/bubblewrap.ts';
import { createHost } from '../../src/sandbox/host.ts';
import type { SandboxOptions } from '../../src/sandbox/sandbox.ts';
import { probeOverlay } from '../../src/sandbox/process/overlay.ts';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { needs, openBench, type Bench } from '../contract/sandbox.ts';

const bubblewrap = createBubblewrap();
const { works } = await needs(bubblewrap);

let bench: Bench | null = null;
afterEach(async () => {
  await bench?.remove();
  bench = null;
});

/** Answers every connection with a line that says how many there were. */
function answerer(): { readonly door: (socket: Socket) => void; readonly count: () => number } {
  let count = 0;
  return {
    count: () => count,
    door(socket) {
      count++;
      socket.on('error', () => {});
      socket.end(`answer ${count}\n`);
    },
  };
}

/** A shell line that reads what a port of 127.0.0.1 says. */
const read = (port: number, host = '127.0.0.1'): string =>
  `timeout 5 bash -c 'exec 3<>/dev/tcp/${host}/${port} && cat <&3' 2>&1 || echo refused`;

async function open(adapter: typeof bubblewrap, options: Partial<SandboxOptions> = {}): Promise<Bench> {
  bench = await openBench(adapter, options);
  return bench;
}
const log = (one: Bench): { readonly logPath: string } => ({ logPath: join(one.root, 'command.log') });

describe.each([
  ['bubblewrap', bubblewrap, works, false],
  ['bubblewrap with the network open', bubblewrap, works, true],
  ['host', createHost(), true, false],
] as const)('the door of %s', (_name, adapter, isThere, network) => {
  it.runIf(isThere)('is answered by this process, as often as it is knocked at', async () => {
    const { door, count } = answerer();
    const one = await open(adapter, { door, network });
    const port = one.sandbox.doorPort ?? 0;
    const result = await one.sh(`${read(port)}; ${read(port)}`, log(one));
    expect(result.stdout).toBe('answer 1\nanswer 2\n');
    expect((await one.sh(`${read(port)}; exit 96`, log(one))).exitCode).toBe(96);
    expect(count()).toBe(3);
  });

  it.runIf(isThere)('is closed with the sandbox', async () => {
    const { door } = answerer();
    const one = await open(adapter, { door, network });
    const port = one.sandbox.doorPort ?? 0;
    await one.sandbox.close();
    const other = await openBench(adapter, { network });
    expect(other.sandbox.doorPort).toBeUndefined();
    expect((await other.sh(read(port), log(other))).stdout).toContain('refused');
    await other.remove();
  });
});

describe.runIf(works)('the door of bubblewrap', () => {
  it('is the only way out: this machine and the world are out of reach', async () => {
    const elsewhere = createServer((socket) => socket.end('reached\n'));
    await new Promise<void>((resolve) => elsewhere.listen(0, '0.0.0.0', resolve));
    const { port } = elsewhere.address() as AddressInfo;
    try {
      const one = await open(bubblewrap, { door: answerer().door });
      for (const host of ['127.0.0.1', '10.0.0.1', '192.0.2.1', '1.1.1.1']) {
        const { stdout } = await one.sh(read(port, host), log(one));
        expect([host, stdout]).toEqual([host, expect.stringContaining('refused')]);
        expect(stdout).not.toContain('reached');
      }
    } finally {
      elsewhere.close();
    }
  });

  it('leaves the command its input, its output, no channel and no program', async () => {
    const one = await open(bubblewrap, {
      door: answerer().door,
      env: { NODE_OPTIONS: '--require ./evil.js', NODE_CHANNEL_FD: '7' },
    });
    const script = 'cat; ls -l /proc/$$/fd | grep -c socket; ls /proc/*/exe | wc -l; pwd';
    const result = await one.exec(['sh', '-c', script], { stdin: 'input\n', ...log(one) });
    // No socket; of processes bwrap's own, the shell and what lists them, and `self` and `thread-self`.
    const [input, sockets, processes, folder] = result.stdout.trim().split('\n');
    expect([input, sockets, folder]).toEqual(['input', '0', '/workspace']);
    expect(Number(processes)).toBeLessThanOrEqual(6);
    expect(result.stderr).toBe('');
    expect(await readFile(join(one.root, 'command.log'), 'utf8')).toContain('input');
  });

  it('opens for commands whose folders are copy-on-write', async () => {
    const root = await mkdtemp(join(tmpdir(), 'door-test-'));
    const mode = await probeOverlay(root);
    if (mode !== null) {
      const dirs = ['lower', 'upper', 'work'].map((name) => join(root, name)) as [string, string, string];
      for (const dir of dirs) await mkdir(dir);
      const [lower, upper, work] = dirs;
      const one = await open(bubblewrap, {
        door: answerer().door,
        workspaceLayers: { mode, lower: [lower], upper, work },
      });
      expect((await one.sh(read(one.sandbox.doorPort ?? 0), log(one))).stdout).toBe('answer 1\n');
    }
    await rm(root, { recursive: true, force: true });
  });

  it('does not open for the small commands of the runner', async () => {
    const one = await open(bubblewrap, { door: answerer().door });
    expect((await one.sh(read(one.sandbox.doorPort ?? 0))).stdout).toContain('refused');
  });

  it('ends with a command that is cancelled before it opened', async () => {
    const one = await open(bubblewrap, { door: answerer().door });
    const controller = new AbortController();
    const running = one.sh('sleep 60', { ...log(one), signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    expect((await running).end).toBe('cancelled');
  });
});
