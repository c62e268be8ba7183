import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createToken, type Access } from '../../src/gateway/account.ts';
import {
  json,
  post,
  REAL_KEY,
  SPEECHES,
  startGateway,
  startProvider,
  stream,
  tokenHeaders,
  type Answer,
  type Front,
  type FrontOptions,
  type Provided,
  type Script,
  type Speech,
} from './scripted.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function start(
  script: Script,
  options: FrontOptions = {},
): Promise<{ provider: Provided; front: Front; access: Access }> {
  const provider = await startProvider(script);
  open.push(provider);
  const front = await startGateway(provider.url, options);
  open.push(front);
  return { provider, front, access: front.account.open(front.ref, '') };
}

function call(
  front: Front,
  access: Access,
  speech: Speech,
  isStream: boolean,
  body?: unknown,
): Promise<Answer> {
  const headers = tokenHeaders(speech.dialect, access.token);
  return post(front.url + speech.path(isStream), headers, body ?? speech.body(isStream));
}

const spokenBy =
  (speech: Speech): Script =>
  (seen, response) =>
    seen.body['stream'] === true || seen.path.includes('streamGenerate')
      ? stream(response, speech.events)
      : json(response, speech.answer);

describe.each(SPEECHES.map((speech) => [speech.dialect, speech] as const))('%s', (dialect, speech) => {
  it('passes a whole answer on and counts it', async () => {
    const { front, access } = await start(spokenBy(speech));
    const answer = await call(front, access, speech, false);
    expect(answer).toMatchObject({ status: 200, body: speech.answer });
    expect(front.calls).toMatchObject([
      {
        provider: 'test',
        model: 'm1',
        dialect,
        status: 200,
        tokens_in: speech.tokens.in,
        tokens_out: speech.tokens.out,
        tokens_cache_read: speech.tokens.read,
        tokens_cache_write: speech.tokens.write,
        tokens_reasoning: speech.tokens.reasoning,
        cost_usd: speech.costUsd,
        estimated: false,
        aborted: false,
        error: null,
      },
    ]);
    expect(front.account.spent(0)).toEqual({
      cost_usd: speech.costUsd,
      tokens_in: speech.tokens.in,
      tokens_out: speech.tokens.out,
      turns: 0,
      calls: 1,
    });
  });

  it('passes a stream on byte for byte and counts it', async () => {
    const { front, access, provider } = await start(spokenBy(speech));
    const body = {
      ...speech.body(true),
      ...(dialect === 'openai-chat' ? { stream_options: { include_usage: true } } : {}),
    };
    const answer = await call(front, access, speech, true, body);
    expect(answer.text).toBe(speech.events.join(''));
    expect(answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-request-id': 'req-7' });
    expect(provider.seen[0]?.text).toBe(JSON.stringify(body));
    expect(front.calls).toMatchObject([
      {
        tokens_in: speech.tokens.in,
        tokens_out: speech.tokens.out,
        cost_usd: speech.costUsd,
        estimated: false,
        aborted: false,
      },
    ]);
  });

  it('puts the real key in and never passes the token on', async () => {
    const { front, access, provider } = await start(spokenBy(speech));
    await call(front, access, speech, false);
    const { headers } = provider.seen[0] ?? { headers: {} };
    expect(tokenHeaders(dialect, REAL_KEY)).toMatchObject(
      Object.fromEntries(Object.entries(headers).filter(([, value]) => String(value).includes(REAL_KEY))),
    );
    expect(JSON.stringify(provider.seen)).not.toContain(access.token);
    expect(JSON.stringify(provider.seen)).toContain(REAL_KEY);
  });

  it('passes errors, rate limits and Retry-After on, without the key that a provider repeats', async () => {
    const error = { error: { message: `rate limit for ${REAL_KEY}`, type: 'rate_limit' } };
    const { front, access } = await start((_seen, response) =>
      json(response, error, 429, { 'retry-after': '17' }),
    );
    const answer = await call(front, access, speech, true);
    expect(answer).toMatchObject({
      status: 429,
      headers: { 'retry-after': '17' },
      body: { error: { message: 'rate limit for ***' } },
    });
    expect(front.calls).toMatchObject([
      { status: 429, cost_usd: 0, tokens_in: 0, tokens_out: 0, error: '429: rate limit for ***' },
    ]);
    expect(access.lastError()).toContain('rate limit');
  });

  it('estimates a stream that is cut off, and says so', async () => {
    const { front, access } = await start((_seen, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(speech.events.slice(0, dialect === 'gemini' ? 0 : -2).join(''));
      response.write('data: {"text":"so far so good"}\n\n', () => response.destroy());
    });
    await expect(call(front, access, speech, true)).rejects.toThrow();
    await expect
      .poll(() => front.calls)
      .toMatchObject([{ estimated: true, aborted: true, error: 'the provider cut its answer off' }]);
    expect(front.calls[0]?.tokens_in).toBeGreaterThan(0);
    expect(front.calls[0]?.tokens_out).toBeGreaterThan(0);
    expect(front.calls[0]?.cost_usd).toBeGreaterThan(0);
  });

  it('refuses a wrong token in words of the dialect, and asks nobody', async () => {
    const { front, access, provider } = await start(spokenBy(speech));
    const headers = tokenHeaders(dialect, `${access.token}0`);
    const answer = await post(front.url + speech.path(false), headers, speech.body(false));
    expect(answer.status).toBe(401);
    expect(answer.body).toHaveProperty('error.message');
    await access.close();
    expect(await call(front, access, speech, false)).toMatchObject({ status: 401 });
    expect(provider.seen).toEqual([]);
  });

  it('answers an unreachable provider with 502, and names it', async () => {
    const { front, access, provider } = await start(spokenBy(speech));
    await provider.close();
    open.splice(open.indexOf(provider), 1);
    const answer = await call(front, access, speech, false);
    expect(answer).toMatchObject({ status: 502, headers: { 'x-should-retry': 'true' } });
    expect(answer.text).toContain("test can't be reached");
    expect(front.calls).toMatchObject([{ status: null, cost_usd: 0 }]);
  });

  it('refuses a dialect that the provider does not speak', async () => {
    const others = SPEECHES.map((one) => one.dialect).filter((one) => one !== dialect);
    const { front, access, provider } = await start(spokenBy(speech), { provider: { dialects: others } });
    const answer = await call(front, access, speech, false);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(`does not speak ${dialect}`);
    expect(provider.seen).toEqual([]);
  });
});

const [chat] = SPEECHES;
if (chat === undefined) throw new Error('no speech');

describe('usage that a client did not ask for', () => {
  it('is asked for, counted, and taken out of the stream', async () => {
    const { front, access, provider } = await start(spokenBy(chat));
    const answer = await call(front, access, chat, true);
    expect(provider.seen[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
    expect(answer.text).not.toContain('usage');
    expect(answer.text).toBe(
      chat.events
        .filter((event) => !event.includes('"choices":[]'))
        .join('')
        .replaceAll(',"usage":null', ''),
    );
    expect(front.calls).toMatchObject([{ tokens_in: 100, tokens_out: 20, cost_usd: chat.costUsd }]);
  });

  it('is asked for beside other wishes for the stream', async () => {
    const { front, access, provider } = await start(spokenBy(chat));
    await call(front, access, chat, true, {
      ...chat.body(true),
      stream_options: { include_obfuscation: false },
    });
    expect(provider.seen[0]?.body['stream_options']).toEqual({
      include_obfuscation: false,
      include_usage: true,
    });
  });
});

describe('a stream', () => {
  it('arrives piece by piece, not when it is over', async () => {
    const gate = Promise.withResolvers<void>();
    const { front, access } = await start(async (_seen, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chat.events[0]);
      await gate.promise;
      response.end(chat.events.slice(1).join(''));
    });
    const first = await new Promise<string>((resolve, reject) => {
      const sent = request(
        `${front.url}/v1/chat/completions`,
        { method: 'POST', headers: tokenHeaders('openai-chat', access.token) },
        (answer) => {
          answer.once('data', (chunk: Buffer) => resolve(chunk.toString()));
          answer.resume();
        },
      );
      sent.once('error', reject);
      sent.end(JSON.stringify(chat.body(true)));
    });
    expect(first).toContain('Grüße');
    expect(front.calls).toEqual([]);
    gate.resolve();
    await expect.poll(() => front.calls.length).toBe(1);
  });

  it('that the client leaves is left at the provider too', async () => {
    const left = Promise.withResolvers<void>();
    const { front, access } = await start((_seen, response) => {
      response.once('close', () => left.resolve());
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chat.events[0]);
    });
    const sent = request(
      `${front.url}/v1/chat/completions`,
      { method: 'POST', headers: tokenHeaders('openai-chat', access.token) },
      (answer) => {
        answer.once('error', () => {});
        answer.once('data', () => sent.destroy());
      },
    );
    sent.once('error', () => {});
    sent.end(JSON.stringify(chat.body(true)));
    await left.promise;
    await expect.poll(() => front.calls).toMatchObject([{ aborted: true, estimated: true }]);
  });

  it('that the client leaves before it began is charged for what was asked', async () => {
    const came = Promise.withResolvers<void>();
    const { front, access } = await start(() => came.resolve());
    const headers = tokenHeaders('openai-chat', access.token);
    const sent = request(`${front.url}/v1/chat/completions`, { method: 'POST', headers });
    sent.once('error', () => {});
    sent.end(JSON.stringify(chat.body(true)));
    await came.promise;
    sent.destroy();
    await expect.poll(() => front.calls).toMatchObject([{ status: null, aborted: true, estimated: true }]);
    expect(front.calls[0]?.tokens_in).toBeGreaterThan(0);
    expect(front.calls[0]?.cost_usd).toBeGreaterThan(0);
  });

  it('of Gemini without server-sent events is counted too', async () => {
    const speech = SPEECHES.find((one) => one.dialect === 'gemini');
    const { front, access } = await start((_seen, response) =>
      json(response, [{ candidates: [] }, speech?.answer]),
    );
    await post(
      `${front.url}/v1beta/models/m1:streamGenerateContent?key=${access.token}`,
      {},
      speech?.body(true),
    );
    expect(front.calls).toMatchObject([{ tokens_in: 100, tokens_out: 20, estimated: false }]);
  });
});

describe('what a job may ask', () => {
  it('lists its own model, and nothing that is not offered', async () => {
    const { front, access } = await start(spokenBy(chat));
    const headers = { authorization: `Bearer ${access.token}` };
    const models = await fetch(`${front.url}/v1/models`, { headers });
    expect(await models.json()).toMatchObject({ data: [{ id: 'm1' }] });
    expect((await fetch(`${front.url}/v1/files`, { headers })).status).toBe(404);
    expect((await post(`${front.url}/v1/chat/completions`, headers, '{')).status).toBe(400);
    expect((await post(`${front.url}/v1/chat/completions`, headers, {})).status).toBe(400);
  });

  it('names its model with or without the provider', async () => {
    const { front, access, provider } = await start(spokenBy(chat));
    await call(front, access, chat, false, { ...chat.body(false), model: 'test/m1' });
    expect(provider.seen[0]?.body['model']).toBe('m1');
    expect(front.calls).toMatchObject([{ model: 'm1', cost_usd: chat.costUsd }]);
  });

  it('may make so many calls at a time, and is told to wait with more', async () => {
    const gate = Promise.withResolvers<void>();
    const { front, access, provider } = await start(async (seen, response) => {
      await gate.promise;
      json(response, seen.body['n'] === 1 ? {} : chat.answer);
    });
    const calls = Array.from({ length: 70 }, (_, n) =>
      call(front, access, chat, false, { ...chat.body(false), n }),
    );
    const early: Answer[] = [];
    for (const one of calls) void one.then((answer) => early.push(answer));
    await expect.poll(() => early.length).toBe(6);
    for (const refused of early)
      expect(refused).toMatchObject({
        status: 429,
        headers: { 'retry-after': '1', 'x-should-retry': 'true' },
      });
    gate.resolve();
    const answers = await Promise.all(calls);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(64);
    expect(provider.seen).toHaveLength(64);
  });

  it('is not said to have failed by a side call to another model', async () => {
    const { front, access } = await start((seen, response) =>
      seen.body['model'] === 'small'
        ? json(response, { error: 'no such model' }, 404)
        : json(response, chat.answer),
    );
    await call(front, access, chat, false, { ...chat.body(false), model: 'small' });
    expect(access.lastError()).toBe('404: no such model');
    await call(front, access, chat, false);
    await call(front, access, chat, false, { ...chat.body(false), model: 'small' });
    expect(access.lastError()).toBeNull();
  });

  it('holds no more of its requests than the bound, and lets go of them', async () => {
    const { front, access, provider } = await start(spokenBy(chat));
    const headers = { ...tokenHeaders('openai-chat', access.token), 'content-length': String(31 * 2 ** 20) };
    const piece = Buffer.alloc(2 ** 20, ' ');
    // Six that never end: together they are more than the bound, and each is less than its own.
    const begun = Array.from({ length: 6 }, () =>
      request(`${front.url}/v1/chat/completions`, { method: 'POST', headers }),
    );
    const refused = Promise.race(
      begun.map(async (one) => {
        one.on('error', () => {});
        const answered = new Promise<number | undefined>((resolve) =>
          one.once('response', (answer) => resolve(answer.statusCode)),
        );
        for (let count = 0; count < 30; count++) one.write(piece);
        return answered;
      }),
    );
    expect(await refused).toBe(413);
    for (const one of begun) one.destroy();
    await expect.poll(async () => (await call(front, access, chat, false)).status).toBe(200);
    expect(provider.seen.length).toBe(1);
  });

  it('counts tokens of Anthropic without paying', async () => {
    const { front, access, provider } = await start((_seen, response) => json(response, { input_tokens: 7 }));
    const answer = await post(
      `${front.url}/v1/messages/count_tokens?beta=true`,
      tokenHeaders('anthropic', access.token),
      { model: 'm1', messages: [] },
    );
    expect(answer.body).toEqual({ input_tokens: 7 });
    expect(provider.seen[0]?.path).toBe('/v1/messages/count_tokens?beta=true');
    expect(front.calls).toEqual([]);
  });
});

describe('the token of an agent that can be told only one', () => {
  it('is worth nothing between its turns, and its own turn in each', async () => {
    const [speech] = SPEECHES;
    if (speech === undefined) throw new Error('no dialect');
    const { front, provider } = await start(spokenBy(speech));
    const token = createToken();
    const first = front.account.open(front.ref, 'explore', token);
    expect((await call(front, first, speech, false)).status).toBe(200);
    await first.close();
    expect((await call(front, first, speech, false)).status).toBe(401);
    const second = front.account.open(front.ref, 'plan', token);
    expect((await call(front, second, speech, false)).status).toBe(200);
    expect([first.calls(), second.calls()]).toEqual([1, 1]);
    await second.close();
    expect(provider.seen).toHaveLength(2);
    expect(front.account.spent(0).calls).toBe(2);
  });
});
