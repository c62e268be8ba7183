/** What the HTTP API takes and answers. Generated from the OpenAPI document by `npm run client`: change the server, not this file. */

export interface AcceptedJob {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly upstream_repo: string | null;
  readonly fork_repo: string | null;
  readonly branch: string;
}

export type JobStatus =
  | 'queued'
  | 'forking'
  | 'triggered'
  | 'running'
  | 'retrying'
  | 'needs_input'
  | 'completed'
  | 'failed'
  | 'cancelled';

export interface JobRequest {
  /** URL (https, ssh or file) of a repository, `owner/name` on the forge, or the absolute path of one that this server admits */
  readonly repo?: string;
  /** The same as `repo` */
  readonly repo_url?: string;
  /** The same as `repo` */
  readonly upstream_repo?: string;
  /** What to do, in a sentence or more */
  readonly task?: string;
  /** The same as `task` */
  readonly prompt?: string;
  /** The same as `task` */
  readonly instruction?: string;
  readonly mode?: 'change' | 'ask';
  /** Where the job is executed: by this server, or by the workflow of its `runner_repo`, which takes a prompt and no more */
  readonly executor?: 'local' | 'github-actions';
  /** Branch, tag or commit to start from; the default branch unless given */
  readonly base?: string;
  /** Who edits, by a name that the server knows */
  readonly agent?: string;
  /** The same as `agent` */
  readonly provider?: string;
  readonly model?: string;
  /** Jobs of one session run one after another */
  readonly session_id?: string;
  /** For whom it is done; kept for the audit */
  readonly user_id?: string;
  /** Higher goes first */
  readonly priority?: number;
  readonly draft?: boolean;
  /** `host` only where the server itself is set to it */
  readonly sandbox?: 'auto' | 'bubblewrap' | 'host';
  readonly budget?: Budget;
  /** Instead of the repository's own checks; role admin */
  readonly gate?: readonly {
    readonly name: string;
    /** Shell command, run in the root of a clean checkout */
    readonly command: string;
    readonly timeout_s?: number;
  }[];
  /** Instead of the repository's own setup; role admin */
  readonly setup?: string;
  readonly allow_test_changes?: boolean;
  /** Issue to implement, `owner/name#12` or its URL: it is read now and is the task, beside which `task` may say more; `repo` may be left out */
  readonly issue?: string;
  /** Whether the branch goes to a fork; `auto`: where the account may not push */
  readonly fork?: 'auto' | 'always' | 'never';
  /** Labels of the pull request */
  readonly labels?: readonly string[];
  /** Who is asked to review: logins, and teams as `org/team` */
  readonly reviewers?: readonly string[];
  /** The job's own token for the forge, used instead of the server's: kept sealed until the job has ended, and never shown */
  readonly github_token?: string;
  /** Told of the end by a signed POST */
  readonly callback_url?: string;
}

/** What the job may spend; never more than the server's own settings */
export interface Budget {
  readonly max_cost_usd?: number;
  readonly max_tokens?: number;
  readonly max_turns?: number;
  readonly timeout_s?: number;
}

/** An error (RFC 9457) */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly hint: string | null;
  readonly errors: readonly {
    readonly field: string;
    readonly came: string;
    readonly allowed: string;
    readonly line?: number;
    readonly column?: number;
  }[];
}

export interface Job {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly outcome: Outcome | null;
  readonly repo: string;
  readonly task: string;
  readonly mode: 'change' | 'ask';
  readonly executor: 'local' | 'github-actions';
  readonly base: string | null;
  readonly agent: string;
  readonly model: string | null;
  readonly sandbox: 'auto' | 'bubblewrap' | 'host';
  readonly draft: boolean;
  readonly priority: number;
  readonly session_id: string | null;
  /** The job whose request it repeats */
  readonly retry_of: string | null;
  readonly budget: Limits;
  /** The run of a pipeline that it is, or is a step of */
  readonly run_id: string | null;
  /** The step of that run that it does */
  readonly step: string | null;
  /** The issue or pull request that it was asked for on, as `owner/name#12` */
  readonly about: string | null;
  readonly user_id: string | null;
  readonly branch: string;
  readonly upstream_repo: string | null;
  readonly fork_repo: string | null;
  readonly pr_url: string | null;
  /** What the gate said last; null before the end */
  readonly gate_verdict: 'green' | 'red' | 'inconclusive' | 'none' | null;
  readonly total_cost: number | null;
  readonly attempt: number;
  /** What a person is asked while the status is `needs_input` */
  readonly question: string | null;
  /** RFC 3339, UTC */
  readonly created_at: string;
  /** RFC 3339, UTC */
  readonly updated_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly error: ErrorInfo | null;
}

export type Outcome =
  | 'pr_opened'
  | 'pr_updated'
  | 'proposed'
  | 'no_change'
  | 'answered'
  | 'gate_failed'
  | 'gave_up'
  | 'tampered'
  | 'agent_failed'
  | 'budget_exceeded'
  | 'timed_out'
  | 'setup_failed'
  | 'refused'
  | 'infra_failed'
  | 'cancelled';

/** What it may spend; `null` is no limit */
export interface Limits {
  readonly max_cost_usd: number | null;
  readonly max_tokens: number | null;
  readonly max_turns: number | null;
  readonly timeout_s: number;
}

export interface ErrorInfo {
  readonly code:
    | 'usage'
    | 'invalid_request'
    | 'bad_configuration'
    | 'no_permission'
    | 'not_found'
    | 'conflict'
    | 'illegal_transition'
    | 'bug'
    | 'repo_unusable'
    | 'base_missing'
    | 'nothing_verified'
    | 'inconclusive'
    | 'secret_in_diff'
    | 'diff_too_large'
    | 'protected_path'
    | 'not_approved'
    | 'gate_failed'
    | 'gave_up'
    | 'tampered'
    | 'agent_failed'
    | 'output_missing'
    | 'budget_exceeded'
    | 'timed_out'
    | 'setup_failed'
    | 'infra_failed'
    | 'cancelled';
  readonly blame: 'user' | 'operator' | 'bug';
  readonly message: string;
  readonly hint: string | null;
}

/** What is asked otherwise than before */
export interface Retry {
  readonly budget?: Budget;
}

export interface Message {
  readonly text: string;
}

export interface Approval {
  readonly text?: string;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  /** Gives the next page; null where there is none */
  readonly next_cursor: string | null;
  /** The `after` with which GET /api/changes goes on behind this page */
  readonly change: number;
}

export interface JobResult {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly outcome: Outcome | null;
  readonly repo: string;
  readonly task: string;
  readonly base: string | null;
  readonly base_sha: string | null;
  readonly branch: string | null;
  readonly head_sha: string | null;
  readonly draft: boolean;
  readonly labels: readonly string[];
  readonly pr_url: string | null;
  readonly patch_path: string | null;
  readonly push_command: string | null;
  readonly wip_ref: string | null;
  readonly gate: {
    readonly verdict: string | null;
    readonly runs: readonly {
      readonly verdict: string;
      readonly checks: readonly {
        readonly name: string;
        readonly kind: string;
        readonly command: string;
        readonly base: string;
        readonly head: string;
        readonly verdict: string;
        readonly duration_ms: number;
      }[];
    }[];
  };
  readonly tamper: readonly Readonly<Record<string, unknown>>[];
  readonly iterations: number;
  readonly turns: number;
  readonly subtasks: readonly Readonly<Record<string, unknown>>[];
  readonly attempts: number;
  readonly tests_passed: boolean;
  readonly debug_mode: boolean;
  readonly resumed_from_checkpoint: boolean;
  readonly exploration_report_generated: boolean;
  readonly agent: string;
  readonly model: string | null;
  readonly total_cost: number | null;
  readonly total_tokens_in: number | null;
  readonly total_tokens_out: number | null;
  readonly phases: readonly {
    readonly name: 'prepare' | 'explore' | 'plan' | 'build' | 'verify' | 'propose' | 'notify';
    /** RFC 3339, UTC */
    readonly started_at: string;
    readonly duration_ms: number;
  }[];
  readonly notices: readonly string[];
  readonly summary: string;
  readonly question: string | null;
  readonly upstream_repo: string | null;
  readonly fork_repo: string | null;
  readonly session_id: string | null;
  readonly user_id: string | null;
  /** RFC 3339, UTC */
  readonly created_at: string;
  readonly started_at: string | null;
  /** RFC 3339, UTC */
  readonly finished_at: string;
  readonly error: ErrorInfo | null;
}

export interface Steps {
  readonly steps: readonly {
    /** Name and occurrence: `build-2` is the second turn of the agent */
    readonly key: string;
    readonly done: boolean;
    readonly tries: number;
  }[];
}

export interface EventPage {
  readonly events: readonly JobEvent[];
  /** The `after` of the next page */
  readonly next_after: number;
}

export interface JobEvent {
  /** From 1, without gaps */
  readonly seq: number;
  readonly job_id: string;
  readonly type:
    | 'status'
    | 'phase'
    | 'message'
    | 'tool_call'
    | 'plan'
    | 'usage'
    | 'gate'
    | 'sandbox'
    | 'log'
    | 'delivery'
    | 'error';
  readonly phase: 'prepare' | 'explore' | 'plan' | 'build' | 'verify' | 'propose' | 'notify' | null;
  readonly attempt: number;
  /** RFC 3339, UTC */
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ChangePage {
  readonly changes: readonly {
    /** Grows with every change of any job */
    readonly change: number;
    readonly job: Job;
  }[];
  /** The `after` of the next page */
  readonly next_after: number;
  /** `after` is no change of this database: the list is to be read anew */
  readonly reset: boolean;
}

export interface Trace {
  readonly job_id: string;
  readonly trace_id: string;
  /** The job itself first, the others in the order they began */
  readonly spans: readonly {
    readonly trace_id: string;
    readonly span_id: string;
    readonly parent_span_id: string | null;
    readonly name: string;
    readonly kind: 'internal' | 'client';
    /** Nanoseconds since 1970 */
    readonly start_time_unix_nano: string;
    /** Nanoseconds since 1970 */
    readonly end_time_unix_nano: string;
    readonly status: { readonly code: 'unset' | 'ok' | 'error'; readonly message: string | null };
    readonly attributes: Readonly<Record<string, string | number | boolean>>;
  }[];
  /** Spans beyond the first 10,000 */
  readonly left_out: number;
}

export interface SessionPage {
  readonly sessions: readonly Session[];
  /** Gives the next page; null where there is none */
  readonly next_cursor: string | null;
}

export interface Session {
  readonly session_id: string;
  readonly repo: string;
  readonly branch: string;
  /** Its latest job, whose agent, status and outcome these are */
  readonly last_job_id: string;
  readonly agent: string;
  readonly status: JobStatus;
  readonly outcome: Outcome | null;
  /** RFC 3339, UTC */
  readonly created_at: string;
  /** RFC 3339, UTC */
  readonly updated_at: string;
  readonly jobs: number;
  /** Of these, jobs that have not ended: what they spend is not in the sums */
  readonly running: number;
  /** Ended jobs whose cost nobody knows */
  readonly unpriced: number;
  readonly cost_usd: number | null;
  /** Ended jobs whose tokens nobody counted */
  readonly uncounted: number;
  readonly tokens_in: number | null;
  readonly tokens_out: number | null;
  readonly turns: number;
}

export interface SessionDetail {
  readonly session_id: string;
  readonly repo: string;
  readonly branch: string;
  /** Its latest job, whose agent, status and outcome these are */
  readonly last_job_id: string;
  readonly agent: string;
  readonly status: JobStatus;
  readonly outcome: Outcome | null;
  /** RFC 3339, UTC */
  readonly created_at: string;
  /** RFC 3339, UTC */
  readonly updated_at: string;
  readonly jobs: number;
  /** Of these, jobs that have not ended: what they spend is not in the sums */
  readonly running: number;
  /** Ended jobs whose cost nobody knows */
  readonly unpriced: number;
  readonly cost_usd: number | null;
  /** Ended jobs whose tokens nobody counted */
  readonly uncounted: number;
  readonly tokens_in: number | null;
  readonly tokens_out: number | null;
  readonly turns: number;
  /** What its jobs may spend together (`budgets.session` of the server) */
  readonly budget: {
    readonly max_cost_usd: number | null;
    readonly max_tokens: number | null;
    readonly max_calls: number | null;
  } | null;
  /** Its jobs, the newest first */
  readonly latest: readonly Job[];
}

export interface Deliveries {
  readonly deliveries: readonly Delivery[];
}

export interface Delivery {
  /** The `webhook-id`, the same for every try */
  readonly delivery_id: string;
  readonly job_id: string;
  readonly url: string;
  /** What is sent and signed, byte by byte */
  readonly body: string;
  readonly status: 'pending' | 'delivered' | 'disabled' | 'failed';
  readonly created_at: string;
  /** When the next try is due; null when none is */
  readonly due_at: string | null;
  readonly round: number;
  readonly tries: readonly {
    readonly number: number;
    readonly started_at: string;
    readonly duration_ms: number;
    readonly http_status: number | null;
    readonly error: string | null;
  }[];
}

export interface PipelinePage {
  readonly pipelines: readonly Pipeline[];
  /** Gives the next page; null where there is none */
  readonly next_cursor: string | null;
}

export interface Pipeline {
  /** `pipe-` and twelve hexadecimal digits */
  readonly pipeline_id: string;
  /** In its whole form: every field is there, and short forms are spelled out */
  readonly definition: Readonly<Record<string, unknown>>;
  /** RFC 3339, UTC */
  readonly created_at: string;
  /** RFC 3339, UTC */
  readonly updated_at: string;
  readonly created_by: string | null;
}

/** Steps that depend on each other, and one pull request */
export interface PipelineDefinition {
  /** What it is called and run by */
  readonly name: string;
  readonly repo_url?: string | null;
  readonly base?: string | null;
  readonly agent?: string | null;
  readonly model?: string | null;
  readonly resolve?: 'fail' | 'agent' | null;
  readonly policy?: {
    readonly on_red?: 'block' | 'draft' | null;
    readonly on_inconclusive?: 'block' | 'draft' | 'open' | null;
    readonly on_none?: 'block' | 'draft' | 'open' | null;
    readonly on_tamper?: 'block' | 'draft' | 'allow' | null;
  } | null;
  readonly budget?: {
    readonly max_cost_usd?: number | null;
    readonly max_tokens?: number | null;
    readonly max_turns?: number | null;
    readonly timeout_s?: number | null;
  } | null;
  readonly draft?: boolean | null;
  readonly labels?: string | readonly string[] | null;
  readonly reviewers?: string | readonly string[] | null;
  readonly steps: readonly PipelineStep[];
}

export interface PipelineStep {
  /** Of 1 to 64 letters, digits, - or _ */
  readonly name: string;
  /** What to do, in a sentence or more; {{steps.<name>.output.<key>}} stands for what a step before it gave */
  readonly task: string;
  readonly mode?: 'change' | 'ask' | null;
  readonly depends_on?: string | readonly string[] | null;
  readonly on_failure?: 'stop' | 'continue' | null;
  readonly condition?: string | null;
  readonly approval?:
    | boolean
    | string
    | readonly string[]
    | { readonly approvers?: string | readonly string[] | null; readonly message?: string | null }
    | null;
  readonly agent?: string | null;
  readonly model?: string | null;
  readonly outputs?: Readonly<
    Record<
      string,
      | 'string'
      | 'number'
      | 'integer'
      | 'boolean'
      | 'array'
      | 'object'
      | {
          readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';
          readonly description?: string | null;
          readonly optional?: boolean | null;
        }
    >
  > | null;
  readonly policy?: {
    readonly on_red?: 'block' | 'draft' | null;
    readonly on_inconclusive?: 'block' | 'draft' | 'open' | null;
    readonly on_none?: 'block' | 'draft' | 'open' | null;
    readonly on_tamper?: 'block' | 'draft' | 'allow' | null;
  } | null;
  readonly budget?: {
    readonly max_cost_usd?: number | null;
    readonly max_tokens?: number | null;
    readonly max_turns?: number | null;
    readonly timeout_s?: number | null;
  } | null;
}

export interface Run {
  readonly run_id: string;
  /** Its job, whose log, diff and result are those of the run */
  readonly job_id: string;
  readonly pipeline_id: string | null;
  readonly pipeline: string;
  readonly repo: string;
  readonly status: RunStatus;
  readonly outcome: Outcome | null;
  readonly pr_url: string | null;
  readonly error: ErrorInfo | null;
  /** The run that this one tries again */
  readonly retries: string | null;
  readonly total_cost: number | null;
  /** RFC 3339, UTC */
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly steps: readonly RunStep[];
}

export type RunStatus =
  | 'queued'
  | 'forking'
  | 'triggered'
  | 'running'
  | 'retrying'
  | 'needs_input'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'completed_with_failures';

export interface RunStep {
  readonly name: string;
  /** The job that it is, once it has begun */
  readonly job_id: string | null;
  readonly status:
    | 'queued'
    | 'forking'
    | 'triggered'
    | 'running'
    | 'retrying'
    | 'needs_input'
    | 'completed'
    | 'failed'
    | 'cancelled'
    | 'skipped';
  readonly outcome: Outcome | null;
  /** The defaults and what its agent gave */
  readonly output: Readonly<Record<string, unknown>>;
  readonly error: ErrorInfo | null;
  /** Why it was skipped */
  readonly reason: string | null;
  readonly depends_on: readonly string[];
  /** Set while it waits for a person */
  readonly approval: { readonly approvers: readonly string[]; readonly message: string } | null;
  /** Whether it asks a person before it begins */
  readonly needs_approval: boolean;
  /** Who said what, once somebody has */
  readonly decision: {
    readonly approved: boolean;
    readonly by: string;
    readonly comment: string | null;
    /** RFC 3339, UTC */
    readonly time: string;
  } | null;
  readonly mode: 'change' | 'ask';
  /** What its job has spent; null before it has ended, and where nobody counted */
  readonly total_cost: number | null;
}

export interface RunOptions {
  /** URL (https, ssh or file) of a repository, `owner/name` on the forge, or the absolute path of one that this server admits */
  readonly repo?: string;
  /** The same as `repo` */
  readonly repo_url?: string;
  /** The same as `repo` */
  readonly upstream_repo?: string;
  /** Branch, tag or commit to start from; the default branch unless given */
  readonly base?: string;
  /** Who edits, by a name that the server knows */
  readonly agent?: string;
  /** The same as `agent` */
  readonly provider?: string;
  readonly model?: string;
  /** For whom it is done; kept for the audit */
  readonly user_id?: string;
  /** Higher goes first */
  readonly priority?: number;
  readonly draft?: boolean;
  /** `host` only where the server itself is set to it */
  readonly sandbox?: 'auto' | 'bubblewrap' | 'host';
  readonly budget?: Budget;
  /** Instead of the repository's own checks; role admin */
  readonly gate?: readonly {
    readonly name: string;
    /** Shell command, run in the root of a clean checkout */
    readonly command: string;
    readonly timeout_s?: number;
  }[];
  /** Instead of the repository's own setup; role admin */
  readonly setup?: string;
  readonly allow_test_changes?: boolean;
  /** Whether the branch goes to a fork; `auto`: where the account may not push */
  readonly fork?: 'auto' | 'always' | 'never';
  /** Labels of the pull request */
  readonly labels?: readonly string[];
  /** Who is asked to review: logins, and teams as `org/team` */
  readonly reviewers?: readonly string[];
  /** The job's own token for the forge, used instead of the server's: kept sealed until the job has ended, and never shown */
  readonly github_token?: string;
  /** Told of the end by a signed POST */
  readonly callback_url?: string;
}

export interface RunRequest {
  /** URL (https, ssh or file) of a repository, `owner/name` on the forge, or the absolute path of one that this server admits */
  readonly repo?: string;
  /** The same as `repo` */
  readonly repo_url?: string;
  /** The same as `repo` */
  readonly upstream_repo?: string;
  /** Branch, tag or commit to start from; the default branch unless given */
  readonly base?: string;
  /** Who edits, by a name that the server knows */
  readonly agent?: string;
  /** The same as `agent` */
  readonly provider?: string;
  readonly model?: string;
  /** For whom it is done; kept for the audit */
  readonly user_id?: string;
  /** Higher goes first */
  readonly priority?: number;
  readonly draft?: boolean;
  /** `host` only where the server itself is set to it */
  readonly sandbox?: 'auto' | 'bubblewrap' | 'host';
  readonly budget?: Budget;
  /** Instead of the repository's own checks; role admin */
  readonly gate?: readonly {
    readonly name: string;
    /** Shell command, run in the root of a clean checkout */
    readonly command: string;
    readonly timeout_s?: number;
  }[];
  /** Instead of the repository's own setup; role admin */
  readonly setup?: string;
  readonly allow_test_changes?: boolean;
  /** Whether the branch goes to a fork; `auto`: where the account may not push */
  readonly fork?: 'auto' | 'always' | 'never';
  /** Labels of the pull request */
  readonly labels?: readonly string[];
  /** Who is asked to review: logins, and teams as `org/team` */
  readonly reviewers?: readonly string[];
  /** The job's own token for the forge, used instead of the server's: kept sealed until the job has ended, and never shown */
  readonly github_token?: string;
  /** Told of the end by a signed POST */
  readonly callback_url?: string;
  /** Id or name of a pipeline that is kept, or the name of one in `.agent-runner/pipelines` of the repository, or a definition as `POST /api/pipelines` takes it */
  readonly pipeline: string | Readonly<Record<string, unknown>>;
}

export interface RunPage {
  readonly runs: readonly Run[];
  /** Gives the next page; null where there is none */
  readonly next_cursor: string | null;
}

export interface RunApproval {
  readonly step: string;
  readonly approved: boolean;
  readonly comment?: string;
}

export interface Usage {
  readonly by: 'day' | 'repo' | 'agent' | 'model';
  readonly since: string | null;
  readonly rows: readonly UsageSum[];
  readonly total: UsageSum | null;
}

export interface UsageSum {
  readonly key: string | null;
  readonly jobs: number;
  /** Of these, jobs that have not ended: what they spend is not in the sums */
  readonly running: number;
  /** Ended jobs whose cost nobody knows */
  readonly unpriced: number;
  readonly cost_usd: number | null;
  /** Ended jobs whose tokens nobody counted */
  readonly uncounted: number;
  readonly tokens_in: number | null;
  readonly tokens_out: number | null;
  readonly turns: number;
}

export interface Triggers {
  readonly triggers: readonly Trigger[];
  readonly next_cursor: number | null;
}

export interface Trigger {
  readonly number: number;
  /** Names what happened, whoever told of it */
  readonly key: string;
  readonly repo: string;
  readonly kind: 'label' | 'assignment' | 'comment' | 'review' | 'checks' | 'closed';
  /** Issue or pull request; null for checks */
  readonly subject: number | null;
  readonly actor: string | null;
  /** When it happened */
  readonly at: string;
  readonly received_at: string;
  readonly state: 'due' | 'done' | 'ignored' | 'failed';
  /** What came of it */
  readonly action: 'job' | 'turn' | 'cancel' | null;
  /** Why nothing came of it, or what it waits for */
  readonly reason: string | null;
  readonly job_id: string | null;
  readonly due_at: string | null;
  readonly decided_at: string | null;
}

export interface Readiness {
  readonly status: 'ready' | 'not_ready';
  readonly checks: {
    readonly database: 'ok' | 'not_writable';
    readonly disk: 'ok' | 'full';
    readonly worker: 'working' | 'none' | 'stopped';
  };
}

export interface AuditPage {
  readonly entries: readonly {
    readonly number: number;
    readonly time: string;
    readonly actor: string;
    readonly role: 'read' | 'submit' | 'admin';
    readonly action: string;
    readonly target: string | null;
    readonly status: number;
    readonly address: string | null;
  }[];
  readonly next_before: number | null;
}

export interface Keys {
  readonly keys: readonly ApiKey[];
}

export interface ApiKey {
  readonly key_id: string;
  readonly name: string;
  readonly role: 'read' | 'submit' | 'admin';
  readonly created_at: string;
  readonly revoked_at: string | null;
}

export interface MadeKey {
  readonly key_id: string;
  readonly name: string;
  readonly role: 'read' | 'submit' | 'admin';
  readonly created_at: string;
  readonly revoked_at: string | null;
  /** The key itself, shown this once */
  readonly key: string;
}

export interface NewKey {
  /** Whom or what it is for */
  readonly name: string;
  readonly role?: 'read' | 'submit' | 'admin';
}

export interface GateRuns {
  readonly runs: readonly {
    readonly verdict: 'green' | 'red' | 'inconclusive' | 'none';
    readonly commit: string;
    readonly tree: string;
    readonly checks: readonly {
      readonly name: string;
      readonly kind: 'format' | 'lint' | 'types' | 'build' | 'test' | 'other';
      readonly command: string;
      readonly base: 'passed' | 'failed' | 'inconclusive' | 'not_run';
      readonly head: 'passed' | 'failed' | 'inconclusive';
      readonly verdict: 'passed' | 'failed' | 'pre_existing' | 'fixed' | 'flaky' | 'inconclusive';
      readonly duration_ms: number;
      readonly log: string | null;
      readonly reason: string;
      readonly base_tests?: {
        readonly passed: number;
        readonly failed: number;
        readonly skipped: number;
      } | null;
      readonly head_tests?: {
        readonly passed: number;
        readonly failed: number;
        readonly skipped: number;
      } | null;
      readonly new_failures: readonly string[];
      readonly excerpt: string;
    }[];
    readonly tamper: readonly {
      readonly kind: string;
      readonly severity: 'block' | 'draft' | 'report';
      readonly file: string;
      readonly line: number | null;
      readonly detail: string;
      readonly tests?: readonly string[];
    }[];
    readonly duration_ms: number;
  }[];
}

export interface Who {
  /** Id of the key; `local` where nobody is asked for one */
  readonly id: string;
  readonly name: string;
  readonly role: 'read' | 'submit' | 'admin';
  /** Whether requests need a key */
  readonly auth: boolean;
  readonly version: string;
  /** The most that a request may ask to spend; `null` is no limit */
  readonly most: Limits;
}

export interface Findings {
  readonly findings: readonly {
    readonly name: string;
    readonly state: 'ok' | 'warning' | 'failed';
    readonly detail: string;
    readonly fix: string | null;
  }[];
}

export interface Agents {
  /** Who edits unless a request says otherwise */
  readonly default: string | null;
  readonly agents: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly detail: string;
    readonly fix: string | null;
  }[];
}

export interface Offer {
  /** Who is asked unless a request says otherwise */
  readonly model: string | null;
  readonly sandbox: 'auto' | 'bubblewrap' | 'host';
  /** Those that a request may name */
  readonly sandboxes: readonly ('auto' | 'bubblewrap' | 'host')[];
  /** Whether `owner/name` can be forked, pushed to and proposed on */
  readonly has_forge: boolean;
  /** Whether a request may name a callback_url */
  readonly callbacks: boolean;
  readonly budgets: readonly {
    readonly scope: 'day' | 'repository' | 'session';
    readonly repo: string | null;
    readonly max_cost_usd: number | null;
    readonly max_tokens: number | null;
    readonly max_calls: number | null;
    /** Of it, today (UTC), as far as it is known */
    readonly spent_usd: number | null;
    readonly spent_tokens: number | null;
  }[];
}

export interface Demo {
  readonly repo: string;
  readonly task: string;
  readonly agent: string;
}
