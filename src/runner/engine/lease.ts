/** Who works on a job: one process at a time, and another one as soon as that one is dead. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { JobError } from '../../job/error.ts';
import type { Lease, Store } from '../../store/store.ts';

/** Length of a lease; renewed every third of it. */
const LEASE_MS = 30_000;

/** A lease that renews itself. */
export interface HeldLease {
  /** The lease as last renewed. */
  current(): Lease;
  /** Aborted when somebody else took the job over. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** When a process started, in clock ticks since boot, so that a reused pid is told apart; `0` where unknown. */
async function startTime(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
}

async function ownName(): Promise<string> {
  return `${hostname()}/${process.pid}/${await startTime(process.pid)}`;
}

/** Whether the owner of a lease is a process of this machine that is gone. */
async function isDead(owner: string): Promise<boolean> {
  const [host, pidText, started] = owner.split('/');
  const pid = Number(pidText);
  if (host !== hostname() || !Number.isInteger(pid)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
  const now = await startTime(pid);
  return started !== '0' && now !== '0' && now !== started;
}

/**
 * Claims a job for this process.
 *
 * @throws JobError `conflict` when a living process works on it
 */
export async function holdLease(store: Store, jobId: string): Promise<HeldLease> {
  const held = await store.getLease(jobId);
  if (held !== null && (await isDead(held.owner))) await store.releaseLease(held);
  const claimed = await store.acquireLease(jobId, await ownName(), LEASE_MS, new Date());
  if (claimed === null) {
    const owner = (await store.getLease(jobId))?.owner ?? 'somebody';
    throw new JobError('conflict', `job: ${jobId} is being worked on by ${owner}`, {
      hint: `wait for it, or watch it with \`agent-runner logs -f ${jobId}\``,
    });
  }
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
  return {
    current: () => lease,
    lost: lost.signal,
    async release() {
      clearInterval(timer);
      await store.releaseLease(lease).catch(() => {});
    },
  };
}
