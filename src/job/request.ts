/** What a job was asked to do: the resolved request, and the parser that makes one from unknown input. */
import { JobError } from './error.ts';
import type { Check } from './gate.ts';
import type { Executor } from './elsewhere/executor.ts';
import type { InPlace } from './in-place/in-place.ts';
import type { PhasesMode } from './phases/choose.ts';
import type { RunRequest, StepRequest } from './pipeline/run.ts';
import type { TurnNote } from './trigger/turn.ts';

/** What happens when the gate is red, inconclusive or empty, or when the change weakens its judge. */
export interface Policy {
  readonly on_red: 'block' | 'draft';
  readonly on_inconclusive: 'block' | 'draft' | 'open';
  readonly on_none: 'block' | 'draft' | 'open';
  readonly on_tamper: 'block' | 'draft' | 'allow';
}

/** What a job may spend. `null` is no limit. */
export interface Budget {
  readonly max_cost_usd: number | null;
  readonly max_tokens: number | null;
  /** Turns of the agent: how often it is prompted. */
  readonly max_turns: number | null;
  /** Seconds the agent may work in all; the gate, setup and waits do not count. */
  readonly timeout_s: number;
}

export const DEFAULT_POLICY: Policy = {
  on_red: 'block',
  on_inconclusive: 'draft',
  on_none: 'draft',
  on_tamper: 'block',
};
export const DEFAULT_BUDGET: Budget = { max_cost_usd: 5, max_tokens: null, max_turns: null, timeout_s: 3600 };
export const DEFAULT_MAX_GATE_RUNS = 5;
/** Largest task text, in bytes; more than any model reads in one prompt is refused, not cut. */
export const MAX_TASK_BYTES = 1024 * 1024;

/** Priorities go from minus this to this. */
export const MAX_PRIORITY = 1000;

/** Names a sandbox may be asked for by; `auto` picks the strongest that works. */
export const SANDBOX_NAMES = ['auto', 'bubblewrap', 'host'] as const;
export type SandboxChoiceName = (typeof SANDBOX_NAMES)[number];

/** When a fork is made: where the account may not push, always, or never. */
export const FORK_MODES = ['auto', 'always', 'never'] as const;
export type ForkMode = (typeof FORK_MODES)[number];

/** Who explores or plans; `null` is who builds. */
export interface PhaseAgent {
  readonly agent: string | null;
  readonly model: string | null;
}

/** A validated request. Everything a job needs to know about what was asked; nothing about this machine. */
export interface JobRequest {
  /** Absolute path, or an https, ssh or file URL. */
  readonly repo: string;
  readonly task: string;
  readonly mode: 'change' | 'ask';
  /** Branch, tag or commit to start from; `null` is the default branch (the checked-out one of a path). */
  readonly base: string | null;
  readonly agent: string;
  readonly model: string | null;
  readonly sandbox: SandboxChoiceName;
  /** Whether the `host` sandbox, which isolates nothing, may be taken where nothing better works. */
  readonly allow_host: boolean;
  readonly network: boolean;
  readonly budget: Budget;
  /** Fields given here win over `.agent-runner.yml`, which wins over the defaults. */
  readonly policy: Partial<Policy>;
  readonly max_gate_runs: number | null;
  /** Checks given by the caller; `null` takes the repository's own. */
  readonly checks: readonly Check[] | null;
  /** Setup command given by the caller; `null` takes the repository's own, `''` runs none. */
  readonly setup: string | null;
  readonly allow_test_changes: boolean;
  readonly draft: boolean;
  readonly user_id: string | null;
  /** Where it is executed; absent: on this machine. */
  readonly executor?: Executor;
  /** Higher goes first; absent is 0. */
  readonly priority?: number;
  /** Jobs of one session run one after another, on the same workspace, branch and conversation. */
  readonly session_id?: string;
  /** Where the job's end is told, by a signed POST; absent: nowhere. */
  readonly callback_url?: string;
  /** Whether the job is explored and planned first, and by whom; absent: as the rule says, by `agent`. */
  readonly phases?: {
    readonly mode: PhasesMode;
    readonly explore: PhaseAgent;
    readonly plan: PhaseAgent;
  };
  /** Whether the branch goes to a fork, where the repository lives on a forge; absent: `auto`. */
  readonly fork?: ForkMode;
  /** Labels and reviewers of the pull request; absent: none but the runner's own. */
  readonly labels?: readonly string[];
  readonly reviewers?: readonly string[];
  /** The issue it is about, as `owner/name#12`; the proposal names it, and it is told how the job goes. */
  readonly issue?: string;
  /** Set where something that happened on a forge asked for it. */
  readonly trigger?: {
    /** The issue or pull request it was asked for on, as `owner/name#12`. */
    readonly about: string;
    /** The head whose red checks it mends, and which run of them; `null` for other work. */
    readonly fixes: { readonly sha: string; readonly run: string } | null;
  };
  /** The job's own token for the forge, sealed; `null` once the job has ended and it is erased. */
  readonly sealed_token?: string | null;
  /**
   * Set where the same was asked before and proposed: this job goes to the same branch, and so to its pull request.
   * `heads`: the commits that those jobs may have left on it.
   */
  readonly follows?: { readonly job_id: string; readonly branch: string; readonly heads: readonly string[] };
  /** The job whose request it repeats. No caller gives it. */
  readonly retry_of?: string;
  /**
   * The pull request that it is about, as `owner/name#12`: that of its session, or one whose checks it mends. No caller
   * gives it.
   */
  readonly pull?: string;
  /** Set where whoever asked gave leave to push onto the branch of somebody else's pull request. */
  readonly onto?: { readonly branch: string; readonly pr_url: string };
  /** What asked for it there; absent where a person asked here. */
  readonly turn?: TurnNote;
  /** Set for `issue-to-pr` and `self-heal`, which work for the checkout a person stands in. */
  readonly in_place?: InPlace;
  /** Set for a run of a pipeline. */
  readonly pipeline?: RunRequest;
  /** Set for a step of a run. No caller gives it. */
  readonly step?: StepRequest;
  /** Set for a playback: the recording as the home folder names it, and the job that was recorded. */
  readonly replay?: { readonly recording: string; readonly of: string };
}

/** Longest repository and ref names, in characters. */
const MAX_REPO_CHARS = 4096;
const MAX_REF_CHARS = 200;

const OWNER_NAME = /^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+$/;
// Control characters, line separators and marks that reorder text: they forge what a person or a log shows.
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
// ssh takes a user or host that begins with `-` for an option (CVE-2017-1000117), and git decodes `%2d` first.
const URL_FORM = /^(?:file:\/\/\/|(?:https|ssh):\/\/(?!-|%2[dD])(?:[^/@\s]*@)?(?!-)[^/@%\s]+(?:\/|$))/;
const SCP_LIKE = /^[A-Za-z0-9_.][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^-:]/;
// Git takes a branch that begins with `-` for an option wherever one `--` is forgotten, and a `+` for "force".
const REF = /^(?![-+])(?!.*(\.\.|@\{|\/\/|\.lock$|[\s~^:?*[\\]))[^/].*[^/.]$|^[A-Za-z0-9_]$/u;

/** Git reads everything with a colon before the first slash as a remote, never as a path. */
function isRemoteForm(repo: string): boolean {
  const [colon, slash] = [repo.indexOf(':'), repo.indexOf('/')];
  return colon >= 0 && (slash < 0 || colon < slash);
}

/**
 * Checks the form of a repository's name: an `https`, `ssh` or `file` URL, `user@host:path`, or a path.
 *
 * @param repo what the caller wrote, or an absolute path
 * @returns the same text
 * @throws JobError `invalid_request` that names the field, what came and what is allowed
 */
export function parseRepo(repo: string): string {
  const shown = JSON.stringify(repo.slice(0, 200));
  if (repo.trim() === '' || repo.startsWith('-') || repo.length > MAX_REPO_CHARS || UNPRINTABLE.test(repo)) {
    throw new JobError('invalid_request', `repo: ${shown} is no repository`, {
      hint: 'give a path, or an https://, ssh:// or file:// URL; it may not begin with "-"',
    });
  }
  const isAllowed = !isRemoteForm(repo) || URL_FORM.test(repo) || SCP_LIKE.test(repo);
  if (repo.includes('::') || !isAllowed) {
    throw new JobError('invalid_request', `repo: the form of ${shown} is not allowed`, {
      hint: 'allowed are a path, https://, ssh://, file:/// and user@host:path',
    });
  }
  return repo;
}

/** Whether `repo` is a short `owner/name`, which only a forge can turn into a URL. */
export function isOwnerName(repo: string): boolean {
  return OWNER_NAME.test(repo);
}

/**
 * Checks a branch, tag or commit named by a caller.
 *
 * @throws JobError `invalid_request`; a name that begins with `-` is refused because git would read an option
 */
export function parseRef(ref: string, field = 'base'): string {
  if (ref.length <= MAX_REF_CHARS && REF.test(ref) && !UNPRINTABLE.test(ref)) return ref;
  throw new JobError(
    'invalid_request',
    `${field}: ${JSON.stringify(ref.slice(0, 200))} is no branch, tag or commit`,
    {
      hint: 'give a name like main, v1.2.0 or a commit id',
    },
  );
}

/**
 * Checks the name of a session, which is a part of its branch's name.
 *
 * @throws JobError `invalid_request`
 */
export function parseSessionId(name: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$/.test(name)) return name;
  throw new JobError('invalid_request', `session_id: ${JSON.stringify(name.slice(0, 100))} is no session`, {
    hint: 'give 1 to 64 letters, digits, "-" or "_", for example sess-2026-11; letters or digits at both ends',
  });
}

/**
 * Checks a task's text.
 *
 * @throws JobError `invalid_request` when nothing readable is in it, when it holds a NUL (which no prompt,
 * commit message or command line can carry), or when it is larger than `MAX_TASK_BYTES`
 */
export function parseTask(task: string): string {
  const bytes = new TextEncoder().encode(task).length;
  if (bytes > MAX_TASK_BYTES) {
    throw new JobError('invalid_request', `task: ${bytes} bytes is too long (at most ${MAX_TASK_BYTES})`, {
      hint: 'put long material into a file of the repository and name it in the task',
    });
  }
  if (!/[^\s\p{C}]/u.test(task)) {
    throw new JobError('invalid_request', 'task: it is empty', {
      hint: 'say in a sentence what should change',
    });
  }
  if (task.includes('\0')) {
    throw new JobError('invalid_request', 'task: it holds a NUL character', { hint: 'give plain text' });
  }
  return task;
}

/** Most labels, and most reviewers, of one pull request, and GitHub's longest label in characters. */
export const MAX_NAMES = 50;
const MAX_LABEL_CHARS = 50;
// A login, or a team as `org/team`; neither can be taken for an option or a path.
const REVIEWER = /^[A-Za-z0-9][\w-]{0,99}(?:\/[A-Za-z0-9][\w.-]{0,99})?$/;

/**
 * Checks labels of a pull request.
 *
 * @throws JobError `invalid_request`
 */
export function parseLabels(labels: readonly string[]): readonly string[] {
  const bad = labels.find(
    (name) => name.trim() !== name || name === '' || name.length > MAX_LABEL_CHARS || /\p{C}/u.test(name),
  );
  if (bad === undefined && labels.length <= MAX_NAMES) return [...new Set(labels)];
  const came = bad === undefined ? `${labels.length} labels` : JSON.stringify(bad.slice(0, 100));
  throw new JobError('invalid_request', `labels: ${came} is not allowed`, {
    hint: `give at most ${MAX_NAMES} labels of 1 to ${MAX_LABEL_CHARS} printable characters`,
  });
}

/**
 * Checks who is asked to review.
 *
 * @throws JobError `invalid_request`
 */
export function parseReviewers(reviewers: readonly string[]): readonly string[] {
  const bad = reviewers.find((name) => !REVIEWER.test(name));
  if (bad === undefined && reviewers.length <= MAX_NAMES) return [...new Set(reviewers)];
  const came = bad === undefined ? `${reviewers.length} names` : JSON.stringify(bad.slice(0, 100));
  throw new JobError('invalid_request', `reviewers: ${came} is not allowed`, {
    hint: `give at most ${MAX_NAMES} logins, or teams as org/team`,
  });
}

/**
 * Checks when a fork is made.
 *
 * @throws JobError `invalid_request`
 */
export function parseForkMode(mode: string): ForkMode {
  const known = FORK_MODES.find((name) => name === mode);
  if (known !== undefined) return known;
  throw new JobError(
    'invalid_request',
    `fork: ${JSON.stringify(mode.slice(0, 100))} is unknown (allowed: ${FORK_MODES.join(', ')})`,
  );
}

/**
 * Checks a token that comes with a job. What it is stands in no error.
 *
 * @throws JobError `invalid_request`
 */
export function parseToken(token: string): string {
  if (/^[\x21-\x7e]{1,1000}$/.test(token)) return token;
  throw new JobError('invalid_request', 'github_token: it is no token', {
    hint: 'give one line of at most 1,000 printable ASCII characters',
  });
}

/** Longest callback URL, in characters. */
export const MAX_CALLBACK_CHARS = 2048;

/**
 * Checks the form of a callback's URL; where it may lead is decided where it is sent from.
 *
 * @returns the URL as it is stored and sent to
 * @throws JobError `invalid_request`
 */
export function parseCallbackUrl(url: string): string {
  const parsed = url.length <= MAX_CALLBACK_CHARS && !UNPRINTABLE.test(url) ? URL.parse(url) : null;
  if (parsed !== null && (parsed.protocol === 'https:' || parsed.protocol === 'http:')) return parsed.href;
  throw new JobError(
    'invalid_request',
    `callback_url: ${JSON.stringify(url.slice(0, 200))} is no absolute http or https URL`,
    { hint: `give a URL like https://ci.example.org/hook, of at most ${MAX_CALLBACK_CHARS} characters` },
  );
}
