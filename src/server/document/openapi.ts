/** The OpenAPI 3.1 document, made of the endpoints: the same objects that requests are routed and checked by. */
import { z } from 'zod';
import type { Answer, Endpoint } from '../endpoint.ts';

type Json = Readonly<Record<string, unknown>>;

/** What every operation may answer besides its own. */
const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    hint: z.string().nullable(),
    errors: z.array(
      z.object({
        field: z.string(),
        came: z.string(),
        allowed: z.string(),
        line: z.int().optional(),
        column: z.int().optional(),
      }),
    ),
  })
  .meta({ id: 'Problem', description: 'An error (RFC 9457)' });

const TAGS: Readonly<Record<string, string>> = {
  jobs: 'Asking for jobs, following them, and what they ended with',
  pipelines: 'Steps that depend on each other, one pull request of all they did, and their runs',
  short: 'The same in a shorter dialect',
  server: 'The server itself',
  inbound: 'What others tell',
  login: 'Logins of browsers',
  document: 'This document',
};

/** Collects schemas that have a name, as they are met. */
function createSchemas(): { of(schema: z.ZodType): Json; readonly named: Readonly<Record<string, Json>> } {
  const named: Record<string, Json> = {};
  const placed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(placed);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) =>
        key === '$ref' && typeof one === 'string'
          ? [key, one.replace(/^#\/\$defs\//, '#/components/schemas/')]
          : [key, placed(one)],
      ),
    );
  };
  return {
    named,
    of(schema) {
      const made = z.toJSONSchema(schema, {
        io: 'input',
        override({ jsonSchema }) {
          const { override } = jsonSchema;
          delete jsonSchema['override'];
          // Numbers in a query come as text; the document says what the text means.
          if (typeof override === 'object' && override !== null) {
            delete jsonSchema.type;
            delete jsonSchema.allOf;
            Object.assign(jsonSchema, override);
          }
        },
      }) as Record<string, unknown>;
      const { $schema: _, $defs = {}, id, ...rest } = made;
      for (const [name, one] of Object.entries($defs as Record<string, Record<string, unknown>>)) {
        const { id: __, ...plain } = one;
        named[name] = placed(plain) as Json;
      }
      if (typeof id !== 'string') return placed(rest) as Json;
      named[id] = placed(rest) as Json;
      return { $ref: `#/components/schemas/${id}` };
    },
  };
}

type Schemas = ReturnType<typeof createSchemas>;

function parametersOf(schemas: Schemas, endpoint: Endpoint): readonly Json[] {
  const listed = (schema: z.ZodType, where: 'path' | 'query'): readonly Json[] => {
    const { properties = {}, required = [] } = schemas.of(schema) as {
      properties?: Record<string, Record<string, unknown>>;
      required?: readonly string[];
    };
    return Object.entries(properties).map(([name, { description, example, ...rest }]) => ({
      name,
      in: where,
      required: where === 'path' || required.includes(name),
      ...(description === undefined ? {} : { description }),
      ...(example === undefined ? {} : { example }),
      schema: rest,
    }));
  };
  const headers = Object.entries(endpoint.headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));
  return [...listed(endpoint.params, 'path'), ...listed(endpoint.query, 'query'), ...headers];
}

function answerOf(schemas: Schemas, { description, content = {}, headers = {} }: Answer): Json {
  const bodies = Object.entries(content).map(([type, { schema, example }]) => [
    type,
    { schema: schemas.of(schema), ...(example === undefined ? {} : { example }) },
  ]);
  const named = Object.entries(headers).map(([name, says]) => [
    name,
    { description: says, schema: { type: 'string' } },
  ]);
  return {
    description,
    ...(bodies.length === 0 ? {} : { content: Object.fromEntries(bodies) }),
    ...(named.length === 0 ? {} : { headers: Object.fromEntries(named) }),
  };
}

function errorsOf(schemas: Schemas, endpoint: Endpoint): Json {
  const asked = endpoint.role === null ? {} : { 401: 'No key, or none that is known' };
  const found = endpoint.path.includes('{') ? { 404: 'There is none of this id' } : {};
  const sized =
    endpoint.body === null ? {} : { 413: 'The body is too large', 415: 'The body is of another type' };
  const all = {
    400: 'The request is not valid',
    403: 'The key may not do this, or the page of a browser may not',
    ...asked,
    ...found,
    ...sized,
    ...endpoint.refuses,
    429: 'Too many requests',
  };
  return Object.fromEntries(
    Object.entries(all).map(([status, description]) => [
      status,
      { description, content: { 'application/problem+json': { schema: schemas.of(problem) } } },
    ]),
  );
}

function operationOf(schemas: Schemas, endpoint: Endpoint): Json {
  const { id, tag, summary, description, role, body, answers } = endpoint;
  const parameters = parametersOf(schemas, endpoint);
  const own = Object.entries(answers).map(([status, answer]) => [status, answerOf(schemas, answer)]);
  const examples = Object.entries(body?.examples ?? {}).map(([name, value]) => [name, { value }]);
  const takes = role === null ? 'Takes no key.' : `Takes the role \`${role}\`.`;
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: description === undefined ? takes : `${description} ${takes}`,
    security: role === null ? [] : [{ key: [] }, { login: [] }],
    'x-role': role,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === null
      ? {}
      : {
          requestBody: {
            required: body.isOptional !== true,
            content: {
              [body.type]: { schema: schemas.of(body.schema), examples: Object.fromEntries(examples) },
              ...(body.also === undefined ? {} : { [body.also]: { schema: schemas.of(body.schema) } }),
            },
          },
        }),
    responses: { ...errorsOf(schemas, endpoint), ...Object.fromEntries(own) },
  };
}

/**
 * Makes the document.
 *
 * @param url where the server is
 */
export function makeDocument(endpoints: readonly Endpoint[], version: string, url: string): Json {
  const schemas = createSchemas();
  const paths: Record<string, Record<string, Json>> = {};
  for (const endpoint of endpoints)
    (paths[endpoint.path] ??= {})[endpoint.method] = operationOf(schemas, endpoint);
  return {
    openapi: '3.1.1',
    info: {
      title: 'agent-runner',
      version,
      summary: 'Give it a repository and a task, get back a verified change',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key made by `agent-runner keys create`' },
        login: {
          type: 'apiKey',
          in: 'cookie',
          name: 'agent_runner_login',
          description: 'A login of a browser',
        },
      },
      schemas: schemas.named,
    },
  };
}
