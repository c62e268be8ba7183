import { discount } from './basket.js';
import { formatPrice } from './price.js';

/** A receipt as text, one line an item. */
export function renderReceipt(basket) {
  const lines = basket.items().map(({ name, cents, count }) => {
    return `${count} x ${name.padEnd(12)} ${formatPrice(cents * count).padStart(8)}`;
  });
  const off = discount(basket.total());
  if (off > 0) lines.push(`discount         ${formatPrice(-off).padStart(8)}`);
  lines.push(`total            ${formatPrice(basket.total() - off).padStart(8)}`);
  return `${lines.join('\n')}\n`;
}
