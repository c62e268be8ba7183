/** One try: a POST to a checked destination, over a connection of its own, with nothing followed and nothing kept. */
import type { IncomingMessage, RequestOptions } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { Address, Destination, Destinations } from './destination.ts';
import type { Answer } from './schedule.ts';

/** Longest try, from the resolution of the name to the end of the answer. */
export const SEND_TIMEOUT_MS = 15_000;
/** Bytes of an answer that are read, and thrown away, so that a small one ends in good order. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_WHY_CHARS = 500;

/** What is sent. */
export interface Message {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a message once; never rejects. */
export type Send = (url: string, message: Message) => Promise<Answer>;

/** A resolver that knows only what was checked, so that no second resolution can say something else. */
function lookupOf(addresses: readonly Address[]): LookupFunction {
  return (_host, options, done) => {
    if (options.all === true) {
      done(null, [...addresses]);
      return;
    }
    const [first] = addresses;
    if (first === undefined) done(new Error('no address'), '');
    else done(null, first.address, first.family);
  };
}

/** Reads an answer's body away, up to a bound. Its status is known already, so how it ends doesn't matter. */
async function discard(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // The status has come.
  }
  response.destroy();
}

async function post(
  destination: Extract<Destination, { ok: true }>,
  message: Message,
  signal: AbortSignal,
  late: Promise<never>,
): Promise<Answer> {
  const { url, host, addresses } = destination;
  const options: RequestOptions = {
    method: 'POST',
    host,
    port: url.port === '' ? undefined : Number(url.port),
    path: `${url.pathname}${url.search}`,
    headers: {
      ...message.headers,
      host: url.host,
      'user-agent': 'agent-runner',
      'content-length': Buffer.byteLength(message.body),
    },
    lookup: lookupOf(addresses),
    // A connection of its own: a pool's might lead to an address that was checked under other rules.
    agent: false,
    signal,
  };
  const answered = Promise.withResolvers<IncomingMessage>();
  // Not imported: an import reads every export, `WebSocket` among them, which loads all of undici at every start.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  const sent = request(options, answered.resolve);
  // Listened to until the end: an error after the answer has come must not be an uncaught one.
  sent.on('error', answered.reject);
  // Node closes a connection whose other side switches protocols, and calls that neither an answer nor an error.
  sent.on('close', () => answered.reject(new Error('the connection was closed without an answer')));
  sent.end(message.body);
  const response = await Promise.race([answered.promise, late]);
  await Promise.race([discard(response), late.catch(() => {})]);
  const retryAfter = response.headers['retry-after'] ?? null;
  return { kind: 'answered', httpStatus: response.statusCode ?? 0, retryAfter };
}

function whyOf(error: unknown, timeoutMs: number, isLate: boolean): string {
  if (isLate) return `no answer within ${timeoutMs / 1000} s`;
  // Node tries every address and then says nothing but how many errors there were.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return (first instanceof Error ? first.message : String(first)).slice(0, MAX_WHY_CHARS);
}

/** Sends messages to checked destinations. */
export function createSender(destinations: Destinations, timeoutMs: number = SEND_TIMEOUT_MS): Send {
  return async (url, message) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('late')), { once: true });
    });
    late.catch(() => {});
    try {
      // A resolution can't be cancelled, only left behind.
      const destination = await Promise.race([destinations.resolve(url), late]);
      if (!destination.ok) return { kind: 'refused', why: `not sent: ${destination.why}` };
      return await post(destination, message, signal, late);
    } catch (error) {
      return { kind: 'unreachable', why: whyOf(error, timeoutMs, signal.aborted) };
    }
  };
}
