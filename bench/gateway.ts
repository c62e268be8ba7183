/** The gateway beside a direct connection to the same scripted provider: each in a thread of its own, interleaved. */
import { Agent, createServer, request, type ServerResponse } from 'node:http';
import { createServer as createNetServer, type AddressInfo, type Server } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createGateway } from '../src/gateway/gateway.ts';
import { findModel, resolveProviders } from '../src/gateway/providers.ts';
import { createLedger } from '../src/gateway/spend/budget.ts';
import { createPriceBook } from '../src/gateway/spend/prices.ts';
import { machine, median } from './place.ts';

/** Calls one after the other of each way, and the milliseconds to the first token that the gateway may add. */
const CALLS = 300;
const MAX_ADDED_MS = 3;
/** Streams at a time, rounds of each way, and the throughput that the gateway must keep. */
const [STREAMS, ROUNDS, MIN_RATIO] = [50, 5, 0.95];
/** A stream as a mid-size model writes it: so many tokens, fifty a second. */
const [TOKENS, TOKEN_MS] = [100, 20];
/** Tokens of a stream that comes as fast as it can: what it costs when nothing waits. */
const FAST_TOKENS = 2000;

interface Role {
  readonly role: 'provider' | 'gateway';
  readonly upstream?: string;
}

const chunk = (at: number): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: ` token ${at}` } }] })}\n\n`;
const LAST = `data: ${JSON.stringify({ id: 'c', choices: [], usage: { prompt_tokens: 10, completion_tokens: TOKENS } })}\n\ndata: [DONE]\n\n`;

function answer(response: ServerResponse, tokens: number, tokenMs: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let at = 0;
  const write = (): void => {
    while (at < tokens) {
      const isFull = !response.write(chunk(at++));
      if (tokenMs > 0) return void setTimeout(write, tokenMs);
      if (isFull) return void response.once('drain', write);
    }
    response.end(LAST);
  };
  write();
}

function serveProvider(): Server {
  return createServer((incoming, response) => {
    let text = '';
    incoming.on('data', (piece: Buffer) => (text += piece.toString()));
    incoming.on('end', () => {
      const { tokens = 1, token_ms: tokenMs = 0 } = JSON.parse(text) as {
        tokens?: number;
        token_ms?: number;
      };
      answer(response, tokens, tokenMs);
    });
  });
}

function serveGateway(upstream: string): { readonly server: Server; readonly token: string } {
  const providers = resolveProviders({ bench: { base_url: upstream, key: 'sk-bench' } });
  const gateway = createGateway({ prices: createPriceBook({ 'bench/m': { input: 1, output: 1 } }) });
  const limits = { maxCostUsd: 1e6, maxTokens: null, maxCalls: null };
  const account = gateway.account({
    ledgers: [createLedger('job', limits, { costUsd: 0, tokens: 0, calls: 0 })],
    guards: { maxCallsPerMinute: 1e9, maxIdenticalCalls: 1e9, maxFailedCalls: 1e9 },
    allowUnpriced: false,
    calls: [],
    onCall: () => {},
  });
  const { token } = account.open(findModel(providers, 'bench/m', null), '');
  return { server: createNetServer((socket) => gateway.accept(socket)), token };
}

/** What runs in a thread: a server, and the message that says where it is. */
function serve({ role, upstream = '' }: Role): void {
  const { server, token } =
    role === 'provider' ? { server: serveProvider(), token: '' } : serveGateway(upstream);
  server.listen(0, '127.0.0.1', () => {
    parentPort?.postMessage({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token }, []);
  });
}

interface Way {
  readonly url: string;
  readonly token: string;
}

async function start(role: Role): Promise<Way & { readonly worker: Worker }> {
  const worker = new Worker(new URL(import.meta.url), { workerData: role });
  const way = await new Promise<Way>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { ...way, worker };
}

const agent = new Agent({ keepAlive: true, maxSockets: STREAMS });

/** One stream: milliseconds to its first bytes, and its bytes. */
function stream(
  way: Way,
  tokens: number,
  tokenMs: number,
): Promise<{ readonly firstMs: number; readonly bytes: number }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    let [firstMs, bytes] = [0, 0];
    const headers = { authorization: `Bearer ${way.token}`, 'content-type': 'application/json' };
    const sent = request(`${way.url}/v1/chat/completions`, { method: 'POST', headers, agent }, (got) => {
      got.on('data', (piece: Buffer) => {
        if (bytes === 0) firstMs = performance.now() - started;
        bytes += piece.length;
      });
      got.once('end', () => resolve({ firstMs, bytes }));
      got.once('error', reject);
    });
    sent.once('error', reject);
    // As clients do that want to know what they use: so both ways give the same bytes.
    const wish = { stream: true, stream_options: { include_usage: true } };
    sent.end(
      JSON.stringify({ model: 'm', ...wish, tokens, token_ms: tokenMs, n: Math.random(), messages: [] }),
    );
  });
}

/** Bytes a second of many streams at a time. */
async function throughput(way: Way, tokens: number, tokenMs: number): Promise<number> {
  const started = performance.now();
  const all = await Promise.all(Array.from({ length: STREAMS }, () => stream(way, tokens, tokenMs)));
  return all.reduce((sum, { bytes }) => sum + bytes, 0) / (performance.now() - started);
}

/** Median over rounds of how much of the direct throughput the gateway keeps. */
async function ratio(direct: Way, through: Way, tokens: number, tokenMs: number): Promise<number> {
  const ratios: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const [one, two] = [
      await throughput(direct, tokens, tokenMs),
      await throughput(through, tokens, tokenMs),
    ];
    if (round > 0) ratios.push(two / one);
  }
  return median(ratios);
}

/** Prints what the gateway adds to the first token, and what it keeps of the throughput. */
export async function benchGateway(): Promise<void> {
  const provider = await start({ role: 'provider' });
  const gateway = await start({ role: 'gateway', upstream: provider.url });
  const [direct, through]: [number[], number[]] = [[], []];
  for (let call = 0; call < CALLS + 20; call++) {
    const [one, two] = [await stream(provider, 1, 0), await stream(gateway, 1, 0)];
    if (call < 20) continue;
    direct.push(one.firstMs);
    through.push(two.firstMs);
  }
  const added = median(through) - median(direct);
  const paced = await ratio(provider, gateway, TOKENS, TOKEN_MS);
  const fast = await ratio(provider, gateway, FAST_TOKENS, 0);
  const isMet = added <= MAX_ADDED_MS && paced >= MIN_RATIO;
  console.log(machine());
  console.log(
    `first token: ${median(direct).toFixed(2)} ms direct, ${median(through).toFixed(2)} ms through the gateway; ${added.toFixed(2)} ms added (goal: at most ${MAX_ADDED_MS})`,
  );
  console.log(
    `${STREAMS} streams of ${TOKENS} tokens, one in ${TOKEN_MS} ms: ${(paced * 100).toFixed(1)} % of the direct throughput (goal: at least ${MIN_RATIO * 100} %)`,
  );
  console.log(
    `${STREAMS} streams of ${FAST_TOKENS} tokens without a pause: ${(fast * 100).toFixed(1)} % (no goal: both sides share the machine's cores)`,
  );
  await provider.worker.terminate();
  await gateway.worker.terminate();
  agent.destroy();
  if (!isMet) process.exitCode = 1;
}

if (!isMainThread) serve(workerData as Role);
