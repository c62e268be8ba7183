/** Calls of the HTTP API by the browser's own login; every refusal is one kind of error. */

import { forgetKept } from '../job/changes/kept.ts';
import { noteLogin } from './session.ts';

/** A field that the server did not take, and what it takes. */
export interface FieldError {
  readonly field: string;
  readonly came: string;
  readonly allowed: string;
  /** Where it stands in a text that was sent, counted from 1. */
  readonly line?: number;
  readonly column?: number;
}

/** What the server refused, in its own words. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** 0 where the server was not reached. */
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  readonly fields: readonly FieldError[];
  /** How long the server asks to be left alone, in milliseconds; `null` where it does not. */
  readonly waitMs: number | null;

  constructor(
    status: number,
    told: { code?: unknown; detail?: unknown; hint?: unknown; errors?: unknown },
    retryAfter: string | null = null,
  ) {
    super(typeof told.detail === 'string' ? told.detail : `the server answered ${status}`);
    this.status = status;
    this.code = typeof told.code === 'string' ? told.code : 'unknown';
    this.hint = typeof told.hint === 'string' ? told.hint : null;
    this.fields = Array.isArray(told.errors) ? (told.errors as FieldError[]) : [];
    this.waitMs = retryAfter !== null && /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) * 1000 : null;
  }
}

const UNREACHABLE = {
  code: 'unreachable',
  detail: 'the server does not answer',
  hint: 'it may have been stopped, or is starting again; this page goes on by itself',
};

/** Sends a request. @throws Refusal where nobody answers */
async function reach(path: string, init: RequestInit): Promise<Response> {
  return fetch(path, { credentials: 'same-origin', ...init }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Refusal(0, UNREACHABLE);
  });
}

async function refusalOf(response: Response): Promise<Refusal> {
  const told: unknown = await response.json().catch(() => ({}));
  return new Refusal(
    response.status,
    typeof told === 'object' && told !== null ? told : {},
    response.headers.get('retry-after'),
  );
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const response = await reach(path, init);
  if (response.ok) return response;
  if (response.status === 401) noteLogin(false);
  throw await refusalOf(response);
}

/** Reads JSON. @throws Refusal */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const init = signal === undefined ? {} : { signal };
  return (await (await send(path, init)).json()) as T;
}

/** Reads text. @throws Refusal */
export async function getText(path: string, signal?: AbortSignal): Promise<string> {
  const init = signal === undefined ? {} : { signal };
  return (await send(path, init)).text();
}

/** Text that no second try would make anew: what is sent twice under it is done once. */
export function onceKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

/** Asks for something. @param once sent twice under it, it is done once @throws Refusal */
export async function post<T>(path: string, body?: unknown, once?: string): Promise<T> {
  const response = await send(path, {
    method: 'POST',
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(once === undefined ? {} : { 'idempotency-key': once }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json()) as T;
}

/** Sends a text as it is. @throws Refusal */
export async function postText<T>(path: string, text: string, type: string): Promise<T> {
  const response = await send(path, { method: 'POST', headers: { 'content-type': type }, body: text });
  return (await response.json()) as T;
}

/** Has something forgotten. @throws Refusal */
export async function remove(path: string): Promise<void> {
  await send(path, { method: 'DELETE' });
}

/** Logs in. @throws Refusal where it is no key */
export async function logIn(token: string): Promise<void> {
  const response = await reach('/login', {
    method: 'POST',
    body: new URLSearchParams({ token }),
    redirect: 'manual',
  });
  // The answer to a login is a redirect, which a page may not look into.
  if (response.type !== 'opaqueredirect') throw await refusalOf(response);
  noteLogin(true);
}

/** Forgets what is being written in this browser: whoever comes next may be somebody else. */
export function forgetWriting(): void {
  sessionStorage.clear();
  forgetKept(localStorage);
}

/** Logs out, and forgets what was being written. @throws Refusal where the server was not reached: the login still holds */
export async function logOut(): Promise<void> {
  const response = await reach('/logout', { method: 'POST', redirect: 'manual' });
  // A login that holds no more was refused, and is as good as ended.
  if (response.type !== 'opaqueredirect' && response.status !== 401) throw await refusalOf(response);
  forgetWriting();
}
