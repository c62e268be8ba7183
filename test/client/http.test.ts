/** The client against servers that behave badly: they are real, and of this process. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import { createEventReader, followLog } from '../../src/client/http/follow.ts';
import { createRemoteClient } from '../../src/client/remote.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function event(seq: number): JobEvent {
  return {
    seq,
    job_id: 'job-1',
    type: 'log',
    phase: null,
    attempt: 1,
    time: '2026-11-21T10:00:00.000Z',
    data: { text: `line ${seq} … ä` },
  };
}

function sse(...events: readonly JobEvent[]): string {
  return events.map((one) => `id: ${one.seq}\nevent: log\ndata: ${JSON.stringify(one)}\n\n`).join('');
}

async function numbers(url: string, after = 0): Promise<readonly number[]> {
  const client = createRemoteClient({ url, token: null });
  const seen: number[] = [];
  for await (const events of client.follow('job-1', { after, signal: new AbortController().signal }))
    seen.push(...events.map(({ seq }) => seq));
  return seen;
}

describe('a followed log', () => {
  it('is read however it is cut', () => {
    const text = `retry: 1000\n\n: still here\n\n${sse(event(1), event(2))}: x\n\n${sse(event(3))}`;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length })), (cuts) => {
        const read = createEventReader();
        const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const seen = at.slice(1).flatMap((end, index) => read(text.slice(at[index], end)));
        expect(seen).toEqual([event(1), event(2), event(3)]);
      }),
    );
  });

  it('goes on behind the last whole event after every break, and believes no repetition', async () => {
    const asked: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      asked.push(request.headers['last-event-id'] as string | undefined);
      const turn = asked.length;
      if (turn === 2) return void response.destroy();
      if (turn === 3) return void response.writeHead(503).end();
      if (turn === 5) return void response.writeHead(204).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      // Cut off within an event, and the second time begun too early.
      if (turn === 1)
        response.write(sse(event(1), event(2), event(3)).slice(0, -30), () => response.destroy());
      else response.end(sse(event(1), event(2), event(3), event(4)));
    });
    expect(await numbers(url)).toEqual([1, 2, 3, 4]);
    expect(asked).toEqual(['0', '2', '2', '2', '4']);
  });

  it('ends where what comes is no event', async () => {
    const url = await serve((_, response) => response.end('data: {"seq":"one"}\n\n'));
    await expect(numbers(url)).rejects.toThrow('server: "{\\"seq\\":\\"one\\"}" came instead of an event');
  });

  it('waits for a server from its last sign of life, which need be no event', async () => {
    let count = 0;
    const url = await serve((_, response) => {
      count++;
      if (count === 2) return void response.destroy();
      if (count === 3) return void response.writeHead(503).end();
      if (count === 4) return void response.writeHead(204).end();
      response.writeHead(200).write(': still here\n\n');
      const beat = setInterval(() => response.write(': still here\n\n'), 50);
      setTimeout(() => {
        clearInterval(beat);
        response.end();
      }, 4000);
    });
    const options = { after: 0, signal: new AbortController().signal };
    for await (const events of followLog({ url, token: null }, 'job-1', options, 3900))
      expect(events).toEqual([]);
    expect(count).toBe(4);
    const away = followLog({ url: 'http://127.0.0.1:9', token: null }, 'job-1', options, 100);
    await expect(away.next()).rejects.toThrow('http://127.0.0.1:9 gives no answer');
    const full = await serve((_, response) => response.writeHead(503).end('full'));
    await expect(followLog({ url: full, token: null }, 'job-1', options, 100).next()).rejects.toThrow(
      'server: 503: full',
    );
  });

  it('asks a server that always hangs up less and less often', async () => {
    let count = 0;
    const url = await serve((_, response) => {
      count++;
      response.writeHead(200).end('retry: 1000\n\n');
    });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 3000);
    const client = createRemoteClient({ url, token: null });
    for await (const events of client.follow('job-1', { after: 0, signal: stop.signal }))
      expect(events).toBe(null);
    // Pauses of 250, 500, 1,000 and 2,000 ms, a quarter more or less.
    expect(count).toBeGreaterThan(1);
    expect(count).toBeLessThan(7);
  });

  it.each([
    [404, 'not_found'],
    [401, 'no_permission'],
    [400, 'invalid_request'],
  ])('ends at once on %i', async (status, code) => {
    let count = 0;
    const url = await serve((_, response) => {
      count++;
      response.writeHead(status, { 'content-type': 'text/plain' }).end('<b>no</b>');
    });
    await expect(numbers(url)).rejects.toMatchObject({ code, message: `server: ${status}: <b>no</b>` });
    expect(count).toBe(1);
  });
});

describe('a call', () => {
  it('is tried again where that is harmless, with the same idempotency key, and never where it is not', async () => {
    const seen: string[] = [];
    const keys = new Set<unknown>();
    const url = await serve((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      keys.add(request.headers['idempotency-key']);
      if (seen.length < 3 || request.url?.endsWith('cancel') === true) return void request.socket.destroy();
      response.writeHead(201, { 'content-type': 'application/json' }).end('{"job_id":"job-1"}');
    });
    const client = createRemoteClient({ url, token: null });
    expect(await client.submit({ repo: '/x', task: 'y' })).toEqual({ job_id: 'job-1' });
    expect([seen, keys.size]).toEqual([Array(3).fill('POST /api/jobs'), 1]);
    await expect(client.cancel('job-1')).rejects.toMatchObject({ code: 'infra_failed' });
    expect(seen).toHaveLength(4);
  });

  it('takes its key nowhere else', async () => {
    let isAsked = false;
    const other = await serve((_, response) => {
      isAsked = true;
      response.end('{}');
    });
    const url = await serve((_, response) => response.writeHead(302, { location: other }).end());
    const client = createRemoteClient({ url, token: 'ar_0_secret' });
    const failure = client.redeliver('job-1');
    await expect(failure).rejects.toMatchObject({ code: 'infra_failed' });
    await expect(failure).rejects.not.toThrow(/secret/);
    expect(isAsked).toBe(false);
  });

  it('shows no escape sequences of a server', async () => {
    const problem = { detail: 'no\u001b[2J\u202e way\n', hint: 'a\u0007b', code: 'conflict' };
    const url = await serve((_, response) => response.writeHead(409).end(JSON.stringify(problem)));
    await expect(createRemoteClient({ url, token: null }).cancel('job-1')).rejects.toMatchObject({
      code: 'conflict',
      message: 'server: 409: no [2J  way ',
      hint: 'a b',
    });
  });

  it('names what is no answer of agent-runner', async () => {
    const url = await serve((_, response) => response.end('<html>'));
    await expect(createRemoteClient({ url, token: null }).job('job-1')).rejects.toThrow(
      'server: "<html>" came instead of JSON; is it agent-runner?',
    );
  });

  it('keeps ids within their place in the path', async () => {
    let path: string | undefined;
    const url = await serve((request, response) => {
      path = request.url;
      response.end('{}');
    });
    await createRemoteClient({ url: `${url}/`, token: null }).job('../../x?y#z');
    expect(path).toBe('/api/jobs/..%2F..%2Fx%3Fy%23z');
  });

  it.each(['ftp://x', 'http://user:pw@x', 'nothing'])('is made to no %s', (url) => {
    expect(() => createRemoteClient({ url, token: null })).toThrow(/no http or https URL/);
  });

  it('shows no key that is none', () => {
    expect(() => createRemoteClient({ url: 'http://x', token: 'se\ncret' })).toThrow(
      /no key of agent-runner/,
    );
    expect(() => createRemoteClient({ url: 'http://x', token: 'se\ncret' })).not.toThrow(/cret/);
  });
});
