/**
 * Writes `github.json.gz`: what the forge for tests is held against, out of GitHub's published OpenAPI description. The
 * package that carries the description takes 385 MB, of which the routes and events used here are a small part.
 *
 *   npm pack @octokit/openapi@23.0.2 && tar -xzf octokit-openapi-*.tgz package/generated/api.github.com.json
 *   node test/forge/http/description.ts package/generated/api.github.com.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ROUTES } from '../api/routes.ts';

/** Events that the forge sends, as they begin in the description. */
const EVENTS =
  /^(push|status|ping|create|delete|fork|(issues|issue-comment|pull-request|pull-request-review|pull-request-review-comment|pull-request-review-thread|check-run|check-suite|workflow-run|workflow-job|label)-[a-z-]+)$/;
/** What says nothing about a value. */
const WORDS: ReadonlySet<string> = new Set([
  'description',
  'summary',
  'example',
  'examples',
  'externalDocs',
  'operationId',
  'tags',
  'title',
  'default',
]);

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without the words; a property may have the name of one, so below `properties` all names stay. */
function trimmed(value: unknown, areNames: boolean, wanted: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((one) => trimmed(one, false, wanted));
  if (!isObject(value)) return value;
  if (!areNames && typeof value['$ref'] === 'string') wanted.add(value['$ref'].slice('#/components/'.length));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => areNames || (!WORDS.has(key) && !key.startsWith('x-')))
      .map(([key, one]) => [key, trimmed(one, !areNames && key === 'properties', wanted)]),
  );
}

/** The part of a description that these routes and events need. */
function partOf(description: Json): Json {
  const wanted = new Set<string>(['schemas/basic-error']);
  const paths = description['paths'] as Readonly<Record<string, Json>>;
  const webhooks = description['x-webhooks'] as Readonly<Record<string, Json>>;
  const components = description['components'] as Readonly<Record<string, Json>>;
  const templates = new Set([
    ...ROUTES.map(({ template }) => template),
    '/repos/{owner}/{repo}/contents/{path}',
  ]);
  const operation = (whole: unknown): unknown => {
    if (!isObject(whole)) return whole;
    const { responses, requestBody } = whole;
    return trimmed(requestBody === undefined ? { responses } : { responses, requestBody }, false, wanted);
  };
  const operations = (found: Json): Json =>
    Object.fromEntries(Object.entries(found).map(([method, one]) => [method, operation(one)]));
  const kept = Object.entries(paths).filter(([path]) => templates.has(path));
  const events = Object.entries(webhooks).filter(([name]) => EVENTS.test(name));
  const made = {
    paths: Object.fromEntries(kept.map(([path, found]) => [path, operations(found)])),
    'x-webhooks': Object.fromEntries(events.map(([name, found]) => [name, operations(found)])),
  };
  const parts: Record<string, Record<string, unknown>> = {};
  // A set gives what is added while it is walked.
  for (const name of wanted) {
    const [kind = '', key = ''] = name.split('/');
    (parts[kind] ??= {})[key] = trimmed(components[kind]?.[key], false, wanted);
  }
  const source = '@octokit/openapi 23.0.2, MIT, of github/rest-api-description, MIT';
  return { 'x-source': source, ...made, components: parts };
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: node test/forge/http/description.ts <api.github.com.json>');
const part = partOf(JSON.parse(readFileSync(file, 'utf8')) as Json);
writeFileSync(join(import.meta.dirname, 'github.json.gz'), gzipSync(JSON.stringify(part), { level: 9 }));
