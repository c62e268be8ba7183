/** Endpoints that describe the others: the OpenAPI document, the page, and the way to it. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { json, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { makeDocument } from './openapi.ts';
import { renderPage } from './page.ts';

/** They are made once, at the first question. */
export function documentEndpoints(
  parts: Parts,
  others: readonly Endpoint[],
  define: Define,
): readonly Endpoint[] {
  const { version, config } = parts;
  let made: unknown = null;
  const all: readonly Endpoint[] = [
    ...others,
    define({
      method: 'get',
      path: '/openapi.json',
      id: 'getDocument',
      tag: 'document',
      summary: 'This document',
      role: null,
      answers: {
        200: {
          description: 'The document',
          content: { 'application/json': { schema: z.record(z.string(), z.unknown()) } },
        },
      },
      async handle() {
        made ??= makeDocument(all, version, config.server.publicUrl ?? '/');
        return json(made);
      },
    }),
    define({
      method: 'get',
      path: '/docs',
      id: 'getPage',
      tag: 'document',
      summary: 'This document as a page',
      role: null,
      answers: { 200: { description: 'The page', content: { 'text/html': { schema: z.string() } } } },
      async handle() {
        const hash = (style: string): string => createHash('sha256').update(style).digest('base64');
        const { html, policy } = renderPage(all, version, hash);
        return new Response(html, {
          headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy },
        });
      },
    }),
    define({
      method: 'get',
      path: '/',
      id: 'getStart',
      tag: 'document',
      summary: 'The dashboard; where it was not built, leads to the page of this document',
      role: null,
      answers: {
        200: { description: 'The dashboard', content: { 'text/html': { schema: z.string() } } },
        303: { description: 'Go there', headers: { location: 'The page' } },
      },
      handle: async () => new Response(null, { status: 303, headers: { location: '/docs' } }),
    }),
  ];
  return all.slice(others.length);
}
