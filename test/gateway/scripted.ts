/** A provider that answers from a script, over real sockets; and a gateway in front of it, on a port of its own. */
import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createNetServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account, AccountOptions } from '../../src/gateway/account.ts';
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts';
import {
  findModel,
  resolveProviders,
  type ModelRef,
  type ProviderSettings,
} from '../../src/gateway/providers.ts';
import { createLedger, type Limits } from '../../src/gateway/spend/budget.ts';
import { createPriceBook, type Price } from '../../src/gateway/spend/prices.ts';
import { MODEL_DIALECTS, type ModelCall, type ModelDialect } from '../../src/job/model/call.ts';

/** A request as the provider got it. */
export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export type Script = (seen: Seen, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

export interface Provided {
  readonly url: string;
  readonly seen: Seen[];
  script: Script;
  close(): Promise<void>;
}

export const REAL_KEY = 'sk-real-0123456789abcdef';

export async function startProvider(script: Script): Promise<Provided> {
  const seen: Seen[] = [];
  const take = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = '';
    for await (const chunk of incoming) text += String(chunk);
    const one: Seen = {
      path: incoming.url ?? '',
      headers: incoming.headers,
      text,
      body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
    };
    seen.push(one);
    await provided.script(one, response, incoming);
  };
  const server = createServer((incoming, response) => {
    take(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const provided: Provided = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    script,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return provided;
}

/** Answers with JSON. */
export function json(
  response: ServerResponse,
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** Answers with a stream, in the pieces given. */
export async function stream(
  response: ServerResponse,
  pieces: readonly (string | Buffer)[],
  waitMs = 0,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'req-7' });
  for (const piece of pieces) {
    response.write(piece);
    if (waitMs > 0) await sleep(waitMs);
  }
  response.end();
}

export interface Front {
  readonly gateway: Gateway;
  readonly account: Account;
  readonly calls: ModelCall[];
  readonly ref: ModelRef;
  /** Where the gateway listens, without a path. */
  readonly url: string;
  close(): Promise<void>;
}

export interface FrontOptions {
  readonly model?: string;
  readonly limits?: Partial<Limits>;
  readonly prices?: Readonly<Record<string, Price>>;
  readonly provider?: ProviderSettings;
  readonly account?: Partial<AccountOptions>;
}

export const PRICE: Price = { input: 2, output: 10, cache_read: 0.2, cache_write: 2.5, max_output: 1000 };
export const GUARDS = { maxCallsPerMinute: 10_000, maxIdenticalCalls: 1000, maxFailedCalls: 1000 };

/** A gateway whose one provider `test` speaks every dialect at `baseUrl`, and a job's account in it. */
export async function startGateway(baseUrl: string, options: FrontOptions = {}): Promise<Front> {
  const providers = resolveProviders({
    test: { base_url: baseUrl, key: REAL_KEY, dialects: MODEL_DIALECTS, ...options.provider },
  });
  const prices = createPriceBook(options.prices ?? { 'test/m1': PRICE });
  const gateway = createGateway({ prices });
  const door = createNetServer((socket) => gateway.accept(socket));
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const calls: ModelCall[] = [];
  const limits: Limits = { maxCostUsd: null, maxTokens: null, maxCalls: null, ...options.limits };
  const account = gateway.account({
    ledgers: [createLedger('job', limits, { costUsd: 0, tokens: 0, calls: 0 })],
    guards: GUARDS,
    allowUnpriced: false,
    calls: [],
    onCall: (call) => calls.push(call),
    ...options.account,
  });
  return {
    gateway,
    account,
    calls,
    ref: findModel(providers, options.model ?? 'test/m1', null),
    url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
    async close() {
      await gateway.close();
      await new Promise((resolve) => door.close(resolve));
    },
  };
}

/** How a dialect is spoken: paths, requests and answers of one small conversation. */
export interface Speech {
  readonly dialect: ModelDialect;
  path(stream: boolean): string;
  body(stream: boolean): Readonly<Record<string, unknown>>;
  readonly answer: unknown;
  readonly events: readonly string[];
  /** Tokens that `answer` and `events` tell: read fresh, from the cache, written to it; written. */
  readonly tokens: {
    readonly in: number;
    readonly read: number;
    readonly write: number;
    readonly out: number;
    readonly reasoning: number;
  };
  /** Dollars at `PRICE`. */
  readonly costUsd: number;
}

const sse = (data: unknown, event?: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;

const chatUsage = {
  prompt_tokens: 100,
  completion_tokens: 20,
  total_tokens: 120,
  prompt_tokens_details: { cached_tokens: 40 },
  completion_tokens_details: { reasoning_tokens: 5 },
};
const responsesUsage = {
  input_tokens: 100,
  output_tokens: 20,
  input_tokens_details: { cached_tokens: 40 },
  output_tokens_details: { reasoning_tokens: 5 },
};
const anthropicInput = { input_tokens: 50, cache_read_input_tokens: 40, cache_creation_input_tokens: 10 };
const geminiUsage = {
  promptTokenCount: 100,
  cachedContentTokenCount: 40,
  candidatesTokenCount: 15,
  thoughtsTokenCount: 5,
  totalTokenCount: 120,
};
const WORDS = 'Grüße, „Welt“ 🌍';
const cached = { in: 100, read: 40, write: 0, out: 20, reasoning: 5 };
// 60 fresh · 2 + 40 cached · 0.2 + 20 written · 10, a million each.
const CACHED_USD = 328 / 1e6;

export const SPEECHES: readonly Speech[] = [
  {
    dialect: 'openai-chat',
    path: () => '/v1/chat/completions',
    body: (stream) => ({ model: 'm1', stream, messages: [{ role: 'user', content: WORDS }] }),
    answer: {
      id: 'c1',
      choices: [{ index: 0, message: { role: 'assistant', content: WORDS } }],
      usage: chatUsage,
    },
    events: [
      sse({ id: 'c1', choices: [{ index: 0, delta: { role: 'assistant', content: 'Grüße' } }], usage: null }),
      sse({ id: 'c1', choices: [{ index: 0, delta: { content: WORDS } }], usage: null }),
      sse({ id: 'c1', choices: [], usage: chatUsage }),
      sse('[DONE]'),
    ],
    tokens: cached,
    costUsd: CACHED_USD,
  },
  {
    dialect: 'openai-responses',
    path: () => '/v1/responses',
    body: (stream) => ({ model: 'm1', stream, input: [{ role: 'user', content: WORDS }] }),
    answer: { id: 'r1', object: 'response', output: [], usage: responsesUsage },
    events: [
      sse({ type: 'response.created', response: { id: 'r1', usage: null } }, 'response.created'),
      sse({ type: 'response.output_text.delta', delta: WORDS }, 'response.output_text.delta'),
      sse(
        { type: 'response.completed', response: { id: 'r1', usage: responsesUsage } },
        'response.completed',
      ),
    ],
    tokens: cached,
    costUsd: CACHED_USD,
  },
  {
    dialect: 'anthropic',
    path: () => '/v1/messages',
    body: (stream) => ({ model: 'm1', stream, max_tokens: 50, messages: [{ role: 'user', content: WORDS }] }),
    answer: {
      id: 'm',
      type: 'message',
      content: [{ type: 'text', text: WORDS }],
      usage: { ...anthropicInput, output_tokens: 20 },
    },
    events: [
      sse(
        { type: 'message_start', message: { id: 'm', usage: { ...anthropicInput, output_tokens: 1 } } },
        'message_start',
      ),
      sse({ type: 'ping' }, 'ping'),
      sse(
        { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: WORDS } },
        'content_block_delta',
      ),
      sse(
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 20 } },
        'message_delta',
      ),
      sse({ type: 'message_stop' }, 'message_stop'),
    ],
    tokens: { in: 100, read: 40, write: 10, out: 20, reasoning: 0 },
    // 50 · 2 + 40 · 0.2 + 10 · 2.5 + 20 · 10
    costUsd: 333 / 1e6,
  },
  {
    dialect: 'gemini',
    path: (stream) => `/v1beta/models/m1:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: () => ({ contents: [{ role: 'user', parts: [{ text: WORDS }] }] }),
    answer: { candidates: [{ content: { parts: [{ text: WORDS }] } }], usageMetadata: geminiUsage },
    events: [
      sse({
        candidates: [{ content: { parts: [{ text: WORDS }] } }],
        usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 3 },
      }),
      sse({
        candidates: [{ content: { parts: [{ text: '!' }] }, finishReason: 'STOP' }],
        usageMetadata: geminiUsage,
      }),
    ],
    tokens: cached,
    costUsd: CACHED_USD,
  },
];

/** How each dialect's clients say who they are. */
export function tokenHeaders(dialect: ModelDialect, token: string): Record<string, string> {
  if (dialect === 'anthropic') return { 'x-api-key': token };
  if (dialect === 'gemini') return { 'x-goog-api-key': token };
  return { authorization: `Bearer ${token}` };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: unknown;
}

/** Posts JSON and reads the whole answer. */
export function post(url: string, headers: Record<string, string>, body: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.once('error', reject);
        answer.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          let parsed: unknown;
          try {
            parsed = JSON.parse(text);
          } catch {
            parsed = undefined;
          }
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, body: parsed });
        });
      },
    );
    sent.once('error', reject);
    sent.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}
