/** What the test forge remembers: plain data, so that it is read easily by tests and kept as one JSON file. */

/** What an account is; a `Bot` is the account that a GitHub App acts as. */
export type AccountType = 'User' | 'Organization' | 'Bot';

export interface Account {
  readonly id: number;
  readonly login: string;
  readonly type: AccountType;
  readonly createdAt: string;
  /** Logins with all rights on an organization's repositories. */
  readonly members: string[];
}

/** Levels of a permission of a fine-grained or installation token. */
export type Level = 'read' | 'write' | 'admin';
export type Permissions = Readonly<Record<string, Level>>;

export interface Token {
  readonly token: string;
  readonly login: string;
  readonly kind: 'classic' | 'fine_grained' | 'installation';
  /** Of a classic token. */
  readonly scopes: readonly string[];
  /** Of the other kinds; `null`: all. */
  readonly permissions: Permissions | null;
  /** Ids of the repositories that it is limited to; `null`: all that its account may see. */
  readonly repositoryIds: readonly number[] | null;
  readonly installationId: number | null;
  /** Milliseconds of the forge's clock; `null`: never. */
  readonly expiresAtMs: number | null;
}

/** What an account may do with a repository, lowest first. */
export const ROLES = ['none', 'read', 'triage', 'write', 'maintain', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** When a new fork shows itself: after so many answers that deny it, or from a moment on; `null`: never. */
export interface Appearance {
  polls: number;
  readonly atMs: number | null;
}

export interface Label {
  readonly id: number;
  readonly name: string;
  readonly color: string;
  readonly description: string | null;
}

export interface Reaction {
  readonly id: number;
  readonly login: string;
  readonly content: string;
  readonly createdAt: string;
}

export interface Comment {
  readonly id: number;
  readonly issue: number;
  readonly login: string;
  readonly createdAt: string;
  updatedAt: string;
  body: string;
  readonly reactions: Reaction[];
}

/** An issue, or what a pull request has in common with one. */
export interface Issue {
  readonly id: number;
  readonly number: number;
  readonly login: string;
  readonly createdAt: string;
  updatedAt: string;
  closedAt: string | null;
  title: string;
  body: string | null;
  state: 'open' | 'closed';
  stateReason: string | null;
  labels: string[];
  assignees: string[];
  readonly reactions: Reaction[];
}

/** What happened to an issue or a pull request. */
export interface IssueEvent {
  readonly id: number;
  readonly event: 'labeled' | 'unlabeled' | 'assigned' | 'unassigned' | 'closed' | 'reopened';
  readonly issue: number;
  readonly login: string;
  readonly createdAt: string;
  /** Name of the label, or login of the assignee. */
  readonly what: string | null;
}

/** How large a pull request is, from its base to its head. */
export interface PullFigures {
  readonly commits: number;
  readonly additions: number;
  readonly deletions: number;
  readonly changedFiles: number;
}

export interface Pull extends Issue {
  draft: boolean;
  /** `owner:branch`, which stays when the head's repository is gone. */
  readonly headLabel: string;
  readonly headRepositoryId: number;
  readonly headRef: string;
  headSha: string;
  baseRef: string;
  baseSha: string;
  figures: PullFigures;
  readonly maintainerCanModify: boolean;
  requestedReviewers: string[];
  readonly reviews: Review[];
  readonly reviewComments: ReviewComment[];
}

export type ReviewState = 'APPROVED' | 'CHANGES_REQUESTED' | 'COMMENTED' | 'PENDING' | 'DISMISSED';

export interface Review {
  readonly id: number;
  readonly login: string;
  body: string;
  state: ReviewState;
  readonly commitId: string;
  readonly submittedAt: string | null;
}

export interface ReviewComment {
  readonly id: number;
  readonly reviewId: number | null;
  readonly inReplyTo: number | null;
  readonly login: string;
  readonly path: string;
  readonly line: number | null;
  readonly startLine: number | null;
  readonly side: 'LEFT' | 'RIGHT';
  readonly diffHunk: string;
  readonly commitId: string;
  readonly createdAt: string;
  updatedAt: string;
  body: string;
  readonly reactions: Reaction[];
}

export type StatusState = 'error' | 'failure' | 'pending' | 'success';

export interface Status {
  readonly id: number;
  readonly sha: string;
  readonly login: string;
  readonly state: StatusState;
  readonly context: string;
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly createdAt: string;
}

export interface CheckRun {
  readonly id: number;
  readonly suiteId: number;
  readonly appId: number;
  readonly headSha: string;
  name: string;
  status: string;
  conclusion: string | null;
  externalId: string;
  detailsUrl: string | null;
  startedAt: string;
  completedAt: string | null;
  title: string | null;
  summary: string | null;
  text: string | null;
  readonly annotations: Readonly<Record<string, unknown>>[];
}

export interface CheckSuite {
  readonly id: number;
  readonly appId: number;
  readonly headSha: string;
  readonly headBranch: string | null;
  readonly createdAt: string;
}

export interface WorkflowJob {
  readonly id: number;
  readonly name: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
  log: string;
}

export interface WorkflowRun {
  readonly id: number;
  /** As the workflow's `run-name` makes it. */
  readonly title: string;
  readonly number: number;
  readonly workflowPath: string;
  readonly event: string;
  readonly headBranch: string;
  readonly headSha: string;
  readonly login: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly createdAt: string;
  updatedAt: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
  /** Counts from one; a run that is run again keeps its id. */
  attempt: number;
  jobs: WorkflowJob[];
}

export interface Hook {
  readonly id: number;
  readonly url: string;
  readonly secret: string;
  /** `*`: all. */
  readonly events: readonly string[];
}

export interface Repository {
  readonly id: number;
  owner: string;
  name: string;
  readonly private: boolean;
  archived: boolean;
  defaultBranch: string;
  readonly parentId: number | null;
  readonly createdAt: string;
  updatedAt: string;
  pushedAt: string;
  /** Role by login, besides the owner's. */
  readonly collaborators: Record<string, Role>;
  /** When the repository, and then its branches and objects, show themselves. */
  readonly appears: { readonly repository: Appearance; readonly branches: Appearance };
  nextNumber: number;
  readonly labels: Label[];
  readonly issues: Issue[];
  readonly pulls: Pull[];
  readonly comments: Comment[];
  /** Oldest first. */
  readonly events: IssueEvent[];
  readonly statuses: Status[];
  readonly checkSuites: CheckSuite[];
  readonly checkRuns: CheckRun[];
  readonly runs: WorkflowRun[];
  readonly hooks: Hook[];
}

export interface App {
  readonly id: number;
  readonly slug: string;
  readonly clientId: string;
  readonly owner: string;
  /** PEM of the public key that its JWTs are verified with. */
  readonly publicKey: string;
  readonly permissions: Permissions;
}

export interface Installation {
  readonly id: number;
  readonly appId: number;
  readonly account: string;
  readonly permissions: Permissions;
  /** `null`: all repositories of the account. */
  readonly repositoryIds: readonly number[] | null;
  readonly createdAt: string;
}

/** One webhook that was sent, and what came back. */
export interface Delivery {
  readonly id: string;
  readonly hookId: number;
  readonly event: string;
  readonly action: string | null;
  readonly repository: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** `null`: no answer came. */
  status: number | null;
}

export interface State {
  nextId: number;
  readonly accounts: Account[];
  readonly tokens: Token[];
  readonly repositories: Repository[];
  readonly apps: App[];
  readonly installations: Installation[];
  readonly deliveries: Delivery[];
}
