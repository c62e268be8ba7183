/** The operations of the HTTP API. Generated from the OpenAPI document by `npm run client`: change the server, not this file. */
import type {
  AcceptedJob,
  ApiKey,
  Approval,
  AuditPage,
  Deliveries,
  EventPage,
  Job,
  JobPage,
  JobRequest,
  JobResult,
  Keys,
  MadeKey,
  Message,
  NewKey,
  Readiness,
  SessionDetail,
  SessionPage,
  Steps,
  Trace,
  Triggers,
  Usage,
} from './types.ts';

/** What every operation takes and answers. */
export interface Operations {
  readonly listJobs: {
    readonly path: null;
    readonly query: {
      readonly status?:
        | 'queued'
        | 'forking'
        | 'triggered'
        | 'running'
        | 'retrying'
        | 'needs_input'
        | 'completed'
        | 'failed'
        | 'cancelled'
        | 'created'
        | 'pending';
      readonly repo?: string;
      readonly q?: string;
      readonly session?: string;
      readonly user?: string;
      readonly cursor?: string;
      readonly limit?: number;
    };
    readonly header: null;
    readonly body: null;
    readonly answer: JobPage;
  };
  readonly submitJob: {
    readonly path: null;
    readonly query: null;
    readonly header: { readonly 'idempotency-key'?: string };
    readonly body: JobRequest;
    readonly answer: AcceptedJob;
  };
  readonly cancelJob: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Job;
  };
  readonly retryJob: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: { readonly 'idempotency-key'?: string };
    readonly body: null;
    readonly answer: AcceptedJob;
  };
  readonly sendMessage: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: Message;
    readonly answer: Job;
  };
  readonly approveJob: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: Approval;
    readonly answer: Job;
  };
  readonly getJob: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Job;
  };
  readonly getResult: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: JobResult;
  };
  readonly getDiff: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: string;
  };
  readonly getSteps: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Steps;
  };
  readonly getEvents: {
    readonly path: { readonly job_id: string };
    readonly query: { readonly after?: number; readonly limit?: number };
    readonly header: { readonly 'last-event-id'?: string };
    readonly body: null;
    readonly answer: EventPage;
  };
  readonly getLog: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: string;
  };
  readonly getTrace: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Trace;
  };
  readonly listSessions: {
    readonly path: null;
    readonly query: { readonly cursor?: string; readonly limit?: number };
    readonly header: null;
    readonly body: null;
    readonly answer: SessionPage;
  };
  readonly getSession: {
    readonly path: { readonly session_id: string };
    readonly query: { readonly limit?: number };
    readonly header: null;
    readonly body: null;
    readonly answer: SessionDetail;
  };
  readonly listDeliveries: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Deliveries;
  };
  readonly redeliver: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Deliveries;
  };
  readonly getUsage: {
    readonly path: null;
    readonly query: {
      readonly by?: 'day' | 'repo' | 'agent' | 'model';
      readonly since?: string;
      readonly limit?: number;
    };
    readonly header: null;
    readonly body: null;
    readonly answer: Usage;
  };
  readonly listTriggers: {
    readonly path: null;
    readonly query: {
      readonly state?: 'due' | 'done' | 'ignored' | 'failed';
      readonly repo?: string;
      readonly cursor?: number;
      readonly limit?: number;
    };
    readonly header: null;
    readonly body: null;
    readonly answer: Triggers;
  };
  readonly getHealth: {
    readonly path: null;
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: { readonly status: 'ok' };
  };
  readonly getReadiness: {
    readonly path: null;
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Readiness;
  };
  readonly getMetrics: {
    readonly path: null;
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: string;
  };
  readonly getAudit: {
    readonly path: null;
    readonly query: { readonly before?: number; readonly limit?: number };
    readonly header: null;
    readonly body: null;
    readonly answer: AuditPage;
  };
  readonly listKeys: {
    readonly path: null;
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Keys;
  };
  readonly createKey: {
    readonly path: null;
    readonly query: null;
    readonly header: null;
    readonly body: NewKey;
    readonly answer: MadeKey;
  };
  readonly revokeKey: {
    readonly path: { readonly key_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: ApiKey;
  };
}

/** Where every operation is. */
export const OPERATIONS = {
  listJobs: { method: 'GET', path: '/api/jobs', accepts: 'application/json' },
  submitJob: { method: 'POST', path: '/api/jobs', accepts: 'application/json' },
  cancelJob: { method: 'POST', path: '/api/jobs/{job_id}/cancel', accepts: 'application/json' },
  retryJob: { method: 'POST', path: '/api/jobs/{job_id}/retry', accepts: 'application/json' },
  sendMessage: { method: 'POST', path: '/api/jobs/{job_id}/messages', accepts: 'application/json' },
  approveJob: { method: 'POST', path: '/api/jobs/{job_id}/approve', accepts: 'application/json' },
  getJob: { method: 'GET', path: '/api/jobs/{job_id}', accepts: 'application/json' },
  getResult: { method: 'GET', path: '/api/jobs/{job_id}/result', accepts: 'application/json' },
  getDiff: { method: 'GET', path: '/api/jobs/{job_id}/diff', accepts: 'text/x-diff' },
  getSteps: { method: 'GET', path: '/api/jobs/{job_id}/steps', accepts: 'application/json' },
  getEvents: { method: 'GET', path: '/api/jobs/{job_id}/events', accepts: 'application/json' },
  getLog: { method: 'GET', path: '/api/jobs/{job_id}/log', accepts: 'text/plain' },
  getTrace: { method: 'GET', path: '/api/jobs/{job_id}/trace', accepts: 'application/json' },
  listSessions: { method: 'GET', path: '/api/sessions', accepts: 'application/json' },
  getSession: { method: 'GET', path: '/api/sessions/{session_id}', accepts: 'application/json' },
  listDeliveries: { method: 'GET', path: '/api/jobs/{job_id}/deliveries', accepts: 'application/json' },
  redeliver: { method: 'POST', path: '/api/jobs/{job_id}/redeliver', accepts: 'application/json' },
  getUsage: { method: 'GET', path: '/api/usage', accepts: 'application/json' },
  listTriggers: { method: 'GET', path: '/api/triggers', accepts: 'application/json' },
  getHealth: { method: 'GET', path: '/healthz', accepts: 'application/json' },
  getReadiness: { method: 'GET', path: '/readyz', accepts: 'application/json' },
  getMetrics: { method: 'GET', path: '/metrics', accepts: 'text/plain' },
  getAudit: { method: 'GET', path: '/api/audit', accepts: 'application/json' },
  listKeys: { method: 'GET', path: '/api/keys', accepts: 'application/json' },
  createKey: { method: 'POST', path: '/api/keys', accepts: 'application/json' },
  revokeKey: { method: 'POST', path: '/api/keys/{key_id}/revoke', accepts: 'application/json' },
} as const satisfies Record<
  keyof Operations,
  { readonly method: 'GET' | 'POST'; readonly path: string; readonly accepts: string }
>;
