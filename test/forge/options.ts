/** What a test tells the forge, and what it may ask it. */
import type { FaultRule } from './http/faults.ts';
import type { Load } from './http/loads.ts';
import type { Logged } from './http/serve.ts';
import type { ForkDelays } from './state/core.ts';
import type {
  AccountType,
  App,
  Delivery,
  Installation,
  Permissions,
  Repository,
  Role,
  State,
  WorkflowRun,
} from './state/model.ts';

export interface UserOptions {
  readonly login: string;
  /** A classic token of theirs, with `scopes`; one with `permissions` is fine-grained. */
  readonly token?: string;
  readonly type?: AccountType;
  /** `['repo', 'workflow']` unless told. */
  readonly scopes?: readonly string[];
  readonly permissions?: Permissions;
  /** Of an organization: who owns it. */
  readonly members?: readonly string[];
}

export interface RepositoryOptions {
  readonly owner: string;
  readonly name: string;
  /** Path of a repository to copy, or the files of a first commit; empty unless told. */
  readonly from?: string | Readonly<Record<string, string>>;
  readonly private?: boolean;
  /** Of a repository that isn't copied; `main` unless told. */
  readonly defaultBranch?: string;
  readonly collaborators?: Readonly<Record<string, Role>>;
}

export interface AppOptions {
  readonly slug: string;
  /** PEM. */
  readonly publicKey: string;
  readonly permissions: Permissions;
  /** Accounts that installed it, with the repositories they chose (`owner/name`); `null`: all. */
  readonly installations: readonly {
    readonly account: string;
    readonly repositories?: readonly string[] | null;
  }[];
}

export interface ForgeOptions {
  readonly users?: readonly UserOptions[];
  readonly faults?: readonly FaultRule[];
  /** Of the faults' chance. */
  readonly seed?: number;
  /** Milliseconds of the epoch; what expires does so by this clock. */
  readonly clock?: () => number;
  readonly port?: number;
  /** Where repositories and state are kept beyond `close()`; a temporary folder, removed then, unless told. */
  readonly root?: string;
  /** Requests an hour and token; 5,000 unless told. */
  readonly rateLimit?: number;
  /** Issues, comments, pull requests and so on a minute and login; refused beyond it, as GitHub does at 80; no limit unless told. */
  readonly creationsPerMinute?: number;
}

/** How a workflow run stands now. */
export interface RunMove {
  readonly status: WorkflowRun['status'];
  readonly conclusion?: string | null;
  readonly jobs?: readonly {
    readonly name: string;
    readonly conclusion: string | null;
    readonly log: string;
  }[];
}

export interface TestForge {
  /** `http://127.0.0.1:<port>`: repositories are at `<url>/<owner>/<name>`. */
  readonly url: string;
  /** Base URL for Octokit and friends. */
  readonly apiUrl: string;
  /** The URL that git gets; with a token it holds the credential. */
  gitUrl(owner: string, name: string, token?: string): string;
  addUser(user: UserOptions): void;
  addRepository(options: RepositoryOptions): Promise<Repository>;
  addApp(app: AppOptions): { readonly app: App; readonly installations: readonly Installation[] };
  /** Sends events of a repository to `url`; all events unless told. */
  addHook(
    owner: string,
    name: string,
    hook: { readonly url: string; readonly secret: string; readonly events?: readonly string[] },
  ): void;
  setFault(rule: FaultRule): void;
  clearFaults(): void;
  /** How late forks made from now on show themselves. */
  setForkDelays(delays: ForkDelays): void;
  /** What happens with workflow runs that are dispatched from now on; they stay queued without. */
  onWorkflowRun(hook: (repository: Repository, run: WorkflowRun) => void): void;
  /** Sets how a run stands, with its jobs and their logs, and tells the hooks. */
  moveRun(owner: string, name: string, id: number, to: RunMove): Promise<void>;
  /** All requests since the start, git's too. */
  requests(): readonly Logged[];
  /** How hard the forge was worked at the worst, in GitHub's measures. */
  load(): Load;
  /** A repository's state, live; throws when there is none. */
  repo(owner: string, name: string): Repository;
  state(): State;
  /** Path of the bare repository, for git. */
  folder(owner: string, name: string): string;
  refs(owner: string, name: string): Promise<Readonly<Record<string, string>>>;
  /** The commit of a branch, or `null`. */
  branch(owner: string, name: string, branch: string): Promise<string | null>;
  /** Webhooks that were sent, after all have been. */
  deliveries(): Promise<readonly Delivery[]>;
  /** Answers that GitHub would not give, requests that it would not take, and calls that nobody may make. */
  violations(): readonly string[];
  /** Stops; rejects when there were violations. */
  close(): Promise<void>;
}
