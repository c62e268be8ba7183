/** What is asked of the server, by name: every page takes it from here, so that the same question is asked once. */
import { QueryClient, queryOptions } from '@tanstack/react-query';
import type { KeyView } from '../../../src/job/access/access.ts';
import type { Delivery } from '../../../src/job/delivery/delivery.ts';
import type { UsageKey, UsageSum } from '../../../src/job/model/usage.ts';
import type { JobResult } from '../../../src/job/result.ts';
import type { JobStatus } from '../../../src/job/status.ts';
import type { JobView } from '../../../src/job/view/view.ts';
import type { AgentsView, FindingView, GateRunsView, WhoView } from '../../../src/server/dashboard/view.ts';
import { get, getText, Refusal } from './call.ts';

/** How often a job is asked for whose stream may be broken, in milliseconds. */
const JOB_MS = 5000;
/** Tries of a question that met no server; a refusal is an answer. */
const MAX_TRIES = 3;

/** Holds what was answered. */
export const queries: QueryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      refetchOnWindowFocus: true,
      retry: (count, error) => count < MAX_TRIES && error instanceof Refusal && error.status === 0,
    },
  },
});

const ENDED: Readonly<Record<JobStatus, boolean>> = {
  queued: false,
  forking: false,
  triggered: false,
  running: false,
  retrying: false,
  needs_input: false,
  completed: true,
  failed: true,
  cancelled: true,
};

/** Whether nothing will happen to a job any more. */
export function hasEnded(job: Pick<JobView, 'status'>): boolean {
  return ENDED[job.status];
}

/** Who looks. */
export const whoQuery = queryOptions({
  queryKey: ['who'],
  queryFn: ({ signal }) => get<WhoView>('/api/who', signal),
  staleTime: 60_000,
});

/** One job. */
export function jobQuery(jobId: string) {
  return queryOptions({
    queryKey: ['job', jobId],
    queryFn: ({ signal }) => get<JobView>(`/api/jobs/${jobId}`, signal),
    refetchInterval: ({ state }) => (state.data !== undefined && hasEnded(state.data) ? false : JOB_MS),
  });
}

/** What a job ended with; `null` before. */
export function resultQuery(job: JobView | undefined) {
  const jobId = job?.job_id ?? '';
  return queryOptions({
    queryKey: ['result', jobId],
    queryFn: ({ signal }) => get<JobResult>(`/api/jobs/${jobId}/result`, signal),
    enabled: job !== undefined && hasEnded(job),
    staleTime: Infinity,
  });
}

/** What the gate has said of a job so far. */
export function gateQuery(jobId: string) {
  return queryOptions({
    queryKey: ['gate', jobId],
    queryFn: ({ signal }) => get<GateRunsView>(`/api/jobs/${jobId}/gate`, signal),
  });
}

/** A job's change, as text. */
export function diffQuery(jobId: string) {
  return queryOptions({
    queryKey: ['diff', jobId],
    queryFn: ({ signal }) => getText(`/api/jobs/${jobId}/diff`, signal),
    staleTime: 30_000,
  });
}

/** A job's callbacks. */
export function deliveriesQuery(jobId: string) {
  return queryOptions({
    queryKey: ['deliveries', jobId],
    queryFn: async ({ signal }) =>
      (await get<{ deliveries: readonly Delivery[] }>(`/api/jobs/${jobId}/deliveries`, signal)).deliveries,
  });
}

/** Sums of what was spent. */
export interface UsageView {
  readonly by: UsageKey;
  readonly since: string | null;
  readonly rows: readonly UsageSum[];
  readonly total: UsageSum | null;
}

/** What was spent. @param since a day, or `all` */
export function usageQuery(by: UsageKey, since: string) {
  return queryOptions({
    queryKey: ['usage', by, since],
    queryFn: ({ signal }) =>
      get<UsageView>(`/api/usage?by=${by}&since=${encodeURIComponent(since)}&limit=200`, signal),
    staleTime: 15_000,
  });
}

/** Who may edit. */
export const agentsQuery = queryOptions({
  queryKey: ['agents'],
  queryFn: ({ signal }) => get<AgentsView>('/api/agents', signal),
  staleTime: 60_000,
});

/** What works on the server's machine. */
export const doctorQuery = queryOptions({
  queryKey: ['doctor'],
  queryFn: async ({ signal }) =>
    (await get<{ findings: readonly FindingView[] }>('/api/doctor', signal)).findings,
});

/** Whether the server can work. */
export interface Readiness {
  readonly status: 'ready' | 'not_ready';
  readonly checks: Readonly<Record<'database' | 'disk' | 'worker', string>>;
}

/** Whether the server can work, which an answer of 503 tells too. */
export const readyQuery = queryOptions({
  queryKey: ['ready'],
  queryFn: async ({ signal }): Promise<Readiness> => (await fetch('/readyz', { signal })).json(),
  refetchInterval: 15_000,
  retry: false,
});

/** Who may come in. */
export const keysQuery = queryOptions({
  queryKey: ['keys'],
  queryFn: async ({ signal }) => (await get<{ keys: readonly KeyView[] }>('/api/keys', signal)).keys,
});
