'use strict';
const assert = require('node:assert');
const { test } = require('node:test');
const { parseQuery } = require('../lib/query.js');

const cases = [
  ['', {}],
  ['?a=1', { a: ['1'] }],
  ['a=1&a=2', { a: ['1', '2'] }],
  ['a', { a: [''] }],
];

for (const [text, expected] of cases) {
  test(`parses ${JSON.stringify(text)}`, () => {
    assert.deepStrictEqual(parseQuery(text), expected);
  });
}
