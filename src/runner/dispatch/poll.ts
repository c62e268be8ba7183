/**
 * Looks at the runs of triggered jobs: a callback may be lost, and a run may end without one. One process of a home looks
 * at a time, and lists the runs of a workflow once for all its jobs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowRun, Workflows } from '../../forge/forge.ts';
import type { Cause } from '../../job/elsewhere/ending.ts';
import { errorInfoOf, JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { Log } from '../../log.ts';
import type { RunnerParts } from '../context.ts';
import { endElsewhere } from './end.ts';
import { isLate, runsOf, whereIs, type Dispatched } from './workflow.ts';

/** Triggered jobs that one round looks at, the oldest first; runs beyond the list that it asks for one by one. */
const MAX_JOBS = 1000;
const PAGE = 200;
const MAX_READS = 10;
/** Longest round, in milliseconds. */
const ROUND_TIMEOUT_MS = 120_000;

/** A job that waits for its run. */
interface Waiting {
  readonly job: Job;
  readonly dispatched: Dispatched;
}

/** What is known from round to round. */
interface Seen {
  /** Jobs whose run had ended when it was last looked at: its callback may be on its way. */
  ended: ReadonlySet<string>;
  /** When a run that is in no list was read, by job, in the order of that. */
  readonly read: Map<string, number>;
}

async function triggeredJobs({ store }: RunnerParts): Promise<readonly Job[]> {
  const jobs: Job[] = [];
  while (jobs.length < MAX_JOBS) {
    const last = jobs.at(-1);
    const before = last === undefined ? {} : { before: last.job_id };
    const page = await store.listJobs({ status: 'triggered', limit: PAGE, ...before });
    jobs.push(...page);
    if (page.length < PAGE) break;
  }
  return jobs.toReversed();
}

/** Those of them of which it is known where they run. */
async function waitingOf({ store }: RunnerParts, jobs: readonly Job[]): Promise<readonly Waiting[]> {
  const waiting: Waiting[] = [];
  for (const job of jobs) {
    const { dispatched } = await whereIs(store, job.job_id);
    if (dispatched !== null) waiting.push({ job, dispatched });
  }
  return waiting;
}

/** What failed in a run; nothing where that can't be read, unless it may be readable at the next look. */
async function failuresOf(
  workflows: Workflows,
  run: WorkflowRun,
  hasTime: boolean,
): Promise<Extract<Cause, { kind: 'run' }>['failed']> {
  if (run.conclusion === 'success') return [];
  return workflows.failures(run.id).catch((error: unknown) => {
    if (hasTime && errorInfoOf(error).code === 'infra_failed') throw error;
    return [];
  });
}

/** Why a job has ended whose run goes on for too long, which is stopped. */
async function stopLate(workflows: Workflows, run: WorkflowRun, timeoutMs: number): Promise<Cause> {
  const stopped = await workflows.cancel(run.id).then(
    () => 'and was cancelled',
    (error: unknown) => `and could not be cancelled: ${errorInfoOf(error).message}`,
  );
  return run.status === 'waiting'
    ? { kind: 'gone', why: `the run ${run.url} did not begin within ${timeoutMs / 1000} s, ${stopped}` }
    : { kind: 'late', why: `the run ${run.url} did not end within ${timeoutMs / 1000} s, ${stopped}` };
}

/** What a look at a run says: nothing yet, or why the job has ended. */
async function causeOf(
  parts: RunnerParts,
  workflows: Workflows,
  { job, dispatched }: Waiting,
  run: WorkflowRun | 'gone' | null,
  seen: Seen,
  ended: Set<string>,
): Promise<Cause | null> {
  const { timeoutMs } = parts.config.elsewhere;
  const late = isLate(parts, dispatched);
  const where = `${dispatched.workflow} in ${dispatched.runner_repo}`;
  if (run === 'gone')
    return {
      kind: 'gone',
      why: `the run ${dispatched.run_url ?? ''} of ${where} is gone: somebody removed it`,
    };
  if (run === null)
    return late ? { kind: 'gone', why: `no run of ${where} was seen within ${timeoutMs / 1000} s` } : null;
  if (run.status !== 'ended') return late ? stopLate(workflows, run, timeoutMs) : null;
  ended.add(job.job_id);
  if (dispatched.calls_back && !seen.ended.has(job.job_id)) return null;
  const failed = await failuresOf(workflows, run, !late);
  return { kind: 'run', conclusion: run.conclusion ?? 'unknown', url: run.url, failed };
}

/** The run of a job: in the list, or where that is too short for it by itself; a few of these a round. */
async function findRun(
  workflows: Workflows,
  { job, dispatched }: Waiting,
  listed: readonly WorkflowRun[],
  seen: Seen,
  reads: { left: number },
): Promise<WorkflowRun | 'gone' | 'unknown' | null> {
  const { run_id: id } = dispatched;
  const run = listed.find((one) => (id === null ? one.jobId === job.job_id : one.id === id));
  if (run !== undefined) return run;
  if (id === null) return null;
  if (reads.left <= 0) return 'unknown';
  reads.left--;
  seen.read.delete(job.job_id);
  seen.read.set(job.job_id, Date.now());
  return (await workflows.read(id)) ?? 'gone';
}

/** Ends a job, or says why not yet. */
async function endBy(parts: RunnerParts, jobId: string, cause: Cause, log: Log): Promise<void> {
  const { outcome } = await endElsewhere(parts, jobId, cause);
  log.info('a run was seen to have ended', { job_id: jobId, outcome });
}

/** Nothing is known of any run: what had its time is not waited for any more. */
async function giveUp(
  parts: RunnerParts,
  group: readonly Waiting[],
  thrown: unknown,
  log: Log,
): Promise<void> {
  const { message } = errorInfoOf(thrown);
  log.warn('runs could not be looked at', { message });
  const why = `its run could not be looked at within ${parts.config.elsewhere.timeoutMs / 1000} s: ${message}`;
  for (const { job, dispatched } of group)
    if (isLate(parts, dispatched)) await endBy(parts, job.job_id, { kind: 'gone', why }, log);
}

async function lookAtWorkflow(
  parts: RunnerParts,
  group: readonly Waiting[],
  seen: Seen,
  ended: Set<string>,
  log: Log,
): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const signal = AbortSignal.timeout(ROUND_TIMEOUT_MS);
  const workflows = await runsOf(parts, first.dispatched, { jobId: 'runs', signal });
  const oldest = group.map(({ dispatched }) => dispatched.asked_at).toSorted()[0] ?? '';
  const listed = await workflows.list(oldest);
  const reads = { left: MAX_READS };
  // Those that were read longest ago, or never, go first: everybody's turn comes.
  const order = group.toSorted(
    (a, b) => (seen.read.get(a.job.job_id) ?? 0) - (seen.read.get(b.job.job_id) ?? 0),
  );
  for (const waiting of order) {
    if (signal.aborted) return;
    const { job_id: jobId } = waiting.job;
    try {
      const run = await findRun(workflows, waiting, listed, seen, reads);
      const cause = run === 'unknown' ? null : await causeOf(parts, workflows, waiting, run, seen, ended);
      if (cause !== null) await endBy(parts, jobId, cause, log);
    } catch (error) {
      // Somebody else is ending it; or the next round tries again.
      if (!(error instanceof JobError && error.code === 'conflict'))
        log.warn('a run could not be looked at', { job_id: jobId, message: errorInfoOf(error).message });
    }
  }
}

/** One round over all triggered jobs, where it is this process's turn. */
async function look(parts: RunnerParts, seen: Seen, log: Log): Promise<void> {
  const jobs = await triggeredJobs(parts);
  const alive = new Set(jobs.map(({ job_id: jobId }) => jobId));
  for (const jobId of seen.read.keys()) if (!alive.has(jobId)) seen.read.delete(jobId);
  if (jobs.length === 0) return;
  if (!(await parts.store.takeTurn('runs', parts.config.elsewhere.pollMs, new Date()))) return;
  // Their steps are read by whoever's turn it is, and not by every process of the home.
  const waiting = await waitingOf(parts, jobs);
  const ended = new Set<string>();
  const groups = Map.groupBy(
    waiting,
    ({ dispatched: { runner_repo: repo, workflow } }) => `${repo} ${workflow}`,
  );
  for (const group of groups.values()) {
    await lookAtWorkflow(parts, group, seen, ended, log).catch((error: unknown) =>
      giveUp(parts, group, error, log),
    );
  }
  seen.ended = ended;
}

/** Looks at runs until the signal, and then ends; never rejects. */
export async function watchRuns(parts: RunnerParts, signal: AbortSignal, log: Log): Promise<void> {
  const seen: Seen = { ended: new Set(), read: new Map() };
  while (!signal.aborted) {
    await look(parts, seen, log).catch((error: unknown) => {
      log.error('triggered jobs could not be read', { message: errorInfoOf(error).message });
    });
    await sleep(parts.config.elsewhere.pollMs, undefined, { signal }).catch(() => {});
  }
}
