/** Jobs that are followed as they change: by whoever may, from wherever they were, whoever writes. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobView } from '../../src/job/view/view.ts';
import { createKey } from '../../src/server/access/keys.ts';
import { openServer } from '../../src/server/server.ts';
import { sampleJob, sampleRequest } from '../store/sample.ts';
import { openedServer, playJob, type OpenedServer } from './opened.ts';

const PATIENCE = { heartbeatMs: 50, stallMs: 3000 };

let opened: OpenedServer;
beforeAll(async () => {
  opened = await openedServer({}, { patience: PATIENCE });
});
afterAll(async () => {
  await opened.close();
});

interface Heard {
  readonly id: number;
  readonly event: string;
  readonly data: JobView & { readonly change?: number };
}

interface Listening {
  readonly status: number;
  /** The next event; `null` at the end of the stream. */
  next(): Promise<Heard | null>;
  leave(): void;
}

/** Follows; words that only say that the server is there are passed over. */
async function listen(
  query = '',
  headers: Record<string, string> = {},
  url = opened.server.url,
): Promise<Listening> {
  const cut = new AbortController();
  const response = await fetch(`${url}/api/changes${query}`, {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${opened.keys.read}`, ...headers },
    signal: cut.signal,
  });
  const chunks = response.body?.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = '';
  const next = async (): Promise<Heard | null> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end === -1) {
        const chunk = await chunks?.next();
        if (chunk === undefined || chunk.done === true) return null;
        text += chunk.value;
        continue;
      }
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string): string | undefined =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field('data');
      if (data === undefined) continue;
      return {
        id: Number(field('id')),
        event: field('event') ?? '',
        data: JSON.parse(data) as Heard['data'],
      };
    }
  };
  return { status: response.status, next, leave: () => cut.abort() };
}

/** Takes events until a job stands so. */
async function until(listening: Listening, jobId: string, status: string): Promise<readonly Heard[]> {
  const heard: Heard[] = [];
  for (;;) {
    const one = await listening.next();
    if (one === null) throw new Error(`the stream ended before ${jobId} was ${status}`);
    heard.push(one);
    if (one.data.job_id === jobId && one.data.status === status) return heard;
  }
}

async function lastChange(): Promise<number> {
  return (await opened.runner.store.listChanges(null, 1)).last;
}

/** Stores jobs at once. */
async function fill(count: number, first: string): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, at) => opened.runner.store.createJob(sampleJob(`job-${first}-${at}`))),
  );
}

describe('changes of jobs', () => {
  test('are told as they happen, each with where one goes on', async () => {
    const listening = await listen();
    expect(await listening.next()).toMatchObject({ event: 'ready', data: { change: await lastChange() } });
    const job = await playJob(opened, 'ada');
    await until(listening, job.jobId, 'running');
    await job.say('a line of the log is no change of the job');
    await job.ask('Which?');
    const [asks, ...more] = await until(listening, job.jobId, 'needs_input');
    expect(more).toEqual([]);
    expect(asks).toMatchObject({ event: 'job', data: { user_id: 'ada', question: 'Which?' } });
    const view = (await (await opened.ask(`/api/jobs/${job.jobId}`)).json()) as JobView;
    expect(asks?.data).toEqual(view);
    listening.leave();
    await job.end();
    // What happened meanwhile is told to whoever comes again.
    const again = await listen('', { 'last-event-id': String(asks?.id) });
    expect(await again.next()).toMatchObject({ id: await lastChange(), data: { status: 'cancelled' } });
    again.leave();
  });

  test('go on behind a page of the list, and as pages', async () => {
    const job = await playJob(opened);
    const page = (await (await opened.ask('/api/jobs?limit=1')).json()) as { change: number };
    await job.end();
    const listening = await listen(`?after=${page.change}`);
    expect(await listening.next()).toMatchObject({ data: { job_id: job.jobId, status: 'cancelled' } });
    listening.leave();
    const asPage = await opened.ask(`/api/changes?after=${page.change}&limit=5`);
    const told = (await asPage.json()) as { changes: { job: JobView }[]; next_after: number };
    expect(told.changes.map(({ job: view }) => view.status)).toEqual(['cancelled']);
    const end = await (await opened.ask(`/api/changes?after=${told.next_after}`)).json();
    expect(end).toEqual({ changes: [], next_after: told.next_after, reset: false });
    expect(await (await opened.ask('/api/changes')).json()).toEqual(end);
  });

  test('that are too many to tell, or of another database, are a reset', async () => {
    const before = await lastChange();
    await fill(600, 'many');
    for (const after of [before, 1e9]) {
      const listening = await listen(`?after=${after}`);
      const last = await lastChange();
      expect(await listening.next()).toEqual({ id: last, event: 'reset', data: { change: last } });
      listening.leave();
    }
    expect(await (await opened.ask('/api/changes?after=999999999')).json()).toMatchObject({ reset: true });
    expect((await listen('', { 'last-event-id': 'x' })).status).toBe(400);
  });

  test('by another process are told as well', async () => {
    const listening = await listen();
    await listening.next();
    const child = fork(join(import.meta.dirname, 'other-writer.ts'), [opened.runner.config.dbPath]);
    const exited = once(child, 'exit');
    const heard = await until(listening, 'job-of-another', 'queued');
    expect(heard).toHaveLength(1);
    listening.leave();
    expect(await exited).toEqual([0, null]);
  });

  test('are told in short: a task of a megabyte is cut', async () => {
    const listening = await listen();
    await listening.next();
    const request = sampleRequest({ task: 'ä'.repeat(500_000) });
    await opened.runner.store.createJob(sampleJob('job-long', { request }));
    const [long] = await until(listening, 'job-long', 'queued');
    expect(long?.data.task).toHaveLength(2000);
    listening.leave();
  });

  test('end with the key', async () => {
    const made = await createKey(opened.runner.store, { name: 'Eve', role: 'read' });
    const [keyId = ''] = [made?.key.key_id];
    const listening = await listen('', { authorization: `Bearer ${made?.secret}` });
    expect(await listening.next()).toMatchObject({ event: 'ready' });
    await opened.runner.store.revokeKey(keyId, new Date().toISOString());
    for (let heard = await listening.next(); heard !== null; heard = await listening.next());
    expect((await listen('', { authorization: `Bearer ${made?.secret}` })).status).toBe(401);
    expect((await listen('', { authorization: '' })).status).toBe(401);
  });

  test('wait for nobody who does not take them', async () => {
    const { port } = new URL(opened.server.url);
    const stuck = connect(Number(port), '127.0.0.1');
    stuck.pause();
    stuck.write(
      `GET /api/changes?after=0 HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nauthorization: Bearer ${opened.keys.read}\r\n\r\n`,
    );
    const listening = await listen();
    await listening.next();
    for (let round = 0; round < 5; round++) {
      const task = 'x'.repeat(2000);
      for (let at = 0; at < 60; at++) {
        const id = `job-slow-${round}-${at}`;
        await opened.runner.store.createJob(sampleJob(id, { request: sampleRequest({ task }) }));
      }
      await until(listening, `job-slow-${round}-59`, 'queued');
    }
    listening.leave();
    stuck.destroy();
    const left = async (): Promise<string | undefined> =>
      /^agent_runner_live_streams (\d+)$/m.exec(await (await opened.ask('/metrics')).text())?.[1];
    await expect.poll(left, { timeout: 10_000 }).toBe('0');
  });

  test('outlive the server: another one on the same home goes on with them', async () => {
    const serverOptions = {
      runner: opened.runner,
      version: '1',
      log: { debug() {}, info() {}, warn() {}, error() {} } as never,
      auth: true,
      worker: () => 'none' as const,
      patience: PATIENCE,
    };
    const first = await openServer(serverOptions);
    const listening = await listen('', {}, first.url);
    const ready = await listening.next();
    await first.close();
    expect(await listening.next()).toBeNull();
    await opened.runner.store.createJob(sampleJob('job-meanwhile'));
    const second = await openServer(serverOptions);
    const again = await listen('', { 'last-event-id': String(ready?.id) }, second.url);
    expect(await again.next()).toMatchObject({ id: (ready?.id ?? 0) + 1, data: { job_id: 'job-meanwhile' } });
    again.leave();
    await second.close();
  });
});
