/**
 * Port: WHERE REPOS LIVE. A forge resolves a repository, hands out its URL and a short-lived credential, and
 * records a proposal. It never touches git (the workspace fetches and pushes) and it has no way to accept a
 * proposal: that is a person's.
 */
import type { ForkMode } from '../job/request.ts';
import type { ForgeEvent } from '../job/trigger/event.ts';

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
  /** Whether one is there already that this goes on with: no second one is opened where it is gone. */
  readonly goesOn: boolean;
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
  /** When it was written, and when it was changed last (RFC 3339); the same where it never was. */
  readonly writtenAt: string;
  readonly changedAt: string;
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

/** A pull request as it stands. */
export interface Pull {
  readonly number: number;
  readonly title: string;
  readonly author: string;
  readonly url: string;
  readonly isOpen: boolean;
  /** `repo` is `null` where the fork is gone. */
  readonly head: { readonly repo: string | null; readonly branch: string; readonly sha: string };
  readonly base: { readonly branch: string; readonly sha: string };
}

/** One remark of a review, on a line of a file. */
export interface Remark {
  readonly id: number;
  readonly author: string;
  readonly path: string;
  /** First and last line it is on; `null` where the line is gone, or the remark is on the whole file. */
  readonly line: number | null;
  readonly startLine: number | null;
  /** Whether the lines are those of the base. */
  readonly isOnBase: boolean;
  /** The piece of the difference it is on, as the forge shows it. */
  readonly hunk: string;
  readonly text: string;
  /** The first remark of the thread, where this one answers there; its author may be anybody. */
  readonly answers: { readonly author: string; readonly text: string } | null;
}

/** A submitted review. */
export interface Review {
  readonly author: string;
  readonly state: 'approved' | 'changes_requested' | 'commented' | 'dismissed';
  readonly text: string;
  readonly remarks: readonly Remark[];
}

/** A check of a commit that failed. */
export interface FailedCheck {
  readonly name: string;
  readonly url: string | null;
  /** What it says of itself. */
  readonly summary: string;
  /** The end of its log, bounded; `null` where there is none that we may read. */
  readonly log: string | null;
}

/** How the checks of a commit stand, our own left out. */
export interface Checks {
  /** Some have not ended. */
  readonly isPending: boolean;
  readonly failed: readonly FailedCheck[];
  /** Names this state of them: another one when any was run again. */
  readonly run: string;
}

/** What people and checks say on issues and pull requests of one repository. */
export interface Conversation {
  /** Whether somebody may write to the repository; what can't be known is no. */
  mayWrite(login: string): Promise<boolean>;
  /** Our own name there: what we say ourselves asks for nothing. */
  self(): Promise<string>;
  /** Says 👀, on the comment, or on the issue or pull request itself. Done twice, it has the effect of once. */
  acknowledge(event: ForgeEvent): Promise<void>;
  readPull(number: number): Promise<Pull>;
  /** @param number the pull request's */
  readReview(number: number, reviewId: number): Promise<Review>;
  readChecks(sha: string): Promise<Checks>;
  /** Open pull requests whose head a commit is. */
  pullsOf(sha: string): Promise<readonly Pull[]>;
  /**
   * What happened since, oldest first, bounded: what a webhook that was lost would have told. A comment that was edited
   * after it was written is left out: nobody knows who wrote what.
   *
   * @param at RFC 3339
   */
  since(at: string): Promise<readonly ForgeEvent[]>;
}

/** A run of a workflow. */
export interface WorkflowRun {
  readonly id: number;
  /** The job that it names; `null` where it names none. */
  readonly jobId: string | null;
  /** Its page. */
  readonly url: string;
  readonly status: 'waiting' | 'running' | 'ended';
  /** How it ended, in the forge's word; `null` before. */
  readonly conclusion: string | null;
}

/** What a run is started with. */
export interface Dispatch {
  readonly jobId: string;
  /** Branch or tag whose workflow is taken; `null`: the default branch. */
  readonly ref: string | null;
  readonly inputs: Readonly<Record<string, string>>;
  /** When it was first asked for, RFC 3339; `null`: never before, so that there can be no run of it. */
  readonly askedAt: string | null;
  /** Resolves once it is durable that a run is about to be asked for. */
  readonly onAsk: () => Promise<void>;
}

/** The runs of one workflow, each of one job. */
export interface Workflows {
  /**
   * Starts the run of a job; asked twice, it has the effect of once.
   *
   * @returns the run; `null` where it was started and the forge does not show it yet
   */
  dispatch(request: Dispatch): Promise<WorkflowRun | null>;
  /** The run of a job that was asked for then (RFC 3339); looked for several times, for it may not be shown yet. */
  find(jobId: string, askedAt: string): Promise<WorkflowRun | null>;
  /** Runs that were started since, the newest first, bounded. @param at RFC 3339 */
  list(at: string): Promise<readonly WorkflowRun[]>;
  /** `null` where it is gone. */
  read(id: number): Promise<WorkflowRun | null>;
  /** Stops a run; one that has ended is left as it is. */
  cancel(id: number): Promise<void>;
  /** The jobs of a run that failed, with the ends of their logs; bounded. */
  failures(id: number): Promise<readonly Pick<FailedCheck, 'name' | 'log'>[]>;
}

/** A proposal as it stands at the forge. */
export interface FoundProposal {
  readonly url: string;
  readonly headSha: string;
  readonly isDraft: boolean;
}

/** One repository of a forge, as one job uses it. */
export interface Access {
  /** Who asks: what one reader was shown of a repository is shown to no other. It tells nothing of a password. */
  readonly reader?: string;
  /** Who git is to the remote, or to the job's fork of it; `null`: whoever this machine's own settings make it. */
  readonly credential?: () => Promise<Credential>;
  /** Looks who may do what, and makes the fork where one is needed. Done twice, it has the effect of once. */
  readonly open?: (mode: ForkMode) => Promise<Target>;
  /** Refuses a repository that is neither this one nor a fork of it. @throws JobError `repo_unusable` */
  readonly admitFork?: (name: string) => Promise<void>;
  readonly issues?: Issues;
  readonly conversation?: Conversation;
  /** @param file name of the workflow's file */
  readonly workflows?: (file: string) => Workflows;
  /** The proposal of a job's branch, made by whomever. @param fork where the branch is; `null`: here */
  readonly find?: (fork: string | null, branch: string, jobId: string) => Promise<FoundProposal | null>;
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
