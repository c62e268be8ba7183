import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOutputBuffer } from '../../src/sandbox/process/output.ts';
import {
  countProcesses,
  killAllProcesses,
  runProcess,
  type ProcessOptions,
} from '../../src/sandbox/process.ts';
import { leftWith, processesWith, uniqueSleep, waitForFile } from '../contract/sandbox.ts';

const base = { env: { PATH: '/usr/bin:/bin' }, timeoutMs: 20_000, maxBytes: 64 * 1024 } as const;
let cwd: string;
const sh = (script: string, options: Partial<ProcessOptions> = {}): ReturnType<typeof runProcess> =>
  runProcess(['/bin/sh', '-c', script], { ...base, cwd, ...options });

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'process-test-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

describe('runProcess', () => {
  it('hands out bytes as they are', async () => {
    const bytes = Buffer.from([0, 255, 254, 10, 195]);
    const result = await runProcess(['cat'], { ...base, cwd, stdin: bytes, encoding: 'buffer' });
    expect(result.stdoutBuffer.equals(bytes)).toBe(true);
    expect(result).toMatchObject({ stdout: '', truncated: false, stdoutBytes: 5 });
  });

  it('says when bytes are missing', async () => {
    const result = await sh('head -c 1000 /dev/zero', { encoding: 'buffer', maxBytes: 100 });
    expect(result).toMatchObject({ truncated: true, stdoutBytes: 1000 });
    expect(result.stdoutBuffer).toHaveLength(100);
  });

  it('gives every piece to onStdout', async () => {
    const pieces: Buffer[] = [];
    await sh('head -c 3000000 /dev/zero; echo end', {
      maxBytes: 10,
      onStdout: (chunk) => pieces.push(Buffer.from(chunk)),
    });
    const all = Buffer.concat(pieces);
    expect(all).toHaveLength(3_000_004);
    expect(all.subarray(-4).toString()).toBe('end\n');
  });

  it('names what is missing: the program or the directory', async () => {
    const program = await runProcess(['/no/such/program'], { ...base, cwd });
    expect(program.message).toBe('/no/such/program: not found (ENOENT)');
    const directory = await runProcess(['true'], { ...base, cwd: '/no/such/directory' });
    expect(directory.message).toBe('/no/such/directory: no such directory (ENOENT)');
    await writeFile(join(cwd, 'plain'), '');
    expect((await runProcess(['./plain'], { ...base, cwd })).message).toContain('not executable');
    const long = await runProcess(['true', 'x'.repeat(3_000_000)], { ...base, cwd });
    expect(long.message).toContain('E2BIG');
    expect(countProcesses()).toBe(0);
  });

  it('waits as long as it was told before it kills', async () => {
    const result = await sh('trap "" TERM; while :; do sleep 0.05; done', { timeoutMs: 100, graceMs: 300 });
    expect(result).toMatchObject({ end: 'timeout', signal: 'SIGKILL' });
    expect(result.durationMs).toBeGreaterThanOrEqual(400);
  });

  it('takes a bound that no timer can hold', async () => {
    expect(await sh('sleep 0.1', { timeoutMs: 1e12, idleTimeoutMs: 1e12 })).toMatchObject({
      end: 'exited',
      exitCode: 0,
    });
  });

  it('does not wait for a daemon that left the group with our pipes open', async () => {
    const { command, seconds } = uniqueSleep();
    const result = await sh(`setsid ${command} & echo done`);
    expect(result).toMatchObject({ end: 'exited', exitCode: 0, stdout: 'done\n' });
    for (const pid of await processesWith(seconds)) process.kill(pid, 'SIGKILL');
  });

  it('never lets what a daemon writes later reach another command', async () => {
    // The daemon keeps its pipe: whoever gets a pipe next must get another one.
    await sh('setsid sh -c "sleep 1.2; echo STRAY; echo STRAY >&2" & exit 0');
    const results = await Promise.all(Array.from({ length: 12 }, () => sh('sleep 1.5; echo mine')));
    for (const result of results) expect(result).toMatchObject({ stdout: 'mine\n', stderr: '' });
  });

  it('reads all of a slow end, and stops reading an endless one', async () => {
    const slow = await sh('(for i in 1 2 3 4 5; do sleep 0.15; echo $i; done) & exit 0');
    expect(slow).toMatchObject({ end: 'exited', stdout: '1\n2\n3\n4\n5\n' });
    const endless = await sh('yes & exit 0', { graceMs: 100 });
    expect(endless).toMatchObject({ end: 'exited', exitCode: 0 });
  });

  it('keeps no descriptor and no timer', async () => {
    await sh('true');
    const before = (await readdir('/proc/self/fd')).length;
    for (let i = 0; i < 30; i++) await sh('echo x; cat', { stdin: 'y', idleTimeoutMs: 50_000 });
    await runProcess(['/no/such/program'], { ...base, cwd });
    await sleep(20);
    expect((await readdir('/proc/self/fd')).length - before).toBeLessThanOrEqual(4);
    expect(countProcesses()).toBe(0);
  });

  it('leaves no file of its streams', async () => {
    const before = process.env['TMPDIR'];
    // A folder of our own: others use the common one at the same time.
    process.env['TMPDIR'] = cwd;
    try {
      await sh('cat', { stdin: 'secret prompt' });
      expect((await readdir(cwd)).filter((name) => name.startsWith('agent-runner-'))).toEqual([]);
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  });
});

describe('killAllProcesses', () => {
  it('ends everything at once', async () => {
    const { command, seconds } = uniqueSleep();
    const running = [1, 2, 3].map((n) =>
      sh(`trap "" TERM; touch begun-${n}; ${command} & ${command}; ${command}`),
    );
    for (const n of [1, 2, 3]) await waitForFile(join(cwd, `begun-${n}`));
    expect(countProcesses()).toBe(3);
    killAllProcesses();
    for (const result of await Promise.all(running))
      expect(result).toMatchObject({ end: 'killed', signal: 'SIGKILL' });
    expect(await leftWith(seconds)).toEqual([]);
    expect(countProcesses()).toBe(0);
  });

  it('does nothing, and harms nobody, when nothing runs or a start failed', async () => {
    killAllProcesses();
    const failing = runProcess(['/no/such/program'], { ...base, cwd });
    killAllProcesses(); // a group that was never made must not stand for our own
    expect(await failing).toMatchObject({ end: 'not_started' });
  });
});

describe('log', () => {
  it('adds to what is there, so that a retry keeps the first log', async () => {
    const logPath = join(cwd, 'log');
    await sh('echo one', { logPath });
    await sh('echo two', { logPath });
    expect(await readFile(logPath, 'utf8')).toBe('one\ntwo\n');
  });
});

describe('createOutputBuffer', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 30 });

  it('keeps exactly the first and the last bytes', () => {
    fc.assert(
      fc.property(chunks, fc.integer({ min: 0, max: 200 }), (pieces, maxBytes) => {
        const buffer = createOutputBuffer(maxBytes);
        for (const piece of pieces) buffer.push(Buffer.from(piece));
        const all = Buffer.concat(pieces);
        const half = Math.ceil(maxBytes / 2);
        const expected =
          all.length <= maxBytes
            ? all
            : Buffer.concat([all.subarray(0, half), all.subarray(all.length - (maxBytes - half))]);
        expect(buffer.toBuffer().equals(expected)).toBe(true);
        expect(buffer.totalBytes).toBe(all.length);
        expect(buffer.truncated).toBe(all.length > maxBytes);
      }),
    );
  });

  it('cuts between characters, and counts what it drops', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 8, max: 100 }),
        fc.integer({ min: 1, max: 7 }),
        (whole, maxBytes, step) => {
          const bytes = Buffer.from(whole.toWellFormed());
          const buffer = createOutputBuffer(maxBytes);
          for (let at = 0; at < bytes.length; at += step) buffer.push(bytes.subarray(at, at + step));
          const kept = buffer.toText();
          if (bytes.length <= maxBytes) {
            expect(kept).toBe(bytes.toString());
            return;
          }
          const parts = /^(.*)\n\[\.\.\. (\d+) bytes dropped \.\.\.\]\n(.*)$/s.exec(kept);
          const [head = '', dropped = '', tail = ''] = parts?.slice(1) ?? [];
          expect(bytes.toString().startsWith(head)).toBe(true);
          expect(bytes.toString().endsWith(tail)).toBe(true);
          expect(Buffer.byteLength(head) + Number(dropped) + Buffer.byteLength(tail)).toBe(bytes.length);
        },
      ),
    );
  });
});
