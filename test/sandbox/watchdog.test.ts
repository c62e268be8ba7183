import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBubblewrap } from '../../src/sandbox/bubblewrap.ts';
import { leftWith, needs, uniqueSleep } from '../contract/sandbox.ts';

const SCRIPT = join(import.meta.dirname, 'hold-sandbox.ts');
const GONE_WITHIN_MS = 3_000;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'agent-runner-watchdog-'));
  await mkdir(join(root, 'workspace'));
  await mkdir(join(root, 'home'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Lets a runner start commands until it kills itself. */
async function runAndDie(adapter: string, line: string, dieAfterMs: number): Promise<void> {
  const runner = spawn(process.execPath, [SCRIPT, root, line, adapter, String(dieAfterMs)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const signal = await new Promise((resolve) => runner.once('exit', (_, by) => resolve(by)));
  expect(signal).toBe('SIGKILL');
}

const bubblewrap = await needs(createBubblewrap());

describe('a runner that is killed', () => {
  it.runIf(bubblewrap.works)(
    `at any moment of a start leaves no process: ${bubblewrap.label}`,
    async () => {
      const { seconds } = uniqueSleep();
      // bwrap's own command line names them; about one in seven of these deaths left one before.
      for (let deaths = 0; deaths < 30; deaths++) {
        await runAndDie('bubblewrap', `: ${seconds}`, Math.random() * 40);
      }
      expect(await leftWith(seconds, GONE_WITHIN_MS)).toEqual([]);
    },
    60_000,
  );

  it.runIf(process.platform === 'linux')(
    'leaves nothing on the host either, not even what left its process group',
    async () => {
      const { command, seconds } = uniqueSleep();
      await runAndDie('host', `setsid ${command} & setsid ${command} >/dev/null 2>&1 & wait`, 300);
      expect(await leftWith(seconds, GONE_WITHIN_MS)).toEqual([]);
    },
  );

  it.runIf(process.platform === 'linux')('or told to stop at once: the same', async () => {
    const { command, seconds } = uniqueSleep();
    const line = `setsid ${command} & setsid ${command} >/dev/null 2>&1 & wait`;
    const runner = spawn(process.execPath, [SCRIPT, root, line, 'host', '300', 'stop'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    expect(await new Promise((resolve) => runner.once('exit', resolve))).toBe(130);
    expect(await leftWith(seconds, GONE_WITHIN_MS)).toEqual([]);
  });

  it('who ends by himself ends no command that was meant to go on', async () => {
    // The control: marks alone kill nothing.
    const { command, seconds } = uniqueSleep();
    const runner = spawn(
      process.execPath,
      [SCRIPT, root, `setsid ${command} >/dev/null 2>&1 & echo`, 'host'],
      {
        stdio: 'ignore',
      },
    );
    await new Promise((resolve) => runner.once('exit', resolve));
    expect(await leftWith(seconds, 500)).not.toEqual([]);
    for (const pid of await leftWith(seconds, 0)) process.kill(pid, 'SIGKILL');
  });
});
