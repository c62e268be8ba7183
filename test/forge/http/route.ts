/** Routes by GitHub's own path templates, and what a handler gets and gives. */
import type { Actor, Core } from '../state/core.ts';
import type { Repository, Role } from '../state/model.ts';
import type { Rate } from './rates.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface Call {
  readonly core: Core;
  readonly actor: Actor;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Json;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The one that the path names; using it on a route without one is a mistake of the route. */
  readonly repository: Repository;
  readonly role: Role;
  /** The actor's rate limit as it stands. */
  readonly rate: Rate;
  /** Login of the actor; such calls need one. */
  readonly login: string;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** All items of a list; the page that was asked for is cut out, with its links. */
  readonly list?: readonly unknown[];
  /** Where the items are, in an answer that wraps them with a total. */
  readonly wrap?: string;
}

export interface Needs {
  /** `none`: everybody may; `user`: somebody must; `app`: only with an app's own JWT. */
  readonly who?: 'none' | 'user' | 'app';
  /** What a limited token needs. */
  readonly permission?: readonly [name: string, level: 'read' | 'write'];
  /** Another permission that does as well. */
  readonly or?: readonly [name: string, level: 'read' | 'write'];
  /** What an account needs on the repository; `read` unless told. */
  readonly role?: Role;
}

export type Handler = (call: Call) => Answer | Promise<Answer>;

export interface Route {
  readonly method: string;
  readonly template: string;
  readonly needs: Needs;
  readonly handler: Handler;
}

/** Declares one route: `'GET /repos/{owner}/{repo}'`. */
export function route(name: string, needs: Needs, handler: Handler): Route {
  const [method = '', template = ''] = name.split(' ');
  return { method, template, needs, handler };
}

// Names of parameters that may hold slashes.
const WIDE = new Set(['ref', 'path', 'branch', 'basehead', 'name']);

interface Compiled {
  readonly route: Route;
  readonly pattern: RegExp;
  readonly names: readonly string[];
}

/** What a path leads to: its route and parameters; `'other_method'`: the path is there, with other methods. */
export type Found =
  | { readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | 'other_method'
  | null;

/** Orders routes so that literal parts win over parameters, and finds the one of a request. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Found {
  const compiled = routes
    .map((one): Compiled => {
      const names: string[] = [];
      const source = one.template.replace(/\{(\w+)\}/g, (_, name: string) => {
        names.push(name);
        return WIDE.has(name) ? '(.+)' : '([^/]+)';
      });
      return { route: one, pattern: new RegExp(`^${source}/?$`), names };
    })
    .toSorted((a, b) => literal(b.route.template) - literal(a.route.template));
  return (method, path) => {
    let seen = false;
    for (const { route: one, pattern, names } of compiled) {
      const match = pattern.exec(path);
      if (match === null) continue;
      seen = true;
      if (one.method !== method) continue;
      const params = Object.fromEntries(names.map((name, at) => [name, decode(match[at + 1] ?? '')]));
      return { route: one, params };
    }
    return seen ? 'other_method' : null;
  };
}

function literal(template: string): number {
  return template.split('/').filter((part) => !part.includes('{')).length * 10 - template.split('{').length;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A field of a body that should be text; `''` where it isn't. */
export function textOf(body: Json, field: string): string {
  const value = body[field];
  return typeof value === 'string' ? value : '';
}
