/** Errors as problem documents (RFC 9457), whatever went wrong. */
import { errorInfoOf, JobError, type ErrorCode, type ErrorInfo } from '../job/error.ts';

/** The body of every error. */
export interface Problem {
  /** `urn:agent-runner:problem:<code>` */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What came and what is allowed, in a sentence. */
  readonly detail: string;
  readonly code: string;
  /** What to do next. */
  readonly hint: string | null;
  /** Every field that is wrong; empty where it is about none. */
  readonly errors: readonly FieldError[];
}

/** What is wrong with one field. */
export interface FieldError {
  /** The field's path (`budget.max_turns`), or where it is not in the body: `query.limit`, `header.idempotency-key`. */
  readonly field: string;
  readonly came: string;
  readonly allowed: string;
  /** Where it stands in a text; from 1. */
  readonly line?: number;
  readonly column?: number;
}

/** A refusal that HTTP knows and jobs do not. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown to answer with a problem. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Authentication needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Body too large',
  415: 'Media type not understood',
  421: 'Wrong host',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Not now',
};

/** Statuses of the codes that a request can meet; every other code that is a person's to mend is 400. */
const STATUS_OF: Partial<Record<ErrorCode, number>> = {
  not_found: 404,
  conflict: 409,
  illegal_transition: 409,
  no_permission: 403,
  infra_failed: 503,
  bug: 500,
};

/** Longest part of what came that is shown again, in characters. */
const MAX_SHOWN_CHARS = 200;

/** A value that came, as an error shows it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return (text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text).toWellFormed();
}

/** A problem as a response. */
export function problemResponse(refusal: Refusal): Response {
  const { status, code, detail, hint, errors = [], headers = {} } = refusal;
  const problem: Problem = {
    type: `urn:agent-runner:problem:${code}`,
    title: TITLES[status] ?? 'Error',
    status,
    detail: detail.toWellFormed(),
    code,
    hint: hint ?? null,
    errors,
  };
  return new Response(`${JSON.stringify(problem)}\n`, {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });
}

/** The field that an error of ours names: its messages begin with it. */
function fieldOf({ code, message }: ErrorInfo): readonly FieldError[] {
  const field = code === 'invalid_request' ? /^([a-z][a-z0-9_.[\]]*): /.exec(message)?.[1] : undefined;
  if (field === undefined) return [];
  return [{ field, came: '', allowed: message.slice(field.length + 2) }];
}

function statusOf(info: ErrorInfo): number {
  return STATUS_OF[info.code] ?? (info.blame === 'user' ? 400 : 500);
}

/**
 * What was thrown, as a response. What is no answer to a person is shown without its words: they are for the log.
 *
 * @param report called with what nobody should ever see
 */
export function responseOf(thrown: unknown, report: (thrown: unknown) => void): Response {
  if (thrown instanceof Refused) return problemResponse(thrown.refusal);
  const info = errorInfoOf(thrown);
  const status = thrown instanceof JobError ? statusOf(info) : 500;
  if (status === 500) {
    report(thrown);
    return problemResponse({
      status,
      code: 'bug',
      detail: 'something went wrong; the log of the server tells what',
    });
  }
  const retry = status === 503 ? { headers: { 'retry-after': '30' } } : {};
  const hint = info.hint === null ? {} : { hint: info.hint };
  return problemResponse({
    status,
    code: info.code,
    detail: info.message,
    ...hint,
    errors: fieldOf(info),
    ...retry,
  });
}
