/** Calls of the HTTP API by the browser's own login; every refusal is one kind of error. */

/** A field that the server did not take, and what it takes. */
export interface FieldError {
  readonly field: string;
  readonly came: string;
  readonly allowed: string;
}

/** What the server refused, in its own words. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** 0 where the server was not reached. */
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  readonly fields: readonly FieldError[];
  /** After how many seconds it may be asked again; `null` where the server says nothing of it. */
  readonly againS: number | null;

  constructor(
    status: number,
    told: { code?: unknown; detail?: unknown; hint?: unknown; errors?: unknown },
    again: string | null = null,
  ) {
    super(typeof told.detail === 'string' ? told.detail : `the server answered ${status}`);
    this.status = status;
    this.code = typeof told.code === 'string' ? told.code : 'unknown';
    this.hint = typeof told.hint === 'string' ? told.hint : null;
    this.againS = again !== null && /^\d{1,4}$/.test(again) ? Number(again) : null;
    this.fields = Array.isArray(told.errors) ? (told.errors as FieldError[]) : [];
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(path, { credentials: 'same-origin', ...init }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Refusal(0, {
      code: 'unreachable',
      detail: 'the server does not answer',
      hint: 'it may have been stopped, or is starting again; this page goes on by itself',
    });
  });
  if (response.ok) return response;
  const told: unknown = await response.json().catch(() => ({}));
  throw new Refusal(
    response.status,
    typeof told === 'object' && told !== null ? told : {},
    response.headers.get('retry-after'),
  );
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

/** Logs in. @throws Refusal where it is no key */
export async function logIn(token: string): Promise<void> {
  const response = await fetch('/login', {
    method: 'POST',
    body: new URLSearchParams({ token }),
    redirect: 'manual',
    credentials: 'same-origin',
  });
  // The answer to a login is a redirect, which a page may not look into.
  if (response.type === 'opaqueredirect') return;
  const told: unknown = await response.json().catch(() => ({}));
  throw new Refusal(response.status, typeof told === 'object' && told !== null ? told : {});
}

/** Logs out. */
export async function logOut(): Promise<void> {
  await fetch('/logout', { method: 'POST', redirect: 'manual', credentials: 'same-origin' });
}
