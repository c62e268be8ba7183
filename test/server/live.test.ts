/** Logs that are followed over the network: nothing lost, nothing twice, and nobody waits for anybody. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { JobEvent } from '../../src/job/job.ts';
import { createKey } from '../../src/server/access/keys.ts';
import { openedServer, playJob, type OpenedServer, type PlayedJob } from './opened.ts';

let opened: OpenedServer;
beforeAll(async () => {
  opened = await openedServer({}, { patience: { heartbeatMs: 50, stallMs: 3000 } });
});
afterAll(async () => {
  await opened.close();
});

/** A small generator of numbers (mulberry32), so that a failure can be run again by its seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const SEED = Number(process.env['AGENT_RUNNER_SEED'] ?? Math.floor(Math.random() * 1e9));

/** The whole events of a piece of a stream, and how many characters they take. */
function parse(text: string): { readonly events: readonly JobEvent[]; readonly beats: number } {
  const blocks = text.split('\n\n').slice(0, -1);
  const events = blocks.flatMap((block) => {
    const lines = block.split('\n');
    const field = (name: string): string | undefined =>
      lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const data = field('data');
    if (data === undefined) return [];
    const event = JSON.parse(data) as JobEvent;
    expect([field('id'), field('event')]).toEqual([String(event.seq), event.type]);
    return [event];
  });
  return { events, beats: blocks.filter((block) => block.startsWith(':')).length };
}

/** Reads a stream until it ends, or until so many bytes came; then the connection is cut. */
async function readUntil(
  jobId: string,
  after: number,
  maxBytes: number,
): Promise<{ text: string; status: number }> {
  const cut = new AbortController();
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (after > 0) headers['last-event-id'] = String(after);
  const response = await opened.ask(`/api/jobs/${jobId}/events`, { headers, signal: cut.signal });
  let text = '';
  if (response.body !== null) {
    try {
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (text.length >= maxBytes) cut.abort();
      }
    } catch (error) {
      if (!cut.signal.aborted) throw error;
    }
  }
  // What came after the cut is not known to a client that died there.
  return { text: text.slice(0, maxBytes), status: response.status };
}

/** Says things in bursts, and ends the job. */
async function talk(job: PlayedJob, next: () => number, total: number): Promise<readonly JobEvent[]> {
  const all: JobEvent[] = [];
  while (all.length < total) {
    const texts = Array.from(
      { length: 1 + Math.floor(next() * 40) },
      (_, at) => `${all.length + at} ${'ö'.repeat(next() * 300)}\n\nid: 9`,
    );
    all.push(...(await job.say(...texts)));
    await new Promise((resolve) => setTimeout(resolve, next() * 20));
  }
  await job.end();
  return all;
}

describe('server-sent events', () => {
  test('a client that is cut off again and again gets every event once', async () => {
    const next = random(SEED);
    const job = await playJob(opened);
    const talking = talk(job, next, 600);
    const got: JobEvent[] = [];
    let cuts = 0;
    for (;;) {
      const { text, status } = await readUntil(job.jobId, got.at(-1)?.seq ?? 0, 20 + next() * 20_000);
      got.push(...parse(text).events);
      if (status === 204) break;
      cuts++;
    }
    const said = await talking;
    expect(got, `AGENT_RUNNER_SEED=${SEED}`).toEqual(said);
    expect(got.map(({ seq }) => seq)).toEqual(said.map((_, at) => at + 1));
    expect(cuts).toBeGreaterThan(3);
  });

  test('nobody hears nothing for long', async () => {
    const job = await playJob(opened);
    const reading = readUntil(job.jobId, 0, 200);
    const { text } = await reading;
    expect(parse(text).beats).toBeGreaterThan(3);
    await job.end();
  });

  test('after the end there is nothing more, and a number that never was is an error', async () => {
    const job = await playJob(opened);
    await job.say('a', 'b');
    const look = async (headers: Record<string, string>, query = ''): Promise<number> => {
      const response = await opened.ask(`/api/jobs/${job.jobId}/events${query}`, {
        headers: { accept: 'text/event-stream', ...headers },
      });
      await response.body?.cancel();
      return response.status;
    };
    expect(await look({ 'last-event-id': '3' })).toBe(400);
    expect(await look({ 'last-event-id': '-1' })).toBe(400);
    expect(await look({ 'last-event-id': 'x' })).toBe(400);
    expect(await look({}, '?after=99999')).toBe(400);
    expect(await look({}, '?after=2')).toBe(200);
    await job.end();
    expect(await look({ 'last-event-id': '2' })).toBe(204);
    expect(await look({ 'last-event-id': '1' })).toBe(200);
    expect(await look({ 'last-event-id': '1' }, '?after=2')).toBe(200);
  });

  test('of a job that ended without a word there is nothing to come', async () => {
    const job = await playJob(opened);
    await job.end();
    expect((await readUntil(job.jobId, 0, 100)).status).toBe(204);
  });

  test('who asks for the headers alone follows nothing', async () => {
    const job = await playJob(opened);
    const following = async (): Promise<string | undefined> =>
      /^agent_runner_live_streams (\d+)$/m.exec(await (await opened.ask('/metrics')).text())?.[1];
    const before = await following();
    const headers = { accept: 'text/event-stream' };
    for (let at = 0; at < 5; at++) {
      const response = await opened.ask(`/api/jobs/${job.jobId}/events`, { method: 'HEAD', headers });
      expect([response.status, response.headers.get('content-type')]).toEqual([
        200,
        'text/event-stream; charset=utf-8',
      ]);
    }
    expect(await following()).toBe(before);
    await job.end();
  });

  test('as pages they are the same', async () => {
    const job = await playJob(opened);
    const said = await job.say(...Array.from({ length: 25 }, (_, at) => `line ${at}`));
    await job.end();
    const got: JobEvent[] = [];
    for (let after = 0; ;) {
      const response = await opened.ask(`/api/jobs/${job.jobId}/events?after=${after}&limit=10`);
      const page = (await response.json()) as { events: readonly JobEvent[]; next_after: number };
      got.push(...page.events);
      expect(page.next_after).toBe(page.events.at(-1)?.seq ?? after);
      after = page.next_after;
      if (page.events.length === 0) break;
    }
    expect(got).toEqual(said);
    expect(await (await opened.ask(`/api/jobs/${job.jobId}/log`)).text()).toBe(
      said.map(({ data }) => `${String(data['text'])}\n`).join(''),
    );
  });
});

interface Heard {
  readonly events: readonly JobEvent[];
  readonly code: number;
}

/** Listens to a socket until it is closed, or for so many events. */
function listen(jobId: string, after: number, most = Infinity): Promise<Heard> {
  const url = `${opened.server.url.replace('http', 'ws')}/ws/${jobId}?after=${after}`;
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${opened.keys.read}` } });
  const events: JobEvent[] = [];
  return new Promise((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      if (events.length >= most) return;
      events.push(JSON.parse(data.toString('utf8')) as JobEvent);
      if (events.length >= most) socket.terminate();
    });
    socket.on('close', (code) => resolve({ events, code }));
    socket.on('error', reject);
  });
}

/** The status that an upgrade is refused with. */
function refused(path: string, headers: Record<string, string>): Promise<number | undefined> {
  const socket = new WebSocket(opened.server.url.replace('http', 'ws') + path, { headers });
  return new Promise((resolve, reject) => {
    socket.on('unexpected-response', (_, response) => {
      response.resume();
      resolve(response.statusCode);
    });
    socket.on('open', () => reject(new Error('it was let in')));
    socket.on('error', () => {});
  });
}

describe('WebSockets', () => {
  test('give the same events, also to a client that is cut off again and again', async () => {
    const next = random(SEED + 1);
    const job = await playJob(opened);
    const talking = talk(job, next, 400);
    const got: JobEvent[] = [];
    for (;;) {
      const most = 1 + Math.floor(next() * 60);
      const heard = await listen(job.jobId, got.at(-1)?.seq ?? 0, most);
      got.push(...heard.events);
      if (heard.code === 1000 && heard.events.length < most) break;
    }
    expect(got, `AGENT_RUNNER_SEED=${SEED}`).toEqual(await talking);
    expect(await listen(job.jobId, got.length)).toEqual({ events: [], code: 1000 });
  });

  test('end with the key that they were opened with, also where nothing comes', async () => {
    const { jobId } = await playJob(opened);
    const made = await createKey(opened.runner.store, { name: 'Eve', role: 'read' });
    const socket = new WebSocket(`${opened.server.url.replace('http', 'ws')}/ws/${jobId}`, {
      headers: { authorization: `Bearer ${made?.secret}` },
    });
    await new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    const closed = new Promise((resolve) => {
      socket.on('close', resolve);
    });
    await opened.runner.store.revokeKey(made?.key.key_id ?? '', new Date().toISOString());
    expect(await closed).toBe(1008);
  });

  test('are refused to who may not look, and to pages of somebody else', async () => {
    const { jobId } = await playJob(opened);
    const authorization = `Bearer ${opened.keys.read}`;
    expect(await refused(`/ws/${jobId}`, {})).toBe(401);
    expect(await refused(`/ws/${jobId}`, { authorization: 'Bearer nobody' })).toBe(401);
    expect(await refused('/ws/job-none', { authorization })).toBe(404);
    expect(await refused('/ws', { authorization })).toBe(404);
    expect(await refused('/api/jobs', { authorization })).toBe(404);
    expect(await refused(`/ws/${jobId}?after=x`, { authorization })).toBe(400);
    expect(await refused(`/ws/${jobId}?after=9`, { authorization })).toBe(400);
    const login = await opened.ask(`/login?token=${opened.keys.read}`, { as: null });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect(await refused(`/ws/${jobId}`, { cookie, origin: 'https://evil.example' })).toBe(403);
    const own = new URL(opened.server.url).origin;
    const socket = new WebSocket(`${opened.server.url.replace('http', 'ws')}/ws/${jobId}`, {
      headers: { cookie, origin: own },
    });
    await new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    socket.terminate();
  });
});

/** A client that asks for a log and then takes nothing of it. */
function stalledClient(
  jobId: string,
  head: string,
): Promise<{ readonly gone: Promise<void>; destroy(): void }> {
  const { port } = new URL(opened.server.url);
  const socket = connect(Number(port), '127.0.0.1');
  const gone = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
  });
  socket.on('error', () => {});
  return new Promise((resolve) => {
    socket.on('connect', () => {
      socket.write(head.replace('{job_id}', jobId).replaceAll('\n', '\r\n'));
      socket.once('readable', () => {
        socket.pause();
        resolve({ gone, destroy: () => socket.destroy() });
      });
    });
  });
}

describe('a client that takes nothing', () => {
  const common = (): string => `Host: 127.0.0.1\nAuthorization: Bearer ${opened.keys.read}\n`;
  const heads: Readonly<Record<string, () => string>> = {
    sse: () => `GET /api/jobs/{job_id}/events HTTP/1.1\n${common()}Accept: text/event-stream\n\n`,
    ws: () =>
      `GET /ws/{job_id} HTTP/1.1\n${common()}Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: ${btoa('0123456789abcdef')}\n\n`,
  };

  test.each(Object.keys(heads))('(%s) delays nobody, and is let go', async (kind) => {
    const job = await playJob(opened);
    const stalled = await stalledClient(job.jobId, heads[kind]?.() ?? '');
    const listening = listen(job.jobId, 0);
    const reading = readUntil(job.jobId, 0, Infinity);
    const said: JobEvent[] = [];
    // More than any buffer of the system takes: 48 MiB.
    for (let at = 0; at < 48; at++)
      said.push(...(await job.say(...Array.from({ length: 16 }, () => 'x'.repeat(64 * 1024)))));
    await job.end();
    const [heard, read] = await Promise.all([listening, reading]);
    expect(heard.events.length).toBe(said.length);
    expect(parse(read.text).events.length).toBe(said.length);
    // The test ends by its time limit if it is kept.
    stalled.destroy();
    await stalled.gone;
  });
});

test('when the server stops, streams end as they should, and the port is free', async () => {
  const other = await openedServer({}, { patience: { heartbeatMs: 50, stallMs: 500 } });
  const job = await playJob(other);
  await job.say('a');
  const response = await other.ask(`/api/jobs/${job.jobId}/events`, {
    headers: { accept: 'text/event-stream' },
  });
  const reading = response.text();
  const socket = new WebSocket(`${other.server.url.replace('http', 'ws')}/ws/${job.jobId}`, {
    headers: { authorization: `Bearer ${other.keys.read}` },
  });
  const closed = new Promise<number>((resolve) => {
    socket.on('close', resolve);
  });
  await new Promise((resolve) => {
    socket.on('message', resolve);
  });
  await other.close();
  expect(parse(await reading).events).toHaveLength(1);
  expect(await closed).toBe(1001);
  await expect(fetch(`${other.server.url}/healthz`)).rejects.toThrow('fetch failed');
});
