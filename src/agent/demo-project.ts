/** A small but real project and a task for it, to show the whole story without a model or a network. */

const SOURCE = `/**
 * Turns a title into a part of a URL: lower case ASCII words joined by hyphens.
 *
 * @param {string} title
 * @returns {string}
 */
export function slugify(title) {
  return title
    .normalize('NFKD')
    .replace(/[\\u0300-\\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
}
`;

const TESTS = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slugify } from '../src/slug.js';

test('joins words by hyphens, in lower case', () => {
  assert.equal(slugify('Hello, World!'), 'hello-world');
});

test('removes accents', () => {
  assert.equal(slugify('Crème brûlée'), 'creme-brulee');
});

test('has no hyphens at its ends', () => {
  assert.equal(slugify('  --What now?--  '), 'what-now');
});

test('keeps long titles whole', () => {
  const title = 'A title that says a lot more than any reader of a list ever wanted to know';
  assert.equal(slugify(title), 'a-title-that-says-a-lot-more-than-any-reader-of-a-list-ever-wanted-to-know');
});

test('is empty when nothing is left', () => {
  assert.equal(slugify('!?'), '');
});
`;

const README = `# slug-demo

Makes parts of URLs from titles. No dependencies, Node 20 or newer.

\`\`\`js
import { slugify } from './src/slug.js';

slugify('Hello, World!'); // 'hello-world'
\`\`\`

\`npm run lint\` checks the syntax, \`npm test\` runs the tests.
`;

const RULES = `# Working on slug-demo

- No dependencies: what Node has must do.
- Existing callers must not notice a change: new behaviour is an option that is off by default.
- Every behaviour has a test in \`test/\`; run \`npm run lint\` and \`npm test\` before you finish.
`;

const PACKAGE = {
  name: 'slug-demo',
  version: '1.0.0',
  private: true,
  type: 'module',
  engines: { node: '>=20' },
  scripts: { lint: 'node --check src/slug.js', test: 'node --test' },
};

/** The files of the project, by path. Lint and tests pass as they are. */
export const DEMO_FILES: Readonly<Record<string, string>> = {
  'package.json': `${JSON.stringify(PACKAGE, null, 2)}\n`,
  'src/slug.js': SOURCE,
  'test/slug.test.js': TESTS,
  'README.md': README,
  'AGENTS.md': RULES,
};

/** A task with a trap: a limit that is on by default breaks a test that exists. */
export const DEMO_TASK = `Add a maxLength option to slugify

slugify(title, { maxLength }) returns at most maxLength characters and does not cut a word in two, unless the first word alone is longer. Add tests and a line to the README.`;

/** The same project, broken: titles are cut although nobody asked for it, and a test says so. */
export const BROKEN_DEMO_FILES: Readonly<Record<string, string>> = {
  ...DEMO_FILES,
  'src/slug.js': SOURCE.replace(
    'slugify(title) {\n  return title',
    'slugify(title, { maxLength = 20 } = {}) {\n  const slug = title',
  ).replace(
    "'');\n}",
    `'');
  if (slug.length <= maxLength) return slug;
  // One more character tells whether the cut falls between two words.
  const end = slug.lastIndexOf('-', maxLength);
  return slug.slice(0, end > 0 ? end : maxLength);
}`,
  ),
};
