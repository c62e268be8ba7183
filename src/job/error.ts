/**
 * The one error class. Every error carries a stable `code`, who has to act (`blame`), and where it can, what
 * to do next (`hint`). Codes that end a job name the outcome they end in.
 */
import type { Outcome } from './status.ts';

/** Who has to act: the person who asked, the person who runs this machine, or we. */
export type Blame = 'user' | 'operator' | 'bug';

interface ErrorKind {
  readonly blame: Blame;
  /** The outcome of a job that ends with this error; absent where no job exists yet. */
  readonly outcome?: Outcome;
}

/** Every error code, who has to act on it, and the outcome of a job that ends with it. */
export const ERROR_CODES = {
  usage: { blame: 'user' },
  invalid_request: { blame: 'user' },
  bad_configuration: { blame: 'user', outcome: 'refused' },
  no_permission: { blame: 'user' },
  not_found: { blame: 'user' },
  conflict: { blame: 'user', outcome: 'refused' },
  illegal_transition: { blame: 'bug' },
  bug: { blame: 'bug', outcome: 'infra_failed' },

  repo_unusable: { blame: 'user', outcome: 'refused' },
  base_missing: { blame: 'user', outcome: 'refused' },
  nothing_verified: { blame: 'user', outcome: 'refused' },
  inconclusive: { blame: 'user', outcome: 'refused' },
  secret_in_diff: { blame: 'user', outcome: 'refused' },
  diff_too_large: { blame: 'user', outcome: 'refused' },
  protected_path: { blame: 'user', outcome: 'refused' },
  not_approved: { blame: 'user', outcome: 'refused' },

  gate_failed: { blame: 'user', outcome: 'gate_failed' },
  gave_up: { blame: 'user', outcome: 'gave_up' },
  tampered: { blame: 'user', outcome: 'tampered' },
  agent_failed: { blame: 'operator', outcome: 'agent_failed' },
  output_missing: { blame: 'user', outcome: 'agent_failed' },
  budget_exceeded: { blame: 'user', outcome: 'budget_exceeded' },
  timed_out: { blame: 'user', outcome: 'timed_out' },
  setup_failed: { blame: 'user', outcome: 'setup_failed' },
  infra_failed: { blame: 'operator', outcome: 'infra_failed' },
  cancelled: { blame: 'user', outcome: 'cancelled' },
} as const satisfies Record<string, ErrorKind>;
export type ErrorCode = keyof typeof ERROR_CODES;

/** An error as it travels in step results, job results and JSON. */
export interface ErrorInfo {
  readonly code: ErrorCode;
  readonly blame: Blame;
  readonly message: string;
  readonly hint: string | null;
}

/** The one error class of agent-runner. `message` is safe to show; `hint` says what to do next. */
export class JobError extends Error {
  override readonly name = 'JobError';
  readonly code: ErrorCode;
  readonly blame: Blame;
  readonly hint: string | null;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.blame = ERROR_CODES[code].blame;
    this.hint = options.hint ?? null;
  }
}

/** The plain-JSON form of an error. */
export function toErrorInfo(error: JobError): ErrorInfo {
  return { code: error.code, blame: error.blame, message: error.message, hint: error.hint };
}

/** Builds the plain-JSON form without throwing first. */
export function errorInfo(code: ErrorCode, message: string, hint: string | null = null): ErrorInfo {
  return { code, blame: ERROR_CODES[code].blame, message, hint };
}

/** Anything thrown, as plain JSON: what is not ours is `infra_failed`, because only infrastructure throws. */
export function errorInfoOf(thrown: unknown): ErrorInfo {
  if (thrown instanceof JobError) return toErrorInfo(thrown);
  return errorInfo('infra_failed', thrown instanceof Error ? thrown.message : String(thrown));
}

/** The code of anything thrown: ours, or that of the system (`ENOENT`); `null` for what has none. */
export function codeOf(thrown: unknown): string | null {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : null;
}

/** The outcome of a job that ends with `code`. Codes that belong to no job end it as `infra_failed`. */
export function outcomeOf(code: ErrorCode): Outcome {
  const kind: ErrorKind = ERROR_CODES[code];
  return kind.outcome ?? 'infra_failed';
}

/** Thrown by a step whose job was cancelled by a person. Not a failure, so not a `JobError`. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
  constructor(message = 'cancelled by a person') {
    super(message);
  }
}
