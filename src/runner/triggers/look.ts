/** A look at repositories for what happened there: a webhook that was lost is never sent again. */
import { errorInfoOf } from '../../job/error.ts';
import { pullOfUrl } from '../../job/trigger/turn.ts';
import type { RunnerParts } from '../context.ts';
import type { BatchParts } from './batch.ts';
import { openDesk } from './desk.ts';

/** How far a first look goes back, and how much further than needed every other: clocks differ. */
const FIRST_MS = 600_000;
const OVERLAP_MS = 300_000;
/** How often it is looked which repositories are due, at most, in milliseconds. */
const CHECK_MS = 30_000;
/** Longest look at one repository. */
const LOOK_MS = 120_000;
/** Jobs whose pull requests may still be open, the newest, and for how long. */
const MAX_JOBS = 500;
const OPEN_MS = 30 * 24 * 3600_000;
const MAX_REPOSITORIES = 500;

/** When each runner of this process looked last which repositories are due. */
const checkedAt = new WeakMap<RunnerParts, number>();

/** Repositories that the settings name, and those with pull requests of ours that may be open. */
async function repositoriesOf({ store, config }: RunnerParts, now: Date): Promise<readonly string[]> {
  const since = new Date(now.getTime() - OPEN_MS).toISOString();
  const jobs = await store.listJobs({ limit: MAX_JOBS });
  const { url } = config.github;
  const own = jobs.flatMap(({ result, created_at: created }) => {
    const pull = result?.pr_url ?? null;
    if (pull === null || created < since || !pull.startsWith(`${url}/`)) return [];
    const repo = pullOfUrl(pull)?.split('#')[0]?.toLowerCase();
    return repo === undefined ? [] : [repo];
  });
  return [...new Set([...config.triggers.repositories, ...own])].slice(0, MAX_REPOSITORIES);
}

async function lookAt({ parts, now, log }: BatchParts, repo: string, stop: AbortSignal): Promise<void> {
  const { store, config } = parts;
  const begun = now();
  const look = await store.beginLook(repo, begun, config.triggers.pollMs);
  if (look === null) return;
  try {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(LOOK_MS)]);
    const { conversation } = await openDesk(parts, repo, signal);
    const fromMs =
      look.seenUntil === null ? begun.getTime() - FIRST_MS : Date.parse(look.seenUntil) - OVERLAP_MS;
    const events = await conversation.since(new Date(fromMs).toISOString());
    const added = await store.addTriggers(events, { delivery: null, now: now() });
    await store.noteLook(repo, begun.toISOString());
    if (added !== null && added > 0) log.info('events found', { repo, count: added });
  } catch (error) {
    const { code, message } = errorInfoOf(error);
    log.warn('a repository could not be looked at', { repo, code, message });
  }
}

/** Looks at the repositories that are due. What can't be looked at is logged, and looked at again later. */
export async function lookAround(batch: BatchParts, stop: AbortSignal): Promise<void> {
  const { parts, now } = batch;
  const { pollMs } = parts.config.triggers;
  if (pollMs === 0) return;
  const nowMs = performance.now();
  const last = checkedAt.get(parts);
  if (last !== undefined && nowMs - last < Math.min(pollMs, CHECK_MS)) return;
  checkedAt.set(parts, nowMs);
  for (const repo of await repositoriesOf(parts, now())) {
    if (stop.aborted) return;
    await lookAt(batch, repo, stop);
  }
}
