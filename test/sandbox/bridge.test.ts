/** The bridge of bubblewrap, besides what the contract asks of every sandbox: who else could use it. */
import { realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBubblewrap } from '../../src/sandbox/bubblewrap.ts';
import type { Dial, ExecResult } from '../../src/sandbox/sandbox.ts';
import { needs, openBench, type Bench } from '../contract/sandbox.ts';

const bubblewrap = createBubblewrap();
const { works, label } = await needs(bubblewrap);
const node = realpathSync(process.execPath);

let bench: Bench;
let stop: AbortController;
beforeEach(async () => {
  stop = new AbortController();
  if (works) bench = await openBench(bubblewrap, { readOnlyPaths: [node] });
});
afterEach(async () => {
  stop.abort();
  if (works) await bench.remove();
});

/** Runs a listener that says its port; what it is reached by. */
async function serve(more = ''): Promise<{ dial: Dial; port: number; ended: Promise<ExecResult> }> {
  const way = Promise.withResolvers<Dial>();
  const port = Promise.withResolvers<number>();
  const program = `${more}
require('node:net').createServer((socket) => { socket.on('error', () => {}); socket.write('hello'); })
  .listen(0, '127.0.0.1', function () { console.log('port ' + this.address().port); });`;
  const ended = bench.sandbox.serve?.([node, '-e', program], {
    timeoutMs: 50_000,
    maxBytes: 4096,
    signal: stop.signal,
    onDial: (dial) => way.resolve(dial),
    onOutput(_stream, text) {
      const found = /port (\d+)/.exec(text)?.[1];
      if (found !== undefined) port.resolve(Number(found));
    },
  });
  if (ended === undefined) throw new Error('bubblewrap does not serve');
  return { dial: await way.promise, port: await port.promise, ended };
}

function hello(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (chunk) => resolve(String(chunk)));
    socket.once('close', () => resolve('closed'));
  });
}

describe.runIf(works)(`the bridge of ${label}`, () => {
  it('is not seen by other commands of the sandbox', async () => {
    const { dial, port } = await serve();
    const socket = await dial(port);
    expect(await hello(socket)).toBe('hello');
    const { stdout } = await bench.sh('ls -a /.agent-runner /etc; cat /proc/net/unix 2>/dev/null; true');
    expect(stdout).not.toContain('bridge');
    socket.destroy();
  });

  it('leaves nothing behind', async () => {
    const ours = async (): Promise<string[]> =>
      (await readdir(tmpdir())).filter((name) => name.includes(`-${process.pid}-`));
    const before = await ours();
    const { dial, port, ended } = await serve();
    (await dial(port)).destroy();
    expect(await ours()).toHaveLength(before.length + 1);
    stop.abort();
    await ended;
    expect(await ours()).toEqual(before);
  });

  it('has a bound, and goes on below it', async () => {
    const { dial, port } = await serve();
    const sockets: Socket[] = [];
    for (let count = 0; count < 63; count++) sockets.push(await dial(port));
    const late = dial(port);
    for (const socket of sockets.slice(0, 10)) socket.destroy();
    expect(await hello(await late)).toBe('hello');
    for (const socket of sockets) socket.destroy();
  });

  it('that somebody else holds on to is still ours to end', async () => {
    const { dial, port, ended } = await serve(
      "for (let n = 0; n < 200; n++) require('node:net').connect('/.agent-runner/bridge/s').on('error', () => {}).on('data', () => {});",
    );
    void dial(port).catch(() => {});
    stop.abort();
    expect((await ended).end).toBe('cancelled');
  });
});
