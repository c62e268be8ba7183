/** Calls to providers: one request out, its answer as it comes. Nothing is retried: that is the agent's to decide. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { codeOf } from '../job/error.ts';

/** A request to a provider. */
export interface UpstreamRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
  readonly signal: AbortSignal;
}

/** Connections to providers, kept open between calls. */
export interface Upstream {
  /** Resolves with the answer's head; rejects when the provider can't be reached. */
  send(request: UpstreamRequest): Promise<IncomingMessage>;
  close(): void;
}

const MAX_SOCKETS = 256;
/** Headers that belong to one connection, to us, or that would carry the job's token or a wrong name outside. */
const OWN_HEADERS =
  /^(?:host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|expect|authorization|x-api-key|x-goog-api-key|api-key|cookie|accept-encoding|forwarded|via|x-forwarded-.*|x-real-ip)$/;
const OWN_ANSWER_HEADERS =
  /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|set-cookie|alt-svc)$/;

function only(headers: IncomingHttpHeaders, dropped: RegExp): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !dropped.test(name)) kept[name] = value;
  }
  return kept;
}

/** What of a client's headers goes out: not its token, nothing of the connection. */
export function outgoingHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  return only(headers, OWN_HEADERS);
}

/** What of an answer's headers goes back. */
export function answerHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  return only(headers, OWN_ANSWER_HEADERS);
}

/**
 * Makes the connections to providers.
 *
 * @param idleTimeoutMs longest silence of a provider, before its answer and within
 * @param proxyEnv `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, where there are any
 */
export function createUpstream(idleTimeoutMs: number, proxyEnv: Readonly<Record<string, string>>): Upstream {
  // Not imported, as in gateway.ts: every start would load all of undici.
  const [http, https] = [process.getBuiltinModule('node:http'), process.getBuiltinModule('node:https')];
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS, proxyEnv };
  const agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) };

  const once = (call: UpstreamRequest): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const isPlain = call.url.protocol === 'http:';
      const headers = { ...call.headers, 'accept-encoding': 'identity', 'content-length': call.body.length };
      const request = (isPlain ? http : https).request(call.url, {
        method: 'POST',
        headers,
        agent: isPlain ? agents['http:'] : agents['https:'],
        signal: call.signal,
      });
      request.setTimeout(idleTimeoutMs, () => {
        request.destroy(new Error(`the provider said nothing for ${Math.round(idleTimeoutMs / 1000)} s`));
      });
      request.once('response', resolve);
      request.once('error', (error) => {
        const code = codeOf(error);
        // A kept connection that the other side has closed meanwhile: nothing was read, so nothing was charged.
        if (request.reusedSocket && code === 'ECONNRESET' && !call.signal.aborted) resolve(once(call));
        else reject(error);
      });
      request.end(call.body);
    });

  return {
    send: once,
    close() {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}
