/** The wire formats: which path means what, how the key is carried, how an error is worded, what a request asks. */
import { createHash } from 'node:crypto';
import type { ModelDialect } from '../job/model/call.ts';
import { at, countAt, fieldsOf, listAt, textAt } from '../job/text/json.ts';
import type { Provider } from './providers.ts';

/** What a request is for. `generate` is metered; `count` and `list` cost nothing. */
export interface Route {
  readonly dialect: ModelDialect;
  readonly kind: 'generate' | 'count' | 'list';
  /** Path at the provider, below its base URL. */
  readonly path: string;
  /** Named by the path, where the dialect does so. */
  readonly model: string | null;
  readonly stream: boolean;
}

const GEMINI =
  /^\/(v1(?:beta|alpha)?)\/(?:tunedM|m)odels\/([^/:]+):(generateContent|streamGenerateContent|countTokens)$/;

/** Finds what a path means; `null` for what the gateway does not offer. */
export function routeOf(method: string, path: string): Route | null {
  const plain = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  if (method === 'GET') {
    const list = /^(?:\/(v1(?:beta)?))?\/models$/.exec(plain);
    if (list === null) return null;
    const dialect = list[1] === 'v1beta' ? 'gemini' : 'openai-chat';
    return { dialect, kind: 'list', path: '/models', model: null, stream: false };
  }
  if (method !== 'POST') return null;
  const shared = { model: null, stream: false } as const;
  switch (plain.replace(/^(?:\/v1)+(?=\/)/, '')) {
    case '/chat/completions':
      return { dialect: 'openai-chat', kind: 'generate', path: '/chat/completions', ...shared };
    case '/responses':
      return { dialect: 'openai-responses', kind: 'generate', path: '/responses', ...shared };
    case '/messages':
      return { dialect: 'anthropic', kind: 'generate', path: '/v1/messages', ...shared };
    case '/messages/count_tokens':
      return { dialect: 'anthropic', kind: 'count', path: '/v1/messages/count_tokens', ...shared };
  }
  const gemini = GEMINI.exec(plain);
  if (gemini === null) return null;
  const [, , model = '', verb] = gemini;
  const kind = verb === 'countTokens' ? 'count' : 'generate';
  return { dialect: 'gemini', kind, path: plain, model, stream: verb === 'streamGenerateContent' };
}

/** Where a route lies at a provider. */
export function upstreamUrl(provider: Provider, route: Route, query: URLSearchParams): URL {
  const base =
    route.dialect === 'anthropic' || route.dialect === 'gemini'
      ? provider.baseUrl.replace(/\/v1(?:beta|alpha)?$/, '')
      : provider.baseUrl;
  const url = new URL(`${base}${route.path}`);
  for (const [name, value] of query) if (name !== 'key') url.searchParams.append(name, value);
  return url;
}

/** The header that carries a provider's key. */
export function keyHeader(provider: Provider, dialect: ModelDialect): Readonly<Record<string, string>> {
  if (provider.key === null) return {};
  if (dialect === 'anthropic' && !provider.bearer) return { 'x-api-key': provider.key };
  if (dialect === 'gemini' && !provider.bearer) return { 'x-goog-api-key': provider.key };
  return { authorization: `Bearer ${provider.key}` };
}

/** Why the gateway itself refuses a call. */
export type Refusal =
  | 'authentication'
  | 'invalid'
  | 'not_found'
  | 'budget'
  | 'guard'
  | 'unreachable'
  | 'too_large'
  | 'busy';

/**
 * Statuses that SDKs do not try again (they do so on 408, 409, 429 and from 500 on); an unreachable provider
 * and too many calls at a time are worth another try.
 */
const STATUS: Readonly<Record<Refusal, number>> = {
  authentication: 401,
  invalid: 400,
  not_found: 404,
  budget: 402,
  guard: 403,
  unreachable: 502,
  too_large: 413,
  busy: 429,
};
const OPENAI_TYPE: Readonly<Record<Refusal, string>> = {
  authentication: 'authentication_error',
  invalid: 'invalid_request_error',
  not_found: 'not_found_error',
  budget: 'billing_error',
  guard: 'permission_error',
  unreachable: 'api_connection_error',
  too_large: 'request_too_large',
  busy: 'rate_limit_error',
};
const GOOGLE_STATUS: Readonly<Record<Refusal, string>> = {
  authentication: 'UNAUTHENTICATED',
  invalid: 'INVALID_ARGUMENT',
  not_found: 'NOT_FOUND',
  budget: 'FAILED_PRECONDITION',
  guard: 'PERMISSION_DENIED',
  unreachable: 'UNAVAILABLE',
  too_large: 'INVALID_ARGUMENT',
  busy: 'RESOURCE_EXHAUSTED',
};

/** An error in the words of a dialect, so that its clients understand it. */
export function refusalOf(
  dialect: ModelDialect | null,
  kind: Refusal,
  message: string,
): { readonly status: number; readonly body: string } {
  const status = STATUS[kind];
  const type = OPENAI_TYPE[kind];
  const body =
    dialect === 'gemini'
      ? { error: { code: status, message, status: GOOGLE_STATUS[kind] } }
      : dialect === 'anthropic'
        ? { type: 'error', error: { type, message } }
        : { error: { message, type, param: null, code: kind === 'budget' ? 'budget_exceeded' : type } };
  return { status, body: JSON.stringify(body) };
}

/** What a provider's error says, in any of the forms in use; `null` where it says nothing. */
export function errorText(body: unknown): string | null {
  const first: unknown = Array.isArray(body) ? body[0] : body;
  return textAt(first, 'error', 'message') ?? textAt(first, 'error') ?? textAt(first, 'message');
}

/** What the gateway needs to know of a request's body. */
export interface Asked {
  readonly model: string;
  readonly stream: boolean;
  /** Most tokens the answer may have; `null` where the request does not say. */
  readonly maxOutput: number | null;
  /** Fingerprint of the tool calls the model made last, `null` where the last turn had none. */
  readonly toolCalls: string | null;
  /** Their names, for people. */
  readonly toolNames: string;
  /** Whether a stream will say its usage only if it is told to. */
  readonly wantsUsage: boolean;
}

interface ToolCall {
  readonly name: string;
  readonly input: unknown;
}

function chatCalls(body: unknown): readonly ToolCall[] {
  const last = listAt(body, 'messages').findLast((one) => textAt(one, 'role') === 'assistant');
  return listAt(last, 'tool_calls').map((one) => ({
    name: textAt(one, 'function', 'name') ?? textAt(one, 'custom', 'name') ?? '',
    input: at(one, 'function', 'arguments') ?? at(one, 'custom', 'input'),
  }));
}

function anthropicCalls(body: unknown): readonly ToolCall[] {
  const last = listAt(body, 'messages').findLast((one) => textAt(one, 'role') === 'assistant');
  return listAt(last, 'content')
    .filter((one) => textAt(one, 'type') === 'tool_use')
    .map((one) => ({ name: textAt(one, 'name') ?? '', input: at(one, 'input') }));
}

function geminiCalls(body: unknown): readonly ToolCall[] {
  const last = listAt(body, 'contents').findLast((one) => textAt(one, 'role') === 'model');
  return listAt(last, 'parts')
    .filter((one) => at(one, 'functionCall') !== undefined)
    .map((one) => ({
      name: textAt(one, 'functionCall', 'name') ?? '',
      input: at(one, 'functionCall', 'args'),
    }));
}

/** The calls between the last outputs and what came before them. */
function responsesCalls(body: unknown): readonly ToolCall[] {
  const items = listAt(body, 'input').toReversed();
  const typeOf = (one: unknown): string => textAt(one, 'type') ?? 'message';
  const start = items.findIndex((one) => !typeOf(one).endsWith('_output'));
  if (start < 1) return [];
  const rest = items.slice(start);
  const end = rest.findIndex((one) => !/_call$|^reasoning$/.test(typeOf(one)));
  return rest
    .slice(0, end < 0 ? rest.length : end)
    .filter((one) => typeOf(one).endsWith('_call'))
    .map((one) => ({
      name: textAt(one, 'name') ?? typeOf(one),
      input: at(one, 'arguments') ?? at(one, 'input') ?? at(one, 'action'),
    }));
}

const CALLS: Readonly<Record<ModelDialect, (body: unknown) => readonly ToolCall[]>> = {
  'openai-chat': chatCalls,
  'openai-responses': responsesCalls,
  anthropic: anthropicCalls,
  gemini: geminiCalls,
};

/** Reads a request of `generate`; `null` when it is no JSON object or names no model. */
export function readAsked(route: Route, body: unknown): Asked | null {
  if (fieldsOf(body) === null) return null;
  const model = route.model ?? textAt(body, 'model');
  if (model === null || model === '' || model.length > 300) return null;
  const stream = route.dialect === 'gemini' ? route.stream : at(body, 'stream') === true;
  const calls = CALLS[route.dialect](body);
  const fingerprint = createHash('sha256').update(JSON.stringify(calls)).digest('base64');
  return {
    model,
    stream,
    maxOutput:
      countAt(body, 'max_completion_tokens') ??
      countAt(body, 'max_output_tokens') ??
      countAt(body, 'max_tokens') ??
      countAt(body, 'generationConfig', 'maxOutputTokens'),
    toolCalls: calls.length === 0 ? null : fingerprint,
    toolNames: [...new Set(calls.map((one) => one.name))].join(', ').slice(0, 100),
    wantsUsage:
      route.dialect === 'openai-chat' && stream && at(body, 'stream_options', 'include_usage') !== true,
  };
}
