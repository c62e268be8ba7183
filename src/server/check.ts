/** What a request brings, checked by its endpoint's schemas: every error names the field, what came and what is allowed. */
import type { z } from 'zod';
import type { Endpoint, RequestBody } from './endpoint.ts';
import { Refused, shown, type FieldError } from './problem.ts';

/** Largest body, in bytes. */
export const MAX_BODY_BYTES: number = 1024 * 1024;
/** Most errors that one answer names. */
const MAX_ERRORS = 20;
/** Deepest nesting of a JSON body; more is no request of anybody's. */
const MAX_DEPTH = 50;

type Issue = z.core.$ZodIssue;

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  return at;
}

function allowedBy(issue: Issue): string {
  if (issue.code === 'invalid_type') return issue.expected;
  if (issue.code === 'invalid_value') return issue.values.map(String).join(', ');
  if (issue.code !== 'too_big' && issue.code !== 'too_small') return issue.message;
  const unit = issue.origin === 'string' ? ' characters' : '';
  return issue.code === 'too_big' ? `at most ${issue.maximum}${unit}` : `at least ${issue.minimum}${unit}`;
}

/** What came, but for what may be a secret, also under a name that is misspelt. */
function shownAt(value: unknown, path: readonly PropertyKey[]): string {
  const came = valueAt(value, path);
  return /token|secret|password/i.test(String(path.at(-1))) && came !== undefined ? typeof came : shown(came);
}

/** The errors of one part of a request. `within` names the part: empty for the body. */
function fieldErrors(
  issues: readonly Issue[],
  value: unknown,
  within: string,
  known: readonly string[],
): readonly FieldError[] {
  return issues.flatMap((issue): readonly FieldError[] => {
    const path = [...(within === '' ? [] : [within]), ...issue.path.map(String)];
    if (issue.code === 'unrecognized_keys') {
      const allowed = issue.path.length === 0 && known.length > 0 ? known.join(', ') : 'no such field';
      return issue.keys.map((key) => ({
        field: [...path, key].join('.').slice(0, 200).toWellFormed(),
        came: shownAt(value, [...issue.path, key]),
        allowed: `it is unknown; known are: ${allowed}`,
      }));
    }
    return [
      {
        field: path.join('.') || 'body',
        came: shownAt(value, issue.path),
        allowed: allowedBy(issue),
      },
    ];
  });
}

function knownFields(schema: z.ZodType): readonly string[] {
  return 'shape' in schema && typeof schema.shape === 'object' && schema.shape !== null
    ? Object.keys(schema.shape)
    : [];
}

/** One part of a request, as its schema makes it. @throws Refused 400 */
export function parsePart(
  schema: z.ZodType,
  value: unknown,
  within: '' | 'query' | 'path' | 'header',
): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = fieldErrors(parsed.error.issues, value, within, knownFields(schema)).slice(0, MAX_ERRORS);
  const [first] = errors;
  const detail =
    first === undefined
      ? 'the request is not valid'
      : `${first.field}: ${first.came} came, allowed: ${first.allowed}`;
  throw new Refused({ status: 400, code: 'invalid_request', detail, errors });
}

/** The query as an object; a name that comes twice is an error, for nobody could say which one counts. */
export function queryOf(url: URL): Readonly<Record<string, string>> {
  const found = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (found.has(name)) {
      const errors = [{ field: `query.${name.slice(0, 100)}`, came: 'two values', allowed: 'one' }];
      throw new Refused({
        status: 400,
        code: 'invalid_request',
        detail: `query.${name.slice(0, 100)}: it came twice`,
        errors,
      });
    }
    found.set(name, value);
  }
  return Object.fromEntries(found);
}

async function readBytes(request: Request, maxBytes: number): Promise<Buffer> {
  const tooLarge = new Refused({
    status: 413,
    code: 'too_large',
    detail: `the body is larger than ${maxBytes} bytes`,
    hint: 'put long material into a file of the repository and name it in the task',
    headers: { connection: 'close' },
  });
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge;
  if (request.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Refused({ status: 400, code: 'invalid_request', detail: 'the body is no UTF-8 text' });
  }
}

function depthOf(text: string): number {
  let [depth, deepest, quoted] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth--;
  }
  return deepest;
}

function parseJson(text: string): unknown {
  if (depthOf(text) > MAX_DEPTH)
    throw new Refused({
      status: 400,
      code: 'invalid_request',
      detail: `the body is nested deeper than ${MAX_DEPTH}`,
    });
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : '';
    throw new Refused({ status: 400, code: 'invalid_request', detail: `the body is no JSON: ${why}` });
  }
}

/** @throws Refused 415 unless a body is of the type that is asked for, and neither compressed nor of another charset */
function checkType(request: Request, { type: own, also }: RequestBody): void {
  const types: readonly string[] = also === undefined ? [own] : [own, also];
  const wanted = types.join(' or ');
  const [type = '', ...parameters] = (request.headers.get('content-type') ?? '').toLowerCase().split(';');
  const isWanted =
    types.includes(type.trim()) && parameters.every((one) => /^\s*(charset="?utf-8"?)?\s*$/.test(one));
  const coding = request.headers.get('content-encoding') ?? 'identity';
  if (isWanted && coding === 'identity') return;
  const came =
    coding === 'identity' ? shown(request.headers.get('content-type') ?? undefined) : shown(coding);
  throw new Refused({
    status: 415,
    code: 'unsupported_media_type',
    detail: `${coding === 'identity' ? 'content-type' : 'content-encoding'}: ${came} came, allowed: ${wanted}, not compressed`,
    headers: { accept: types.join(', ') },
  });
}

/** Whether a body says that it is of a type. */
function isOfType(request: Request, wanted: string): boolean {
  return (request.headers.get('content-type') ?? '').toLowerCase().split(';')[0]?.trim() === wanted;
}

/** A JSON body that its endpoint takes as bytes and has looked at, as its schema makes it. @throws Refused 400 */
export function parseSigned<T extends z.ZodType>(schema: T, bytes: Uint8Array): z.output<T> {
  return parsePart(schema, parseJson(textOf(bytes)), '') as z.output<T>;
}

/** A request's body, as its schema makes it. @throws Refused 400, 413, 415 */
export async function parseBody(endpoint: Endpoint, request: Request): Promise<unknown> {
  const { body } = endpoint;
  if (body === null) return undefined;
  const hasBody = request.body !== null && request.headers.get('content-length') !== '0';
  if (!hasBody && body.isOptional === true) return parsePart(body.schema, {}, '');
  checkType(request, body);
  if (body.rawBytes !== undefined) return readBytes(request, body.rawBytes);
  const text = textOf(await readBytes(request, MAX_BODY_BYTES));
  // What is JSON must be it; more than that is looked at where its place in the text is known.
  if (body.also !== undefined) {
    if (isOfType(request, body.type)) parseJson(text);
    return text;
  }
  if (text === '' && body.isOptional === true) return parsePart(body.schema, {}, '');
  const isForm = body.type === 'application/x-www-form-urlencoded';
  return parsePart(body.schema, isForm ? Object.fromEntries(new URLSearchParams(text)) : parseJson(text), '');
}
