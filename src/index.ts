/** The public list: explicit names only, held by `test/exports.test.ts`. */
export { ERROR_CODES, JobError, type Blame, type ErrorCode, type ErrorInfo } from './job/error.ts';
export { EVENT_TYPES, type EventType, type JobEvent } from './job/job.ts';
export type { Check, CheckReport, CheckVerdict, GateReport, GateVerdict, TamperFinding } from './job/gate.ts';
export type { Budget, JobRequest, Policy } from './job/request.ts';
export type { JobResult } from './job/result.ts';
export {
  createReplayMemory,
  verifyWebhook,
  verifyWebhookSignature,
  type ReplayStore,
  type VerifyOptions,
  type WebhookHeaders,
} from './notify/verify.ts';
export type { CallbackBody } from './notify/body.ts';
export { EXIT_CODES, isTerminal, JOB_STATUSES, JobStatus, OUTCOMES, type Outcome } from './job/status.ts';
export {
  AgentRunner,
  type EventsOptions,
  type ListOptions,
  type WaitOptions,
} from './library/agent-runner.ts';
export type { RunOptions, SubmitOptions } from './library/asked.ts';
export type { ApproveOptions, PipelineListOptions, Pipelines, RunListOptions } from './library/pipelines.ts';
export type { Pipeline, StepDefinition, StoredPipeline } from './job/pipeline/definition.ts';
export type { RunStatus, RunView, StepStatus } from './job/pipeline/run.ts';
export type { CallbackUpdate } from './library/callback.ts';
export type { Job, JobJson } from './library/job.ts';
export type { AgentRunnerOptions } from './library/options.ts';
export type { Delivery } from './job/delivery/delivery.ts';
