/**
 * How a job ends that a workflow executed. Its end is told by a callback or seen by looking at the run, and neither is
 * believed where the forge can be asked: a pull request is there or it is not. Pure.
 */
import { errorInfo, ERROR_CODES, outcomeOf, type ErrorCode, type ErrorInfo } from '../error.ts';
import { OUTCOMES, type Outcome } from '../status.ts';

/** What a callback says; words of a program that knows the secret, and no evidence. */
export interface Said {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly outcome: Outcome | null;
  readonly pr_url: string | null;
  readonly error: string | null;
  /** Code of the error; `null` where none was told. */
  readonly code: ErrorCode | null;
  readonly total_cost: number | null;
  readonly total_tokens_in: number | null;
  readonly total_tokens_out: number | null;
}

/** A job of a run that failed. */
export interface FailedJob {
  readonly name: string;
  /** The end of its log; `null` where none can be read. */
  readonly log: string | null;
}

/** Why a job has ended. */
export type Cause =
  | { readonly kind: 'said'; readonly said: Said }
  | {
      readonly kind: 'run';
      readonly conclusion: string;
      readonly url: string;
      readonly failed: readonly FailedJob[];
    }
  /** The run is not there, or did not begin within its time. */
  | { readonly kind: 'gone'; readonly why: string }
  /** The run went on for too long. */
  | { readonly kind: 'late'; readonly why: string };

/** The pull request that the forge shows for the job's branch. */
export interface Found {
  readonly url: string;
  readonly head_sha: string;
  readonly is_draft: boolean;
}

/** How it ends. */
export interface End {
  readonly outcome: Outcome;
  readonly error: ErrorInfo | null;
  readonly notices: readonly string[];
}

/** Longest part of a log in an error, in characters. */
const MAX_LOG_CHARS = 3000;

function failed(code: ErrorCode, message: string, hint: string | null = null): End {
  return { outcome: outcomeOf(code), error: errorInfo(code, message, hint), notices: [] };
}

/** A code of an outcome: the one that was told where it fits, else the one of the same name. */
function codeFor(outcome: Outcome, told: ErrorCode | null): ErrorCode {
  if (told !== null && outcomeOf(told) === outcome) return told;
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];
  return codes.find((code) => code === outcome) ?? codes.find((code) => outcomeOf(code) === outcome) ?? 'bug';
}

function afterSaid(said: Said, found: Found | null, where: string): End {
  const { status, outcome, error } = said;
  if (status === 'cancelled') return failed('cancelled', error ?? 'cancelled where it was executed');
  if (status === 'failed') {
    // A failure that does not say which one it is may be any: nothing of it is known to be the change's fault.
    const named = outcome !== null && OUTCOMES[outcome].status === 'failed' ? outcome : 'infra_failed';
    return failed(codeFor(named, said.code), error ?? 'the workflow failed and did not say why');
  }
  if (found !== null)
    return { outcome: outcome === 'pr_updated' ? 'pr_updated' : 'pr_opened', error: null, notices: [] };
  const claims = said.pr_url !== null || (outcome !== null && outcome !== 'no_change');
  if (!claims) return { outcome: 'no_change', error: null, notices: [] };
  const what = said.pr_url === null ? `outcome ${outcome ?? ''}` : JSON.stringify(said.pr_url.slice(0, 200));
  return failed('infra_failed', `the callback tells of ${what}, but there is no pull request ${where}`);
}

function logOf({ name, log }: FailedJob): string {
  return log === null || log === '' ? name : `${name}:\n${log.slice(-MAX_LOG_CHARS).toWellFormed()}`;
}

function afterRun(cause: Extract<Cause, { kind: 'run' }>, found: Found | null): End {
  const { conclusion, url } = cause;
  const names = cause.failed.map(({ name }) => name).join(', ');
  if (conclusion === 'cancelled') return failed('cancelled', `the run ${url} was cancelled`);
  if (found !== null) {
    const trouble = conclusion === 'success' ? [] : [`the run ${url} ended as ${conclusion} (${names})`];
    return { outcome: 'pr_opened', error: null, notices: trouble };
  }
  if (conclusion === 'success') return { outcome: 'no_change', error: null, notices: [] };
  if (conclusion === 'timed_out') return failed('timed_out', `the run ${url} took longer than GitHub allows`);
  const logs = cause.failed.map(logOf).join('\n\n');
  const said = logs === '' ? '' : `; what failed last said: ${logs}`;
  return failed('infra_failed', `the run ${url} ended as ${conclusion} without a callback${said}`);
}

/**
 * Decides how a job ends.
 *
 * @param found what the forge shows for the job's branch, `null` where that is nothing
 * @param where names repository and branch, for errors
 */
export function decideEnd(cause: Cause, found: Found | null, where: string): End {
  switch (cause.kind) {
    case 'said':
      return afterSaid(cause.said, found, where);
    case 'run':
      return afterRun(cause, found);
    case 'gone':
      return failed('infra_failed', cause.why);
    case 'late':
      return failed('timed_out', cause.why);
  }
}
