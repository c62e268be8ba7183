import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBasket, discount } from '../src/basket.js';

describe('basket', () => {
  it('adds items of one name together', () => {
    const basket = createBasket();
    basket.add('tea', 350);
    basket.add('tea', 350, 2);
    assert.deepEqual(basket.items(), [{ name: 'tea', cents: 350, count: 3 }]);
  });

  it('sums up', () => {
    const basket = createBasket();
    basket.add('tea', 350, 2);
    basket.add('mug', 1200);
    assert.equal(basket.total(), 1900);
  });

  it('removes items', () => {
    const basket = createBasket();
    basket.add('tea', 350);
    assert.equal(basket.remove('tea'), true);
    assert.equal(basket.remove('tea'), false);
    assert.equal(basket.total(), 0);
  });

  it('refuses a count below one', () => {
    assert.throws(() => createBasket().add('tea', 350, 0), RangeError);
  });
});

describe('discount', () => {
  it('starts at one hundred', () => {
    assert.equal(discount(9_999), 0);
    assert.equal(discount(10_000), 1_000);
  });

  it('is rounded down', () => {
    assert.equal(discount(10_009), 1_000);
  });
});
