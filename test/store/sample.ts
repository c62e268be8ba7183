/** Valid jobs and events to start a test from. */
import type { NewEvent } from '../../src/job/job.ts';
import type { Job } from '../../src/job/job.ts';
import { DEFAULT_BUDGET, type JobRequest } from '../../src/job/request.ts';

/** When the samples were made. */
export const T0: Date = new Date('2026-11-20T10:00:00.000Z');

/** A valid request. */
export function sampleRequest(over: Partial<JobRequest> = {}): JobRequest {
  return {
    repo: '/srv/repo',
    task: 'fix the typo',
    mode: 'change',
    base: null,
    agent: 'patch',
    model: null,
    sandbox: 'host',
    allow_host: true,
    network: false,
    budget: DEFAULT_BUDGET,
    policy: {},
    max_gate_runs: null,
    checks: null,
    setup: null,
    allow_test_changes: false,
    draft: false,
    user_id: null,
    ...over,
  };
}

/** A valid job that was just accepted. */
export function sampleJob(jobId: string, over: Partial<Job> = {}): Job {
  return {
    job_id: jobId,
    request: sampleRequest(),
    status: 'queued',
    outcome: null,
    procedure_version: 1,
    attempt: 1,
    branch: `bot/${jobId}`,
    created_at: T0.toISOString(),
    updated_at: T0.toISOString(),
    started_at: null,
    finished_at: null,
    question: null,
    result: null,
    ...over,
  };
}

/** A valid event that carries `text`. */
export function sampleEvent(text: string): NewEvent {
  return { type: 'log', phase: 'build', attempt: 1, time: T0.toISOString(), data: { text } };
}
