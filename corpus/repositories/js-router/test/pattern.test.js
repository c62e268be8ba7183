'use strict';
const assert = require('node:assert');
const { test } = require('node:test');
const { compile, match } = require('../lib/pattern.js');

test('matches plain paths', () => {
  assert.deepStrictEqual(match('/about', '/about'), {});
  assert.strictEqual(match('/about', '/about/us'), null);
});

test('reads parameters', () => {
  assert.deepStrictEqual(match('/users/:id', '/users/42'), { id: '42' });
});

test('decodes parameters', () => {
  assert.deepStrictEqual(match('/tags/:tag', '/tags/a%20b'), { tag: 'a b' });
});

test('takes dots literally', () => {
  assert.strictEqual(match('/a.b', '/axb'), null);
});

test('refuses a pattern without a slash', () => {
  assert.throws(() => compile('users'), /must begin with a slash/);
});
