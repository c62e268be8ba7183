/** How often checks that failed may ask for a turn by themselves: the one place of these numbers. Pure. */
import type { JobRequest } from '../request.ts';

/** Automatic fixes of one pull request, whatever becomes of them. */
export const MAX_FIXES_PER_PULL = 10;
/** Automatic fixes that are tried on one head of it. */
export const MAX_FIXES_PER_HEAD = 3;

/** What automatic fixes of a pull request there were. */
export interface Fixes {
  readonly perPull: number;
  readonly perHead: number;
}

/** Limits of automatic fixes; each absent one is as above. */
export interface FixLimits {
  readonly perPull?: number | undefined;
  readonly perHead?: number | undefined;
}

/** Counts the jobs that checks alone asked for. @param sha the head whose checks failed now */
export function countFixes(
  requests: readonly Pick<JobRequest, 'pull' | 'turn'>[],
  pull: string,
  sha: string,
): Fixes {
  const fixes = requests.filter(
    (one) => one.pull === pull && one.turn !== undefined && one.turn.kinds.every((kind) => kind === 'checks'),
  );
  return { perPull: fixes.length, perHead: fixes.filter((one) => one.turn?.sha === sha).length };
}

/**
 * Whether one more automatic fix is too many.
 *
 * @returns which limit is used up, in words; `null` while there is room
 */
export function fixesUsedUp(
  { perPull, perHead }: Fixes,
  { perPull: mostPerPull = MAX_FIXES_PER_PULL, perHead: mostPerHead = MAX_FIXES_PER_HEAD }: FixLimits = {},
): string | null {
  if (perPull >= mostPerPull)
    return `${perPull} automatic fixes of this pull request (at most ${mostPerPull})`;
  if (perHead >= mostPerHead) return `${perHead} automatic fixes of this commit (at most ${mostPerHead})`;
  return null;
}
