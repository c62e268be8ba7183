/** The library: jobs from a program, kept and run in its own process, or by a server. */
import type { JobClient } from '../client/client.ts';
import type { Delivery } from '../job/delivery/delivery.ts';
import { JobError } from '../job/error.ts';
import type { JobEvent } from '../job/job.ts';
import type { JobResult } from '../job/result.ts';
import { isTerminal, type JobStatus } from '../job/status.ts';
import { verifyWebhookSignature } from '../notify/verify.ts';
import { askedOf, given, type SubmitOptions } from './asked.ts';
import { confirmed, saidBy, type CallbackUpdate } from './callback.ts';
import { jobOf, type Job } from './job.ts';
import { openJobs, type Opened } from './open.ts';
import { createPipelines, type Pipelines } from './pipelines.ts';
import { resolveOptions, type AgentRunnerOptions, type ResolvedOptions } from './options.ts';

/** Which jobs are listed, newest first. */
export interface ListOptions {
  readonly status?: JobStatus;
  readonly upstreamRepo?: string;
  readonly sessionId?: string;
  readonly userId?: string;
  /** Words of the task, the repository, the branch, the id or the pull request; `disc*` is what one begins with. */
  readonly search?: string;
  /** At most so many; 50 unless given, 1,000 at most. */
  readonly limit?: number;
  /** Id of the job that the list goes on behind. */
  readonly before?: string;
}

/** How a log is followed. */
export interface EventsOptions {
  /** The number of the last event that is known; 0 begins with the first. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

/** How long a job is waited for. */
export interface WaitOptions {
  /** Milliseconds, 24 hours unless given; then it rejects with `timed_out`, and the job goes on. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const LIST_LIMIT = 50;
const MAX_LIST = 1000;
const WAIT_MS = 24 * 3600 * 1000;
/** Node's timers overflow after 24.8 days. */
const MAX_WAIT_MS = 24 * 24 * 3600 * 1000;

/** Answered questions that are remembered; the oldest are of jobs that went on long ago. */
const MAX_ANSWERED = 1000;
const PAGE = 1000;

function isQuestion({ data }: JobEvent): boolean {
  return data['status'] === 'needs_input';
}

/** The number of the event by which a job asked last; 0 where it never did. */
async function lastQuestion(client: JobClient, jobId: string): Promise<number> {
  let [last, after] = [0, 0];
  for (;;) {
    const page = await client.events(jobId, after, PAGE);
    last = page.findLast(isQuestion)?.seq ?? last;
    after = page.at(-1)?.seq ?? after;
    if (page.length < PAGE) return last;
  }
}

function remember(answered: Map<string, number>, jobId: string, question: number): void {
  answered.delete(jobId);
  answered.set(jobId, question);
  const [oldest] = answered.keys();
  if (answered.size > MAX_ANSWERED && oldest !== undefined) answered.delete(oldest);
}

/**
 * Submits jobs and follows them: embedded (a home folder with a database of its own, and a worker in this process), or
 * remote (`{url, token}`), by the same methods. Nothing is opened before the first of them. Every method rejects with a
 * `JobError`.
 */
export class AgentRunner {
  readonly #options: ResolvedOptions;
  #opened: Promise<Opened> | null = null;
  #isClosed = false;
  /** Pipelines, and their runs. */
  readonly pipelines: Pipelines;
  /** By job: the number of the last question that this runner has answered, which is asked until a worker goes on. */
  readonly #answered = new Map<string, number>();

  /** @throws JobError `bad_configuration` that names the option */
  constructor(options: AgentRunnerOptions = {}) {
    this.#options = resolveOptions(options);
    this.pipelines = createPipelines(() => this.#client(), this.#options.jobToken);
  }

  async #client(): Promise<JobClient> {
    return (await this.#open()).client;
  }

  async #open(): Promise<Opened> {
    if (this.#isClosed) throw new JobError('conflict', 'agent-runner: it was closed');
    // What could not be opened is tried again by the next call.
    this.#opened ??= openJobs(this.#options).catch((error: unknown) => {
      this.#opened = null;
      throw error;
    });
    return this.#opened;
  }

  /** Asks for a job; it is durable when this resolves. */
  async submitJob(options: SubmitOptions): Promise<Job> {
    const client = await this.#client();
    const { job_id: jobId } = await client.submit(
      askedOf(options, this.#options.jobToken),
      options.idempotencyKey,
    );
    return jobOf(await client.job(jobId));
  }

  /** The job as it stands. Rejects with `not_found`. */
  async getJob(jobId: string): Promise<Job> {
    return jobOf(await (await this.#client()).job(jobId));
  }

  /** Jobs, newest first. */
  async listJobs(options: ListOptions = {}): Promise<readonly Job[]> {
    const { status, upstreamRepo: repo, sessionId, userId, search, before, limit = LIST_LIMIT } = options;
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIST)
      throw new JobError('invalid_request', `limit: ${limit} is no whole number from 1 to ${MAX_LIST}`);
    const filter = given({ status, repo, sessionId, userId, search, before });
    return (await (await this.#client()).list({ limit, ...filter })).map(jobOf);
  }

  /** What a job ended with; rejects with `conflict` before. */
  async getResult(jobId: string): Promise<JobResult> {
    return (await (await this.#client()).result(jobId)).result;
  }

  /** A job's change against its base, as a unified diff. */
  async getDiff(jobId: string): Promise<string> {
    return (await this.#client()).diff(jobId);
  }

  /** Waits until a job has ended or asks a person (`needs_input`), and gives it as it is then. */
  async waitForJob(jobId: string, options: WaitOptions = {}): Promise<Job> {
    const { timeoutMs = WAIT_MS, signal } = options;
    if (!(timeoutMs > 0 && timeoutMs <= MAX_WAIT_MS))
      throw new JobError(
        'invalid_request',
        `timeoutMs: ${timeoutMs} is not above 0 and at most ${MAX_WAIT_MS}`,
      );
    const bound = AbortSignal.timeout(Math.ceil(timeoutMs));
    const client = await this.#client();
    const both = signal === undefined ? bound : AbortSignal.any([signal, bound]);
    for await (const events of client.follow(jobId, { after: 0, signal: both })) {
      const answered = this.#answered.get(jobId) ?? 0;
      if (!events.some((event) => isQuestion(event) && event.seq > answered)) continue;
      const job = await client.job(jobId);
      if (job.status === 'needs_input') return jobOf(job);
    }
    signal?.throwIfAborted();
    const job = jobOf(await client.job(jobId));
    if (isTerminal(job.status)) return job;
    throw new JobError('timed_out', `wait: ${jobId} is ${job.status} after ${timeoutMs} ms, and goes on`);
  }

  /** A job's events, in order and each once, until it has ended; a connection that breaks is taken up again. */
  async *events(jobId: string, options: EventsOptions = {}): AsyncGenerator<JobEvent, void, undefined> {
    const { after = 0, signal = new AbortController().signal } = options;
    const client = await this.#client();
    for await (const events of client.follow(jobId, { after, signal })) yield* events;
  }

  /** Stops a job; what it did is saved. Gives it as it is then, ended or about to. */
  async cancelJob(jobId: string): Promise<Job> {
    return jobOf(await (await this.#client()).cancel(jobId));
  }

  /** Asks once more for what an ended job was asked, as a new job. */
  async retryJob(jobId: string): Promise<Job> {
    const client = await this.#client();
    return jobOf(await client.job((await client.retry(jobId)).job_id));
  }

  /** Answers a job that needs input, or tells one that runs something more. */
  async sendMessage(jobId: string, text: string): Promise<Job> {
    const client = await this.#client();
    const { status } = await client.job(jobId);
    // Looked up before it is answered: what is asked afterwards is another question.
    const question = status === 'needs_input' ? await lastQuestion(client, jobId) : 0;
    const view = await client.message(jobId, text);
    if (question > 0) remember(this.#answered, jobId, question);
    return jobOf(view);
  }

  /** A job's callbacks and every try at them. */
  async listDeliveries(jobId: string): Promise<readonly Delivery[]> {
    return (await this.#client()).deliveries(jobId);
  }

  /**
   * Whether a callback's `X-Signature-256` belongs to its body, by `webhookSecret`. It knows neither time nor id: where
   * the other headers can be read, `verifyWebhook` also refuses what is old or comes again.
   *
   * @param body as it came, before anything parses it
   * @throws JobError `bad_configuration` without `webhookSecret`
   */
  verifyWebhookSignature(body: string | Uint8Array, signature: string | null | undefined): boolean {
    const { webhookSecret } = this.#options;
    if (webhookSecret !== null) return verifyWebhookSignature(body, signature, webhookSecret);
    throw new JobError('bad_configuration', 'webhookSecret: it was not given, so nothing can be verified', {
      hint: 'give new AgentRunner the secret that callbacks are signed with',
    });
  }

  /**
   * Takes a callback's word for a job, after its signature was verified.
   *
   * A job that a workflow executes ends by it, once: what it says of a pull request is looked up at the forge, and told
   * again it changes nothing. Any other job ends by its own gate: what fits what is known resolves to the job, anything
   * else is refused with `conflict`.
   *
   * @throws JobError `conflict` also while the job is just being dispatched: tell it again in a moment
   */
  async updateJobFromCallback(update: CallbackUpdate): Promise<Job> {
    const { end } = await this.#open();
    const job = await this.getJob(update.jobId);
    if (job.executor === 'local' || end === null) return confirmed(job, update);
    const said = saidBy(update);
    if (said === null || isTerminal(job.status)) return job;
    await end(job.jobId, said);
    return this.getJob(job.jobId);
  }

  /** Takes no more calls, lets jobs of this process end for `drain_s` seconds, and hands back those that need longer. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = this.#opened;
    this.#opened = null;
    await (await opened?.catch(() => null))?.close();
  }

  /** The same as `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
