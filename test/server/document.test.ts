/** The OpenAPI document is sound, its examples are what its schemas say, and so is what the server answers. */
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  documentOf,
  openedServer,
  operationsOf,
  playJob,
  type Document,
  type Media,
  type OpenedServer,
  type PlayedJob,
} from './opened.ts';

const REPO = 'https://git.example.org/shop.git';

let opened: OpenedServer;
let document: Document;
let job: PlayedJob;
let runId: string;
beforeAll(async () => {
  opened = await openedServer();
  document = await documentOf(opened);
  job = await playJob(opened);
  await job.say('one', 'two');
  await opened.post('/api/jobs', { repo: REPO, task: 'x', session_id: 'prices' });
  const pipeline = { name: 'checks', steps: [{ name: 'lint', task: 'x' }] };
  await opened.post('/api/pipelines', pipeline);
  const started = await opened.post('/api/runs', { pipeline: 'checks', repo: REPO });
  expect(started.status).toBe(201);
  runId = ((await started.json()) as { run_id: string }).run_id;
});
afterAll(async () => {
  await opened.close();
});

/** What is wrong with a value, by a schema of the document; `null` where nothing is. */
function faultsOf(media: Media, value: unknown): string | null {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(document, 'document');
  const schema = JSON.parse(JSON.stringify(media.schema).replaceAll('"#/', '"document#/')) as object;
  const check = ajv.compile(schema);
  return check(value) ? null : ajv.errorsText(check.errors);
}

test('a linter finds nothing in it', async () => {
  // Logins answer with a redirect, which is no mistake.
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: { 'operation-2xx-response': 'off' },
  });
  const found = await lintFromString({ source: JSON.stringify(document), config });
  expect(found.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
});

test('the linter would find a mistake', async () => {
  const config = await createConfig({ extends: ['recommended-strict'] });
  const broken = {
    ...document,
    paths: { '/api/jobs/{job_id}': { get: { operationId: 'x', responses: {} } } },
  };
  expect((await lintFromString({ source: JSON.stringify(broken), config })).length).toBeGreaterThan(0);
});

describe('every example', () => {
  test('validates against its schema', () => {
    let count = 0;
    for (const { path, method, operation } of operationsOf(document)) {
      const medias = [
        ...Object.values(operation.requestBody?.content ?? {}),
        ...Object.values(operation.responses).flatMap(({ content = {} }) => Object.values(content)),
      ];
      for (const media of medias) {
        const examples = Object.values(media.examples ?? {}).map(({ value }) => value);
        for (const example of media.example === undefined ? examples : [...examples, media.example]) {
          expect(faultsOf(media, example), `${method} ${path}`).toBeNull();
          count++;
        }
      }
    }
    expect(count).toBeGreaterThan(15);
  });

  test('of a request is one that the server takes', async () => {
    for (const [name, { value }] of Object.entries(
      document.paths['/api/jobs']?.post?.requestBody?.content['application/json']?.examples ?? {},
    )) {
      const response = await opened.post('/api/jobs', value);
      expect([name, response.status, await response.json()]).toMatchObject([name, 201, { status: 'queued' }]);
    }
  });
});

test('what the server answers is what the document says', async () => {
  const ids = { job_id: job.jobId, session_id: 'prices', run_id: runId, id: 'checks' };
  const filled = (path: string): string =>
    path.replace(/\{(\w+)\}/g, (_, name: string) => (ids as Record<string, string>)[name] ?? name);
  const seen: string[] = [];
  for (const { path, method, operation } of operationsOf(document)) {
    if (method !== 'get' || path === '/login') continue;
    const response = await opened.ask(filled(path), {
      as: 'admin',
    });
    const known = operation.responses[String(response.status)];
    expect(known, `${path} answered ${response.status}`).toBeDefined();
    const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const media = known?.content?.[type];
    if (type === '') continue;
    expect(media, `${path} answered ${type}`).toBeDefined();
    if (media === undefined) continue;
    const value: unknown = type.endsWith('json') ? await response.json() : await response.text();
    expect(faultsOf(media, value), `${path} ${response.status}`).toBeNull();
    seen.push(path);
  }
  expect(seen.length).toBeGreaterThan(12);
});

test('the page shows every operation, loads nothing from anywhere, and escapes what it shows', async () => {
  const response = await opened.ask('/docs', { as: null });
  const html = await response.text();
  for (const { operation } of operationsOf(document)) expect(html).toContain(`id="${operation.operationId}"`);
  expect(html).not.toMatch(/<script|<link|<img|src=|url\(|https?:\/\/(?!\w+\.example\.org)/i);
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
  const { renderPage } = await import('../../src/server/document/page.ts');
  const hostile = '<script>alert(1)</script>"\'&';
  const page = renderPage(
    [
      {
        method: 'get',
        path: hostile,
        id: 'x',
        tag: 'jobs',
        summary: hostile,
        description: hostile,
        role: 'read',
        params: { safeParse: () => ({}) } as never,
        query: { safeParse: () => ({}) } as never,
        headers: {},
        body: null,
        answers: {
          200: { description: hostile, content: { [hostile]: { schema: {} as never, example: hostile } } },
        },
        handle: () => Promise.reject(new Error('not called')),
      },
    ],
    hostile,
    () => '',
  );
  expect(page.html).not.toContain('<script');
});
