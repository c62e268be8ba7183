import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Access } from '../../src/gateway/account.ts';
import { createGuard } from '../../src/gateway/guards.ts';
import { createLedger, createTill, spentWords, type Ledger } from '../../src/gateway/spend/budget.ts';
import { readAsked, routeOf, type Asked } from '../../src/gateway/dialects.ts';
import {
  GUARDS,
  json,
  post,
  SPEECHES,
  startGateway,
  startProvider,
  type Answer,
  type Front,
  type FrontOptions,
  type Provided,
} from './scripted.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

/** A provider that takes a while, and counts how many calls it has at once; each costs 100 · 2 + 20 · 10 millionths. */
async function start(
  options: FrontOptions,
): Promise<{ front: Front; access: Access; provider: Provided; most: () => number }> {
  let [now, most] = [0, 0];
  const provider = await startProvider(async (_seen, response) => {
    now++;
    most = Math.max(most, now);
    await sleep(5);
    now--;
    json(response, { choices: [], usage: { prompt_tokens: 100, completion_tokens: 20 } });
  });
  open.push(provider);
  const front = await startGateway(provider.url, options);
  open.push(front);
  return { provider, front, access: front.account.open(front.ref, ''), most: () => most };
}

let counter = 0;
function ask(front: Front, access: Access, body: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
  counter++;
  const headers = { authorization: `Bearer ${access.token}` };
  const messages = [{ role: 'user', content: `question ${counter}` }];
  return post(`${front.url}/v1/chat/completions`, headers, {
    model: 'm1',
    max_tokens: 20,
    messages,
    ...body,
  });
}

const COST = 400 / 1e6;

describe('a budget of money', () => {
  it('holds with many calls at once: what is spent ends within one call of the cap', async () => {
    const cap = COST * 7.5;
    const { front, access, provider } = await start({ limits: { maxCostUsd: cap } });
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(front, access)));
    const served = answers.filter((answer) => answer.status === 200).length;
    expect(served).toBe(provider.seen.length);
    expect(front.account.spent(0).cost_usd).toBeCloseTo(COST * served, 12);
    expect(COST * served).toBeGreaterThanOrEqual(cap);
    expect(COST * (served - 1)).toBeLessThan(cap);
    expect(answers.filter((answer) => answer.status === 402)).toHaveLength(40 - served);
    expect(access.stopped.aborted).toBe(true);
    expect(access.why()).toMatchObject({
      code: 'budget_exceeded',
      message: expect.stringContaining('max_cost_usd of the job'),
    });
  });

  it('lets calls run side by side while all they reserve fits, and one at a time near the cap', async () => {
    const far = await start({ limits: { maxCostUsd: 100 } });
    await Promise.all(Array.from({ length: 8 }, () => ask(far.front, far.access)));
    expect(far.most()).toBeGreaterThan(1);
    const near = await start({ limits: { maxCostUsd: COST * 3 } });
    await Promise.all(
      Array.from({ length: 8 }, () => ask(near.front, near.access, { max_tokens: 1_000_000 })),
    );
    expect(near.most()).toBe(1);
    expect(near.provider.seen).toHaveLength(3);
  });

  it('is spent by what earlier processes spent', async () => {
    const ledger = createLedger(
      'job',
      { maxCostUsd: 1, maxTokens: null, maxCalls: null },
      { costUsd: 1, tokens: 0, calls: 1 },
    );
    const { front, access, provider } = await start({ account: { ledgers: [ledger] } });
    expect(await ask(front, access)).toMatchObject({ status: 402, headers: { 'x-should-retry': 'false' } });
    expect(provider.seen).toEqual([]);
  });

  it('is worded as the dialect words errors, with a status that clients give up on', async () => {
    const { front, access } = await start({ limits: { maxCostUsd: 0 } });
    for (const speech of SPEECHES) {
      const answer = await post(
        front.url + speech.path(false),
        { authorization: `Bearer ${access.token}` },
        speech.body(false),
      );
      expect(answer).toMatchObject({
        status: 402,
        body: { error: { message: expect.stringContaining('max_cost_usd') } },
      });
    }
  });

  it('needs a price: without one nothing is called, unless that is allowed, and then the cost is unknown', async () => {
    const { front, access, provider } = await start({ limits: { maxCostUsd: 5 }, prices: {} });
    expect(await ask(front, access)).toMatchObject({ status: 402 });
    expect(access.why()?.message).toContain('nobody knows the price of test/m1');
    expect(provider.seen).toEqual([]);
    const free = await start({ limits: { maxCostUsd: 5 }, prices: {}, account: { allowUnpriced: true } });
    expect(await ask(free.front, free.access)).toMatchObject({ status: 200 });
    expect(free.front.account.spent(0)).toMatchObject({ cost_usd: null, tokens_in: 100, tokens_out: 20 });
  });
});

describe('other budgets', () => {
  it('of tokens end within one call of the cap', async () => {
    const { front, access, provider } = await start({ limits: { maxTokens: 500 } });
    await Promise.all(Array.from({ length: 20 }, () => ask(front, access)));
    expect(provider.seen).toHaveLength(5);
    expect(access.why()?.message).toContain('max_tokens of the job: 600 of 500');
  });

  it('say how full a session is by the last calls of its model', async () => {
    const { front, access } = await start({});
    expect(access.filled()).toBeNull();
    await ask(front, access);
    expect(access.filled()).toBe(120);
  });

  it('of calls are exact', async () => {
    const { front, access, provider } = await start({ limits: { maxCalls: 3 } });
    await Promise.all(Array.from({ length: 9 }, () => ask(front, access)));
    expect(provider.seen).toHaveLength(3);
  });

  it('of a day are shared by its jobs', async () => {
    const day = createLedger(
      'day',
      { maxCostUsd: COST * 4, maxTokens: null, maxCalls: null },
      { costUsd: 0, tokens: 0, calls: 0 },
    );
    const one = await start({ account: { ledgers: [day] } });
    const two = one.front.gateway
      .account({ ledgers: [day], guards: GUARDS, allowUnpriced: false, calls: [], onCall: () => {} })
      .open(one.front.ref, '');
    await Promise.all(
      [one.access, two].flatMap((access) => Array.from({ length: 6 }, () => ask(one.front, access))),
    );
    expect(one.provider.seen).toHaveLength(4);
    expect(two.why()?.message ?? one.access.why()?.message).toContain('of the day');
  });
});

describe('createTill', () => {
  const limits = { maxCostUsd: 10 / 1e12, maxTokens: null, maxCalls: null };
  const ledger = (): Ledger => createLedger('job', limits, { costUsd: 0, tokens: 0, calls: 0 });
  const never = new AbortController().signal;

  it('forgets who leaves the queue', async () => {
    const [till, one, gone] = [createTill(), ledger(), new AbortController()];
    const first = await till.reserve([one], { pico: 8, tokens: 0 }, never);
    const second = till.reserve([one], { pico: 8, tokens: 0 }, gone.signal);
    const third = till.reserve([one], { pico: 8, tokens: 0 }, never);
    gone.abort();
    await expect(second).rejects.toThrow();
    first.settle({ pico: 1, tokens: 0 });
    (await third).settle({ pico: 1, tokens: 0 });
    expect(one).toMatchObject({ spent: { pico: 2, calls: 2 }, held: { pico: 0 }, running: 0 });
  });

  it('counts a call once, and refuses those that wait when the budget is spent meanwhile', async () => {
    const [till, one] = [createTill(), ledger()];
    const first = await till.reserve([one], { pico: 8, tokens: 0 }, never);
    const second = till.reserve([one], { pico: 8, tokens: 0 }, never);
    first.settle({ pico: 12, tokens: 0 });
    first.settle({ pico: 12, tokens: 0 });
    await expect(second).rejects.toThrow('max_cost_usd of the job');
    expect(one.spent).toEqual({ pico: 12, tokens: 0, calls: 1 });
    expect(spentWords(one)).toContain('are spent');
  });
});

describe('guards', () => {
  const asked = (body: unknown, path = '/v1/chat/completions'): Asked => {
    const route = routeOf('POST', path);
    const found = route === null ? null : readAsked(route, body);
    if (found === null) throw new Error('not readable');
    return found;
  };
  const call = { id: 'x', type: 'function', function: { name: 'bash', arguments: '{"cmd":"ls"}' } };
  const turn = [
    { role: 'assistant', tool_calls: [call] },
    { role: 'tool', content: 'a' },
  ];
  const history = (turns: number): Asked =>
    asked({
      model: 'm',
      messages: [{ role: 'user', content: 'go' }, ...Array.from({ length: turns }, () => turn).flat()],
    });
  const limits = { maxCallsPerMinute: 100, maxIdenticalCalls: 4, maxFailedCalls: 3 };

  it('stop the same tool call in a row, in every dialect', () => {
    const guard = createGuard(limits);
    const said = [0, 1, 2, 3, 4].map((turns) => {
      const why = guard.check(history(turns), `body ${turns}`);
      guard.ended(null);
      return why;
    });
    expect(said).toEqual([null, null, null, null, expect.stringContaining('same tool call (bash) 4 times')]);
    const others = [
      asked(
        {
          model: 'm',
          messages: [{ role: 'assistant', content: [{ type: 'tool_use', name: 'bash', input: {} }] }],
        },
        '/v1/messages',
      ),
      asked(
        { contents: [{ role: 'model', parts: [{ functionCall: { name: 'bash', args: {} } }] }] },
        '/v1beta/models/m:generateContent',
      ),
      asked(
        {
          model: 'm',
          input: [
            { type: 'function_call', name: 'bash', arguments: '{}' },
            { type: 'function_call_output', output: '' },
          ],
        },
        '/v1/responses',
      ),
    ];
    expect(others.map((one) => one.toolNames)).toEqual(['bash', 'bash', 'bash']);
    expect(others.every((one) => one.toolCalls !== null)).toBe(true);
  });

  it('let the same call pass when another was between, and tries after a failure', () => {
    const guard = createGuard(limits);
    for (let round = 0; round < 10; round++) {
      expect(guard.check(history(round % 2), `${round}`)).toBeNull();
      guard.ended(null);
    }
    const tries = createGuard({ ...limits, maxFailedCalls: 50 });
    for (let round = 0; round < 20; round++) {
      expect(tries.check(history(1), 'same')).toBeNull();
      tries.ended('503');
    }
  });

  it('stop nothing but failures, and too many calls a minute', () => {
    const guard = createGuard(limits);
    for (let round = 0; round < 3; round++) {
      expect(guard.check(history(1), 'same')).toBeNull();
      guard.ended('429: slow down');
    }
    expect(guard.check(history(1), 'same')).toContain(
      '3 calls to the model failed in a row, the last with: 429: slow down',
    );
    let now = 0;
    const clocked = createGuard({ ...limits, maxIdenticalCalls: 1000 }, () => now);
    for (let round = 0; round < 100; round++) expect(clocked.check(history(0), String(round))).toBeNull();
    expect(clocked.check(history(0), 'x')).toContain('more than 100 calls');
    now = 61_000;
    expect(clocked.check(history(0), 'y')).toBeNull();
  });

  it('are told to the agent as a refusal that it gives up on, and to the job', async () => {
    const { front, access } = await start({ account: { guards: { ...GUARDS, maxIdenticalCalls: 2 } } });
    const body = { model: 'm1', messages: [{ role: 'user', content: 'same' }] };
    expect((await ask(front, access, body)).status).toBe(200);
    expect((await ask(front, access, body)).status).toBe(403);
    expect(access.why()).toMatchObject({
      code: 'agent_failed',
      message: expect.stringContaining('same request 2 times'),
    });
  });
});
