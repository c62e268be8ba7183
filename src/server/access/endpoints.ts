/** Logging browsers in and out. */
import { z } from 'zod';
import type { Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { Refused } from '../problem.ts';
import { holderOf } from './keys.ts';

function formOf(says: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>agent-runner</title>
<meta name="viewport" content="width=device-width">
<form method="post" action="/login">
${
  says === ''
    ? ''
    : `<p role="alert">${says}
`
}<p><label>Key <input name="token" type="password" autocomplete="current-password" required autofocus></label>
<button>Log in</button>
<p>An administrator makes one by <code>agent-runner keys create</code>.
</form>
</html>
`;
}

function formPage(status: number, says: string): Response {
  const policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
  return new Response(formOf(says), {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy },
  });
}

/** What a person in a browser gets for a key that is none: the page that asks for one, away from the address that held it. */
function askAgain(isBuilt: boolean): Response {
  if (isBuilt) return new Response(null, { status: 303, headers: { location: '/login?refused=key' } });
  return formPage(401, 'This is no key, or it was revoked.');
}

const token = z.string().min(1).max(200);

async function logIn(
  { runner, logins, dashboard }: Parts,
  secret: string,
  { headers }: Request,
): Promise<Response> {
  const holder = await holderOf(runner.store, secret);
  if (holder === null) {
    if (/\btext\/html\b/.test(headers.get('accept') ?? '')) return askAgain(dashboard !== null);
    throw new Refused({
      status: 401,
      code: 'unauthenticated',
      detail: 'token: this is no key, or it was revoked',
      hint: 'make one by `agent-runner keys create`',
      headers: { 'www-authenticate': 'Bearer realm="agent-runner"' },
    });
  }
  // Away from the address that holds the key, so that it stays in no history.
  return new Response(null, {
    status: 303,
    headers: { location: dashboard === null ? '/docs' : '/', 'set-cookie': logins.cookieFor(holder.id) },
  });
}

/** Endpoints by which a browser logs in and out. */
export function loginEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  const answers = {
    303: { description: 'Logged in, and sent on', headers: { location: 'Where to go on' } },
  };
  return [
    define({
      method: 'get',
      path: '/login',
      id: 'openLogin',
      tag: 'login',
      summary: 'Log a browser in, or ask it for a key',
      role: null,
      refuses: { 401: 'This is no key, or it was revoked' },
      query: z.strictObject({ token: token.optional() }),
      answers: {
        200: { description: 'A page that asks for a key', content: { 'text/html': { schema: z.string() } } },
        ...answers,
      },
      handle: async ({ query, request }) =>
        query.token === undefined ? formPage(200, '') : logIn(parts, query.token, request),
    }),
    define({
      method: 'post',
      path: '/login',
      id: 'logIn',
      tag: 'login',
      summary: 'Log a browser in by a key',
      role: null,
      refuses: { 401: 'This is no key, or it was revoked' },
      body: {
        type: 'application/x-www-form-urlencoded',
        schema: z.strictObject({ token }).meta({ id: 'Login' }),
        examples: { key: { token: `ar_0123456789ab_${'0'.repeat(43)}` } },
      },
      answers,
      handle: async ({ body, request }) => logIn(parts, body.token, request),
    }),
    define({
      method: 'post',
      path: '/logout',
      id: 'logOut',
      tag: 'login',
      summary: 'Forget the login of a browser',
      role: 'read',
      answers: { 303: { description: 'Logged out', headers: { location: 'Where to go on' } } },
      handle: async () =>
        new Response(null, {
          status: 303,
          headers: { location: '/login', 'set-cookie': parts.logins.noCookie },
        }),
    }),
  ];
}
