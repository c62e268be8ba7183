/** The loop over what happened on forges: woken by new events and by the end of jobs, with polling as the fallback. */
import { errorInfoOf } from '../../job/error.ts';
import type { TriggerClaim } from '../../job/trigger/record.ts';
import { createAlarm } from '../../notify/alarm.ts';
import type { RunnerParts } from '../context.ts';
import { CLAIM_MS, decideBatch, failBatch, type BatchParts } from './batch.ts';
import { openDesk } from './desk.ts';
import { lookAround } from './look.ts';

/** Decides what comes of events, in one process. */
export interface Dispatcher {
  /** Looks and decides until told to stop. Never fails. */
  run(stop: AbortSignal): Promise<void>;
  /** One look at the repositories that are due, and all that is due then. Never fails. */
  round(stop?: AbortSignal): Promise<void>;
}

/** Events of a repository that are decided together. */
const MAX_EVENTS = 1000;
/** Repositories of one round. */
const MAX_CLAIMS = 100;
/** How often it is looked for due events without a ring, in milliseconds. */
const POLL_MS = 5000;
/** Longest time for the events of one repository. */
const BATCH_MS = 300_000;

/** Renews a claim while it is worked under, as jobs' leases are. @returns ends that */
function keepClaim({ parts, log, now }: BatchParts, { repo, token }: TriggerClaim): () => void {
  const timer = setInterval(() => {
    const nothing = { claim: { repo, token }, settlements: [], now: now(), leaseMs: CLAIM_MS };
    // One that is lost shows when something is settled under it.
    parts.store.settleTriggers(nothing).catch((error: unknown) => {
      log.debug('a claim could not be renewed', { repo, message: errorInfoOf(error).message });
    });
  }, CLAIM_MS / 3);
  timer.unref();
  return () => clearInterval(timer);
}

async function decideClaim(batch: BatchParts, claim: TriggerClaim, stop: AbortSignal): Promise<void> {
  const { parts, log } = batch;
  const signal = AbortSignal.any([stop, AbortSignal.timeout(BATCH_MS)]);
  const letGo = keepClaim(batch, claim);
  try {
    const desk = await openDesk(parts, claim.repo, signal).catch(async (error: unknown) => {
      await failBatch(batch, claim, errorInfoOf(error));
      return null;
    });
    if (desk !== null) await decideBatch(batch, desk, claim, signal);
  } catch (error) {
    const { code, message } = errorInfoOf(error);
    log.warn('events are left to another process', { repo: claim.repo, code, message });
  } finally {
    letGo();
    await parts.store.releaseTriggers(claim);
  }
}

async function decideDue(batch: BatchParts, stop: AbortSignal): Promise<void> {
  const { store } = batch.parts;
  for (let count = 0; count < MAX_CLAIMS && !stop.aborted; count++) {
    const claim = await store.claimTriggers({ now: batch.now(), leaseMs: CLAIM_MS, limit: MAX_EVENTS });
    if (claim === null) return;
    await decideClaim(batch, claim, stop);
  }
}

/** Makes the dispatcher of a process. */
export function createDispatcher(batch: BatchParts): Dispatcher {
  const { parts, log } = batch;
  const { bell }: RunnerParts = parts;
  const never = new AbortController().signal;
  const round = async (stop: AbortSignal = never): Promise<void> => {
    try {
      await lookAround(batch, stop);
      await decideDue(batch, stop);
    } catch (error) {
      log.error('events of the forge could not be read', { message: errorInfoOf(error).message });
    }
  };
  return {
    round,
    async run(stop) {
      const alarm = createAlarm();
      const ring = (): void => alarm.ring();
      const offs = [bell.on('trigger', ring), bell.on('queue', ring)];
      stop.addEventListener('abort', ring);
      while (!stop.aborted) {
        await round(stop);
        await alarm.wait(POLL_MS);
      }
      stop.removeEventListener('abort', ring);
      for (const off of offs) off();
    },
  };
}
