/** One call through the gateway: who asks, may it run, where to, what comes back, what it cost. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Cancelled } from '../job/error.ts';
import { budgetError, guardError, type Grant } from './account.ts';
import {
  errorText,
  keyHeader,
  readAsked,
  refusalOf,
  routeOf,
  upstreamUrl,
  type Asked,
  type Refusal,
  type Route,
} from './dialects.ts';
import { fieldsOf, parseJson } from '../job/text/json.ts';
import { createMeter } from './meter/meter.ts';
import { BudgetSpent, type Amount, type Hold, type Till } from './spend/budget.ts';
import { account, mostOf, type Call, type Course } from './spend/charge.ts';
import { answerHeaders, outgoingHeaders, type Upstream } from './upstream.ts';

/** What the server works with. */
export interface Service {
  readonly grants: ReadonlyMap<string, Grant>;
  readonly upstream: Upstream;
  readonly till: Till;
}

/** Largest request, that of the strictest provider; and requests of one token at a time, which bounds what is held of them. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_RUNNING = 64;
/** Requests of one job that are held at a time: its agent may open as many connections as it likes. */
const MAX_HELD_BYTES = 128 * 1024 * 1024;
/** Largest error of a provider that is read, to take our key out of it. */
const MAX_ERROR_BYTES = 1024 * 1024;
const ANTHROPIC_VERSION = '2023-06-01';

function refuse(response: ServerResponse, route: Route | null, kind: Refusal, message: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, body } = refusalOf(route?.dialect ?? null, kind, message);
  // The SDKs of OpenAI and Anthropic obey this header.
  const again = kind === 'unreachable' || kind === 'busy';
  const wait = kind === 'busy' ? { 'retry-after': '1' } : {};
  const headers = { 'content-type': 'application/json', 'x-should-retry': String(again), ...wait };
  response.writeHead(status, headers);
  response.end(body);
}

function tokenOf({ headers }: IncomingMessage, query: URLSearchParams): string {
  const bearer = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const own = [headers['x-api-key'], headers['x-goog-api-key'], headers['api-key'], query.get('key')];
  return bearer ?? own.find((one) => typeof one === 'string')?.toString() ?? '';
}

/** Reads a request's body, which then counts as held; `null` where it, or all of its job's together, are too large. */
async function readBody(request: IncomingMessage, grant: Grant): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      grant.held.bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES || grant.held.bytes > MAX_HELD_BYTES) {
        grant.held.bytes -= bytes;
        return null;
      }
      chunks.push(chunk);
    }
  } catch {
    grant.held.bytes -= bytes;
    return Buffer.alloc(0);
  }
  return Buffer.concat(chunks);
}

/** The body as it goes out: byte for byte, but for a model's prefix and the wish for usage in a stream. */
function outgoingBody(body: Buffer, parsed: unknown, asked: Asked, model: string): Buffer {
  const fields = fieldsOf(parsed) ?? {};
  const options = fieldsOf(fields['stream_options']);
  const renames = 'model' in fields && fields['model'] !== model;
  if (renames || (asked.wantsUsage && 'stream_options' in fields)) {
    const usage = asked.wantsUsage ? { stream_options: { ...options, include_usage: true } } : {};
    return Buffer.from(JSON.stringify({ ...fields, ...(renames ? { model } : {}), ...usage }));
  }
  if (!asked.wantsUsage) return body;
  const brace = body.indexOf('{');
  const wish = Buffer.from('"stream_options":{"include_usage":true},');
  return Buffer.concat([body.subarray(0, brace + 1), wish, body.subarray(brace + 1)]);
}

/** Passes a provider's error on, without our key in it. */
async function passError(
  answer: IncomingMessage,
  response: ServerResponse,
  key: string | null,
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_ERROR_BYTES) chunks.push(chunk);
  }
  const raw = Buffer.concat(chunks);
  const text = raw.toString('utf8');
  const leaks = key !== null && key !== '' && text.includes(key);
  const body = leaks ? Buffer.from(text.replaceAll(key, '***')) : raw;
  response.writeHead(answer.statusCode ?? 502, {
    ...answerHeaders(answer.headers),
    'content-length': body.length,
  });
  response.end(body);
  const said = errorText(parseJson(body.toString('utf8'))) ?? body.toString('utf8').slice(0, 200);
  return `${answer.statusCode ?? 502}: ${said}`;
}

/** Passes an answer on as it comes, and counts it. Resolves when it has ended on one side. */
async function passAnswer(
  call: Call,
  answer: IncomingMessage,
  response: ServerResponse,
  course: Course,
): Promise<void> {
  const { asked, route } = call;
  const isStream = /^text\/event-stream\b/i.test(answer.headers['content-type'] ?? '');
  const hides = isStream && asked.wantsUsage;
  const meter = createMeter(route.dialect, isStream, hides);
  const headers = answerHeaders(answer.headers);
  if (hides) delete headers['content-length'];
  response.writeHead(answer.statusCode ?? 502, headers);
  response.flushHeaders();
  const { promise, resolve } = Promise.withResolvers<void>();
  answer.on('data', (chunk: Buffer) => {
    course.firstByteAt ??= performance.now();
    let isFull = false;
    for (const piece of meter.push(chunk)) isFull = !response.write(piece) || isFull;
    if (isFull && !response.destroyed) {
      answer.pause();
      response.once('drain', () => answer.resume());
    }
  });
  answer.once('end', () => {
    for (const piece of meter.end()) response.write(piece);
    response.end();
    resolve();
  });
  const cutOff = (): void => {
    if (!answer.complete || !response.writableEnded) course.aborted = true;
    if (!answer.complete && !response.destroyed) course.error = 'the provider cut its answer off';
    answer.destroy();
    if (!response.writableEnded) response.destroy();
    resolve();
  };
  answer.once('error', cutOff);
  answer.once('close', cutOff);
  response.once('close', cutOff);
  await promise;
  course.metered = meter.result();
}

/** Sends a call out and its answer back. Never rejects. */
async function run(
  service: Service,
  call: Call,
  headers: IncomingMessage['headers'],
  url: URL,
  response: ServerResponse,
): Promise<Course> {
  const { grant, route, body } = call;
  const { provider } = grant.ref;
  const course: Course = { status: null, firstByteAt: null, aborted: false, error: null, metered: null };
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  response.once('close', leave);
  grant.closed.addEventListener('abort', leave, { once: true });
  try {
    const answer = await service.upstream.send({
      url: upstreamUrl(provider, route, url.searchParams),
      headers: {
        ...(route.dialect === 'anthropic' ? { 'anthropic-version': ANTHROPIC_VERSION } : {}),
        ...outgoingHeaders(headers),
        ...keyHeader(provider, route.dialect),
      },
      body,
      signal: gone.signal,
    });
    course.status = answer.statusCode ?? null;
    if ((answer.statusCode ?? 502) >= 400) course.error = await passError(answer, response, provider.key);
    else await passAnswer(call, answer, response, course);
  } catch (error) {
    course.aborted = gone.signal.aborted;
    const why = error instanceof Error ? error.message : String(error);
    course.error = course.aborted ? null : `${provider.name} can't be reached: ${why}`;
    refuse(response, route, 'unreachable', course.error ?? 'the call was cut off');
  } finally {
    response.off('close', leave);
    grant.closed.removeEventListener('abort', leave);
  }
  return course;
}

/** The list of models: the one of the job, in a form that clients of every dialect understand. */
function list(response: ServerResponse, { ref }: Grant): void {
  const { model, provider } = ref;
  const entry = {
    id: model,
    object: 'model',
    created: 0,
    owned_by: provider.name,
    type: 'model',
    display_name: model,
  };
  const gemini = {
    name: `models/${model}`,
    displayName: model,
    supportedGenerationMethods: ['generateContent'],
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ object: 'list', data: [entry], has_more: false, models: [gemini] }));
}

/** Reserves what a call can cost, or says why it may not run. */
async function admit(service: Service, call: Call, response: ServerResponse): Promise<Hold | null> {
  const { grant, route, asked, price, body } = call;
  const { ledgers, allowUnpriced } = grant.options;
  const hash = createHash('sha256').update(route.path).update(body).digest('base64');
  const loop = grant.guard.check(asked, hash);
  const capped = ledgers.find((ledger) => ledger.limits.maxCostUsd !== null);
  if (loop !== null) grant.stop(guardError(loop));
  else if (price === null && capped !== undefined && !allowUnpriced) {
    const name = `${grant.ref.provider.name}/${call.model}`;
    grant.stop(
      budgetError(
        `max_cost_usd: nobody knows the price of ${name}, so ${capped.limits.maxCostUsd ?? 0} dollars can't be kept; set prices, or allow_unpriced`,
      ),
    );
  }
  const why = grant.refused();
  if (why !== null) {
    refuse(
      response,
      route,
      why.code === 'budget_exceeded' ? 'budget' : 'guard',
      `agent-runner: ${why.message}`,
    );
    return null;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    return await service.till.reserve(ledgers, mostOf(call), AbortSignal.any([gone.signal, grant.closed]));
  } catch (error) {
    if (error instanceof BudgetSpent) {
      grant.stop(budgetError(error.message));
      refuse(response, route, 'budget', `agent-runner: ${error.message}`);
    } else if (!(error instanceof Cancelled)) throw error;
    else response.destroy();
    return null;
  }
}

/** The model a request means: the agent may write it with its provider in front, as the user does. */
function plainModel(asked: string, { ref }: Grant): string {
  const prefix = `${ref.provider.name}/`;
  return asked === `${prefix}${ref.model}` || asked.startsWith(`${prefix}${prefix}`)
    ? asked.slice(prefix.length)
    : asked;
}

/** A request and where its answer goes. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly startedAt: number;
}

/** Reads a request, sends it out if it may go, and counts it. */
async function answer(service: Service, grant: Grant, route: Route, exchange: Exchange): Promise<void> {
  const body = await readBody(exchange.request, grant);
  if (body === null) {
    const words = `agent-runner: more than ${MAX_BODY_BYTES} bytes, or ${MAX_HELD_BYTES} in all requests that run`;
    return refuse(exchange.response, route, 'too_large', words);
  }
  try {
    await answerBody(service, grant, route, exchange, body);
  } finally {
    grant.held.bytes -= body.length;
  }
}

async function answerBody(
  service: Service,
  grant: Grant,
  route: Route,
  { request, response, url, startedAt }: Exchange,
  body: Buffer,
): Promise<void> {
  const parsed = parseJson(body.toString('utf8'));
  const asked = readAsked(route, parsed);
  if (asked === null) {
    const words = 'agent-runner: the body is no JSON object that names a model';
    return refuse(response, route, 'invalid', words);
  }
  const model = plainModel(asked.model, grant);
  const price = grant.prices.priceOf(grant.ref.provider.name, model);
  const outgoing = outgoingBody(body, parsed, asked, model);
  const call = { grant, route, asked, model, price, startedAt, body: outgoing };
  if (route.kind === 'count') {
    await run(service, call, request.headers, url, response);
    return;
  }
  const hold = await admit(service, call, response);
  if (hold === null) return;
  let spent: Amount = { pico: 0, tokens: 0 };
  try {
    const { usage, amount } = account(call, await run(service, call, request.headers, url, response));
    spent = amount;
    grant.count(usage);
  } finally {
    hold.settle(spent);
  }
}

/** Answers one request. Never rejects. */
export async function serve(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedAt = performance.now();
  const url = new URL(request.url ?? '/', 'http://gateway');
  const route = routeOf(request.method ?? '', url.pathname);
  const grant = service.grants.get(tokenOf(request, url.searchParams));
  if (grant === undefined)
    return refuse(
      response,
      route,
      'authentication',
      'agent-runner: the token of the job is missing, wrong or no longer valid',
    );
  if (route === null)
    return refuse(
      response,
      route,
      'not_found',
      `agent-runner: ${request.method ?? ''} ${url.pathname.slice(0, 200)} is not offered`,
    );
  if (route.kind === 'list') return list(response, grant);
  const { provider } = grant.ref;
  if (!provider.dialects.includes(route.dialect)) {
    const words = `agent-runner: ${provider.name} does not speak ${route.dialect} (it speaks ${provider.dialects.join(', ')})`;
    return refuse(response, route, 'invalid', words);
  }
  if (grant.running() >= MAX_RUNNING) {
    const words = `agent-runner: more than ${MAX_RUNNING} calls at a time`;
    return refuse(response, route, 'busy', words);
  }
  grant.begun(route.kind === 'generate');
  try {
    await answer(service, grant, route, { request, response, url, startedAt });
  } finally {
    grant.ended();
  }
}
