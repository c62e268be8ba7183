/** The end of a job that a workflow executed: one way for callbacks and for looks at runs, and the first one counts. */
import { decideEnd, type Cause, type End, type Found } from '../../job/elsewhere/ending.ts';
import { errorInfoOf, JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { toResult, type JobResult } from '../../job/result.ts';
import { isTerminal } from '../../job/status.ts';
import type { RunnerParts } from '../context.ts';
import { createJournal } from '../engine/journal.ts';
import { holdLease } from '../engine/lease.ts';
import { endJob } from '../engine/settle.ts';
import { maskOf } from '../engine/wire.ts';
import { isLate, whereIs, type Whereabouts } from './workflow.ts';

/** Longest look for a pull request, in milliseconds. */
const LOOK_TIMEOUT_MS = 60_000;

/** The result of a job that was executed elsewhere. Of its gate nothing is known here but what the pull request says. */
export function resultElsewhere(
  job: Job,
  { forked, dispatched }: Whereabouts,
  { outcome, error, notices }: End,
  found: Found | null,
  spent: Partial<Pick<JobResult, 'total_cost' | 'total_tokens_in' | 'total_tokens_out'>> = {},
): JobResult {
  const now = new Date().toISOString();
  const saved = { ok: true, wip_ref: null, started_at: now, ended_at: now, usage: null } as const;
  const run = dispatched?.run_url ?? null;
  return {
    ...toResult(job, [], { outcome, error }, saved),
    ...spent,
    branch: found === null ? null : job.branch,
    head_sha: found?.head_sha ?? null,
    draft: found?.is_draft ?? false,
    pr_url: found?.url ?? null,
    notices: [...(run === null ? [] : [`executed and judged by ${run}`]), ...notices],
    upstream_repo: forked?.upstream ?? null,
    fork_repo: forked === null || forked.fork === forked.upstream ? null : forked.fork,
    session_id: null,
  };
}

/** What the forge shows for a job's branch, and what a person should know of the look. */
interface Looked {
  readonly found: Found | null;
  readonly notices: readonly string[];
}

/**
 * The pull request of a job's branch, as the forge shows it. Where it can't be asked, that is waited for as long as a run
 * may take, and no longer.
 */
async function look(parts: RunnerParts, job: Job, { forked, dispatched }: Whereabouts): Promise<Looked> {
  try {
    const remote = await parts.forge.resolve(job.request.repo);
    const signal = AbortSignal.timeout(LOOK_TIMEOUT_MS);
    const { find } = parts.forge.access(remote, { jobId: job.job_id, signal, onNotice: () => {} });
    const found = await find?.(forked?.fork ?? null, job.branch, job.job_id);
    if (found == null) return { found: null, notices: [] };
    const { url, headSha, isDraft } = found;
    return { found: { url, head_sha: headSha, is_draft: isDraft }, notices: [] };
  } catch (error) {
    const { message } = errorInfoOf(error);
    if (dispatched !== null && isLate(parts, dispatched))
      return { found: null, notices: [`its pull request could not be looked for: ${message}`] };
    throw new JobError('infra_failed', `job: the end of ${job.job_id} can't be looked up: ${message}`, {
      cause: error,
    });
  }
}

/**
 * Ends a job. Told twice, it ends once: the first cause counts, and its callback is stored with its end.
 *
 * @returns the job, ended by this or before
 * @throws JobError `conflict` while somebody holds it, or before it was dispatched; `infra_failed` where the forge can't
 *   be asked
 */
export async function endElsewhere(parts: RunnerParts, jobId: string, cause: Cause): Promise<Job> {
  const { store } = parts;
  const lease = await holdLease(store, jobId);
  try {
    const job = await store.getJob(jobId);
    if (job === null) throw new JobError('not_found', `job: there is no ${jobId}`);
    if (isTerminal(job.status)) return job;
    if (job.status !== 'triggered')
      throw new JobError('conflict', `job: ${jobId} is ${job.status}, and no run has it yet`);
    const at = await whereIs(store, jobId);
    const { found, notices } = await look(parts, job, at);
    const where = `of ${at.forked?.upstream ?? job.request.repo} from ${at.forked?.fork ?? ''}:${job.branch}`;
    const mask = maskOf(parts);
    const decided = decideEnd(cause, found, where);
    const { error } = decided;
    const end = {
      ...decided,
      notices: [...decided.notices, ...notices],
      error: error === null ? null : { ...error, message: mask(error.message) },
    };
    const spent =
      cause.kind === 'said'
        ? {
            total_cost: cause.said.total_cost,
            total_tokens_in: cause.said.total_tokens_in,
            total_tokens_out: cause.said.total_tokens_out,
          }
        : {};
    const journal = createJournal(store, jobId, { attempt: job.attempt, mask, show: () => {} });
    journal.emit('message', 'notify', {
      text: `its end was ${cause.kind === 'said' ? 'told by a callback' : 'seen at its run'}`,
    });
    if (end.error !== null) journal.emit('error', null, { message: end.error.message, hint: end.error.hint });
    const result = resultElsewhere(job, at, end, found, spent);
    return await endJob({ store, lease, journal, mask }, job, result);
  } finally {
    await lease.release();
  }
}
