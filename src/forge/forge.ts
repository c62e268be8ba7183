/**
 * Port: WHERE REPOS LIVE. A forge resolves a repository, hands out its URL and a short-lived credential, and
 * records a proposal. It never touches git (the workspace fetches and pushes) and it has no way to accept a
 * proposal: that is a person's.
 */
import type { ForkMode } from '../job/request.ts';

/** A repository as the forge knows it. */
export interface Remote {
  /** What `git fetch` and `git push` get: an absolute path or a URL. */
  readonly url: string;
  /** How people call it. */
  readonly display: string;
  /** `checkout`: a person's working repository, whose checked-out branch must never be touched. */
  readonly kind: 'checkout' | 'bare' | 'url';
  /** `owner/name` where it lives on a forge that opens pull requests. */
  readonly name?: string;
}

/** What git is told when a remote asks who we are. It is never stored. */
export interface Credential {
  readonly username: string;
  readonly password: string;
}

/** Who uses a repository, and for how long. */
export interface Visit {
  readonly jobId: string;
  readonly signal: AbortSignal;
  /** Told of what takes time and of what is not as wished. */
  readonly onNotice: (notice: string) => void;
}

/** Where a job's branch is pushed. */
export interface Target {
  readonly remote: Remote;
  /** The fork it is; `null` where it is the repository itself. */
  readonly fork: string | null;
}

/** What is to be proposed; the branch is already on the target. */
export interface ProposalRequest {
  /** Stands in the body, so that a job knows its own proposal again. */
  readonly jobId: string;
  readonly target: Remote;
  readonly branch: string;
  readonly base: string;
  readonly headSha: string;
  readonly title: string;
  readonly body: string;
  readonly draft: boolean;
  readonly labels: readonly string[];
  readonly reviewers: readonly string[];
  /** Name of the remote that a working repository publishes to; `null` where it has none. */
  readonly publishTo: string | null;
  /** A proposal of this job was begun before: one that is there now, open or not, is its own. */
  readonly wasBegun: boolean;
  /** Resolves once it is durable that a proposal is about to be made. */
  readonly onBegin: () => Promise<void>;
  /** Verdict for the head commit. */
  readonly status: CommitStatus;
}

/** What is said of a commit, where people look at it. */
export interface CommitStatus {
  readonly state: 'success' | 'failure' | 'error';
  readonly description: string;
  /** A page that tells more; `null`: the proposal itself. */
  readonly url: string | null;
}

/** The proposal as it stands. */
export interface Proposal {
  readonly outcome: 'pr_opened' | 'pr_updated' | 'proposed';
  readonly prUrl: string | null;
  /** The command a person runs to publish the branch, or the page where they open a pull request by hand. */
  readonly pushCommand: string | null;
  readonly notices: readonly string[];
}

/** One repository of a forge, as one job uses it. */
export interface Access {
  /** Who asks: what one reader was shown of a repository is shown to no other. It tells nothing of a password. */
  readonly reader?: string;
  /** Who git is to the remote, or to the job's fork of it; `null`: whoever this machine's own settings make it. */
  readonly credential?: () => Promise<Credential>;
  /** Looks who may do what, and makes the fork where one is needed. Done twice, it has the effect of once. */
  readonly open?: (mode: ForkMode) => Promise<Target>;
  /** The commit that a branch is at now; `null` where there is no such branch. */
  readonly tip?: (branch: string) => Promise<string | null>;
  /** Opens or updates the proposal of a branch; asked twice, it has the effect of once. */
  propose(request: ProposalRequest): Promise<Proposal>;
}

/** A place where repositories live. */
export interface Forge {
  readonly name: string;
  /** Whether a repository that the user named is this forge's. */
  owns(repo: string): boolean;
  /**
   * Resolves what the user named, without asking the network.
   *
   * @throws JobError `repo_unusable` when there can't be such a repository
   */
  resolve(repo: string): Promise<Remote>;
  access(remote: Remote, visit: Visit): Access;
}

/** Several forges as one: each repository is its first owner's. */
export function joinForges(first: Forge, ...others: readonly Forge[]): Forge {
  const all = [first, ...others];
  const ownerOf = (repo: string): Forge => all.find((forge) => forge.owns(repo)) ?? first;
  return {
    name: all.map(({ name }) => name).join('+'),
    owns: (repo) => all.some((forge) => forge.owns(repo)),
    resolve: (repo) => ownerOf(repo).resolve(repo),
    access: (remote, visit) => ownerOf(remote.url).access(remote, visit),
  };
}
