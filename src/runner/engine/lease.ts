/** Who works on a job: one process at a time, and another one as soon as that one is dead. */
import { hostname } from 'node:os';
import { JobError } from '../../job/error.ts';
import type { Lease, Store } from '../../store/store.ts';
import { isDead, ownName } from '../../workspace/keep/owner.ts';

/** Length of a lease in milliseconds; renewed every third of it. */
export const LEASE_MS = 30_000;

/** A lease that renews itself. */
export interface HeldLease {
  /** The lease as last renewed. */
  current(): Lease;
  /** Aborted when somebody else took the job over. */
  readonly lost: AbortSignal;
  /**
   * Looks whether the job is still ours, before something is done that can't be taken back. A process that was stopped for
   * longer than its lease has no other way to know that it is late.
   *
   * @throws JobError `conflict` when somebody else has it
   */
  check(): Promise<void>;
  release(): Promise<void>;
  /** Renews it no more: the job is nobody else's before the lease ends. */
  letEnd(): Promise<void>;
  /** Gives the job to whoever wants it and cuts off what this process does for it, as if it had died. */
  handBack(why: string): Promise<void>;
}

/** Whether a job is in the hands of a process that lives, or of another machine's whose lease runs. */
export async function isHeldAlive(store: Store, jobId: string, now: Date): Promise<boolean> {
  const held = await store.getLease(jobId);
  if (held === null || (await isDead(held.owner))) return false;
  return held.owner.startsWith(`${hostname()}/`) || Date.parse(held.expires_at) > now.getTime();
}

/** Claims a job for this process, from a dead one as well; `null` while a living one works on it. */
export async function claimJob(store: Store, jobId: string): Promise<Lease | null> {
  const held = await store.getLease(jobId);
  if (held !== null && (await isDead(held.owner))) await store.releaseLease(held);
  return store.acquireLease(jobId, await ownName(), LEASE_MS, new Date());
}

/**
 * Claims a job for this process.
 *
 * @throws JobError `conflict` when a living process works on it
 */
export async function holdLease(store: Store, jobId: string): Promise<HeldLease> {
  const claimed = await claimJob(store, jobId);
  if (claimed !== null) return keepLease(store, claimed);
  const owner = (await store.getLease(jobId))?.owner ?? 'somebody';
  throw new JobError('conflict', `job: ${jobId} is being worked on by ${owner}`, {
    hint: `wait for it, or watch it with \`agent-runner logs -f ${jobId}\``,
  });
}

/**
 * Claims a job, or keeps the claim that a worker or whoever accepted it already has on it.
 *
 * @param handBack aborted when somebody else shall go on with the job
 * @throws JobError `conflict` when a living process works on it
 */
export async function takeLease(
  store: Store,
  jobId: string,
  { claimed, handBack }: { readonly claimed: Lease | undefined; readonly handBack: AbortSignal | undefined },
): Promise<HeldLease> {
  const lease = claimed === undefined ? await holdLease(store, jobId) : keepLease(store, claimed);
  const giveUp = (): void => void lease.handBack(`job: ${jobId} was handed back`);
  handBack?.addEventListener('abort', giveUp);
  // Asked while the job was being claimed: nobody would ask again.
  if (handBack?.aborted === true) giveUp();
  return lease;
}

/**
 * Lets go of a job that threw. One of the queue would be claimed again at once, and if it throws each time, thousands of
 * times a minute: it waits until its lease has ended.
 *
 * @param isOfQueue whether a worker claimed it
 */
export function letGo(lease: HeldLease, isOfQueue: boolean): Promise<void> {
  return isOfQueue ? lease.letEnd() : lease.release();
}

/** Keeps a claimed lease by renewing it, until it is released or lost. */
export function keepLease(store: Store, claimed: Lease): HeldLease {
  let lease = claimed;
  const lost = new AbortController();
  const timer = setInterval(() => {
    store.renewLease(lease, LEASE_MS, new Date()).then(
      (renewed) => (lease = renewed),
      (error: unknown) => {
        if (error instanceof JobError && error.code === 'conflict') lost.abort(error);
      },
    );
  }, LEASE_MS / 3);
  timer.unref();
  const release = async (): Promise<void> => {
    clearInterval(timer);
    await store.releaseLease(lease).catch(() => {});
  };
  return {
    current: () => lease,
    lost: lost.signal,
    async check() {
      lease = await store.renewLease(lease, LEASE_MS, new Date());
    },
    release,
    async letEnd() {
      clearInterval(timer);
    },
    async handBack(why) {
      // Given back first: whatever the steps still write as they are cut off is refused, as after a death.
      await release();
      lost.abort(new JobError('conflict', why));
    },
  };
}
