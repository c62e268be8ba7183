'use strict';

/** Reads 'a=1&b=2&a=3' as { a: ['1', '3'], b: ['2'] }. */
function parseQuery(text) {
  const values = {};
  for (const pair of text.replace(/^\?/, '').split('&')) {
    if (pair === '') continue;
    const [name, value = ''] = pair.split('=').map(decodeURIComponent);
    (values[name] ??= []).push(value);
  }
  return values;
}

module.exports = { parseQuery };
