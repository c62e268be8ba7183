import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discount, total } from './price.js';

test('adds prices up', () => {
  assert.equal(total([2, 3]), 5);
});

test('takes a discount off', () => {
  assert.equal(discount(200, 10), 180);
});
