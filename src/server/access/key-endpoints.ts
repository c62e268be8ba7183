/** Keys of the API, for administrators: who may come in. A key itself is answered once, when it is made. */
import { z } from 'zod';
import { ROLES, type ApiKey, type KeyView } from '../../job/access/access.ts';
import { json, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { createKey } from './keys.ts';

const time = z.string().meta({ format: 'date-time' });
const fields = {
  key_id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  created_at: time,
  revoked_at: time.nullable(),
};
const key = z.object(fields).meta({ id: 'ApiKey' }) satisfies z.ZodType<KeyView>;
const made = z
  .object({ ...fields, key: z.string().meta({ description: 'The key itself, shown this once' }) })
  .meta({ id: 'MadeKey' });
const body = z
  .strictObject({
    name: z
      .string()
      .regex(/^[^\p{C}]{1,100}$/u, '1 to 100 printable characters')
      .meta({ description: 'Whom or what it is for' }),
    role: z.enum(ROLES).default('submit'),
  })
  .meta({ id: 'NewKey' });
const path = z.strictObject({
  key_id: z
    .string()
    .regex(/^[0-9a-f]{12}$/, '12 hexadecimal digits')
    .meta({ description: 'Id of a key', example: '0123456789ab' }),
});

const EXAMPLE: KeyView = {
  key_id: '0123456789ab',
  name: 'ci',
  role: 'submit',
  created_at: '2026-11-21T10:00:00.000Z',
  revoked_at: null,
};

function viewOf({ key_id, name, role, created_at, revoked_at }: ApiKey): KeyView {
  return { key_id, name, role, created_at, revoked_at };
}

function listEndpoint({ runner: { store } }: Parts, define: Define): Endpoint {
  return define({
    method: 'get',
    path: '/api/keys',
    id: 'listKeys',
    tag: 'server',
    summary: 'Keys of the API, the oldest first',
    role: 'admin',
    answers: {
      200: {
        description: 'The keys, revoked ones too',
        content: {
          'application/json': {
            schema: z.object({ keys: z.array(key) }).meta({ id: 'Keys' }),
            example: { keys: [EXAMPLE] },
          },
        },
      },
    },
    handle: async () => json({ keys: (await store.listKeys()).map(viewOf) }),
  });
}

/** Endpoints about keys. */
export function keyEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  const { store } = parts.runner;
  return [
    listEndpoint(parts, define),
    define({
      method: 'post',
      path: '/api/keys',
      id: 'createKey',
      tag: 'server',
      summary: 'Make a key; it is shown this once',
      role: 'admin',
      body: { schema: body, examples: { ci: { name: 'ci', role: 'submit' } } },
      answers: {
        201: {
          description: 'The key',
          content: {
            'application/json': {
              schema: made,
              example: { ...EXAMPLE, key: `ar_0123456789ab_${'0'.repeat(43)}` },
            },
          },
        },
      },
      async handle({ body: { name, role }, about }) {
        const one = await createKey(store, { name, role });
        if (one === null) throw new Error('no key was made');
        about(one.key.key_id);
        return json({ ...viewOf(one.key), key: one.secret }, 201, { 'cache-control': 'no-store' });
      },
    }),
    define({
      method: 'post',
      path: '/api/keys/{key_id}/revoke',
      id: 'revokeKey',
      tag: 'server',
      summary: "Take a key's right away, for good",
      role: 'admin',
      params: path,
      answers: {
        200: {
          description: 'The key, revoked now or before',
          content: {
            'application/json': { schema: key, example: { ...EXAMPLE, revoked_at: EXAMPLE.created_at } },
          },
        },
      },
      async handle({ params, about }) {
        about(params.key_id);
        return json(viewOf(await store.revokeKey(params.key_id, new Date().toISOString())));
      },
    }),
  ];
}
