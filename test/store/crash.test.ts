/** Killed processes, several processes on one file, and a full disk: what was acknowledged is there. */
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { rejected } from '../contract/store.ts';
import { testDirectory } from './directory.ts';
import { sampleEvent, sampleJob } from './sample.ts';

const WRITER = fileURLToPath(new URL('./write-until-killed.ts', import.meta.url));
const JOB = 'job-shared';

interface WriterProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Complete lines so far. */
  readonly lines: () => readonly string[];
  readonly ended: Promise<{ readonly code: number | null; readonly errors: string }>;
}

function startWriter(path: string, label: string, rounds: number): WriterProcess {
  const child = spawn(process.execPath, [WRITER, path, JOB, label, String(rounds)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const ended = new Promise<{ code: number | null; errors: string }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, errors });
    });
  });
  return { child, lines: () => text.split('\n').slice(0, -1), ended };
}

/** Checks that the log has no gap and that every acknowledged line is there; returns the log's length. */
async function expectAcknowledged(store: Store, lines: readonly string[]): Promise<number> {
  const log = await store.readEvents(JOB, 0, 10_000);
  expect(log.map((event) => event.seq)).toEqual(log.map((_, i) => i + 1));
  for (const line of lines) {
    const [kind, first = '', text] = line.split(' ');
    if (kind === 'event') expect(log[Number(first) - 1]?.data, line).toEqual({ text });
    if (kind === 'job') expect((await store.getJob(first))?.job_id, line).toBe(first);
  }
  return log.length;
}

async function newDatabase(): Promise<string> {
  const path = join(testDirectory(), 'runner.db');
  const store = await openSqliteStore({ path });
  await store.createJob(sampleJob(JOB));
  await store.close();
  return path;
}

async function until(condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`nothing happened for ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe('a killed process', () => {
  test('loses nothing that it acknowledged, kill after kill', async () => {
    const path = await newDatabase();
    const lines: string[] = [];
    let length = 0;
    for (let kill = 0; kill < 6; kill++) {
      const writer = startWriter(path, `w${kill}`, 1_000_000);
      const acknowledged = 20 + kill * 37;
      await until(() => writer.lines().length > acknowledged);
      writer.child.kill('SIGKILL');
      expect((await writer.ended).errors).toBe('');
      lines.push(...writer.lines());
      const store = await openSqliteStore({ path });
      const grown = await expectAcknowledged(store, lines);
      expect(grown).toBeGreaterThan(length);
      length = grown;
      await store.close();
    }
    const raw = new DatabaseSync(path);
    expect(raw.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    raw.close();
  });

  test('that was making the database leaves one that opens', async () => {
    for (let kill = 0; kill < 8; kill++) {
      const path = join(testDirectory(), 'runner.db');
      const writer = startWriter(path, 'w', 0);
      await new Promise((resolve) => setTimeout(resolve, 60 + kill * 12));
      writer.child.kill('SIGKILL');
      await writer.ended;
      const store = await openSqliteStore({ path });
      await store.createJob(sampleJob(JOB));
      await store.close();
    }
  });

  test('that held the lock does not keep others from it', async () => {
    const path = await newDatabase();
    const holder = `
      import { DatabaseSync } from 'node:sqlite';
      const db = new DatabaseSync(process.argv[1]);
      db.exec("BEGIN IMMEDIATE; UPDATE jobs SET branch = 'half done'");
      process.stdout.write('held');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', holder, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const store = await openSqliteStore({ path });
    const appended = store.appendEvents(JOB, [sampleEvent('a')]);
    child.kill('SIGKILL');
    expect(await appended).toHaveLength(1);
    expect((await store.getJob(JOB))?.branch).toBe(`bot/${JOB}`);
    await store.close();
  });
});

describe('several processes', () => {
  test('that append to one job make one log without gaps', async () => {
    const path = await newDatabase();
    const writers = ['a', 'b', 'c'].map((label) => startWriter(path, label, 60));
    const ends = await Promise.all(writers.map((writer) => writer.ended));
    expect(ends).toEqual(ends.map(() => ({ code: 0, errors: '' })));
    const lines = writers.flatMap((writer) => writer.lines());
    const store = await openSqliteStore({ path });
    expect(await expectAcknowledged(store, lines)).toBe(3 * 60 * 3);
    const numbers = lines.filter((line) => line.startsWith('event ')).map((line) => line.split(' ')[1]);
    expect(new Set(numbers).size).toBe(3 * 60 * 3);
    await store.close();
  });
});

/** Mounts a disk of a few MiB, or says why it can't. */
function mountSmallDisk(directory: string, megabytes: number): string | null {
  mkdirSync(directory);
  const mounted = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory], {
    encoding: 'utf8',
  });
  if (mounted.status === 0) return null;
  return `mounting a tmpfs needs root (${(mounted.stderr ?? String(mounted.error)).trim()}); run as root: sudo npm test`;
}

describe('a full disk', () => {
  test('is named, loses nothing acknowledged, and the store goes on once there is space', async (context) => {
    const disk = join(testDirectory(), 'disk');
    const problem = mountSmallDisk(disk, 4);
    if (problem !== null) {
      if (process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1') throw new Error(problem);
      context.skip(problem);
      return;
    }
    // Registered after the directory's removal and so run before it.
    onTestFinished(() => {
      spawnSync('/bin/umount', ['-l', disk]);
    });
    const filler = join(disk, 'filler');
    writeFileSync(filler, Buffer.alloc(1024 * 1024));
    const path = join(disk, 'runner.db');
    const store = await openSqliteStore({ path });
    await store.createJob(sampleJob(JOB));
    const acknowledged: string[] = [];
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 5000; i++) {
        const text = `${i} ${'x'.repeat(3000)}`;
        await store.appendEvents(JOB, [sampleEvent(text)], i % 5 === 0 ? 'full' : 'normal');
        acknowledged.push(text);
      }
    };
    const error = await rejected(fill(), 'infra_failed');
    expect(error.message).toContain('full');
    expect(error.message).toContain(path);
    expect(error.hint).toContain('free space');
    expect(acknowledged.length).toBeGreaterThan(100);
    const texts = async (from: Store): Promise<unknown[]> =>
      (await from.readEvents(JOB, 0, 10_000)).map((event) => event.data['text']);
    expect(await texts(store)).toEqual(acknowledged);

    // A large write that no longer fits takes no small one with it, where the small one does fit.
    const job = sampleJob('too-large', { branch: 'y'.repeat(8 * 1024 * 1024) });
    await rejected(store.createJob(job), 'infra_failed');

    rmSync(filler);
    const [next] = await store.appendEvents(JOB, [sampleEvent('more')]);
    expect(next?.seq).toBe(acknowledged.length + 1);
    await store.close();
    const again = await openSqliteStore({ path });
    expect(await texts(again)).toEqual([...acknowledged, 'more']);
    await again.close();
  });

  test('fails the large write of a batch alone', async (context) => {
    const disk = join(testDirectory(), 'disk');
    const problem = mountSmallDisk(disk, 4);
    if (problem !== null) {
      if (process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1') throw new Error(problem);
      context.skip(problem);
      return;
    }
    onTestFinished(() => {
      spawnSync('/bin/umount', ['-l', disk]);
    });
    const store = await openSqliteStore({ path: join(disk, 'runner.db') });
    await store.createJob(sampleJob(JOB));
    const sizes = [10, 5 * 1024 * 1024, 10];
    const ended = await Promise.allSettled(
      sizes.map((size) => store.appendEvents(JOB, [sampleEvent('z'.repeat(size))])),
    );
    expect(ended.map((e) => e.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const log = await store.readEvents(JOB, 0, 10);
    expect(log.map((event) => event.seq)).toEqual([1, 2]);
    await store.close();
  });
});
