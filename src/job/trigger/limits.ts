/** How often checks that failed may ask for a turn by themselves: counted here for whoever begins one. Pure. */
import type { JobRequest } from '../request.ts';
import type { TriggerCaps } from './rules.ts';

/** One automatic fix: of which head, and of which run of its checks; `null` where that is not known. */
export interface Fix {
  readonly sha: string;
  readonly run: string | null;
}

/** A limit that is used up. */
export interface UsedUp {
  readonly name: 'fixes_per_head' | 'fixes_per_pull';
  readonly most: number;
}

/**
 * The automatic fixes among the jobs of a pull request, whatever became of them: every turn in which failed checks were
 * looked at, also where somebody said something besides.
 */
export function fixesAmong(requests: readonly Pick<JobRequest, 'turn' | 'trigger'>[]): readonly Fix[] {
  return requests.flatMap(({ turn, trigger }) => {
    const sha = turn?.sha ?? null;
    return sha === null ? [] : [{ sha, run: trigger?.fixes?.run ?? null }];
  });
}

/**
 * Which limit one more automatic fix would pass; `null` while there is room.
 *
 * @param sha the head whose checks failed now
 */
export function fixesUsedUp(
  fixes: readonly Fix[],
  sha: string,
  caps: Pick<TriggerCaps, 'fixes_per_head' | 'fixes_per_pull'>,
): UsedUp | null {
  const ofHead = fixes.filter((fix) => fix.sha === sha).length;
  if (ofHead >= caps.fixes_per_head) return { name: 'fixes_per_head', most: caps.fixes_per_head };
  if (fixes.length >= caps.fixes_per_pull) return { name: 'fixes_per_pull', most: caps.fixes_per_pull };
  return null;
}
