/** Endpoints about the server itself: whether it lives and is ready, its figures, its audit, logins. */
import { z } from 'zod';
import { ROLES } from '../job/access/access.ts';
import { lackOfRoom } from '../runner/queue/room.ts';
import { keyEndpoints } from './access/key-endpoints.ts';
import { loginEndpoints } from './access/endpoints.ts';
import { json, type Endpoint } from './endpoint.ts';
import { wholeParam } from './jobs/schema.ts';
import { renderMetrics, type Counters } from './figures/metrics.ts';
import type { Define, Parts } from './parts.ts';

/** How long an answer about readiness holds, in milliseconds: whoever asks more often costs no more. */
const READY_MS = 1000;
const MAX_NUMBER = 1e15;

const ready = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    checks: z.object({
      database: z.enum(['ok', 'not_writable']),
      disk: z.enum(['ok', 'full']),
      worker: z.enum(['working', 'none', 'stopped']),
    }),
  })
  .meta({ id: 'Readiness' });
type Ready = z.output<typeof ready>;

async function readiness({ runner, worker }: Parts): Promise<Ready> {
  const { home, worker: limits } = runner.config;
  const isWritable = await runner.store.probe().then(
    () => true,
    () => false,
  );
  const lack = await lackOfRoom(home, limits.minFreeBytes).catch(() => 'unknown');
  const checks: Ready['checks'] = {
    database: isWritable ? 'ok' : 'not_writable',
    disk: lack === null ? 'ok' : 'full',
    worker: worker(),
  };
  const isReady = isWritable && lack === null && checks.worker !== 'stopped';
  return { status: isReady ? 'ready' : 'not_ready', checks };
}

function healthEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  let asked: { readonly atMs: number; readonly answer: Promise<Ready> } | null = null;
  const current = (): Promise<Ready> => {
    const atMs = performance.now();
    if (asked === null || atMs - asked.atMs > READY_MS) asked = { atMs, answer: readiness(parts) };
    return asked.answer;
  };
  const example: Ready = { status: 'ready', checks: { database: 'ok', disk: 'ok', worker: 'working' } };
  return [
    define({
      method: 'get',
      path: '/healthz',
      id: 'getHealth',
      tag: 'server',
      summary: 'Whether the server lives',
      role: null,
      answers: {
        200: {
          description: 'It does',
          content: {
            'application/json': { schema: z.object({ status: z.literal('ok') }), example: { status: 'ok' } },
          },
        },
      },
      handle: async () => json({ status: 'ok' }),
    }),
    define({
      method: 'get',
      path: '/readyz',
      id: 'getReadiness',
      tag: 'server',
      summary: 'Whether jobs can be taken and run: database writable, room on the disk, worker at work',
      role: null,
      answers: {
        200: { description: 'It is ready', content: { 'application/json': { schema: ready, example } } },
        503: {
          description: 'It is not',
          content: {
            'application/json': {
              schema: ready,
              example: { status: 'not_ready', checks: { ...example.checks, disk: 'full' } },
            },
          },
        },
      },
      async handle() {
        const answer = await current();
        return json(answer, answer.status === 'ready' ? 200 : 503);
      },
    }),
  ];
}

const auditPage = z
  .object({
    entries: z.array(
      z.object({
        number: z.int().min(1),
        time: z.string().meta({ format: 'date-time' }),
        actor: z.string(),
        role: z.enum(ROLES),
        action: z.string(),
        target: z.string().nullable(),
        status: z.int(),
        address: z.string().nullable(),
      }),
    ),
    next_before: z.int().nullable(),
  })
  .meta({ id: 'AuditPage' });

function figureEndpoints(parts: Parts, counters: Counters, define: Define): readonly Endpoint[] {
  const { store } = parts.runner;
  return [
    define({
      method: 'get',
      path: '/metrics',
      id: 'getMetrics',
      tag: 'server',
      summary: 'Figures for Prometheus',
      role: 'read',
      answers: {
        200: {
          description: 'The figures',
          content: {
            'text/plain': {
              schema: z.string(),
              example: 'agent_runner_jobs{status="queued",agent="codex"} 3\n',
            },
          },
        },
      },
      handle: async () =>
        new Response(await renderMetrics(parts, counters), {
          headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
        }),
    }),
    define({
      method: 'get',
      path: '/api/audit',
      id: 'getAudit',
      tag: 'server',
      summary: 'Who did what, newest first',
      role: 'admin',
      query: z.strictObject({
        before: wholeParam(1, MAX_NUMBER, MAX_NUMBER, 'Only entries with a smaller number'),
        limit: wholeParam(1, 1000, 100, 'Entries on a page'),
      }),
      answers: {
        200: {
          description: 'A page',
          content: {
            'application/json': {
              schema: auditPage,
              example: {
                entries: [
                  {
                    number: 1,
                    time: '2026-11-21T10:00:00.000Z',
                    actor: '0123456789ab',
                    role: 'submit',
                    action: 'submitJob',
                    target: 'job-0123456789ab',
                    status: 201,
                    address: '127.0.0.1',
                  },
                ],
                next_before: null,
              },
            },
          },
        },
      },
      async handle({ query }) {
        const entries = await store.listAudit(query.before, query.limit);
        const last = entries.at(-1)?.number ?? 1;
        return json({ entries, next_before: entries.length === query.limit && last > 1 ? last : null });
      },
    }),
  ];
}

/** Endpoints about the server itself. */
export function systemEndpoints(parts: Parts, counters: Counters, define: Define): readonly Endpoint[] {
  return [
    ...healthEndpoints(parts, define),
    ...figureEndpoints(parts, counters, define),
    ...keyEndpoints(parts, define),
    ...loginEndpoints(parts, define),
  ];
}
