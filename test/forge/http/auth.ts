/** Who asks: tokens in either header form, HTTP Basic for git, and an app's JWT; and whether they may. */
import { createPublicKey, verify } from 'node:crypto';
import { accountOf, atLeast, permissionsOf, roleOf, type Actor, type Core } from '../state/core.ts';
import type { App, Repository, Role } from '../state/model.ts';
import { badCredentials, needsLogin, notFound, Refusal } from './refusal.ts';
import type { Needs } from './route.ts';

// GitHub refuses JWTs that live longer, and allows a clock that is off by a minute.
const MAX_JWT_SECONDS = 600;
const DRIFT_SECONDS = 60;

function part(text: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Record<string, unknown>;
}

function appOf(core: Core, jwt: string): App {
  const [header = '', payload = '', signature = ''] = jwt.split('.');
  let claims: Record<string, unknown>;
  try {
    if (part(header)['alg'] !== 'RS256') throw badCredentials();
    claims = part(payload);
  } catch {
    throw new Refusal(401, 'A JSON web token could not be decoded');
  }
  const issuer = String(claims['iss']);
  const app = core.state.apps.find((one) => String(one.id) === issuer || one.clientId === issuer);
  if (app === undefined) throw new Refusal(401, 'Integration not found');
  const signed = Buffer.from(`${header}.${payload}`);
  if (!verify('RSA-SHA256', signed, createPublicKey(app.publicKey), Buffer.from(signature, 'base64url'))) {
    throw new Refusal(401, 'A JSON web token could not be decoded');
  }
  const seconds = core.clock() / 1000;
  const [issued, expires] = [Number(claims['iat']), Number(claims['exp'])];
  if (!(expires > seconds)) {
    throw new Refusal(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (!(issued <= seconds + DRIFT_SECONDS)) {
    throw new Refusal(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
  if (expires - issued > MAX_JWT_SECONDS + DRIFT_SECONDS) {
    throw new Refusal(401, "'Expiration time' claim ('exp') is too far in the future");
  }
  return app;
}

function actorOfToken(core: Core, text: string): Actor {
  const token = core.state.tokens.find((one) => one.token === text);
  if (token === undefined) throw badCredentials();
  if (token.expiresAtMs !== null && token.expiresAtMs <= core.clock()) throw badCredentials();
  return { kind: 'account', account: accountOf(core, token.login), token };
}

/**
 * Who sends this `Authorization` header.
 *
 * @throws {Refusal} 401 when it names nobody
 */
export function actorOf(core: Core, header: string | undefined): Actor {
  if (header === undefined || header === '') return { kind: 'anonymous' };
  const [scheme = '', value = ''] = header.split(/\s+/, 2);
  switch (scheme.toLowerCase()) {
    case 'basic': {
      const [name = '', ...rest] = Buffer.from(value, 'base64').toString('utf8').split(':');
      const password = rest.join(':');
      // A token may stand in either place; as the password, the name is a login or x-access-token.
      return actorOfToken(core, password === '' || password === 'x-oauth-basic' ? name : password);
    }
    case 'token':
    case 'bearer':
      if (value.split('.').length === 3) return { kind: 'app', appId: appOf(core, value).id };
      return actorOfToken(core, value);
    default:
      throw badCredentials();
  }
}

const RANK = { read: 1, write: 2, admin: 3 } as const;

/** Whether a limited token's permissions suffice; every token may read metadata. */
export function isPermitted(core: Core, actor: Actor, repository: Repository, needs: Needs): boolean {
  const has = permissionsOf(core, actor, repository);
  if (has === null) return true;
  return [needs.permission ?? (['metadata', 'read'] as const), needs.or].some((need) => {
    if (need === undefined) return false;
    const given = need[0] === 'metadata' ? 'read' : has[need[0]];
    return given !== undefined && RANK[given] >= RANK[need[1]];
  });
}

/**
 * The actor's role on the repository, if it may do what the route needs.
 *
 * @throws {Refusal} 401, 403 or 404, as GitHub does
 */
export function authorize(core: Core, actor: Actor, repository: Repository | undefined, needs: Needs): Role {
  const writes = needs.permission?.[1] === 'write';
  if (needs.who === 'app') {
    if (actor.kind !== 'app') throw new Refusal(401, 'A JSON web token could not be decoded');
    return 'none';
  }
  if (actor.kind === 'app') throw new Refusal(403, 'Resource not accessible by integration');
  if (actor.kind === 'anonymous' && (writes || needs.who === 'user')) throw needsLogin();
  if (repository === undefined) return 'none';
  const role = roleOf(core, actor, repository);
  if (role === 'none') throw notFound();
  if (!isPermitted(core, actor, repository, needs)) {
    const by =
      actor.kind === 'account' && actor.token.kind === 'installation'
        ? 'integration'
        : 'personal access token';
    throw new Refusal(403, `Resource not accessible by ${by}`);
  }
  if (writes && repository.archived) throw new Refusal(403, 'Repository was archived so is read-only.');
  // A classic token without its scope is a stranger's to writes.
  if (writes && actor.kind === 'account' && actor.token.kind === 'classic') {
    if (!actor.token.scopes.some((scope) => scope === 'repo' || scope === 'public_repo')) throw notFound();
  }
  if (!atLeast(role, needs.role ?? 'read')) {
    throw new Refusal(403, `Must have ${needs.role === 'admin' ? 'admin' : 'push'} access to Repository.`);
  }
  return role;
}
