/** Asking for jobs, and what can be done to one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isElsewhere } from '../../job/elsewhere/executor.ts';
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { whereIs } from '../../runner/dispatch/workflow.ts';
import { json, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import { findJob } from './read.ts';
import { accepted, approveBody, jobPath, jobView, messageBody, retryBody, submitBody } from './schema.ts';
import * as samples from './samples.ts';
import { budgetOf, onceOf, requestOf, SUBMIT_REFUSES } from './submit.ts';
import { acceptedView, viewOf } from '../../job/view/view.ts';

const KEY_HEADER = { 'idempotency-key': 'Any text of yours: 1 to 255 printable ASCII characters' };
/** What an approval says where the person says nothing. */
const APPROVED = 'Approved: go on.';

/** Longest wait of a request for its job's dispatch, and the pauses between two looks, in milliseconds. */
const DISPATCH_WAIT_MS = 5000;
const DISPATCH_PAUSE_MS = 50;

/** A job that a workflow executes, once it was dispatched, where a worker of this process does so soon. */
async function soon({ runner, worker }: Parts, accepted: Job): Promise<Job> {
  if (!isElsewhere(accepted.request) || worker() !== 'working') return accepted;
  let job = accepted;
  const until = performance.now() + DISPATCH_WAIT_MS;
  while ((job.status === 'queued' || job.status === 'forking') && performance.now() < until) {
    await sleep(DISPATCH_PAUSE_MS);
    job = (await runner.store.getJob(job.job_id)) ?? job;
  }
  return job;
}

async function acceptedAnswer(parts: Parts, accepted: Job, isNew: boolean): Promise<Response> {
  const job = await soon(parts, accepted);
  const { forked } = isElsewhere(job.request)
    ? await whereIs(parts.runner.store, job.job_id)
    : { forked: null };
  return json(acceptedView(job, forked), 201, {
    location: `/api/jobs/${job.job_id}`,
    ...(isNew ? {} : { 'idempotent-replayed': 'true' }),
  });
}

function submitEndpoint(parts: Parts, define: Define): Endpoint {
  const { runner } = parts;
  return define({
    method: 'post',
    path: '/api/jobs',
    id: 'submitJob',
    tag: 'jobs',
    summary: 'Ask for a job',
    description:
      'The job is durable when this is answered. With `Idempotency-Key` the same request within 24 hours answers the same job; the same key for another request is a 409. A job of executor `github-actions` is answered as `triggered` where its workflow was dispatched within five seconds.',
    role: 'submit',
    refuses: SUBMIT_REFUSES,
    headers: KEY_HEADER,
    body: { schema: submitBody, examples: samples.submit },
    answers: {
      201: {
        description: 'Accepted; `Idempotent-Replayed: true` where it had been before',
        content: { 'application/json': { schema: accepted, example: samples.accepted } },
        headers: { location: 'Where the job is' },
      },
    },
    async handle({ body, principal, request, about }) {
      const asked = await requestOf(runner, principal, body);
      const once = onceOf(principal, request.headers.get('idempotency-key'), body);
      const { job, isNew } = await runner.submit(asked, { ...once, token: body.github_token });
      about(job.job_id);
      return acceptedAnswer(parts, job, isNew);
    },
  });
}

function endingEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  const { runner } = parts;
  return [
    define({
      method: 'post',
      path: '/api/jobs/{job_id}/cancel',
      id: 'cancelJob',
      tag: 'jobs',
      summary: 'Stop a job; what it did is saved',
      role: 'submit',
      refuses: { 409: 'The job has ended' },
      params: jobPath,
      answers: {
        202: {
          description: 'The job, ended or about to',
          content: { 'application/json': { schema: jobView, example: samples.job } },
        },
      },
      async handle({ params, about }) {
        about(params.job_id);
        return json(viewOf(await runner.cancel(params.job_id)), 202);
      },
    }),
    define({
      method: 'post',
      path: '/api/jobs/{job_id}/retry',
      id: 'retryJob',
      tag: 'jobs',
      summary: 'Ask once more for what an ended job was asked, as a new job',
      role: 'submit',
      refuses: {
        409: 'The job has not ended, or the idempotency key was used for another request',
        503: 'The disk is nearly full',
      },
      headers: KEY_HEADER,
      params: jobPath,
      body: {
        schema: retryBody,
        isOptional: true,
        examples: { plain: {}, larger: { budget: { max_cost_usd: 4 } } },
      },
      answers: {
        201: {
          description: 'The new job; `Idempotent-Replayed: true` where it had been made before',
          content: { 'application/json': { schema: accepted, example: samples.accepted } },
          headers: { location: 'Where the new job is' },
        },
      },
      async handle({ params, body, about, principal, request }) {
        about(params.job_id);
        const key = request.headers.get('idempotency-key');
        const budget = budgetOf(runner.config, body.budget);
        const isSame = Object.keys(budget).length === 0;
        const once = onceOf(principal, key, { retry: params.job_id, ...(isSame ? {} : { budget }) });
        const { job, isNew } = await runner.retry(params.job_id, once, budget);
        return acceptedAnswer(parts, job, isNew);
      },
    }),
  ];
}

function sayingEndpoints({ runner }: Parts, define: Define): readonly Endpoint[] {
  return [
    define({
      method: 'post',
      path: '/api/jobs/{job_id}/messages',
      id: 'sendMessage',
      tag: 'jobs',
      summary: "Leave a message for a job's agent",
      description: 'It answers a job that needs input; any other gets it when its agent asks next.',
      role: 'submit',
      refuses: { 409: 'The job has ended' },
      params: jobPath,
      body: { schema: messageBody, examples: { answer: { text: 'Use the second one' } } },
      answers: {
        202: {
          description: 'Kept',
          content: { 'application/json': { schema: jobView, example: samples.job } },
        },
      },
      async handle({ params, body, about }) {
        about(params.job_id);
        return json(viewOf(await runner.message(params.job_id, body.text)), 202);
      },
    }),
    define({
      method: 'post',
      path: '/api/jobs/{job_id}/approve',
      id: 'approveJob',
      tag: 'jobs',
      summary: 'Let a job go on that asked whether it may',
      description: '409 while the job asks nothing.',
      role: 'submit',
      refuses: { 409: 'The job asks nothing' },
      params: jobPath,
      body: {
        schema: approveBody,
        isOptional: true,
        examples: { plain: {}, words: { text: 'Yes, and mind the tests' } },
      },
      answers: {
        202: {
          description: 'Told',
          content: { 'application/json': { schema: jobView, example: samples.job } },
        },
      },
      async handle({ params, body, about }) {
        about(params.job_id);
        const { status } = await findJob(runner, params.job_id);
        if (status !== 'needs_input')
          throw new JobError('conflict', `approve: ${params.job_id} asks nothing, it is ${status}`);
        return json(viewOf(await runner.message(params.job_id, body.text ?? APPROVED)), 202);
      },
    }),
  ];
}

/** Endpoints that change something. */
export function actEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  return [
    submitEndpoint(parts, define),
    ...endingEndpoints(parts, define),
    ...sayingEndpoints(parts, define),
  ];
}
