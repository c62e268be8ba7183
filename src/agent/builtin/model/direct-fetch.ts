/**
 * The SDK's way to the gateway: `fetch` over connections of our own. The global one may lead through a proxy of the
 * environment (`NODE_USE_ENV_PROXY`), and what is meant for our own loopback, token included, must not.
 */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Statuses whose answers have no body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

function toResponse(answer: IncomingMessage): Response {
  const status = answer.statusCode ?? 502;
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers))
    for (const one of [value ?? []].flat()) headers.append(name, one);
  if (BODILESS.has(status)) {
    answer.resume();
    return new Response(null, { status, headers });
  }
  const body = Readable.toWeb(answer) as ReadableStream<Uint8Array>;
  return new Response(body, { status, headers });
}

/** Makes a `fetch` for plain HTTP without any proxy; its connections are kept open between calls. */
export function createDirectFetch(): typeof fetch {
  const agent = new Agent({ keepAlive: true });
  return async (input, init) => {
    // One form of everything that may be given; nothing is sent by this.
    const asked = new Request(input, init);
    const body = asked.body === null ? null : Buffer.from(await asked.arrayBuffer());
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const sent = httpRequest(asked.url, {
      method: asked.method,
      headers: {
        ...Object.fromEntries(asked.headers),
        ...(body === null ? {} : { 'content-length': body.length }),
      },
      agent,
      signal: asked.signal,
    });
    sent.once('response', (answer) => resolve(toResponse(answer)));
    // An abort comes as an error, too, also after the answer has begun.
    sent.on('error', reject);
    sent.end(body);
    return promise;
  };
}
