/** What setup is: one language's part, and the whole plan. */

/** Commands that prepare dependencies, and what of their result is kept. */
export interface SetupPlan {
  /** Shell commands, run one after the other in the root of a clean checkout, with network. */
  readonly commands: readonly string[];
  /** Dependency directories that the commands produce, relative to the root. */
  readonly keep: readonly string[];
  /** Directories below HOME with tool caches that the checks need offline. */
  readonly homeCaches: readonly string[];
  /** Tracked files whose content decides the result. */
  readonly lockFiles: readonly string[];
  /** Commands whose output is part of the fingerprint. */
  readonly toolVersions: readonly string[];
  /** The same commands with install scripts off, for a head that changed a lock file; `null` when the tool can't. */
  readonly withoutScripts: readonly string[] | null;
  /** Whether the commands run code of the repository itself, beyond reading its lock and project files. */
  readonly runsOwnCode: boolean;
  /** What was found, for people. */
  readonly why: string;
}
