/** What a person may do with jobs that a worker runs, or will run: submit, cancel, retry, answer, follow. */
import { randomBytes } from 'node:crypto';
import { branchElsewhere, isElsewhere } from '../../job/elsewhere/executor.ts';
import { Cancelled, JobError } from '../../job/error.ts';
import { PROCEDURE_VERSION, type Job } from '../../job/job.ts';
import { jobOfRun, runIdOf } from '../../job/pipeline/run.ts';
import { parseSessionId, parseTask, type JobRequest } from '../../job/request.ts';
import { isTerminal } from '../../job/status.ts';
import type { Accepted, Acceptance } from '../../store/store.ts';
import type { RunnerParts } from '../context.ts';
import { watchRuns } from '../dispatch/poll.ts';
import { isHeldAlive } from '../engine/lease.ts';
import { findFollowed } from '../forge/follow.ts';
import type { Runner } from '../runner.ts';
import { checkSession } from '../session/start.ts';
import { canSign } from '../callbacks/callbacks.ts';
import { createChanges } from './changes.ts';
import { createFollowers } from './follow.ts';
import { checkRoom, lackOfRoom } from './room.ts';
import { work } from './worker.ts';

/** A job id: random, so that ids of several machines never meet. */
export function newJobId(): string {
  return `job-${randomBytes(6).toString('hex')}`;
}

/** The branch of a job, or of its session. */
export function branchOf(template: string, jobId: string): string {
  return template.replaceAll('<job_id>', jobId);
}

/** Milliseconds that an idempotency key is remembered: 24 hours. */
const ONCE_MS = 24 * 3600 * 1000;

/** A job as it is accepted. */
export function newJob(jobId: string, request: JobRequest, branch: string): Job {
  const now = new Date().toISOString();
  return {
    job_id: jobId,
    request,
    status: 'queued',
    outcome: null,
    procedure_version: PROCEDURE_VERSION,
    attempt: 1,
    branch,
    created_at: now,
    updated_at: now,
    started_at: null,
    finished_at: null,
    question: null,
    result: null,
  };
}

/** What comes with a request, and is no part of it. */
interface Along {
  /** The job's own token for the forge. */
  readonly token?: string | undefined;
  /** The job whose branch it goes on with, where the caller knows it. */
  readonly follows?: JobRequest['follows'];
}

/** Stores a request as a job, under the name of its repository. */
export async function accept(
  parts: RunnerParts,
  request: JobRequest,
  acceptance: Acceptance,
  { token, follows: known }: Along = {},
): Promise<Accepted> {
  if (request.callback_url !== undefined) parts.callbacks.check(request.callback_url);
  // Kept under the name that its saved work is found by, also when the repository is gone one day.
  const remote = await parts.forge.resolve(request.repo);
  const repo = remote.url;
  const { session_id: sessionId } = request;
  const root =
    sessionId === undefined
      ? null
      : await checkSession(parts.store, parseSessionId(sessionId), { repo, token });
  const jobId = newJobId();
  const { follows: _before, sealed_token: _erased, ...asked } = request;
  const own = token === undefined ? {} : { sealed_token: await parts.seals.seal(jobId, token) };
  const follows = isElsewhere(request)
    ? undefined
    : (root?.follows ?? known ?? (await findFollowed(parts.store, remote, request)));
  const issue = asked.issue ?? root?.issue ?? null;
  const pull = root?.pull ?? asked.pull ?? null;
  const branch = isElsewhere(request)
    ? branchElsewhere(jobId)
    : (request.in_place?.branch ??
      request.onto?.branch ??
      root?.branch ??
      follows?.branch ??
      branchOf(parts.config.branchTemplate, sessionId ?? jobId));
  const resolved = {
    ...asked,
    ...own,
    repo,
    ...(follows === undefined ? {} : { follows }),
    ...(issue === null ? {} : { issue }),
    ...(pull === null ? {} : { pull }),
  };
  return parts.store.createJob(newJob(jobId, resolved, branch), acceptance);
}

/** Ends a job that waits, so that a person need not wait for a worker to do so. */
async function endWaiting(parts: RunnerParts, runner: Runner, jobId: string): Promise<void> {
  if (await isHeldAlive(parts.store, jobId, new Date())) return;
  await runner.run(jobId, { signal: AbortSignal.abort(new Cancelled()) }).catch((error: unknown) => {
    // Somebody took it first, and hears of the wish to cancel.
    if (!(error instanceof JobError && error.code === 'conflict')) throw error;
  });
}

/** Refuses jobs that can't be asked for a second time in this way. @throws JobError `conflict` */
function checkRetriable({ job_id: jobId, request }: Job): void {
  const { in_place: inPlace, replay, step, sealed_token: token } = request;
  // Its work goes nowhere by itself, and the commit that it begins with means nothing without its run.
  if (step !== undefined) {
    throw new JobError('conflict', `retry: ${jobId} is the step ${step.name} of ${runIdOf(step.run)}`, {
      hint: `retry the run: \`agent-runner pipeline retry ${runIdOf(step.run)}\``,
    });
  }
  // Nobody's work is quietly done in another's name.
  if (token !== undefined) {
    throw new JobError('conflict', `retry: ${jobId} was asked for with a token of its own, which is erased`, {
      hint: 'submit it again, with its token',
    });
  }
  // Accepted, it would wait for ever: no worker may take it.
  if (inPlace !== undefined) {
    throw new JobError('conflict', `retry: ${jobId} worked for a checkout that a person stands in`, {
      hint: `call \`agent-runner ${inPlace.command}\` there again`,
    });
  }
  // It needs the answers of the recorded job, which are given when it is begun.
  if (replay !== undefined) {
    throw new JobError('conflict', `retry: ${jobId} played a recorded job back`, {
      hint: `call \`agent-runner replay ${replay.of}\` again`,
    });
  }
}

/** Refuses a message that nobody would read. @throws JobError `conflict` */
function checkReads({ job_id: jobId, request }: Job): void {
  if (request.pipeline !== undefined)
    throw new JobError('conflict', `message: ${jobId} is a run, which has no agent of its own`, {
      hint: `leave it for the job of a step: \`agent-runner pipeline show ${runIdOf(jobId)}\` names them`,
    });
  if (!isElsewhere(request)) return;
  throw new JobError('conflict', `message: ${jobId} is executed by a workflow, which reads none`, {
    hint: `cancel it by \`agent-runner cancel ${jobId}\` and ask anew`,
  });
}

/** The worker of this process, with what goes on beside its jobs. */
function workOf(parts: RunnerParts, runner: () => Runner): Runner['work'] {
  const { store, bell, config, callbacks } = parts;
  return (options) =>
    work(
      {
        store,
        bell,
        run: ({ job, lease }, handBack, place) =>
          runner().run(job.job_id, { signal: new AbortController().signal, lease, handBack, place }),
        deliverer: canSign(config.webhooks) ? callbacks.deliverer(options.log) : null,
        beside: (signal) => watchRuns(parts, signal, options.log),
        dispatcher: runner().triggers.dispatcher(options.log),
        settle: async (jobId) => {
          await runner().run(jobId, { signal: new AbortController().signal });
        },
      },
      {
        concurrency: config.worker.concurrency,
        perRepo: config.worker.perRepo,
        drainMs: config.worker.drainMs,
        hindrance: () => lackOfRoom(config.home, config.worker.minFreeBytes),
        ...options,
      },
    );
}

/** Wires them; `runner` is asked for only when one is used. */
export function queueVerbs(
  parts: RunnerParts,
  runner: () => Runner,
  find: (jobId: string) => Promise<Job>,
): Pick<Runner, 'submit' | 'cancel' | 'retry' | 'message' | 'follow' | 'followChanges' | 'work'> {
  const { store, bell, config } = parts;
  const followers = createFollowers(store, bell);
  const changes = createChanges(store, bell);
  const submit: Runner['submit'] = async (request, { once, token, settles, follows } = {}) => {
    await checkRoom(config.home, config.worker.minFreeBytes);
    const now = new Date();
    const acceptance = {
      ...(once === undefined ? {} : { once: { ...once, now, untilMs: now.getTime() + ONCE_MS } }),
      ...(settles === undefined ? {} : { settles }),
    };
    return accept(parts, request, acceptance, { token, follows });
  };
  const alive = async (id: string, what: string): Promise<Job> => {
    const job = await find(id);
    const { status, outcome, job_id: jobId } = job;
    if (!isTerminal(status)) return job;
    throw new JobError('conflict', `${what}: ${jobId} has ended (${outcome ?? status})`, {
      hint: `start it anew by \`agent-runner retry ${jobId}\``,
    });
  };
  return {
    submit,
    async cancel(id) {
      const { job_id: jobId } = await alive(id, 'cancel');
      await store.requestCancel(jobId);
      await endWaiting(parts, runner(), jobId);
      return find(jobId);
    },
    async retry(jobId, options, budget = {}) {
      const job = await find(jobId);
      if (job.request.pipeline !== undefined) {
        if (Object.keys(budget).length === 0) return runner().pipelines.retry(job.job_id, options ?? {});
        throw new JobError(
          'invalid_request',
          'budget: a run that is retried may spend its own anew, no other',
          {
            hint: 'retry it as it is, or run its pipeline with more',
          },
        );
      }
      checkRetriable(job);
      if (isTerminal(job.status)) {
        const wanted = { ...job.request.budget, ...budget };
        return submit({ ...job.request, budget: wanted, retry_of: job.job_id }, options);
      }
      throw new JobError('conflict', `retry: ${jobId} has not ended, it is ${job.status}`, {
        hint: `cancel it first by \`agent-runner cancel ${jobId}\``,
      });
    },
    async message(id, text) {
      const job = await alive(id, 'message');
      const { job_id: jobId } = job;
      checkReads(job);
      await store.addMessage(jobId, parseTask(text), new Date().toISOString());
      return find(jobId);
    },
    follow: (id, options) => followers.follow(jobOfRun(id) ?? id, options),
    followChanges: (options) => changes.follow(options),
    work: workOf(parts, runner),
  };
}
