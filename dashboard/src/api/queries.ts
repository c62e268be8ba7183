/** What is asked of the server, by name: every page takes it from here, so that the same question is asked once. */
import { infiniteQueryOptions, QueryClient, queryOptions } from '@tanstack/react-query';
import type { AuditFilter, KeyView, NumberedAuditEntry } from '../../../src/job/access/access.ts';
import type { Delivery } from '../../../src/job/delivery/delivery.ts';
import type { UsageKey, UsageSum } from '../../../src/job/model/usage.ts';
import type { JobResult } from '../../../src/job/result.ts';
import type { JobStatus } from '../../../src/job/status.ts';
import type { SessionDetail } from '../../../src/job/view/session.ts';
import type { JobView } from '../../../src/job/view/view.ts';
import type {
  AgentsView,
  FindingView,
  GateRunsView,
  LimitsView,
  WhoView,
} from '../../../src/server/dashboard/view.ts';
import { get, getText, Refusal } from './call.ts';

/** How often a job is asked for whose stream may be broken, in milliseconds. */
const JOB_MS = 5000;
/** Tries of a question that met no server, or one that asked to come later; any other refusal is an answer. */
const MAX_TRIES = 3;
const LATER: readonly number[] = [0, 429, 503];
/** Pause before a question is asked again, and the longest, in milliseconds. */
const AGAIN_MS = 1000;
const MAX_AGAIN_MS = 30_000;

/** How long is waited before a question is asked again: as the server says, else longer each time. */
export function pauseMs(tries: number, error: unknown): number {
  const asked = error instanceof Refusal ? error.waitMs : null;
  return Math.min(MAX_AGAIN_MS, asked ?? AGAIN_MS * 2 ** tries);
}

/** Holds what was answered. */
export const queries: QueryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      refetchOnWindowFocus: true,
      retry: (count, error) => count < MAX_TRIES && error instanceof Refusal && LATER.includes(error.status),
      retryDelay: pauseMs,
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

/** Jobs that wait, the newest first: enough to tell one its place. */
export const queuedQuery = queryOptions({
  queryKey: ['queued'],
  queryFn: ({ signal }) =>
    get<{ readonly jobs: readonly JobView[]; readonly next_cursor: string | null }>(
      '/api/jobs?status=queued&limit=200',
      signal,
    ),
  refetchInterval: JOB_MS,
});

/** The jobs that go on from one another with this one. */
export function sessionQuery(job: JobView) {
  const session = job.session_id ?? job.job_id;
  return queryOptions({
    queryKey: ['session', session],
    queryFn: ({ signal }) =>
      get<SessionDetail>(`/api/sessions/${encodeURIComponent(session.toWellFormed())}?limit=50`, signal),
    refetchInterval: hasEnded(job) ? false : 3 * JOB_MS,
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
      get<UsageView>(`/api/usage?by=${by}&since=${encodeURIComponent(since)}&limit=400`, signal),
    staleTime: 15_000,
  });
}

/** Who may edit. */
export const agentsQuery = queryOptions({
  queryKey: ['agents'],
  queryFn: ({ signal }) => get<AgentsView>('/api/agents', signal),
  staleTime: 60_000,
});

/** What a request may ask for here, and what budgets leave. */
export const limitsQuery = queryOptions({
  queryKey: ['limits'],
  queryFn: ({ signal }) => get<LimitsView>('/api/limits', signal),
  staleTime: 10_000,
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

/** How often it is asked whether the server can work, and whether one that did not answer is back, in milliseconds. */
const READY_MS = 5000;
const BACK_MS = 2000;

/** Whether the server can work, which an answer of 503 tells too. */
export const readyQuery = queryOptions({
  queryKey: ['ready'],
  queryFn: async ({ signal }): Promise<Readiness> => (await fetch('/readyz', { signal })).json(),
  refetchInterval: ({ state }) => (state.status === 'error' ? BACK_MS : READY_MS),
  retry: false,
});

/** A page of what was done. */
export interface AuditPage {
  readonly entries: readonly NumberedAuditEntry[];
  readonly next_before: number | null;
}

/** Who did what, page by page. */
export function auditQuery(filter: AuditFilter) {
  return infiniteQueryOptions({
    queryKey: ['audit', filter],
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: '100', ...filter });
      if (pageParam !== null) query.set('before', String(pageParam));
      return get<AuditPage>(`/api/audit?${query}`, signal);
    },
    initialPageParam: null as number | null,
    getNextPageParam: ({ next_before: before }: AuditPage) => before,
  });
}

/** Who may come in. */
export const keysQuery = queryOptions({
  queryKey: ['keys'],
  queryFn: async ({ signal }) => (await get<{ keys: readonly KeyView[] }>('/api/keys', signal)).keys,
});
