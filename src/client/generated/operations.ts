/** The operations of the HTTP API. Generated from the OpenAPI document by `npm run client`: change the server, not this file. */
import type {
  AcceptedJob,
  Agents,
  ApiKey,
  Approval,
  AuditPage,
  ChangePage,
  Deliveries,
  Demo,
  EventPage,
  Findings,
  GateRuns,
  Job,
  JobPage,
  JobRequest,
  JobResult,
  JobStatus,
  Keys,
  MadeKey,
  Message,
  NewKey,
  Offer,
  Pipeline,
  PipelineDefinition,
  PipelinePage,
  Readiness,
  Retry,
  Run,
  RunApproval,
  RunOptions,
  RunPage,
  RunRequest,
  SessionDetail,
  SessionPage,
  Steps,
  Trace,
  Triggers,
  Usage,
  Who,
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
      readonly agent?: string;
      readonly about?: string;
      readonly kind?: 'top' | 'job' | 'run' | 'step';
      readonly since?: string;
      readonly until?: string;
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
    readonly body: Retry;
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
  readonly getChanges: {
    readonly path: null;
    readonly query: { readonly after?: number; readonly limit?: number };
    readonly header: { readonly 'last-event-id'?: string };
    readonly body: null;
    readonly answer: ChangePage;
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
  readonly listPipelines: {
    readonly path: null;
    readonly query: { readonly cursor?: string; readonly limit?: number };
    readonly header: null;
    readonly body: null;
    readonly answer: PipelinePage;
  };
  readonly createPipeline: {
    readonly path: null;
    readonly query: { readonly replace?: 'true' | 'false'; readonly read_at?: string };
    readonly header: null;
    readonly body: PipelineDefinition;
    readonly answer: Pipeline;
  };
  readonly getPipeline: {
    readonly path: { readonly id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Pipeline;
  };
  readonly deletePipeline: {
    readonly path: { readonly id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Pipeline;
  };
  readonly runPipeline: {
    readonly path: { readonly id: string };
    readonly query: null;
    readonly header: { readonly 'idempotency-key'?: string };
    readonly body: RunOptions;
    readonly answer: Run;
  };
  readonly listRuns: {
    readonly path: null;
    readonly query: { readonly cursor?: string; readonly limit?: number; readonly status?: JobStatus };
    readonly header: null;
    readonly body: null;
    readonly answer: RunPage;
  };
  readonly startRun: {
    readonly path: null;
    readonly query: null;
    readonly header: { readonly 'idempotency-key'?: string };
    readonly body: RunRequest;
    readonly answer: Run;
  };
  readonly listPipelineRuns: {
    readonly path: { readonly id: string };
    readonly query: { readonly cursor?: string; readonly limit?: number; readonly status?: JobStatus };
    readonly header: null;
    readonly body: null;
    readonly answer: RunPage;
  };
  readonly getRun: {
    readonly path: { readonly run_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Run;
  };
  readonly cancelRun: {
    readonly path: { readonly run_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Run;
  };
  readonly retryRun: {
    readonly path: { readonly run_id: string };
    readonly query: null;
    readonly header: { readonly 'idempotency-key'?: string };
    readonly body: null;
    readonly answer: Run;
  };
  readonly approveRun: {
    readonly path: { readonly run_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: RunApproval;
    readonly answer: Run;
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
    readonly query: {
      readonly before?: number;
      readonly limit?: number;
      readonly actor?: string;
      readonly action?: string;
      readonly target?: string;
    };
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
  readonly getGate: {
    readonly path: { readonly job_id: string };
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: GateRuns;
  };
  readonly getOutput: {
    readonly path: { readonly job_id: string };
    readonly query: { readonly run?: number; readonly check: string; readonly side?: 'base' | 'head' };
    readonly header: null;
    readonly body: null;
    readonly answer: string;
  };
  readonly getWho: {
    readonly path: null;
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Who;
  };
  readonly getFindings: {
    readonly path: null;
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Findings;
  };
  readonly listAgents: {
    readonly path: null;
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Agents;
  };
  readonly getLimits: {
    readonly path: null;
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Offer;
  };
  readonly makeDemo: {
    readonly path: null;
    readonly query: null;
    readonly header: null;
    readonly body: null;
    readonly answer: Demo;
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
  getChanges: { method: 'GET', path: '/api/changes', accepts: 'application/json' },
  getTrace: { method: 'GET', path: '/api/jobs/{job_id}/trace', accepts: 'application/json' },
  listSessions: { method: 'GET', path: '/api/sessions', accepts: 'application/json' },
  getSession: { method: 'GET', path: '/api/sessions/{session_id}', accepts: 'application/json' },
  listDeliveries: { method: 'GET', path: '/api/jobs/{job_id}/deliveries', accepts: 'application/json' },
  redeliver: { method: 'POST', path: '/api/jobs/{job_id}/redeliver', accepts: 'application/json' },
  listPipelines: { method: 'GET', path: '/api/pipelines', accepts: 'application/json' },
  createPipeline: { method: 'POST', path: '/api/pipelines', accepts: 'application/json' },
  getPipeline: { method: 'GET', path: '/api/pipelines/{id}', accepts: 'application/json' },
  deletePipeline: { method: 'DELETE', path: '/api/pipelines/{id}', accepts: 'application/json' },
  runPipeline: { method: 'POST', path: '/api/pipelines/{id}/run', accepts: 'application/json' },
  listRuns: { method: 'GET', path: '/api/runs', accepts: 'application/json' },
  startRun: { method: 'POST', path: '/api/runs', accepts: 'application/json' },
  listPipelineRuns: { method: 'GET', path: '/api/pipelines/{id}/runs', accepts: 'application/json' },
  getRun: { method: 'GET', path: '/api/runs/{run_id}', accepts: 'application/json' },
  cancelRun: { method: 'POST', path: '/api/runs/{run_id}/cancel', accepts: 'application/json' },
  retryRun: { method: 'POST', path: '/api/runs/{run_id}/retry', accepts: 'application/json' },
  approveRun: { method: 'POST', path: '/api/runs/{run_id}/approve', accepts: 'application/json' },
  getUsage: { method: 'GET', path: '/api/usage', accepts: 'application/json' },
  listTriggers: { method: 'GET', path: '/api/triggers', accepts: 'application/json' },
  getHealth: { method: 'GET', path: '/healthz', accepts: 'application/json' },
  getReadiness: { method: 'GET', path: '/readyz', accepts: 'application/json' },
  getMetrics: { method: 'GET', path: '/metrics', accepts: 'text/plain' },
  getAudit: { method: 'GET', path: '/api/audit', accepts: 'application/json' },
  listKeys: { method: 'GET', path: '/api/keys', accepts: 'application/json' },
  createKey: { method: 'POST', path: '/api/keys', accepts: 'application/json' },
  revokeKey: { method: 'POST', path: '/api/keys/{key_id}/revoke', accepts: 'application/json' },
  getGate: { method: 'GET', path: '/api/jobs/{job_id}/gate', accepts: 'application/json' },
  getOutput: { method: 'GET', path: '/api/jobs/{job_id}/output', accepts: 'text/plain' },
  getWho: { method: 'GET', path: '/api/who', accepts: 'application/json' },
  getFindings: { method: 'GET', path: '/api/doctor', accepts: 'application/json' },
  listAgents: { method: 'GET', path: '/api/agents', accepts: 'application/json' },
  getLimits: { method: 'GET', path: '/api/limits', accepts: 'application/json' },
  makeDemo: { method: 'POST', path: '/api/demo', accepts: 'application/json' },
} as const satisfies Record<
  keyof Operations,
  { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: string; readonly accepts: string }
>;
