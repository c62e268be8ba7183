/** Which part of a log tells of a failure, and what is read of the place where GitHub keeps it. */
import * as fc from 'fast-check';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Ask } from '../../../../src/forge/github/client.ts';
import { failingPart, readJobLog } from '../../../../src/forge/github/conversation/log.ts';

function log(...lines: readonly string[]): string {
  return lines.map((line) => `2026-11-22T10:00:00.1234567Z ${line}`).join('\r\n');
}

describe('the part of a log that tells of a failure', () => {
  it.each<[string, string, string]>([
    [
      'is the step that failed',
      log('##[group]Run a', 'ok', '##[group]Run b', 'no', '##[error]1', 'Cleanup'),
      '##[group]Run b\nno\n##[error]1',
    ],
    [
      'goes to the last error',
      log('##[group]Run a', '##[error]1', '##[group]Run b', 'x', '##[error]2', 'y'),
      '##[group]Run a\n##[error]1\n##[group]Run b\nx\n##[error]2',
    ],
    ['begins with the log where the step’s beginning was cut', log('x', '##[error]1'), 'x\n##[error]1'],
    ['is all of a log that marks none', log('x', '', 'y'), 'x\n\ny'],
    ['is all of what has no times', 'x\ny', 'x\ny'],
    ['has no colours', log('\u001B[1;31mred\u001B[0m'), 'red'],
    ['has no mark of its encoding', `\uFEFF${log('x')}`, 'x'],
    ['is nothing of nothing', '', ''],
  ])('%s', (_, text, expected) => {
    expect(failingPart(text)).toBe(expected);
  });

  it('is never more than there was', () => {
    const line = fc.oneof(fc.string(), fc.constantFrom('##[group]Run x', '##[error]x', '##[endgroup]'));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const text = log(...lines);
        expect(failingPart(text).length).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});

describe('a log', () => {
  let server: Server | null = null;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = null;
  });

  /** A store of logs, which answers so. */
  async function store(answer: (request: IncomingMessage, response: ServerResponse) => void) {
    const asked: (string | undefined)[] = [];
    const made = createServer((request, response) => {
      asked.push(request.headers.range);
      answer(request, response);
    });
    server = made;
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(made.address() as AddressInfo).port}`, asked };
  }

  /** What is read where GitHub's answer names that place. */
  function read(location: string | undefined, api: string, signal = new AbortController().signal) {
    const ask = (() => Promise.resolve({ headers: { location }, url: `${api}/logs` })) as unknown as Ask;
    return readJobLog(ask, { owner: 'ann', name: 'shop' }, 7, signal);
  }

  it('is its end, from a whole line on, where nobody says how long it is', async () => {
    const { url } = await store((_, response) => {
      for (let at = 0; at < 3000; at++) response.write(`line ${at} ${'x'.repeat(90)}\n`);
      response.end('the end');
    });
    const text = await read(`${url}/7`, url);
    expect(text).toMatch(/^line \d+ x{90}\n[^]*\nline 2999 x{90}\nthe end$/);
    expect(text?.length).toBeLessThanOrEqual(64 * 1024);
  });

  it('is asked for from near its end where it is long, and cut where that is not heeded', async () => {
    const { url, asked } = await store((_, response) => {
      const body = 'x\n'.repeat(1024 * 1024);
      response.writeHead(200, { 'content-length': body.length }).end(body);
    });
    expect((await read(`${url}/7`, url))?.length).toBeLessThanOrEqual(64 * 1024);
    expect(asked).toEqual([undefined, `bytes=${2 * 1024 * 1024 - 64 * 1024 - 1}-`]);
  });

  it.each<[string, (url: string) => readonly [string | undefined, string]]>([
    ['nowhere', (url) => [undefined, url]],
    ['a place that is none', (url) => ['//', url]],
    ['a file of ours', (url) => ['file:///etc/passwd', url]],
    ['a plain place, by an encrypted one', (url) => [url, 'https://api.example']],
  ])('is none where it lies at %s, and nothing is asked', async (_, where) => {
    const { url, asked } = await store((_request, response) => void response.end('no'));
    expect([await read(...where(url)), asked]).toEqual([null, []]);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['it is gone', (response) => void response.writeHead(404).end('gone')],
    ['it is elsewhere again', (response) => void response.writeHead(302, { location: '/8' }).end()],
    ['nobody answers', (response) => void response.destroy()],
    ['it is empty', (response) => void response.end()],
  ])('is none where %s', async (_, answer) => {
    const { url, asked } = await store((_request, response) => answer(response));
    expect([await read(`${url}/7`, url), asked.length]).toEqual([null, 1]);
  });

  it('is no longer read when the job is cancelled', async () => {
    const stop = new AbortController();
    const { url } = await store(() => stop.abort(new Error('cancelled')));
    await expect(read(`${url}/7`, url, stop.signal)).rejects.toThrow('cancelled');
  });
});
