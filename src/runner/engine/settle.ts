/** A job's end: how it is stored and told, and what a death after it left undone. */
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { JobResult } from '../../job/result.ts';
import type { Saved, StepResult } from '../../job/step.ts';
import type { Store } from '../../store/store.ts';
import { removeFolders } from '../../workspace/keep/folders.ts';
import type { JobPaths } from '../../workspace/layout.ts';
import { deliveryAtEnd } from '../callbacks/callbacks.ts';
import { keepHome } from '../session/home.ts';
import { createJournal, type Journal, type JournalOptions } from './journal.ts';
import { holdLease, type HeldLease } from './lease.ts';

/** Events read at once while the last one is looked for. */
const PAGE = 1000;

/** What a job that ends is written with. */
export interface EndParts {
  readonly store: Store;
  readonly lease: HeldLease;
  readonly journal: Journal;
  /** Takes secrets out of a text. */
  readonly mask: (text: string) => string;
}

/** The event by which `isTold` knows that a job's end was told. */
async function tellEnd(
  journal: Journal,
  { status, outcome, job_id }: Pick<Job, 'job_id' | 'status' | 'outcome'>,
): Promise<void> {
  journal.emit('status', 'notify', { status, outcome, job_id });
  await journal.flush();
}

/**
 * Ends a job with its result, and tells of it in its events.
 *
 * @returns the job as it is then
 * @throws JobError `conflict` when the lease was lost meanwhile
 */
export async function endJob(parts: EndParts, job: Job, result: JobResult): Promise<Job> {
  const { store, lease, journal, mask } = parts;
  const { status, outcome, finished_at } = result;
  await journal.flush();
  const end = { status, outcome, result, finished_at, question: null };
  // In one transaction with the end, so that neither is there without the other.
  const ended = await store.updateJob(lease.current(), end, deliveryAtEnd(job, result, mask));
  await tellEnd(journal, result);
  return ended;
}

/** What a job works with and nobody needs once its work is saved; its logs and its patch stay. */
export function workFolders({ tree, checkouts, home, layers, git }: JobPaths): readonly string[] {
  return [tree, checkouts, home, layers, git];
}

/**
 * Removes what an ended job no longer needs. What can't be removed now is left to the next clean-up.
 *
 * @param session folder of its session, which keeps the agent's HOME
 */
export async function tidyJob(paths: JobPaths, session: string | null = null): Promise<void> {
  if (session !== null) await keepHome(paths, session).catch(() => {});
  await removeFolders(workFolders(paths)).catch(() => {});
}

/** Whether the log of an ended job tells of its end. Bounded by the log, to which only tries of callbacks are added. */
async function isTold(store: Store, jobId: string): Promise<boolean> {
  for (let after = 0; ;) {
    const events = await store.readEvents(jobId, after, PAGE);
    if (events.some((event) => event.type === 'status' && event.phase === 'notify')) return true;
    const last = events.at(-1);
    if (last === undefined || events.length < PAGE) return false;
    after = last.seq;
  }
}

/** The lease of an ended job, or `null` while the process that ended it is still at it. */
async function leaseOfEnded(store: Store, jobId: string): Promise<HeldLease | null> {
  try {
    return await holdLease(store, jobId);
  } catch (error) {
    if (error instanceof JobError && error.code === 'conflict') return null;
    throw error;
  }
}

/**
 * Does what the process that ended a job did not live to do. Done twice, it has the effect of once; while that
 * process lives, nothing is done.
 */
export async function settleEnded(
  store: Store,
  job: Job,
  paths: JobPaths,
  session: string | null,
  journalOptions: JournalOptions,
): Promise<void> {
  const lease = await leaseOfEnded(store, job.job_id);
  if (lease === null) return;
  try {
    const steps = await store.readSteps(job.job_id);
    // Whoever ends a job begins its `save` first: one without steps is old, and gc forgot what its log told.
    if (steps.length === 0) return;
    if (!(await isTold(store, job.job_id)))
      await tellEnd(createJournal(store, job.job_id, journalOptions), job);
    // Only this code writes step results.
    const saved = steps.find((step) => step.key === 'save-1')?.result as StepResult<Saved> | null | undefined;
    if (saved?.ok === true) await tidyJob(paths, session);
  } finally {
    await lease.release();
  }
}
