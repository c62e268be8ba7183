/** One try, at a real receiver that behaves well and badly. */
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDestinations } from '../../src/notify/destination.ts';
import { createSender, type Send } from '../../src/notify/send.ts';
import { openReceiver, type Receiver } from './receiver.ts';

const DESTINATIONS = createDestinations({ allow: ['127.0.0.1'], allowHttp: false });
const MESSAGE = { headers: { 'content-type': 'application/json', 'webhook-id': 'x' }, body: '{"ä":1}' };
/** Short where nothing is to come, so that the test is. */
const SHORT_MS = 300;

describe('a try', () => {
  let receiver: Receiver;
  let send: Send;
  beforeEach(async () => {
    receiver = await openReceiver();
    send = createSender(DESTINATIONS);
  });
  afterEach(() => receiver.close());

  it('posts the body as it is, over a connection that is closed', async () => {
    expect(await send(receiver.url, MESSAGE)).toEqual({
      kind: 'answered',
      httpStatus: 204,
      retryAfter: null,
    });
    expect(await send(receiver.url, MESSAGE)).toMatchObject({ httpStatus: 204 });
    expect(receiver.received[0]).toMatchObject({
      method: 'POST',
      path: '/hook',
      body: MESSAGE.body,
      headers: { 'content-type': 'application/json', 'webhook-id': 'x', 'content-length': '8' },
    });
    expect(receiver.connections()).toBe(2);
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect: %i', async (status) => {
    receiver.answer((response) => response.writeHead(status, { location: '/elsewhere' }).end());
    expect(await send(receiver.url, MESSAGE)).toMatchObject({ kind: 'answered', httpStatus: status });
    expect(receiver.received).toHaveLength(1);
  });

  it('tells status and Retry-After', async () => {
    receiver.answer((response) => response.writeHead(503, { 'retry-after': '120' }).end('later'));
    expect(await send(receiver.url, MESSAGE)).toEqual({
      kind: 'answered',
      httpStatus: 503,
      retryAfter: '120',
    });
  });

  it('reads little of an answer that does not end', async () => {
    let sentBytes = 0;
    receiver.answer((response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && sentBytes < 1024 ** 3) {
          sentBytes += chunk.length;
          if (!response.write(chunk)) break;
        }
      };
      response.on('drain', more);
      more();
    });
    expect(await send(receiver.url, MESSAGE)).toMatchObject({ kind: 'answered', httpStatus: 200 });
    expect(sentBytes).toBeLessThan(64 * 1024 ** 2);
  });

  it('believes the status of an answer whose body breaks off or never comes', async () => {
    receiver.answer((response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('x', () => response.destroy());
    });
    expect(await send(receiver.url, MESSAGE)).toMatchObject({ httpStatus: 200 });
    receiver.answer((response) => void response.writeHead(201, { 'content-length': '10' }).write('x'));
    expect(await createSender(DESTINATIONS, SHORT_MS)(receiver.url, MESSAGE)).toMatchObject({
      httpStatus: 201,
    });
  });

  it('gives up on a receiver that says nothing', async () => {
    receiver.answer(() => {});
    expect(await createSender(DESTINATIONS, SHORT_MS)(receiver.url, MESSAGE)).toEqual({
      kind: 'unreachable',
      why: 'no answer within 0.3 s',
    });
  });

  it('gives up on a resolver that says nothing', async () => {
    const silent = createDestinations({ allow: [], allowHttp: false }, () => new Promise(() => {}));
    expect(await createSender(silent, SHORT_MS)('https://x.example/', MESSAGE)).toEqual({
      kind: 'unreachable',
      why: 'no answer within 0.3 s',
    });
  });

  it('says why a receiver can not be reached', async () => {
    const { url } = receiver;
    await receiver.close();
    const refused = await send(url, MESSAGE);
    expect(refused).toMatchObject({ kind: 'unreachable', why: expect.stringContaining('ECONNREFUSED') });
    const unknown = createDestinations({ allow: [], allowHttp: false }, async () => {
      throw new Error('getaddrinfo ENOTFOUND x.example');
    });
    expect(await createSender(unknown)('https://x.example/', MESSAGE)).toEqual({
      kind: 'unreachable',
      why: 'getaddrinfo ENOTFOUND x.example',
    });
    receiver = await openReceiver();
  });
});

describe('a receiver that speaks no HTTP', () => {
  let server: Server;
  let url: string;
  let say: string;
  beforeEach(async () => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(say));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterEach(() => void server.close());

  it.each([
    ['hangs up', ''],
    ['speaks something else', '220 mail ESMTP\r\n'],
    ['sends headers without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`],
    ['is cut off', 'HTTP/1.1 200'],
    ['switches protocols', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
    ['only gives hints', 'HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n'.repeat(100)],
    [
      'answers before it is asked, with two lengths',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx',
    ],
  ])('that %s is unreachable', async (_, words) => {
    say = words;
    expect(await createSender(DESTINATIONS)(url, MESSAGE)).toMatchObject({ kind: 'unreachable' });
  });
});
