'use strict';
const { match } = require('./pattern.js');

/** A router: the first route that matches wins. */
function createRouter() {
  const routes = [];
  const router = {
    on(method, pattern, handler) {
      routes.push({ method, pattern, handler });
      return router;
    },
    handle(method, path) {
      const known = routes.filter((route) => match(route.pattern, path) !== null);
      const route = known.find((one) => one.method === method);
      if (route !== undefined) return { status: 200, body: route.handler(match(route.pattern, path)) };
      return { status: known.length > 0 ? 405 : 404, body: null };
    },
  };
  return router;
}

module.exports = { createRouter };
