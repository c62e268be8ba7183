import assert from 'node:assert/strict';
import test from 'node:test';
import { formatPrice, parsePrice } from '../src/price.js';

test('parses whole prices', () => {
  assert.equal(parsePrice('12'), 1200);
});

test('parses prices with cents', () => {
  assert.equal(parsePrice('12.50'), 1250);
  assert.equal(parsePrice(' 0.07 '), 7);
});

test('refuses what is no price', () => {
  assert.throws(() => parsePrice('12.5'), TypeError);
  assert.throws(() => parsePrice('abc'), /not a price: abc/);
});

test('formats cents', () => {
  assert.equal(formatPrice(1250), '12.50');
  assert.equal(formatPrice(7), '0.07');
});

test('formats negative amounts', () => {
  assert.equal(formatPrice(-1005), '-10.05');
});
