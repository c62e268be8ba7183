import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JobError } from '../../src/job/error.ts';
import { parseRepoConfig, repoConfigJsonSchema } from '../../src/gate/config.ts';

function failureOf(text: string): JobError {
  try {
    parseRepoConfig(text);
  } catch (error) {
    if (error instanceof JobError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('what is accepted', () => {
  test('an empty file leaves every default', () => {
    expect(parseRepoConfig('')).toEqual({});
    expect(parseRepoConfig('# nothing\n')).toEqual({});
  });

  test('every field', () => {
    const text = `
setup: {command: [npm ci, npm run generate], keep: [generated/client]}
gate:
  checks:
    - {name: unit, command: npm test}
    - {name: style, command: make lint, kind: lint, timeout_s: 30}
  env: {TZ: UTC, PORT: "5432"}
  network: true
  on_red: draft
  on_inconclusive: open
  on_none: block
  on_tamper: allow
  max_runs: 3
  timeout_s: 90
paths: [packages/a]
protected_paths: [infra, .github]
diff: {max_files: 5}
services:
  db: {command: "postgres -D /tmp/db", ready: pg_isready, env: {DATABASE_URL: "postgres://localhost"}, timeout_s: 30}
  queue: {command: redis-server}
`;
    expect(parseRepoConfig(text)).toEqual({
      setup: { commands: ['npm ci', 'npm run generate'], keep: ['generated/client'] },
      gate: {
        checks: [
          { name: 'unit', kind: 'test', command: 'npm test', timeout_s: 90 },
          { name: 'style', kind: 'lint', command: 'make lint', timeout_s: 30 },
        ],
        env: { TZ: 'UTC', PORT: '5432' },
        network: true,
        on_red: 'draft',
        on_inconclusive: 'open',
        on_none: 'block',
        on_tamper: 'allow',
        max_runs: 3,
        timeout_s: 90,
      },
      paths: ['packages/a'],
      protected_paths: ['infra', '.github'],
      diff: { max_files: 5 },
      services: [
        {
          name: 'db',
          command: 'postgres -D /tmp/db',
          ready: 'pg_isready',
          env: { DATABASE_URL: 'postgres://localhost' },
          timeout_s: 30,
        },
        { name: 'queue', command: 'redis-server', ready: null, env: {}, timeout_s: 60 },
      ],
    });
  });

  test.each([
    ['setup: npm ci', { commands: ['npm ci'], keep: [] }],
    ['setup: [a, b]', { commands: ['a', 'b'], keep: [] }],
    ['setup: false', false],
    ['setup: {command: a}', { commands: ['a'], keep: [] }],
  ])('%s', (text, setup) => {
    expect(parseRepoConfig(text).setup).toEqual(setup);
  });
});

describe('what is refused, and how it is said', () => {
  test.each([
    ['gate:\n  on_red: never', /line 2, column 11: gate\.on_red: "never".*"block"\|"draft"/],
    ['gate:\n  chekcs: []', /line 2.*gate\.chekcs: there is no such field/],
    ['setup:\n  command: x\n  keep: [../up]', /line 3.*setup\.keep\[0\]: "\.\.\/up".*relative/],
    ['paths: [/etc]', /paths\[0\]/],
    ['protected_paths: [-x]', /protected_paths\[0\]/],
    ['paths: [.git/hooks]', /paths\[0\]/],
    ['services: {db: {image: postgres}}', /line 1.*services\.db\.image: images need a container sandbox/],
    ['services: {db: {ready: x}}', /services\.db\.command/],
    ['services: {"../x": {command: a}}', /services/],
    ['services: {db: {command: a, port: 1}}', /services\.db\.port: there is no such field/],
    ['services: {db: {command: a, timeout_s: 0}}', /services\.db\.timeout_s/],
    ['gate: {env: {PORT: 5432}}', /gate\.env\.PORT: 5432.*quotes/],
    ['gate: {env: {"A=B": x}}', /gate\.env/],
    ['gate: {checks: [{name: a, command: x}, {name: a, command: y}]}', /checks\[1\]\.name: "a" comes twice/],
    ['gate: {checks: [{name: a}]}', /checks\[0\]\.command/],
    ['gate: {checks: [{name: "a\\nb", command: x}]}', /checks\[0\]\.name/],
    ['gate: {max_runs: 0}', /gate\.max_runs: 0/],
    ['gate: {timeout_s: .inf}', /gate\.timeout_s/],
    ['a: b\n c: [', /line \d+, column \d+/],
    ['gate: {}\ngate: {}', /line 2/],
    ['- x', /the file/],
    ['setup: 5', /setup: 5 .*a command, a list of commands, false/],
    ['setup: ""', /setup/],
  ])('%j', (text, message) => {
    const error = failureOf(text);
    expect(error.code).toBe('bad_configuration');
    expect(error.message).toMatch(/^\.agent-runner\.yml: /);
    expect(error.message).toMatch(message);
    expect(error.hint).not.toBeNull();
  });

  test('aliases that unfold without end', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((name, at) => `${name}: &${name} [${`*${'abcdefghi'[at] ?? ''},`.repeat(9)}]`)
      .join('\n')}\n`;
    expect(failureOf(bomb).code).toBe('bad_configuration');
  });

  test('any text is either read or refused as bad configuration', () => {
    const word = fc.constantFrom(
      'gate',
      'setup',
      ': ',
      '\n  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      'checks',
      'name',
      '&a ',
      '*a',
      '!!js/function ',
      '\t',
      '1',
      'paths',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join('')),
        ),
        (text) => {
          try {
            parseRepoConfig(text);
          } catch (error) {
            expect(error).toMatchObject({ name: 'JobError', code: 'bad_configuration' });
          }
        },
      ),
    );
  });
});

test('the JSON schema names every field and allows no others', () => {
  const schema = repoConfigJsonSchema();
  expect(Object.keys(schema['properties'] as object).sort()).toEqual([
    'diff',
    'gate',
    'paths',
    'protected_paths',
    'services',
    'setup',
  ]);
  expect(schema['additionalProperties']).toBe(false);
});
