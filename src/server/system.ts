/** Endpoints about the server itself: whether it lives and is ready, its figures, its audit, logins. */
import { z } from 'zod';
import { lackOfRoom } from '../runner/queue/room.ts';
import { auditEndpoint } from './access/audit.ts';
import { keyEndpoints } from './access/key-endpoints.ts';
import { loginEndpoints } from './access/endpoints.ts';
import { json, type Endpoint } from './endpoint.ts';
import { renderMetrics, type Counters } from './figures/metrics.ts';
import type { Define, Parts } from './parts.ts';

/** How long an answer about readiness holds, in milliseconds: whoever asks more often costs no more. */
const READY_MS = 1000;

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

function figureEndpoints(parts: Parts, counters: Counters, define: Define): readonly Endpoint[] {
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
  ];
}

/** Endpoints about the server itself. */
export function systemEndpoints(parts: Parts, counters: Counters, define: Define): readonly Endpoint[] {
  return [
    ...healthEndpoints(parts, define),
    ...figureEndpoints(parts, counters, define),
    auditEndpoint(parts, define),
    ...keyEndpoints(parts, define),
    ...loginEndpoints(parts, define),
  ];
}
