/**
 * Generates `src/client/generated/` from the OpenAPI document of a server: `npm run client`.
 *
 * Our own, because `@hey-api/openapi-ts` (0.99) needs the JavaScript API of TypeScript 6 and ends at its first line
 * beside TypeScript 7, and because what it writes brings a runtime of some 2,000 lines along. Types and a table of
 * paths are all that a client needs.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentOf, openedServer, operationsOf, type Document, type Schema } from '../server/opened.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FOLDER = join(ROOT, 'src', 'client', 'generated');
const HEAD = 'Generated from the OpenAPI document by `npm run client`: change the server, not this file.';

/** Operations that a client calls: logins and pages are for browsers, and the short dialect says nothing more. */
const TAGS: readonly string[] = ['jobs', 'pipelines', 'server'];

/** A schema as a type. */
function typeOf(schema: Schema): string {
  const { $ref: ref, enum: values, const: only, anyOf, type, items, properties } = schema;
  if (typeof ref === 'string') return ref.replace('#/components/schemas/', '');
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(anyOf)) return anyOf.map((one) => typeOf(one as Schema)).join(' | ');
  if (Array.isArray(type)) return type.map((one) => typeOf({ ...schema, type: one as string })).join(' | ');
  if (type === 'string' || type === 'boolean' || type === 'null') return type;
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'array') return `readonly (${typeOf((items ?? {}) as Schema)})[]`;
  if (type !== 'object') return 'unknown';
  if (properties === undefined) {
    const { additionalProperties: values } = schema;
    const value = typeof values === 'object' && values !== null ? typeOf(values as Schema) : 'unknown';
    return `Readonly<Record<string, ${value}>>`;
  }
  return `{ ${fieldsOf(schema)} }`;
}

function comment({ description }: Schema): string {
  return typeof description === 'string' ? `/** ${description.replaceAll('*/', '* /')} */\n` : '';
}

function fieldsOf(schema: Schema): string {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, Schema>>;
  const required = (schema['required'] ?? []) as readonly string[];
  return Object.entries(properties)
    .map(([name, one]) => {
      const mark = required.includes(name) ? '' : '?';
      return `${comment(one)}readonly ${JSON.stringify(name)}${mark}: ${typeOf(one)};\n`;
    })
    .join('');
}

/** Names that a type refers to, and those that they refer to. */
function reachable(document: Document, from: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (text: string): void => {
    for (const [, name = ''] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) {
      if (found.has(name)) continue;
      found.add(name);
      visit(JSON.stringify(document.components.schemas[name]));
    }
  };
  visit(from);
  return found;
}

function typesFile(document: Document, used: ReadonlySet<string>): string {
  const types = Object.entries(document.components.schemas)
    .filter(([name]) => used.has(name))
    .map(([name, schema]) => {
      const isObject = schema['properties'] !== undefined;
      const body = isObject
        ? `interface ${name} { ${fieldsOf(schema)} }`
        : `type ${name} = ${typeOf(schema)};`;
      return `${comment(schema)}export ${body}\n`;
    });
  return `/** What the HTTP API takes and answers. ${HEAD} */\n\n${types.join('\n')}`;
}

function operationsFile(operations: readonly Called[], used: ReadonlySet<string>): string {
  const ids = operations.map(({ path, method, operation }) => {
    const { operationId: id, parameters = [], requestBody, responses } = operation;
    const part = (where: string): string => {
      const all = parameters.filter((one) => one.in === where);
      const fields = all.map(
        (one) => `readonly ${JSON.stringify(one.name)}${one.required ? '' : '?'}: ${typeOf(one.schema)};`,
      );
      return `readonly ${where}: ${fields.length === 0 ? 'null' : `{ ${fields.join(' ')} }`};\n`;
    };
    const body = requestBody?.content['application/json']?.schema;
    const good = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1].content ?? {};
    const isJson = good['application/json'] !== undefined;
    const answer = isJson ? typeOf(good['application/json']?.schema ?? {}) : 'string';
    return {
      type: `readonly ${id}: { ${part('path')}${part('query')}${part('header')}readonly body: ${body === undefined ? 'null' : typeOf(body)};\nreadonly answer: ${answer}; };\n`,
      row: `${id}: { method: '${method.toUpperCase()}', path: '${path}', accepts: '${isJson ? 'application/json' : (Object.keys(good)[0] ?? '*/*')}' },\n`,
    };
  });
  const types = ids.map(({ type }) => type).join('');
  const names = [...used].filter((name) => new RegExp(`\\b${name}\\b`).test(types)).toSorted();
  return `/** The operations of the HTTP API. ${HEAD} */
import type { ${names.join(', ')} } from './types.ts';

/** What every operation takes and answers. */
export interface Operations {
${types}}

/** Where every operation is. */
export const OPERATIONS = {
${ids.map(({ row }) => row).join('')}} as const satisfies Record<keyof Operations, { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: string; readonly accepts: string }>;
`;
}

type Called = ReturnType<typeof operationsOf>[number];

function formatted(name: string, text: string): string {
  return execFileSync(join(ROOT, 'node_modules', '.bin', 'oxfmt'), [`--stdin-filepath=${name}`], {
    cwd: ROOT,
    input: text,
    encoding: 'utf8',
  });
}

/** The generated files, by name, as they should be. */
export function generate(document: Document): ReadonlyMap<string, string> {
  const operations = operationsOf(document).filter(({ operation }) =>
    (operation as unknown as { tags: readonly string[] }).tags.some((tag) => TAGS.includes(tag)),
  );
  const used = new Set([...reachable(document, JSON.stringify(operations)), 'Problem']);
  return new Map([
    ['types.ts', formatted('src/client/generated/types.ts', typesFile(document, used))],
    ['operations.ts', formatted('src/client/generated/operations.ts', operationsFile(operations, used))],
  ]);
}

if (import.meta.main) {
  const opened = await openedServer();
  const files = generate(await documentOf(opened));
  await opened.close();
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(FOLDER, name), text);
}
