/**
 * Holds every answer against GitHub's published OpenAPI description, so that a test never passes on an answer
 * that GitHub would not give. Answers are kept and judged later: a schema costs up to 0.2 s to compile.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Ajv, type ValidateFunction } from 'ajv';

// How often one operation's answers of one status are judged, and how large a body may be; a load test's thousandth
// answer says nothing new.
const MAX_JUDGED = 40;
const MAX_BODY_CHARACTERS = 2_000_000;

type Schema = Readonly<Record<string, unknown>>;

interface Operation {
  readonly responses: Readonly<Record<string, unknown>>;
  readonly requestBody?: unknown;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly 'x-webhooks': Readonly<Record<string, { readonly post: Operation }>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** One request and its answer, as text. */
export interface Exchange {
  readonly method: string;
  readonly template: string;
  readonly status: number;
  readonly request: string;
  readonly answer: string;
}

interface Judge {
  response(exchange: Exchange): string | null;
  request(exchange: Exchange): string | null;
  event(name: string, payload: string): string | null;
}

let judge: Judge | null = null;

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** OpenAPI 3.0 as JSON schema: `nullable` becomes a type, references become names. */
function toJsonSchema(value: unknown, wanted: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((one) => toJsonSchema(one, wanted));
  if (!isObject(value)) return value;
  if (typeof value['$ref'] === 'string') {
    const name = value['$ref'].split('/').at(-1) ?? '';
    wanted.add(name);
    return { $ref: name };
  }
  const { nullable, example: _example, examples: _examples, default: _default, ...rest } = value;
  const made = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, toJsonSchema(one, wanted)]));
  // `nullable` may also be the name of a property, whose value is a schema.
  if (nullable !== true)
    return nullable === undefined ? made : { ...made, nullable: toJsonSchema(nullable, wanted) };
  if (typeof made['type'] !== 'string') return { anyOf: [{ type: 'null' }, made] };
  const values = Array.isArray(made['enum']) ? { enum: [...(made['enum'] as readonly unknown[]), null] } : {};
  return { ...made, type: [made['type'], 'null'], ...values };
}

/** Reads the description once per process; `description.ts` says where it is from. */
function openJudge(): Judge {
  if (judge !== null) return judge;
  const text = gunzipSync(readFileSync(join(import.meta.dirname, 'github.json.gz'))).toString('utf8');
  const { paths, components, 'x-webhooks': webhooks } = JSON.parse(text) as Description;
  // Most of the time goes into compiling: unoptimised code is made in little more than half of it.
  const ajv = new Ajv({
    strict: false,
    validateFormats: false,
    validateSchema: false,
    inlineRefs: false,
    code: { optimize: false },
  });
  const added = new Set<string>();
  const compiled = new Map<string, ValidateFunction>();

  const compile = (key: string, schema: unknown): ValidateFunction => {
    const old = compiled.get(key);
    if (old !== undefined) return old;
    const wanted = new Set<string>();
    const root = toJsonSchema(schema, wanted) as Schema;
    for (const name of wanted) {
      if (added.has(name)) continue;
      added.add(name);
      ajv.addSchema(toJsonSchema(components['schemas']?.[name], wanted) as Schema, name);
    }
    const made = ajv.compile(root);
    compiled.set(key, made);
    return made;
  };

  const resolve = (value: unknown): unknown => {
    if (!isObject(value) || typeof value['$ref'] !== 'string') return value;
    const [kind = '', name = ''] = value['$ref'].split('/').slice(-2);
    return components[kind]?.[name];
  };
  const jsonOf = (value: unknown): unknown => {
    const whole = resolve(value);
    if (!isObject(whole) || !isObject(whole['content'])) return null;
    const json = whole['content']['application/json'];
    return isObject(json) ? json['schema'] : null;
  };
  const operationOf = ({ method, template }: Exchange): Operation | undefined =>
    paths[template]?.[method.toLowerCase()];
  const complaint = (key: string, schema: unknown, text: string): string | null => {
    const valid = compile(key, schema);
    if (valid(JSON.parse(text))) return null;
    return ajv.errorsText(valid.errors?.slice(0, 3), { dataVar: '' });
  };

  judge = {
    response(exchange) {
      const key = `${exchange.method} ${exchange.template} ${exchange.status}`;
      const operation = operationOf(exchange);
      if (operation === undefined) return 'GitHub has no such operation';
      const declared = operation.responses[String(exchange.status)];
      if (declared === undefined && exchange.status < 400)
        return `GitHub never answers ${exchange.status} there`;
      const schema = declared === undefined ? components['schemas']?.['basic-error'] : jsonOf(declared);
      if (schema === null || schema === undefined) {
        return exchange.answer === '' || exchange.status >= 400 ? null : 'GitHub sends no body there';
      }
      return complaint(key, schema, exchange.answer);
    },
    event(name, payload) {
      const schema = jsonOf(webhooks[name]?.post.requestBody);
      return schema === null ? 'GitHub sends no such event' : complaint(`event ${name}`, schema, payload);
    },
    request(exchange) {
      const operation = operationOf(exchange);
      const schema = operation?.requestBody === undefined ? null : jsonOf(operation.requestBody);
      if (schema === null || schema === undefined) return null;
      return complaint(`${exchange.method} ${exchange.template} request`, schema, exchange.request || '{}');
    },
  };
  return judge;
}

/** What was found wrong, one sentence each. */
export interface Contract {
  keep(exchange: Exchange): void;
  /** The same for a webhook's payload. */
  keepEvent(event: string, action: string | null, payload: string): void;
  /** Judges all that was kept. */
  violations(): readonly string[];
  /** Records a breach that has nothing to do with schemas. */
  breach(what: string): void;
}

// Paths that GitHub's description knows under another template.
const ALIASES: Readonly<Record<string, string>> = {
  '/repos/{owner}/{repo}/contents': '/repos/{owner}/{repo}/contents/{path}',
};

/** A contract that has nothing against anybody yet. */
export function createContract(): Contract {
  const kept: Exchange[] = [];
  const events: { readonly name: string; readonly payload: string }[] = [];
  const counts = new Map<string, number>();
  const found = new Set<string>();
  const isEnough = (key: string, text: string): boolean => {
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return count >= MAX_JUDGED || text.length > MAX_BODY_CHARACTERS;
  };
  return {
    keepEvent(event, action, payload) {
      const name = (action === null ? event : `${event}-${action}`).replaceAll('_', '-');
      if (!isEnough(`event ${name}`, payload)) events.push({ name, payload });
    },
    keep(exchange) {
      if (isEnough(`${exchange.method} ${exchange.template} ${exchange.status}`, exchange.answer)) return;
      kept.push({ ...exchange, template: ALIASES[exchange.template] ?? exchange.template });
    },
    violations() {
      for (const exchange of kept.splice(0)) {
        const what = `${exchange.method} ${exchange.template} → ${exchange.status}`;
        const wrong = openJudge().response(exchange);
        if (wrong !== null) found.add(`${what}: ${wrong}`);
        // A request that was taken here, but that GitHub's description does not allow.
        const asked = exchange.status < 300 ? openJudge().request(exchange) : null;
        if (asked !== null) found.add(`${what}: the request: ${asked}`);
      }
      for (const { name, payload } of events.splice(0)) {
        const wrong = openJudge().event(name, payload);
        if (wrong !== null) found.add(`event ${name}: ${wrong}`);
      }
      return [...found];
    },
    breach(what) {
      found.add(what);
    },
  };
}
