/** What a route is: one object that is routed, checked, documented and tested from. */
import type { z } from 'zod';
import type { Role } from '../job/access/access.ts';

/** Who sends a request. */
export interface Principal {
  /** The key's id; `local` where the server runs without authentication, `anyone` where none is asked for. */
  readonly id: string;
  readonly role: Role;
  /** What the key's holder is called, as whoever made it wrote; absent where there is no key. */
  readonly name?: string;
}

/** A request whose parts were checked. */
export interface Call<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly principal: Principal;
  readonly request: Request;
  /** Where the request came from; `null` where nobody knows. */
  readonly address: string | null;
  /** Ends the connection at once, without a farewell. */
  readonly destroy: () => void;
  /** Whether whoever sent it would still be let in: for answers that go on for long. */
  readonly isStillIn: () => Promise<boolean>;
  /** Names what the request was about, for the audit. */
  readonly about: (target: string) => void;
  /** Names who sent it, where the endpoint itself finds that out; the audit then holds it. */
  readonly sentBy: (name: string) => void;
}

/** What may be answered. */
export interface Answer {
  readonly description: string;
  /** By media type; none is an empty body. */
  readonly content?: Readonly<Record<string, { readonly schema: z.ZodType; readonly example?: unknown }>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One operation of the API. */
export interface Endpoint {
  readonly method: 'get' | 'post' | 'delete';
  /** With parameters in braces: `/api/jobs/{job_id}`. */
  readonly path: string;
  /** Its name in the document, in the audit and in generated clients. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** What takes it; `null` is nothing at all. */
  readonly role: Role | null;
  /** Its senders come in storms and never again: a limit of its own, ten times as wide, for each address. */
  readonly isStormy?: boolean;
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  /** Headers that it reads, with what they are for. */
  readonly headers: Readonly<Record<string, string>>;
  /** `null`: there is no body, and one that comes is not read. */
  readonly body: RequestBody | null;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Refusals besides those that every operation of its kind knows, by status. */
  readonly refuses?: Readonly<Record<number, string>>;
  readonly handle: (call: Call) => Promise<Response>;
}

/** What a request's body may be. */
export interface RequestBody {
  readonly type: 'application/json' | 'application/x-www-form-urlencoded';
  readonly schema: z.ZodType;
  /** Another type that is taken; the handler then gets the text as it came, for it tells line and column of what is wrong. */
  readonly also?: 'application/yaml';
  /** Whether there may be none at all. */
  readonly isOptional?: boolean;
  /** The handler gets the bytes as they came, at most so many, for their sender signed them; the schema describes them. */
  readonly rawBytes?: number;
  readonly examples: Readonly<Record<string, unknown>>;
}

/** An endpoint as its author writes it: the parts that are given decide what `handle` gets. */
export interface EndpointInput<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> extends Omit<
  Endpoint,
  'params' | 'query' | 'headers' | 'body' | 'handle'
> {
  readonly params?: P;
  readonly query?: Q;
  readonly headers?: Endpoint['headers'];
  readonly body?: Omit<RequestBody, 'schema' | 'type'> & {
    readonly type?: RequestBody['type'];
    readonly schema: B;
  };
  readonly handle: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Response>;
}

/** Makes endpoints. `none` is what a part without parameters is checked by. */
export function createDefine(
  none: z.ZodType,
): <P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  input: EndpointInput<P, Q, B>,
) => Endpoint {
  return (input) => {
    const { params = none, query = none, headers = {}, body, handle, ...rest } = input;
    return {
      ...rest,
      params,
      query,
      headers,
      body: body === undefined ? null : { type: 'application/json', ...body },
      // What the schemas of this endpoint made is what its handler takes.
      handle: (call) => handle(call as Parameters<typeof handle>[0]),
    };
  };
}

/** A JSON answer. */
export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}
