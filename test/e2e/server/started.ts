/** `up` in a process of its own, on a port that a second start can take again. */
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { makeRepository } from '../../workspace/scene.ts';
import type { Bench, Running } from '../cli.ts';

/** A server that takes requests. */
export interface Started {
  readonly running: Running;
  readonly url: string;
  readonly key: string;
  /** Kills it as a crash would. */
  kill(): Promise<void>;
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/**
 * Starts one and waits until it is ready.
 *
 * @param again the server that is started again: same port, same key
 */
export async function startUp(
  bench: Bench,
  env: Readonly<Record<string, string>> = {},
  again: Started | null = null,
): Promise<Started> {
  const port = again === null ? await freePort() : Number(new URL(again.url).port);
  const running = bench.start(['up', '--port', String(port)], { AGENT_RUNNER_SANDBOX: 'auto', ...env });
  let stdout = '';
  running.child.stdout?.on('data', (text: string) => (stdout += text));
  await running.seen(/ready: http/);
  for (let waited = 0; !stdout.includes('\n') && waited < 5000; waited += 5)
    await new Promise((resolve) => setTimeout(resolve, 5));
  const { origin, searchParams } = new URL(stdout.trim());
  return {
    running,
    url: origin,
    key: searchParams.get('token') ?? again?.key ?? '',
    async kill() {
      running.child.kill('SIGKILL');
      await running.done;
    },
  };
}

/** A repository with one check: `a.txt` is there. */
export function makeTarget(bench: Bench): string {
  const path = join(bench.root, 'repo');
  mkdirSync(bench.root, { recursive: true });
  return makeRepository(path, {
    '.agent-runner.yml': 'setup: false\ngate:\n  checks:\n    - name: check\n      command: test -f a.txt\n',
    'a.txt': 'one\n',
  });
}
