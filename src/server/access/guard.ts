/** Who may come in: by key, by login, or by being on this machine; and which pages a browser may come from. */
import type { Store } from '../../store/store.ts';
import type { Principal } from '../endpoint.ts';
import { Refused } from '../problem.ts';
import { holderOf } from './keys.ts';
import type { Logins } from './login.ts';

/** What a request is known by. */
export interface Asking {
  readonly method: string;
  readonly headers: Headers;
}

/**
 * One way to know who sends a request: `null` where it carries nothing of this kind. Keys and logins are two; machine
 * accounts and people of an identity provider (OIDC) are to be others in this list, and nothing else changes for them.
 */
export type Authenticator = (asking: Asking) => Promise<Principal | null>;

/** Decides who sends a request. */
export interface Guard {
  /** @throws Refused 401, 403 or 421 */
  identify(asking: Asking): Promise<Principal>;
  /** Refuses what a page of somebody else made a browser send, for routes that ask for nothing else. @throws Refused */
  checkOrigin(asking: Asking): void;
}

/** Whether an address can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function hostName(host: string): string {
  return host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
}

/**
 * Without authentication only what names this machine is let in: a page whose name was pointed here (DNS rebinding)
 * names itself.
 */
function checkHost({ headers }: Asking, publicHost: string | null): void {
  const host = headers.get('host') ?? '';
  if (isLoopback(hostName(host)) || (publicHost !== null && host.toLowerCase() === publicHost)) return;
  throw new Refused({
    status: 421,
    code: 'wrong_host',
    detail: `host: ${JSON.stringify(host.slice(0, 200))} is not this server (allowed: localhost, 127.0.0.1, [::1])`,
    hint: 'set public_url where it is reached by another name',
  });
}

/**
 * A browser says where a request comes from; anything else that sends one says nothing, and is let through.
 *
 * @param publicHost a name that a proxy in front may have replaced in the request
 */
function checkSite({ method, headers }: Asking, publicHost: string | null): void {
  const [origin, site] = [headers.get('origin'), headers.get('sec-fetch-site')];
  const from = origin !== null && URL.canParse(origin) ? new URL(origin).host : null;
  const isOwn = origin === null || (from !== null && (from === headers.get('host') || from === publicHost));
  const isVisit = method === 'GET' && headers.get('sec-fetch-mode') === 'navigate';
  if (isOwn && (site === null || site === 'same-origin' || site === 'none' || isVisit)) return;
  throw new Refused({
    status: 403,
    code: 'wrong_origin',
    detail: `origin: a page of ${JSON.stringify((origin ?? site ?? '').slice(0, 200))} may not send this`,
    hint: 'send it from outside a browser, with a key',
  });
}

function byKey(store: Store): Authenticator {
  return async ({ headers }) => {
    const given = headers.get('authorization');
    if (given === null) return null;
    const secret = /^Bearer +(\S+)$/i.exec(given)?.[1];
    const holder = secret === undefined ? null : await holderOf(store, secret);
    if (holder !== null) return holder;
    throw new Refused({
      status: 401,
      code: 'unauthenticated',
      detail: 'authorization: this is no key, or it was revoked',
      hint: 'make one by `agent-runner keys create`',
      headers: { 'www-authenticate': 'Bearer realm="agent-runner", error="invalid_token"' },
    });
  };
}

function byLogin(logins: Logins, publicHost: string | null): Authenticator {
  return async (asking) => {
    const holder = await logins.holderOf(asking.headers.get('cookie'));
    // The browser adds the cookie by itself, whoever wrote the page.
    if (holder !== null) checkSite(asking, publicHost);
    return holder;
  };
}

/**
 * Makes the guard.
 *
 * @param options.auth `false` lets in whoever is on this machine; the server then listens on loopback alone
 * @param options.publicHost the name (with its port) that the server is reached by from outside
 */
export function createGuard(options: {
  readonly store: Store;
  readonly logins: Logins;
  readonly auth: boolean;
  readonly publicHost: string | null;
}): Guard {
  const { store, logins, auth, publicHost } = options;
  const ways: readonly Authenticator[] = [byKey(store), byLogin(logins, publicHost)];
  const checkOrigin = (asking: Asking): void => {
    if (!auth) checkHost(asking, publicHost);
    checkSite(asking, publicHost);
  };
  return {
    checkOrigin,
    async identify(asking) {
      if (!auth) {
        checkOrigin(asking);
        return { id: 'local', role: 'admin' };
      }
      for (const way of ways) {
        const known = await way(asking);
        if (known !== null) return known;
      }
      throw new Refused({
        status: 401,
        code: 'unauthenticated',
        detail: 'authorization: nothing came, and this takes a key',
        hint: 'send `Authorization: Bearer <key>`; make one by `agent-runner keys create`',
        headers: { 'www-authenticate': 'Bearer realm="agent-runner"' },
      });
    },
  };
}
