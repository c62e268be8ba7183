/** Services around a command: started, awaited, reached, stopped; and named when they do not come up. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBubblewrap } from '../../src/sandbox/bubblewrap.ts';
import { createHost } from '../../src/sandbox/host.ts';
import type { ExecOptions, Sandbox, SandboxAdapter } from '../../src/sandbox/sandbox.ts';
import { withServices, type Service } from '../../src/sandbox/services.ts';
import { HAS_BUBBLEWRAP, processesWith } from '../e2e/cli.ts';

/** A server on a socket that answers with how often it was asked, and is slow to come up. */
const SERVER = `
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
let count = 0;
await sleep(300);
createServer((socket) => socket.end('answer ' + ++count)).listen(process.argv[2], () => console.log('listening'));
process.on('SIGTERM', () => { console.log('stopping'); process.exit(0); });
`;
const CLIENT = `
import { connect } from 'node:net';
connect(process.argv[2]).on('error', () => process.exit(1)).pipe(process.stdout);
`;

let root: string;
let socket: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'agent-runner-services-'));
  for (const name of ['tree', 'home', 'logs']) mkdirSync(join(root, name));
  writeFileSync(join(root, 'tree', 'server.mjs'), SERVER);
  writeFileSync(join(root, 'tree', 'client.mjs'), CLIENT);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function open(adapter: SandboxAdapter, services: readonly Service[]): Promise<Sandbox> {
  const [workspace, home] = [join(root, 'tree'), join(root, 'home')];
  const options = {
    workspace,
    home,
    network: false,
    readOnlyPaths: [process.execPath],
    env: { NODE: process.execPath },
  };
  return withServices(await adapter.open(options), services);
}

function how(name = 'check'): ExecOptions {
  return { timeoutMs: 60_000, maxBytes: 64 * 1024, logPath: join(root, 'logs', `${name}.log`) };
}

function service(over: Partial<Service> = {}): Service {
  return {
    name: 'echo',
    command: `"$NODE" server.mjs ${socket}`,
    ready: `"$NODE" client.mjs ${socket}`,
    env: { ECHO_SOCKET: socket },
    timeout_s: 30,
    ...over,
  };
}

const adapters = [
  ['host', createHost, true],
  ['bubblewrap', createBubblewrap, HAS_BUBBLEWRAP],
] as const;

for (const [name, create, isHere] of adapters) {
  describe.skipIf(!isHere)(`services under ${name} (bubblewrap: apt-get install bubblewrap)`, () => {
    beforeEach(() => {
      socket = name === 'host' ? join(root, 'socket') : '/tmp/echo.socket';
    });

    it('are reached by the command, and fresh for each', async () => {
      const sandbox = await open(create(), [service()]);
      const ask = ['sh', '-c', '"$NODE" client.mjs "$ECHO_SOCKET"; exit 5'] as const;
      for (const run of ['first', 'second']) {
        rmSync(join(root, 'socket'), { force: true });
        const result = await sandbox.exec([...ask], how(run));
        expect(result, result.message ?? '').toMatchObject({ end: 'exited', exitCode: 5 });
        // It was asked once or more until it was ready; the count of another run is never gone on with.
        expect(result.stdout).toBe('answer 2');
        expect(readFileSync(join(root, 'logs', `${run}.service-echo.log`), 'utf8')).toBe(
          'listening\nstopping\n',
        );
        expect(readFileSync(join(root, 'logs', `${run}.log`), 'utf8')).toBe('answer 2');
      }
      await sandbox.close();
      expect(processesWith(root)).toEqual([]);
    });

    it('hand the command its standard input', async () => {
      const sandbox = await open(create(), [service()]);
      const result = await sandbox.exec(['cat'], { ...how(), stdin: 'prompt' });
      expect(result).toMatchObject({ exitCode: 0, stdout: 'prompt' });
      await sandbox.close();
    });

    it('that do not become ready are named with their log, and the command is not run', async () => {
      const ends = service({ name: 'db', command: 'echo no disk; exit 1', ready: 'false' });
      const silent = service({
        name: 'queue',
        command: 'echo up; sleep 60',
        ready: 'sleep 60',
        timeout_s: 2,
      });
      for (const [one, why] of [
        [ends, /the service db ended before it was ready; its log is \S+check\.service-db\.log: no disk/],
        [silent, /the service queue was not ready within 2 seconds; its log is \S+: up/],
      ] as const) {
        const sandbox = await open(create(), [one]);
        const result = await sandbox.exec(['touch', 'ran'], how());
        expect(result).toMatchObject({ end: 'not_started', exitCode: null });
        expect(result.message).toMatch(why);
        expect(existsSync(join(root, 'tree', 'ran'))).toBe(false);
        await sandbox.close();
      }
    });

    it('do not let a link in place of a log lead out of the sandbox', async () => {
      writeFileSync(join(root, 'secret'), 'host secret');
      const sandbox = await open(create(), [service({ ready: null })]);
      const trick = `cd "$HOME"/.agent-runner-services && rm echo.log && ln -s ${join(root, 'secret')} echo.log`;
      expect(await sandbox.exec(['sh', '-c', trick], how())).toMatchObject({ exitCode: 0 });
      const log = join(root, 'logs', 'check.service-echo.log');
      expect(existsSync(log) ? readFileSync(log, 'utf8') : '').not.toContain('secret');
      await sandbox.close();
    });
  });
}

it('change nothing where there are none', async () => {
  const sandbox = await createHost().open({ workspace: root, home: root, network: false, env: {} });
  expect(withServices(sandbox, [])).toBe(sandbox);
  await sandbox.close();
});
