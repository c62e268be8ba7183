/** The routes as one application: every request goes the same way through guard, limit, role and checks to its endpoint. */
import { Hono, type Context } from 'hono';
import { mayAct } from '../job/access/access.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import type { Guard } from './access/guard.ts';
import { stayOf } from './access/stay.ts';
import type { RateLimit } from './access/limit.ts';
import type { Dashboard } from './dashboard/files.ts';
import { parseBody, parsePart, queryOf } from './check.ts';
import type { Endpoint, Principal } from './endpoint.ts';
import { problemResponse, Refused, responseOf } from './problem.ts';

/** What a request came with, from Node's HTTP server. */
export interface Connected {
  readonly address: string | null;
  readonly destroy: () => void;
}

/** What an application is made of. */
export interface AppOptions {
  readonly endpoints: readonly Endpoint[];
  readonly guard: Guard;
  readonly limit: RateLimit;
  /** For endpoints whose senders come in storms. */
  readonly storms: RateLimit;
  readonly store: Store;
  readonly log: Log;
  /** Answers where no endpoint does. */
  readonly dashboard: Dashboard | null;
  /** Called after every request. */
  readonly onDone: (route: string, status: number) => void;
}

type Bindings = { Bindings: Connected };

const ANYONE: Principal = { id: 'anyone', role: 'read' };

/** Headers of every response: what comes from here is data, and no page of somebody else may show it. */
const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};
/** Where a response brings no policy of its own. */
const POLICY = "default-src 'none'; frame-ancestors 'none'";

function withHeaders(response: Response): Response {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  if (!headers.has('content-security-policy')) headers.set('content-security-policy', POLICY);
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  return new Response(response.body, { status: response.status, headers });
}

async function principalOf(
  { guard, limit, storms }: AppOptions,
  endpoint: Endpoint,
  request: Request,
  address: string | null,
): Promise<Principal> {
  if (endpoint.role === null) {
    (endpoint.isStormy === true ? storms : limit).take(`anyone:${address ?? ''}`);
    guard.checkOrigin(request);
    return ANYONE;
  }
  const principal = await guard.identify(request).catch((error: unknown) => {
    // Who guesses keys is slowed down as well.
    limit.take(`anyone:${address ?? ''}`);
    throw error;
  });
  limit.take(principal.id);
  if (mayAct(principal.role, endpoint.role)) return principal;
  throw new Refused({
    status: 403,
    code: 'no_permission',
    detail: `role: this takes ${endpoint.role}, the key has ${principal.role}`,
  });
}

async function handle(options: AppOptions, endpoint: Endpoint, c: Context<Bindings>): Promise<Response> {
  const request = c.req.raw;
  const { address, destroy } = c.env;
  let target: string | null = null;
  let principal = ANYONE;
  const answer = async (): Promise<Response> => {
    principal = await principalOf(options, endpoint, request, address);
    const params = parsePart(endpoint.params, c.req.param(), 'path');
    const query = parsePart(endpoint.query, queryOf(new URL(request.url)), 'query');
    const body = await parseBody(endpoint, request);
    const about = (named: string): void => {
      target = named;
    };
    const sentBy = (id: string): void => {
      principal = { id, role: 'submit' };
    };
    const isStillIn = stayOf(options.guard, request, endpoint.role);
    const call = { params, query, body, principal, request, address, destroy, isStillIn, about, sentBy };
    return endpoint.handle(call);
  };
  const response = await answer().catch((error: unknown) =>
    responseOf(error, (thrown) =>
      options.log.error('request failed', { operation: endpoint.id, error: thrown }),
    ),
  );
  if (endpoint.method !== 'get' && principal !== ANYONE) {
    const { id: actor, role } = principal;
    const entry = { time: new Date().toISOString(), actor, role, action: endpoint.id, target, address };
    // What was done is done: that it could not be written down is no reason to tell the person otherwise.
    await options.store.addAudit({ ...entry, status: response.status }).catch((error: unknown) => {
      options.log.error('the audit could not be written', { ...entry, error });
    });
  }
  options.log.debug('request', {
    operation: endpoint.id,
    status: response.status,
    actor: principal.id,
    target,
  });
  options.onDone(endpoint.id, response.status);
  return response;
}

/**
 * What the dashboard shows where no endpoint answers: one of its files, or its page, to a browser that asks for one.
 * Nothing of it is anybody's secret, so nobody is asked for a key.
 */
async function pageOf(
  { dashboard, onDone }: Pick<AppOptions, 'dashboard' | 'onDone'>,
  request: Request,
): Promise<Response | null> {
  if (dashboard === null || (request.method !== 'GET' && request.method !== 'HEAD')) return null;
  const file = await dashboard.file(request);
  const isVisit = /\btext\/html\b/.test(request.headers.get('accept') ?? '');
  const isApi = /^\/(api|ws)\//.test(new URL(request.url).pathname);
  const shown = file ?? (isVisit && !isApi ? await dashboard.page(request) : null);
  if (shown !== null) onDone('dashboard', shown.status);
  return shown;
}

/** A path as the router writes it. */
function routeOf(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

/** Makes the application of all endpoints. */
export function createApp(options: AppOptions): Hono<Bindings> {
  const app = new Hono<Bindings>();
  const { endpoints, dashboard } = options;
  if (dashboard !== null) {
    // Endpoints stand at these paths too: for a server without a dashboard, and for logins by a link.
    for (const path of ['/', '/login']) {
      app.get(path, async (c, next) => {
        if (c.req.query('token') !== undefined) return next();
        options.onDone('dashboard', 200);
        return withHeaders(await dashboard.page(c.req.raw));
      });
    }
  }
  for (const endpoint of endpoints) {
    app.on(endpoint.method.toUpperCase(), routeOf(endpoint.path), async (c) =>
      withHeaders(await handle(options, endpoint, c)),
    );
  }
  const refuse = (refusal: Parameters<typeof problemResponse>[0]): Response => {
    options.onDone('none', refusal.status);
    return withHeaders(problemResponse(refusal));
  };
  for (const path of new Set(endpoints.map((endpoint) => endpoint.path))) {
    const methods = endpoints.filter((one) => one.path === path).map((one) => one.method.toUpperCase());
    const allow = (methods.includes('GET') ? ['HEAD', ...methods] : methods).join(', ');
    app.all(routeOf(path), (c) =>
      refuse({
        status: 405,
        code: 'method_not_allowed',
        detail: `method: ${c.req.method} came, allowed: ${allow}`,
        headers: { allow },
      }),
    );
  }
  app.notFound(async (c) => {
    const shown = await pageOf(options, c.req.raw);
    if (shown !== null) return withHeaders(shown);
    return refuse({
      status: 404,
      code: 'not_found',
      detail: `path: there is nothing at ${JSON.stringify(c.req.path.slice(0, 200))}`,
      hint: 'GET /openapi.json lists every path',
    });
  });
  app.onError((error) => {
    options.log.error('request failed', { error });
    return withHeaders(responseOf(error, () => {}));
  });
  return app;
}
