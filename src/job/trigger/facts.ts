/** What a decision may have to know; each is asked for only where it counts, for most of it a forge must be asked. */
import type { Fix } from './limits.ts';

/** What jobs tell of an issue or a pull request. */
export interface Thread {
  /** The pull request of ours that it is, or that came of the issue last; `null` for none. */
  readonly pull: OwnPull | null;
  /** When the latest job of it was asked for (RFC 3339); `null` where there is none. */
  readonly askedAt: string | null;
  /** A job of it that has not ended. */
  readonly live: string | null;
  /** Follow-ups of that pull request so far. */
  readonly turns: number;
  /** Of these, those for red checks: on which head, and of which run of its checks. */
  readonly fixes: readonly Fix[];
}

/** A pull request that a job of ours opened. No words and no branch name make one ours: only that job. */
export interface OwnPull {
  readonly number: number;
  readonly session_id: string;
  /** The branch that its jobs push to. */
  readonly branch: string;
  /** The commit that they left there last. */
  readonly head_sha: string | null;
}

/** A pull request as the forge has it. */
export interface PullFacts {
  readonly isOpen: boolean;
  /** `owner/name` that has the branch; `null` where it is gone. */
  readonly headRepo: string | null;
  readonly headBranch: string;
  readonly headSha: string;
}

/** How the checks of a commit stand. */
export interface CheckFacts {
  readonly isPending: boolean;
  readonly failed: number;
  readonly run: string;
}

/** Where they come from. Every method may reject: then nothing is decided yet. */
export interface Facts {
  /** Our own login there. */
  self(): Promise<string>;
  mayWrite(login: string): Promise<boolean>;
  thread(number: number): Promise<Thread>;
  isIssueOpen(number: number): Promise<boolean>;
  pull(number: number): Promise<PullFacts>;
  /** Open pull requests whose head a commit is. */
  pullsAt(sha: string): Promise<readonly number[]>;
  checks(sha: string): Promise<CheckFacts>;
  /** Whether a review has remarks on lines. */
  hasRemarks(number: number, reviewId: number): Promise<boolean>;
}
