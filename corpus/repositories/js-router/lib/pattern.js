'use strict';

/** Compiles '/users/:id' into an expression and the names of its parameters. */
function compile(pattern) {
  if (!pattern.startsWith('/')) throw new Error(`pattern must begin with a slash: ${pattern}`);
  const names = [];
  const source = pattern
    .split('/')
    .map((part) => {
      if (!part.startsWith(':')) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      names.push(part.slice(1));
      return '([^/]+)';
    })
    .join('/');
  return { names, expression: new RegExp(`^${source}$`) };
}

/** Parameters of a path under a pattern, or null. */
function match(pattern, path) {
  const { names, expression } = compile(pattern);
  const found = expression.exec(path);
  if (found === null) return null;
  return Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(found[at + 1])]));
}

module.exports = { compile, match };
