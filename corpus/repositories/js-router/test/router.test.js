'use strict';
const assert = require('node:assert');
const { test } = require('node:test');
const { createRouter } = require('../lib/router.js');

const router = createRouter()
  .on('GET', '/users/:id', ({ id }) => `user ${id}`)
  .on('GET', '/users/me', () => 'myself')
  .on('POST', '/users', () => 'made');

test('answers with the handler of the route', () => {
  assert.deepStrictEqual(router.handle('GET', '/users/7'), { status: 200, body: 'user 7' });
});

test('lets the first route win', () => {
  assert.strictEqual(router.handle('GET', '/users/me').body, 'user me');
});

test('knows the wrong method from the wrong path', () => {
  assert.strictEqual(router.handle('DELETE', '/users').status, 405);
  assert.strictEqual(router.handle('GET', '/nowhere').status, 404);
});
