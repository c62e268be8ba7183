/** Small repositories of a person: one with the checks that most have, and one whose check costs next to nothing. */

const SOURCE = 'export const add = (a, b) => a + b;\n';

/** Its check is found, and is npm's: two processes of Node and one of npm, 0.3 s each time. */
export const NPM_PROJECT: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({ name: 'p', type: 'module', scripts: { test: 'node --test' } }),
  'src/add.js': SOURCE,
  'test/add.test.js': [
    "import test from 'node:test';",
    "import assert from 'node:assert';",
    "import { add } from '../src/add.js';",
    "test('adds', () => assert.equal(add(1, 2), 3));\n",
  ].join('\n'),
};

/** The same source with a check that only reads it, and tells its failure by the same name. */
export const QUICK_PROJECT: Readonly<Record<string, string>> = {
  '.agent-runner.yml': 'gate:\n  checks:\n    - name: test\n      command: sh test/add.sh\n',
  'src/add.js': SOURCE,
  'test/add.sh': [
    'echo TAP version 13',
    "if grep -q 'add = (a, b) => a + b;' src/add.js; then echo 'ok 1 - adds'; else echo 'not ok 1 - adds'; failed=1; fi",
    'echo 1..1',
    'exit "${failed:-0}"\n',
  ].join('\n'),
};
