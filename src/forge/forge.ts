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
  /** A token that came with the job: it is used instead of ours, and for nothing else. */
  readonly token?: string | undefined;
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
  /** Labels that an earlier proposal of the same branch may have, and that hold no more. */
  readonly staleLabels: readonly string[];
  readonly reviewers: readonly string[];
  /** Name of the remote that a working repository publishes to; `null` where it has none. */
  readonly publishTo: string | null;
  /** A proposal of this job was begun before: one that is there now, open or not, is its own. */
  readonly wasBegun: boolean;
  /** Resolves once it is durable that a proposal is about to be made. */
  readonly onBegin: () => Promise<void>;
  /** Verdict for the head commit; `null` where nobody judged it. */
  readonly status: CommitStatus | null;
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

/** What somebody wrote below an issue; data, as all of it is. */
export interface IssueComment {
  readonly author: string;
  /** Whether they may write to the repository. */
  readonly mayWrite: boolean;
  readonly text: string;
}

/** An issue as people wrote it. */
export interface Issue {
  readonly title: string;
  readonly text: string;
  readonly author: string;
  readonly isOpen: boolean;
  /** Whether the number is that of a proposal, which counts as an issue too. */
  readonly isProposal: boolean;
  /** In the order in which they were written, without those of programs. */
  readonly comments: readonly IssueComment[];
}

/** The issues of a repository. */
export interface Issues {
  /** @throws JobError `not_found` */
  read(number: number): Promise<Issue>;
  /** Says `text` in the one comment that is ours: made where it is not there, else edited. */
  say(number: number, text: string): Promise<void>;
}

/** One repository of a forge, as one job uses it. */
export interface Access {
  /** Who asks: what one reader was shown of a repository is shown to no other. It tells nothing of a password. */
  readonly reader?: string;
  /** Who git is to the remote, or to the job's fork of it; `null`: whoever this machine's own settings make it. */
  readonly credential?: () => Promise<Credential>;
  /** Looks who may do what, and makes the fork where one is needed. Done twice, it has the effect of once. */
  readonly open?: (mode: ForkMode) => Promise<Target>;
  readonly issues?: Issues;
  /** The commit that a branch is at now; `null` where there is no such branch. */
  readonly tip?: (branch: string) => Promise<string | null>;
  /** Opens or updates the proposal of a branch; asked twice, it has the effect of once. */
  propose(request: ProposalRequest): Promise<Proposal>;
}

/** One thing about a forge that was looked at. */
export interface ForgeFinding {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  /** What to do about it. */
  readonly fix: string | null;
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
  /**
   * Looks what works, without changing anything.
   *
   * @param repo one that is looked at, too; `null` for none
   */
  readonly examine?: (repo: string | null) => Promise<readonly ForgeFinding[]>;
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
    async examine(repo) {
      const found = await Promise.all(all.map(async (forge) => (await forge.examine?.(repo)) ?? []));
      return found.flat();
    },
  };
}
