/** Reads "12.50" or "12" as cents. */
export function parsePrice(text) {
  const match = /^(\d+)(?:\.(\d{2}))?$/.exec(text.trim());
  if (match === null) throw new TypeError(`not a price: ${text}`);
  return Number(match[1]) * 100 + Number(match[2] ?? 0);
}

/** Writes cents as "12.50". */
export function formatPrice(cents) {
  const sign = cents < 0 ? '-' : '';
  const whole = Math.floor(Math.abs(cents) / 100);
  const rest = String(Math.abs(cents) % 100).padStart(2, '0');
  return `${sign}${whole}.${rest}`;
}
