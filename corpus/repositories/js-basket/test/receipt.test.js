import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { createBasket } from '../src/basket.js';
import { renderReceipt } from '../src/receipt.js';

test('renders a receipt', () => {
  const basket = createBasket();
  basket.add('tea', 350, 2);
  basket.add('mug', 1200);
  const expected = readFileSync(new URL('./expected/receipt.txt', import.meta.url), 'utf8');
  assert.equal(renderReceipt(basket), expected);
});

test('shows the discount', () => {
  const basket = createBasket();
  basket.add('kettle', 12_000);
  assert.match(renderReceipt(basket), /discount +-12\.00\ntotal +108\.00\n$/);
});
