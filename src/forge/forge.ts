/**
 * Port: WHERE REPOS LIVE. A forge resolves a repository, hands out its URL and a short-lived credential, and
 * records a proposal. It never touches git (the workspace fetches and pushes) and it has no merge.
 */

/** A repository as the forge knows it. */
export interface Remote {
  /** What `git fetch` and `git push` get: an absolute path or a URL. */
  readonly url: string;
  /** How people call it. */
  readonly display: string;
  /** `checkout`: a person's working repository, whose checked-out branch must never be touched. */
  readonly kind: 'checkout' | 'bare' | 'url';
}

/** What is to be proposed; the branch is already on the remote. */
export interface ProposalRequest {
  readonly remote: Remote;
  readonly branch: string;
  readonly base: string;
  readonly headSha: string;
  readonly title: string;
  readonly body: string;
  readonly draft: boolean;
  readonly labels: readonly string[];
  /** Name of the remote that a working repository publishes to; `null` where it has none. */
  readonly publishTo: string | null;
}

/** The proposal as it stands. */
export interface Proposal {
  readonly outcome: 'pr_opened' | 'pr_updated' | 'proposed';
  readonly prUrl: string | null;
  /** The command a person runs to publish the branch, where there is no forge to ask. */
  readonly pushCommand: string | null;
}

/** A place where repositories live. */
export interface Forge {
  readonly name: string;
  /** Resolves what the user named; rejects with `repo_unusable` when there is no such repository. */
  resolve(repo: string): Promise<Remote>;
  /** Opens or updates the proposal of a branch; asked twice, it has the effect of once. */
  propose(request: ProposalRequest): Promise<Proposal>;
}
