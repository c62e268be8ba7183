/** One thing done to many jobs, and an honest account of it. */
import type { JobView } from '../../../../src/job/view/view.ts';
import { onceKey, post, Refusal } from '../../api/call.ts';

/** What may be done to several at once. */
export type Action = 'cancel' | 'retry';

/** What the server said of those that it did not take: how often it said it. */
export interface Refused {
  readonly why: string;
  readonly jobs: readonly Pick<JobView, 'job_id' | 'task'>[];
}

/** What came of it. */
export interface Account {
  readonly action: Action;
  readonly all: number;
  readonly done: number;
  readonly refused: readonly Refused[];
  /** Those that nobody was asked about, because it was stopped before. */
  readonly left: number;
}

/** Jobs that are asked about at the same time. */
const AT_ONCE = 4;
/** Longest wait where the server says that too much was asked of it, in seconds, and how often it is waited for one job. */
const MAX_WAIT_S = 60;
const MAX_WAITS = 5;
/** Longest reason that is told, in characters. */
const MAX_WHY_CHARS = 300;

async function wait(seconds: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Asks for one; where the server asks for patience, it gets some. @throws what the server refused */
async function one(jobId: string, action: Action, signal: AbortSignal): Promise<void> {
  const once = action === 'retry' ? onceKey() : undefined;
  for (let waits = 0; ; waits++) {
    try {
      await post(`/api/jobs/${jobId}/${action}`, undefined, once);
      return;
    } catch (error) {
      const isTooMuch = error instanceof Refusal && error.status === 429;
      if (!isTooMuch || waits >= MAX_WAITS || signal.aborted) throw error;
      await wait(Math.min(MAX_WAIT_S, (error.waitMs ?? 1000) / 1000), signal);
    }
  }
}

/** A reason without what tells one job from the other, so that the same is said once. */
function whyOf(error: unknown, jobId: string): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(jobId, 'it').slice(0, MAX_WHY_CHARS);
}

/**
 * Does one thing to many jobs.
 *
 * @param onProgress told of how many were asked about so far
 * @param signal stops it: what was asked for is waited for, the rest is left
 */
export async function toAll(
  jobs: readonly JobView[],
  action: Action,
  onProgress: (asked: number) => void,
  signal: AbortSignal,
): Promise<Account> {
  const refused = new Map<string, JobView[]>();
  const rest = [...jobs];
  let [asked, done] = [0, 0];
  const work = async (): Promise<void> => {
    for (let job = rest.shift(); job !== undefined && !signal.aborted; job = rest.shift()) {
      const { job_id: jobId } = job;
      try {
        await one(jobId, action, signal);
        done++;
      } catch (error) {
        const why = whyOf(error, jobId);
        refused.set(why, [...(refused.get(why) ?? []), job]);
      }
      onProgress(++asked);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return {
    action,
    all: jobs.length,
    done,
    refused: [...refused].map(([why, of]) => ({ why, jobs: of })),
    left: jobs.length - asked,
  };
}
