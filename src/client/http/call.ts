/** Calls of the HTTP API, typed by the generated table: errors as `JobError`, answers bounded, reads tried again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ERROR_CODES, JobError, type ErrorCode } from '../../job/error.ts';
import { parseJson, parseObject } from '../../job/text/json.ts';
import { OPERATIONS, type Operations } from '../generated/operations.ts';

/** Where a server is, and who asks. */
export interface Place {
  /** Without a slash at its end. */
  readonly url: string;
  /** A key made by `agent-runner keys create`; `null` for a server that asks nobody. */
  readonly token: string | null;
}

type Id = keyof Operations;
/** What a call is given: the parts that its operation has. */
export type CallInput<K extends Id> = Partial<Pick<Operations[K], 'path' | 'query' | 'header'>> & {
  readonly body?: Operations[K]['body'];
  readonly signal?: AbortSignal;
};

/** How long an answer may take to begin and to come, in milliseconds: a redelivery waits for its receiver. */
const ANSWER_TIMEOUT_MS = 60_000;
/** Largest answer that is read; a diff is at most 64 MiB. */
const MAX_ANSWER_BYTES = 80 * 1024 * 1024;
/** Tries of a call that may be repeated, the pause before the second (it doubles), and the longest, in milliseconds. */
const TRIES = 4;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;
/** Longest part of what is no problem document that is shown, in characters. */
const MAX_SHOWN_CHARS = 200;
/** Longest words of a problem document that are. */
const MAX_DETAIL_CHARS = 4000;

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'no_permission',
  403: 'no_permission',
  404: 'not_found',
  409: 'conflict',
  429: 'infra_failed',
};

/** Words of a server as one harmless line: they end up on terminals. */
function plainText(text: string, maxChars: number): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .slice(0, maxChars)
    .toWellFormed();
}

function isCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}

/** Reads a body up to a limit. @throws JobError `infra_failed` where there is more */
async function readBody(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > maxBytes) throw new JobError('infra_failed', `answer: more than ${maxBytes} bytes came`);
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

/** The error that a refusal is: the server's own words where it sent a problem document. */
export async function errorOf(response: Response): Promise<JobError> {
  const { status } = response;
  const text = await readBody(response, 1024 * 1024).catch(() => '');
  // Not every proxy speaks JSON.
  const { code, detail, hint } = parseObject(text) ?? {};
  const known = CODE_OF_STATUS[status] ?? (status < 500 ? 'invalid_request' : 'infra_failed');
  const said =
    typeof detail === 'string' ? plainText(detail, MAX_DETAIL_CHARS) : plainText(text, MAX_SHOWN_CHARS);
  return new JobError(
    isCode(code) ? code : known,
    `server: ${status}: ${said}`,
    typeof hint === 'string' ? { hint: plainText(hint, MAX_DETAIL_CHARS) } : {},
  );
}

/** Why no answer came, in words. */
export function unreachable({ url }: Place, error: unknown): JobError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new JobError('infra_failed', `url: ${url} gives no answer: ${why}`, {
    hint: 'start a server there by `agent-runner up`, or name another by --url or AGENT_RUNNER_URL',
    cause: error,
  });
}

/** The URL of an operation with its parameters. */
export function urlOf(
  { url }: Place,
  path: string,
  inPath: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string | number | undefined>>,
): URL {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(inPath[name] ?? ''));
  const made = new URL(url + filled);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) made.searchParams.set(name, String(value));
  return made;
}

/** Headers that every request has. A redirect is refused, so that the key goes nowhere else. */
export function headersOf({ token }: Place, more: Readonly<Record<string, string>>): Record<string, string> {
  return { ...more, ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
}

/** The pause that a refused server asks for, else ours, in milliseconds. */
export function pauseMs(response: Response | null, tries: number): number {
  const asked = Number(response?.headers.get('retry-after') ?? Number.NaN) * 1000;
  const own = FIRST_PAUSE_MS * 2 ** (tries - 1) * (0.75 + Math.random() / 2);
  return Math.min(MAX_PAUSE_MS, Number.isFinite(asked) ? Math.max(asked, FIRST_PAUSE_MS) : own);
}

interface Sent {
  readonly url: URL;
  readonly init: RequestInit;
  readonly isRepeatable: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Sends a request, again where nothing answers or the server asks for a pause, and that may be. */
async function send(place: Place, { url, init, isRepeatable, signal }: Sent): Promise<string> {
  for (let tries = 1; ; tries++) {
    let refused: Response | null = null;
    const bound = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    try {
      const both = signal === undefined ? bound : AbortSignal.any([signal, bound]);
      const response = await fetch(url, { ...init, signal: both });
      if (response.ok) return await readBody(response, MAX_ANSWER_BYTES);
      if (response.status !== 429 && response.status !== 503) throw await errorOf(response);
      if (!isRepeatable || tries >= TRIES) throw await errorOf(response);
      refused = response;
      await response.body?.cancel();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof JobError) throw error;
      if (!isRepeatable || tries >= TRIES) throw unreachable(place, error);
    }
    await sleep(pauseMs(refused, tries), undefined, signal === undefined ? {} : { signal });
  }
}

/**
 * Calls an operation.
 *
 * Reads are tried four times within some seconds; what changes something only where the caller says that twice is once.
 *
 * @throws JobError with the server's words, or `infra_failed` where nothing answers
 */
export async function call<K extends Id>(
  place: Place,
  id: K,
  input: CallInput<K> = {},
  isRepeatable: boolean = OPERATIONS[id].method === 'GET',
): Promise<Operations[K]['answer']> {
  const { method, path, accepts } = OPERATIONS[id];
  const { path: inPath, query, header, body, signal } = input;
  const headers = headersOf(place, {
    accept: accepts,
    ...(body == null ? {} : { 'content-type': 'application/json' }),
    ...header,
  });
  const init: RequestInit = { method, headers, redirect: 'error' };
  const text = await send(place, {
    url: urlOf(place, path, inPath ?? {}, query ?? {}),
    init: body == null ? init : { ...init, body: JSON.stringify(body) },
    isRepeatable,
    signal,
  });
  if (accepts !== 'application/json') return text;
  const parsed = parseJson(text);
  if (typeof parsed === 'object' && parsed !== null) return parsed as Operations[K]['answer'];
  const shown = JSON.stringify(text.slice(0, MAX_SHOWN_CHARS));
  throw new JobError('infra_failed', `server: ${shown} came instead of JSON; is it agent-runner?`);
}
