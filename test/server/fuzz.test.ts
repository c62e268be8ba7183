/**
 * Every route of the document with values that its schemas allow and values that nobody should send: an answer that the
 * document knows, no 5xx, no hang. `AGENT_RUNNER_FUZZ_RUNS` sets how many requests a route gets, `AGENT_RUNNER_SEED`
 * runs a failure again.
 */
import { Agent, request } from 'node:http';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  documentOf,
  openedServer,
  operationsOf,
  playJob,
  type Document,
  type Media,
  type OpenedServer,
  type Operation,
  type Schema,
} from './opened.ts';

const RUNS = Number(process.env['AGENT_RUNNER_FUZZ_RUNS'] ?? 60);
const SEED = Number(process.env['AGENT_RUNNER_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** An answer that takes longer is a hang. */
const HANG_MS = 10_000;

let opened: OpenedServer;
let document: Document;
let jobIds: readonly string[];
/** Ids that a path may hold, by the parameter's name. */
let ids: Readonly<Record<string, readonly string[]>>;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
beforeAll(async () => {
  opened = await openedServer();
  document = await documentOf(opened);
  const [open, ended, asking] = [await playJob(opened), await playJob(opened), await playJob(opened)];
  for (const job of [open, ended, asking]) await job.say('one', 'two');
  await ended.end();
  await asking.ask('Which?');
  jobIds = [open.jobId, ended.jobId, asking.jobId];
  const pipeline = { name: 'checks', steps: [{ name: 'lint', task: 'x' }] };
  await opened.post('/api/pipelines', pipeline);
  const repo = 'https://git.example.org/shop.git';
  const started = await opened.post('/api/runs', { pipeline: 'checks', repo });
  const { run_id: runId } = (await started.json()) as { run_id: string };
  ids = {
    job_id: [...jobIds, ...jobIds, runId, 'job-none'],
    run_id: [runId, runId, runId.replace('run-', 'job-'), ...jobIds, 'run-000000000000'],
    id: ['checks', 'checks', 'none'],
  };
});
afterAll(async () => {
  agent.destroy();
  await opened.close();
});

/** What breaks programmes: option-like words, paths, markup, SQL, control characters, halves of characters, numbers at the edge. */
const NASTY: readonly string[] = [
  '',
  ' ',
  '-',
  '--upload-pack=x',
  '../../etc/passwd',
  '/etc/passwd',
  'file:///etc/passwd',
  'ext::sh -c id',
  '<script>alert(1)</script>',
  '"\'`$(id);|&',
  "' OR 1=1 --",
  '%00',
  '%s%n%x',
  '%',
  '%zz',
  '\u0000',
  '\r\nSet-Cookie: a=b',
  '\u202e\ufeff\u2028',
  '\ud800',
  '🙂'.repeat(200),
  'a'.repeat(10_000),
  '__proto__',
  'constructor',
  'null',
  'NaN',
  '-1',
  '0',
  '1e999',
  '9007199254740993',
  '99999999999999999999',
];
const nastyText = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 30 }));
const nastyValue: fc.Arbitrary<unknown> = fc.oneof(
  nastyText,
  fc.constantFrom<unknown>(null, true, -1, 0, 1e308, 2 ** 53, -0.5, [], {}, [[]], { toString: 1 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Something one time in four. */
function rarely<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
}

function named(schema: Schema): Schema {
  const name = /^#\/components\/schemas\/(\w+)$/.exec(String(schema['$ref']))?.[1];
  return name === undefined ? schema : (document.components.schemas[name] ?? schema);
}

/** Values that a schema allows, for the kinds that requests are made of. */
function valid(given: Schema): fc.Arbitrary<unknown> {
  const schema = named(given);
  const { enum: allowed, type, minimum = 0, maximum = 100, maxLength = 40, pattern } = schema;
  if (Array.isArray(allowed)) return fc.constantFrom(...(allowed as unknown[]));
  if (Array.isArray(schema['anyOf'])) return fc.oneof(...(schema['anyOf'] as Schema[]).map(valid));
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer')
    return fc.integer({ min: Math.max(Number(minimum), -1e6), max: Math.min(Number(maximum), 1e6) });
  if (type === 'number') return fc.double({ min: Number(minimum), max: Number(maximum), noNaN: true });
  if (type === 'array') return fc.array(valid(schema['items'] as Schema), { minLength: 1, maxLength: 3 });
  if (type === 'object') {
    const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>);
    const required = (schema['required'] ?? []) as readonly string[];
    return fc.record(Object.fromEntries(properties.map(([key, one]) => [key, valid(one)])), {
      requiredKeys: [...required],
    });
  }
  if (typeof pattern === 'string') return fc.stringMatching(/^[\w.:-]{1,20}$/);
  return fc.oneof(
    fc.constantFrom('https://git.example.org/shop.git', 'main', 'do it'),
    fc.string({ minLength: 1, maxLength: Math.min(Number(maxLength), 40) }),
  );
}

/** What an example says, what is allowed, and both with something else in one place. */
function mixed({ schema, examples = {} }: Media): fc.Arbitrary<unknown> {
  const properties = Object.entries((named(schema)['properties'] ?? {}) as Record<string, Schema>);
  const whole = fc.oneof(
    fc.constantFrom(...Object.values(examples).map(({ value }) => value)),
    valid(schema),
  );
  const field = fc.oneof(
    ...properties.map(([key, one]) => fc.tuple(fc.constant(key), fc.oneof(valid(one), nastyValue))),
    fc.tuple(fc.constantFrom('extra', '__proto__'), nastyValue),
  );
  const changed = fc
    .tuple(whole, field)
    .map(([value, [key, other]]) => ({ ...(value as object), [key]: other }));
  return fc.oneof(
    { weight: 3, arbitrary: whole },
    { weight: 5, arbitrary: changed },
    { weight: 1, arbitrary: nastyValue },
  );
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** A value as it stands in an address: mostly escaped, sometimes raw, as far as a request line can hold it. */
function inAddress(value: unknown, isRaw: boolean): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // oxlint-disable-next-line no-control-regex -- what no request line can hold
  return isRaw ? text.replace(/[\u0000-\u0020\u007f-\uffff#]/g, '') : encodeURIComponent(text.toWellFormed());
}

function inHeader(value: unknown): string {
  // oxlint-disable-next-line no-control-regex -- what Node refuses to send
  return String(value)
    .replace(/[^\u0020-\u007e]/g, '')
    .trim();
}

function requests(path: string, method: string, operation: Operation): fc.Arbitrary<Sent> {
  const parameters = operation.parameters ?? [];
  const values = fc.tuple(
    ...parameters.map(({ name, in: where, schema, required }) => {
      const known = where === 'path' ? ids[name] : undefined;
      const value =
        known !== undefined
          ? fc.oneof({ weight: 9, arbitrary: fc.constantFrom<unknown>(...known) }, nastyText)
          : fc.oneof(valid(schema), nastyText);
      return fc.tuple(fc.constant({ name, where }), required ? value : rarely(value));
    }),
  );
  const [[type, media] = ['', undefined]] = Object.entries(operation.requestBody?.content ?? {});
  const bodyText =
    media === undefined
      ? fc.constantFrom(null, '', '{}', 'x')
      : fc.oneof(
          { weight: 8, arbitrary: mixed(media).map((value) => JSON.stringify(value) ?? 'null') },
          {
            weight: 1,
            arbitrary: fc.oneof(nastyText, fc.constantFrom('{', '[[[[', '{"a":', '{"__proto__":{"x":1}}')),
          },
        );
  const types = fc.constantFrom(
    type,
    type,
    type,
    type,
    type,
    'text/plain',
    'application/json',
    'application/yaml',
    'multipart/form-data; boundary=x',
  );
  const accept = fc.constantFrom('*/*', 'application/json', 'text/event-stream', 'text/html;q=0.9', 'x');
  const extra = rarely(fc.tuple(nastyText, nastyText));
  return fc
    .tuple(values, bodyText, types, accept, extra, fc.boolean())
    .map(([given, body, contentType, accepts, more, isRaw]) => {
      const headers: Record<string, string> = { accept: accepts };
      const query: string[] = [];
      let filled = path;
      for (const [{ name, where }, value] of given) {
        if (value === undefined) continue;
        // A slash would make it another path.
        if (where === 'path')
          filled = filled.replace(`{${name}}`, () => inAddress(value, isRaw).replace(/[/?]/g, '') || '-');
        else if (where === 'query') query.push(`${name}=${inAddress(value, isRaw)}`);
        else headers[name] = inHeader(value);
      }
      if (more !== undefined) query.push(`${inAddress(more[0], isRaw)}=${inAddress(more[1], isRaw)}`);
      if (method !== 'get' && contentType !== '') headers['content-type'] = contentType;
      const address = query.length === 0 ? filled : `${filled}?${query.join('&')}`;
      return {
        method: method.toUpperCase(),
        path: address.slice(0, 8000),
        headers,
        body: method === 'post' ? body : null,
      };
    });
}

/** Sends a request as it is; a stream is left when its first bytes came. */
function send({
  method,
  path,
  headers,
  body,
}: Sent): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    const authorization = `Bearer ${opened.keys.admin}`;
    const { port } = opened.server;
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent,
        timeout: HANG_MS,
        headers: { authorization, ...headers },
      },
      (response) => {
        let text = '';
        const type = response.headers['content-type'] ?? '';
        const done = (): void => resolve({ status: response.statusCode ?? 0, type, text });
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
          if (!type.startsWith('text/event-stream')) return;
          done();
          sent.destroy();
        });
        response.on('end', done);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${HANG_MS} ms`)));
    sent.on('error', reject);
    sent.end(body ?? undefined);
  });
}

test(`no request makes the server fail or hang (${RUNS} a route, seed ${SEED})`, async () => {
  const counts: Record<string, number> = {};
  for (const { path, method, operation } of operationsOf(document)) {
    await fc.assert(
      fc.asyncProperty(requests(path, method, operation), async (sent) => {
        const { status, type, text } = await send(sent);
        counts[status] = (counts[status] ?? 0) + 1;
        expect(status, text).toBeLessThan(500);
        // What Node's parser refuses never gets to the routes; a job's id may make it another path.
        // A person whose link of the login holds no key gets the page that asks for one.
        const isPage =
          path === '/login' && method === 'get' && status === 401 && type.startsWith('text/html');
        if (status >= 400 && text !== '' && !isPage) {
          expect(type).toBe('application/problem+json');
          expect(JSON.parse(text)).toMatchObject({ status });
        }
        expect([...Object.keys(operation.responses), '404', '405'].map(String)).toContain(String(status));
      }),
      { numRuns: RUNS, seed: SEED },
    );
  }
  console.log(
    `fuzz: ${Object.values(counts).reduce((a, b) => a + b, 0)} requests, by status ${JSON.stringify(counts)}`,
  );
  expect((await opened.ask('/healthz', { as: null })).status).toBe(200);
  const job = await opened.runner.store.getJob(jobIds[0] ?? '');
  expect(job?.status).toBe('running');
}, 600_000);
