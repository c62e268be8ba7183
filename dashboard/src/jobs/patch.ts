/** Pages of a list, brought up to what changed since they were read. Pure. */
import type { JobView } from '../../../src/job/view/view.ts';
import type { Change } from '../api/changes.ts';

/** A page of jobs, the newest first. */
export interface JobPage {
  readonly jobs: readonly JobView[];
  readonly next_cursor: string | null;
  /** The change up to which it was read. */
  readonly change: number;
  /** When the first and the last of its jobs were created as it was read; `null`: it reaches to the end of the list. */
  readonly from: string | null;
  readonly to: string | null;
}

/** Whether a job fits what is looked for; `null` where nobody here knows. */
export type Fits = (job: JobView) => boolean | null;

/** The place of a job among others, the newest first: before those that were created earlier. */
function placeOf(jobs: readonly JobView[], job: JobView): number {
  const at = jobs.findIndex((other) => other.created_at <= job.created_at);
  return at === -1 ? jobs.length : at;
}

/** A page as the server gave it, with what it covers. @param isFirst whether it is the first of the list */
export function pageOf(given: Omit<JobPage, 'from' | 'to'>, isFirst: boolean): JobPage {
  const { jobs, next_cursor: next } = given;
  return {
    ...given,
    from: isFirst ? null : (jobs[0]?.created_at ?? ''),
    to: next === null ? null : (jobs.at(-1)?.created_at ?? null),
  };
}

/** Whether a job that is in no page belongs to this one, and not to one above it; one below may not be read yet. */
function belongs({ from, to }: JobPage, { created_at: created }: JobView): boolean {
  // Of two that were created at once and stand on both sides of an end, only the server knows the order.
  return (from === null || created <= from) && (to === null || created > to);
}

/**
 * Brings pages up to date. Pages that nothing happened to stay the same objects.
 *
 * @returns the pages, and whether something that fits may be missing because nobody here knows whether it does
 */
export function patched(
  pages: readonly JobPage[],
  changes: readonly Change[],
  fits: Fits,
): { readonly pages: readonly JobPage[]; readonly isUnsure: boolean } {
  const latest = new Map(changes.map((one) => [one.job.job_id, one]));
  const known = new Set<string>();
  const kept = pages.map((page): JobPage => {
    let isChanged = false;
    const jobs = page.jobs.flatMap((job) => {
      const change = latest.get(job.job_id);
      if (change === undefined) return [job];
      known.add(job.job_id);
      if (change.change <= page.change) return [job];
      isChanged = true;
      return fits(change.job) === false ? [] : [change.job];
    });
    return isChanged ? { ...page, jobs } : page;
  });
  let isUnsure = false;
  for (const { change, job } of latest.values()) {
    if (known.has(job.job_id)) continue;
    const fit = fits(job);
    isUnsure ||= fit === null;
    if (fit !== true) continue;
    const at = kept.findIndex((page, index) => {
      // Between two pages that were read it belongs to the lower one.
      const from = index === 0 ? page.from : (kept[index - 1]?.to ?? null);
      return belongs({ ...page, from }, job);
    });
    const page = kept[at];
    if (page === undefined || change <= page.change) continue;
    const jobs = page.jobs.toSpliced(placeOf(page.jobs, job), 0, job);
    kept[at] = { ...page, jobs };
  }
  return { pages: kept, isUnsure };
}

/** Jobs of an answer that was on its way, but for those of which something newer was told meanwhile. */
export function notOlder(
  { jobs, change }: Pick<JobPage, 'jobs' | 'change'>,
  told: readonly Change[],
): readonly Change[] {
  const newer = new Set(told.filter((one) => one.change > change).map(({ job }) => job.job_id));
  return jobs.filter((job) => !newer.has(job.job_id)).map((job) => ({ change, job }));
}

/**
 * How many jobs stand above what somebody sees who is not at the top: they are counted, and not shown, because what one
 * reads would move away.
 *
 * @param top the first job that was there when the top was left
 */
export function heldBack(
  jobs: readonly JobView[],
  top: Pick<JobView, 'job_id' | 'created_at'> | null,
): number {
  if (top === null) return 0;
  const at = jobs.findIndex((job) => job.job_id === top.job_id || job.created_at < top.created_at);
  return at === -1 ? jobs.length : at;
}
