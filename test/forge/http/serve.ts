/** One request from its arrival to its answer: log, faults, who asks, what for, and the answer's headers. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { findRepository, hasAppeared, type Actor, type Core } from '../state/core.ts';
import type { Repository } from '../state/model.ts';
import { actorOf, authorize } from './auth.ts';
import type { Contract } from './contract.ts';
import type { FaultRule, Faults } from './faults.ts';
import { creationWaitSeconds } from './loads.ts';
import { cutPage } from './pages.ts';
import { rateHeaders, type Rates } from './rates.ts';
import { notFound, Refusal, refusalBody } from './refusal.ts';
import type { Answer, createRouter, Json, Route } from './route.ts';

const MAX_BODY_BYTES = 8 * 1024 * 1024;
const DEFAULT_RETRY_AFTER_SECONDS = 60;

/** One request as the log has it. */
export interface Logged {
  readonly atMs: number;
  /** `GIT` for the requests of git clients. */
  readonly method: string;
  readonly path: string;
  /** GitHub's template of the path; `null`: there is no such route. */
  template: string | null;
  login: string | null;
  readonly body: string;
  /** `null`: the connection broke before there was one. */
  status: number | null;
  fault: FaultRule['kind'] | null;
}

export interface Desk {
  readonly core: Core;
  readonly faults: Faults;
  readonly rates: Rates;
  readonly contract: Contract;
  readonly log: Logged[];
  /** Content that one login may make within a minute. */
  readonly creationsPerMinute: number;
  readonly find: ReturnType<typeof createRouter>;
  /** Keeps the state, where it is to outlive this process; before anybody is told of a change. */
  readonly save: () => void;
  /** Waits that a closing forge ends. */
  readonly closing: AbortSignal;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_BODY_BYTES) throw new Refusal(413, 'Payload Too Large');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string): Json {
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'Problems parsing JSON');
  }
  // Lists of labels may come bare.
  if (Array.isArray(value)) return { labels: value };
  if (typeof value !== 'object' || value === null) throw new Refusal(400, 'Body should be a JSON object');
  return value as Json;
}

function whoOf(actor: Actor): string {
  return actor.kind === 'account' ? actor.token.token : actor.kind;
}

/** The answer that a fault gives instead of the real one, or `null` where the real one comes. */
export function faultAnswer(core: Core, fault: FaultRule): Refusal | null {
  const after: Record<string, string> =
    fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
  switch (fault.kind) {
    case 'bad_gateway':
      return new Refusal(502, 'Server Error');
    case 'server_error':
      return new Refusal(500, 'Server Error');
    case 'secondary_limit':
      return new Refusal(
        403,
        'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
        null,
        {
          'retry-after': String(fault.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS),
        },
      );
    case 'primary_limit':
      return new Refusal(403, 'API rate limit exceeded for user ID 1.', null, {
        'x-ratelimit-limit': '5000',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-used': '5000',
        'x-ratelimit-reset': String(
          Math.ceil(core.clock() / 1000) + (fault.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS),
        ),
        'x-ratelimit-resource': 'core',
      });
    case 'too_many_requests':
      return new Refusal(429, 'You have exceeded a secondary rate limit.', null, after);
    case 'unprocessable':
      return new Refusal(422, 'Validation Failed', [{ resource: 'Fault', field: 'fault', code: 'invalid' }]);
    case 'lost_answer':
    case 'lost_request':
    case 'slow':
      return null;
  }
}

/** Waits as a slow fault wants; a forge that closes doesn't wait on. */
export async function beSlow(desk: Desk, fault: FaultRule | null): Promise<void> {
  if (fault?.kind !== 'slow') return;
  await sleep(fault.delayMs ?? 1000, undefined, { signal: desk.closing }).catch(() => undefined);
}

async function decide(
  desk: Desk,
  request: IncomingMessage,
  url: URL,
  logged: Logged,
  text: string,
): Promise<{ answer: Answer; actor: Actor }> {
  const { core } = desk;
  const actor = actorOf(core, request.headers.authorization);
  if (actor.kind === 'account') logged.login = actor.account.login;
  if (!request.headers['user-agent']) {
    throw new Refusal(
      403,
      'Request forbidden by administrative rules. Please make sure your request has a User-Agent header.',
    );
  }
  const found = desk.find(request.method ?? 'GET', logged.path);
  if (found === null || found === 'other_method') throw notFound();
  logged.template = found.route.template;
  const retryAfterSeconds = creationWaitSeconds(desk.log, logged, desk.creationsPerMinute);
  const limited =
    retryAfterSeconds === 0 ? null : faultAnswer(core, { kind: 'secondary_limit', retryAfterSeconds });
  if (limited !== null) throw limited;
  const answer = await answerRoute(desk, found.route, found.params, actor, request, url, text);
  return { answer: cutPage(answer, url), actor };
}

async function answerRoute(
  desk: Desk,
  route: Route,
  params: Readonly<Record<string, string>>,
  actor: Actor,
  request: IncomingMessage,
  url: URL,
  text: string,
): Promise<Answer> {
  const { core } = desk;
  const { owner, repo } = params;
  let repository: Repository | undefined;
  if (owner !== undefined && repo !== undefined) {
    repository = findRepository(core, owner, repo);
    if (repository === undefined || !hasAppeared(core, repository.appears.repository)) throw notFound();
  }
  const role = authorize(core, actor, repository, route.needs);
  const login = actor.kind === 'account' ? actor.account.login : '';
  // A getter, so that a route without a repository that asks for one is told so.
  return route.handler({
    core,
    actor,
    params,
    query: url.searchParams,
    body: parseBody(text),
    headers: request.headers,
    get repository() {
      if (repository === undefined) throw new Error(`${route.template} names no repository`);
      return repository;
    },
    role,
    rate: desk.rates.look(whoOf(actor)),
    login,
  });
}

/** Answers one request of the API; `path` begins after the place where the API lies. */
export async function serveApi(
  desk: Desk,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  path: string,
): Promise<void> {
  const { core } = desk;
  const method = request.method ?? 'GET';
  let text = '';
  let tooLarge: Refusal | null = null;
  try {
    text = await readBody(request);
  } catch (error) {
    if (!(error instanceof Refusal)) return;
    tooLarge = error;
  }
  const logged: Logged = {
    atMs: core.clock(),
    method,
    path,
    template: null,
    login: null,
    body: text,
    status: null,
    fault: null,
  };
  desk.log.push(logged);
  const fault = desk.faults.next(method, path);
  logged.fault = fault?.kind ?? null;
  await beSlow(desk, fault);
  if (fault?.kind === 'lost_request') {
    response.destroy();
    return;
  }
  let answer: Answer;
  let actor: Actor = { kind: 'anonymous' };
  try {
    const refusal = tooLarge ?? (fault === null ? null : faultAnswer(core, fault));
    if (refusal !== null) throw refusal;
    ({ answer, actor } = await decide(desk, request, url, logged, text));
  } catch (error) {
    if (!(error instanceof Refusal)) {
      desk.contract.breach(
        `${method} ${path}: the forge itself failed: ${String(error instanceof Error ? error.stack : error)}`,
      );
    }
    const refusal = error instanceof Refusal ? error : new Refusal(500, 'Server Error');
    answer = { status: refusal.status, body: refusalBody(refusal), headers: refusal.headers };
  }
  logged.status = answer.status;
  if (method !== 'GET') desk.save();
  if (fault?.kind === 'lost_answer') {
    response.destroy();
    return;
  }
  send(desk, request, response, logged, answer, actor);
}

function bodyText(body: unknown): string {
  if (body === undefined) return '';
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function send(
  desk: Desk,
  request: IncomingMessage,
  response: ServerResponse,
  logged: Logged,
  answer: Answer,
  actor: Actor,
): void {
  const isText = typeof answer.body === 'string';
  const body = bodyText(answer.body);
  const etag = `W/"${createHash('sha256').update(body).digest('hex')}"`;
  const unchanged =
    logged.method === 'GET' && answer.status === 200 && request.headers['if-none-match'] === etag;
  // Answers that say "unchanged" cost nothing.
  const rate = unchanged ? desk.rates.look(whoOf(actor)) : desk.rates.count(whoOf(actor));
  const headers: Record<string, string> = {
    ...(body === ''
      ? {}
      : { 'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8' }),
    'x-github-request-id': randomBytes(8).toString('hex').toUpperCase(),
    'x-github-media-type': 'github.v3; format=json',
    ...rateHeaders(rate),
    ...(actor.kind === 'account' && actor.token.kind === 'classic'
      ? { 'x-oauth-scopes': actor.token.scopes.join(', ') }
      : {}),
    ...(logged.method === 'GET' && answer.status === 200 ? { etag } : {}),
    ...answer.headers,
  };
  if (rate.remaining < 0) {
    const refusal = new Refusal(403, 'API rate limit exceeded');
    logged.status = 403;
    response
      .writeHead(403, { ...headers, 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(refusalBody(refusal)));
    return;
  }
  const status = unchanged ? 304 : answer.status;
  logged.status = status;
  // GraphQL has a description of its own.
  if (logged.template !== null && logged.template !== '/graphql') {
    desk.contract.keep({
      method: logged.method,
      template: logged.template,
      status: answer.status,
      request: logged.body,
      answer: body,
    });
  }
  response.writeHead(status, headers).end(unchanged || logged.method === 'HEAD' ? '' : body);
}
