/** Nothing piles up: what ended jobs left goes after its days, and the cache stays below its limit. */
import { rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { isTerminal } from '../../job/status.ts';
import { chooseEvicted, evict, listCache, type CacheEntry } from '../../workspace/keep/cache.ts';
import { emptyTrash, exists, lastUsedMs, measure, namesIn } from '../../workspace/keep/folders.ts';
import { isDead, withLock } from '../../workspace/keep/owner.ts';
import { forgetSaved, listSaved, savedRepositories, type SavedRef } from '../../workspace/keep/work.ts';
import { moveToTrash, unpinBase } from '../../workspace/remote/mirror.ts';
import type { RunnerParts } from '../context.ts';
import { eachJob, readPrepared, readOwner } from './jobs.ts';
import { endOfNeed, retriedRuns } from './runs.ts';

/** What was freed, or would be. */
export interface GcReport {
  readonly dry_run: boolean;
  /** Folders of old jobs: logs, patches, recorded turns, working copies. */
  readonly jobs: readonly { readonly job_id: string; readonly bytes: number }[];
  /** Sessions whose conversation is forgotten, by folder; their work stays as long as that of jobs. */
  readonly sessions: readonly string[];
  /** Jobs whose events and steps were forgotten. */
  readonly events: readonly string[];
  /** Refs of saved work that grew too old. */
  readonly work: readonly string[];
  readonly cache: {
    readonly bytes: number;
    readonly max_bytes: number;
    readonly evicted: readonly Pick<CacheEntry, 'kind' | 'path' | 'bytes'>[];
  };
  readonly freed_bytes: number;
}

export interface GcOptions {
  readonly dryRun: boolean;
  readonly now: Date;
  /** Ends the work between two removals; what is left is for the next time. */
  readonly signal: AbortSignal;
}

const DAY_MS = 24 * 3600_000;
/** A job that is just beginning has looked at its cache within this time, and is not in the store with what it needs. */
const QUIET_MS = 3600_000;
/** Jobs of one status that are looked at. */
const MAX_JOBS = 100_000;
/** Jobs whose events are trimmed in one go, and how often; the rest is for the next time. */
const PAGE = 200;
const MAX_PAGES = 500;

/** Forgets events of the forge, and which deliveries came, as long after as jobs' own events. */
async function trimTriggers({ store, config }: RunnerParts, { now, signal }: GcOptions): Promise<void> {
  const before = daysBefore(now, config.keep.jobsDays);
  for (let page = 0; page < MAX_PAGES && !signal.aborted; page++)
    if ((await store.trimTriggers(before)) === 0) return;
}

async function liveJobs({ store }: RunnerParts): Promise<readonly Job[]> {
  const live: Job[] = [];
  for (const status of ['queued', 'forking', 'triggered', 'running', 'retrying', 'needs_input'] as const)
    for await (const job of eachJob(store, { status, limit: MAX_JOBS })) live.push(job);
  return live;
}

/** Paths of the cache that jobs which have not ended use. */
async function neededPaths(parts: RunnerParts, live: readonly Job[]): Promise<Set<string>> {
  const { layout, store } = parts;
  const needed = new Set<string>();
  for (const job of live) {
    const prepared = await readPrepared(store, job.job_id);
    const repo = layout.repo(prepared?.remote.url ?? job.request.repo);
    needed.add(repo.mirror);
    if (job.request.replay !== undefined) needed.add(layout.replay(job.request.replay.recording).root);
    if (prepared === null) continue;
    needed.add(join(repo.history, prepared.base_sha));
    needed.add(join(layout.home, 'warm', basename(repo.history), prepared.base_sha));
    if (prepared.layer !== null) needed.add(prepared.layer.dir);
  }
  return needed;
}

/** Since when nothing may have been used that is evicted: an hour, or as long as a gate without a job runs. */
async function quietSince({ layout }: RunnerParts, now: Date): Promise<number> {
  let since = now.getTime() - QUIET_MS;
  const jobs = join(layout.home, 'jobs');
  for (const name of (await namesIn(jobs)).filter((one) => !one.startsWith('job-'))) {
    const owner = await readOwner(layout, name);
    if (owner === null || (await isDead(owner))) continue;
    since = Math.min(since, (await stat(join(jobs, name))).birthtimeMs - QUIET_MS);
  }
  return since;
}

function daysBefore(now: Date, days: number): string {
  return new Date(now.getTime() - days * DAY_MS).toISOString();
}

/** Whether an ended job's working copy is still there because its work could not be saved. */
async function holdsWork({ layout }: RunnerParts, job: Job): Promise<boolean> {
  return job.result?.wip_ref == null && (await exists(layout.job(job.job_id).tree));
}

/** Names of job folders whose days are over. A folder that no job belongs to stays as long as saved work. */
async function oldFolders(parts: RunnerParts, now: Date): Promise<readonly string[]> {
  const { config, layout, store } = parts;
  const [logsBefore, workBefore] = [
    daysBefore(now, config.keep.jobsDays),
    daysBefore(now, config.keep.workDays),
  ];
  const old: string[] = [];
  for (const name of await namesIn(join(layout.home, 'jobs'))) {
    const job = name.startsWith('job-') ? await store.getJob(name) : null;
    if (job === null) {
      const owner = await readOwner(layout, name);
      const isGate = !name.startsWith('job-') && (owner === null || (await isDead(owner)));
      const used = new Date(await lastUsedMs(join(layout.home, 'jobs', name))).toISOString();
      if (used < (isGate ? logsBefore : workBefore)) old.push(name);
    } else if (isTerminal(job.status)) {
      const before = (await holdsWork(parts, job)) && workBefore < logsBefore ? workBefore : logsBefore;
      if ((job.finished_at ?? job.updated_at) < before) old.push(name);
    }
  }
  return old;
}

/** Saved work of jobs that ended long ago. What belongs to a job that the store does not know is kept. */
async function oldWork(parts: RunnerParts, now: Date): Promise<readonly SavedRef[]> {
  const before = daysBefore(now, parts.config.keep.workDays);
  const retried = await retriedRuns(parts.store, await liveJobs(parts));
  const old: SavedRef[] = [];
  for (const saved of await savedRepositories(parts.layout)) {
    for (const one of await listSaved(parts.git, saved, ['wip', 'partial', 'run'])) {
      const job = await parts.store.getJob(one.jobId);
      const end = job === null ? null : await endOfNeed(parts.store, job, retried);
      if (end !== null && end < before) old.push(one);
    }
  }
  return old;
}

/** Trees of recorded turns whose recording went with the folder of its job. */
async function oldTurns({ git, layout }: RunnerParts): Promise<readonly SavedRef[]> {
  const old: SavedRef[] = [];
  for (const saved of await savedRepositories(layout)) {
    for (const one of await listSaved(git, saved, ['turns']))
      if (!(await exists(layout.job(one.jobId).root))) old.push(one);
  }
  return old;
}

async function trimEvents({ store, config }: RunnerParts, options: GcOptions): Promise<readonly string[]> {
  const before = daysBefore(options.now, config.keep.jobsDays);
  const trimmed: string[] = [];
  for (let page = 0; page < MAX_PAGES && !options.signal.aborted; page++) {
    const ids = await store.trimJobs(before, PAGE, options.dryRun);
    trimmed.push(...ids);
    if (ids.length < PAGE || options.dryRun) break;
  }
  return trimmed;
}

/** Removes job folders, and lets the mirrors forget the bases of jobs that ended. */
async function removeJobs(
  parts: RunnerParts,
  names: readonly string[],
  options: GcOptions,
): Promise<GcReport['jobs']> {
  const { git, layout, store } = parts;
  const paths = names.map((name) => join(layout.home, 'jobs', name));
  const sizes = await measure(paths, options.signal);
  const removed: { job_id: string; bytes: number }[] = [];
  for (const [at, name] of names.entries()) {
    if (options.signal.aborted) break;
    const path = paths[at] ?? '';
    if (!options.dryRun) {
      const job = await store.getJob(name);
      if (job !== null) await unpinBase(git, layout.repo(job.request.repo).mirror, name);
      // What is still mounted below it can't be moved, and is left to the next time.
      if ((await moveToTrash(path, layout.trash).catch(() => null)) === null) continue;
    }
    removed.push({ job_id: name, bytes: sizes.get(path) ?? 0 });
  }
  return removed;
}

/** Removes what is kept of sessions that nobody has used for as long as logs are kept. */
async function removeSessions(
  { config, layout }: RunnerParts,
  options: GcOptions,
): Promise<readonly string[]> {
  const root = join(layout.home, 'sessions');
  const before = options.now.getTime() - config.keep.jobsDays * DAY_MS;
  const removed: string[] = [];
  for (const name of await namesIn(root)) {
    const path = join(root, name);
    if ((await lastUsedMs(path)) >= before || options.signal.aborted) continue;
    if (!options.dryRun && (await moveToTrash(path, layout.trash).catch(() => null)) === null) continue;
    removed.push(name);
  }
  return removed;
}

async function shrinkCache(parts: RunnerParts, options: GcOptions): Promise<GcReport['cache']> {
  const entries = await listCache(parts.layout, options.signal);
  const { maxCacheBytes } = parts.config.keep;
  const needed = await neededPaths(parts, await liveJobs(parts));
  const since = await quietSince(parts, options.now);
  const evicted: CacheEntry[] = [];
  for (const entry of chooseEvicted(entries, maxCacheBytes, needed, since)) {
    if (options.signal.aborted) break;
    if (options.dryRun || (await evict(entry, parts.layout.trash))) evicted.push(entry);
  }
  return {
    bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
    max_bytes: maxCacheBytes,
    evicted: evicted.map(({ kind, path, bytes }) => ({ kind, path, bytes })),
  };
}

/**
 * Frees what is no longer kept. A job that has not ended, and what it uses, is never touched; what goes is renamed
 * into a trash folder first, so that a crash leaves nothing by halves.
 *
 * @throws JobError `conflict` while another process does the same
 */
export async function collectGarbage(parts: RunnerParts, options: GcOptions): Promise<GcReport> {
  const { layout, git } = parts;
  const collect = async (): Promise<GcReport> => {
    const jobs = await removeJobs(parts, await oldFolders(parts, options.now), options);
    const events = await trimEvents(parts, options);
    if (!options.dryRun) await trimTriggers(parts, options);
    const work = await oldWork(parts, options.now);
    if (!options.dryRun) {
      const forgotten = [...work, ...(await oldTurns(parts))];
      for (const saved of new Set(forgotten.map((one) => one.saved)))
        await forgetSaved(
          git,
          saved,
          forgotten.filter((one) => one.saved === saved),
          layout.trash,
        );
    }
    const sessions = await removeSessions(parts, options);
    const cache = await shrinkCache(parts, options);
    if (!options.dryRun) await emptyTrash(layout.trash);
    const freed = [...jobs, ...cache.evicted].reduce((sum, one) => sum + one.bytes, 0);
    return {
      dry_run: options.dryRun,
      jobs,
      sessions,
      events,
      work: work.map((one) => one.ref),
      cache,
      freed_bytes: freed,
    };
  };
  return withLock(join(layout.home, 'gc.lock'), collect, 0);
}

/**
 * Does the same at the end of a run, at most once a day and for a bounded time. A courtesy: it never fails.
 *
 * @param timeoutMs after which it stops between two removals
 */
export async function collectDaily(parts: RunnerParts, timeoutMs: number): Promise<GcReport | null> {
  const stamp = join(parts.layout.home, 'gc.stamp');
  const now = new Date();
  if (now.getTime() - (await lastUsedMs(stamp)) < DAY_MS) return null;
  try {
    await writeFile(stamp, now.toISOString());
    return await collectGarbage(parts, { dryRun: false, now, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    if (!(error instanceof JobError && error.code === 'conflict')) await rm(stamp, { force: true });
    return null;
  }
}
